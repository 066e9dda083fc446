"""What an ORT file says about itself is compared with the rest of it."""

import importlib
import struct
import time

import numpy as np
import pytest

from cardembed.embedders.files import open_artefact
from cardembed.embedders.onnx import input_size
from cardembed.embedders.onnx_safety import check_ort
from cardembed.errors import ArtefactError, ReleaseError


def graph_of(data):
    importlib.import_module("onnxruntime.tools.ort_format_model")  # puts the generated package into the path
    schema = importlib.import_module("ort_flatbuffers_py.fbs.InferenceSession")
    return schema.InferenceSession.GetRootAs(data, 0).Model().Graph()


def put(data, table, slot, form, value):
    """Overwrite a number of a table, by its place in the schema."""
    offset = table._tab.Offset(4 + 2 * slot)
    assert offset
    struct.pack_into(form, data, table._tab.Pos + offset, value)


def first(data, slot, table, form, value):
    """Overwrite a number in a vector of numbers."""
    struct.pack_into(form, data, table._tab.Vector(table._tab.Offset(4 + 2 * slot)), value)


def node(data, kind):
    graph = graph_of(data)
    return next(n for n in map(graph.Nodes, range(graph.NodesLength())) if n.OpType() == kind)


def argument(data, name):
    graph = graph_of(data)
    found = (graph.NodeArgs(place) for place in range(graph.NodeArgsLength()))
    return next(one for one in found if one.Name() == name)


def tensor_type(data, name):
    schema = importlib.import_module("ort_flatbuffers_py.fbs.TensorTypeAndShape")
    kind, union = schema.TensorTypeAndShape(), argument(data, name).Type().Value()
    kind.Init(union.Bytes, union.Pos)
    return kind


def many_operators(data):
    put(data, graph_of(data), 3, "<I", 0xFFFFFFF0)


def index_out_of_range(data):
    put(data, node(data, b"MatMul"), 4, "<I", 1000)


def waits_for_another(data):
    graph = graph_of(data)
    edges = next(e for e in map(graph.NodeEdges, range(graph.NodeEdgesLength())) if e.InputEdgesLength())
    first(data, 1, edges, "<I", 99)


def other_sides(data):
    graph = graph_of(data)
    tensors = map(graph.Initializers, range(graph.InitializersLength()))
    first(data, 2, next(t for t in tensors if t.DimsLength() == 4), "<q", 1 << 40)


def other_type(data):
    put(data, tensor_type(data, b"c"), 0, "<i", 2)  # uint8


def other_shape(data):
    side = tensor_type(data, b"embedding").Shape().Dim(1).Value()
    put(data, side, 1, "<q", 7)


def other_version(data):
    put(data, node(data, b"MatMul"), 3, "<i", 1)


def other_counts(data):
    first(data, 11, node(data, b"MatMul"), "<i", 7)


def no_text(data):
    """The name of the batch's axis."""
    side = tensor_type(data, b"input").Shape().Dim(0).Value()
    place = side._tab.Indirect(side._tab.Pos + side._tab.Offset(8))
    data[place + 4] = 0xFF


def root_beyond(data):
    struct.pack_into("<I", data, 0, len(data) + 8)


@pytest.mark.parametrize(
    ("edit", "match"),
    [
        (many_operators, "numbered up to"),
        (index_out_of_range, "numbered up to"),
        (waits_for_another, "waits for others"),
        (other_sides, "of shape"),
        (other_type, "stated as uint8"),
        (other_shape, "stated as"),
        (other_version, "MatMul of opset 1"),
        (other_counts, "inputs, which says"),
        (no_text, "no text"),
        (root_beyond, "out of"),
    ],
)
def test_what_is_not_so_is_refused(small_ort, tmp_path, edit, match):
    data = bytearray(small_ort.read_bytes())
    edit(data)
    (tmp_path / "m.ort").write_bytes(data)
    for opens in (open_artefact, input_size):
        started = time.process_time()
        with pytest.raises(ArtefactError, match=match) as error:
            opens(tmp_path / "m.ort")
        assert time.process_time() - started < 2
        assert "\n" not in str(error.value)


def test_cut_off_anywhere_is_refused(small_ort, tmp_path):
    data = small_ort.read_bytes()
    for end in range(0, len(data), 211):
        (tmp_path / "m.ort").write_bytes(data[:end])
        with pytest.raises(
            (ArtefactError, ReleaseError)
        ):  # by us, or in places that nobody reads by the runtime
            open_artefact(tmp_path / "m.ort")


def test_a_small_file_does_not_stand_for_a_huge_tree(small_ort):
    """A million references to the same table, as a flatbuffer may have."""
    builder = importlib.import_module("flatbuffers").Builder(0)
    entry = importlib.import_module("ort_flatbuffers_py.fbs.StringStringEntry")
    model = importlib.import_module("ort_flatbuffers_py.fbs.Model")
    session = importlib.import_module("ort_flatbuffers_py.fbs.InferenceSession")
    text = builder.CreateString("x" * 1000)
    entry.StringStringEntryStart(builder)
    entry.StringStringEntryAddKey(builder, text)
    entry.StringStringEntryAddValue(builder, text)
    same = entry.StringStringEntryEnd(builder)
    model.ModelStartMetadataPropsVector(builder, 1_000_000)
    for _ in range(1_000_000):
        builder.PrependUOffsetTRelative(same)
    props = builder.EndVector()
    model.ModelStart(builder)
    model.ModelAddMetadataProps(builder, props)
    made = model.ModelEnd(builder)
    session.InferenceSessionStart(builder)
    session.InferenceSessionAddModel(builder, made)
    builder.Finish(session.InferenceSessionEnd(builder), file_identifier=b"ORTM")
    started = time.process_time()
    with pytest.raises(ArtefactError, match="again and again"):
        check_ort(small_ort, bytes(builder.Output()))
    assert time.process_time() - started < 2


def test_a_sound_file_embeds_at_any_batch(small_ort):
    with open_artefact(small_ort, threads=1) as embedder:
        for count in (1, 3):
            batch = np.random.default_rng(0).normal(size=(count, 3, 16, 16)).astype(np.float32)
            assert embedder.embed_preprocessed(batch).shape == (count, 768)
