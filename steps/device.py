"""The phrases about a chip that a run drives."""

from __future__ import annotations

from pytest_bdd import given, parsers, then, when

from cardembed.conformance.measure.bench import Bench
from cardembed.conformance.measure.contract import RepeatProbe, probe_repeatable
from cardembed.conformance.recorder.cell import Cell


@given("the artefact of the release on its device")
def on_device(bench: Bench, cell: Cell) -> None:
    bench.deployed(cell.target)
    embedder = bench.embedder(cell.target)
    cell.executed(embedder.artefact_digest, embedder.fidelity, embedder.runtime)


@when(parsers.parse("embedding {n:d} photos of the photo set {times:d} times"), target_fixture="repeated")
def repeat(bench: Bench, cell: Cell, n: int, times: int) -> RepeatProbe:
    return probe_repeatable(bench.embedder(cell.target), bench.photo_set, n, times)


@then("every time gives the same bytes")
def is_identical(repeated: RepeatProbe) -> None:
    repeated.is_identical()
