"""Stands in for `hailo_sdk_client`: its names and its order of calls, with ONNX Runtime below.

Written from what is publicly known of the Dataflow Compiler; the real one was not at hand.
"""

import contextlib
import enum
import re
import types
from typing import ClassVar

import numpy as np
import onnx
import onnxruntime
from hef_building import plain

from benchmarks._hef_files import seal


class InferenceContext(enum.Enum):
    SDK_NATIVE = "sdk_native"
    SDK_FP_OPTIMIZED = "sdk_fp_optimized"
    SDK_QUANTIZED = "sdk_quantized"


class ClientRunnerError(Exception):
    pass


class ClientRunner:
    calls: ClassVar[list] = []
    misread = False  # a parser that understands an operation in another way
    fps = 100.0  # what the compiler promises
    skewed = 0.0  # what the script's normalisation is off by, in levels
    levels = 127  # steps of a quantised output
    wraps = False  # some versions give a list of outputs

    def __init__(self, hw_arch=None, har=None):
        assert (hw_arch, har) == ("hailo8l", None)
        self.state = "uninitialized"
        self._add("ClientRunner")

    def _add(self, name):
        type(self).calls.append(name)

    def _need(self, *states):
        if self.state not in states:
            raise ClientRunnerError(f"the runner is {self.state}, and has to be {' or '.join(states)}")

    def translate_onnx_model(
        self, model, net_name="", start_node_names=None, end_node_names=None, net_input_shapes=None
    ):
        self._need("uninitialized")
        graph = onnx.load(model).graph
        (port,) = graph.input
        assert net_input_shapes == {port.name: [axis.dim_value for axis in port.type.tensor_type.shape.dim]}
        assert list(start_node_names) == [port.name]
        assert set(end_node_names) <= {node.name for node in graph.node}
        self.session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        self.port, self.size, self.net = port.name, net_input_shapes[port.name][2], net_name
        self.state, self.script = "hailo_model", ""
        self._add("translate_onnx_model")

    def load_model_script(self, text):
        self._need("hailo_model")
        self.script = text
        self._add("load_model_script")

    def optimize(self, calibration):
        self._need("hailo_model")
        assert self.script
        wanted = int(re.search(r"calibset_size=(\d+)", self.script)[1])
        assert calibration.shape == (wanted, self.size, self.size, 3)
        assert calibration.dtype == np.uint8
        self.state = "quantized_model"
        self._add("optimize")

    @contextlib.contextmanager
    def infer_context(self, context):
        if context is not InferenceContext.SDK_NATIVE:
            self._need("quantized_model")
        yield context

    def infer(self, context, data):
        self._add(context.value)
        images = np.asarray(data, np.float64)
        assert images.shape[1:] == (self.size, self.size, 3)
        if context is not InferenceContext.SDK_NATIVE:  # the script's normalisation is in the network
            lists = re.search(r"normalization\(\[(.*?)\], \[(.*?)\]\)", self.script)
            mean, std = ([float(part) for part in text.split(",")] for text in lists.groups())
            images = (images - mean + self.skewed) / std
        if self.misread:
            images = images[:, ::-1]
        batch = np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float32)
        rows = np.concatenate([self.session.run(None, {self.port: one[None]})[0] for one in batch])
        if context is InferenceContext.SDK_QUANTIZED:
            scale = np.abs(rows).max() / self.levels
            rows = np.rint(rows / scale) * scale
        rows = rows.reshape(len(rows), 1, 1, -1)
        return [rows] if self.wraps else rows

    def compile(self):
        self._need("quantized_model")
        self.state = "compiled_model"
        self._add("compile")
        return seal(3, plain((self.size, self.size, 3), fps=self.fps, called=self.net))


def module(**changes):
    """The module, with a runner of its own whose calls are counted from here."""
    runner = type("ClientRunner", (ClientRunner,), {"calls": [], **changes})
    made = types.ModuleType("hailo_sdk_client")
    made.ClientRunner, made.InferenceContext, made.__version__ = runner, InferenceContext, "3.33.1"
    return made
