"""Muon in float32 against the one of torch, which orthogonalizes in bfloat16, and against a singular value decomposition."""

import pytest
import torch

from memlab.lm.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5)])
def test_an_orthogonal_step_keeps_directions_and_evens_lengths(shape: tuple[int, int]) -> None:
    """Singular vectors stay; singular values of any size become about 1."""
    u, _, v = torch.linalg.svd(torch.randn(shape, generator=torch.Generator().manual_seed(0)), full_matrices=False)
    given = torch.tensor([5.0, 3.0, 2.0, 1.0, 0.5][: min(shape)])
    out = u.T @ orthogonal(u @ torch.diag(given) @ v) @ v.T
    assert torch.allclose(out, torch.diag(out.diagonal()), atol=1e-5)
    assert (out.diagonal() - 1).abs().max() < 0.35


def test_a_matrix_of_zeros_stays_one():
    assert torch.equal(orthogonal(torch.zeros(3, 5)), torch.zeros(3, 5))


def test_steps_are_those_of_torch_up_to_the_rounding_of_bfloat16():
    torch.manual_seed(1)
    start = [torch.randn(12, 12), torch.randn(30, 12), torch.randn(12, 12), torch.randn(12, 30)]
    ours, theirs = ([torch.nn.Parameter(m.clone()) for m in start] for _ in range(2))
    optimizers = Muon(ours, lr=0.02, weight_decay=0.01), torch.optim.Muon(theirs, lr=0.02, weight_decay=0.01)
    for _ in range(4):
        for a, b in zip(ours, theirs, strict=True):
            a.grad = torch.randn_like(a)
            b.grad = a.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    for a, b, m in zip(ours, theirs, start, strict=True):
        assert (a - b).norm() < 0.02 * (b - m).norm()


def test_a_parameter_without_a_gradient_stays():
    kept, moved = torch.nn.Parameter(torch.eye(3)), torch.nn.Parameter(torch.eye(3))
    moved.grad = torch.ones(3, 3)
    Muon([kept, moved], lr=0.1).step()
    assert torch.equal(kept, torch.eye(3))
    assert not torch.equal(moved, torch.eye(3))
