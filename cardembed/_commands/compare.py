"""`cardembed compare`: whether two artefacts compute the same, and where they first do not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cardembed._commands._output import emit, finite, json_option
from cardembed.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cardembed.parity.divergence import Divergence
    from cardembed.parity.trace import Trace

__all__ = ["command"]


@click.command("compare")
@click.argument("reference", type=click.Path(path_type=Path))
@click.argument("candidate", type=click.Path(path_type=Path))
@click.option(
    "--image",
    "images",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="What both are given; may be repeated. A synthetic card and its photo without.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0, min_open=True),
    help="Largest relative difference of an intermediate result; 1e-5 without.",
)
@json_option
def command(
    *, reference: Path, candidate: Path, images: tuple[Path, ...], tolerance: float | None, as_json: bool
) -> None:
    """Run two artefacts on the same images and find the first layer at which they part.

    Intermediate results are recognised by their moments, so that the artefacts may come from other exporters
    and lay their numbers out differently. Exit code 1 where the embeddings differ.

    All is computed in float32. Beside a Core ML artefact in float16, weights (.safetensors) are rounded as
    its numbers are, and the output says so. An ONNX file is not rounded, and parts from it early.

    \b
    Example:
      cardembed compare fixtures/release/android.safetensors android.onnx
    """
    from cardembed.parity.artefacts import open_traceable, trace_both
    from cardembed.parity.divergence import TOLERANCE, compare_traces

    artefacts = open_traceable(reference), open_traceable(candidate)
    size, other_size = (artefact.input_size for artefact in artefacts)
    if size != other_size:
        raise UsageError(
            candidate,
            expected=f"an artefact for images of {size} × {size} pixels, as {reference.name} is",
            found=f"{other_size} × {other_size}",
            action="compare artefacts of the same target",
        )
    one, other = trace_both(*artefacts, _batch(images, size))
    found = compare_traces(one, other, tolerance=TOLERANCE if tolerance is None else tolerance)
    data = {
        "reference": one.source,
        "candidate": other.source,
        "agree": found.first is None,
        "one_minus_cosine": finite(found.outcome.one_minus_cosine),
        "largest_difference": finite(found.outcome.largest_difference),
        "matched": found.matched,
        "compared": found.telling,
        "first": None if found.first is None else {"name": found.first.name, "op": found.first.operation},
        "after": found.after,
    }
    emit(data, _text(one, other, found), as_json=as_json)
    if found.first is not None:
        raise SystemExit(1)


def _batch(images: tuple[Path, ...], size: int) -> NDArray[np.float32]:
    from cardembed.cards.images import open_image
    from cardembed.embedders.preprocessing import Preprocessing
    from cardembed.parity.inputs import default_pictures

    pictures = [open_image(path) for path in images] if images else default_pictures()
    return Preprocessing(size).batch(pictures)


def _text(one: Trace, other: Trace, found: Divergence) -> str:
    lines = [
        f"reference  {one.source}",
        f"candidate  {other.source}",
        f"embeddings: 1 − cos {found.outcome.one_minus_cosine:.2g}, "
        f"largest difference {found.outcome.largest_difference:.2g}",
        f"intermediate results: {found.matched} of {found.telling} have a counterpart",
    ]
    if found.first is None:
        return "\n".join([*lines, "they agree"])
    after = f", after {found.after} of the reference" if found.after else ""
    return "\n".join([*lines, f"they part at {found.first.name} ({found.first.operation}){after}"])
