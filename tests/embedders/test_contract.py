"""What every embedder must do. A new one is one row in EMBEDDERS."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cardembed.embedders.base import Embedder
from cardembed.embedders.baselines import ColourHistogramEmbedder, NearestPixelEmbedder
from cardembed.embedders.hailo import HailoEmbedder
from cardembed.embedders.registry import open_embedder
from cardembed.errors import EmbeddingError
from cardembed.fidelity import Fidelity


def simulated_hailo(release):
    """The small network of the Hailo tests, on the simulated chip."""
    folder = Path(__file__).resolve().parents[1] / "hailo"
    spec = importlib.util.spec_from_file_location("hailo_parts", folder / "hailo_parts.py")
    parts = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(parts)
    path = parts.write_hef(release.parent / "contract.simhef")
    return HailoEmbedder(path, preprocessing=parts.PREPROCESSING)


EMBEDDERS = {
    "torch-hailo8l": (lambda release: open_embedder(release, "hailo8l", runtime="torch"), "reference"),
    "int8-hailo8l": (lambda release: open_embedder(release, "hailo8l"), "emulated"),
    "torch-android": (lambda release: open_embedder(release, "android", runtime="torch"), "reference"),
    "onnx-android": (lambda release: open_embedder(release, "android"), "runtime"),
    "hailo-simulator": (simulated_hailo, "emulated"),
    "nearest-pixel": (lambda release: NearestPixelEmbedder(), "reference"),
    "colour-histogram": (lambda release: ColourHistogramEmbedder(), "reference"),
}


@pytest.fixture(scope="module", params=EMBEDDERS)
def case(request, random_release):
    factory, fidelity = EMBEDDERS[request.param]
    with factory(random_release) as embedder:
        yield embedder, fidelity


@pytest.fixture(scope="module")
def embedder(case) -> Embedder:
    return case[0]


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(3)
    small = [Image.fromarray(rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)) for _ in range(4)]
    noise = [image.resize((180, 252), Image.Resampling.BICUBIC) for image in small]
    return [*noise, Image.new("RGB", (180, 252), "white"), Image.new("RGB", (64, 64), "black")]


@pytest.fixture(scope="module")
def embeddings(embedder, pictures):
    return embedder.embed(pictures)


def test_unit_vectors_of_768_float32(embeddings, pictures):
    assert embeddings.shape == (len(pictures), 768)
    assert embeddings.dtype == np.float32
    assert np.abs(np.linalg.norm(embeddings.astype(np.float64), axis=1) - 1).max() < 1e-6


def test_different_pictures_have_different_embeddings(embeddings):
    similarity = embeddings @ embeddings.T - 2 * np.eye(len(embeddings), dtype=np.float32)
    assert similarity.max() < 0.9999


def test_batch_and_single_agree(embedder, embeddings, pictures):
    for row, picture in zip(embeddings, pictures, strict=True):
        assert np.abs(embedder.embed([picture])[0] - row).max() < 1e-5


def test_a_small_batch_size_changes_nothing(embedder, embeddings, pictures, monkeypatch):
    monkeypatch.setattr(embedder, "batch_size", 4)
    assert np.abs(embedder.embed(pictures) - embeddings).max() < 1e-5


def test_arrays_and_other_modes_are_the_same_pictures(embedder, embeddings, pictures):
    forms = [np.asarray(pictures[0]), pictures[1].convert("RGBA"), pictures[4].convert("L")]
    assert np.abs(embedder.embed(forms) - embeddings[[0, 1, 4]]).max() < 1e-5
    stacked = np.stack([np.asarray(picture) for picture in pictures[:2]])
    assert np.abs(embedder.embed(stacked) - embeddings[:2]).max() < 1e-5


def test_embed_is_preprocessing_and_embed_preprocessed(embedder, embeddings, pictures):
    batch = embedder.preprocessing.batch(pictures[:2])
    assert batch.shape == (2, 3, embedder.preprocessing.size, embedder.preprocessing.size)
    before = batch.copy()
    assert np.abs(embedder.embed_preprocessed(batch) - embeddings[:2]).max() < 1e-5
    assert (batch == before).all()
    strided = np.asfortranarray(batch)
    assert np.abs(embedder.embed_preprocessed(strided) - embeddings[:2]).max() < 1e-5


def test_no_pictures_are_no_rows(embedder):
    assert embedder.embed([]).shape == (0, 768)


def test_it_says_what_it_is(case):
    embedder, fidelity = case
    assert embedder.fidelity is Fidelity(fidelity)
    assert len(embedder.artefact_digest) == len(embedder.identity) == len(embedder.preprocessing.digest) == 64
    assert {"name", "version"} <= embedder.runtime.keys()
    assert embedder.inference_seconds > 0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda batch: np.where(np.arange(batch.size).reshape(batch.shape) == 7, np.float32("nan"), batch),
        lambda batch: np.where(np.arange(batch.size).reshape(batch.shape) == 7, np.float32("inf"), batch),
        lambda batch: batch[0],
        lambda batch: batch[:, :2],
        lambda batch: batch[:, :, 1:],
        lambda batch: batch.transpose(0, 2, 3, 1),
        lambda batch: batch.astype(np.float64),
        lambda batch: batch.tolist(),
    ],
)
def test_bad_inputs_are_refused_in_one_line(embedder, pictures, spoil):
    with pytest.raises(EmbeddingError) as error:
        embedder.embed_preprocessed(spoil(embedder.preprocessing.batch(pictures[:1])))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "images",
    [
        [np.zeros((8, 8), np.uint8)],
        [np.zeros((8, 8, 4), np.uint8)],
        [np.zeros((8, 8, 3), np.float32)],
        [np.zeros((0, 8, 3), np.uint8)],
        ["card.jpg"],
        np.zeros((8, 8, 3), np.uint8),
        Image.new("RGB", (8, 8)),
        [None],
    ],
)
def test_what_is_no_picture_is_refused_in_one_line(embedder, images):
    with pytest.raises(EmbeddingError) as error:
        embedder.embed(images)
    assert "\n" not in str(error.value)
