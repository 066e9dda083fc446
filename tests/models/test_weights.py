import pytest
import torch
from safetensors.torch import save_file

from cardembed._io import sha256_file
from cardembed.errors import DigestMismatchError, ReleaseError
from cardembed.models.weights import build_model, load_weights, read_metadata, save_weights


@pytest.fixture(scope="module")
def model():
    return build_model("reference", "hailo8l", seed=2).eval()


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 0.0), ("float16", 5e-4)])
def test_weights_come_back(tmp_path, model, dtype, tolerance):
    path = tmp_path / "w.safetensors"
    digest = save_weights(model, path, dtype=dtype, metadata={"recipe": {"margin": 0.5}})
    assert digest == sha256_file(path)
    loaded = load_weights(path, sha256=digest)
    assert not loaded.training
    assert loaded.architecture == model.architecture
    assert {value.dtype for value in loaded.parameters()} == {torch.float32}
    images = torch.randn(2, 3, 128, 128)
    with torch.inference_mode():
        assert torch.allclose(loaded(images), model(images), atol=tolerance)
    header = read_metadata(path)
    assert (header["architecture"], header["recipe"]) == ("convnext_atto", '{"margin": 0.5}')


def test_other_bytes_are_refused_before_they_are_parsed(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"anything")
    with pytest.raises(DigestMismatchError):
        load_weights(path, sha256="0" * 64)


def test_weights_that_are_not_finite_are_not_written(tmp_path):
    broken = build_model("reference", "hailo8l", seed=2)
    with torch.no_grad():
        broken.head.layers[0].bias[0] = 1e6  # too large for float16
    with pytest.raises(ReleaseError, match=r"head\.layers\.0\.bias"):
        save_weights(broken, tmp_path / "w.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_foreign_files_are_refused(tmp_path, model):
    path = tmp_path / "w.safetensors"
    with pytest.raises(ReleaseError, match="no such file"):
        load_weights(path)
    path.write_bytes(b"\xff" * 64)
    with pytest.raises(ReleaseError, match="weight file of cardembed"):
        load_weights(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(ReleaseError, match="format None"):
        load_weights(path)
    save_file(
        {"x": torch.zeros(1)},
        path,
        metadata={"format": "cardembed-weights-1", "architecture": "convnext_atto", "embedding_dim": "768"},
    )
    with pytest.raises(ReleaseError, match="Missing key"):
        load_weights(path)
