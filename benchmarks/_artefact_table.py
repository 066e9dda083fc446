"""The table of `python -m benchmarks.artefacts`: one row an artefact, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks._timing import Comparison
from cardembed.parity.check import ParityResult

__all__ = ["COLUMNS", "FLOAT_ROUTE", "Measured", "heading", "reasons", "row"]

FLOAT_ROUTE = {
    "onnx-int8": "onnx",
    "hailo-int8": "onnx",
    "coreml-int8": "coreml-optimistic",
    "coreml-palette8": "coreml-optimistic",
    "coreml-palette4": "coreml-optimistic",
}
"""By a compressed artefact's route, that of the float artefact which the same runtime executes. Core ML's
round their results alike, and differ in their weights alone."""

COLUMNS = (
    "artefact", "gate", "1 − cos", "largest difference", "nearest kept", "margin kept",
    "size / float32 weights", "time / PyTorch's", "time / float artefact's",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one artefact."""

    result: ParityResult
    """The gate's."""
    size: float | None = None
    """Bytes of the file, or of a package's files, over those of the weights in float32; None: not written."""
    timed: Comparison | None = None
    """One image, beside PyTorch; None where the artefact gave no embeddings."""


def heading() -> str:
    """The table's first two lines."""
    return "| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|"


def row(one: Measured, of_float: Comparison | None) -> str:
    """One line.

    Args:
        one: The artefact.
        of_float: Of a compressed artefact, the float one's time beside PyTorch; None without, or where that
            was not measured. The ratio of both is free of how fast the machine was at either time.
    """
    found, cost, timed = one.result.found, one.result.cost, one.timed
    cells = [one.result.name, str(one.result.outcome)]
    cells += (
        ["–"] * 2 if found is None else [f"{found.one_minus_cosine:.1e}", f"{found.largest_difference:.1e}"]
    )
    cells += ["–"] * 2 if cost is None else [f"{cost.kept} of {cost.found}", f"{cost.margin_kept:.1%}"]
    cells.append("–" if one.size is None else f"{one.size:.2f}")
    cells.append("–" if timed is None else f"{1 / timed.ratio:.2f}{_asked(timed)}")
    cells.append("–" if timed is None or of_float is None else f"{of_float.ratio / timed.ratio:.2f}")
    return "| " + " | ".join(cells) + " |"


def _asked(timed: Comparison) -> str:
    missed = "" if timed.met else ", MISSED"
    return "" if timed.limit is None else f" (at most {1 / timed.limit:.2f}{missed})"


def reasons(measured: Iterable[Measured]) -> str:
    """Why artefacts did not pass, one line each; "" where all did."""
    results = [one.result for one in measured]
    return "\n".join(f"- {one.name}, {one.outcome}: {one.reason}" for one in results if one.reason)
