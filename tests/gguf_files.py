"""Small GGUF files for tests: a random Llama with a byte-level tokenizer, written tensor by tensor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tests.tiny_models import byte_level

HEADS = 2


def llama() -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """Two layers of width 64, an output projection of its own."""
    tokenizer = byte_level(bos_token="<|endoftext|>", eos_token="<|endoftext|>", unk_token="<|endoftext|>")
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=HEADS,
        num_key_value_heads=1, max_position_embeddings=64, rms_norm_eps=1e-5, bos_token_id=0, eos_token_id=0,
        initializer_range=0.2, tie_word_embeddings=False,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval(), tokenizer


def write(file: Path, quantized: bool = False, **changed: Any) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """Writes the model of `llama` with 32-bit floats, or its matrices as Q8_0.

    Args:
        changed: settings of the file in place of the right ones, with "_" for "."; None leaves one out.
    """
    import gguf

    module, tokenizer = llama()
    c = module.config
    writer = gguf.GGUFWriter(file, "llama")
    told: dict[str, Any] = {
        "block_count": 2, "context_length": 64, "embedding_length": 64, "feed_forward_length": 96, "vocab_size": c.vocab_size,
        "attention.head_count": HEADS, "attention.head_count_kv": 1, "rope.dimension_count": 32,
    }  # fmt: skip
    for key, value in {**told, **changed}.items():
        writer.add_uint32(f"llama.{key}", value)
    writer.add_float32("llama.attention.layer_norm_rms_epsilon", 1e-5)
    writer.add_float32("llama.rope.freq_base", 10000.0)
    writer.add_string("general.license", "cc0-1.0")
    _write_tokenizer(writer, tokenizer)
    for name, tensor in module.state_dict().items():
        _write_tensor(writer, _gguf_name(name), _permuted(name, tensor).numpy(), quantized)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return module, tokenizer


def _write_tokenizer(writer: Any, tokenizer: PreTrainedTokenizerFast) -> None:
    import json

    core = json.loads(tokenizer.backend_tokenizer.to_str())
    words = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().__getitem__)
    special = {token["content"] for token in core["added_tokens"]}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(words)
    writer.add_token_types([3 if word in special else 1 for word in words])
    writer.add_token_merges([" ".join(pair) for pair in core["model"]["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(False)


def _write_tensor(writer: Any, name: str, values: np.ndarray, quantized: bool) -> None:
    import gguf

    if quantized and values.ndim == 2:
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
    else:
        writer.add_tensor(name, np.ascontiguousarray(values, np.float32))


def _permuted(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Rows of queries and keys as the format orders them: the halves of each head interleaved."""
    heads = {"q_proj": HEADS, "k_proj": 1}.get(name.split(".")[-2])
    if heads is None:
        return tensor
    return tensor.reshape(heads, 2, -1, tensor.shape[1]).swapaxes(1, 2).reshape(tensor.shape)


def _gguf_name(name: str) -> str:
    names = {
        "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm", "model.layers": "blk",
    }  # fmt: skip
    for ours, theirs in sorted(names.items(), key=lambda pair: -len(pair[0])):
        name = name.replace(ours, theirs)
    return name
