"""Folding is exact, or it is not done."""

import numpy as np
import pytest
import torch
from torch import nn

from cardembed.embedders.preprocessing import Preprocessing
from cardembed.export.image_input import for_pixels
from cardembed.models.weights import build_model
from cardembed.parity.classes import agreement


def stem(padding, mode="zeros"):
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=padding, padding_mode=mode),
        nn.GELU(),
        nn.Flatten(),
        nn.Linear(8 * 16**2, 5),
    ).eval()


def compare(model, size, full_scale=255):
    preprocessing = Preprocessing(size)
    pixels = np.random.default_rng(0).integers(0, 256, (3, size, size, 3), dtype=np.uint8)
    wrapped = for_pixels(model, preprocessing, full_scale=full_scale)
    raw = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    with torch.inference_mode():
        wanted = model(torch.from_numpy(preprocessing.batch(list(pixels)))).numpy()
        found = wrapped(raw if full_scale == 255 else raw.float() / 255).numpy()
    return wrapped.folded, agreement(wanted, found)


@pytest.mark.parametrize("full_scale", [1, 255])
@pytest.mark.parametrize("target", ["android", "hailo8l"])
def test_the_students_stems_take_it_exactly(target, full_scale):
    model = build_model("reference", target, seed=4).eval()
    before = [value.clone() for value in model.parameters()]
    folded, found = compare(model, model.input_size, full_scale)
    assert folded
    assert found.one_minus_cosine < 1e-10
    assert found.largest_difference < 1e-6
    assert all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))


def test_a_stem_that_pads_keeps_a_layer_because_its_border_would_differ():
    model = nn.Sequential(*stem(1)[:3], nn.Linear(8 * 16**2, 5)).eval()
    folded, found = compare(model, 16)
    assert not folded
    assert found.one_minus_cosine < 1e-10


def test_folding_into_a_stem_that_pads_would_not_be_exact():
    model, preprocessing = (
        nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Flatten()).eval(),
        Preprocessing(16),
    )
    forced = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten()).eval()
    forced[0].load_state_dict(model[0].state_dict())
    wrapped = for_pixels(forced, preprocessing, full_scale=255)
    wrapped.model[0].padding = (1, 1)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)
    with torch.inference_mode():
        wanted = model(torch.from_numpy(preprocessing.batch(list(pixels)))).numpy()
        found = wrapped(torch.from_numpy(pixels).permute(0, 3, 1, 2)).numpy()
    assert agreement(wanted, found).one_minus_cosine > 1e-4


def test_an_input_that_is_read_twice_keeps_a_layer():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Conv2d(3, 4, 2), nn.Conv2d(3, 4, 2)

        def forward(self, images):
            return (self.one(images) - self.two(images)).flatten(1)

    torch.manual_seed(1)
    folded, found = compare(Twice().eval(), 16)
    assert not folded
    assert found.one_minus_cosine < 1e-10
