"""bfloat16 where it is fast, float32 elsewhere."""

from __future__ import annotations

import pytest
import torch

from cardembed.models.weights import build_model
from cardembed.training.precision import fast_precision, precision_of


@pytest.fixture
def _tiles(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: request.param)


@pytest.mark.parametrize(
    ("_tiles", "target", "precision"),
    [
        (True, "teacher", "bfloat16"),
        (True, "hailo8l", "float32"),
        (False, "teacher", "float32"),
    ],
    indirect=["_tiles"],
)
@pytest.mark.usefixtures("_tiles")
def test_transformers_on_tile_units_train_in_bfloat16(target: str, precision: str) -> None:
    model = build_model("reference", target, seed=0)
    model.train()
    model.head.layers[2].p = 0.0
    images = torch.randn(2, 3, model.input_size, model.input_size)
    with fast_precision(model):
        embeddings = model(images)
    assert precision_of(model) == precision
    assert embeddings.dtype == getattr(torch, precision)
    embeddings.float().sum().backward()
    assert {item.grad.dtype for item in model.parameters() if item.grad is not None} == {torch.float32}
    assert torch.allclose(embeddings.float(), model(images), atol=0.02)
