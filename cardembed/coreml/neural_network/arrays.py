"""Layers without weights: arithmetic, reductions and shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cardembed.coreml.neural_network.reader import Builder

__all__ = ["LAYERS"]

Message = Any  # generated protobuf classes


def _chain(operation: str, scalar: bool) -> Callable[[Builder, Message], None]:
    def translate(build: Builder, layer: Message) -> None:
        if len(build.inputs) == 1:
            if not scalar:
                raise ValueError("one input")
            build.emit(operation, x=build.x, y=float(layer.alpha))
            return
        total = build.x
        for name in build.inputs[1:-1]:
            total = build.between(operation, x=total, y=name)
        build.emit(operation, x=total, y=build.inputs[-1])

    return translate


def _plain(operation: str) -> Callable[[Builder, Message], None]:
    def translate(build: Builder, _: Message) -> None:
        build.emit(operation, x=build.x)

    return translate


def _reduction(operation: str) -> Callable[[Builder, Message], None]:
    def translate(build: Builder, layer: Message) -> None:
        axes = None if layer.reduceAll else [int(axis) for axis in layer.axes]
        build.emit(operation, x=build.x, axes=axes, keep_dims=bool(layer.keepDims))

    return translate


def _unary(build: Builder, layer: Message) -> None:
    x = build.x
    if layer.scale != 1:
        x = build.between("mul", x=x, y=float(layer.scale))
    if layer.shift != 0:
        x = build.between("add", x=x, y=float(layer.shift))
    alpha, epsilon = float(layer.alpha), float(layer.epsilon)
    known: tuple[tuple[str, dict[str, float]], ...] = (
        ("sqrt", {}),
        ("rsqrt", {"epsilon": epsilon}),
        ("inverse", {"epsilon": epsilon}),
        ("pow", {"y": alpha}),
        ("exp", {}),
        ("log", {"epsilon": 0.0}),
        ("abs", {}),
        ("threshold", {"alpha": alpha}),
    )
    operation, arguments = build.variant(layer, "type", known)
    build.emit(operation, x=x, **arguments)


def _slice(build: Builder, layer: Message) -> None:
    axis = int(layer.axis) - 3
    x = build.x
    if layer.startIndex < 0 or layer.endIndex <= layer.startIndex:
        raise ValueError(f"the slice {layer.startIndex}:{layer.endIndex}")
    build.emit(
        "slice_axis",
        x=x,
        axis=axis,
        begin=int(layer.startIndex),
        end=int(layer.endIndex),
        stride=int(layer.stride),
    )


def _slice_static(build: Builder, layer: Message) -> None:
    rank = len(layer.beginIds)
    build.emit(
        "slice_by_index",
        x=build.x,
        begin=list(layer.beginIds),
        end=list(layer.endIds),
        stride=list(layer.strides) or [1] * rank,
        begin_mask=list(layer.beginMasks) or [0] * rank,
        end_mask=list(layer.endMasks) or [0] * rank,
        squeeze_mask=list(layer.squeezeMasks) or [0] * rank,
    )


def _split(build: Builder, layer: Message) -> None:
    sizes = list(layer.splitSizes)
    build.emit(
        "split", x=build.x, axis=int(layer.axis), split_sizes=sizes or None,
        num_splits=None if sizes else int(layer.numSplits),
    )  # fmt: skip


def _concat(build: Builder, layer: Message) -> None:
    if layer.sequenceConcat:  # along the sequence, an axis in front of those that networks here have
        raise build.unsupported("sequenceConcat")
    build.emit("concat", values=build.inputs, axis=-3)


def _gelu(build: Builder, layer: Message) -> None:
    modes = ("EXACT", "TANH_APPROXIMATION", "SIGMOID_APPROXIMATION")
    build.emit("gelu", x=build.x, mode=build.variant(layer, "mode", modes))


def _squeeze(build: Builder, layer: Message) -> None:
    build.emit("squeeze", x=build.x, axes=None if layer.squeezeAll else list(layer.axes))


LAYERS: Mapping[str, Callable[[Builder, Message], None]] = {
    "add": _chain("add", scalar=True),
    "addBroadcastable": _chain("add", scalar=False),
    "clip": lambda build, layer: build.emit(
        "clip", x=build.x, alpha=float(layer.minVal), beta=float(layer.maxVal)
    ),
    "concat": _concat,
    "concatND": lambda build, layer: build.emit(
        "concat", values=build.inputs, axis=int(layer.axis), interleave=bool(layer.interleave)
    ),
    "constantPad": lambda build, layer: build.emit(
        "pad", x=build.x, pad=list(layer.padAmounts), constant_val=float(layer.value)
    ),
    "copy": _plain("identity"),
    "divideBroadcastable": _chain("real_div", scalar=False),
    "erf": _plain("erf"),
    "expandDims": lambda build, layer: build.emit("expand_dims", x=build.x, axes=list(layer.axes)),
    "gelu": _gelu,
    "maxBroadcastable": _chain("maximum", scalar=False),
    "minBroadcastable": _chain("minimum", scalar=False),
    "multiply": _chain("mul", scalar=True),
    "multiplyBroadcastable": _chain("mul", scalar=False),
    "powBroadcastable": _chain("pow", scalar=False),
    "reduceL1": _reduction("reduce_l1_norm"),
    "reduceL2": _reduction("reduce_l2_norm"),
    "reduceMax": _reduction("reduce_max"),
    "reduceMean": _reduction("reduce_mean"),
    "reduceMin": _reduction("reduce_min"),
    "reduceSum": _reduction("reduce_sum"),
    "reduceSumSquare": _reduction("reduce_sum_square"),
    "reshapeStatic": lambda build, layer: build.emit("reshape", x=build.x, shape=list(layer.targetShape)),
    "slice": _slice,
    "sliceStatic": _slice_static,
    "softmaxND": lambda build, layer: build.emit("softmax", x=build.x, axis=int(layer.axis)),
    "splitND": _split,
    "squeeze": _squeeze,
    "subtractBroadcastable": _chain("sub", scalar=False),
    "tanh": _plain("tanh"),
    "tile": lambda build, layer: build.emit("tile", x=build.x, reps=list(layer.reps)),
    "transpose": lambda build, layer: build.emit("transpose", x=build.x, perm=list(layer.axes)),
    "unary": _unary,
}
"""Translations by layer type."""
