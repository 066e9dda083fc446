"""Two artefacts that compute the same have counterparts; one that was changed is named at the change."""

import json
import shutil

import numpy as np
import pytest

from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import ArtefactError, EmbeddingError, InputError, UsageError
from cardembed.export.onnx import export_to_onnx
from cardembed.parity.artefacts import open_traceable
from cardembed.parity.divergence import compare_traces
from cardembed.parity.inputs import default_pictures
from cardembed.parity.trace import Recorder, Trace

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from cardembed.models.weights import load_weights  # noqa: E402 - imports PyTorch
from cardembed.parity.torch_trace import trace_module  # noqa: E402 - as above


@pytest.fixture(scope="module")
def batch():
    return Preprocessing(128).batch(default_pictures())[:2]


@pytest.fixture(scope="module")
def weights(random_release):
    return random_release / "hailo8l.safetensors"


@pytest.fixture(scope="module")
def exported(weights, tmp_path_factory):
    return export_to_onnx(load_weights(weights), tmp_path_factory.mktemp("onnx"))


@pytest.fixture(scope="module")
def reference(weights, batch):
    return open_traceable(weights).trace(batch)


def changed(exported, tmp_path, change):
    import onnx

    model = onnx.load(str(exported))
    change(model.graph)
    path = tmp_path / "changed.onnx"
    onnx.save(model, str(path))
    return path


def initializer(graph, word):
    from onnx import numpy_helper

    found = next(one for one in graph.initializer if word in one.name)
    return found, numpy_helper.to_array(found).copy()


def at_112_pixels(graph):
    for place in (2, 3):
        graph.input[0].type.tensor_type.shape.dim[place].dim_value = 112


def test_an_export_agrees_and_is_recognised_layer_by_layer(reference, exported, batch):
    found = compare_traces(reference, open_traceable(exported).trace(batch))
    assert found.first is None
    assert found.outcome.one_minus_cosine < 1e-10
    assert found.outcome.largest_difference < 1e-6
    assert found.matched > 0.6 * found.telling > 60


def test_a_changed_bias_is_found_where_it_is_added(reference, exported, batch, tmp_path):
    from onnx import numpy_helper

    def change(graph):
        tensor, values = initializer(graph, "stages.2.blocks.3.mlp.fc1.bias")
        tensor.CopyFrom(numpy_helper.from_array(np.zeros_like(values), tensor.name))

    found = compare_traces(reference, open_traceable(changed(exported, tmp_path, change)).trace(batch))
    assert found.first is not None
    assert "stages.2/blocks/blocks.3/mlp/fc1" in found.first.name
    assert "stages.2.blocks.3" in found.after


def test_another_activation_is_found(weights, batch):
    model = load_weights(weights)
    with torch.no_grad():  # random weights leave everything near 0, where activations hardly differ
        model.backbone.stages[1].blocks[0].mlp.fc1.weight.mul_(8)
    reference = trace_module(model, batch, source="weights")
    model.backbone.stages[1].blocks[0].mlp.act = torch.nn.SiLU()
    found = compare_traces(reference, trace_module(model, batch, source="another activation"))
    assert found.first is not None
    assert found.first.name == "backbone.stages.1.blocks.0.mlp.act:silu"
    assert found.first.operation == "silu"
    assert found.after == "backbone.stages.1.blocks.0.mlp.fc1:convolution"


def test_another_input_is_named_itself(reference, weights, batch):
    found = compare_traces(reference, open_traceable(weights).trace(np.ascontiguousarray(batch[:, ::-1])))
    assert found.first is not None
    assert found.first.name != "input"  # swapped channels are the same numbers
    assert "stem" in found.first.name
    found = compare_traces(reference, open_traceable(weights).trace(batch * np.float32(1.1)))
    assert found.first.name == "input"


def test_what_only_rearranges_stands_under_its_inputs_name():
    recorder = Recorder()
    rows = np.random.default_rng(0).normal(size=(4, 8))
    assert recorder.add("x", "input", (), rows) == "x"
    assert recorder.add("y", "transpose", ["x"], rows.T) == "x"
    assert recorder.add("z", "add", ["y"], rows + 1) == "z"
    assert [value.inputs for value in recorder.values] == [(), ("x",)]


def test_a_network_that_gives_nan_departs(reference, weights, batch):
    model = load_weights(weights)
    with torch.no_grad():
        model.backbone.stages[3].blocks[0].gamma.fill_(float("nan"))
    found = compare_traces(reference, trace_module(model, batch, source="nan"))
    assert found.first is not None
    assert "stages.3.blocks.0" in found.first.name


def test_nan_is_null_in_json(run, weights, exported, tmp_path):
    from onnx import numpy_helper

    def change(graph):
        tensor, values = initializer(graph, "head.layers.3.bias")
        tensor.CopyFrom(numpy_helper.from_array(np.full_like(values, np.nan), tensor.name))

    code, out, _ = run("compare", weights, changed(exported, tmp_path, change), "--json")
    found = json.loads(out)
    assert (code, found["agree"], found["one_minus_cosine"]) == (1, False, None)


def test_traces_without_anything_in_common():
    one, other = Recorder(), Recorder()
    rows = np.random.default_rng(0).normal(size=(4, 8))
    one.add("a", "input", (), rows)
    other.add("b", "input", (), rows * 2)
    found = compare_traces(Trace("", tuple(one.values), rows), Trace("", tuple(other.values), rows[::-1]))
    assert (found.first.name, found.after, found.matched) == ("b", "", 0)


def test_a_result_that_hardly_moves_proves_nothing_of_what_leads_to_it():
    rows, other = np.random.default_rng(0).normal(size=(2, 4, 8))

    def run(values):
        recorder = Recorder()
        recorder.add("input", "input", (), rows)
        recorder.add("positions", "sin", (), values + 5)  # of no image
        recorder.add("gelu", "gelu", ["input"], values)
        recorder.add("linear", "linear", ["gelu", "positions"], values * 3)
        recorder.add("length", "tile", ["linear"], rows**2)
        recorder.add("output", "div", ["linear", "length"], values * 2)
        return Trace("", tuple(recorder.values), values * 2)

    found = compare_traces(run(rows * 7), run(other))
    assert (found.first.name, found.after) == ("gelu", "input")


def test_the_command(run, weights, exported, random_release, tmp_path):
    code, out, _ = run("compare", weights, exported, "--json")
    assert (code, json.loads(out)["agree"]) == (0, True)
    other = shutil.copy(random_release / "hailo8l.safetensors", tmp_path / "other.safetensors")
    model = load_weights(other)
    with torch.no_grad():
        model.head.layers[3].bias.zero_()
    path = export_to_onnx(model, tmp_path)
    code, out, _ = run("compare", weights, path)
    assert code == 1
    assert "they part at /head" in out
    smaller = changed(exported, tmp_path, at_112_pixels)
    code, _, err = run("compare", weights, smaller)
    assert (code, err.count("\n")) == (2, 1)
    assert "found 112 × 112" in err
    assert run("compare", weights, tmp_path / "nothing.onnx")[0] == 2
    assert run("compare", weights, random_release / "release.json")[0] == 2


@pytest.mark.parametrize("suffix", ["onnx", "mlpackage"])
def test_an_artefact_that_normalises_is_given_pixels(weights, reference, batch, suffix, tmp_path):
    from cardembed.export.source import source_of_weights

    source, path = source_of_weights(weights), tmp_path / f"picture.{suffix}"
    if suffix == "onnx":
        from cardembed.export.onnx_variants import OnnxOptions, export_onnx

        export_onnx(source, path, OnnxOptions(input="image"))
    else:
        pytest.importorskip("coremltools")
        from cardembed.export.coreml import CoreMLOptions, export_coreml

        export_coreml(source, path, CoreMLOptions(input="image", precision="float32"))
    found = compare_traces(reference, open_traceable(path).trace(batch))
    assert found.first is None
    assert found.matched > 60
    with pytest.raises(EmbeddingError):  # no picture has such pixels
        open_traceable(path).trace(batch * np.float32(1.1))


def test_pixels_without_a_mean(weights, tmp_path):
    import onnx

    from cardembed.export.onnx_variants import OnnxOptions, export_onnx
    from cardembed.export.source import source_of_weights

    path = tmp_path / "picture.onnx"
    export_onnx(source_of_weights(weights), path, OnnxOptions(input="image"))
    model = onnx.load(str(path))
    entry = next(entry for entry in model.metadata_props if entry.key == "mean")
    entry.value = "0.5"
    onnx.save(model, str(path))
    with pytest.raises(ArtefactError, match="mean and std of three channels"):
        open_traceable(path)


def test_what_is_no_artefact(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"no model")
    with pytest.raises(InputError):
        open_traceable(tmp_path / "x.onnx")
    with pytest.raises(UsageError):
        open_traceable(tmp_path / "x.hef")


@pytest.mark.parametrize("shape", [(1, 4, 8, 8), (1, 3, 8, 9), (8,), (2, 3, 8, 8)])
def test_a_model_of_something_else(shape, tmp_path):
    pytest.importorskip("coremltools")
    from cardembed.coreml.protos import model_schema

    model = model_schema().Model()
    model.specificationVersion, model.neuralNetwork.arrayInputShapeMapping = 4, 1
    for name, side in (("a", model.description.input), ("b", model.description.output)):
        feature = side.add()
        feature.name = name
        feature.type.multiArrayType.shape.extend(shape)
        feature.type.multiArrayType.dataType = 65568  # FLOAT32
    layer = model.neuralNetwork.layers.add()
    layer.name = "relu"
    layer.input.append("a")
    layer.output.append("b")
    layer.activation.ReLU.SetInParent()
    path = tmp_path / "other.mlmodel"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ArtefactError, match="one input"):
        open_traceable(path)
