"""The options of `pytest features/`, checked before anything is made."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["Options", "add_options", "read_options"]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for. Paths are absolute."""

    targets: tuple[str, ...]
    """Only these, in the order given; all where empty."""
    release: Path | None
    """Release directory; the shipped reference release where None."""
    catalogue: str | None
    """As `load_catalogue` reads it; the release's own where None."""
    distractors: int | None
    """Distractor cards in the gallery; the release's number where None."""
    photos: Path | None
    """Photo set; the default set of the release where None."""
    report: Path | None
    """The bundle's own directory; a new one under `reports/` where None."""
    use_cache: bool
    """Whether embeddings that were made before may be used."""
    device: str | None
    """Reserved for runtimes that drive a device."""
    runner: str
    """The name under which this machine's evidence stands."""
    nonce: str | None
    """What the gate asked for, so that a bundle cannot be replayed."""


_HELP = {
    "--release": ("DIR", "the release to judge (default: fixtures/release)"),
    "--catalogue": (
        "DIR",
        "card images with cards.csv, or synthetic:SEED:COUNT (default: the release's own)",
    ),
    "--photos": ("DIR", "photo set (default: rendered for the release on first use, then cached)"),
    "--report": ("DIR", "write evidence and report.html here (default: reports/TIME-ID)"),
    "--device": ("NAME", "the device that executes the artefacts; none is driven by this version"),
    "--nonce": ("TEXT", "repeated in the evidence: the gate can ask for it"),
}


def add_options(parser: pytest.Parser) -> None:
    """Declare them."""
    group = parser.getgroup("cardembed", "cardembed: what is judged, on which targets")
    only = "judge this target only; repeat it or separate names with commas (default: all)"
    group.addoption("--target", action="append", default=[], metavar="NAME", help=only)
    for name, (metavar, text) in _HELP.items():
        group.addoption(name, metavar=metavar, help=text)
    more = "distractor cards in the gallery (default: the release's; the gate wants others named)"
    group.addoption("--distractors", type=int, metavar="N", help=more)
    anew = "compute every embedding again, whatever the cache holds"
    group.addoption("--no-cache", action="store_true", help=anew)
    machine, text = platform.node() or "runner", "this machine's name in the evidence"
    group.addoption("--runner", metavar="NAME", default=machine, help=text)


def _path(text: str | None, base: Path) -> Path | None:
    return None if text is None else Path(base, Path(text).expanduser())


def _positive(config: pytest.Config, name: str) -> int | None:
    number: int | None = config.getoption(name)
    if number is not None and number < 1:
        raise pytest.UsageError(f"{name} {number}: expected 1 or more, found {number}; leave the option out")
    return number


def read_options(config: pytest.Config, known_targets: tuple[str, ...]) -> Options:
    """Read and check them.

    Args:
        config: pytest's.
        known_targets: The targets that the features name.

    Raises:
        pytest.UsageError: A target that no feature names, or a report directory that is in use.
    """
    names = [name.strip() for text in config.getoption("--target") for name in text.split(",")]
    targets = tuple(dict.fromkeys(name for name in names if name))
    unknown = [name for name in targets if name not in known_targets]
    if unknown:
        raise pytest.UsageError(
            f"--target {unknown[0]}: expected a target of the features ({', '.join(known_targets)}), "
            "found another name; choose one of these"
        )
    base = config.invocation_params.dir
    if config.getoption("--device") is not None:
        raise pytest.UsageError(
            f"--device {config.getoption('--device')}: expected no device, because this version drives none; "
            "leave the option out (cells that need a device are not run, and say so)"
        )
    report = _path(config.getoption("--report"), base)
    if report is not None and report.exists() and not (report.is_dir() and not any(report.iterdir())):
        raise pytest.UsageError(
            f"--report {report}: expected a directory that is new or empty, found one in use; "
            "name another (evidence is never overwritten)"
        )
    return Options(
        targets=targets,
        release=_path(config.getoption("--release"), base),
        catalogue=config.getoption("--catalogue"),
        distractors=_positive(config, "--distractors"),
        photos=_path(config.getoption("--photos"), base),
        report=report,
        use_cache=not config.getoption("--no-cache"),
        device=config.getoption("--device"),
        runner=config.getoption("--runner"),
        nonce=config.getoption("--nonce"),
    )
