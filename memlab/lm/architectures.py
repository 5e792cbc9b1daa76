"""The architectures (model_type) whose results memlab's tests compare with the plain module (tests/matrix)."""

from __future__ import annotations

TESTED: dict[str, tuple[str, ...]] = {
    "causal": (
        "bamba", "bert", "bloom", "codegen", "cohere", "cohere2", "falcon", "falcon_h1", "gemma", "gemma2", "gemma3_text",
        "gpt2", "gpt_neo", "gpt_neox", "gptj", "granite", "jamba", "lfm2", "llama", "mamba", "mistral", "mixtral",
        "modernbert-decoder", "mpt", "olmo2", "openai-gpt", "opt", "phi3", "qwen2", "qwen3", "qwen3_next", "roberta",
        "smollm3", "stablelm", "starcoder2",
    ),
    "masked": (
        "albert", "bert", "camembert", "convbert", "data2vec-text", "deberta-v2", "distilbert", "electra", "ernie", "esm",
        "fnet", "longformer", "mobilebert", "modernbert", "mpnet", "nystromformer", "rembert", "roberta",
        "roberta-prelayernorm", "xlm-roberta", "yoso",
    ),
}  # fmt: skip


def is_tested(model_type: str, kind: str) -> bool:
    """Whether models of this type and kind are compared with the plain module by memlab's tests."""
    return model_type in TESTED.get(kind, ())
