import subprocess
import sys
import threading

import numpy as np
import pytest
from hailo_parts import PREPROCESSING, SIZE, pictures, reference, small_onnx, write_hef
from PIL import Image

from cardembed._io import sha256_file
from cardembed.embedders.base import Embedder
from cardembed.embedders.files import open_artefact
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import (
    DigestMismatchError,
    EmbeddingError,
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


def test_the_prds_signature(open_hef):
    embedder = open_hef()
    batch = PREPROCESSING.batch(list(pictures(1)))
    embedding = embedder.embed(batch)
    assert embedding.shape == (768,)
    assert embedding.dtype == np.float32
    assert np.isclose(np.linalg.norm(embedding), 1.0, atol=1e-6)
    assert isinstance(embedder, Embedder)
    assert embedder.fidelity is Fidelity.EMULATED
    assert embedder.runtime["name"] == "hailort-simulator"


def test_pictures_pixels_and_preprocessed_arrays_are_the_same(open_hef):
    embedder = open_hef()
    pixels = pictures()
    expected = embedder.embed_preprocessed(PREPROCESSING.batch(list(pixels)))
    assert (embedder.embed_pixels(pixels) == expected).all()
    assert (embedder.embed(pixels) == expected).all()
    assert (embedder.embed([Image.fromarray(row) for row in pixels]) == expected).all()
    frozen = pixels.copy()
    frozen.flags.writeable = False
    assert (embedder.embed_pixels(frozen) == expected).all()
    assert embedder.embed([]).shape == (0, 768)
    large = [Image.fromarray(row).resize((45, 63)) for row in pixels]
    resized = embedder.embed_preprocessed(PREPROCESSING.batch(large))
    assert (embedder.embed(large) == resized).all()


@pytest.mark.parametrize("normalised", ["chip", "host"])
def test_values_that_no_pixel_has_are_refused(open_hef, tmp_path, normalised):
    embedder = open_hef(write_hef(tmp_path / "a.simhef", normalised=normalised), normalised=normalised)
    batch = PREPROCESSING.batch(list(pictures(1)))
    embedder.embed(batch)
    for spoilt in (batch * 2, batch * np.float32(255), pictures(1).transpose(0, 3, 1, 2).astype(np.float32)):
        with pytest.raises(EmbeddingError, match="out of range"):
            embedder.embed(spoilt)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda batch: batch[0],
        lambda batch: np.concatenate([batch, batch]),
        lambda batch: batch.transpose(0, 2, 3, 1),
        lambda batch: batch.astype(np.float64),
        lambda batch: batch[:, :, 1:],
        lambda batch: np.full_like(batch, np.nan),
    ],
)
def test_other_arrays_are_refused(open_hef, spoil):
    embedder = open_hef()
    with pytest.raises(EmbeddingError):
        embedder.embed(spoil(PREPROCESSING.batch(list(pictures(1)))))
    with pytest.raises(EmbeddingError):
        embedder.embed_pixels(pictures(1)[:, 1:])


def test_the_file_must_have_its_digest(hef, open_hef):
    assert open_hef(sha256=sha256_file(hef)).artefact_digest == sha256_file(hef)
    with pytest.raises(DigestMismatchError):
        open_hef(sha256="0" * 64)


def test_the_network_must_have_the_targets_size(open_hef, tmp_path):
    small = write_hef(
        tmp_path / "few.simhef", features=512, onnx=small_onnx(512)[0], output=(Quant(scale=0.1),)
    )
    for options in ({"preprocessing": Preprocessing(SIZE + 1)}, {"path": small}):
        with pytest.raises(ReleaseError, match="a network from"):
            open_hef(**options)


@pytest.mark.parametrize("api", ["infer_model", "vstreams"])
@pytest.mark.parametrize(("compiled", "opened"), [("chip", "host"), ("host", "chip")])
def test_a_network_that_somebody_else_has_to_normalise_for_is_refused(
    open_hef, tmp_path, compiled, opened, api
):
    path = write_hef(tmp_path / "a.simhef", normalised=compiled)
    with pytest.raises(ReleaseError, match=f'open it with normalised="{compiled}"'):
        open_hef(path, normalised=opened, api=api)
    open_hef(path, normalised=compiled, api=api)  # the chip was given back


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


def test_time_in_the_chip_is_counted(open_hef):
    embedder = open_hef()
    embedder.embed_pixels(pictures())
    first = embedder.inference_seconds
    assert first > 0
    embedder.embed_preprocessed(PREPROCESSING.batch(list(pictures())))
    assert embedder.inference_seconds > first


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


def test_threads_share_an_embedder(open_hef):
    embedder = open_hef()
    batches = [PREPROCESSING.batch(list(pictures(3, seed=seed))) for seed in range(8)]
    expected = [embedder.embed_preprocessed(batch) for batch in batches]
    wrong = []

    def work(number):
        same = [(embedder.embed_preprocessed(batches[number]) == expected[number]).all() for _ in range(5)]
        wrong.extend(number for good in same if not good)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_after_closing_it_is_of_no_use_and_says_so(open_hef):
    embedder = open_hef()
    embedder.close()
    embedder.close()
    with pytest.raises(UsageError, match="closed"):
        embedder.embed(PREPROCESSING.batch(list(pictures(1))))


def test_nothing_of_torch_is_imported(hef):
    code = (
        "import sys\n"
        "for name in ('torch', 'torchvision', 'timm', 'coremltools'): sys.modules[name] = None\n"
        "import numpy as np\n"
        "import cardembed.embedders.hailo\n"
        "from cardembed import HailoEmbedder\n"
        "from cardembed.embedders.preprocessing import Preprocessing\n"
        f"with HailoEmbedder({str(hef)!r}, preprocessing=Preprocessing({SIZE})) as embedder:\n"
        f"    print(embedder.embed([np.zeros(({SIZE}, {SIZE}, 3), np.uint8) + 9]).shape)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "(1, 768)", done.stderr


def test_other_networks_are_no_simulated_hefs(tmp_path, open_hef):
    onnx, _ = small_onnx(features=12)
    path = write_hef(tmp_path / "a.simhef")
    write_simulated_hef(path, b"nothing", size=SIZE, output=(Quant(),))
    with pytest.raises(ReleaseError, match="91"):
        open_hef(path)
    write_simulated_hef(path, onnx, size=SIZE, features=12, output=(Quant(),))
    with pytest.raises(ReleaseError, match="12"):
        open_hef(path)
