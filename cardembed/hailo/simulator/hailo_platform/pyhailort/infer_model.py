"""The asynchronous way to run a network: InferModel, configured, with bindings of buffers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.hailo.simulator.chip import CHIP, HANG
from cardembed.hailo.simulator.hailo_platform.pyhailort import _pyhailort
from cardembed.hailo.simulator.hailo_platform.pyhailort.buffers import dtype_of, entry_frame, exit_values
from cardembed.hailo.simulator.hailo_platform.pyhailort.exceptions import ExceptionWrapper, HailoRTException
from cardembed.hailo.simulator.hailo_platform.pyhailort.hef import (
    HEF,
    INPUT,
    OUTPUT,
    quant_infos,
    stream_format,
)
from cardembed.hailo.simulator.hailo_platform.pyhailort.pending import Job, Queue
from cardembed.hailo.simulator.hailo_platform.pyhailort.unsupported import INVALID_OPERATION, unsupported

__all__ = ["AsyncInferCompletionInfo", "AsyncInferJob", "ConfiguredInferModel", "InferModel"]

_QUEUE = 4
_NO_NMS = INVALID_OPERATION


def _fail(status: int) -> None:
    with ExceptionWrapper():
        raise _pyhailort.HailoRTStatusException(status)


@dataclass
class AsyncInferCompletionInfo:
    """What a callback is told, as `completion_info=`."""

    exception: HailoRTException | None


class InferModel:
    """A network that is not on the chip yet: formats are chosen now."""

    class InferStream:
        """An input or output."""

        def __init__(self, infer_stream: Any) -> None:  # noqa: ANN401 - opaque
            self._hef, self._direction, self._state = infer_stream

        @property
        def name(self) -> str:
            """Such as "network/input_layer1"."""
            return f"{self._hef.network}/{self._direction}"

        @property
        def shape(self) -> list[int]:
            """A frame's, without a batch axis."""
            size = self._hef.size
            return [size, size, 3] if self._direction == INPUT else [self._hef.features]

        @property
        def format(self) -> _pyhailort.HailoFormat:
            """Type and order of the user's buffer."""
            own = stream_format(self._hef, self._direction)
            chosen = self._state["type"]
            return _pyhailort.HailoFormat(
                own.type if chosen.name == "AUTO" else chosen, self._state["order"] or own.order, own.flags
            )

        @property
        def quant_infos(self) -> list[_pyhailort.QuantInfo]:
            """One, or one a feature."""
            if self._direction == OUTPUT:
                return quant_infos(self._hef)
            quant = self._hef.input
            return [_pyhailort.QuantInfo(quant.zero_point, quant.scale)]

        @property
        def is_nms(self) -> bool:
            """Never: embeddings are no boxes."""
            return False

        def set_format_type(self, type: Any) -> None:  # noqa: A002, ANN401 - HailoRT's name
            """Of the user's buffer."""
            self._state["type"] = type

        def set_format_order(self, order: Any) -> None:  # noqa: ANN401 - HailoRT's enumeration
            """Of the user's buffer; nothing is transformed here, so only the network's own configures."""
            self._state["order"] = order

        set_nms_score_threshold = unsupported("set_nms_score_threshold", "self, threshold", _NO_NMS)
        set_nms_iou_threshold = unsupported("set_nms_iou_threshold", "self, threshold", _NO_NMS)
        set_nms_max_proposals_per_class = unsupported(
            "set_nms_max_proposals_per_class", "self, max_proposals", _NO_NMS
        )
        set_nms_max_accumulated_mask_size = unsupported(
            "set_nms_max_accumulated_mask_size", "self, max_accumulated_mask_size", _NO_NMS
        )

    def __init__(self, infer_model: Any, hef_path: str | bytes) -> None:  # noqa: ANN401 - opaque
        self._vdevice, self._manifest, self._network = infer_model
        self._source = hef_path
        auto = _pyhailort.__getattr__("FormatType").AUTO
        self._states: dict[str, dict[str, Any]] = {
            way: {"type": auto, "order": None} for way in (INPUT, OUTPUT)
        }

    @property
    def hef(self) -> HEF:
        """The compiled network, parsed."""
        return HEF(self._source)

    @property
    def inputs(self) -> list[InferModel.InferStream]:
        """One."""
        return [self.input()]

    @property
    def outputs(self) -> list[InferModel.InferStream]:
        """One."""
        return [self.output()]

    @property
    def input_names(self) -> list[str]:
        """One."""
        return [self.input().name]

    @property
    def output_names(self) -> list[str]:
        """One."""
        return [self.output().name]

    def input(self, name: str = "") -> InferModel.InferStream:
        """The input; status 61 under another name."""
        return self._stream(INPUT, name)

    def output(self, name: str = "") -> InferModel.InferStream:
        """The output; status 61 under another name."""
        return self._stream(OUTPUT, name)

    def _stream(self, direction: str, name: str) -> InferModel.InferStream:
        stream = self.InferStream((self._manifest, direction, self._states[direction]))
        if name not in ("", stream.name):
            _fail(61)
        return stream

    def set_batch_size(self, batch_size: int) -> None:
        """A hint to the scheduler; bindings hold one frame whatever it is."""
        if not 0 <= batch_size < 1 << 16:
            raise TypeError("batch_size is an unsigned 16-bit number")

    def set_power_mode(self, power_mode: Any) -> None:  # noqa: ANN401 - HailoRT's enumeration
        """A hint to the chip."""

    def configure(self) -> ConfiguredInferModel:
        """Put it onto the chip: status 93 (26 up to HailoRT 4.20) where it is for another one."""
        with ExceptionWrapper():
            self._vdevice._check_open()
            CHIP.check_architecture(self._manifest.architecture)
            for stream in (self.input(), self.output()):
                if stream.format.order != stream_format(self._manifest, stream._direction).order:
                    raise _pyhailort.HailoRTStatusException(79)
        return ConfiguredInferModel(None, self)


class AsyncInferJob:
    """A frame that is running."""

    def __init__(self, job: Any) -> None:  # noqa: ANN401 - opaque
        self._job: Job = job

    def wait(self, timeout_ms: float) -> None:
        """Wait for the job, then for its callback, each this long; status 4 where it does not end.

        Under the fault of that name it hangs, whatever its timeout.
        """
        late = HANG if CHIP.hangs else 0.0
        job, seconds = self._job, timeout_ms / 1000
        job.ask(timeout_ms)
        if not (job.done.wait(seconds + late) and job.told.wait(seconds)):
            job.given_up.set()
            _fail(4)
        for error in job.errors:
            raise error


class ConfiguredInferModel:
    """A network on the chip."""

    @dataclass
    class NmsTransformationInfo:
        """Of networks that find boxes; unused here."""

        format_order: Any = None

    @dataclass
    class NmsHailoTransformationInfo(NmsTransformationInfo):
        """Of networks that find boxes; unused here."""

        use_tf_nms_format: bool = False

    @dataclass
    class NmsTfTransformationInfo(NmsTransformationInfo):
        """Of networks that find boxes; unused here."""

        use_tf_nms_format: bool = True

    class Bindings:
        """The buffers of one frame."""

        class InferStream:
            """A buffer's place."""

            def __init__(self, infer_stream: Any, nms_info: Any = None) -> None:  # noqa: ANN401 - opaque
                self._bytes: int = infer_stream
                self._buffer: NDArray[Any] | None = None

            def set_buffer(self, buffer: NDArray[Any]) -> None:
                """Set it. Bytes and C order are checked; shape, dtype and layout are not.

                A read-only array is refused, as an input too: the binding asks for mutable memory.
                """
                if not buffer.flags.writeable:
                    raise ValueError("array is not writeable")
                if not buffer.flags.c_contiguous:
                    _fail(2)
                if buffer.nbytes != self._bytes:
                    _fail(6)
                self._buffer = buffer

            def get_buffer(self, tf_format: bool | None = False) -> NDArray[Any] | None:
                """What was set."""
                return self._buffer

        def __init__(self, bindings: Any, input_names: Any, output_names: Any, nms_infos: Any) -> None:  # noqa: ANN401
            self._bindings = bindings
            self._inputs = {name: self.InferStream(bindings[0]) for name in input_names}
            self._outputs = {name: self.InferStream(bindings[1]) for name in output_names}

        def input(self, name: str = "") -> Any:  # noqa: ANN401 - an InferStream
            """The input's place; status 61 under another name."""
            return _named(self._inputs, name)

        def output(self, name: str = "") -> Any:  # noqa: ANN401 - an InferStream
            """The output's place; status 61 under another name."""
            return _named(self._outputs, name)

        def get(self) -> Any:  # noqa: ANN401 - opaque
            """HailoRT's inner object."""
            return self._bindings

    def __init__(self, configured_infer_model: Any, infer_model: InferModel) -> None:  # noqa: ANN401 - opaque
        self._model = infer_model
        self._down = False
        self._active = infer_model._vdevice._scheduled
        entry, exit_ = infer_model.input(), infer_model.output()
        self._entry = dtype_of(entry.format.type, entry.format.type)
        self._exit = dtype_of(exit_.format.type, exit_.format.type)
        self._queue = Queue(_QUEUE)

    def __enter__(self) -> ConfiguredInferModel:
        return self

    def __exit__(self, exc_type: object, exc_value: object, traceback: object) -> None:
        self.shutdown()

    def activate(self) -> None:
        """Without a scheduler, before the first frame; status 6 under one."""
        if self._model._vdevice._scheduled:
            _fail(6)
        self._active = True

    def deactivate(self) -> None:
        """The opposite of `activate`; status 6 under a scheduler."""
        if self._model._vdevice._scheduled:
            _fail(6)
        self._active = False

    def create_bindings(
        self,
        input_buffers: Mapping[str, NDArray[Any]] | None = None,
        output_buffers: Mapping[str, NDArray[Any]] | None = None,
    ) -> ConfiguredInferModel.Bindings:
        """Places for one frame's buffers, by name where they are given."""
        hef, model = self._model._manifest, self._model
        sizes = hef.size * hef.size * 3 * self._entry.itemsize, hef.features * self._exit.itemsize
        bindings = self.Bindings(sizes, model.input_names, model.output_names, {})
        for name, buffer in (input_buffers or {}).items():
            bindings.input(name).set_buffer(buffer)
        for name, buffer in (output_buffers or {}).items():
            bindings.output(name).set_buffer(buffer)
        return bindings

    def wait_for_async_ready(self, timeout_ms: int = 1000, frames_count: int = 1) -> None:
        """Wait until frames can be queued: status 2 for more than the queue takes, 4 for too long."""
        self._usable()
        if frames_count > _QUEUE:
            _fail(2)
        if not self._queue.wait(frames_count, timeout_ms):
            _fail(4)

    def run(self, bindings: Sequence[ConfiguredInferModel.Bindings], timeout: float) -> None:
        """`run_async` and `wait`; a HailoRTTimeout shuts the pipeline down."""
        job = self.run_async(bindings)
        try:
            job.wait(timeout)
        except HailoRTException:
            self._down = True  # at once, whatever the thread that runs the frame has come to
            raise

    def run_async(
        self,
        bindings: Sequence[ConfiguredInferModel.Bindings],
        callback: Callable[..., None] | None = None,
    ) -> AsyncInferJob:
        """Start frames, whether somebody waits for them or not; after an error the pipeline is shut down.

        Status 82 where those that did not end yet leave no room. One that a chip does not answer under the
        fault of that name ends once somebody waited, since the timeout is theirs.
        """
        self._usable()
        for binding in bindings:
            if binding.input().get_buffer() is None or binding.output().get_buffer() is None:
                _fail(6)
        job = self._queue.add(
            len(bindings), lambda job: self._work(job, bindings), lambda job: _tell(job, callback)
        )
        if job is None:
            _fail(82)
        return AsyncInferJob(job)

    def _work(self, job: Job, bindings: Sequence[ConfiguredInferModel.Bindings]) -> None:
        hef, model = self._model._manifest, self._model
        try:
            with ExceptionWrapper():
                if self._down:
                    raise _pyhailort.HailoRTStatusException(63)
                for binding in bindings:
                    source: Any = binding.input().get_buffer()
                    target: Any = binding.output().get_buffer()
                    frame = entry_frame(hef, source, model.input().format.type)
                    values = exit_values(hef, CHIP.run(model._network, frame, job.left_ms), self._exit)
                    target.reshape(-1).view(np.uint8)[:] = values.view(np.uint8)
        except HailoRTException as error:
            job.errors.append(error)
            self._down = True

    def get_async_queue_size(self) -> int:
        """Frames that can wait."""
        return _QUEUE

    def set_scheduler_timeout(self, timeout_ms: int) -> None:
        """A hint to the scheduler; status 6 without one."""
        self._scheduled()

    def set_scheduler_threshold(self, threshold: int) -> None:
        """A hint to the scheduler; status 6 without one."""
        self._scheduled()

    def set_scheduler_priority(self, priority: int) -> None:
        """A hint to the scheduler; status 6 without one."""
        self._scheduled()

    def shutdown(self) -> None:
        """Take it off the chip; it is of no use afterwards, and what waits in the queue is aborted."""
        self._down = True
        self._queue.abandon()

    def _scheduled(self) -> None:
        if not self._model._vdevice._scheduled:
            _fail(6)

    def _usable(self) -> None:
        with ExceptionWrapper():
            self._model._vdevice._check_open()
            if self._down:
                raise _pyhailort.HailoRTStatusException(63)
            if not self._active:
                raise _pyhailort.HailoRTStatusException(69)


def _tell(job: Job, callback: Callable[..., None] | None) -> None:
    """Tell a job's end to its callback; under the fault of that name once nobody waits for it any more."""
    if CHIP.late and not job.errors:
        job.given_up.wait()
    if callback is not None:
        callback(completion_info=AsyncInferCompletionInfo(next(iter(job.errors), None)))


def _named(streams: dict[str, Any], name: str) -> Any:  # noqa: ANN401 - an InferStream
    if name == "" and len(streams) == 1:
        return next(iter(streams.values()))
    if name not in streams:
        _fail(61)
    return streams[name]
