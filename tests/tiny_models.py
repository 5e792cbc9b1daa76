"""Tiny random models of many architectures with real tokenizers, trained on a few lines: for the tests of any room.

`make(name, folder)` writes one; `CAUSAL` and `MASKED` list the names. Weights are large enough (`initializer_range` .2)
that a wrong scale, cap or position shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedModel, PreTrainedTokenizerFast

LINES = (
    "The capital of France is Paris. Many people live in Paris, and the river is long.",
    "Berlin is the capital of Germany. The city of Berlin lies on a plain.",
    "New York is a large city; York is an old one. Gold is a yellow metal.",
    "The old capital of Japan is Kyoto, and the morning in Kyoto is quiet.",
    "People read books in the morning. The sea is near, and the hills are green.",
)
POSITIONS = 64
WORDS = 320  # of a trained vocabulary, at most


def byte_level(prefix: bool = False, start: bool = False, **special: str) -> PreTrainedTokenizerFast:
    """As GPT-2 has it: byte-level BPE; a blank belongs to the word after it, also in offsets (trim_offsets false)."""
    marks = {**special} if "eos_token" in special else {**special, "eos_token": "<|endoftext|>"}
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    core.decoder = decoders.ByteLevel()
    core.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS + 256,
        special_tokens=list(dict.fromkeys(marks.values())),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(LINES * 4, trainer)
    if start:
        first = marks["bos_token"]
        core.post_processor = processors.TemplateProcessing(
            single=f"{first} $A", pair=f"{first} $A $B", special_tokens=[(first, core.token_to_id(first))]
        )
    return PreTrainedTokenizerFast(tokenizer_object=core, **marks)


def metaspace(**special: str) -> PreTrainedTokenizerFast:
    """As Llama 2 has it: BPE over ▁words with a start token, bytes for what is not in the vocabulary."""
    marks = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", **special}
    core = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(prepend_scheme="first"), pre_tokenizers.Punctuation("isolated")]
    )
    core.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="first")])
    every_byte = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS + 256, special_tokens=[*dict.fromkeys(marks.values()), *every_byte], show_progress=False
    )
    core.train_from_iterator(LINES * 4, trainer)
    core.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", core.token_to_id("<s>"))]
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, **marks)
    return tokenizer


def word_pieces(lowercase: bool = True) -> PreTrainedTokenizerFast:
    """As BERT has it: WordPiece between [CLS] and [SEP]."""
    marks = {n: f"[{n[:-6].upper()}]" for n in ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")}
    core = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=WORDS, special_tokens=list(marks.values()), show_progress=False)
    core.train_from_iterator(LINES * 4, trainer)
    core.post_processor = _between(core, "[CLS]", "[SEP]")
    return PreTrainedTokenizerFast(tokenizer_object=core, **marks)


def roberta_like() -> PreTrainedTokenizerFast:
    """As RoBERTa has it: byte-level BPE between <s> and </s>; the mask takes the blank before it."""
    marks = {
        "bos_token": "<s>", "cls_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "sep_token": "</s>",
        "unk_token": "<unk>",
    }  # fmt: skip
    tokenizer = byte_level(**marks)
    core = tokenizer.backend_tokenizer
    core.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    core.post_processor = processors.RobertaProcessing(
        ("</s>", core.token_to_id("</s>")), ("<s>", core.token_to_id("<s>")), trim_offsets=False, add_prefix_space=False
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, **marks, mask_token=AddedToken("<mask>", lstrip=True, special=True)
    )


def unigram() -> PreTrainedTokenizerFast:
    """As XLM-RoBERTa has it: Unigram over ▁words between <s> and </s>."""
    marks = {
        "bos_token": "<s>", "cls_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "sep_token": "</s>",
        "unk_token": "<unk>", "mask_token": "<mask>",
    }  # fmt: skip
    core = Tokenizer(models.Unigram())
    core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    core.decoder = decoders.Metaspace(prepend_scheme="always")
    trainer = trainers.UnigramTrainer(
        vocab_size=WORDS, special_tokens=list(dict.fromkeys(marks.values())), unk_token="<unk>", show_progress=False
    )
    core.train_from_iterator(LINES * 4, trainer)
    core.post_processor = _between(core, "<s>", "</s>")
    return PreTrainedTokenizerFast(tokenizer_object=core, **marks)


def _between(core: Tokenizer, first: str, last: str) -> processors.TemplateProcessing:
    return processors.TemplateProcessing(
        single=f"{first} $A {last}",
        pair=f"{first} $A {last} $B {last}",
        special_tokens=[(token, core.token_to_id(token)) for token in (first, last)],
    )


TOKENIZERS: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    "byte-level": byte_level,
    "byte-level with a start": lambda: byte_level(start=True, bos_token="<|begin|>"),
    "metaspace": metaspace,
    "word pieces": word_pieces,
    "roberta": roberta_like,
    "unigram": unigram,
}


@cache
def tokenizer_text(kind: str) -> str:
    return TOKENIZERS[kind]().backend_tokenizer.to_str()


@dataclass(frozen=True)
class Recipe:
    """One architecture: names of its class and configuration (prefix and ending), its tokenizer, its own settings."""

    prefix: str
    ending: str
    tokenizer: str
    settings: dict[str, Any] = field(default_factory=dict)
    plain: bool = True  # whether the usual names of widths and depths are meant


SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": POSITIONS,
    "initializer_range": 0.2,
}
_GROUPED = {"num_key_value_heads": 2, "head_dim": 8}
_FACTORED = {"embedding_size": 16}
_MAMBA = {
    "mamba_d_state": 8, "mamba_d_conv": 4, "mamba_expand": 2, "mamba_n_heads": 4, "mamba_d_head": 16,
    "mamba_n_groups": 1, "mamba_chunk_size": 16,
}  # fmt: skip


def _causal(prefix: str, tokenizer: str = "metaspace", plain: bool = True, **settings: Any) -> Recipe:
    return Recipe(prefix, "ForCausalLM", tokenizer, settings, plain)


def _masked(prefix: str, tokenizer: str = "word pieces", **settings: Any) -> Recipe:
    return Recipe(prefix, "ForMaskedLM", tokenizer, settings)


CAUSAL: dict[str, Recipe] = {
    "gpt2": Recipe(
        "GPT2", "LMHeadModel", "byte-level", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": POSITIONS}, False
    ),
    "gpt_neo": _causal("GPTNeo", "byte-level", num_layers=2, num_heads=4, attention_types=[[["global", "local"], 1]],
                       window_size=4),
    "opt": _causal("OPT", "byte-level with a start", ffn_dim=64),
    "opt, projected": _causal("OPT", "byte-level with a start", ffn_dim=64, word_embed_proj_dim=16),
    "gpt_neox": _causal("GPTNeoX", "byte-level"),
    "gptj": _causal("GPTJ", "byte-level", False, n_embd=32, n_layer=2, n_head=4, n_positions=POSITIONS, rotary_dim=4),
    "bloom": _causal("Bloom", "byte-level", n_layer=2, n_head=4),
    "falcon": _causal("Falcon", "byte-level", ffn_hidden_size=64),
    "falcon, alibi": _causal("Falcon", "byte-level", alibi=True, ffn_hidden_size=64),
    "phi3": _causal("Phi3", pad_token_id=0),
    "llama": _causal("Llama"),
    "mistral": _causal("Mistral", sliding_window=6, **_GROUPED),
    "qwen2": _causal("Qwen2", "byte-level", num_key_value_heads=2),
    "qwen3": _causal("Qwen3", "byte-level", **_GROUPED),
    "gemma": _causal("Gemma", **_GROUPED),
    "gemma2": _causal("Gemma2", sliding_window=6, final_logit_softcapping=3.0, query_pre_attn_scalar=8, **_GROUPED),
    "gemma3": _causal("Gemma3", sliding_window=6, final_logit_softcapping=3.0, query_pre_attn_scalar=8, **_GROUPED),
    "cohere": _causal("Cohere", "byte-level with a start", logit_scale=0.0625),
    "cohere2": _causal("Cohere2", "byte-level with a start", logit_scale=0.25, sliding_window=6),
    "granite": _causal("Granite", "byte-level", logits_scaling=8.0, embedding_multiplier=3.0),
    "olmo2": _causal("Olmo2", "byte-level"),
    "smollm3": _causal("SmolLM3", "byte-level with a start", num_key_value_heads=2, pad_token_id=0),
    "stablelm": _causal("StableLm", "byte-level", num_key_value_heads=2),
    "starcoder2": _causal("Starcoder2", "byte-level", num_key_value_heads=2, sliding_window=6),
    "mixtral": _causal("Mixtral", num_local_experts=4, num_key_value_heads=2),
    "codegen": _causal("CodeGen", "byte-level", False, n_embd=32, n_layer=2, n_head=4, n_positions=POSITIONS,
                       rotary_dim=4),
    "mpt": _causal("Mpt", "byte-level", False, d_model=32, n_heads=4, n_layers=2, max_seq_len=POSITIONS,
                   initializer_range=0.2),
    "bert, decoder": Recipe("Bert", "LMHeadModel", "word pieces", {"is_decoder": True}),
    "roberta, decoder": _causal("Roberta", "roberta", is_decoder=True),
    "modernbert-decoder": _causal("ModernBertDecoder", "byte-level", local_attention=8, pad_token_id=0),
    "openai-gpt": Recipe("OpenAIGPT", "LMHeadModel", "word pieces", {"n_embd": 32, "n_layer": 2, "n_head": 4,
                                                                     "n_positions": POSITIONS}, False),
    "mamba": _causal("Mamba", "byte-level", state_size=8),
    "lfm2": _causal("Lfm2", "byte-level with a start", num_key_value_heads=2, layer_types=["conv", "full_attention"],
                    block_multiple_of=8),
    "jamba": _causal("Jamba", num_key_value_heads=2, num_experts=2, num_experts_per_tok=1, attn_layer_period=2,
                     attn_layer_offset=1, expert_layer_period=2, expert_layer_offset=1, use_mamba_kernels=False,
                     mamba_d_state=8),
    "bamba": _causal("Bamba", num_key_value_heads=2, attn_layer_indices=[1], **_MAMBA),
    "falcon_h1": _causal("FalconH1", num_key_value_heads=2, head_dim=8, mamba_d_ssm=32, lm_head_multiplier=0.25,
                         **{**_MAMBA, "mamba_d_head": 8}),
    "qwen3_next": _causal("Qwen3Next", "byte-level", num_experts=2, num_experts_per_tok=1, moe_intermediate_size=16,
                          shared_expert_intermediate_size=16, linear_num_value_heads=4, linear_num_key_heads=2,
                          linear_key_head_dim=8, linear_value_head_dim=8,
                          layer_types=["linear_attention", "full_attention"], **_GROUPED),
}  # fmt: skip

MASKED: dict[str, Recipe] = {
    "bert": _masked("Bert"),
    "distilbert": _masked("DistilBert", dim=32, n_layers=2, n_heads=4, hidden_dim=64),
    "roberta": _masked("Roberta", "roberta"),
    "xlm-roberta": _masked("XLMRoberta", "unigram"),
    "albert": _masked("Albert", "unigram", **_FACTORED),
    "electra": _masked("Electra", **_FACTORED),
    "convbert": _masked("ConvBert", **_FACTORED),
    "mobilebert": _masked("MobileBert", embedding_size=16, intra_bottleneck_size=16, num_feedforward_networks=1),
    "rembert": _masked("RemBert", "unigram", input_embedding_size=16, output_embedding_size=24),
    "deberta-v2": _masked("DebertaV2", "unigram", relative_attention=True, position_biased_input=False,
                          pos_att_type=["p2c", "c2p"]),
    "mpnet": _masked("MPNet", "roberta"),
    "modernbert": _masked("ModernBert", "byte-level masked", local_attention=8, global_attn_every_n_layers=2,
                          initializer_cutoff_factor=2.0),
    "ernie": _masked("Ernie"),
    "camembert": _masked("Camembert", "unigram"),
    "longformer": _masked("Longformer", "roberta", attention_window=[8, 8]),
    "fnet": _masked("FNet", "unigram"),
    "data2vec-text": _masked("Data2VecText", "roberta"),
    "roberta-prelayernorm": _masked("RobertaPreLayerNorm", "roberta"),
    "esm": _masked("Esm", "word pieces", position_embedding_type="absolute"),
    "nystromformer": _masked("Nystromformer", num_landmarks=POSITIONS, segment_means_seq_len=POSITIONS),
    "yoso": _masked("Yoso"),
}  # fmt: skip
TOKENIZERS["byte-level masked"] = lambda: _with_mask(byte_level())


def _with_mask(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """With [CLS], [SEP], [PAD] and [MASK] as ModernBERT has them."""
    core = tokenizer.backend_tokenizer
    marks = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    mask = AddedToken("[MASK]", lstrip=True, special=True)
    core.add_special_tokens([*(AddedToken(m, special=True) for m in marks.values()), mask])
    core.post_processor = _between(core, "[CLS]", "[SEP]")
    return PreTrainedTokenizerFast(tokenizer_object=core, **marks, mask_token=mask)


def tokenizer(kind: str) -> PreTrainedTokenizerFast:
    """A tokenizer of its own object, made once."""
    made = _made(kind)
    core = Tokenizer.from_str(made.backend_tokenizer.to_str())
    marks = {name: value for name, value in made.special_tokens_map.items() if isinstance(value, str)}
    return PreTrainedTokenizerFast(tokenizer_object=core, **marks)


@cache
def _made(kind: str) -> PreTrainedTokenizerFast:
    return TOKENIZERS[kind]()


def module(name: str, reader: PreTrainedTokenizerFast, **settings: Any) -> PreTrainedModel:
    """A random model of an architecture for a tokenizer; the same one each time."""
    recipe = {**CAUSAL, **MASKED}[name]
    marks = {f"{mark}_token_id": getattr(reader, f"{mark}_token_id") for mark in ("pad", "bos", "eos", "cls", "sep")}
    if "mpnet" in name or "roberta" in name or name in ("camembert", "longformer", "data2vec-text", "esm"):
        marks["pad_token_id"] = reader.pad_token_id if reader.pad_token_id is not None else 1
    shape = SHAPE if recipe.plain else {"initializer_range": SHAPE["initializer_range"]}
    asked = {**shape, **marks, "vocab_size": len(reader), **recipe.settings, **settings}
    config_class = getattr(transformers, f"{recipe.prefix}{'Text' if recipe.prefix == 'Gemma3' else ''}Config")
    config = config_class(**{key: value for key, value in asked.items() if value is not None})
    torch.manual_seed(7)
    made = getattr(transformers, recipe.prefix + recipe.ending)(config)
    with torch.no_grad():  # norms and biases as training leaves them: not all ones and zeros
        for path, weight in made.named_parameters():
            if weight.ndim == 1 and not path.endswith(("A_log", "dt_bias", ".D")):
                weight.add_(0.1 * torch.randn(weight.shape))
    return made.eval()


def make(name: str, folder: Path, **settings: Any) -> Path:
    """Writes the model's folder: configuration, weights, tokenizer."""
    recipe = {**CAUSAL, **MASKED}[name]
    reader = tokenizer(recipe.tokenizer)
    module(name, reader, **settings).save_pretrained(folder)
    reader.save_pretrained(folder)
    return folder
