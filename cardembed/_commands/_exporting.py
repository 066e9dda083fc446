"""What the export commands share: which model, and what they print."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cardembed._commands._output import emit, refuse_unwritable
from cardembed.errors import UsageError

if TYPE_CHECKING:
    from cardembed.export.record import ExportRecord
    from cardembed.export.source import Source

__all__ = ["destination", "find_source", "finish", "input_option", "source_options"]

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--release", "directory", type=click.Path(path_type=Path), help="A release; the shipped one."
    ),
    click.option("--target", help="A target of the release: teacher, server, android, ios or hailo8l."),
    click.option(
        "--weights", type=click.Path(path_type=Path), help="A weight file, in place of release and target."
    ),
)


def source_options(function: F) -> F:
    """Add `--release` (as `directory`), `--target` and `--weights`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def input_option(text: str) -> Callable[[F], F]:
    """Add `--input` (as `kind`): "tensor" or "image"; `text` says what they are."""
    return click.option(
        "--input",
        "kind",
        type=click.Choice(["tensor", "image"]),
        default="tensor",
        show_default=True,
        help=text,
    )


def find_source(name: str, directory: Path | None, target: str | None, weights: Path | None) -> Source:
    """What these options mean.

    Raises:
        UsageError: Neither or both of target and weights.
        ReleaseError: Unreadable.
    """
    from cardembed.export.source import source_of_target, source_of_weights
    from cardembed.release import Release, default_release_dir

    if (weights is None) == (target is None) or (weights is not None and directory is not None):
        raise UsageError(
            name,
            expected="--target (with or without --release), or --weights",
            found="both" if weights is not None else "neither",
            action="give one of them",
        )
    if weights is not None:
        return source_of_weights(weights)
    return source_of_target(Release.load(directory or default_release_dir()), str(target))


def destination(out: Path, name: str, *suffixes: str) -> Path:
    """The file that `--out` means: itself, or a file in the folder that it names.

    Args:
        out: What was given.
        name: What the file is called in a folder.
        suffixes: Those of such a file; the first one's is written into a folder.

    Raises:
        UsageError: It ends in what such a file does not, or cannot be written to.
    """
    path = out if out.suffix in suffixes else out / f"{name}{suffixes[0]}"
    if path is not out and out.suffix and not out.is_dir():
        raise UsageError(
            out,
            expected=f"a folder, or a file {' or '.join(suffixes)}",
            found=repr(out.suffix),
            action="choose another --out, or make the folder first",
        )
    refuse_unwritable(path)
    return path


def finish(record: ExportRecord, path: Path, *, as_json: bool) -> None:
    """Write the record beside the artefact and print it."""
    from cardembed.export.record import write_record

    write_record(record, path)
    text = f"{path}  {record.bytes / 1e6:.1f} MB  SHA-256 {record.sha256}"
    emit({**record.to_json(), "path": str(path)}, text, as_json=as_json)
