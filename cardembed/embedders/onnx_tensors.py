"""Constants of an ONNX file: as many bytes as their shapes need, in the file or in its own folder."""

from __future__ import annotations

import math
from pathlib import Path, PureWindowsPath
from typing import Any

from cardembed.onnx_graph.conversions import dtype_of
from cardembed.onnx_graph.values import ShapeProblem

__all__ = ["check_tensors"]

_LARGEST_TENSOR = 8 << 30  # bytes; the largest of the profiles' models has 1.2 GB altogether
_FIELDS = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")


def check_tensors(path: Path, graph: Any, *, external_data: bool = False) -> None:  # noqa: ANN401
    """Look at the constants of an `onnx.GraphProto`, and at those that its operators carry.

    Args:
        path: The file, beside which others may lie.
        graph: Of the file.
        external_data: Whether tensors may lie in other files, all of them in the same folder.

    Raises:
        ShapeProblem: A tensor whose bytes do not fit its shape, or which lies outside of its file or folder,
            behind a link or beyond a file's end.
    """
    tensors = [*graph.initializer]
    sparse = bool(graph.sparse_initializer)
    for node in graph.node:
        for attribute in node.attribute:
            tensors += [*attribute.tensors, *([attribute.t] if attribute.HasField("t") else [])]
            sparse |= bool(attribute.sparse_tensors) or attribute.HasField("sparse_tensor")
    if sparse:
        raise ShapeProblem("sparse tensors, which no export has")
    for tensor in tensors:
        _check_tensor(path, tensor, external_data=external_data)


def _check_tensor(path: Path, tensor: Any, *, external_data: bool) -> None:  # noqa: ANN401
    import onnx

    dims = list(tensor.dims)
    try:
        dtype = dtype_of(tensor.data_type)
    except ShapeProblem as problem:
        raise ShapeProblem(f"the tensor {tensor.name} with {problem}") from problem
    wanted = math.prod(dims)
    if any(side < 0 for side in dims) or wanted * dtype.itemsize > _LARGEST_TENSOR:
        raise ShapeProblem(f"the tensor {tensor.name} of shape {dims[:8]}")
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        if not external_data:
            raise ShapeProblem("tensors in other files")
        _check_external(path, tensor, wanted * dtype.itemsize)
    elif tensor.HasField("raw_data"):
        if len(tensor.raw_data) != wanted * dtype.itemsize:
            raise ShapeProblem(f"{len(tensor.raw_data)} bytes for {tensor.name} of shape {dims[:8]}")
    else:
        numbers = sum(len(getattr(tensor, field)) for field in _FIELDS)
        if numbers != wanted:
            raise ShapeProblem(f"{numbers} numbers for {tensor.name} of shape {dims[:8]}")


def _check_external(path: Path, tensor: Any, wanted: int) -> None:  # noqa: ANN401
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    windows = PureWindowsPath(location)
    plain = location and "\0" not in location and windows.name == location and location not in (".", "..")
    if not plain or windows.drive:
        raise ShapeProblem(f"{tensor.name} in {location[:200]!r}, which is no file of the same folder")
    other = path.parent / location
    try:
        link, there = other.is_symlink(), other.is_file()
    except OSError as error:  # a name longer than file systems take
        raise ShapeProblem(f"{tensor.name} in {location[:200]!r}, which is missing ({error})") from error
    if link or not there:
        raise ShapeProblem(f"{tensor.name} in {location!r}, which is {'a link' if link else 'missing'}")
    size = other.stat().st_size
    try:
        offset = int(entries.get("offset", "0"))
        length = int(entries.get("length", str(size - offset)))
    except ValueError as error:
        raise ShapeProblem(f"{tensor.name} at {str(entries)[:200]}") from error
    if offset < 0 or length != wanted or offset + length > size:
        raise ShapeProblem(f"{tensor.name} at {offset}, {length} bytes of {wanted}, in a file of {size}")
