"""The release that the checkout ships is sealed, and its documentation names what it misses."""

from pathlib import Path

import pytest

from cardembed.conformance.policy import load_policy
from cardembed.conformance.seal import read_seal
from cardembed.conformance.spec import cell_specs
from cardembed.conformance.states import State
from cardembed.fidelity import Fidelity
from cardembed.release import Release

ROOT = Path(__file__).resolve().parents[1]
RELEASE = ROOT / "fixtures" / "release"
DOCUMENT = ROOT / "docs" / "RELEASE.md"

pytestmark = pytest.mark.skipif(not (RELEASE.is_dir() and DOCUMENT.is_file()), reason="not a checkout")


def sealed():
    return read_seal(Release.load(RELEASE))


def test_the_seal_has_every_cell_of_the_features():
    assert set(sealed().cells) == {spec.id for spec in cell_specs(ROOT / "features")}


def test_only_what_the_policy_asks_of_a_device_is_sealed_as_not_run():
    policy = load_policy(ROOT / "policy.toml")
    on_device = {
        spec.id for spec in cell_specs(ROOT / "features") if policy.required_fidelity(spec) is Fidelity.DEVICE
    }
    assert {name for name, cell in sealed().cells.items() if cell.state is State.NOT_RUN} <= on_device


def test_the_documentation_names_exactly_the_cells_that_are_red_or_not_run():
    expected = {
        name
        for name, cell in sealed().cells.items()
        if cell.state in (State.FAIL, State.INCONCLUSIVE, State.ERROR, State.NOT_RUN)
    }
    lines = DOCUMENT.read_text().splitlines()
    named = {line.split("`")[1] for line in lines if line.startswith("- `")}
    assert named == expected


def test_the_weights_are_at_most_forty_megabytes():
    assert sum(file.stat().st_size for file in RELEASE.glob("*.safetensors")) <= 40e6
