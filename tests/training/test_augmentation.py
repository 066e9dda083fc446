import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cardembed.errors import EmbeddingError, UsageError
from cardembed.training.augmentation import (
    PRESETS,
    CoarseDropout,
    GridMaskAugmentation,
    RandomRotate90,
    SyntheticGlareAugmentation,
    cutmix_batch,
    preset,
)

KINDS = [CoarseDropout, GridMaskAugmentation, SyntheticGlareAugmentation, RandomRotate90]
seeds = st.integers(0, 2**31)


def grey(size: int = 96) -> torch.Tensor:
    return torch.full((3, size, size), 0.5)


@settings(max_examples=40, deadline=None)
@given(seed=seeds)
def test_coarse_dropout_fills_one_to_eight_rectangles(seed):
    torch.manual_seed(seed)
    changed = CoarseDropout(p=1.0)(grey())
    area = int((changed[0] == 0).sum())
    assert 8 * 8 <= area <= 8 * 32 * 32
    assert set(changed.unique().tolist()) <= {0.0, 0.5}


def test_coarse_dropout_keeps_its_numbers_exactly():
    torch.manual_seed(0)
    changed = CoarseDropout((1, 1), (10, 10), fill=1.0, p=1.0)(grey())
    rows, columns = torch.nonzero(changed[0] == 1.0, as_tuple=True)
    assert len(rows) == 100
    assert int(rows.max() - rows.min()) == int(columns.max() - columns.min()) == 9


@settings(max_examples=40, deadline=None)
@given(seed=seeds, ratio=st.sampled_from([0.3, 0.4, 0.6]))
def test_grid_mask_hides_the_square_of_its_ratio(seed, ratio):
    torch.manual_seed(seed)
    changed = GridMaskAugmentation(p=1.0, ratio=ratio, period=(0.1, 0.2))(grey(160))
    assert float((changed[0] == 0).float().mean()) == pytest.approx(ratio**2, abs=0.08)


def test_grid_mask_is_a_grid():
    torch.manual_seed(1)
    hidden = GridMaskAugmentation(p=1.0)(grey())[0] == 0
    rows, columns = hidden.any(1), hidden.any(0)
    assert torch.equal(hidden, rows[:, None] & columns[None, :])
    assert not rows.all()


@settings(max_examples=40, deadline=None)
@given(seed=seeds)
def test_glare_saturates_the_share_it_was_asked_for(seed):
    torch.manual_seed(seed)
    photo = SyntheticGlareAugmentation(p=1.0)(torch.full((3, 96, 96), 100, dtype=torch.uint8))
    assert photo.dtype == torch.uint8
    assert 0.045 <= float((photo.amin(0) >= 250).float().mean()) <= 0.45
    lit = photo.float().mean((1, 2))
    assert (lit > 100).all()


def test_glare_has_a_rainbow_fringe():
    torch.manual_seed(3)
    photo = SyntheticGlareAugmentation(p=1.0)(grey())
    assert float((photo.amax(0) - photo.amin(0)).max()) > 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_image_keeps_its_kind_and_the_original(kind):
    generator = np.random.default_rng(0)
    array = generator.integers(0, 255, (48, 48, 3), dtype=np.uint8)
    before = array.copy()
    images = [array, Image.fromarray(array), torch.rand(3, 48, 48), torch.rand(2, 3, 48, 48)]
    kept = images[2].clone()
    for image in images:
        torch.manual_seed(5)
        changed = kind(p=1.0)(image)
        assert type(changed) is type(image)
        assert np.asarray(changed).shape == np.asarray(image).shape
        assert np.asarray(changed).dtype == np.asarray(image).dtype
        assert not np.array_equal(np.asarray(changed), np.asarray(image))
    assert np.array_equal(array, before)
    assert torch.equal(images[2], kept)


@pytest.mark.parametrize("kind", KINDS)
def test_p_is_the_share_of_changed_images(kind):
    torch.manual_seed(0)
    augment, image = kind(p=0.3), torch.rand(3, 40, 40)
    changed = sum(augment(image) is not image for _ in range(400))
    assert abs(changed - 120) < 4 * math.sqrt(400 * 0.3 * 0.7)
    assert kind(p=0.0)(image) is image


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_repeats_it(kind):
    results = []
    for _ in range(2):
        torch.manual_seed(11)
        results.append(kind(p=1.0)(torch.linspace(0, 1, 3 * 40 * 40).reshape(3, 40, 40)))
    assert torch.equal(*results)


@pytest.mark.parametrize("kind", KINDS)
def test_misuse_is_refused(kind):
    with pytest.raises(UsageError, match="probability"):
        kind(p=1.5)
    with pytest.raises(EmbeddingError, match="RGB"):
        kind(p=1.0)(torch.rand(1, 40, 40))


def test_grid_mask_refuses_senseless_numbers():
    with pytest.raises(UsageError, match="ratio"):
        GridMaskAugmentation(ratio=1.0)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_give_normalised_squares_that_differ(name):
    torch.manual_seed(0)
    pipeline = preset(name, 64)
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (120, 90, 3), dtype=np.uint8))
    first, second = pipeline(image), pipeline(image)
    assert first.shape == (3, 64, 64)
    assert first.dtype == torch.float32
    assert float(first.min()) < -0.5
    assert not torch.equal(first, second)


def test_only_the_prd_preset_mirrors_and_turns():
    def parts(name):
        return {type(part).__name__ for part in preset(name, 64).transforms}

    assert {"RandomHorizontalFlip", "RandomRotate90", "CoarseDropout"} <= parts("prd")
    assert not {"RandomHorizontalFlip", "RandomRotate90"} & parts("recommended")
    with pytest.raises(UsageError, match="prd or recommended"):
        preset("best", 64)


@settings(max_examples=60, deadline=None)
@given(
    seed=seeds, alpha=st.sampled_from([0.2, 1.0, 4.0]), height=st.integers(1, 40), width=st.integers(1, 40)
)
def test_cutmix_accounts_for_every_pixel(seed, alpha, height, width):
    torch.manual_seed(seed)
    images = torch.arange(5.0)[:, None, None, None].expand(5, 3, height, width)
    labels = torch.arange(5)
    mixed, own, pasted, lam = cutmix_batch(images, labels, alpha=alpha)
    assert torch.equal(own, labels)
    assert sorted(pasted.tolist()) == labels.tolist()
    for number in range(5):
        kept = float((mixed[number, 0] == number).float().mean())
        assert kept == pytest.approx(1.0 if pasted[number] == number else lam, abs=1e-5)
        assert set(mixed[number].unique().tolist()) <= {float(number), float(pasted[number])}


def test_cutmix_leaves_its_arguments_alone_and_refuses_misuse():
    images = torch.rand(4, 3, 16, 16)
    before = images.clone()
    cutmix_batch(images, torch.arange(4))
    assert torch.equal(images, before)
    with pytest.raises(UsageError, match="alpha"):
        cutmix_batch(images, torch.arange(4), alpha=0)
    with pytest.raises(EmbeddingError, match="N labels"):
        cutmix_batch(images, torch.arange(3))
