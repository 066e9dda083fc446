"""The blocking way to run a network: virtual streams, with a batch axis."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.hailo.simulator.chip import CHIP
from cardembed.hailo.simulator.hailo_platform.pyhailort import _pyhailort
from cardembed.hailo.simulator.hailo_platform.pyhailort.buffers import dtype_of, entry_frame, exit_values
from cardembed.hailo.simulator.hailo_platform.pyhailort.exceptions import ExceptionWrapper
from cardembed.hailo.simulator.hailo_platform.pyhailort.network_group import ConfiguredNetwork
from cardembed.hailo.simulator.hailo_platform.pyhailort.unsupported import INVALID_OPERATION, unsupported

__all__ = ["InferVStreams", "InputVStreamParams", "OutputVStreamParams"]

_TIMEOUT_MS, _QUEUE = 10_000, 2
_Params = dict[str, _pyhailort.VStreamParams]


def _make(infos: Any, format_type: Any, timeout_ms: int | None, queue_size: int | None) -> _Params:  # noqa: ANN401
    made = {}
    for info in infos:
        own = info.format
        kind = own.type if format_type is None or format_type.name == "AUTO" else format_type
        form = _pyhailort.HailoFormat(kind, own.order, own.flags)
        timeout = _TIMEOUT_MS if timeout_ms is None else timeout_ms
        made[info.name] = _pyhailort.VStreamParams(
            form, timeout, _QUEUE if queue_size is None else queue_size
        )
    return made


class InputVStreamParams:
    """How inputs are fed."""

    @staticmethod
    def make(  # noqa: PLR0917 - HailoRT's signature
        configured_network: ConfiguredNetwork,
        quantized: bool | None = None,
        format_type: Any = None,  # noqa: ANN401 - HailoRT's enumeration
        timeout_ms: int | None = None,
        queue_size: int | None = None,
        network_name: str | None = None,
    ) -> _Params:
        """By name; `quantized` is ignored, as HailoRT does."""
        return _make(configured_network.get_input_vstream_infos(), format_type, timeout_ms, queue_size)

    make_from_network_group = make


class OutputVStreamParams:
    """How outputs are read."""

    @staticmethod
    def make(  # noqa: PLR0917 - HailoRT's signature
        configured_network: ConfiguredNetwork,
        quantized: bool | None = None,
        format_type: Any = None,  # noqa: ANN401 - HailoRT's enumeration
        timeout_ms: int | None = None,
        queue_size: int | None = None,
        network_name: str | None = None,
    ) -> _Params:
        """By name; `quantized` is ignored, as HailoRT does."""
        return _make(configured_network.get_output_vstream_infos(), format_type, timeout_ms, queue_size)

    make_from_network_group = make

    @staticmethod
    def make_groups(
        configured_network: ConfiguredNetwork,
        quantized: bool | None = None,
        format_type: Any = None,  # noqa: ANN401 - HailoRT's enumeration
        timeout_ms: int | None = None,
        queue_size: int | None = None,
    ) -> list[_Params]:
        """One group: a network with one output."""
        return [OutputVStreamParams.make(configured_network, quantized, format_type, timeout_ms, queue_size)]


class InferVStreams:
    """A pipeline, opened by entering it."""

    def __init__(
        self,
        configured_net_group: ConfiguredNetwork,
        input_vstreams_params: _Params,
        output_vstreams_params: _Params,
        tf_nms_format: bool = False,
    ) -> None:
        self._group = configured_net_group
        self._inputs, self._outputs = input_vstreams_params, output_vstreams_params
        self._open = self._down = False
        self._hw_time: float | None = None
        self._total_time: float | None = None

    def __enter__(self) -> InferVStreams:
        with ExceptionWrapper():
            self._group._vdevice._check_open()
        self._open = True
        return self

    def infer(self, input_data: Mapping[str, NDArray[Any]] | NDArray[Any]) -> dict[str, NDArray[Any]]:
        """(N, H, W, C) by name to (N, D) by name.

        A frame is written, and then its result is read, each within its stream's timeout (status 4).
        Another dtype is cast, silently but for a line in HailoRT's log; of the shape only the number of bytes
        a frame is checked (status 2).
        """
        begin = time.perf_counter()
        info = self._group.get_input_vstream_infos()[0]
        data = input_data if isinstance(input_data, Mapping) else {info.name: input_data}
        if not data:
            raise ValueError("Input_data can't be empty")
        hef, own = self._group._source._hef, _pyhailort.__getattr__("FormatType")
        params, results = (
            self._inputs[info.name],
            self._outputs[self._group._source.get_sorted_output_names()[0]],
        )
        entry = dtype_of(params.user_buffer_format.type, own.UINT8)
        exit_ = dtype_of(results.user_buffer_format.type, own.UINT8)
        frames = np.ascontiguousarray(data[info.name].astype(entry))
        with ExceptionWrapper():
            self._usable()
            if not len(frames) or frames[0].nbytes != hef.size * hef.size * 3 * entry.itemsize:
                raise _pyhailort.HailoRTStatusException(2)
            start = time.perf_counter()
            out = np.empty((len(frames), hef.features), dtype=exit_)
            try:
                for row, frame in zip(out, frames, strict=True):
                    raw = CHIP.run(
                        self._group._source._network,
                        entry_frame(hef, frame, params.user_buffer_format.type),
                        lambda: params.timeout_ms,
                    )
                    if CHIP.late:  # the frame was written, and there is nothing to read
                        time.sleep(results.timeout_ms / 1000)
                        raise _pyhailort.HailoRTStatusException(4)
                    row[:] = exit_values(hef, raw, exit_)
            except _pyhailort.HailoRTStatusException:
                self._down = True
                raise
        self._hw_time = time.perf_counter() - start
        self._total_time = time.perf_counter() - begin
        return {self._group._source.get_sorted_output_names()[0]: out}

    def get_hw_time(self) -> float | None:
        """Seconds of the last batch, the host's transfers included."""
        return self._hw_time

    def get_total_time(self) -> float | None:
        """Seconds of the last `infer`."""
        return self._total_time

    def __exit__(self, *args: object) -> None:
        self._open = False

    def _usable(self) -> None:
        self._group._vdevice._check_open()
        if not self._open:
            raise _pyhailort.HailoRTStatusException(70)
        if self._down:
            raise _pyhailort.HailoRTStatusException(63)
        if not (self._group._active or self._group._vdevice._scheduled):
            raise _pyhailort.HailoRTStatusException(69)

    set_nms_score_threshold = unsupported("set_nms_score_threshold", "self, threshold", INVALID_OPERATION)
    set_nms_iou_threshold = unsupported("set_nms_iou_threshold", "self, threshold", INVALID_OPERATION)
    set_nms_max_proposals_per_class = unsupported(
        "set_nms_max_proposals_per_class", "self, max_proposals_per_class", INVALID_OPERATION
    )
    set_nms_max_accumulated_mask_size = unsupported(
        "set_nms_max_accumulated_mask_size", "self, max_accumulated_mask_size", INVALID_OPERATION
    )
