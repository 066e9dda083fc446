"""A student must tell the views that its teacher holds close together."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - PyTorch's own convention

from cardembed.training.losses import nearest_loss
from cardembed.training.student import nearest_views


def _unit(*shape: int, seed: int) -> torch.Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_nearest_views_are_those_of_an_exhaustive_search() -> None:
    targets = _unit(40, 8, seed=1).numpy().astype(np.float16)
    cards = np.where(np.arange(40) % 4 == 3, -1, np.arange(40) % 5)
    found = nearest_views(targets, cards, 6)
    for row in range(40):
        if cards[row] < 0:
            assert (found[row] == -1).all()
            continue
        cosines = targets.astype(np.float32) @ targets[row].astype(np.float32)
        order = [other for other in np.argsort(-cosines) if other != row and cards[other] >= 0]
        assert found[row].tolist() == order[:6]


@pytest.mark.parametrize(("views", "count"), [(3, 2), (1, 0), (0, 0)])
def test_there_are_no_more_neighbours_than_other_views(views: int, count: int) -> None:
    targets = _unit(5, 8, seed=2).numpy().astype(np.float16)
    cards = np.array([0] * views + [-1] * (5 - views))
    assert nearest_views(targets, cards, 15).shape == (5, count)


def test_the_loss_is_the_cross_entropy_of_the_own_embedding() -> None:
    teacher, neighbours = _unit(3, 8, seed=3), _unit(3, 4, 8, seed=4)
    loss = nearest_loss(teacher, teacher, neighbours, scale=10.0)
    expected = 0.0
    for own, others in zip(teacher, neighbours, strict=True):
        logits = [10.0, *(10.0 * float(own @ other) for other in others)]
        expected += math.log(sum(math.exp(value) for value in logits)) - 10.0
    assert loss.item() == pytest.approx(expected / 3, rel=1e-5)


def test_the_middle_between_two_photos_costs_more_than_either_side() -> None:
    own, other = F.normalize(torch.tensor([[1.0, 0.2], [1.0, -0.2]]), dim=1)
    middle = F.normalize(own + other, dim=0)

    def cost(student: torch.Tensor) -> float:
        return nearest_loss(student[None], own[None], other[None, None], scale=40.0).item()

    assert cost(middle) == pytest.approx(math.log(2))
    assert cost(own) < cost(middle) < cost(other)
