import json

import numpy as np
import onnx
import pytest

from cardembed.embedders.onnx_safety import check_onnx
from cardembed.errors import ArtefactError, UsageError
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
    assert record.version == f"opset {model.opset_import[0].version}"
    names = sorted(item.name for item in tmp_path.iterdir())
    assert names == (["m.onnx", "m.onnx.data"] if external else ["m.onnx"])
    assert bool(record.external_data) is external
    if external:
        with pytest.raises(ArtefactError, match="other files"):
            check_onnx(tmp_path / "m.onnx")


def test_external_data_needs_the_modern_exporter(source, tmp_path):
    with pytest.raises(UsageError):
        export_onnx(source, tmp_path / "m.onnx", OnnxOptions(external_data=True))


def test_the_command_writes_a_record(run, random_release, tmp_path):
    options = ("--release", random_release, "--target", "hailo8l", "--out", tmp_path / "a.onnx", "--json")
    code, text, err = run("export", "onnx", *options)
    assert code == 0, err
    assert json.loads((tmp_path / "a.onnx.json").read_text())["sha256"] == json.loads(text)["sha256"]
    assert np.isfinite(json.loads(text)["agreement"]["largest_difference"])
