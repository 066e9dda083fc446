"""A device and its control channel."""

from __future__ import annotations

from typing import Any

from cardembed.hailo.simulator.hailo_platform.pyhailort import _pyhailort
from cardembed.hailo.simulator.hailo_platform.pyhailort.exceptions import ExceptionWrapper
from cardembed.hailo.simulator.hailo_platform.pyhailort.unsupported import unsupported

__all__ = ["BoardInformation", "Control", "Device", "TemperatureThrottlingLevel"]

_UNSUPPORTED = {
    "chip_reset": "",
    "nn_core_reset": "",
    "soft_reset": "",
    "forced_soft_reset": "",
    "read_memory": "address, data_length",
    "write_memory": "address, data_buffer",
    "power_measurement": "dvm=DvmTypes.AUTO, measurement_type=PowerMeasurementTypes.AUTO",
    "start_power_measurement": (
        "averaging_factor=AveragingFactor.AVERAGE_256, sampling_period=SamplingPeriod.PERIOD_1100us"
    ),
    "stop_power_measurement": "",
    "set_power_measurement": (
        "buffer_index=MeasurementBufferIndex.MEASUREMENT_BUFFER_INDEX_0, dvm=DvmTypes.AUTO, "
        "measurement_type=PowerMeasurementTypes.AUTO"
    ),
    "get_power_measurement": (
        "buffer_index=MeasurementBufferIndex.MEASUREMENT_BUFFER_INDEX_0, should_clear=True"
    ),
    "read_user_config": "",
    "write_user_config": "configuration",
    "read_board_config": "",
    "write_board_config": "configuration",
    "set_fw_logger": "level, interface_mask",
    "set_throttling_state": "should_activate",
    "i2c_write": "slave, register_address, data",
    "i2c_read": "slave, register_address, data_length",
    "read_register": "address",
    "set_bit": "address, bit_index",
    "reset_bit": "address, bit_index",
    "firmware_update": "firmware_binary, should_reset=True",
    "second_stage_update": "second_stage_binary",
    "store_sensor_config": (
        "section_index, reset_data_size, sensor_type, config_file_path, config_height=0, "
        "config_width=0, config_fps=0, config_name=None"
    ),
    "store_isp_config": (
        "reset_config_size, isp_static_config_file_path, isp_runtime_config_file_path, "
        "config_height=0, config_width=0, config_fps=0, config_name=None"
    ),
    "get_sensor_sections_info": "",
    "sensor_set_generic_i2c_slave": (
        "slave_address, register_address_size, bus_index, should_hold_bus, endianness"
    ),
    "set_sensor_i2c_bus_index": "sensor_type, i2c_bus_index",
    "load_and_start_sensor": "section_index",
    "reset_sensor": "section_index",
    "wd_enable": "cpu_id",
    "wd_disable": "cpu_id",
    "wd_config": "cpu_id, wd_cycles, wd_mode",
    "previous_system_state": "cpu_id",
    "set_pause_frames": "rx_pause_frames_enable",
    "test_chip_memories": "",
    "set_notification_callback": "callback_func, notification_id, opaque",
    "remove_notification_callback": "notification_id",
}


class BoardInformation:
    """What the board says it is."""

    def __init__(  # noqa: PLR0917 - HailoRT's signature
        self,
        protocol_version: int,
        fw_version_major: int,
        fw_version_minor: int,
        fw_version_revision: int,
        logger_version: int,
        board_name: str,
        is_release: bool,
        extended_context_switch_buffer: bool,
        device_architecture: int,
        serial_number: str,
        part_number: str,
        product_name: str,
    ) -> None:
        self.protocol_version, self.logger_version = protocol_version, logger_version
        self.firmware_version = _pyhailort.FirmwareVersion(
            fw_version_major, fw_version_minor, fw_version_revision
        )
        self.board_name, self.is_release = board_name, is_release
        self.extended_context_switch_buffer = extended_context_switch_buffer
        self.device_architecture = device_architecture
        self.serial_number, self.part_number, self.product_name = serial_number, part_number, product_name

    @staticmethod
    def get_hw_arch_str(device_arch: int) -> str:
        """The architecture's name."""
        return str(list(_pyhailort.DeviceArchitecture.__members__)[int(device_arch)])


class TemperatureThrottlingLevel:
    """A step of the chip's cooling."""

    def __init__(
        self,
        level_number: int,
        temperature_threshold: float,
        hysteresis_temperature_threshold: float,
        throttling_nn_clock_freq: int,
    ) -> None:
        self.level_number, self.temperature_threshold = level_number, temperature_threshold
        self.hysteresis_temperature_threshold = hysteresis_temperature_threshold
        self.throttling_nn_clock_freq = throttling_nn_clock_freq


class Control:
    """The control channel of a device; what the simulated firmware does not serve ends in status 79."""

    WORD_SIZE = 4

    def __init__(self, device: Any) -> None:  # noqa: ANN401 - opaque
        from cardembed.hailo.simulator.chip import CHIP

        self._device, self._chip = device, CHIP

    def open(self) -> None:
        """Nothing to do; HailoRT keeps it for old programs."""

    def close(self) -> None:
        """Nothing to do; HailoRT keeps it for old programs."""

    @property
    def device_id(self) -> str:
        """Of its device."""
        return str(self._device)

    def identify(self) -> BoardInformation:
        """What the board is."""
        from cardembed.hailo.simulator.faults import ARCHITECTURES, current_faults

        self._alive()
        number = ARCHITECTURES.index(current_faults().architecture)
        serial = self._chip.serial_number
        return BoardInformation(2, 4, 23, 0, 0, "Simulated", True, False, number, serial, "", "Simulator")

    def core_identify(self) -> BoardInformation:
        """As `identify`."""
        return self.identify()

    def get_chip_temperature(self) -> _pyhailort.TemperatureInfo:
        """In °C."""
        self._alive()
        value = self._chip.temperature
        return _pyhailort.TemperatureInfo(value, value - 1, 1)

    def get_extended_device_information(self) -> _pyhailort.ExtendedDeviceInformation:
        """Clock and features."""
        self._alive()
        return _pyhailort.ExtendedDeviceInformation(self._chip.clock_hz, _pyhailort.SupportedFeatures())

    def get_throttling_state(self) -> bool:
        """Whether the protection is switched on, not whether it acts."""
        self._alive()
        return True

    def _get_health_information(self) -> _pyhailort.HealthInformation:
        from cardembed.hailo.simulator.faults import current_faults

        self._alive()
        return _pyhailort.HealthInformation(0, 0 if current_faults().throttled else -1)

    def _alive(self) -> None:
        with ExceptionWrapper():
            self._chip.alive()


for _name, _arguments in _UNSUPPORTED.items():
    setattr(Control, _name, unsupported(_name, ", ".join(filter(None, ("self", _arguments)))))


class Device:
    """A physical device. Its constructor does not map statuses: it raises the bare exception."""

    def __init__(self, device_id: str | None = None) -> None:
        found = Device.scan()
        if not found or (device_id is not None and device_id not in found):
            raise _pyhailort.HailoRTStatusException(74)
        self._id = device_id or found[0]
        self._control = Control(self._id)

    @classmethod
    def scan(cls) -> list[str]:
        """Ids of the attached devices."""
        from cardembed.hailo.simulator.chip import CHIP

        with ExceptionWrapper():
            return CHIP.scan()

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *args: object) -> None:
        self.release()

    def release(self) -> None:
        """Close it."""

    @property
    def device_id(self) -> str:
        """Such as "0000:01:00.0"."""
        return self._id

    @property
    def control(self) -> Control:
        """Its control channel."""
        return self._control

    @property
    def loaded_network_groups(self) -> list[Any]:
        """None: networks are loaded through a VDevice here."""
        return []

    read_log = unsupported("read_log", "self, count, cpu_id")
