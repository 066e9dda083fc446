"""Constants in ONNX Runtime's own format."""

from __future__ import annotations

import math
from typing import Any

from cardembed.onnx_graph.conversions import dtype_of
from cardembed.onnx_graph.flatbuffer import FlatbufferProblem, Table
from cardembed.onnx_graph.values import FEW

__all__ = ["read_tensor", "text_of", "there"]

_DATA = -1  # external_data_offset of what lies in the file itself


def there(table: Table | None, name: str) -> Table:
    """A table that must not be missing."""
    if table is None:
        raise FlatbufferProblem(f"no {name}")
    return table


def text_of(text: bytes) -> str:
    """A name."""
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise FlatbufferProblem("a name that is no text") from error


def read_tensor(source: Table, tensor: Any) -> int:  # noqa: ANN401 - onnx.TensorProto, whose types are generated
    """Fill in a tensor, without its numbers where they are many; gives how many bytes it has.

    Raises:
        FlatbufferProblem: It has other bytes than its shape needs, or has them elsewhere.
        ShapeProblem: A type that no export has.
    """
    dims, raw = source.integers(2, "q"), source.vector(4, 1)
    tensor.name, tensor.data_type = text_of(source.text(0)), source.integer(3, "i")
    dtype = dtype_of(tensor.data_type)
    if source.integer(6, "q", _DATA) != _DATA or source.vector(5, 4):
        raise FlatbufferProblem(f"the tensor {tensor.name} in another file, or of texts")
    if any(side < 0 for side in dims) or math.prod(dims) * dtype.itemsize != len(raw):
        raise FlatbufferProblem(f"{len(raw)} bytes for {tensor.name} of shape {dims[:8]}")
    tensor.dims.extend(dims)
    if math.prod(dims) <= FEW:
        tensor.raw_data = bytes(raw)
    return len(raw)
