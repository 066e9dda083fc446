"""bfloat16 where it is fast, float32 elsewhere."""

from __future__ import annotations

import pytest
import torch

from cardembed.models.weights import build_model
from cardembed.training.precision import fast_precision, training_precision


@pytest.fixture
def _processor(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: request.param == "AMX")
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: request.param != "neither")


@pytest.mark.parametrize(
    ("_processor", "target", "precision"),
    [
        ("AMX", "teacher", "bfloat16"),
        ("AVX-512 BF16", "hailo8l", "bfloat16"),
        ("neither", "teacher", "float32"),
        ("neither", "hailo8l", "float32"),
    ],
    indirect=["_processor"],
)
@pytest.mark.usefixtures("_processor")
def test_models_train_in_bfloat16_where_the_processor_multiplies_it(target: str, precision: str) -> None:
    model = build_model("reference", target, seed=0)
    model.train()
    model.head.dropout = 0.0
    images = torch.randn(2, 3, model.input_size, model.input_size)
    with fast_precision(model):
        embeddings = model(images)
    assert training_precision() == precision
    assert embeddings.dtype == getattr(torch, precision)
    embeddings.float().sum().backward()
    assert {item.grad.dtype for item in model.parameters() if item.grad is not None} == {torch.float32}
    assert torch.allclose(embeddings.float(), model(images), atol=0.02)


@pytest.mark.parametrize("_processor", ["AMX"], indirect=True)
@pytest.mark.usefixtures("_processor")
def test_depthwise_convolutions_stay_in_float32_and_are_left_as_they_were() -> None:
    model = build_model("reference", "hailo8l", seed=0)
    seen: dict[str, torch.dtype] = {}
    convolutions = {
        name: module for name, module in model.named_modules() if isinstance(module, torch.nn.Conv2d)
    }
    for name, module in convolutions.items():
        module.register_forward_hook(lambda _, __, out, name=name: seen.update({name: out.dtype}))
    with fast_precision(model):
        model(torch.randn(1, 3, model.input_size, model.input_size))
    depthwise = {name for name, module in convolutions.items() if module.groups > 1}
    assert depthwise == {name for name, dtype in seen.items() if dtype == torch.float32}
    assert depthwise
    assert not any("forward" in vars(module) for module in convolutions.values())
