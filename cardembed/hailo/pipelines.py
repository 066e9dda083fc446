"""HailoRT's two ways to run a network. Everything here is called on the driver's worker thread."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cardembed.errors import ReleaseError
from cardembed.hailo.deadline import Deadline
from cardembed.hailo.frames import QuantInfo, dequantise
from cardembed.hailo.protocol import NetworkShape, OutputFormat

__all__ = ["InferModelPipeline", "Pipeline", "VStreamsPipeline"]

Untyped = Any
"""HailoRT's objects: it publishes no types."""
_NEAR = 1e-3
"""Of a scale to 1: the compiler writes float32."""
_DTYPES = {"UINT8": np.uint8, "UINT16": np.uint16, "FLOAT32": np.float32}


class Pipeline(Protocol):
    """A network on an open device; errors are HailoRT's own."""

    shape: NetworkShape

    def run(self, frame: NDArray[Any], deadline: Deadline) -> NDArray[np.float32]:
        """One frame to (features,) float32."""

    def close(self) -> None:
        """Take the network off the device; the device stays open."""


def _network_shape(inputs: Any, outputs: Any, orders: Any, infos: Any) -> NetworkShape:  # noqa: ANN401 - no types published
    """The shape of a network with one square RGB input, of the quantisation `infos`, and one vector output.

    Raises:
        ReleaseError: Another network.
    """
    entries, exits = [tuple(port.shape) for port in inputs], [tuple(port.shape) for port in outputs]
    if len(entries) == 1 and len(exits) == 1:
        (entry,), (exit_,) = entries, exits
        features = int(np.prod(exit_))
        square = len(entry) == 3 and entry[0] == entry[1] and entry[2] == 3
        # (1, 1, D) is a vector too: the compiler keeps the pooled map's axes where the head is a convolution.
        if square and features == max(exit_) and inputs[0].format.order in (orders.NHWC, orders.AUTO):
            return NetworkShape(int(entry[0]), features, _are_pixels(infos))
    raise ReleaseError(
        "the HEF",
        expected="one input (S, S, 3) in NHWC and one output vector",
        found=f"inputs {entries}, outputs {exits}",
        action="compile it with `cardembed export hailo`'s script",
    )


def _are_pixels(infos: Sequence[QuantInfo]) -> bool | None:
    """Whether levels of 0 to 255 stand for themselves; None where HailoRT tells no scale (all zeros)."""
    if not infos or not all(info.qp_scale > 0 for info in infos):
        return None
    return all(abs(info.qp_scale - 1) < _NEAR and abs(info.qp_zp) < _NEAR for info in infos)


class InferModelPipeline:
    """`create_infer_model` → `configure` → bindings, HailoRT 4.18 and later.

    Args:
        platform: `hailo_platform`.
        vdevice: An open device with a scheduler, which activates networks by itself.
        hef: The compiled network's bytes.
        dtype: Of the frames.
        output: Who dequantises.
    """

    def __init__(
        self, platform: Untyped, vdevice: Untyped, hef: bytes, *, dtype: np.dtype[Any], output: OutputFormat
    ) -> None:
        model = vdevice.create_infer_model(hef)
        model.set_batch_size(1)
        told = [info for port in model.inputs for info in getattr(port, "quant_infos", ())]
        self.shape = _network_shape(model.inputs, model.outputs, platform.FormatOrder, told)
        types = platform.FormatType
        model.input().set_format_type(types.UINT8 if dtype == np.uint8 else types.FLOAT32)
        if output == "float32":
            model.output().set_format_type(types.FLOAT32)
        self._infos = None if output == "float32" else list(model.output().quant_infos)
        self._out_shape = tuple(model.output().shape)
        self._out_dtype = _DTYPES[model.output().format.type.name]
        self._model = model

    def configure(self) -> None:
        """Put the network onto the chip: a step of its own, since its errors mean other things."""
        self._configured: Any = self._model.configure()

    def run(self, frame: NDArray[Any], deadline: Deadline) -> NDArray[np.float32]:
        """One frame, one binding, no batch axis.

        The asynchronous call, not `run`: some versions hold Python's interpreter lock inside of `run`.
        """
        out = np.empty(self._out_shape, dtype=self._out_dtype)
        bindings = self._configured.create_bindings()
        bindings.input().set_buffer(frame)
        bindings.output().set_buffer(out)
        errors: list[BaseException] = []

        def done(*, completion_info: Any) -> None:  # noqa: ANN401 - no types published
            if completion_info.exception is not None:
                errors.append(completion_info.exception)

        self._configured.wait_for_async_ready(deadline.left_ms, 1)
        job = self._configured.run_async([bindings], done)
        # `wait` waits for the job and then for the callback, each as long as it is told.
        job.wait(max(1, deadline.left_ms // 2))
        if errors:
            raise errors[0]
        flat = out.reshape(-1)
        return flat if self._infos is None else dequantise(flat, self._infos)

    def close(self) -> None:
        """Shut the network down."""
        configured = getattr(self, "_configured", None)
        self._configured = self._model = None
        if configured is not None:
            with contextlib.suppress(Exception):  # after an error it is shut down already
                configured.shutdown()


class VStreamsPipeline:
    """`HEF` → `configure` → `InferVStreams`, which all versions have; output is always float32.

    Args:
        platform: `hailo_platform`.
        vdevice: An open device without a scheduler: the network is activated here.
        hef: The compiled network's bytes.
        dtype: Of the frames.
        timeout_ms: Of HailoRT's reads and writes; it is set once.
    """

    def __init__(
        self, platform: Untyped, vdevice: Untyped, hef: bytes, *, dtype: np.dtype[Any], timeout_ms: int
    ) -> None:
        self._platform, self._vdevice, self._dtype, self._timeout_ms = platform, vdevice, dtype, timeout_ms
        self._hef = platform.HEF(hef)
        inputs, outputs = self._hef.get_input_vstream_infos(), self._hef.get_output_vstream_infos()
        told = [port.quant_info for port in inputs]
        self.shape = _network_shape(inputs, outputs, platform.FormatOrder, told)
        self._names = inputs[0].name, outputs[0].name
        self._stack = contextlib.ExitStack()

    def configure(self) -> None:
        """Put the network onto the chip and activate it."""
        hp = self._platform
        params = hp.ConfigureParams.create_from_hef(self._hef, interface=hp.HailoStreamInterface.PCIe)
        group = self._vdevice.configure(self._hef, params)[0]
        entry = hp.FormatType.UINT8 if self._dtype == np.uint8 else hp.FormatType.FLOAT32
        timeout = self._timeout_ms
        ins = hp.InputVStreamParams.make(group, format_type=entry, timeout_ms=timeout)
        outs = hp.OutputVStreamParams.make(group, format_type=hp.FormatType.FLOAT32, timeout_ms=timeout)
        self._streams: Any = self._stack.enter_context(hp.InferVStreams(group, ins, outs))
        self._stack.enter_context(group.activate(group.create_params()))

    def run(self, frame: NDArray[Any], deadline: Deadline) -> NDArray[np.float32]:
        """One frame, as a batch of one; the driver's worker keeps the deadline."""
        entry, exit_ = self._names
        out: NDArray[np.float32] = self._streams.infer({entry: frame[None]})[exit_]
        return out.reshape(-1)

    def close(self) -> None:
        """Deactivate the network."""
        with contextlib.suppress(Exception):
            self._stack.close()
