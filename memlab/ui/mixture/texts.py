"""The texts around the numbers of an answer."""

from __future__ import annotations

from memlab.corpus.model_kinds import around_answer
from memlab.figures.sides import two
from memlab.results import Prediction
from memlab.results.verdict import BOTH_RIGHT, BOTH_WRONG, HELPED, MISLED, Verdict, verdict_name

LEFT, RIGHT = 90, 45  # characters of a long prompt shown around the gap


def around(p: Prediction) -> tuple[str, str]:
    """The prompt before and after the gap; long prompts are cut around it."""
    left, right = around_answer(p.prompt)
    left = left if len(left) <= LEFT else "… " + left[-LEFT:]
    return left, right if len(right) <= RIGHT else right[:RIGHT] + " …"


def head(p: Prediction) -> list[tuple[str, str]]:
    """The formula in symbols, as pieces (side, text); the side is empty for text that belongs to none."""
    info = p.gate.info
    if info.mixes == "nothing":
        return []
    memory, model = (f"({symbol})" if "−" in symbol else symbol for symbol in (info.of_memory(), info.of_model()))
    if info.mixes == "vectors":
        also = f", then {two(p.gate.knn_weight)} × neighbors" if p.gate.knn_weight else ""
        known = info.curve == "log-linear"
        return [
            ("", f"softmax of {memory} × " if known else ""),
            ("memory", info.retrieved),
            ("", f" + {model} × " if known else " and "),
            ("model", info.own),
            ("", " = " if known else " give the "),
            ("mixture", "answer"),
            ("", f"{also}; {info.symbol} = {two(p.gate.value)} is the weight of {info.weighs}"),
        ]
    return [
        ("", f"{memory} × "),
        ("memory", "memory"),
        ("", f" + {model} × "),
        ("model", "model"),
        ("", " = "),
        ("mixture", "mixture"),
    ]


_MEANING = {
    HELPED: "Memory helped: the model alone is wrong, the {answer} is right.",
    MISLED: "Memory misled: the model alone is right, the {answer} is wrong.",
    BOTH_RIGHT: "Both right: the model alone, and the {answer}.",
    BOTH_WRONG: "Both wrong: the model alone, and the {answer}.",
}


def verdict_texts(p: Prediction, verdict: Verdict) -> dict[str, str]:
    """The sentence for each case: "model,mixture" as "true,false", or "true" and "false" for a method without memory."""
    source = "" if verdict.source == "given" else f" ({verdict.source})"
    wanted = f"Expected{source}: {' or '.join(verdict.expected)}."
    if not verdict.known:
        wanted += " This is not a single word of the model or its memory, so no answer can be right."
    if p.gate.info.mixes == "nothing":
        return {"true": f"Right. {wanted}", "false": f"Wrong. {wanted}"}
    answer = "answer" if p.gate.info.mixes == "vectors" else "mixture"
    cases = [(model, mixture) for model in (True, False) for mixture in (True, False)]
    return {
        f"{model},{mixture}".lower(): f"{_MEANING[verdict_name(model, mixture)].format(answer=answer)} {wanted}"
        for model, mixture in cases
    }
