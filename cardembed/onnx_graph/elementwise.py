"""Rules for results number by number: of the input's shape, or of the inputs' shapes broadcast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.onnx_graph.values import FEW, Call, ShapeProblem, Value, axis_of, known, result

__all__ = ["RULES", "broadcast_shapes"]

_SAME = (
    "Abs", "Acos", "Asin", "Atan", "Ceil", "Celu", "Clip", "Cos", "Elu", "Erf", "Exp", "Floor", "Gelu",
    "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Log", "Mish", "Neg", "Reciprocal", "Relu", "Round",
    "Selu", "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Sqrt", "Tan", "Tanh", "ThresholdedRelu",
)  # fmt: skip
_ALONG = ("Softmax", "LogSoftmax", "LpNormalization")
_BROADCAST = ("Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Sum", "Mean", "PRelu")
_COMPARED = ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Xor")
_NORMS = (
    "LayerNormalization", "BatchNormalization", "InstanceNormalization", "GroupNormalization",
    "SimplifiedLayerNormalization",
)  # fmt: skip


def _divided(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    if left.dtype.kind == "f":
        return np.asarray(left / right)
    # Toward zero, as in C. Zero and −1 were refused: numpy need not be asked what they give.
    return np.asarray(np.sign(left) * np.sign(right) * (np.abs(left) // np.abs(right)))


_COMPUTED: dict[str, Callable[..., Any]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": _divided, "Min": np.minimum,
    "Max": np.maximum, "Equal": np.equal, "Greater": np.greater, "Less": np.less,
    "GreaterOrEqual": np.greater_equal, "LessOrEqual": np.less_equal, "Neg": np.negative, "Abs": np.abs,
    "Floor": np.floor, "Ceil": np.ceil, "Sqrt": np.sqrt, "Not": np.logical_not, "Identity": np.array,
    "Where": np.where,
}  # fmt: skip
"""What shapes are computed with."""


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of what is computed of several, number by number."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise ShapeProblem(f"shapes that do not fit: {', '.join(map(str, shapes))}") from error


def _computed(call: Call, shape: tuple[int, ...], dtype: np.dtype[Any]) -> list[Value]:
    made = result(shape, dtype)
    numbers = [value.numbers for value in call.inputs if value is not None]
    how = _COMPUTED.get(call.operator)
    if how is None or made.elements > FEW or any(number is None for number in numbers):
        return [made]
    try:
        with np.errstate(all="ignore"):
            return [known(np.asarray(how(*numbers)).astype(dtype).reshape(shape))]
    except TypeError:  # three arguments of a minimum: no shape is computed so
        return [made]


def _same(call: Call) -> list[Value]:
    call.only_output()
    first = call.input(0)
    return _computed(call, first.shape, first.dtype)


def _normalised(call: Call) -> list[Value]:
    call.only_output()
    first = call.input(0)
    axis_of(call.integer("axis", -1), len(first.shape))
    return [result(first.shape, first.dtype)]


def _skip_norm(call: Call) -> list[Value]:
    first = call.input(0)
    if any(call.outputs[1:3]):
        raise ShapeProblem("mean and deviation as results")
    return [result(first.shape, first.dtype) for _ in call.outputs]


def _broadcast(call: Call) -> list[Value]:
    values = [call.input(place) for place in range(len(call.inputs))]
    kinds = {value.dtype for value in values}
    if not values or (len(kinds) > 1 and call.operator != "Pow"):
        raise ShapeProblem("inputs of several types")
    if call.operator == "Div" and values[0].dtype.kind in "iu":
        divisor = call.numbers(1)
        if not divisor.size or (divisor == 0).any() or (divisor.astype(np.float64) == -1).any():
            raise ShapeProblem(
                "whole numbers divided by 0 or −1"
            )  # the processor itself ends a program there
    if call.operator == "Pow" and values[0].dtype.kind != "f":
        raise ShapeProblem("powers of whole numbers")
    call.only_output()
    shape = broadcast_shapes(*(value.shape for value in values))
    return _computed(call, shape, values[0].dtype)


def _compared(call: Call) -> list[Value]:
    left, right = call.input(0), call.input(1)
    return _computed(call, broadcast_shapes(left.shape, right.shape), np.dtype(bool))


def _not(call: Call) -> list[Value]:
    return _computed(call, call.input(0).shape, np.dtype(bool))


def _where(call: Call) -> list[Value]:
    values = [call.input(place) for place in range(3)]
    return _computed(call, broadcast_shapes(*(value.shape for value in values)), values[1].dtype)


def _biased(call: Call) -> list[Value]:
    first, bias = call.input(0), call.optional(1)
    if bias is not None and bias.shape != first.shape[-1:]:
        raise ShapeProblem(f"a bias of shape {list(bias.shape)} for {list(first.shape)}")
    return [result(first.shape, first.dtype)]


def _dropout(call: Call) -> list[Value]:
    first = call.input(0)
    return [result(first.shape, first.dtype), result(first.shape, np.dtype(bool))][: len(call.outputs)]


RULES: dict[tuple[str, str], Callable[[Call], list[Value]]] = {
    **{("", name): _same for name in _SAME},
    **{("", name): _normalised for name in _ALONG},
    **{("", name): _normalised for name in _NORMS},
    **{("", name): _broadcast for name in _BROADCAST},
    **{("", name): _compared for name in _COMPARED},
    ("", "Not"): _not,
    ("", "Where"): _where,
    ("", "Dropout"): _dropout,
    **{("com.microsoft", name): _same for name in ("Gelu", "QuickGelu")},
    **{("com.microsoft", name): _biased for name in ("BiasGelu", "FastGelu")},
    ("com.microsoft", "SkipLayerNormalization"): _skip_norm,
}
"""By domain and name."""
