"""The phrases of the model contract."""

from __future__ import annotations

from pytest_bdd import given, parsers, then, when

from cardembed.conformance.measure.bench import Bench
from cardembed.conformance.measure.contract import ContractProbe, ModelSize, model_size, probe_contract
from cardembed.conformance.recorder.cell import Cell


@given("the artefact of the release")
def artefact(bench: Bench, cell: Cell) -> None:
    embedder = bench.embedder(cell.target)
    cell.executed(embedder.artefact_digest, embedder.fidelity, embedder.runtime)


@when(parsers.parse("embedding {n:d} photos of the photo set"), target_fixture="probe")
def embed(bench: Bench, cell: Cell, n: int) -> ContractProbe:
    return probe_contract(bench.embedder(cell.target), bench.photo_set, n)


@then(parsers.parse("every embedding has {dimensions:d} dimensions"))
def has_dimensions(probe: ContractProbe, dimensions: int) -> None:
    probe.has_dimensions(dimensions)


@then(parsers.parse("every embedding has length 1 within {tolerance:g}"))
def has_unit_length(probe: ContractProbe, tolerance: float) -> None:
    probe.has_unit_length(tolerance)


@then(parsers.parse("a photo on its own has the same embedding within {tolerance:g}"))
def is_same_alone(probe: ContractProbe, tolerance: float) -> None:
    probe.is_same_alone(tolerance)


@given(parsers.parse('the architecture of the target in profile "{profile}"'), target_fixture="profile")
def architecture(profile: str) -> str:
    return profile


@when("counting the parameters of backbone and projection head", target_fixture="size")
def count(profile: str, cell: Cell) -> ModelSize:
    return model_size(profile, cell.target)


@then(parsers.parse("there are {millions:g} million parameters within {percent:g} %"))
def has_parameters(size: ModelSize, millions: float, percent: float) -> None:
    size.has_million_parameters(millions, percent)


@then(parsers.parse("the embedding has {dimensions:d} dimensions"))
def embedding_has_dimensions(size: ModelSize, dimensions: int) -> None:
    size.has_dimensions(dimensions)
