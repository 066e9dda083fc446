import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import cardembed.export.onnx as export_module
from cardembed.errors import ExportError
from cardembed.export.onnx import check_file, export_target_onnx, export_to_onnx
from cardembed.models.weights import build_model
from cardembed.release import Release


def lively(target: str):
    """A model whose biases and layer scales are not the nearly inert ones of a fresh timm model."""
    model = build_model("reference", target, seed=4)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith(("bias", "q_bias", "v_bias")):
                value.copy_(0.2 * torch.randn(value.shape, generator=generator))
            elif "gamma" in name:
                value.copy_(0.1 + 0.4 * torch.rand(value.shape, generator=generator))
    return model.eval()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("onnx")
    return {target: export_to_onnx(lively(target), folder) for target in ("android", "hailo8l")}


@pytest.mark.parametrize(("target", "size"), [("android", 128), ("hailo8l", 128)])
def test_the_file_is_opset_17_with_a_dynamic_batch(exported, target, size):
    path = exported[target]
    assert path.name == f"{lively(target).architecture.name}.onnx"
    model = onnx.load(path)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]
    shape = [axis.dim_param or axis.dim_value for axis in model.graph.input[0].type.tensor_type.shape.dim]
    assert shape == ["batch_size", 3, size, size]
    assert [port.name for port in model.graph.output] == ["embedding"]
    assert [item.name for item in path.parent.iterdir() if item.name.startswith(".")] == []


@pytest.mark.parametrize("target", ["android", "hailo8l"])
def test_onnx_runtime_computes_what_the_model_computes(exported, target):
    model = lively(target)
    images = np.random.default_rng(1).normal(size=(5, 3, 128, 128)).astype(np.float32)
    session = onnxruntime.InferenceSession(exported[target], providers=["CPUExecutionProvider"])
    for batch in (1, 5):
        (found,) = session.run(None, {"input": images[:batch]})
        with torch.inference_mode():
            wanted = model(torch.from_numpy(images[:batch])).numpy()
        assert found.shape == (batch, 768)
        assert np.abs(found - wanted).max() < 1e-5
        assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_one_changed_bias_is_caught_and_nothing_is_written(tmp_path, monkeypatch):
    model = lively("hailo8l")
    write = export_module.write_traced

    def corrupted(model, example, path):
        write(model, example, path)
        graph = onnx.load(path)
        (tensor,) = [item for item in graph.graph.initializer if item.name == "head.layers.0.bias"]
        values = onnx.numpy_helper.to_array(tensor) * 0
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
        onnx.save(graph, path)

    monkeypatch.setattr(export_module, "write_traced", corrupted)
    with pytest.raises(ExportError, match="1 − cos"):
        export_to_onnx(model, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def change(path, target, edit):
    model = onnx.load(path)
    edit(model)
    onnx.save(model, target)
    return target


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda model: setattr(model.opset_import[0], "version", 18), "opset 17"),
        (lambda model: setattr(model.graph.input[0].type.tensor_type.shape.dim[0], "dim_value", 1), "input"),
        (lambda model: setattr(model.graph.input[0].type.tensor_type.shape.dim[2], "dim_value", 96), "input"),
        (lambda model: model.graph.output[0].type.tensor_type.shape.dim.pop(), "output"),
        (lambda model: model.graph.ClearField("node"), "valid ONNX"),
    ],
)
def test_a_file_of_another_contract_is_refused(exported, tmp_path, edit, expected):
    with pytest.raises(ExportError, match=expected):
        check_file(change(exported["hailo8l"], tmp_path / "changed.onnx", edit), 128)


class Inexpressible(torch.nn.Module):
    def forward(self, images):
        return torch.linalg.eigvals(images[:, 0]).real


def test_a_model_that_onnx_cannot_express_is_refused(tmp_path):
    with pytest.raises(ExportError, match="ONNX can express"):
        export_to_onnx(Inexpressible(), tmp_path)


def test_a_targets_weights_are_exported_from_its_release(random_release, tmp_path):
    path = export_target_onnx(Release.load(random_release), "hailo8l", tmp_path)
    assert path == tmp_path / "convnext_atto.onnx"
    check_file(path, 128)
