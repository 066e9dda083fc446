"""A small network that says everything about its input: a picture, projected to 768 numbers."""

import functools

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from cardembed.embedders.preprocessing import Preprocessing
from cardembed.hailo.simulator.container import Normalisation, Quant, calibrate, write_simulated_hef

SIZE = 16
PREPROCESSING = Preprocessing(SIZE)
MEAN = tuple(255 * value for value in PREPROCESSING.mean)
STD = tuple(255 * value for value in PREPROCESSING.std)


@functools.cache
def small_onnx(features=768, layout="NCHW"):
    """(1, 3, S, S), normalised, to (1, features): no two places of a picture mean the same."""
    rng = np.random.default_rng(5)
    shape = [1, 3, SIZE, SIZE] if layout == "NCHW" else [1, SIZE, SIZE, 3]
    weights = rng.normal(size=(3 * SIZE * SIZE, features)).astype(np.float32) / SIZE
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, features])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString(), weights


def reference(batch):
    """What the network gives without any quantisation: unit rows."""
    rows = batch.reshape(len(batch), -1).astype(np.float64) @ small_onnx()[1].astype(np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def pictures(count=4, seed=3):
    return np.random.default_rng(seed).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


def batch(count=3):
    """Pictures, preprocessed."""
    return PREPROCESSING.batch(list(pictures(count)))


@functools.cache
def output_quant(**options):
    batch = PREPROCESSING.batch(list(pictures(256, seed=9)))
    return calibrate(batch.reshape(256, -1) @ small_onnx()[1], **options)


def write_hef(path, *, normalised="chip", per_feature=False, bits=8, **other):
    """A simulated HEF of the small network."""
    ends = np.array([(0 - np.array(MEAN)) / STD, (255 - np.array(MEAN)) / STD])
    scale = float((ends[1].max() - ends[0].min()) / 255)
    host = Quant(zero_point=float(np.rint(-ends[0].min() / scale)), scale=scale)
    options = {
        "size": SIZE,
        "output": output_quant(bits=bits, per_feature=per_feature),
        "output_bits": bits,
        "normalisation": Normalisation(mean=MEAN, std=STD) if normalised == "chip" else None,
        "input_quant": host if normalised == "host" else None,
    }
    write_simulated_hef(path, **({"onnx": small_onnx()[0]} | options | other))
    return path
