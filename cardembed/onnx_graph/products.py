"""Rules for what sums up: products of matrices, convolutions, pools and reductions; and what they cost."""

from __future__ import annotations

import math
from collections.abc import Callable

from cardembed.onnx_graph.elementwise import broadcast_shapes
from cardembed.onnx_graph.values import Call, ShapeProblem, Value, axis_of, result

__all__ = ["RULES", "work_of"]

_REDUCTIONS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")
_LONGEST = 4096  # of a kernel, a stride, a padding


def _matmul(call: Call) -> list[Value]:
    left, right = call.input(0), call.input(1)
    if call.integer("transBatchA", 0) or call.integer("transBatchB", 0):
        raise ShapeProblem("batches that are turned")
    first, second = left.shape, right.shape
    if min(len(first), len(second)) < 2 and (not first or not second or call.operator != "MatMul"):
        raise ShapeProblem(f"a product of {list(first)} and {list(second)}")
    a = (1, *first) if len(first) == 1 else first
    b = (*second, 1) if len(second) == 1 else second
    rows, inner = a[-2:] if not call.integer("transA", 0) else a[:-3:-1]
    other, columns = b[-2:] if not call.integer("transB", 0) else b[:-3:-1]
    if inner != other or left.dtype != right.dtype:
        raise ShapeProblem(f"a product of {list(first)} and {list(second)}")
    tail = (rows,) * (len(first) > 1) + (columns,) * (len(second) > 1)
    return [result((*broadcast_shapes(a[:-2], b[:-2]), *tail), left.dtype)]


def _gemm(call: Call) -> list[Value]:
    left, right = call.input(0), call.input(1)
    if len(left.shape) != 2 or len(right.shape) != 2:
        raise ShapeProblem(f"a product of {list(left.shape)} and {list(right.shape)}")
    rows, inner = left.shape[::-1] if call.integer("transA", 0) else left.shape
    other, columns = right.shape[::-1] if call.integer("transB", 0) else right.shape
    bias = call.optional(2)
    fits = bias is None or broadcast_shapes(bias.shape, (rows, columns)) == (rows, columns)
    if inner != other or left.dtype != right.dtype or not fits:
        raise ShapeProblem(f"a product of {list(left.shape)} and {list(right.shape)}")
    return [result((rows, columns), left.dtype)]


def _window(call: Call, sides: tuple[int, ...], kernel: tuple[int, ...]) -> list[int]:
    """Sides of what a window that slides over `sides` gives."""
    rank = len(sides)
    if call.attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID") or call.integer(
        "ceil_mode", 0
    ):
        raise ShapeProblem("a padding that is not stated in numbers")
    stated = call.whole("kernel_shape")
    strides = call.whole("strides") or [1] * rank
    dilations = call.whole("dilations") or [1] * rank
    pads = call.whole("pads") or [0] * 2 * rank
    if call.attributes.get("auto_pad") == b"VALID":
        pads = [0] * 2 * rank
    whole = [*kernel, *strides, *dilations]
    if (
        not rank
        or (stated is not None and tuple(stated) != kernel)
        or not len(strides) == len(dilations) == len(kernel) == rank
        or len(pads) != 2 * rank
        or not 1 <= min(whole) <= max(whole) <= _LONGEST
        or not 0 <= min(pads) <= max(pads) <= _LONGEST
    ):
        raise ShapeProblem(f"a window {list(kernel)}, strides {strides}, paddings {pads} over {list(sides)}")
    reach = [(side - 1) * step + 1 for side, step in zip(kernel, dilations, strict=True)]
    spans = [side + pads[at] + pads[at + rank] - reach[at] for at, side in enumerate(sides)]
    if min(spans) < 0:
        raise ShapeProblem(f"a window {list(kernel)} that is larger than {list(sides)}")
    return [span // step + 1 for span, step in zip(spans, strides, strict=True)]


def _conv(call: Call) -> list[Value]:
    first, kernel = call.input(0), call.input(1)
    groups, bias, added = call.integer("group", 1), call.optional(2), call.optional(3)
    if len(first.shape) != len(kernel.shape) or len(first.shape) < 3 or groups < 1:
        raise ShapeProblem(f"a convolution of {list(first.shape)} by {list(kernel.shape)}")
    channels, given = kernel.shape[0], first.shape[1]
    if given != kernel.shape[1] * groups or channels % groups or first.dtype != kernel.dtype:
        raise ShapeProblem(f"a convolution of {list(first.shape)} by {list(kernel.shape)} in {groups} groups")
    if bias is not None and bias.shape != (channels,):
        raise ShapeProblem(f"a bias of shape {list(bias.shape)} for {channels} channels")
    made = result((first.shape[0], channels, *_window(call, first.shape[2:], kernel.shape[2:])), first.dtype)
    if added is not None and added.shape != made.shape:
        raise ShapeProblem(f"a sum of {list(added.shape)} and {list(made.shape)}")
    return [made]


def _pool(call: Call) -> list[Value]:
    first, kernel = call.input(0), tuple(call.whole("kernel_shape") or ())
    pads = call.whole("pads") or []
    call.only_output()
    if len(first.shape) < 3 or any(pad >= kernel[at % len(kernel)] for at, pad in enumerate(pads) if kernel):
        raise ShapeProblem(f"a pool {list(kernel)} of {list(first.shape)}")
    return [result((*first.shape[:2], *_window(call, first.shape[2:], kernel)), first.dtype)]


def _global_pool(call: Call) -> list[Value]:
    first = call.input(0)
    if len(first.shape) < 3:
        raise ShapeProblem(f"a pool of {list(first.shape)}")
    return [result((*first.shape[:2], *(1,) * (len(first.shape) - 2)), first.dtype)]


def _reduce(call: Call) -> list[Value]:
    first, axes = call.input(0), call.axes(1)
    rank, keep = len(first.shape), call.integer("keepdims", 1)
    if not axes and call.integer("noop_with_empty_axes", 0):
        raise ShapeProblem("a reduction of nothing")
    gone = {axis_of(axis, rank) for axis in axes} if axes else {*range(rank)}
    sides = [1 if axis in gone else side for axis, side in enumerate(first.shape) if keep or axis not in gone]
    return [result(sides, first.dtype)]


def work_of(call: Call, made: list[Value]) -> tuple[int, int]:
    """Multiplications of a product or a window; of anything else 0, and the numbers it reads and writes."""
    results = sum(value.elements for value in made)
    first, second = call.inputs[:1], call.optional(1)
    if call.operator in ("MatMul", "FusedMatMul", "Gemm", "FusedGemm") and first and first[0] is not None:
        shape = first[0].shape
        turned = call.integer("transA", 0) and len(shape) > 1
        return results * (shape[-2] if turned else shape[-1]), 0
    if call.operator in ("Conv", "FusedConv") and second is not None:
        return results * math.prod(second.shape[1:]), 0
    if call.operator in ("MaxPool", "AveragePool"):
        return results * math.prod(call.whole("kernel_shape") or ()), 0
    return 0, results + sum(value.elements for value in call.inputs if value is not None)


RULES: dict[tuple[str, str], Callable[[Call], list[Value]]] = {
    ("", "MatMul"): _matmul,
    ("", "Gemm"): _gemm,
    ("", "Conv"): _conv,
    ("", "MaxPool"): _pool,
    ("", "AveragePool"): _pool,
    ("", "GlobalAveragePool"): _global_pool,
    ("", "GlobalMaxPool"): _global_pool,
    **{("", f"Reduce{name}"): _reduce for name in _REDUCTIONS},
    ("com.microsoft", "FusedMatMul"): _matmul,
    ("com.microsoft", "FusedConv"): _conv,
    ("com.microsoft", "FusedGemm"): _gemm,
}
"""By domain and name."""
