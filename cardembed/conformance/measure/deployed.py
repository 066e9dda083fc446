"""What the file that is deployed has to declare of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from cardembed.embedders.apple import ComputeUnits, other_units
from cardembed.embedders.base import Embedder
from cardembed.embedders.declared import DeclaredArtefact
from cardembed.errors import UnavailableError
from cardembed.ports import Port

__all__ = ["DeployedProbe", "probe_deployed"]


@dataclass(frozen=True, slots=True)
class DeployedProbe:
    """A file's own words beside what release.json says of it."""

    declared: DeclaredArtefact
    """The file's."""
    input_size: int
    """Side in pixels of the target's images, by release.json."""
    units: ComputeUnits | None = None
    """What Core ML was asked for; None where something else executes the file."""

    def is_format(self, name: str, version: str) -> None:
        """AssertionError unless the file is of this format and version."""
        found = (self.declared.format, self.declared.version)
        assert found == (name, version), f"it is {' '.join(found)}, not {name} {version}"

    def takes(self, name: str, dtype: str) -> None:
        """AssertionError unless the only input is images of the release's size, one or any number of them."""
        size = self.input_size
        self._only("input", self.declared.inputs, name, dtype, (3, size, size))

    def gives(self, name: str, dtype: str, dimensions: int) -> None:
        """AssertionError unless the only output is one vector an image."""
        self._only("output", self.declared.outputs, name, dtype, (dimensions,))

    def is_executed_by(self, name: str) -> None:
        """AssertionError unless this, and nothing else, executes the file."""
        found = ", ".join(self.declared.executed_by) or "nothing"
        assert self.declared.executed_by == (name,), f"{found} executes it, not {name} alone"

    def is_executed_by_core_ml_or(self, name: str) -> None:
        """AssertionError unless Core ML plans to use the units that it was asked for, or this executes it.

        Raises:
            UnavailableError: Core ML does not tell what it plans.
        """
        if self.units is None:
            self.is_executed_by(name)
            return
        used = self.declared.executed_by
        if not used:
            raise UnavailableError(
                "Core ML's compute plan",
                expected="the units that it plans to use",
                found="no plan",
                action="judge it on macOS 14.4 or later",
            )
        assert not (problem := other_units(self.units, used)), problem

    def _only(
        self, what: str, ports: tuple[Port, ...], name: str, dtype: str, shape: tuple[int, ...]
    ) -> None:
        found = " and ".join(map(str, ports)) or "nothing"
        wanted = f"{name!r} (batch, {', '.join(map(str, shape))}) {dtype}"
        fits = [
            port.name == name
            and port.dtype == dtype
            and port.shape[1:] == shape
            and port.shape[0] in (None, 1)
            for port in ports
        ]
        assert fits == [True], f"its {what} is {found}, not {wanted}"


def probe_deployed(embedder: Embedder) -> DeployedProbe:
    """Read what the embedder's file declares.

    Raises:
        UnavailableError: It executes weights.
    """
    units = cast("ComputeUnits | None", embedder.runtime.get("compute_units"))
    return DeployedProbe(embedder.declared(), embedder.preprocessing.size, units)
