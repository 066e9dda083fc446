"""The gate's own test: artefacts are damaged on purpose, and each check has to say which it notices.

A check that lets damage pass is shown, too: cosine ≥ .999 and an unchanged nearest card, which many pipelines
ask for, are in the table for that reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardembed.errors import CardembedError, ExportError
from cardembed.parity.artefacts import TRACEABLE, open_traceable
from cardembed.parity.check import Outcome
from cardembed.parity.divergence import compare_traces
from cardembed.parity.mutations import Mutation, NotApplicableError
from cardembed.parity.retrieval import RetrievalCost, embed_inputs, nearest, search_inputs
from cardembed.parity.routes import Route
from cardembed.parity.subject import Subject
from cardembed.parity.trace import Trace

__all__ = ["CHECKS", "Finding", "self_test"]

CARDS = 32
"""Cards whose photos are searched, for the check that only looks at the nearest."""

SAME_RUNTIME = 1e-8
"""The tolerance of `compare_traces` here: in one runtime, what was not damaged gives equal bits."""

CHECKS = ("contract", "nearest card", "cosine ≥ .999", "parity gate", "layer")
"""The table's columns. "layer": `cardembed compare` finds a first layer that departs. Whatever cannot be
opened is noticed by all that have to open it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the checks said of one mutation."""

    mutation: str
    """Its name."""
    changed: str
    """What it changed, as the artefact calls it; why it could not, where `caught` is empty."""
    caught: dict[str, bool]
    """By check, whether it noticed; empty where the artefact has nothing that the mutation changes."""
    one_minus_cosine: float
    """The largest over the inputs; NaN where there were no embeddings."""
    layer: str
    """The first layer that departs; "" without."""
    required: bool = True
    """Whether the gate has to notice it: see `Route.has_to_notice`."""
    cost: RetrievalCost | None = None
    """What it costs to search with the damaged artefact, where that is what its class limits."""


class _Bench:
    """An undamaged artefact and what the checks compare with."""

    def __init__(self, subject: Subject, route: Route, folder: Path) -> None:
        self.subject, self.route, self.folder = subject, route, folder
        self.size = subject.preprocessing.size
        self.sound = route.export(subject.release, subject.target, folder)
        self.inputs = search_inputs(subject.preprocessing, CARDS)
        self.nearest = self._found(self.sound)
        self.trace = self._trace(self.sound)

    def _found(self, path: Path) -> NDArray[np.intp]:
        with self.route.open(path, self.subject.preprocessing) as embedder:
            return nearest(*embed_inputs(embedder, self.inputs))

    def _trace(self, path: Path) -> Trace | None:
        """None of what hands out no intermediate results, such as ONNX Runtime's own format.

        A chip's network is given pixels in another order than `open_traceable` knows.
        """
        if path.suffix not in TRACEABLE or self.route.executed_by.startswith("int8 "):
            return None
        return open_traceable(path).trace(self.subject.batch)

    def _departs(self, path: Path) -> str:
        trace = self._trace(path)
        if trace is None or self.trace is None:
            return ""
        first = compare_traces(self.trace, trace, tolerance=SAME_RUNTIME).first
        return "" if first is None else first.name

    def judge(self, mutation: Mutation) -> Finding:
        """Damage a copy and ask every check."""
        required = self.route.has_to_notice(mutation)
        damaged = self.folder / f"damaged{self.sound.suffix}"
        try:
            changed = mutation.write(self.sound, damaged)
        except NotApplicableError as reason:
            return Finding(mutation.name, str(reason), {}, float("nan"), "", required)
        result = self.subject.check(self.route, self.folder, damaged)
        cosine = result.found.one_minus_cosine if result.found is not None else float("nan")
        layer = self._departs(damaged)
        caught = {
            "contract": self._breaks_contract(damaged),
            "nearest card": self._loses_cards(damaged),
            "cosine ≥ .999": not cosine <= 1e-3,
            "parity gate": result.outcome is not Outcome.PASSED,
            "layer": bool(layer),
        }
        return Finding(mutation.name, changed, caught, cosine, layer, required, result.cost)

    def _loses_cards(self, path: Path) -> bool:
        try:
            return bool((self._found(path) != self.nearest).any())
        except CardembedError:  # an artefact that cannot be opened finds nothing
            return True

    def _breaks_contract(self, path: Path) -> bool:
        if self.route.contract is None:
            return False
        try:
            self.route.contract(path, self.size)
        except CardembedError:
            return True
        return False


def self_test(subject: Subject, route: Route, folder: Path) -> list[Finding]:
    """Damage the route's artefact in every way that is known.

    Args:
        subject: Whose artefact.
        route: Which.
        folder: Where the artefact and its damaged copies are written.

    Raises:
        ExportError: It cannot be written, or the gate fails it undamaged.
        UnavailableError: This machine lacks what writes or executes it.
    """
    bench = _Bench(subject, route, folder)
    sound = subject.check(route, folder, bench.sound)
    if sound.outcome is not Outcome.PASSED:
        raise ExportError(
            sound.name,
            expected="an undamaged artefact that passes the parity gate",
            found=f"{sound.outcome}: {sound.reason}",
            action="see `cardembed parity check` first; a gate that fails all notices nothing",
        )
    return [bench.judge(mutation) for mutation in route.mutations]
