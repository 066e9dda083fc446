"""HailoRT's C++ binding, as far as it shows in Python: enumerations, plain structures, the bare exception."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cardembed.hailo.simulator.hailo_platform.pyhailort.enums import ENUMS, bound_enum
from cardembed.hailo.simulator.hailo_platform.pyhailort.statuses import STATUSES

__all__ = [
    "ActivateNetworkGroupParams",
    "ConfigureParams",
    "ExtendedDeviceInformation",
    "FirmwareVersion",
    "HailoFormat",
    "HailoRTStatusException",
    "HealthInformation",
    "QuantInfo",
    "SupportedFeatures",
    "TemperatureInfo",
    "VDeviceParams",
    "VStreamInfo",
    "VStreamParams",
    "get_status_message",
]

_MADE = {name: bound_enum(name, names) for name, names in ENUMS.items()}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - an enumeration
    try:
        return _MADE[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


class HailoRTStatusException(Exception):  # noqa: N818 - HailoRT's name
    """A status; `args[0]` is its number. It is no HailoRTException."""


def get_status_message(status: int) -> str:
    """The status's name, "" for none."""
    return STATUSES[status] if 0 <= status < len(STATUSES) else ""


@dataclass
class QuantInfo:
    """Quantisation parameters."""

    qp_zp: float = 0.0
    qp_scale: float = 0.0
    limvals_min: float = 0.0
    limvals_max: float = 0.0


@dataclass
class HailoFormat:
    """Type and order of a buffer."""

    type: Any
    order: Any
    flags: Any

    def equals(self, other: HailoFormat) -> bool:
        """Whether both are the same."""
        return self == other


@dataclass
class VStreamInfo:
    """A virtual stream: what enters or leaves a network."""

    name: str
    network_name: str
    direction: Any
    format: HailoFormat
    shape: tuple[int, ...]
    quant_info: QuantInfo
    nms_shape: Any = None


@dataclass
class VDeviceParams:
    """How to open a VDevice."""

    device_ids: list[str] = field(default_factory=list)
    device_count: int = 1
    scheduling_algorithm: Any = _MADE["SchedulingAlgorithm"].NONE
    group_id: str = "UNIQUE"
    multi_process_service: bool = False

    def __setattr__(self, name: str, value: Any) -> None:  # noqa: ANN401 - of any field
        """Set a field; ids bring their number with them."""
        object.__setattr__(self, name, value)
        if name == "device_ids":
            self.device_count = len(value)

    @staticmethod
    def default() -> VDeviceParams:
        """HailoRT's defaults: one device, no scheduler."""
        return VDeviceParams()


@dataclass
class VStreamParams:
    """How a virtual stream is fed or read."""

    user_buffer_format: HailoFormat
    timeout_ms: int
    queue_size: int
    vstream_stats_flags: Any = _MADE["VStreamStatsFlags"].NONE
    pipeline_elements_stats_flags: Any = _MADE["PipelineElemStatsFlags"].NONE


@dataclass
class ConfigureParams:
    """How a network group is put onto the chip."""

    batch_size: int = 0
    power_mode: Any = _MADE["PowerMode"].PERFORMANCE
    stream_params_by_name: dict[str, Any] = field(default_factory=dict)
    network_params_by_name: dict[str, Any] = field(default_factory=dict)


@dataclass
class ActivateNetworkGroupParams:
    """Nothing that could be set."""

    @staticmethod
    def default() -> ActivateNetworkGroupParams:
        """The only ones."""
        return ActivateNetworkGroupParams()


@dataclass
class FirmwareVersion:
    """Of the device."""

    major: int
    minor: int
    revision: int


@dataclass
class TemperatureInfo:
    """Two sensors, in °C."""

    ts0_temperature: float
    ts1_temperature: float
    sample_count: int

    def equals(self, other: TemperatureInfo) -> bool:
        """Whether both are the same."""
        return self == other


@dataclass
class SupportedFeatures:
    """Of the board."""

    ethernet: bool = False
    mipi: bool = False
    pcie: bool = True
    current_monitoring: bool = False
    mdio: bool = False


@dataclass
class ExtendedDeviceInformation:
    """Of the board; what a simulated one has."""

    neural_network_core_clock_rate: int
    supported_features: SupportedFeatures
    boot_source: Any = _MADE["BootSource"].PCIE


@dataclass
class HealthInformation:
    """Of the chip; what a simulated one has."""

    current_overcurrent_zone: int
    """0 for green, 1 for red."""
    current_temperature_throttling_level: int
    """-1 where nothing is throttled, else how much, from 0."""
    overcurrent_throttling_active: bool = True
    """Whether the protection is switched on, not whether it acts."""
    temperature_throttling_active: bool = True
    """The same."""
