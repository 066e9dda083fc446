"""The INT8 network packed for the simulated chip: the same bytes out, and no other network is taken."""

import numpy as np
import pytest

from cardembed._io import sha256_file
from cardembed.embedders.registry import open_embedder
from cardembed.errors import ArtefactError, ExportError, UnavailableError
from cardembed.export.hailo.simulated import pack_int8
from cardembed.hailo.simulator.container import read_simulated_hef
from cardembed.release import Release


def pixels(size, count=3):
    return np.random.default_rng(1).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def test_the_simulated_chip_answers_as_the_int8_network(random_release):
    with open_embedder(random_release, "hailo8l") as int8:
        expected = int8.embed(pixels(int8.preprocessing.size))
    with open_embedder(random_release, "hailo8l", runtime="hailort-simulator") as chip:
        assert chip.embed(pixels(chip.preprocessing.size)).tobytes() == expected.tobytes()
        assert (chip.fidelity, chip.artefact_digest) == (int8.fidelity, int8.artefact_digest)
        assert chip.runtime["name"] == "hailort-simulator"


def test_a_release_without_a_compiled_network_says_so(random_release):
    with pytest.raises(UnavailableError, match="compiled network"):
        open_embedder(random_release, "hailo8l", runtime="hailort")


def test_packing_is_repeatable_and_keeps_the_network(random_release, tmp_path):
    source = random_release / "hailo8l.int8.onnx"
    made = [tmp_path / name for name in ("a.simhef", "b.simhef")]
    manifests = [pack_int8(source, file, network="net") for file in made]
    assert sha256_file(made[0]) == sha256_file(made[1])
    manifest, onnx = read_simulated_hef(made[0].read_bytes())
    assert (manifest, onnx) == (manifests[0], source.read_bytes())
    assert (manifest.features, len(manifest.output)) == (768, 1)


def test_other_networks_are_refused(random_release, tmp_path, hailo_float):
    with pytest.raises(ExportError, match="an output by"):
        pack_int8(hailo_float, tmp_path / "a.simhef", network="net")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"none")
    with pytest.raises(ArtefactError):
        pack_int8(broken, tmp_path / "a.simhef", network="net")
    assert not (tmp_path / "a.simhef").exists()


@pytest.fixture
def hailo_float(random_release, tmp_path):
    """The same network before it was quantised."""
    from cardembed.embedders.preprocessing import Preprocessing
    from cardembed.export.hailo.network import ChipNetwork, write_chip_onnx
    from cardembed.models.weights import load_weights

    model = load_weights(random_release / "hailo8l.safetensors")
    like = Preprocessing(model.input_size)
    return write_chip_onnx(ChipNetwork(model, like, raw=True), like.size, tmp_path / "float.onnx", batch=None)


def test_the_command(run, random_release, tmp_path):
    out = tmp_path / "chip.simhef"
    code, text, _ = run("export", "simhef", "--release", random_release, "--out", out)
    assert (code, str(out) in text) == (0, True)
    assert (
        read_simulated_hef(out.read_bytes())[0].size
        == Release.load(random_release).target("hailo8l").input_size
    )
    code, _, error = run("export", "simhef", "--release", random_release, "--out", tmp_path / "chip.hef")
    assert code == 2
    assert "simhef" in error
