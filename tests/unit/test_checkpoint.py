"""Trainings that are taken up again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import LlamaConfig, LlamaForCausalLM

from memlab.errors import HomeError, StoppedError
from memlab.lm.checkpoint import Checkpoint
from memlab.lm.optimization import Optimization, train_steps
from memlab.progress import never_stop, no_progress

STEPS = 6
TRAINING = {"recipe": "tiny", "seed": 0}


@dataclass(frozen=True)
class Budget:
    steps: int = STEPS
    warmup: int = 2
    learning_rate: float = 0.01
    muon_rate: float = 0.02
    weight_decay: float = 0.01


def new() -> tuple[LlamaForCausalLM, Optimization]:
    """A tiny model, the same each time, and its optimizers."""
    torch.manual_seed(0)
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 12}
    module = LlamaForCausalLM(LlamaConfig(vocab_size=11, tie_word_embeddings=True, **shape)).train()
    return module, Optimization(module, Budget())


def losses(module: LlamaForCausalLM, made: int) -> Iterator[Tensor]:
    """The loss of batch `made` and of those after it."""
    draw = torch.Generator().manual_seed(1)
    for n in range(STEPS):
        ids = torch.randint(11, (3, 5), generator=draw)
        if n >= made:
            logits = module(input_ids=ids).logits[:, :-1]
            yield F.cross_entropy(logits.reshape(-1, 11), ids[:, 1:].reshape(-1))


def trained(home: Path | None, stop_after: int = STEPS, every: float = 60.0) -> tuple[dict[str, bytes], float]:
    """The weights after a run that begins where an earlier one of this home ended, and its mean loss."""
    module, optimization = new()
    kept = None if home is None else Checkpoint(home, every)
    made = 0 if kept is None else kept.take_up(TRAINING, optimization)
    asked = iter(range(STEPS))
    smooth = train_steps(
        optimization, STEPS, losses(module, made), no_progress, lambda: next(asked) >= stop_after, kept
    )
    return {name: p.detach().numpy().tobytes() for name, p in module.named_parameters()}, smooth


def test_a_training_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(StoppedError, match="the state is kept, and running the same training again resumes it"):
            trained(tmp_path, stop_after=2)
    assert len(list((tmp_path / "training").iterdir())) == 1
    assert trained(tmp_path) == trained(None)


def test_what_a_kill_leaves_is_taken_up(tmp_path: Path) -> None:
    """The last whole writing counts, not a half one beside it."""
    module, optimization = new()
    kept = Checkpoint(tmp_path, every=0.0)
    assert kept.take_up(TRAINING, optimization) == 0
    train_steps(optimization, 3, losses(module, 0), no_progress, never_stop, kept)
    half = kept.file.with_name(f"{kept.file.stem}.1.part")
    half.write_bytes(b"half")
    assert trained(tmp_path) == trained(None)
    with pytest.raises(StoppedError):
        trained(tmp_path, stop_after=1)
    assert not half.exists()


def test_another_training_has_another_state_and_seconds_add_up(tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        trained(tmp_path, stop_after=2)
    _, optimization = new()
    other, same = Checkpoint(tmp_path), Checkpoint(tmp_path)
    assert other.take_up({**TRAINING, "seed": 1}, optimization) == 0
    assert same.take_up(TRAINING, optimization) == 2
    assert same.seconds > 0
    same.done()
    assert list((tmp_path / "training").iterdir()) == []


@pytest.mark.parametrize("damage", ["nothing", "cut", "another model"])
def test_a_state_that_cannot_be_read_is_named(damage: str, tmp_path: Path) -> None:
    _, optimization = new()
    kept = Checkpoint(tmp_path)
    kept.take_up(TRAINING, optimization)
    kept.write(optimization)
    whole = kept.file.read_bytes()
    if damage == "another model":
        optimization.parameters.append(torch.nn.Parameter(torch.zeros(2)))
    else:
        kept.file.write_bytes(b"" if damage == "nothing" else whole[: len(whole) // 2])
    with pytest.raises(HomeError, match="Delete the file to start over") as raised:
        Checkpoint(tmp_path).take_up(TRAINING, optimization)
    assert str(kept.file) in str(raised.value)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "training").write_text("a file is in the way")
    _, optimization = new()
    with pytest.raises(HomeError, match="cannot be written"):
        Checkpoint(tmp_path).write(optimization)
