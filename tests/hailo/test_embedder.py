import sys

import numpy as np
import pytest
from hailo_parts import PREPROCESSING, SIZE, pictures, reference, small_onnx, write_hef
from PIL import Image

from cardembed.embedders.files import open_artefact
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import (
    ReleaseError,
    UnavailableError,
    UsageError,
)
from cardembed.fidelity import Fidelity
from cardembed.hailo import pipelines
from cardembed.hailo.simulator.container import Quant, write_simulated_hef

WAYS = [
    ("chip", "float32", "infer_model"),
    ("chip", "quantised", "infer_model"),
    ("chip", "float32", "vstreams"),
    ("host", "float32", "infer_model"),
    ("host", "quantised", "infer_model"),
    ("host", "float32", "vstreams"),
]


@pytest.mark.parametrize(("normalised", "output", "api"), WAYS)
def test_every_way_gives_the_networks_embedding(open_hef, tmp_path, normalised, output, api):
    path = write_hef(tmp_path / "a.simhef", normalised=normalised)
    embedder = open_hef(path, normalised=normalised, output=output, api=api)
    batch = PREPROCESSING.batch(list(pictures()))
    embeddings = embedder.embed_preprocessed(batch)
    assert embeddings.shape == (4, 768)
    assert embeddings.dtype == np.float32
    assert ((embeddings * reference(batch)).sum(axis=1) > 0.9995).all()


def test_a_file_by_itself_is_opened_at_its_networks_size(hef):
    with open_artefact(hef) as embedder:
        assert (embedder.preprocessing.size, embedder.fidelity) == (SIZE, Fidelity.EMULATED)
        assert embedder.embed([Image.new("RGB", (18, 25), "red")]).shape == (1, 768)


def test_transposed_input_would_have_been_noticed():
    batch = PREPROCESSING.batch(list(pictures()))
    wrong = np.ascontiguousarray(batch.transpose(0, 2, 3, 1)).reshape(batch.shape)
    assert ((reference(wrong) * reference(batch)).sum(axis=1) < 0.5).all()


@pytest.mark.parametrize("bits", [8, 16])
def test_quantisation_a_feature_is_undone_by_us_as_by_hailort(open_hef, tmp_path, bits):
    path = write_hef(tmp_path / "a.simhef", per_feature=True, bits=bits)
    batch = PREPROCESSING.batch(list(pictures()))
    given = []
    for output in ("float32", "quantised"):
        embedder = open_hef(path, output=output)
        given.append(embedder.embed_preprocessed(batch))
        embedder.close()
    assert np.abs(given[0] - given[1]).max() < 1e-6


def test_the_network_must_have_the_targets_size(open_hef, tmp_path):
    small = write_hef(
        tmp_path / "few.simhef", features=512, onnx=small_onnx(512)[0], output=(Quant(scale=0.1),)
    )
    for options in ({"preprocessing": Preprocessing(SIZE + 1)}, {"path": small}):
        with pytest.raises(ReleaseError, match="a network from"):
            open_hef(**options)


@pytest.fixture
def secretive(monkeypatch):
    """Networks do not say what their input's numbers are."""
    monkeypatch.setattr(pipelines, "_are_pixels", lambda _: None)


def test_a_network_that_does_not_say_is_taken_at_our_word(open_hef, secretive):
    embedder = open_hef(normalised="host")
    assert embedder.embed_preprocessed(PREPROCESSING.batch(list(pictures()))).shape == (4, 768)


def test_a_simulated_hef_never_goes_to_a_chip_and_a_real_one_never_to_the_simulator(
    hef, open_hef, tmp_path, monkeypatch
):
    import types

    with pytest.raises(ReleaseError, match="simulator runs simulated HEFs alone"):
        open_hef(platform=types.ModuleType("hailo_platform"))
    real = tmp_path / "real.hef"
    real.write_bytes(b"\x01HEF" + bytes(60))
    from cardembed.hailo.resource import simulated_platform

    with pytest.raises(ReleaseError, match="simulator runs simulated HEFs alone"):
        open_hef(real, platform=simulated_platform())
    monkeypatch.setitem(sys.modules, "hailo_platform", None)
    with pytest.raises(UnavailableError, match="apt install hailo-all"):
        open_hef(real)


def test_the_fidelity_is_that_of_what_is_behind_the_module():
    import types

    from cardembed.hailo.resource import ChipResource, simulated_platform

    assert ChipResource(types.ModuleType("hailo_platform")).fidelity is Fidelity.DEVICE
    assert ChipResource(simulated_platform()).fidelity is Fidelity.EMULATED


def test_ways_that_give_other_numbers_have_other_identities(open_hef, secretive):
    found = set()
    for normalised, output, api in WAYS:
        embedder = open_hef(normalised=normalised, output=output, api=api)
        found.add(embedder.identity)
        embedder.close()
    assert len(found) == len(WAYS)


def test_old_hailort_is_driven_by_virtual_streams(open_hef, monkeypatch):
    from cardembed.hailo.resource import simulated_platform

    newer = open_hef()
    expected = newer.embed_pixels(pictures())
    assert newer.runtime["api"] == "infer_model"
    newer.close()
    monkeypatch.delattr(simulated_platform().VDevice, "create_infer_model")
    older = open_hef()
    assert older.runtime["api"] == "vstreams"
    assert (older.embed_pixels(pictures()) == expected).all()


def test_virtual_streams_do_not_pass_for_quantised_output(open_hef, monkeypatch):
    from cardembed.hailo.resource import simulated_platform

    with pytest.raises(UsageError, match=r"small\.simhef.*virtual streams.*quantised"):
        open_hef(output="quantised", api="vstreams")
    monkeypatch.delattr(simulated_platform().VDevice, "create_infer_model")
    with pytest.raises(UsageError, match="virtual streams"):
        open_hef(output="quantised")
    open_hef(output="float32")  # nobody holds the chip


def test_other_networks_are_no_simulated_hefs(tmp_path, open_hef):
    onnx, _ = small_onnx(features=12)
    path = write_hef(tmp_path / "a.simhef")
    write_simulated_hef(path, b"nothing", size=SIZE, output=(Quant(),))
    with pytest.raises(ReleaseError, match="91"):
        open_hef(path)
    write_simulated_hef(path, onnx, size=SIZE, features=12, output=(Quant(),))
    with pytest.raises(ReleaseError, match="12"):
        open_hef(path)
