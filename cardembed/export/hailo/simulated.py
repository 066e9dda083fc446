"""An INT8 network packed as a simulated HEF: what the simulated chip executes in place of a compiled one.

The packed network is the one that `hailo8l` is judged on without a chip, integer by integer: its last
operation already gives 8-bit numbers, whose scale and zero point become the simulated HEF's. Nothing here
needs PyTorch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.embedders.onnx_safety import parse_checked
from cardembed.errors import ExportError
from cardembed.hailo.simulator.container import Quant, SimulatedHef, write_simulated_hef

__all__ = ["pack_int8"]


def pack_int8(int8: Path, out: Path, *, network: str) -> SimulatedHef:
    """Write the simulated HEF of an INT8 network; equal networks give equal bytes.

    Args:
        int8: As `export.hailo.int8.quantise` writes it: raw pixels (batch, S, S, 3) to features (batch, D).
        out: The file, atomically; the suffix `.simhef` is usual.
        network: The name of the network group.

    Returns:
        Its manifest.

    Raises:
        ArtefactError: No ONNX file.
        ExportError: Another network: other ports, or an output that is no 8-bit number.
    """
    data = int8.read_bytes()
    graph = parse_checked(int8, data).graph
    sides = [_sides(port) for port in (*graph.input, *graph.output)]
    if [len(shape) for shape in sides] != [3, 1] or sides[0] != [sides[0][0]] * 2 + [3]:
        raise _other(int8, f"ports of the shapes {sides}")
    return write_simulated_hef(
        out, data, size=sides[0][0], features=sides[1][0], output=_quantisation(int8, graph), network=network
    )


def _sides(port: Any) -> list[int]:  # noqa: ANN401 - onnx publishes no types
    return [int(axis.dim_value) for axis in port.type.tensor_type.shape.dim][1:]


def _quantisation(int8: Path, graph: Any) -> tuple[Quant, ...]:  # noqa: ANN401 - onnx publishes no types
    """Scale and zero point of the operation that gives the output."""
    from onnx import numpy_helper

    last = next((node for node in graph.node if graph.output[0].name in node.output), None)
    if last is None or last.op_type != "DequantizeLinear" or len(last.input) != 3:
        raise _other(int8, f"an output by {'nothing' if last is None else last.op_type}")
    constants = {tensor.name: tensor for tensor in graph.initializer}
    if not set(last.input[1:]) <= constants.keys():
        raise _other(int8, "an output whose scale is computed")
    scale, zero = (np.atleast_1d(numpy_helper.to_array(constants[name])) for name in last.input[1:])
    if zero.dtype != np.uint8:
        raise _other(int8, f"an output of {zero.dtype}")
    return _pairs(scale, zero)


def _pairs(scale: NDArray[Any], zero: NDArray[Any]) -> tuple[Quant, ...]:
    return tuple(Quant(scale=float(s), zero_point=float(z)) for s, z in zip(scale, zero, strict=True))


def _other(int8: Path, found: str) -> ExportError:
    return ExportError(
        int8.name,
        expected="an INT8 network from pixels (batch, S, S, 3) to features (batch, D) in 8 bits",
        found=found,
        action="quantise it with cardembed.export.hailo.int8.quantise",
    )
