"""A student must tell the views that its teacher holds close together."""

from __future__ import annotations

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


def test_the_loss_is_the_advantage_that_lacks() -> None:
    teacher, neighbours, student = _unit(3, 8, seed=3), _unit(3, 4, 8, seed=4), _unit(3, 8, seed=5)
    expected = [
        max(0.0, 0.7 - float(mine @ own - mine @ other) / float(1 - own @ other))
        for mine, own, others in zip(student, teacher, neighbours, strict=True)
        for other in others
    ]
    assert max(expected) > 0
    loss = nearest_loss(student, teacher, neighbours, margin=0.7)
    assert loss.item() == pytest.approx(sum(expected) / 12, rel=1e-5)


def test_the_teachers_own_embedding_costs_nothing_however_near_the_others_are() -> None:
    teacher = _unit(3, 8, seed=3)
    near = F.normalize(teacher[:, None] + 0.2 * _unit(3, 4, 8, seed=4), dim=-1)
    assert nearest_loss(teacher, teacher, near, margin=0.99).item() == 0
    same = teacher[:, None].expand(3, 4, 8)
    assert nearest_loss(teacher, teacher, same, margin=0.6).item() == pytest.approx(0.6)


def test_the_middle_between_two_photos_costs_the_margin_and_the_far_side_nothing() -> None:
    own, other = F.normalize(torch.tensor([[1.0, 0.2], [1.0, -0.2]]), dim=1)
    middle, beyond = F.normalize(own + other, dim=0), F.normalize(2 * own - other, dim=0)

    def cost(student: torch.Tensor) -> float:
        return nearest_loss(student[None], own[None], other[None, None], margin=0.6).item()

    assert cost(middle) == pytest.approx(0.6)
    assert cost(other) == pytest.approx(1.6)
    assert cost(own) == cost(beyond) == 0
