"""Who executes a Core ML artefact: Apple's runtime on a Mac, our executor elsewhere and where it is named."""

import pytest
from apple_parts import be_a_mac

torch = pytest.importorskip("torch")
pytest.importorskip("coremltools")

from cardembed._io import sha256_artefact  # noqa: E402 - after what may be missing
from cardembed.embedders.apple import COMPUTE_UNITS  # noqa: E402 - as above
from cardembed.embedders.coreml import CoreMLEmbedder, CoreMLProgram  # noqa: E402 - as above
from cardembed.embedders.preprocessing import Preprocessing  # noqa: E402 - as above
from cardembed.errors import UnavailableError, UsageError  # noqa: E402 - as above
from cardembed.fidelity import Fidelity  # noqa: E402 - as above
from cardembed.parity.inputs import default_pictures  # noqa: E402 - as above


def opened(path, **options):
    digest = sha256_artefact(path)
    return CoreMLEmbedder(
        path, target="ios", sha256=digest, artefact_digest=digest, preprocessing=Preprocessing(128), **options
    )


@pytest.mark.parametrize("units", COMPUTE_UNITS)
def test_apples_runtime_gets_the_units_and_the_record_says_them(packages, monkeypatch, units):
    mac = be_a_mac(monkeypatch)
    with opened(packages("ios"), compute_units=units) as embedder:
        assert mac.asked == [units]
        assert embedder.fidelity is Fidelity.RUNTIME
        assert embedder.runtime["compute_units"] == units
        assert embedder.executed_by() == f"Core ML {units}"
        assert embedder.used() == ("cpu", "neuralEngine")  # by the plan, whatever was asked for
        assert embedder.embed(default_pictures()[:1]).shape == (1, 768)


def test_without_units_all_may_be_used_and_without_a_plan_none_is_claimed(packages, monkeypatch):
    mac = be_a_mac(monkeypatch, plan=None)
    with opened(packages("ios")) as embedder:
        assert (mac.asked, embedder.runtime["compute_units"], embedder.used()) == (["ALL"], "ALL", ())


@pytest.mark.parametrize("mode", ["float32", "float16-optimistic", "float16-pessimistic"])
def test_an_arithmetic_of_ours_is_executed_by_ours_on_a_mac_too(packages, monkeypatch, mode):
    mac = be_a_mac(monkeypatch)
    with opened(packages("ios"), mode=mode) as embedder:
        assert embedder.executed_by() == f"cardembed.coreml {mode}"
        assert (embedder.fidelity, mac.asked) == (Fidelity.EMULATED, [])
        assert "compute_units" not in embedder.runtime
        assert embedder.used() == ("CPU",)


def test_what_is_apples_is_refused_elsewhere(packages):
    with pytest.raises(UnavailableError, match="macOS"):
        CoreMLProgram(packages("ios"), mode="apple")
    with pytest.raises(UsageError, match=r"CPU_AND_NE for cardembed\.coreml float16-optimistic"):
        CoreMLProgram(packages("ios"), compute_units="CPU_AND_NE")
