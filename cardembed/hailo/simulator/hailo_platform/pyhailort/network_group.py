"""A network group on the chip, and its activation."""

from __future__ import annotations

from typing import Any

from cardembed.hailo.simulator.hailo_platform.pyhailort import _pyhailort
from cardembed.hailo.simulator.hailo_platform.pyhailort.exceptions import ExceptionWrapper
from cardembed.hailo.simulator.hailo_platform.pyhailort.hef import HEF

__all__ = ["Activation", "ConfiguredNetwork"]


class Activation:
    """A context in which a network group runs; empty under a scheduler."""

    def __init__(self, group: ConfiguredNetwork) -> None:
        self._group = group

    def __enter__(self) -> None:
        with ExceptionWrapper():
            if self._group._active:
                raise _pyhailort.HailoRTStatusException(6)
        self._group._active = True

    def __exit__(self, *args: object) -> None:
        self._group._active = False


class ConfiguredNetwork:
    """What `VDevice.configure` gives."""

    def __init__(self, vdevice: Any, hef: HEF) -> None:  # noqa: ANN401 - it would import in a circle
        self._vdevice, self._source = vdevice, hef
        self._active = False

    @property
    def name(self) -> str:
        """Of the group."""
        return self._source.get_network_group_names()[0]

    @staticmethod
    def create_params() -> _pyhailort.ActivateNetworkGroupParams:
        """For `activate`."""
        return _pyhailort.ActivateNetworkGroupParams.default()

    def activate(self, network_group_params: Any = None) -> Activation:  # noqa: ANN401 - of `create_params`
        """Run it within a context; status 6 under a scheduler."""
        if self._vdevice._scheduled:
            with ExceptionWrapper():
                raise _pyhailort.HailoRTStatusException(6)
        return Activation(self)

    def get_input_vstream_infos(self, network_name: str | None = None) -> list[_pyhailort.VStreamInfo]:
        """As the HEF's."""
        return self._source.get_input_vstream_infos()

    def get_output_vstream_infos(self, network_name: str | None = None) -> list[_pyhailort.VStreamInfo]:
        """As the HEF's."""
        return self._source.get_output_vstream_infos()

    def get_networks_names(self) -> list[str]:
        """As the HEF's."""
        return self._source.get_networks_names()
