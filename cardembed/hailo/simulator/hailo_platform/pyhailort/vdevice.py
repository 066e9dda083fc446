"""The virtual device, which owns the chip, and network groups on it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from cardembed.hailo.simulator.chip import CHIP
from cardembed.hailo.simulator.hailo_platform.pyhailort import _pyhailort
from cardembed.hailo.simulator.hailo_platform.pyhailort.device import Device
from cardembed.hailo.simulator.hailo_platform.pyhailort.exceptions import ExceptionWrapper, HailoRTException
from cardembed.hailo.simulator.hailo_platform.pyhailort.hef import HEF, load_hef
from cardembed.hailo.simulator.hailo_platform.pyhailort.infer_model import InferModel
from cardembed.hailo.simulator.hailo_platform.pyhailort.network_group import ConfiguredNetwork

__all__ = ["VDevice"]


class VDevice:
    """The chip, for one process until it is released.

    Args:
        params: See `create_params`; without a scheduler by default. VDevices of one process and `group_id`
            share the device, as the first opened it; the default id "UNIQUE" shares nothing.
        device_ids: Which devices; excludes `params`. Status 6 where both name ids, and where `params` names
            none it is forgotten, its scheduler too.

    `device_count` is the number of ids where there are any: status 2 for none, 6 for several where a Hailo-8L
    is attached, 74 for more than there are. `multi_process_service` needs a scheduler (status 2), and a
    service that runs: here none does (status 77).
    """

    def __init__(
        self, params: _pyhailort.VDeviceParams | None = None, *, device_ids: list[str] | None = None
    ) -> None:
        self._open = False
        params = params or VDevice.create_params()
        self._groups: list[ConfiguredNetwork] = []
        self._pid = os.getpid()
        with ExceptionWrapper():
            self._params = CHIP.open(self, _checked(params, device_ids))
        self._open = True

    def __enter__(self) -> VDevice:
        return self

    def release(self) -> None:
        """Give the chip back; twice is as once."""
        if self._open:
            self._open = False
            CHIP.release(self)

    def __exit__(self, *args: object) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()

    @staticmethod
    def create_params() -> _pyhailort.VDeviceParams:
        """HailoRT's defaults."""
        return _pyhailort.VDeviceParams.default()

    @property
    def _scheduled(self) -> bool:
        """Whether a scheduler activates networks."""
        return bool(self._params.scheduling_algorithm.name != "NONE")

    def _check_open(self) -> None:
        """Raise status 6 after `release`, and 36 where the chip is gone; bare."""
        if not self._open:
            raise _pyhailort.HailoRTStatusException(6)
        CHIP.alive()

    def configure(
        self,
        hef: HEF,
        configure_params_by_name: Mapping[str, Any] = {},
    ) -> list[ConfiguredNetwork]:
        """Put a network onto the chip: status 93 (26 up to HailoRT 4.20) where it is for another one."""
        self._same_process("VDevice can only be configured from the process it was created in.")
        with ExceptionWrapper():
            self._check_open()
            CHIP.check_architecture(hef._hef.architecture)
        group = ConfiguredNetwork(self, hef)
        self._groups.append(group)
        return [group]

    def get_physical_devices(self) -> list[Device]:
        """The devices behind it."""
        return [Device(name) for name in self.get_physical_devices_ids()]

    def get_physical_devices_ids(self) -> list[str]:
        """Their ids."""
        with ExceptionWrapper():
            self._check_open()
            return CHIP.scan()

    def create_infer_model(self, hef_source: str | bytes, name: str = "") -> InferModel:
        """A network that is not on the chip yet, of a path (str) or of bytes."""
        self._same_process("InferModel can be created only from the process VDevice was created in.")
        if not isinstance(hef_source, str | bytes):
            raise TypeError("incompatible function arguments: hef_source is a str or bytes")
        with ExceptionWrapper():
            self._check_open()
            hef, network = load_hef(hef_source)
        return InferModel((self, hef, network), hef_source)

    @property
    def loaded_network_groups(self) -> list[ConfiguredNetwork]:
        """What `configure` put onto the chip."""
        return self._groups

    def _same_process(self, message: str) -> None:
        if os.getpid() != self._pid:
            raise HailoRTException(message)


def _checked(params: _pyhailort.VDeviceParams, device_ids: list[str] | None) -> _pyhailort.VDeviceParams:
    """The parameters that hold; bare statuses where HailoRT refuses them before it looks for a device."""
    if device_ids:
        if params.device_ids:
            raise _pyhailort.HailoRTStatusException(6)
        params = VDevice.create_params()
        params.device_ids = list(device_ids)
    if params.device_count == 0:
        raise _pyhailort.HailoRTStatusException(2)
    if params.multi_process_service:
        raise _pyhailort.HailoRTStatusException(2 if params.scheduling_algorithm.name == "NONE" else 77)
    return params
