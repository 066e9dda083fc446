"""Every HailoRT status as an error of ours: what says nothing about the model apart from what does."""

from __future__ import annotations

import re
from typing import Literal

from cardembed.errors import (
    CardembedError,
    DeviceBusyError,
    DeviceLostError,
    DeviceMissingError,
    DeviceTimeoutError,
    DriverMismatchError,
    InfrastructureError,
    ReleaseError,
    WrongArchitectureError,
)

__all__ = ["Stage", "error_for", "is_hailort_error", "kind_of", "status_of"]

Stage = Literal["open", "load", "configure", "run", "ask"]
"""Where a status came: opening the device, parsing the HEF, putting it on the chip, inference, telemetry."""

_BUSY, _LOST, _MISSING = {73, 74}, {36, 57, 62, 63, 88, 90, 96}, {27, 64}
_INVALID_ARGUMENT = 2
_TIMEOUT, _MISMATCH, _ARCHITECTURE = {4, 87}, {15, 16, 76, 78, 85, 86}, {75, 93}
_FILE = {13, 14, 24, 26, 91, 92}

_STATUS_BY_CLASS = {
    # HailoRT's classes carry no number; these are the ones that its mapper raises.
    "HailoCommunicationClosedException": 62,
    "HailoRTDriverOperationFailedException": 36,
    "HailoRTEthException": 19,
    "HailoRTFirmwareControlFailedException": 18,
    "HailoRTHEFNotCompatibleWithDevice": 93,
    "HailoRTInvalidArgumentException": 2,
    "HailoRTInvalidFrameException": 25,
    "HailoRTInvalidHEFException": 26,
    "HailoRTInvalidOperationException": 6,
    "HailoRTNetworkGroupNotActivatedException": 69,
    "HailoRTNotFoundException": 61,
    "HailoRTPCIeDriverException": 36,
    "HailoRTStreamAborted": 63,
    "HailoRTStreamAbortedByUser": 63,
    "HailoRTTimeout": 4,
    "HailoRTUnsupportedOpcodeException": 48,
    "InvalidProtocolVersionException": 15,
    "UdpRecvError": 21,
}
_ACTIONS = {
    DeviceBusyError: "end the process that uses the device, or wait for it",
    DeviceLostError: "check cable, power and `dmesg | grep hailo`; the next call opens the device anew",
    DeviceMissingError: "attach the device, and check `hailortcli scan`",
    DeviceTimeoutError: "check the device with `hailortcli fw-control identify`; the next call starts anew",
    DriverMismatchError: "install library, driver and firmware of one version: sudo apt install hailo-all",
    InfrastructureError: "see hailort.log; the next call opens the device anew",
    ReleaseError: "compile it anew, or restore the file",
    WrongArchitectureError: "compile it with --hw-arch of the attached device",
}


def is_hailort_error(error: BaseException) -> bool:
    """Whether HailoRT's Python raised it.

    Two trees that share no base: mapped `HailoRTException`, and the bare `HailoRTStatusException` of the
    calls that forget to map.
    """
    return any(
        kind.__name__ in ("HailoRTException", "HailoRTStatusException") for kind in type(error).__mro__
    )


def status_of(error: BaseException) -> int | None:
    """The status number behind a HailoRT exception; None where it has none.

    The bare exception has it as `args[0]`, a mapped one in its cause, its class or its text.
    """
    cause: BaseException | None = error
    while cause is not None:
        if type(cause).__name__ == "HailoRTStatusException" and cause.args:
            try:
                return int(cause.args[0])
            except (TypeError, ValueError):
                break
        cause = cause.__cause__
    by_class = _STATUS_BY_CLASS.get(type(error).__name__)
    if by_class is not None:
        return by_class
    found = re.search(r"failed with error: (\d+)", str(error))
    return int(found[1]) if found else None


def _kind(status: int | None, stage: Stage) -> type[CardembedError]:
    table: tuple[tuple[set[int], type[CardembedError]], ...] = (
        (_BUSY, DeviceBusyError),
        (_LOST, DeviceLostError),
        (_MISSING, DeviceMissingError),
        (_TIMEOUT, DeviceTimeoutError),
        (_MISMATCH, DriverMismatchError),
        (_ARCHITECTURE, WrongArchitectureError),
    )
    if status == 26 and stage == "configure":
        return WrongArchitectureError  # HailoRT 4.20 and older say so: the file itself was parsed before
    if status in _FILE and stage in ("load", "configure"):
        return ReleaseError
    return next((kind for codes, kind in table if status in codes), InfrastructureError)


def kind_of(error: BaseException, stage: Stage) -> type[CardembedError]:
    """What a HailoRT exception is at a stage; `InfrastructureError` where its status says no more."""
    return _kind(status_of(error), stage)


def error_for(
    error: BaseException, *, stage: Stage, thing: str, attached: bool | None = None
) -> CardembedError:
    """The error to raise for a HailoRT exception.

    Args:
        error: What HailoRT raised.
        stage: Where.
        thing: What it is about, such as the HEF's path.
        attached: Whether a scan finds the device: status 74 alone does not tell "none" from "in use", nor
            status 2, which HailoRT has for an id that it does not find, from another wrong argument.
    """
    status = status_of(error)
    kind = _kind(status, stage)
    if attached is False and (kind is DeviceBusyError or status == _INVALID_ARGUMENT):
        kind = DeviceMissingError
    number = "no status" if status is None else f"status {status}"
    return kind(
        thing,
        expected="HailoRT to " + _EXPECTED[stage],
        found=f"{type(error).__name__} ({number}): {error}",
        action=_ACTIONS[kind],
    )


_EXPECTED: dict[Stage, str] = {
    "open": "open the device",
    "load": "read the compiled network",
    "configure": "load the network onto the device",
    "run": "run a frame",
    "ask": "tell what the device is",
}
