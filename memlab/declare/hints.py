"""Places where memlab refuses something and a system may know what to do: what it says there is put behind the refusal."""

from __future__ import annotations

SITUATIONS = {
    "edited weights": "a memory is to be read together with a model whose weights this workspace edited",
    "encoder-decoder": "an encoder-decoder model is to be loaded as a language model, which it is not",
}
