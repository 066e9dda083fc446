"""The shapes that are reasoned out before a file is run are those that ONNX Runtime gives."""

import numpy as np
import onnx
import pytest

from cardembed.embedders.onnx_safety import check_onnx, check_ort
from cardembed.embedders.sessions import open_session
from cardembed.export.onnx_variants import OnnxOptions, export_onnx
from cardembed.export.ort import export_ort
from cardembed.export.source import source_of_target
from cardembed.onnx_graph.bounds import GraphBounds
from cardembed.release import Release


def computed(model, batch):
    """Shape and type of every result, by ONNX Runtime, without its rewriting."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    entry = graph.input[0]
    sides = [batch, *(axis.dim_value for axis in entry.type.tensor_type.shape.dim[1:])]
    names = [name for node in graph.node for name in node.output if name]
    del graph.output[:], graph.value_info[:]
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = open_session(model.SerializeToString(), threads=1, as_written=True)
    feed = np.ones(sides, onnx.helper.tensor_dtype_to_np_dtype(entry.type.tensor_type.elem_type))
    found = session.run(names, {entry.name: feed})
    return {name: (value.shape, value.dtype) for name, value in zip(names, found, strict=True)}


@pytest.mark.parametrize("target", ["android", "hailo8l"])
@pytest.mark.parametrize(
    "options", [OnnxOptions(), OnnxOptions(input="image"), OnnxOptions(exporter="dynamo")], ids=str
)
def test_they_are_those_of_the_runtime(random_release, tmp_path, target, options):
    if options.exporter == "dynamo":
        pytest.importorskip("onnxscript")
    export_onnx(source_of_target(Release.load(random_release), target), tmp_path / "m.onnx", options)
    model = check_onnx(tmp_path / "m.onnx")
    for batch in (1, 3):
        reasoned = GraphBounds(model.graph).shapes(batch)
        for name, found in computed(model, batch).items():
            assert (reasoned[name].shape, reasoned[name].dtype) == found, name


@pytest.mark.parametrize("target", ["android", "hailo8l"])
def test_an_ort_file_of_ours_is_what_it_says(random_release, tmp_path, target):
    export_ort(source_of_target(Release.load(random_release), target), tmp_path / "m.ort")
    checked = check_ort(tmp_path / "m.ort", (tmp_path / "m.ort").read_bytes())
    for batch in (2, 32):
        checked.check(batch)
