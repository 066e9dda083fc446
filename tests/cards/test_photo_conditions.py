"""Simulated photos keep what their conditions promise, for any card, seed, family and severity."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from cardembed.cards.catalogue import SyntheticCatalogue
from cardembed.cards.photo_conditions import (
    CONDITIONS,
    GLARES,
    HELD_OUT,
    OCCLUDERS,
    SEVERITIES,
    nuisance_limits,
    simulate_photo,
)
from cardembed.cards.photo_conditions.fields import threshold_for_share
from cardembed.cards.photo_conditions.geometry import corner_errors, crop_card
from cardembed.cards.photo_conditions.occlusion import occlude
from cardembed.cards.photo_render import SIMULATOR_VERSION
from cardembed.cards.unknowns import UNKNOWNS, simulate_unknown
from cardembed.errors import UsageError

SEEDS = st.integers(0, 2**63 - 1)
SOME = settings(max_examples=15, deadline=None)


def picture(seed: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (14, 10, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((180, 252), Image.Resampling.BICUBIC)


def shot(**changes):
    options = {"finish": "holo", "condition": "clean", "severity": 2, "seed": 1} | changes
    return simulate_photo(picture(0), **options)


@SOME
@given(seed=SEEDS, family=st.sampled_from(list(OCCLUDERS)), severity=st.integers(1, 5))
def test_an_occluder_covers_a_fifth_of_the_card(seed, family, severity):
    photo = shot(condition="occluded", family=family, severity=severity, seed=seed)
    assert photo.occluded_fraction == pytest.approx(0.20, abs=0.01)
    assert photo.family == family


@SOME
@given(seed=SEEDS, family=st.sampled_from(list(OCCLUDERS)), severity=st.integers(1, 5))
def test_what_is_occluded_shows_nothing_of_the_card(seed, family, severity):
    # The same occluder over a black and over a white card: where both look alike, the card is hidden.
    limit = nuisance_limits(severity).corner
    layers, crops = [], []
    for level in (0, 255):
        card = Image.new("RGB", (180, 252), (level, level, level))
        crop = crop_card(card, np.random.default_rng(seed), limit, (180, 252))
        pixels, mask = occlude(crop, np.random.default_rng(seed), family)
        layers.append(pixels)
        crops.append(crop)
    alike = np.abs(layers[0] - layers[1]).max(axis=2) < 0.5
    card = crops[0].card
    assert (alike & card).sum() / card.sum() == pytest.approx(0.20, abs=0.01)
    opaque = np.abs(layers[0] - layers[1]).max(axis=2) < 1e-6
    assert (opaque & card).sum() / card.sum() > 0.15  # all but the soft rim hides the card wholly
    assert (mask[card] == alike[card]).mean() > 0.99


@SOME
@example(seed=330, family="sleeve")
@given(seed=SEEDS, family=st.sampled_from(list(OCCLUDERS)))
def test_outside_its_shadow_an_occluder_changes_no_pixel(seed, family):
    crop = crop_card(picture(seed % 1000), np.random.default_rng(seed), 0.02, (180, 252))
    pixels, mask = occlude(crop, np.random.default_rng(seed), family)
    brighter = (pixels > crop.pixels + 1e-3).any(axis=2)
    rim = ndimage.binary_dilation(mask, np.ones((3, 3)), iterations=2)  # where its edge is soft
    # Half a pixel of soft edge has a covered neighbour, which may lie beyond the picture at its border.
    rim |= np.pad(np.zeros((mask.shape[0] - 2, mask.shape[1] - 2), bool), 1, constant_values=True)
    assert not (brighter & ~rim).any()  # the shadow only darkens
    assert not mask.all()


@SOME
@given(
    seed=SEEDS,
    family=st.sampled_from(list(GLARES)),
    severity=st.integers(1, 5),
    finish=st.sampled_from(["plain", "holo", "gold"]),
)
def test_glare_saturates_at_least_five_percent(seed, family, severity, finish):
    photo = simulate_photo(
        Image.new("RGB", (180, 252), (20, 30, 40)),  # nothing of the card itself is near white
        finish=finish, condition="glare", severity=severity, seed=seed, family=family,
    )  # fmt: skip
    assert 0.05 <= photo.saturated_fraction <= 0.20
    # The file shows it too, within what noise and JPEG do to white.
    assert (np.asarray(photo.image).min(axis=2) >= 225).mean() > 0.04


def test_foil_shows_a_rainbow_and_plain_cards_show_none():
    def colourful(finish):
        spread = []
        for seed in range(8):
            photo = simulate_photo(
                Image.new("RGB", (180, 252), (70, 70, 70)),
                finish=finish, condition="glare", severity=1, seed=seed, family="streak",
            )  # fmt: skip
            pixels = np.asarray(photo.image).astype(float)
            spread.append((pixels.max(axis=2) - pixels.min(axis=2)).mean())
        return np.mean(spread)

    plain, holo, gold = (colourful(finish) for finish in ("plain", "holo", "gold"))
    assert holo > 3 * plain
    assert gold > 3 * plain


@SOME
@given(seed=SEEDS, condition=st.sampled_from(CONDITIONS), severity=st.integers(1, 5))
def test_the_same_arguments_give_the_same_file(seed, condition, severity):
    first = shot(condition=condition, severity=severity, seed=seed)
    assert first.jpeg == shot(condition=condition, severity=severity, seed=seed).jpeg
    assert first.jpeg != shot(condition=condition, severity=severity, seed=seed ^ 1).jpeg
    with Image.open(io.BytesIO(first.jpeg)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (180, 252))


def test_without_a_family_held_out_ones_are_never_drawn():
    for condition, table in (("occluded", OCCLUDERS), ("glare", GLARES)):
        drawn = {shot(condition=condition, seed=seed).family for seed in range(36)}
        assert drawn == set(table) - HELD_OUT
        assert len(set(table) & HELD_OUT) == 1


@SOME
@given(seed=SEEDS, severity=st.integers(1, 5))
def test_corner_errors_stay_within_the_severity(seed, severity):
    limit = nuisance_limits(severity).corner
    errors = corner_errors(np.random.default_rng(seed), 180, limit)
    assert np.hypot(*errors.T).max() <= limit * 180 + 1e-9
    assert limit <= 0.05


def test_severities_grow_in_every_way():
    rows = [SEVERITIES[severity] for severity in (1, 2, 3, 4, 5)]
    for name in ("white_balance", "exposure", "light", "haze", "blur", "motion", "noise"):
        values = [getattr(row, name) for row in rows]
        assert values == sorted(values)
        assert len(set(values)) == 5
    corners = [row.corner for row in rows]
    assert corners == sorted(corners)
    assert (corners[0], corners[1], corners[-1]) == (0.03, 0.05, 0.05)  # five percent is what a crop may have
    assert [row.jpeg[0] for row in rows] == sorted((row.jpeg[0] for row in rows), reverse=True)
    assert rows[-1].corner == 0.05


def test_a_stronger_severity_strays_further_from_the_print():
    card = picture(5)
    print_pixels = np.asarray(card).astype(float)

    def away(severity):
        options = {"finish": "plain", "condition": "clean", "severity": severity}
        photos = [simulate_photo(card, seed=seed, **options) for seed in range(10)]
        return np.mean([np.abs(np.asarray(photo.image) - print_pixels).mean() for photo in photos])

    distances = [away(severity) for severity in (1, 2, 3, 4, 5)]
    assert distances == sorted(distances)


@pytest.mark.parametrize("size", [(180, 252), (96, 96), (250, 350)])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_sizes_other_than_the_usual_keep_the_promises(size, condition):
    photo = shot(condition=condition, size=size, seed=4)
    assert photo.image.size == size
    if condition == "occluded":
        assert photo.occluded_fraction == pytest.approx(0.20, abs=0.01)
    if condition == "glare":
        assert photo.saturated_fraction >= 0.05


@pytest.mark.parametrize(
    "changes",
    [
        {"severity": 0},
        {"severity": 6},
        {"condition": "blurred"},
        {"finish": "silver"},
        {"condition": "occluded", "family": "spot"},
        {"condition": "glare", "family": "fingers"},
        {"size": (8, 252)},
    ],
)
def test_what_no_table_knows_is_refused(changes):
    with pytest.raises(UsageError):
        shot(**changes)


@SOME
@given(seed=SEEDS, share=st.floats(0.01, 0.99))
def test_a_threshold_leaves_its_share_above(seed, share):
    field = np.random.default_rng(seed).standard_normal((40, 30)).astype(np.float32)
    within = np.random.default_rng(seed + 1).random((40, 30)) < 0.7
    threshold = threshold_for_share(field, within, share)
    assert (field[within] > threshold).mean() == pytest.approx(share, abs=1 / within.sum() + 1e-9)


GOLDEN = Path(__file__).with_name("photos_golden.json")


def golden_photos():
    """A photo of every condition and severity, and of every family of unknowns, in tones of 6 × 8 pixels."""
    print_ = SyntheticCatalogue(1, 4)
    image = print_.image(print_.ids[0])
    shots = {
        f"{condition}-{severity}": simulate_photo(
            image, finish="holo", condition=condition, severity=severity, seed=severity
        )
        for condition in CONDITIONS
        for severity in SEVERITIES
    }
    shots |= {family: simulate_unknown(family, severity=2, seed=1) for family in UNKNOWNS}
    small = {name: shot.image.resize((6, 8), Image.Resampling.BOX) for name, shot in shots.items()}
    return {name: np.asarray(tones).reshape(-1, 3).tolist() for name, tones in small.items()}


def test_photos_do_not_change_unnoticed():
    # Verdict photos, views and trained weights are named by SIMULATOR_VERSION. Whoever means to change
    # a photo raises it and writes {"simulator": SIMULATOR_VERSION, "photos": golden_photos()} anew.
    golden = json.loads(GOLDEN.read_text())
    assert golden["simulator"] == SIMULATOR_VERSION
    found = golden_photos()
    assert found.keys() == golden["photos"].keys()
    for name, tones in golden["photos"].items():
        assert np.abs(np.array(found[name]) - tones).max() <= 3, name  # Pillow may round otherwise
