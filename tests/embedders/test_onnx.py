"""The ONNX embedder on a network written here by hand: neither PyTorch nor an export is needed."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cardembed._io import sha256_bytes
from cardembed.embedders.onnx import OnnxEmbedder
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import ArtefactError, DigestMismatchError, EmbeddingError, ReleaseError, UsageError

SIZE = 16


def network(*, size=SIZE, out=768, batch="batch", weight=None, kind=TensorProto.FLOAT):
    weights = np.random.default_rng(0).standard_normal((3 * SIZE * SIZE, out)).astype(np.float32)
    initializer = numpy_helper.from_array(weights if weight is None else weight, "w")
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["input"], ["flat"]),
            helper.make_node("MatMul", ["flat", "w"], ["embedding"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("input", kind, [batch, 3, size, size])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [batch, out])],
        [initializer],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def write(tmp_path):
    def write(model):
        file = tmp_path / "model.onnx"
        file.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
        return file, sha256_bytes(file.read_bytes())

    return write


def load(file, sha256, **options):
    return OnnxEmbedder(file, target="server", sha256=sha256, preprocessing=Preprocessing(SIZE), **options)


def test_it_computes_the_network(write):
    file, sha256 = write(network())
    batch = np.random.default_rng(1).standard_normal((40, 3, SIZE, SIZE)).astype(np.float32)
    weights = np.random.default_rng(0).standard_normal((3 * SIZE * SIZE, 768)).astype(np.float32)
    expected = batch.reshape(40, -1).astype(np.float64) @ weights
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    with load(file, sha256, threads=1) as embedder:
        assert np.abs(embedder.embed_preprocessed(batch) - expected).max() < 1e-5
    assert embedder.closed


def test_a_derived_file_is_named_by_its_source(write):
    file, sha256 = write(network())
    own, derived = load(file, sha256), load(file, sha256, artefact_digest="0" * 64)
    assert (own.artefact_digest, derived.artefact_digest) == (sha256, "0" * 64)
    assert "derived_sha256" not in own.runtime
    assert derived.runtime["derived_sha256"] == sha256
    assert own.identity != derived.identity


def test_other_bytes_are_refused_before_they_are_parsed(write, monkeypatch):
    file, _ = write(network())
    monkeypatch.setattr(onnx, "load_model_from_string", lambda data: pytest.fail("parsed"))
    with pytest.raises(DigestMismatchError):
        load(file, "0" * 64)


@pytest.mark.parametrize(
    "model",
    [
        b"",
        b"no onnx",
        network(size=32),
        network(batch=1),
        network(out=512),
        network(kind=TensorProto.UINT8),
    ],
    ids=["empty", "text", "other size", "static batch", "other dimension", "bytes as input"],
)
def test_what_is_not_this_models_file_is_one_line(write, model):
    with pytest.raises((ArtefactError, ReleaseError)) as error:
        load(*write(model))
    assert "\n" not in str(error.value)


def test_data_in_other_files_is_refused(write, tmp_path):
    model = network()
    onnx.external_data_helper.convert_model_to_external_data(model, location="secret.bin", size_threshold=0)
    for tensor in model.graph.initializer:
        tensor.ClearField("raw_data")
    (tmp_path / "secret.bin").write_bytes(b"\0" * 4 * 3 * SIZE * SIZE * 768)
    with pytest.raises(ArtefactError, match="other files"):
        load(*write(model))


def test_a_zero_or_nan_embedding_is_an_error(write):
    batch = np.ones((1, 3, SIZE, SIZE), np.float32)
    for value in (0.0, np.nan):
        file, sha256 = write(network(weight=np.full((3 * SIZE * SIZE, 768), value, np.float32)))
        with pytest.raises(EmbeddingError):
            load(file, sha256).embed_preprocessed(batch)


@pytest.mark.parametrize("threads", ["0", "-1", "many", "1.5"])
def test_threads_are_a_positive_number(write, monkeypatch, threads):
    monkeypatch.setenv("CARDEMBED_THREADS", threads)
    with pytest.raises(UsageError, match="CARDEMBED_THREADS"):
        load(*write(network()))
