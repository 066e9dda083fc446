"""Everything of HailoRT's Python layer in one module, where programs import it."""

from __future__ import annotations

from typing import Any

from cardembed.hailo.simulator.hailo_platform.pyhailort import _pyhailort
from cardembed.hailo.simulator.hailo_platform.pyhailort.device import (
    BoardInformation,
    Control,
    Device,
    TemperatureThrottlingLevel,
)
from cardembed.hailo.simulator.hailo_platform.pyhailort.exceptions import *  # noqa: F403 - all of them
from cardembed.hailo.simulator.hailo_platform.pyhailort.hef import HEF, ConfigureParams
from cardembed.hailo.simulator.hailo_platform.pyhailort.infer_model import (
    AsyncInferCompletionInfo,
    AsyncInferJob,
    ConfiguredInferModel,
    InferModel,
)
from cardembed.hailo.simulator.hailo_platform.pyhailort.transform import HailoRTTransformUtils
from cardembed.hailo.simulator.hailo_platform.pyhailort.vdevice import VDevice
from cardembed.hailo.simulator.hailo_platform.pyhailort.vstreams import (
    InferVStreams,
    InputVStreamParams,
    OutputVStreamParams,
)

__all__ = [
    "HEF",
    "AsyncInferCompletionInfo",
    "AsyncInferJob",
    "BoardInformation",
    "ConfigureParams",
    "ConfiguredInferModel",
    "Control",
    "Device",
    "HailoRTTransformUtils",
    "HailoSchedulingAlgorithm",
    "HailoStreamInterface",
    "InferModel",
    "InferVStreams",
    "InputVStreamParams",
    "OutputVStreamParams",
    "TemperatureThrottlingLevel",
    "VDevice",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - an enumeration
    return getattr(_pyhailort, name)


class HailoSchedulingAlgorithm(_pyhailort.__getattr__("SchedulingAlgorithm")):  # type: ignore[misc]
    """NONE or ROUND_ROBIN."""


class HailoStreamInterface(_pyhailort.__getattr__("StreamInterface")):  # type: ignore[misc]
    """How the chip is attached."""
