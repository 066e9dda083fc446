"""What an open device tells about itself. A board need not have every sensor: what it lacks is None."""

from __future__ import annotations

from typing import Any

from cardembed.errors import DeviceBusyError, DeviceLostError, DeviceMissingError, DeviceTimeoutError
from cardembed.hailo.protocol import Health, Identity
from cardembed.hailo.status import is_hailort_error, kind_of

__all__ = ["read_health", "read_identity"]

_ARCHITECTURES = ("HAILO8_A0", "HAILO8", "HAILO8L", "HAILO15H", "HAILO15L", "HAILO15M", "HAILO10H")
_OF_THE_DEVICE = (DeviceBusyError, DeviceLostError, DeviceMissingError, DeviceTimeoutError)
"""What a question to a sensor must not hide. With any other status (not implemented, refused, unsupported, a
sensor's own failure) the board does not tell, which is no reason to end what it answers well."""


def read_identity(vdevice: Any, *, simulated: bool) -> Identity:  # noqa: ANN401 - no types published
    """Architecture, firmware, serial number and id of the first device behind a VDevice.

    Args:
        vdevice: An open one.
        simulated: Whether it is the simulator's: what it answers is what a chip would.
    """
    device = vdevice.get_physical_devices()[0]
    board = device.control.identify()
    number = int(board.device_architecture)
    firmware = getattr(board, "firmware_version", None)
    return Identity(
        architecture=_ARCHITECTURES[number] if 0 <= number < len(_ARCHITECTURES) else str(number),
        firmware="" if firmware is None else f"{firmware.major}.{firmware.minor}.{firmware.revision}",
        serial_number=str(getattr(board, "serial_number", "")).strip("\x00 "),
        device_id=str(device.device_id),
        simulated=simulated,
    )


def read_health(vdevice: Any) -> Health:  # noqa: ANN401 - no types published
    """Temperature, clock and throttling of the first device behind a VDevice."""
    control = vdevice.get_physical_devices()[0].control
    temperature = _answer(control, "get_chip_temperature")
    extended = _answer(control, "get_extended_device_information")
    health = _answer(control, "_get_health_information")
    throttled = None
    if health is not None:
        throttled = bool(health.temperature_throttling_active or health.overcurrent_throttling_active)
    return Health(
        temperature=None
        if temperature is None
        else float(max(temperature.ts0_temperature, temperature.ts1_temperature)),
        clock_hz=None if extended is None else int(extended.neural_network_core_clock_rate),
        throttled=throttled,
    )


def _answer(control: Any, question: str) -> Any:  # noqa: ANN401 - no types published
    ask = getattr(control, question, None)
    if ask is None:
        return None
    try:
        return ask()
    except Exception as error:
        if is_hailort_error(error) and kind_of(error, "ask") not in _OF_THE_DEVICE:
            return None
        raise
