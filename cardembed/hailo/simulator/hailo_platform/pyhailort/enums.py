"""HailoRT's enumerations: names in the order of their numbers, from 0."""

from __future__ import annotations

from typing import Any, Self

__all__ = ["ENUMS", "BoundEnum", "bound_enum"]


class BoundEnum:
    """An enumeration as pybind11 makes them: not Python's, so it can be derived from."""

    __members__: dict[str, Any]

    def __init__(self, value: int, name: str) -> None:
        self.value, self.name = value, name

    def __int__(self) -> int:
        return self.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BoundEnum) and (self.name, self.value) == (other.name, other.value)

    def __hash__(self) -> int:
        return self.value

    def __repr__(self) -> str:
        return f"<{type(self).__name__}.{self.name}: {self.value}>"

    def __copy__(self) -> Self:
        return self


def bound_enum(name: str, names: str) -> Any:  # noqa: ANN401 - its members are made here
    """The class `name` with members numbered from 0."""
    kind: Any = type(name, (BoundEnum,), {})
    kind.__members__ = {}
    for value, member in enumerate(names.split()):
        kind.__members__[member] = kind(value, member)
        setattr(kind, member, kind.__members__[member])
    return kind


ENUMS = {
    "DeviceArchitecture": "HAILO8_A0 HAILO8 HAILO8L HAILO15H HAILO15L HAILO15M HAILO10H",
    "DvmTypes": (
        "AUTO VDD_CORE VDD_IO MIPI_AVDD MIPI_AVDD_H USB_AVDD_IO VDD_TOP USB_AVDD_IO_HV "
        "AVDD_H SDIO_VDD_IO OVERCURRENT_PROTECTION"
    ),
    "PowerMeasurementTypes": "AUTO SHUNT_VOLTAGE BUS_VOLTAGE POWER CURRENT",
    "SamplingPeriod": (
        "PERIOD_140us PERIOD_204us PERIOD_332us PERIOD_588us PERIOD_1100us PERIOD_2116us "
        "PERIOD_4156us PERIOD_8244us"
    ),
    "AveragingFactor": (
        "AVERAGE_1 AVERAGE_4 AVERAGE_16 AVERAGE_64 AVERAGE_128 AVERAGE_256 AVERAGE_512 AVERAGE_1024"
    ),
    "MeasurementBufferIndex": (
        "MEASUREMENT_BUFFER_INDEX_0 MEASUREMENT_BUFFER_INDEX_1 MEASUREMENT_BUFFER_INDEX_2 "
        "MEASUREMENT_BUFFER_INDEX_3"
    ),
    "OvercurrentAlertState": "OVERCURRENT_ZONE_GREEN OVERCURRENT_ZONE_RED",
    "TemperatureZone": "TEMPERATURE_ZONE_GREEN TEMPERATURE_ZONE_ORANGE TEMPERATURE_ZONE_RED",
    "NotificationId": (
        "ETHERNET_RX_ERROR HEALTH_MONITOR_TEMPERATURE_ALARM "
        "HEALTH_MONITOR_DATAFLOW_SHUTDOWN HEALTH_MONITOR_OVERCURRENT_ALARM "
        "HEALTH_MONITOR_LCU_ECC_CORRECTABLE_ERROR "
        "HEALTH_MONITOR_LCU_ECC_UNCORRECTABLE_ERROR HEALTH_MONITOR_CPU_ECC_ERROR "
        "HEALTH_MONITOR_CPU_ECC_FATAL DEBUG CONTEXT_SWITCH_BREAKPOINT_REACHED "
        "HEALTH_MONITOR_CLOCK_CHANGED_EVENT"
    ),
    "WatchdogMode": "WATCHDOG_MODE_HW_SW WATCHDOG_MODE_HW_ONLY",
    "Endianness": "BIG_ENDIAN LITTLE_ENDIAN",
    "SensorConfigTypes": "SENSOR_GENERIC ONSEMI_AR0220AT SENSOR_RASPICAM ONSEMI_AS0149AT HAILO8_ISP",
    "ResetDeviceMode": "CHIP NN_CORE SOFT FORCED_SOFT",
    "StreamDirection": "H2D D2H",
    "FormatType": "AUTO UINT8 UINT16 FLOAT32",
    "FormatOrder": (
        "AUTO NHWC NHCW FCR F8CR NHW NC BAYER_RGB 12_BIT_BAYER_RGB RGB888 NCHW YUY2 NV12 "
        "YYUV NV21 YYVU RGB4 I420 YYYYUV HAILO_NMS_WITH_BYTE_MASK HAILO_NMS_ON_CHIP "
        "HAILO_NMS_BY_CLASS HAILO_NMS_BY_SCORE"
    ),
    "FormatFlags": "NONE TRANSPOSED",
    "TransformMode": "NO_TRANSFORM TRANSFORM_COPY",
    "MipiPixelsPerClock": "PIXELS_PER_CLOCK_1 PIXELS_PER_CLOCK_2 PIXELS_PER_CLOCK_4",
    "MipiClockSelection": (
        "SELECTION_80_TO_100_MBPS SELECTION_100_TO_120_MBPS SELECTION_120_TO_160_MBPS "
        "SELECTION_160_TO_200_MBPS SELECTION_200_TO_240_MBPS SELECTION_240_TO_280_MBPS "
        "SELECTION_280_TO_320_MBPS SELECTION_320_TO_360_MBPS SELECTION_360_TO_400_MBPS "
        "SELECTION_400_TO_480_MBPS SELECTION_480_TO_560_MBPS SELECTION_560_TO_640_MBPS "
        "SELECTION_640_TO_720_MBPS SELECTION_720_TO_800_MBPS SELECTION_800_TO_880_MBPS "
        "SELECTION_880_TO_1040_MBPS SELECTION_1040_TO_1200_MBPS "
        "SELECTION_1200_TO_1350_MBPS SELECTION_1350_TO_1500_MBPS "
        "SELECTION_1500_TO_1750_MBPS SELECTION_1750_TO_2000_MBPS "
        "SELECTION_2000_TO_2250_MBPS SELECTION_2250_TO_2500_MBPS SELECTION_AUTOMATIC"
    ),
    "MipiDataTypeRx": "RGB_444 RGB_555 RGB_565 RGB_666 RGB_888 RAW_6 RAW_7 RAW_8 RAW_10 RAW_12 RAW_14",
    "MipiIspImageInOrder": "B_FIRST GB_FIRST GR_FIRST R_FIRST",
    "MipiIspImageOutDataType": "RGB_888 YUV_422",
    "IspLightFrequency": "LIGHT_FREQ_60_HZ LIGHT_FREQ_50_HZ",
    "StreamInterface": "PCIe INTEGRATED ETH MIPI",
    "VStreamStatsFlags": "NONE MEASURE_FPS MEASURE_LATENCY",
    "PipelineElemStatsFlags": "NONE MEASURE_FPS MEASURE_LATENCY MEASURE_QUEUE_SIZE",
    "LatencyMeasurementFlags": "NONE CLEAR_AFTER_GET MEASURE",
    "PowerMode": "ULTRA_PERFORMANCE PERFORMANCE",
    "SchedulingAlgorithm": "NONE ROUND_ROBIN",
    "BootSource": "INVALID PCIE FLASH",
    "FwLoggerInterface": "PCIE UART",
    "FwLoggerLevel": "TRACE DEBUG INFO WARN ERROR FATAL",
    "CpuId": "CPU0 CPU1",
    "SleepState": "SLEEP_STATE_SLEEPING SLEEP_STATE_AWAKE",
}
"""Names by enumeration."""
