import math

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - PyTorch's own convention

from cardembed.errors import EmbeddingError
from cardembed.models.heads import ArcFaceHead, ProjectionHead


def head_with(angle: float, margin: float = 0.5, scale: float = 64.0) -> tuple[ArcFaceHead, torch.Tensor]:
    """Two classes along the axes, and an embedding at `angle` from the first."""
    head = ArcFaceHead(2, 2, margin=margin, scale=scale)
    head.imprint(torch.eye(2))
    return head, torch.tensor([[math.cos(angle), math.sin(angle)]])


@pytest.mark.parametrize("angle", [0.1, 0.8, 1.5, 2.5])
def test_own_logit_is_the_cosine_of_the_angle_plus_margin(angle):
    head, embedding = head_with(angle)
    logits = head(embedding, torch.tensor([0]))
    assert logits[0, 0].item() == pytest.approx(64 * math.cos(angle + 0.5), abs=1e-3)
    assert logits[0, 1].item() == pytest.approx(64 * math.sin(angle), abs=1e-3)


@pytest.mark.parametrize("angle", [2.7, 3.0, 3.14])
def test_beyond_pi_the_curve_goes_on_falling(angle):
    head, embedding = head_with(angle)
    own = head(embedding, torch.tensor([0]))[0, 0].item()
    assert own == pytest.approx(64 * (math.cos(angle) - 0.5 * math.sin(math.pi - 0.5)), abs=1e-2)
    before, nearer = head_with(angle - 0.05)
    assert own < before(nearer, torch.tensor([0]))[0, 0].item()


@pytest.mark.parametrize("angle", [0.0, math.pi])
def test_gradients_are_finite_where_the_sine_vanishes(angle):
    head, embedding = head_with(angle)
    embedding.requires_grad_()
    F.cross_entropy(head(embedding, torch.tensor([0])), torch.tensor([0])).backward()
    assert torch.isfinite(embedding.grad).all()
    assert torch.isfinite(head.weight.grad).all()


def test_a_margin_makes_the_own_class_harder_and_leaves_the_others():
    torch.manual_seed(0)
    head = ArcFaceHead(16, 5, scale=10)
    embeddings, labels = torch.randn(8, 16), torch.arange(8) % 5
    with_margin = head(embeddings, labels)
    head.margin = 0.0
    plain = head(embeddings, labels)
    own = F.one_hot(labels, 5).bool()
    assert (with_margin[own] < plain[own]).all()
    assert torch.equal(with_margin[~own], plain[~own])
    cosines = F.cosine_similarity(embeddings[:, None], head.weight[None], dim=2)
    assert torch.allclose(plain, 10 * cosines, atol=1e-4)


def test_logits_stay_in_float32_under_autocast():
    head = ArcFaceHead(8, 3)
    embeddings = torch.randn(4, 8)
    labels = torch.tensor([0, 1, 2, 0])
    exact = head(embeddings, labels)
    with torch.autocast("cpu", torch.bfloat16):
        found = head(embeddings, labels)
    assert found.dtype == torch.float32
    assert torch.allclose(found, exact, atol=1e-4)


@pytest.mark.parametrize(
    ("embeddings", "labels"),
    [((4, 7), (4,)), ((4, 8), (3,)), ((8,), (1,)), ((4, 8), (4, 1))],
)
def test_shapes_that_do_not_fit_are_refused(embeddings, labels):
    with pytest.raises(EmbeddingError, match="ArcFaceHead"):
        ArcFaceHead(8, 3)(torch.randn(embeddings), torch.zeros(labels, dtype=torch.int64))


def test_imprinting_refuses_what_is_not_finite():
    head = ArcFaceHead(2, 2)
    with pytest.raises(EmbeddingError, match="finite"):
        head.imprint(torch.tensor([[1.0, float("nan")], [0.0, 1.0]]))


def test_projection_head_gives_unit_vectors_and_drops_only_in_training():
    head = ProjectionHead(12, 768, dropout=0.5)
    features = torch.randn(3, 12)
    embeddings = head.eval()(features)
    assert embeddings.shape == (3, 768)
    assert torch.allclose(embeddings.norm(dim=1), torch.ones(3), atol=1e-5)
    assert torch.equal(embeddings, head(features))
    head.train()
    assert not torch.equal(head(features), head(features))
    head.dropout = 0.0
    assert torch.equal(head(features), head(features))
    kinds = [type(layer).__name__ for layer in head.layers]
    assert kinds == ["Linear", "GELU", "Dropout", "Linear"]
