"""Who normalises for a compiled network by itself: the user, the kit around it, or nobody."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cardembed._io import atomic_write_json, sha256_file
from cardembed.conformance.chip_setup import ChipSetup
from cardembed.conformance.measure.network_file import chosen_network
from cardembed.embedders.files import open_artefact
from cardembed.embedders.normaliser import kit_around, who_normalises
from cardembed.errors import UsageError
from cardembed.export.hailo.manifest import CompiledRecord, Images, KitManifest

sys.path.append(str(Path(__file__).parents[1] / "hailo"))
DIGEST = "0" * 64


@pytest.fixture
def hef(tmp_path):
    file = tmp_path / "net.hef"
    file.write_bytes(b"\x01HEF and more")
    return file


def write_kit(hef, normalised="host", **other):
    """The kit around a HEF, as it comes back from the compiler."""
    images = Images(images="a.npy", count=1, digest=DIGEST, photos_digest=DIGEST, photos=(DIGEST,), seed=0)
    kit = KitManifest(
        cardembed="0", target="hailo8l", hw_arch="hailo8l", network="net", onnx="net.onnx", script="net.alls",
        input="input", start_node_names=("input",), end_node_names=("end",), normalised=normalised,
        preprocessing={}, embedding_dim=768, weights_sha256=DIGEST, calibration=images, evaluation=images,
        files={}, tools={},
    )  # fmt: skip
    atomic_write_json(hef.parent / "kit.json", kit.model_dump(mode="json"))
    record = {
        "hef": hef.name, "hef_sha256": sha256_file(hef), "kit_sha256": sha256_file(hef.parent / "kit.json"),
        "compiler": "", "emulated": {}, "images": 1, "seconds": 1.0,
    } | other  # fmt: skip
    atomic_write_json(hef.parent / "compiled.json", CompiledRecord(**record).model_dump(mode="json"))


def asked(hef, given=None):
    return who_normalises(hef, given, option="--normalised")


def test_nobody_assumes_it(hef):
    with pytest.raises(UsageError, match=r"--normalised: expected who subtracts the mean .*no HEF says it"):
        asked(hef)
    with pytest.raises(UsageError, match="--normalised: expected who subtracts the mean"):
        open_artefact(hef)  # before anything of HailoRT is asked for
    assert [asked(hef, said) for said in ("chip", "host")] == ["chip", "host"]


@pytest.mark.parametrize("who", ["chip", "host"])
def test_the_kit_around_it_says_it(hef, who):
    write_kit(hef, who)
    assert (asked(hef), asked(hef, who)) == (who, who)
    assert kit_around(hef).calibration.photos == (DIGEST,)
    with pytest.raises(UsageError, match=f"expected {who}, as its makers say"):
        asked(hef, "host" if who == "chip" else "chip")


def test_a_run_on_the_chip_knows_what_the_kit_was_calibrated_on(hef):
    no_hef = SimpleNamespace(artefact=lambda *_: None)
    setup = ChipSetup(device="chip", hef=str(hef), normalised="host")
    assert chosen_network(setup, no_hef).calibrated_on is None
    write_kit(hef)
    assert chosen_network(setup, no_hef).calibrated_on == {DIGEST}


@pytest.mark.parametrize("other", [{"hef_sha256": DIGEST}, {"kit_sha256": DIGEST}])
def test_a_kit_of_another_file_says_nothing(hef, other):
    write_kit(hef, **other)
    with pytest.raises(UsageError, match="no kit around the file"):
        asked(hef)


@pytest.mark.parametrize("name", ["kit.json", "compiled.json"])
def test_files_of_another_program_say_nothing(hef, name):
    write_kit(hef)
    (hef.parent / name).write_text(json.dumps({"name": "something else"}))
    with pytest.raises(UsageError, match="no kit around the file"):
        asked(hef)
    assert asked(hef, "chip") == "chip"


@pytest.mark.parametrize("who", ["chip", "host"])
def test_a_simulated_hef_says_it_itself(tmp_path, who):
    from hailo_parts import write_hef

    file = write_hef(tmp_path / "a.simhef", normalised=who)
    assert asked(file) == who
    with open_artefact(file) as embedder:
        assert embedder.runtime["normalised"] == who
    with pytest.raises(UsageError, match=f"expected {who}"):
        open_artefact(file, normalised="host" if who == "chip" else "chip")


def test_other_artefacts_are_normalised_for_by_the_host(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"any")
    with pytest.raises(UsageError, match=r"expected a \.hef with it"):
        open_artefact(tmp_path / "model.onnx", normalised="chip")
