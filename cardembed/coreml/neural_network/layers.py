"""Layers with weights, activations and pooling.

Source of the semantics: NeuralNetwork.proto in coremltools.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cardembed.coreml.neural_network.reader import Builder

__all__ = ["LAYERS"]

Message = Any  # generated protobuf classes


def _convolution(build: Builder, layer: Message) -> None:
    if len(layer.kernelSize) not in (0, 2) or len(build.inputs) != 1:
        raise ValueError("a convolution whose weights are computed, or not of two dimensions")
    kernel = [int(side) for side in layer.kernelSize] or [3, 3]
    groups = int(layer.nGroups) or 1
    outputs, channels = int(layer.outputChannels), int(layer.kernelChannels)
    kind, pad = _padding(layer)
    bias = build.weights(layer.bias, outputs) if layer.hasBias else None
    stride, dilation = list(layer.stride) or [1, 1], list(layer.dilationFactor) or [1, 1]
    common = {
        "x": build.x, "bias": bias, "strides": stride, "dilations": dilation,
        "groups": groups, "pad_type": kind, "pad": pad,
    }  # fmt: skip
    if layer.isDeconvolution:
        weight = build.weights(layer.weights, channels, outputs // groups, *kernel)
        build.emit("conv_transpose", weight=weight, output_shape=list(layer.outputShape) or None, **common)
    else:
        build.emit("conv", weight=build.weights(layer.weights, outputs, channels, *kernel), **common)


def _padding(layer: Message) -> tuple[str, list[int] | None]:
    if layer.HasField("same"):
        return ("same_lower" if layer.same.asymmetryMode else "same"), None
    sides = layer.valid.paddingAmounts.borderAmounts
    if not len(sides):
        return "valid", None
    return "custom", [int(size) for side in sides for size in (side.startEdgeSize, side.endEdgeSize)]


def _inner_product(build: Builder, layer: Message) -> None:
    outputs = int(layer.outputChannels)
    if layer.int8DynamicQuantize:
        raise ValueError("int8DynamicQuantize")
    weight = build.weights(layer.weights, outputs, int(layer.inputChannels))
    bias = build.weights(layer.bias, outputs) if layer.hasBias else None
    build.emit("linear", x=build.x, weight=weight, bias=bias)


def _batched_matmul(build: Builder, layer: Message) -> None:
    if len(build.inputs) == 2:
        x, y = build.inputs
        build.emit("matmul", x=x, y=y, transpose_x=layer.transposeA, transpose_y=layer.transposeB)
        return
    if layer.int8DynamicQuantize or layer.transposeA:
        raise ValueError("int8DynamicQuantize or transposeA with weights")
    rows, columns = int(layer.weightMatrixFirstDimension), int(layer.weightMatrixSecondDimension)
    weight = build.weights(layer.weights, columns, rows)  # column by column
    build.emit(
        "linear", x=build.x, weight=weight, bias=build.weights(layer.bias, columns) if layer.hasBias else None
    )


def _batchnorm(build: Builder, layer: Message) -> None:
    count = int(layer.channels)
    gamma, beta = build.weights(layer.gamma, count), build.weights(layer.beta, count)
    epsilon = float(layer.epsilon)
    if layer.instanceNormalization:
        build.emit("instance_norm", x=build.x, gamma=gamma, beta=beta, epsilon=epsilon)
    elif layer.computeMeanVar:
        raise ValueError("computeMeanVar")
    else:
        mean, variance = build.weights(layer.mean, count), build.weights(layer.variance, count)
        build.emit(
            "batch_norm", x=build.x, mean=mean, variance=variance, gamma=gamma, beta=beta, epsilon=epsilon
        )


def _mvn(build: Builder, layer: Message) -> None:
    if not layer.normalizeVariance:
        raise ValueError("normalising without the variance")
    axes = [-3, -2, -1] if layer.acrossChannels else [-2, -1]
    build.emit("layer_norm", x=build.x, axes=axes, epsilon=float(layer.epsilon))


def _layer_normalization(build: Builder, layer: Message) -> None:
    shape = [int(size) for size in layer.normalizedShape]
    gamma, beta = build.weights(layer.gamma, *shape), build.weights(layer.beta, *shape)
    axes = list(range(-len(shape), 0))
    build.emit("layer_norm", x=build.x, axes=axes, gamma=gamma, beta=beta, epsilon=float(layer.eps))


def _scale(build: Builder, layer: Message) -> None:
    factor = build.weights(layer.scale, *(int(size) for size in layer.shapeScale))
    if not layer.hasBias:
        build.emit("mul", x=build.x, y=factor)
        return
    shift = build.weights(layer.bias, *(int(size) for size in layer.shapeBias))
    build.emit("add", x=build.between("mul", x=build.x, y=factor), y=shift)


def _bias(build: Builder, layer: Message) -> None:
    build.emit("add", x=build.x, y=build.weights(layer.bias, *(int(size) for size in layer.shape)))


def _load_constant(build: Builder, layer: Message) -> None:
    build.constants[str(build.layer.output[0])] = build.weights(layer.data, *(int(s) for s in layer.shape))


def _pooling(build: Builder, layer: Message) -> None:
    kind = build.variant(layer, "type", ("max", "avg"))
    if layer.globalPooling:
        operation = {"max": "reduce_max", "avg": "reduce_mean"}[kind]
        build.emit(operation, x=build.x, axes=[-2, -1], keep_dims=True)
        return
    pad_type, pad = "custom", None
    if layer.WhichOneof("PoolingPaddingType") == "includeLastPixel":
        amounts = [int(size) for size in layer.includeLastPixel.paddingAmounts] or [0, 0]
        pad = [amounts[0], amounts[0], amounts[1], amounts[1]]
        extra: dict[str, Any] = {"ceil_mode": True}
    else:
        pad_type, pad = _padding(layer)
        extra = {}
    if kind == "avg":
        extra["exclude_padding_from_average"] = bool(layer.avgPoolExcludePadding)
    kernel, stride = list(layer.kernelSize) or [3, 3], list(layer.stride) or [1, 1]
    build.emit(
        f"{kind}_pool", x=build.x, kernel_sizes=kernel, strides=stride, pad_type=pad_type, pad=pad, **extra
    )


def _activation(build: Builder, layer: Message) -> None:
    kind = layer.WhichOneof("NonlinearityType")
    if kind is None:
        raise ValueError("an activation without a function")
    message = getattr(layer, kind)
    if kind == "PReLU":
        alpha = message.alpha
        values = build.weights(alpha, len(alpha.floatValue) or len(alpha.float16Value) // 2)
        build.emit("prelu", x=build.x, alpha=values)
        return
    if kind not in _ACTIVATIONS:
        raise build.unsupported(kind)
    operation, names = _ACTIVATIONS[kind]
    build.emit(operation, x=build.x, **{name: float(getattr(message, name)) for name in names})


_ACTIVATIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "linear": ("linear_activation", ("alpha", "beta")),
    "ReLU": ("relu", ()),
    "leakyReLU": ("leaky_relu", ("alpha",)),
    "thresholdedReLU": ("thresholded_relu", ("alpha",)),
    "tanh": ("tanh", ()),
    "scaledTanh": ("scaled_tanh", ("alpha", "beta")),
    "sigmoid": ("sigmoid", ()),
    "sigmoidHard": ("sigmoid_hard", ("alpha", "beta")),
    "ELU": ("elu", ("alpha",)),
    "softsign": ("softsign", ()),
    "softplus": ("softplus", ()),
}

LAYERS: Mapping[str, Callable[[Builder, Message], None]] = {
    "activation": _activation,
    "batchedMatmul": _batched_matmul,
    "batchnorm": _batchnorm,
    "bias": _bias,
    "convolution": _convolution,
    "innerProduct": _inner_product,
    "layerNormalization": _layer_normalization,
    "loadConstantND": _load_constant,
    "mvn": _mvn,
    "pooling": _pooling,
    "scale": _scale,
}
"""Translations by layer type."""
