"""What an open device tells about itself.

A board need not have every sensor, nor a HailoRT every field of an answer: what is lacking is None.
"""

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
    sensors = _fields(control, "get_chip_temperature", "ts0_temperature", "ts1_temperature")
    told = [float(value) for value in sensors if value is not None]
    (clock,) = _fields(control, "get_extended_device_information", "neural_network_core_clock_rate")
    # The fields that end in `_active` say that a protection is switched on,
    # of a cool chip, too. What it does is told by a level, -1 for none, and a zone, 0 for green.
    level, zone = _fields(
        control, "_get_health_information", "current_temperature_throttling_level", "current_overcurrent_zone"
    )
    reasons = [None if level is None else int(level) >= 0, None if zone is None else int(zone) != 0]
    return Health(
        temperature=max(told, default=None),
        clock_hz=None if clock is None else int(clock),
        # Throttled for one reason it is throttled; that it is not takes both.
        throttled=True if any(reasons) else None if None in reasons else False,
    )


def _fields(control: Any, question: str, *names: str) -> list[Any]:  # noqa: ANN401 - no types published
    answer = _answer(control, question)
    return [getattr(answer, name, None) for name in names]


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
