"""The ports of a written ONNX file, read from it and compared with what its readers rely on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cardembed.export.onnx import differs
from cardembed.export.record import Port
from cardembed.onnx_graph.conversions import dtype_of
from cardembed.onnx_graph.values import ShapeProblem

__all__ = ["check_ports"]

Ports = tuple[Port, ...]


def check_ports(path: Path, model: Any, inputs: Ports, outputs: Ports) -> tuple[Ports, Ports]:  # noqa: ANN401 - generated types
    """Inputs and outputs that a model states; weights that are listed as inputs are none.

    Args:
        path: The file, for errors.
        model: Its `onnx.ModelProto`.
        inputs: What the file has to state: names, types, sides; a name for one that is not fixed.
        outputs: The same. The exporter by tracing leaves an embedding's length open.

    Raises:
        ExportError: It states others.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    try:
        found = (
            _read(port for port in model.graph.input if port.name not in weights),
            _read(model.graph.output),
        )
    except ShapeProblem as problem:
        raise differs(path, "inputs and outputs of numbers", str(problem)) from problem
    entries, exits = found
    exits = tuple(map(_filled, exits, outputs)) if len(exits) == len(outputs) else exits
    if (entries, exits) != (inputs, outputs):
        raise differs(path, _text(inputs, outputs), _text(*found))
    return entries, exits


def _filled(found: Port, promised: Port) -> Port:
    """An output with the length that it has to have where the file leaves it open; a run shows what it is."""
    if len(found.shape) != len(promised.shape):
        return found
    shape = (
        wanted if isinstance(side, str) and isinstance(wanted, int) else side
        for side, wanted in zip(found.shape, promised.shape, strict=True)
    )
    return replace(found, shape=tuple(shape))


def _read(ports: Iterable[Any]) -> Ports:
    return tuple(
        Port(
            port.name,
            str(dtype_of(port.type.tensor_type.elem_type)),
            tuple(axis.dim_param or int(axis.dim_value) for axis in port.type.tensor_type.shape.dim),
        )
        for port in ports
    )


def _text(inputs: Ports, outputs: Ports) -> str:
    def side(ports: Ports) -> str:
        return ", ".join(f"{port.name} {port.dtype} {list(port.shape)}" for port in ports) or "nothing"

    return f"{side(inputs)} to {side(outputs)}"
