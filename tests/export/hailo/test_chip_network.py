"""The chip's part of a student computes what the student does, from normalised and from raw pixels."""

import numpy as np
import onnxruntime
import pytest

from cardembed.errors import EmbeddingError

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from cardembed.export.hailo.network import ChipNetwork, write_chip_onnx  # noqa: E402 - imports PyTorch
from cardembed.models.weights import build_model  # noqa: E402 - as above


@pytest.fixture(scope="module")
def pixels(like):
    return np.random.default_rng(1).integers(0, 256, (3, like.size, like.size, 3), dtype=np.uint8)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def wanted(student, like, pixels):
    with torch.inference_mode():
        return student(torch.from_numpy(like.batch(list(pixels)))).numpy()


def ran(path, images):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.get_inputs()[0].shape, session.run(None, {"input": images})[0]


def test_raw_pixels_lose_nothing(student, like, pixels, wanted, tmp_path):
    network = ChipNetwork(student, like, raw=True)
    path = write_chip_onnx(network, like.size, tmp_path / "raw.onnx", batch=None)
    shape, features = ran(path, pixels.astype(np.float32))
    assert shape == ["batch_size", like.size, like.size, 3]
    assert np.abs(np.linalg.norm(features, axis=1) - 1).max() > 0.01  # the host normalises
    assert (1 - (unit(features) * wanted).sum(1)).max() < 1e-6


def test_for_the_parser_one_normalised_image(student, like, pixels, wanted, tmp_path):
    network = ChipNetwork(student, like, raw=False)
    path = write_chip_onnx(network, like.size, tmp_path / "parser.onnx", batch=1)
    shape, features = ran(path, like.batch([pixels[0]]))
    assert shape == [1, 3, like.size, like.size]
    assert (1 - (unit(features) * wanted[:1]).sum(1)).max() < 1e-6


def test_the_student_is_left_as_it_was(student, like):
    before = {name: value.clone() for name, value in student.state_dict().items()}
    ChipNetwork(student, like, raw=True)
    assert all(torch.equal(value, before[name]) for name, value in student.state_dict().items())


def test_before_a_padded_stem_a_layer_normalises(like, pixels, tmp_path):
    """Beyond the edge there is 0 after the normalisation: folding it in would put another number there."""
    student = build_model("reference", "hailo8l", seed=0, architecture="regnetx_002").eval()
    path = write_chip_onnx(ChipNetwork(student, like, raw=True), like.size, tmp_path / "raw.onnx", batch=None)
    _, features = ran(path, pixels.astype(np.float32))
    with torch.inference_mode():
        wanted = student(torch.from_numpy(like.batch(list(pixels)))).numpy()
    assert (1 - (unit(features) * wanted).sum(1)).max() < 1e-6


def test_pixels_come_back_from_their_normalised_form(like, pixels):
    batch = like.batch(list(pixels))
    assert (like.squares(batch) == pixels).all()
    assert (like.square(pixels[0]) == pixels[0]).all()
    for bad in (batch + np.float32(0.01), batch * 3, batch - 5):
        with pytest.raises(EmbeddingError, match="8-bit pixels"):
            like.squares(bad)
