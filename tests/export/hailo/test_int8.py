"""What is rounded to 8 bits, what is not, and that it is executed as it is written."""

import numpy as np
import pytest

from cardembed._io import sha256_file
from cardembed.embedders.int8 import Int8Embedder
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.embedders.registry import open_embedder
from cardembed.errors import ArtefactError, DigestMismatchError, ExportError, ReleaseError
from cardembed.release import Release

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

import onnx  # noqa: E402 - after the skips

from cardembed.export.hailo.int8 import Int8Scheme, quantise  # noqa: E402 - imports PyTorch
from cardembed.export.hailo.network import ChipNetwork, write_chip_onnx  # noqa: E402 - as above
from cardembed.models.weights import build_model  # noqa: E402 - as above


@pytest.fixture(scope="module")
def images(like):
    return np.random.default_rng(0).integers(0, 256, (16, like.size, like.size, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def source(student, like, tmp_path_factory):
    network = ChipNetwork(student, like, raw=True)
    return write_chip_onnx(network, like.size, tmp_path_factory.mktemp("float") / "float.onnx", batch=None)


@pytest.fixture(scope="module")
def quantised(source, images, tmp_path_factory):
    return quantise(source, images, tmp_path_factory.mktemp("int8") / "int8.onnx")


def opened(path, like, **other):
    arguments = {"sha256": sha256_file(path), "artefact_digest": "0" * 64, "target": "hailo8l", **other}
    return Int8Embedder(path, preprocessing=like, **arguments)


def test_pixels_are_their_own_numbers_and_functions_are_whole(quantised):
    graph = onnx.load(str(quantised)).graph
    values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    first = next(node for node in graph.node if node.op_type == "QuantizeLinear")
    assert (float(values[first.input[1]]), int(values[first.input[2]])) == (1.0, 0)
    makers = {name: node for node in graph.node for name in node.output}
    inner = [node for node in graph.node if node.op_type == "Erf"]  # of a GELU, which is one function
    assert len(inner) > 1
    assert all(makers[node.input[0]].op_type == "Div" for node in inner)
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert all(makers[name].op_type == "DequantizeLinear" for node in convolutions for name in node.input[:2])


def test_it_stays_near_the_float_student(quantised, student, like, images):
    with opened(quantised, like) as embedder:
        rows = embedder.embed(list(images))
    with torch.inference_mode():
        wanted = student(torch.from_numpy(like.batch(list(images)))).numpy()
    cosine = (rows * wanted).sum(1)
    assert 0.98 < cosine.min() < 0.999999  # near, and not the float network itself


def test_a_relu_is_rounded_once_with_what_stands_before_it(like, images, tmp_path):
    student = build_model("reference", "hailo8l", seed=3, architecture="regnetx_002").eval()
    network = ChipNetwork(student, like, raw=True)
    source = write_chip_onnx(network, like.size, tmp_path / "float.onnx", batch=None)
    graph = onnx.load(str(quantise(source, images, tmp_path / "int8.onnx"))).graph
    assert "Relu" not in {node.op_type for node in graph.node}  # the range from 0 on does it
    makers = {name: node for node in graph.node for name in node.output}
    readers = [node for node in graph.node if node.op_type == "Conv"]
    assert all(makers[node.input[0]].op_type == "DequantizeLinear" for node in readers)


def test_per_tensor_and_sixteen_bits_are_other_networks(source, images, tmp_path):
    per_channel, per_tensor = (
        quantise(source, images, tmp_path / f"{flag}.onnx", Int8Scheme(per_channel=flag))
        for flag in (True, False)
    )
    assert per_channel.read_bytes() != per_tensor.read_bytes()
    prepared = onnx.load(str(per_channel)).graph
    name = next(node.name for node in prepared.node if node.op_type == "GlobalAveragePool")
    wide = quantise(source, images, tmp_path / "wide.onnx", Int8Scheme(sixteen_bit=(name,)))
    kinds = {tensor.data_type for tensor in onnx.load(str(wide)).graph.initializer}
    assert onnx.TensorProto.UINT16 in kinds
    with pytest.raises(ExportError, match="nothing of this name"):
        quantise(source, images, tmp_path / "x.onnx", Int8Scheme(sixteen_bit=("nothing of this name",)))


def test_the_same_images_give_the_same_bytes(source, images, quantised, tmp_path):
    assert quantise(source, images, tmp_path / "again.onnx").read_bytes() == quantised.read_bytes()


def test_bytes_and_ports_are_checked(quantised, source, like, tmp_path):
    with pytest.raises(DigestMismatchError):
        opened(quantised, like, sha256="1" * 64)
    with pytest.raises(ReleaseError, match="ports"):
        opened(quantised, Preprocessing(like.size + 16))
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(quantised.read_bytes()[:1000])
    with pytest.raises(ArtefactError):
        opened(broken, like)


def test_the_releases_own_file_is_executed(random_release):
    release = Release.load(random_release)
    shipped = release.artefact("hailo8l", "int8")
    with open_embedder(release, "hailo8l") as embedder:
        assert (embedder.runtime["name"], embedder.artefact_digest) == ("int8", shipped.sha256)
        assert "derived_sha256" not in embedder.runtime
        assert str(embedder.fidelity) == "emulated"
