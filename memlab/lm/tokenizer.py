"""Tokenizers: that of the bundled models, and those trained on text (byte-level BPE, WordPiece).

In the bundled models every word and name of the world is one token. Anything else is split into known words and
single characters, so that any text can be typed.
Names that contain a space or punctuation ("New York", "Port-au-Prince") are added tokens; the rest
is WordPiece over a vocabulary of whole words and single characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
END = "<|endoftext|>"  # of a tokenizer trained on running text: padding; no text contains it
_WORD = r"\p{L}[\p{L}\p{M}]*|\p{N}+|[^\s\p{L}\p{N}]"
_WORD_PY = re.compile(r"[^\W\d_][^\W\d_]*|\d+|[^\s\w]|_")


def characters() -> list[str]:
    """Printable characters that can be typed one by one: ASCII, Latin, Greek, Cyrillic, punctuation."""
    ranges = [
        (0x21, 0x7F),
        (0xA1, 0x180),
        (0x218, 0x21C),
        (0x386, 0x3CF),
        (0x400, 0x460),
        (0x2010, 0x2027),
        (0x20A0, 0x20B0),
    ]
    chars = [chr(i) for a, b in ranges for i in range(a, b)]
    return [c for c in chars if unicodedata.category(c)[0] in "LNPS"]


def words(text: str) -> list[str]:
    """The words and punctuation marks of a text, as the tokenizer splits it."""
    return _WORD_PY.findall(unicodedata.normalize("NFC", text))


def make_tokenizer(names: Iterable[str], texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A tokenizer in which every one of `names` and every word of `texts` is one token."""
    names = {unicodedata.normalize("NFC", n) for n in names}
    names |= {n[0].upper() + n[1:] for n in names}
    simple = {n for n in names if words(n) == [n]}
    vocabulary = dict.fromkeys(SPECIAL.values())
    vocabulary.update(dict.fromkeys(sorted(simple | {w for t in texts for w in words(t)})))
    vocabulary.update(dict.fromkeys(c for c in characters()))
    vocabulary.update(dict.fromkeys("##" + c for c in characters()))
    core = Tokenizer(
        models.WordPiece({w: i for i, w in enumerate(vocabulary)}, unk_token="[UNK]", max_input_chars_per_word=200)
    )
    core.normalizer = normalizers.NFC()
    core.pre_tokenizer = pre_tokenizers.Split(Regex(_WORD), behavior="removed", invert=True)
    core.decoder = decoders.WordPiece(cleanup=True)
    core.add_tokens([AddedToken(n, single_word=True, normalized=False) for n in sorted(names - simple)])
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(t, core.token_to_id(t)) for t in ("[CLS]", "[SEP]")],
    )
    return _fast(core, model_max_length=128, **SPECIAL)


def start_only(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """The tokenizer for a causal model: [CLS] at the start, nothing at the end."""
    core = tokenizer.backend_tokenizer
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A",
        pair="[CLS] $A $B",
        special_tokens=[("[CLS]", core.token_to_id("[CLS]"))],
    )
    return _fast(core, model_max_length=tokenizer.model_max_length, **SPECIAL)


def text_tokenizer(text: str, vocabulary: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of `vocabulary` tokens, trained on `text`; no special token before or after a text."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.post_processor = processors.ByteLevel(trim_offsets=True)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(text.splitlines(keepends=True), trainer)
    return _fast(core, pad_token=END, eos_token=END)


def cloze_tokenizer(text: str, vocabulary: int) -> PreTrainedTokenizerFast:
    """A WordPiece tokenizer of at most `vocabulary` tokens for a masked model, trained on `text`, with letter case.

    A text is read as [CLS] text [SEP]; special tokens have the first five ids, in the order of `SPECIAL`.
    """
    core = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=200))
    core.normalizer = normalizers.NFC()
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.decoder = decoders.WordPiece(cleanup=True)
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary, special_tokens=list(SPECIAL.values()), show_progress=False
    )
    core.train_from_iterator(text.splitlines(), trainer)
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(t, core.token_to_id(t)) for t in ("[CLS]", "[SEP]")],
    )
    return _fast(core, **SPECIAL)


def _fast(core: Tokenizer, **options: Any) -> PreTrainedTokenizerFast:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(tokenizer_object=core, **options)
