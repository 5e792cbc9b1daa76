"""One folder per system: its declaration, its paper's algorithm, its training, studies and results.

To add a system, write its folder and add its name here; or ship it as a package with an entry point of the group
`memlab.systems`. Systems never import each other; what two of them need moves to a package below.
"""

BUILT_IN = (
    "knn_lm",
    "bert_knn",
    "spalm",
    "continuous_cache",
    "plain",
    "constrained_ft",
    "facts_as_experts",
    "beliefbank",
)
