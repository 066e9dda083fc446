"""Options and what else `embed`, `index`, `identify`, `calibrate`, `release`, `device` and `parity` share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from tqdm import tqdm

from cardembed.embedders.apple import COMPUTE_UNITS
from cardembed.errors import ImageError

if TYPE_CHECKING:
    from cardembed.release import Release

__all__ = [
    "catalogue_option",
    "image_files",
    "one_line",
    "release_of",
    "release_option",
    "rendering_bar",
    "threads_option",
    "units_option",
]

F = TypeVar("F", bound=Callable[..., Any])

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def release_option(function: F) -> F:
    """Add `--release`, passed on as `release_dir`."""
    return click.option(
        "--release",
        "release_dir",
        type=click.Path(path_type=Path),
        help="Release directory; the shipped reference release without.",
    )(function)


def catalogue_option(function: F) -> F:
    """Add `--catalogue`."""
    return click.option(
        "--catalogue", help="synthetic:SEED:COUNT or a folder of scans; the release's own cards without."
    )(function)


def threads_option(function: F) -> F:
    """Add `--threads`."""
    return click.option(
        "--threads", type=click.IntRange(min=1), help="Threads of the runtime; CARDEMBED_THREADS without."
    )(function)


def units_option(function: F) -> F:
    """Add `--compute-units`."""
    return click.option(
        "--compute-units",
        type=click.Choice(list(COMPUTE_UNITS)),
        help="What Core ML may use, on a Mac; all without.",
    )(function)


def release_of(directory: Path | None) -> Release:
    """The release in a directory, or the shipped one."""
    from cardembed.release import Release, default_release_dir

    return Release.load(directory if directory is not None else default_release_dir())


def image_files(paths: Iterable[Path]) -> list[Path]:
    """The files themselves, each once; of a folder, the images in it, by name.

    Raises:
        ImageError: No such file, or a folder without images.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_file():
            found.append(path)
            continue
        if not path.is_dir():
            raise ImageError(
                path, expected="an image file or a folder", found="nothing", action="name a file"
            )
        inside = sorted(
            file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES and file.is_file()
        )
        if not inside:
            raise ImageError(
                path, expected="images in the folder", found="none", action="name JPEG, PNG or WebP files"
            )
        found += inside
    return list(dict.fromkeys(found))


def one_line(text: str) -> str:
    """A name as it may be printed: names come from catalogues and are anybody's."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def rendering_bar(label: str) -> Callable[[int, int], None]:
    """A progress bar on standard error that is told what is done, silent where that is no terminal."""
    bar: Any = None

    def show(done: int, total: int) -> None:
        nonlocal bar
        if bar is None:
            hidden = not sys.stderr.isatty()
            bar = tqdm(total=total, desc=label, file=sys.stderr, disable=hidden, leave=False)
        bar.update(done - bar.n)
        if done >= total:
            bar.close()

    return show
