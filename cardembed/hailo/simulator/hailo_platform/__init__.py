"""`hailo_platform` of HailoRT 4.23 with a simulated chip behind it.

The names of HailoRT's `__all__`, under HailoRT's own signatures. `CARDEMBED_SIMULATED` tells it from the real
one: what goes through it is `emulated`.
"""

from __future__ import annotations

from typing import Any

from cardembed._version import __version__ as _own_version
from cardembed.hailo.simulator.hailo_platform.pyhailort import _pyhailort
from cardembed.hailo.simulator.hailo_platform.pyhailort.device import Device
from cardembed.hailo.simulator.hailo_platform.pyhailort.exceptions import (
    HailoCommunicationClosedException,
    HailoRTException,
    HailoRTStreamAbortedByUser,
)
from cardembed.hailo.simulator.hailo_platform.pyhailort.hef import HEF, ConfigureParams
from cardembed.hailo.simulator.hailo_platform.pyhailort.infer_model import AsyncInferJob
from cardembed.hailo.simulator.hailo_platform.pyhailort.pyhailort import (
    HailoSchedulingAlgorithm,
    HailoStreamInterface,
)
from cardembed.hailo.simulator.hailo_platform.pyhailort.unsupported import unsupported
from cardembed.hailo.simulator.hailo_platform.pyhailort.vdevice import VDevice
from cardembed.hailo.simulator.hailo_platform.pyhailort.vstreams import (
    InferVStreams,
    InputVStreamParams,
    OutputVStreamParams,
)

CARDEMBED_SIMULATED = True
HAILORT_VERSION = "4.23.0"
"""Whose surface it has."""

_ENUMS = {
    "AveragingFactor": "AveragingFactor",
    "DvmTypes": "DvmTypes",
    "Endianness": "Endianness",
    "FormatOrder": "FormatOrder",
    "FormatType": "FormatType",
    "HailoCpuId": "CpuId",
    "HailoFormatFlags": "FormatFlags",
    "HailoPowerMode": "PowerMode",
    "HailoStreamDirection": "StreamDirection",
    "IspLightFrequency": "IspLightFrequency",
    "MeasurementBufferIndex": "MeasurementBufferIndex",
    "MipiClockSelection": "MipiClockSelection",
    "MipiDataTypeRx": "MipiDataTypeRx",
    "MipiIspImageInOrder": "MipiIspImageInOrder",
    "MipiIspImageOutDataType": "MipiIspImageOutDataType",
    "MipiPixelsPerClock": "MipiPixelsPerClock",
    "PowerMeasurementTypes": "PowerMeasurementTypes",
    "SamplingPeriod": "SamplingPeriod",
}
_ABSENT = {
    "EthernetDevice",
    "InputVStreams",
    "OutputVStreams",
    "PcieDevice",
    "UDPRateLimiter",
    "join_drivers_path",
}
"""Not simulated: Ethernet and PCIe classes of old programs, and streams without a pipeline (status 79)."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - an enumeration, a call that is not simulated, the version
    if name in _ENUMS:
        return getattr(_pyhailort, _ENUMS[name])
    if name in _ABSENT:
        return unsupported(name, None)
    if name == "__version__":
        import onnxruntime

        # It stands in the evidence and in cache keys: all that decides the simulated chip's answers.
        return f"{_own_version}+hailort-{HAILORT_VERSION}+onnxruntime-{onnxruntime.__version__}"
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "HEF",
    "AsyncInferJob",
    "AveragingFactor",
    "ConfigureParams",
    "Device",
    "DvmTypes",
    "Endianness",
    "EthernetDevice",
    "FormatOrder",
    "FormatType",
    "HailoCommunicationClosedException",
    "HailoCpuId",
    "HailoFormatFlags",
    "HailoPowerMode",
    "HailoRTException",
    "HailoRTStreamAbortedByUser",
    "HailoSchedulingAlgorithm",
    "HailoStreamDirection",
    "HailoStreamInterface",
    "InferVStreams",
    "InputVStreamParams",
    "InputVStreams",
    "IspLightFrequency",
    "MeasurementBufferIndex",
    "MipiClockSelection",
    "MipiDataTypeRx",
    "MipiIspImageInOrder",
    "MipiIspImageOutDataType",
    "MipiPixelsPerClock",
    "OutputVStreamParams",
    "OutputVStreams",
    "PcieDevice",
    "PowerMeasurementTypes",
    "SamplingPeriod",
    "UDPRateLimiter",
    "VDevice",
    "join_drivers_path",
]
