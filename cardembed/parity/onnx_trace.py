"""Every result of an ONNX model, computed by ONNX Runtime without its own rewriting of the graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.embedders.onnx_safety import CheckedGraph
from cardembed.embedders.sessions import open_session
from cardembed.errors import ArtefactError
from cardembed.parity.trace import Recorder, Trace

__all__ = ["trace_onnx"]

AT_ONCE = 64
"""Results that one run hands out: all of a ConvNeXt-Base at 384 × 384 would take gigabytes."""

Model = Any
"""An `onnx.ModelProto`; onnx publishes no types."""


def trace_onnx(model: Model, batch: NDArray[Any], *, source: str) -> Trace:
    """Run a model and keep a summary of every result.

    Args:
        model: As `check_onnx` gives it, with one input (N, 3, S, S) and one output (N, D) float32.
        batch: (N, 3, S, S) of the input's dtype: float32, or uint8 RGB.
        source: For people.

    Raises:
        ArtefactError: It parses, but ONNX Runtime cannot run it, or it needs too much at this batch.
    """
    CheckedGraph(Path(source), model.graph).check(len(batch))
    try:
        return _trace(model, batch, source)
    except Exception as error:  # ONNX Runtime's own classes, which differ between versions
        raise ArtefactError(
            source, expected="a file that ONNX Runtime can run", found=str(error), action="export it again"
        ) from error


def _trace(model: Model, batch: NDArray[Any], source: str) -> Trace:
    import onnx

    model = onnx.shape_inference.infer_shapes(model)  # a copy, whose outputs are replaced below
    graph = model.graph
    ports = {value.name: value for value in (*graph.value_info, *graph.output)}
    floats = {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE}
    entry, final = graph.input[0].name, graph.output[0].name
    nodes = [
        (node, name)
        for node in graph.node
        if node.op_type != "Constant"
        for name in node.output
        if name in ports and ports[name].type.tensor_type.elem_type in floats
    ]
    held = {entry, *(name for _, name in nodes)}
    recorder = Recorder()
    recorder.add(entry, "input", (), batch)
    output: NDArray[np.floating] = np.zeros((0, 0))
    for start in range(0, len(nodes), AT_ONCE):
        part = nodes[start : start + AT_ONCE]
        asked = [ports[name] for _, name in part]
        del graph.output[:]
        graph.output.extend(asked)
        results = _run(model, batch)
        for node, name in part:
            recorder.add(name, node.op_type, [one for one in node.input if one in held], results[name])
        output = results.get(final, output)
    return Trace(source, tuple(recorder.values), output.astype(np.float64))


def _run(model: Model, batch: NDArray[Any]) -> dict[str, NDArray[np.floating]]:
    """The model's outputs by name."""
    session = open_session(model.SerializeToString(), as_written=True)
    names = [port.name for port in session.get_outputs()]
    return dict(zip(names, session.run(names, {model.graph.input[0].name: batch}), strict=True))
