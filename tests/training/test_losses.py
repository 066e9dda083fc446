import math

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - PyTorch's own convention

from cardembed.errors import TrainingError
from cardembed.training.budget import Budget, one_cycle, ramp
from cardembed.training.losses import Gallery, distillation_loss, guard_collapse, pull_to, push_from
from cardembed.training.optimiser import parameter_groups


def units(*shape: int) -> torch.Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(0)), dim=-1)


def test_distillation_loss_is_two_minus_two_cosines():
    student, teacher = units(6, 768), units(12, 768)[6:]
    cosine = (student * teacher).sum(1)
    assert distillation_loss(student, teacher).item() == pytest.approx(
        (2 - 2 * cosine).mean().item(), abs=1e-5
    )
    assert distillation_loss(student, student).item() == 0


def test_distillation_loss_takes_float16_targets_in_float32():
    student = units(2, 768)
    assert distillation_loss(student, student.half()).dtype == torch.float32


def test_pull_costs_only_what_is_missing_to_the_floor():
    own = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    embeddings = torch.tensor([[1.0, 0.0], [0.6, 0.8], [1.0, 0.0]], requires_grad=True)
    cost = pull_to(embeddings, own, 0.9)
    assert cost.item() == pytest.approx((0.3**2 + 0.9**2) / 3)
    cost.backward()
    assert embeddings.grad is not None
    assert (embeddings.grad[0] == 0).all()
    assert embeddings.grad[1, 0] < 0  # more of its own direction costs less
    assert pull_to(embeddings[:0], own[:0], 0.9).item() == 0


def test_push_costs_only_what_exceeds_the_ceiling():
    gallery = torch.eye(3)
    embeddings = torch.tensor([[0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])
    found = push_from(embeddings, gallery, 0.5).item()
    assert found == pytest.approx((0.3**2 + 0.1**2 + 0.5**2) / 2)
    allowed = torch.tensor([[False, True, True], [True, True, False]])
    assert push_from(embeddings, gallery, 0.5, allowed).item() == pytest.approx(0.1**2 / 2)
    assert push_from(embeddings[:0], gallery, 0.5).item() == 0


def test_push_moves_the_embedding_and_not_the_gallery():
    gallery = torch.eye(2, requires_grad=True)
    embedding = torch.tensor([[1.0, 0.2]], requires_grad=True)
    push_from(embedding, gallery, 0.5).backward()
    assert gallery.grad is None
    assert embedding.grad[0, 0] > 0
    assert embedding.grad[0, 1] == 0


def test_the_gallery_knows_which_cards_share_artwork():
    gallery = Gallery(["a", "b", "a"])
    others = gallery.others_of(torch.tensor([0, 1, 2]))
    assert others.tolist() == [[False, True, False], [True, False, True], [False, True, False]]
    assert gallery.others_of(torch.tensor([1])).tolist() == [[True, False, True]]
    gallery.embeddings = torch.tensor([[1.0, 0.0], [0.6, 0.8], [1.0, 0.0]])
    signs = gallery.signs(gallery.embeddings)
    assert signs["pair_p99"] == pytest.approx(0.6)  # the reprints' 1.0 does not count
    assert signs["centre_cosine"] == pytest.approx(1.0)


def test_cards_outside_the_catalogue_are_other_artwork_to_all():
    gallery = Gallery(["a", "a", "x", "y"], learned=2)
    assert (gallery.learned, len(gallery)) == (2, 4)
    assert gallery.others_of(torch.tensor([0, 1])).tolist() == [[False, False, True, True]] * 2
    gallery.embeddings = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    assert gallery.signs(torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]))["centre_cosine"] == 0


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_diverged_loss_stops_the_run(loss):
    with pytest.raises(TrainingError, match="finite loss"):
        guard_collapse(loss, {"centre_cosine": 0.5, "pair_p99": 0.1}, step=3)


def test_a_collapse_stops_the_run():
    guard_collapse(1.0, {"centre_cosine": 0.1, "pair_p99": 0.8}, step=3)
    guard_collapse(1.0, None, step=3)
    with pytest.raises(TrainingError, match=r"step 3.*point to their cards.*collapsed"):
        guard_collapse(1.0, {"centre_cosine": -0.2, "pair_p99": 0.1}, step=3)
    with pytest.raises(TrainingError, match=r"step 3.*different cards apart.*0\.94.*collapsed"):
        guard_collapse(1.0, {"centre_cosine": 0.5, "pair_p99": 0.94}, step=3)


def test_one_cycle_rises_to_its_peak_and_ends_near_zero():
    rates = [one_cycle(step / 100, 1e-3) for step in range(101)]
    assert max(rates) == pytest.approx(1e-3)
    assert rates.index(max(rates)) == 10
    assert rates[0] < 1e-4
    assert rates[-1] < 1e-5
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_the_ramp_is_flat_at_both_ends():
    assert [ramp(x, 0.35, 0.7) for x in (0, 0.35, 0.525, 0.7, 1)] == [0, 0, pytest.approx(0.5), 1, 1]


def test_a_budget_ends_and_goes_on_where_it_stopped():
    budget = Budget(4)
    assert (budget.progress, budget.over) == (0, False)
    budget.step = 4
    assert budget.over
    again = Budget.continued({"step": 2, "elapsed": 100.0}, 4)
    assert again.progress == 0.5
    assert again.elapsed >= 100


def test_only_matrices_decay():
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.LayerNorm(8), torch.nn.Linear(8, 4))
    model.token = torch.nn.Parameter(torch.zeros(1, 1, 8))
    model[2].bias.requires_grad_(False)
    decayed, free = parameter_groups([model], 0.1)
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.1, 0.0)
    assert {item.ndim for item in decayed["params"]} == {4, 2}
    assert len(free["params"]) == 4  # two biases that learn, the norm's scale, the token
