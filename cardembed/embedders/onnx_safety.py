"""What an ONNX file may hold, checked before ONNX Runtime sees it: a hostile file costs a clear error."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import Any

from cardembed.errors import ArtefactError

__all__ = ["LARGEST_FILE", "check_onnx", "check_ort", "parse_checked"]

LARGEST_FILE = (2 << 30) - 1
"""Bytes: protobuf's own limit."""
_LARGEST_TENSOR = 8 << 30  # bytes; the largest of the profiles' models has 1.2 GB altogether
_LARGEST_SIDE = 1 << 31
_DEEPEST = 8
_FEW = 64  # numbers of a shape, a padding or scales
_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
_FIELDS = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")


def check_onnx(path: Path, *, external_data: bool = False) -> Any:  # noqa: ANN401 - generated types
    """Read and check a file; gives its `onnx.ModelProto`, external data not loaded.

    Args:
        path: The file.
        external_data: Whether tensors may lie in other files, all of them in the same folder.

    Raises:
        ArtefactError: As `parse_checked`; or it is larger than protobuf allows.
    """
    size = path.stat().st_size if path.is_file() else -1
    if not 0 < size <= LARGEST_FILE:
        raise _bad(path, "no file" if size < 0 else f"{size} bytes")
    return parse_checked(path, path.read_bytes(), external_data=external_data)


def parse_checked(path: Path, data: bytes, *, external_data: bool = False) -> Any:  # noqa: ANN401
    """The model in a file's bytes, after its tensors and shapes were checked. Nothing is executed.

    Raises:
        ArtefactError: No ONNX; operators of unknown domains; a tensor whose bytes do not fit its shape, or
            which lies outside of its file or folder, behind a link or beyond a file's end.
    """
    import onnx

    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's DecodeError has moved between its versions
        raise _bad(path, f"no ONNX model ({error})") from error
    if not model.graph.node:
        raise _bad(path, "no ONNX model (it has no operators)")
    own = {function.domain for function in model.functions}
    bodies = [model.graph, *model.functions]
    for body in bodies:
        for graph in _graphs(path, body, 0):
            _check_graph(path, graph, own, external_data=external_data)
    return model


def check_ort(path: Path, data: bytes) -> None:
    """Refuse (ArtefactError) what is no file in ONNX Runtime's own format; it verifies its buffers itself."""
    if data[4:8] != b"ORTM":
        raise _bad(path, "no ORT file (its identifier is missing)")


def _graphs(path: Path, graph: Any, depth: int) -> Iterator[Any]:  # noqa: ANN401
    if depth > _DEEPEST:
        raise _bad(path, "graphs within graphs without end")
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            inner = [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]
            for one in inner:
                yield from _graphs(path, one, depth + 1)


def _check_graph(path: Path, graph: Any, own: set[str], *, external_data: bool) -> None:  # noqa: ANN401
    tensors = [*getattr(graph, "initializer", ())]
    sparse = [*getattr(graph, "sparse_initializer", ())]
    for node in graph.node:
        if node.domain not in _DOMAINS and node.domain not in own:
            raise _bad(path, f"the operator {node.op_type} of the unknown domain {node.domain!r}")
        for attribute in node.attribute:
            tensors += [*attribute.tensors, *([attribute.t] if attribute.HasField("t") else [])]
            sparse += [*attribute.sparse_tensors]
            sparse += [attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []
    if sparse:
        raise _bad(path, "sparse tensors, which no export has")
    for tensor in tensors:
        _check_tensor(path, tensor, external_data=external_data)
    _check_fills(path, graph, {tensor.name: tensor for tensor in tensors})
    for name in ("input", "output", "value_info"):
        for port in getattr(graph, name, ()):
            if hasattr(port, "type"):
                sides = [axis.dim_value for axis in port.type.tensor_type.shape.dim]
                if (
                    any(side < 0 for side in sides)
                    or math.prod(max(side, 1) for side in sides) > _LARGEST_SIDE
                ):
                    raise _bad(path, f"{port.name} of shape {sides}")


def _check_tensor(path: Path, tensor: Any, *, external_data: bool) -> None:  # noqa: ANN401
    import onnx

    dims = list(tensor.dims)
    try:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    except (KeyError, ValueError, TypeError) as error:
        raise _bad(path, f"the tensor {tensor.name} of an unknown type") from error
    if any(side < 0 for side in dims) or math.prod(dims) * max(dtype.itemsize, 1) > _LARGEST_TENSOR:
        raise _bad(path, f"the tensor {tensor.name} of shape {dims}")
    wanted = math.prod(dims)
    packed = dtype.itemsize == 1 and dtype.kind == "V"  # four-bit and smaller numbers share bytes
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        if not external_data:
            raise _bad(path, "tensors in other files")
        _check_external(path, tensor, wanted * dtype.itemsize)
    elif tensor.HasField("raw_data"):
        if len(tensor.raw_data) != wanted * dtype.itemsize and not packed:
            raise _bad(path, f"{len(tensor.raw_data)} bytes for {tensor.name} of shape {dims}")
    elif tensor.data_type != onnx.TensorProto.STRING:
        numbers = max(len(getattr(tensor, field)) for field in _FIELDS)
        if numbers not in (wanted, 2 * wanted) and not packed:
            raise _bad(path, f"{numbers} numbers for {tensor.name} of shape {dims}")


def _check_fills(path: Path, graph: Any, tensors: dict[str, Any]) -> None:  # noqa: ANN401
    """Operators that make a large result of a small constant."""
    from onnx import numpy_helper

    constants = {**tensors, **_constant_nodes(graph)}
    for node in graph.node:
        if node.op_type in ("ConstantOfShape", "Expand", "Tile", "Reshape", "Resize", "Pad"):
            for name in node.input[:1] if node.op_type == "ConstantOfShape" else node.input[1:]:
                tensor = constants.get(name)
                if tensor is None or tensor.external_data or math.prod(tensor.dims) > _FEW:
                    continue
                try:
                    sides = [abs(float(side)) for side in numpy_helper.to_array(tensor).reshape(-1)]
                except (ValueError, TypeError) as error:
                    raise _bad(path, f"{node.op_type} of what are no numbers ({error})") from error
                if math.prod(max(side, 1.0) for side in sides) > _LARGEST_SIDE:
                    raise _bad(path, f"{node.op_type} to shape {sides}")


def _constant_nodes(graph: Any) -> dict[str, Any]:  # noqa: ANN401 - generated types
    """Tensors that operators `Constant` give, by the names under which others read them; numbers alone."""
    import numpy as np
    from onnx import numpy_helper

    found = {}
    for node in graph.node:
        if node.op_type == "Constant" and node.output:
            for attribute in node.attribute:
                numbers = [*attribute.ints, *attribute.floats][: _FEW + 1]
                if attribute.HasField("t"):
                    found[node.output[0]] = attribute.t
                elif numbers:
                    found[node.output[0]] = numpy_helper.from_array(np.array(numbers, np.float64))
    return found


def _check_external(path: Path, tensor: Any, wanted: int) -> None:  # noqa: ANN401
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    windows = PureWindowsPath(location)
    plain = location and "\0" not in location and windows.name == location and location not in (".", "..")
    if not plain or windows.drive:
        raise _bad(path, f"{tensor.name} in {location!r}, which is no file of the same folder")
    other = path.parent / location
    if other.is_symlink() or not other.is_file():
        raise _bad(
            path, f"{tensor.name} in {location!r}, which is {'a link' if other.is_symlink() else 'missing'}"
        )
    size = other.stat().st_size
    try:
        offset = int(entries.get("offset", "0"))
        length = int(entries.get("length", str(size - offset)))
    except ValueError as error:
        raise _bad(path, f"{tensor.name} at {entries}") from error
    if offset < 0 or length != wanted or offset + length > size:
        raise _bad(path, f"{tensor.name} at {offset}, {length} bytes of {wanted}, in a file of {size}")


def _bad(path: Path, found: str) -> ArtefactError:
    return ArtefactError(
        path,
        expected="an ONNX file as `cardembed export onnx` writes it",
        found=found,
        action="export it again",
    )
