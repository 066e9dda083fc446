"""Small ONNX and ORT files with what exports have: shapes computed at run time, attention, 8-bit numbers."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.export.ort_conversion import convert_to_ort

__all__ = ["SIDE", "make_samples"]

SIDE = 16
_WIDE = 8
_OUT = 768

Model = Any
"""An `onnx.ModelProto`, whose types are generated."""


def make_samples(folder: Path) -> list[Path]:
    """Write them: ONNX, ORT, and one whose weights lie beside it."""
    onnx: Any = importlib.import_module("onnx")
    paths = []
    networks = {"attention": _attention(), "convolution": _convolution(), "quantised": _quantised()}
    for name, nodes in networks.items():
        onnx.save(_model(nodes), str(folder / f"{name}.onnx"))
        paths.append(folder / f"{name}.onnx")
    paths += [
        convert_to_ort(path, folder / path.stem)[0].replace(path.with_suffix(".ort")) for path in paths[:2]
    ]
    outside = folder / "outside.onnx"
    onnx.save(
        _model(_attention()),
        str(outside),
        save_as_external_data=True,
        location="outside.bin",
        size_threshold=256,
    )
    return [*paths, outside]


def _model(nodes: list[tuple[Any, ...]]) -> Model:
    """A model of (operator, inputs, output, attributes); inputs that are arrays become constants."""
    onnx: Any = importlib.import_module("onnx")
    helper, constants, made = onnx.helper, [], []
    for operator, inputs, output, attributes in nodes:
        names = []
        for place, one in enumerate(inputs):
            if not isinstance(one, str):
                constants.append(onnx.numpy_helper.from_array(np.asarray(one), f"{output}_{place}"))
            names.append(one if isinstance(one, str) else f"{output}_{place}")
        outputs = output.split()
        made.append(helper.make_node(operator, names, outputs, f"/{outputs[0]}", **attributes))
    ports = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("input", ["batch", 3, SIDE, SIDE]), ("embedding", ["batch", _OUT]))
    ]
    graph = helper.make_graph(made, "sample", ports[:1], ports[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _numbers(*shape: int) -> NDArray[np.float32]:
    return (np.random.default_rng(sum(shape)).normal(size=shape) / 4).astype(np.float32)


def _whole(*numbers: int) -> NDArray[np.int64]:
    return np.array(numbers, np.int64)


def _attention() -> list[tuple[Any, ...]]:
    """Patches, a class token as often as there are images, one head of attention, and a norm."""
    wide, one = _WIDE, np.float32(1)
    return [
        ("Conv", ["input", _numbers(wide, 3, 8, 8), _numbers(wide)], "patches", {"strides": [8, 8]}),
        ("Shape", ["patches"], "sides", {}),
        ("Slice", ["sides", _whole(0), _whole(2), _whole(0)], "front", {}),
        ("Concat", ["front", _whole(-1)], "flat_sides", {"axis": 0}),
        ("Reshape", ["patches", "flat_sides"], "flat", {}),
        ("Transpose", ["flat"], "tokens", {"perm": [0, 2, 1]}),
        ("Gather", ["sides", np.int64(0)], "count", {"axis": 0}),
        ("Unsqueeze", ["count", _whole(0)], "counts", {}),
        ("Concat", ["counts", _whole(-1, -1)], "wanted", {"axis": 0}),
        ("ConstantOfShape", [_whole(3)], "ones", {"value": _one()}),
        ("Mul", ["ones", _whole(-1)], "unset", {}),
        ("Equal", ["wanted", "unset"], "open", {}),
        ("Where", ["open", "ones", "wanted"], "class_sides", {}),
        ("Expand", [_numbers(1, 1, wide), "class_sides"], "class", {}),
        ("Concat", ["class", "tokens"], "all", {"axis": 1}),
        ("LayerNormalization", ["all", _numbers(wide), _numbers(wide)], "normed", {"axis": -1}),
        ("MatMul", ["normed", _numbers(wide, 3 * wide)], "three", {}),
        ("Split", ["three", _whole(wide, wide, wide)], "query key value", {"axis": 2}),
        ("Transpose", ["key"], "turned", {"perm": [0, 2, 1]}),
        ("MatMul", ["query", "turned"], "scores", {}),
        ("Softmax", ["scores"], "shares", {"axis": -1}),
        ("MatMul", ["shares", "value"], "mixed", {}),
        ("Add", ["mixed", "all"], "sum", {}),
        ("Div", ["sum", np.float32(2**0.5)], "scaled", {}),
        ("Erf", ["scaled"], "erf", {}),
        ("Add", ["erf", one], "raised", {}),
        ("Mul", ["sum", "raised"], "product", {}),
        ("Mul", ["product", one / 2], "active", {}),
        ("ReduceMean", ["active"], "mean", {"axes": [1], "keepdims": 0}),
        *_head("mean"),
    ]


def _convolution() -> list[tuple[Any, ...]]:
    """A convolution, pools and a padding."""
    kernel = _numbers(_WIDE, 3, 3, 3)
    return [
        ("Conv", ["input", kernel, _numbers(_WIDE)], "conv", {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
        ("Relu", ["conv"], "positive", {}),
        *_pools("positive"),
    ]


def _quantised() -> list[tuple[Any, ...]]:
    """The same of 8-bit numbers."""
    scale, zero, wide = np.float32(0.05), np.uint8(128), _WIDE
    kernel = np.random.default_rng(0).integers(-127, 127, (wide, 3, 3, 3), np.int8)
    scales = np.full(wide, 0.01, np.float32)
    return [
        ("QuantizeLinear", ["input", scale, zero], "input8", {}),
        ("DequantizeLinear", ["input8", scale, zero], "pixels", {}),
        ("DequantizeLinear", [kernel, scales, np.zeros(wide, np.int8)], "kernel", {"axis": 0}),
        ("Conv", ["pixels", "kernel", _numbers(wide)], "conv", {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
        ("QuantizeLinear", ["conv", scale, zero], "conv8", {}),
        ("DequantizeLinear", ["conv8", scale, zero], "back", {}),
        *_pools("back"),
    ]


def _pools(name: str) -> list[tuple[Any, ...]]:
    return [
        ("MaxPool", [name], "pooled", {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("Pad", ["pooled", _whole(0, 0, 1, 1, 0, 0, 1, 1)], "padded", {}),
        ("GlobalAveragePool", ["padded"], "average", {}),
        ("Flatten", ["average"], "flat", {"axis": 1}),
        *_head("flat"),
    ]


def _head(name: str) -> list[tuple[Any, ...]]:
    return [
        ("Gemm", [name, _numbers(_OUT, _WIDE), _numbers(_OUT)], "features", {"transB": 1}),
        ("ReduceL2", ["features"], "length", {"axes": [1], "keepdims": 1}),
        ("Clip", ["length", np.float32(1e-12)], "longer", {}),
        ("Div", ["features", "longer"], "embedding", {}),
    ]


def _one() -> Any:  # noqa: ANN401 - onnx.TensorProto
    onnx: Any = importlib.import_module("onnx")
    return onnx.numpy_helper.from_array(np.ones(1, np.int64), "value")
