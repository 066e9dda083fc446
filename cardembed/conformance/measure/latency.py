"""AC-5 on the chip: single queries by the rules of MLPerf's SingleStream, with the chip's health beside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cardembed.cards.photo_set import PhotoSet
from cardembed.conformance.measure.query_inputs import one_level_away
from cardembed.conformance.measure.single_stream import SingleStream, SingleStreamRun, run_single_stream
from cardembed.conformance.phrases import ClaimKind
from cardembed.conformance.samples import Context, LatencySamples
from cardembed.conformance.spec import CellSpec
from cardembed.conformance.statistics import percentile_upper_bound
from cardembed.embedders.hailo import HailoEmbedder
from cardembed.errors import EvidenceError
from cardembed.hailo.protocol import Health

__all__ = ["ChipLatency", "describe", "measure_latency"]

_LIBRARY = 64
"""Photos that queries are drawn from, at most."""
_PERCENTILES = (50, 90, 99)


@dataclass(frozen=True, slots=True)
class ChipLatency:
    """What came of it."""

    samples: LatencySamples
    """The raw numbers; they decide a cell only where a chip ran."""
    summary: dict[str, Any] = field(default_factory=dict)
    """For people: percentiles with their upper bounds, the checks, temperature, clock, throttling."""


def measure_latency(
    embedder: HailoEmbedder, photo_set: PhotoSet, spec: CellSpec, *, network: str
) -> ChipLatency:
    """Run the load generator as long as the feature asks for.

    Args:
        embedder: The chip's, open.
        photo_set: Queries are its first photos, each changed by a level here and there, and preprocessed
            beforehand: a query is the PRD's `embed`, from the normalised image in memory to the unit vector
            in memory.
        spec: The cell; its claim about a percentile has the numbers.
        network: Architecture and input size, for people.

    Raises:
        EvidenceError: It has no such claim.
        EmbeddingError: An answer within the run is another one than before it.
        InfrastructureError: No answer, or answers from memory.
    """
    claim = next((claim for claim in spec.claims if claim.kind is ClaimKind.PERCENTILE), None)
    if claim is None or claim.n is None or claim.seconds is None:
        raise EvidenceError(
            spec.id,
            expected="a claim about a percentile, with a number of queries and a time",
            found="none",
            action="write: this holds for the 99th percentile of at least 1024 queries over at least 60 s, …",
        )
    preprocessing = embedder.preprocessing
    pixels = np.stack(
        [preprocessing.square(photo_set.image(index)) for index in range(min(_LIBRARY, len(photo_set)))]
    )
    readings = [embedder.health()]
    made = run_single_stream(
        embedder.embed_preprocessed,
        preprocessing.batch(list(pixels)),
        preprocessing.batch(list(one_level_away(pixels))),
        SingleStream(seconds=claim.seconds, queries=claim.n),
        watch=lambda: readings.append(embedder.health()),
    )
    readings.append(embedder.health())
    samples = LatencySamples(
        context=Context(
            condition=spec.condition or "single",
            provenance="simulated" if photo_set.provenance == "simulated" else "captured",
            fidelity=str(embedder.fidelity),
            artefact_digest=embedder.artefact_digest,
            photos_digest=photo_set.digest,
            network=network,
            **_felt(readings),
        ),
        milliseconds=made.milliseconds,
    )
    summary = {"network": network, **_summary(made, claim.confidence), **_felt(readings)}
    return ChipLatency(samples, summary)


def _felt(readings: list[Health]) -> dict[str, Any]:
    """What the chip told before, while and after; what it does not tell is left out."""
    temperatures = [r.temperature for r in readings if r.temperature is not None]
    clocks = [r.clock_hz for r in readings if r.clock_hz is not None]
    throttled = [r.throttled for r in readings if r.throttled is not None]
    found: dict[str, Any] = {}
    if temperatures:
        found["temperatures_celsius"] = [round(value, 2) for value in temperatures]
    if clocks:
        found["clock_hz"] = min(clocks)
    if throttled:
        found["throttled"] = any(throttled)
    return found


def _summary(made: SingleStreamRun, confidence: float) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "queries": len(made.milliseconds),
        "seconds": round(made.seconds, 3),
        "checked_answers": made.checked,
        "smallest_cosine": round(made.smallest_cosine, 6),
        "smallest_cosine_of_counted": round(made.smallest_near, 6),
        "changed_answers": made.changed,
        "repeated_ratio": round(made.repeated_ratio, 4),
        "mean_ms": round(float(np.mean(made.milliseconds)), 4),
    }
    for percent in _PERCENTILES:
        bound = percentile_upper_bound(made.milliseconds, percent / 100, confidence)
        figures[f"p{percent}_ms"] = round(made.percentiles[f"p{percent}"], 4)
        figures[f"p{percent}_upper_bound_ms"] = None if bound is None else round(bound, 4)
    return figures


def describe(summary: dict[str, Any]) -> str:
    """One line of it."""
    parts = [f"{summary['network']}: {summary['queries']} queries in {summary['seconds']:.1f} s"]
    for percent in _PERCENTILES:
        bound = summary[f"p{percent}_upper_bound_ms"]
        text = "no bound" if bound is None else f"at most {bound:.3g}"
        parts.append(f"p{percent} {summary[f'p{percent}_ms']:.3g} ms ({text})")
    if summary.get("throttled"):
        parts.append("throttled")
    return ", ".join(parts)
