import json

import numpy as np
import onnx
import pytest

from cardembed.embedders.onnx_safety import check_onnx
from cardembed.errors import ArtefactError, ExportError, UsageError
from cardembed.export import onnx_variants
from cardembed.export.onnx_variants import OnnxOptions, export_onnx
from cardembed.export.source import source_of_target
from cardembed.release import Release


@pytest.fixture(scope="module")
def source(random_release):
    return source_of_target(Release.load(random_release), "hailo8l")


def test_the_file_says_what_it_is_made_of_and_how_to_feed_it(source, tmp_path):
    record = export_onnx(source, tmp_path / "m.onnx")
    said = {item.key: item.value for item in onnx.load(tmp_path / "m.onnx").metadata_props}
    assert said == record.metadata
    assert said["weights_sha256"] == source.weights_sha256
    assert said["mean"] == "0.485,0.456,0.406"
    assert record.version == "opset 17"
    assert record.agreement["one_minus_cosine"] < 1e-10
    assert export_onnx(source, tmp_path / "again.onnx").sha256 == record.sha256


@pytest.mark.parametrize("options", [OnnxOptions(), OnnxOptions(input="image")])
def test_one_picture_alone_is_held_to_the_same_limits(source, tmp_path, monkeypatch, options):
    open_session = onnx_variants.open_session

    class Off:
        """What is 3e-6 off where it is given one picture."""

        def __init__(self, path):
            self.session = open_session(path)
            self.get_inputs = self.session.get_inputs

        def run(self, names, feeds):
            (found,) = self.session.run(names, feeds)
            return [found + np.float32(3e-6) if len(found) == 1 else found]

    monkeypatch.setattr(onnx_variants, "open_session", Off)
    with pytest.raises(ExportError, match="at batch 3 and 1"):
        export_onnx(source, tmp_path / "m.onnx", options)
    assert list(tmp_path.iterdir()) == []


def test_raw_pixels_give_the_same_embedding(source, tmp_path):
    record = export_onnx(source, tmp_path / "m.onnx", OnnxOptions(input="image"))
    assert (record.inputs[0].name, record.inputs[0].dtype) == ("image", "uint8")
    assert record.agreement["one_minus_cosine"] < 1e-10
    assert record.metadata["normalised_by"] == "model"


@pytest.mark.parametrize("external", [False, True])
def test_the_modern_exporter_states_its_own_opset(source, tmp_path, external):
    pytest.importorskip("onnxscript")
    options = OnnxOptions(exporter="dynamo", external_data=external)
    record = export_onnx(source, tmp_path / "m.onnx", options)
    model = onnx.load(tmp_path / "m.onnx", load_external_data=False)
    assert record.inputs[0].shape == ("batch_size", 3, 128, 128)
    assert (record.outputs[0].name, record.outputs[0].shape) == ("embedding", ("batch_size", 768))
    assert record.version == f"opset {model.opset_import[0].version}"
    names = sorted(item.name for item in tmp_path.iterdir())
    assert names == (["m.onnx", "m.onnx.data"] if external else ["m.onnx"])
    assert bool(record.external_data) is external
    if external:
        with pytest.raises(ArtefactError, match="other files"):
            check_onnx(tmp_path / "m.onnx")


@pytest.mark.parametrize("options", [OnnxOptions(input="image"), OnnxOptions(exporter="dynamo")])
@pytest.mark.parametrize("change", ["batch", "name", "dtype"])
def test_a_file_of_other_ports_gets_no_name(source, tmp_path, monkeypatch, options, change):
    if options.exporter == "dynamo":
        pytest.importorskip("onnxscript")
    write = onnx_variants._write

    def spoilt(*given):
        path = write(*given)
        model = onnx.load(path)
        port = model.graph.output[0] if change == "dtype" else model.graph.input[0]
        if change == "batch":
            port.type.tensor_type.shape.dim[0].dim_value = 1
        elif change == "name":
            for node in model.graph.node:
                node.input[:] = ["pixels" if name == port.name else name for name in node.input]
            port.name = "pixels"
        else:
            port.type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
        onnx.save(model, path)
        return path

    monkeypatch.setattr(onnx_variants, "_write", spoilt)
    with pytest.raises(ExportError, match=rf"expected {port_name(options)} \w+ \['batch_size', 3"):
        export_onnx(source, tmp_path / "m.onnx", options)
    assert list(tmp_path.iterdir()) == []


def port_name(options):
    return "image" if options.input == "image" else "input"


def test_external_data_needs_the_modern_exporter(source, tmp_path):
    with pytest.raises(UsageError):
        export_onnx(source, tmp_path / "m.onnx", OnnxOptions(external_data=True))


def test_the_command_writes_a_record(run, random_release, tmp_path):
    options = ("--release", random_release, "--target", "hailo8l", "--out", tmp_path / "a.onnx", "--json")
    code, text, err = run("export", "onnx", *options)
    assert code == 0, err
    assert json.loads((tmp_path / "a.onnx.json").read_text())["sha256"] == json.loads(text)["sha256"]
    assert np.isfinite(json.loads(text)["agreement"]["largest_difference"])
