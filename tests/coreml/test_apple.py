"""Who executes a Core ML artefact: Apple's runtime on a Mac, our executor elsewhere and where it is named."""

import shutil
from pathlib import Path

import pytest
from apple_parts import be_a_mac

from cardembed._revision import code_digest

torch = pytest.importorskip("torch")
pytest.importorskip("coremltools")

from cardembed import coreml  # noqa: E402 - after what may be missing
from cardembed._io import sha256_artefact  # noqa: E402 - as above
from cardembed.embedders import coreml as embedder_module  # noqa: E402 - as above
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


def test_embeddings_of_a_changed_executor_are_others_in_the_cache(packages, monkeypatch):
    with opened(packages("ios"), mode="float32") as embedder:
        before, runtime = embedder.identity, dict(embedder.runtime)
        monkeypatch.setattr(embedder_module, "code_digest", lambda _: "0" * 64)
        assert embedder.identity != before
        assert embedder.runtime == runtime  # which evidence quotes
    be_a_mac(monkeypatch)
    with opened(packages("ios")) as embedder:
        before = embedder.identity
        monkeypatch.setattr(embedder_module, "code_digest", lambda _: "1" * 64)
        assert embedder.identity == before


def test_any_changed_module_is_another_executor(monkeypatch, tmp_path):
    copy = Path(shutil.copytree(Path(coreml.__file__).parent, tmp_path / "coreml"))
    before = code_digest("cardembed.coreml")
    monkeypatch.setattr("cardembed._revision.files", lambda _: copy)
    shutil.rmtree(copy / "__pycache__", ignore_errors=True)
    compute = code_digest.__wrapped__
    assert compute("cardembed.coreml") == before
    with (copy / "operations" / "attention.py").open("a") as module:
        module.write("# changed\n")
    assert compute("cardembed.coreml") != before
