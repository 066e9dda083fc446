"""Photos of what is no card: families that differ, within a family too, and follow from their seeds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardembed.cards.photo_conditions import GLARES, OCCLUDERS
from cardembed.cards.unknowns import HELD_OUT, UNKNOWNS, simulate_unknown
from cardembed.errors import UsageError


@settings(max_examples=12, deadline=None)
@given(family=st.sampled_from(list(UNKNOWNS)), seed=st.integers(0, 2**63 - 1), severity=st.integers(1, 5))
def test_a_photo_follows_from_family_severity_and_seed(family, seed, severity):
    photo = simulate_unknown(family, severity=severity, seed=seed)
    assert photo.jpeg == simulate_unknown(family, severity=severity, seed=seed).jpeg
    assert (photo.family, photo.occluded_fraction) == (family, 0.0)
    assert (photo.image.size, photo.image.mode) == ((180, 252), "RGB")


@pytest.mark.parametrize("family", UNKNOWNS)
def test_a_family_varies_with_its_seed(family):
    small = [
        np.asarray(simulate_unknown(family, severity=2, seed=seed).image.resize((18, 25))).astype(float)
        for seed in range(12)
    ]
    apart = [np.abs(a - b).mean() for k, a in enumerate(small) for b in small[:k]]
    assert np.median(apart) > 25
    assert min(apart) > 0.1


def test_only_blanks_are_empty():
    def detail(family):
        photos = [simulate_unknown(family, severity=1, seed=seed).image.convert("L") for seed in range(5)]
        return np.median([np.abs(np.diff(np.asarray(photo).astype(float))).mean() for photo in photos])

    assert min(UNKNOWNS, key=detail) == "blank"


def test_two_families_are_held_out_and_no_name_is_used_twice():
    assert len(HELD_OUT & set(UNKNOWNS)) == 2
    names = [*OCCLUDERS, *GLARES, *UNKNOWNS]
    assert len(set(names)) == len(names)
    assert set(names) >= HELD_OUT


@pytest.mark.parametrize("changes", [{"family": "cats"}, {"severity": 9}, {"size": (4, 4)}])
def test_what_no_table_knows_is_refused(changes):
    options = {"family": "wood", "severity": 2, "size": (180, 252)} | changes
    with pytest.raises(UsageError):
        simulate_unknown(options.pop("family"), seed=0, **options)
