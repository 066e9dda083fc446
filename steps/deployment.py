"""The phrases about deployed files."""

from __future__ import annotations

from pytest_bdd import parsers, then, when

from cardembed.conformance.measure.bench import Bench
from cardembed.conformance.measure.deployed import DeployedProbe, probe_deployed
from cardembed.conformance.recorder.cell import Cell


@when("reading what the deployed file declares", target_fixture="deployed")
def read(bench: Bench, cell: Cell) -> DeployedProbe:
    return probe_deployed(bench.embedder(cell.target))


@then(parsers.parse('it is of the format "{name}", version "{version}"'))
def is_format(deployed: DeployedProbe, name: str, version: str) -> None:
    deployed.is_format(name, version)


@then(parsers.parse('its only input is "{name}": {dtype} images of the size that the release states'))
def takes(deployed: DeployedProbe, name: str, dtype: str) -> None:
    deployed.takes(name, dtype)


@then(parsers.parse('its only output is "{name}": {dtype}, {dimensions:d} numbers an image'))
def gives(deployed: DeployedProbe, name: str, dtype: str, dimensions: int) -> None:
    deployed.gives(name, dtype, dimensions)


@then(parsers.parse('"{name}" executes it, and nothing else'))
def is_executed_by(deployed: DeployedProbe, name: str) -> None:
    deployed.is_executed_by(name)


@then(parsers.parse('"{name}" executes it, or Core ML on the units that the run asks for'))
def is_executed_by_core_ml_or(deployed: DeployedProbe, name: str) -> None:
    deployed.is_executed_by_core_ml_or(name)
