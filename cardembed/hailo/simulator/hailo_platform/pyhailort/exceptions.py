"""HailoRT's Python exceptions, and the mapper that makes them of status codes."""

from __future__ import annotations

from types import TracebackType

from cardembed.hailo.simulator.hailo_platform.pyhailort._pyhailort import (
    HailoRTStatusException,
    get_status_message,
)

# ruff: noqa: N818 - the names are HailoRT's


class HailoRTException(Exception):
    """Base of the mapped ones."""


class UdpRecvError(HailoRTException):
    """Status 21."""


class InvalidProtocolVersionException(HailoRTException):
    """Status 15."""


class HailoRTFirmwareControlFailedException(HailoRTException):
    """Status 18."""


class HailoRTInvalidFrameException(HailoRTException):
    """Status 25."""


class HailoRTUnsupportedOpcodeException(HailoRTException):
    """Status 48."""


class HailoRTTimeout(HailoRTException):
    """Status 4. It is importable from `hailo_platform.pyhailort.pyhailort` alone."""


class HailoRTStreamAborted(HailoRTException):
    """Status 63."""


class HailoRTStreamAbortedByUser(HailoRTException):
    """The user ended a stream."""


class HailoRTInvalidOperationException(HailoRTException):
    """Status 6."""


class HailoRTInvalidArgumentException(HailoRTException):
    """Status 2."""


class HailoRTNotFoundException(HailoRTException):
    """Status 61."""


class HailoRTInvalidHEFException(HailoRTException):
    """Status 26."""


class HailoRTHEFNotCompatibleWithDevice(HailoRTException):
    """Status 93."""


class HailoRTEthException(HailoRTException):
    """Status 19."""


class HailoRTDriverOperationFailedException(HailoRTException):
    """Status 36."""


class HailoCommunicationClosedException(HailoRTException):
    """Status 62."""


class HailoRTNetworkGroupNotActivatedException(HailoRTException):
    """Status 69."""


_CLASSES: dict[int, type[HailoRTException]] = {
    2: HailoRTInvalidArgumentException,
    4: HailoRTTimeout,
    6: HailoRTInvalidOperationException,
    15: InvalidProtocolVersionException,
    18: HailoRTFirmwareControlFailedException,
    19: HailoRTEthException,
    21: UdpRecvError,
    25: HailoRTInvalidFrameException,
    26: HailoRTInvalidHEFException,
    36: HailoRTDriverOperationFailedException,
    48: HailoRTUnsupportedOpcodeException,
    61: HailoRTNotFoundException,
    62: HailoCommunicationClosedException,
    63: HailoRTStreamAborted,
    69: HailoRTNetworkGroupNotActivatedException,
    93: HailoRTHEFNotCompatibleWithDevice,
}


class ExceptionWrapper:
    """A context in which bare statuses become mapped exceptions."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(value, HailoRTStatusException):
            raise self.create_exception_from_status(int(value.args[0])) from value

    @staticmethod
    def create_exception_from_status(error_code: int) -> HailoRTException:
        """The exception for a status: its own class, or the base with the number in its text."""
        name = get_status_message(error_code)
        kind = _CLASSES.get(error_code)
        if kind is not None:
            return kind(f"simulated {name}")
        return HailoRTException(f"libhailort failed with error: {error_code} ({name})")
