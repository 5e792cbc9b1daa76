"""Muon in float32 against the one of torch, which orthogonalizes in bfloat16, and against a singular value decomposition."""

import pytest
import torch

from memlab.lm.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(24, 24), (16, 40), (40, 16)])
def test_singular_values_come_near_one_and_the_directions_stay(shape):
    torch.manual_seed(0)
    matrix = torch.randn(2, *shape)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    found = orthogonal(matrix)
    values = torch.diagonal(u.mT @ found @ v.mT, dim1=1, dim2=2)
    lowest = 0.0 if shape[0] == shape[1] else 0.5  # the smallest of a square matrix can be near zero, and stays below
    assert ((values > lowest) & (values < 1.3)).all()
    assert values.median() > 0.6
    assert torch.allclose(u @ torch.diag_embed(values) @ v, found, atol=1e-4)


def test_a_matrix_of_zeros_stays_one():
    assert torch.equal(orthogonal(torch.zeros(1, 3, 5)), torch.zeros(1, 3, 5))


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
