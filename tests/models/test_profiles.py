import subprocess
import sys

import pytest

from cardembed.errors import UnknownTargetError
from cardembed.models.profiles import (
    ARCHITECTURES,
    EMBEDDING_DIM,
    PROFILES,
    TARGETS,
    architecture,
    profile,
    target_profile,
)


def test_both_profiles_have_every_target_in_the_same_order():
    assert EMBEDDING_DIM == 768
    for rows in PROFILES.values():
        assert tuple(rows) == TARGETS
        assert all(name == row.target for name, row in rows.items())


@pytest.mark.parametrize(
    ("target", "name", "size", "millions"),
    [
        ("teacher", "dinov3_vit_large", 518, 304),
        ("server", "dinov3_vit_large", 518, 304),
        ("android", "vit_small", 224, 22),
        ("ios", "convnext_base", 384, 89),
        ("hailo8l", "convnext_tiny", 224, 29),
    ],
)
def test_the_prd_profile_is_the_prds_table(target, name, size, millions):
    row = target_profile("prd", target)
    assert (row.architecture.name, row.input_size, row.parameters) == (name, size, millions * 1_000_000)


def test_reference_weights_fit_into_forty_megabytes_of_float16():
    rows = [row for row in PROFILES["reference"].values() if row.shares_weights_with is None]
    assert len(rows) == 4
    assert 2 * sum(row.parameters for row in rows) < 40e6


def test_the_chip_has_a_fallback_of_the_same_input():
    for name, fallback in (("prd", "regnetx_016"), ("reference", "regnetx_002")):
        row = target_profile(name, "hailo8l")
        assert row.choose(None) == row.architecture
        chosen = row.choose(fallback)
        assert (chosen.name, chosen.input_size) == (fallback, row.input_size)
        with pytest.raises(UnknownTargetError, match=f"{row.architecture.name}, {fallback}"):
            row.choose("vit_small")


def test_server_runs_the_teachers_weights():
    for rows in PROFILES.values():
        assert rows["server"].shares_weights_with == "teacher"
        assert rows["server"].architecture == rows["teacher"].architecture


@pytest.mark.parametrize(
    ("call", "listed"),
    [
        (lambda: profile("huge"), "prd, reference"),
        (lambda: target_profile("prd", "watch"), "hailo8l"),
        (lambda: architecture("resnet"), "convnext_tiny"),
    ],
)
def test_unknown_names_list_what_exists(call, listed):
    with pytest.raises(UnknownTargetError, match=listed):
        call()


def test_the_tables_cannot_be_changed():
    with pytest.raises(TypeError):
        ARCHITECTURES["mine"] = ARCHITECTURES["convnext_tiny"]
    with pytest.raises(TypeError):
        PROFILES["prd"]["teacher"] = PROFILES["prd"]["server"]


def test_the_table_needs_no_pytorch():
    code = (
        "import sys; sys.modules['torch'] = None; import cardembed.models.profiles, cardembed.training.views"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
