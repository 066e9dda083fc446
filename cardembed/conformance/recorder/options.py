"""The options of `pytest features/`, checked before anything is made."""

from __future__ import annotations

import math
import platform
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from cardembed.conformance.chip_setup import CHIP, CHIP_TARGET, SIMULATOR
from cardembed.embedders.apple import APPLE_TARGET, COMPUTE_UNITS, ComputeUnits, on_macos
from cardembed.hailo.protocol import Normalised

_DEVICE_ID = re.compile(r"[0-9a-fA-F]{4}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-9a-fA-F]")
"""Of a device on PCIe, as HailoRT writes it."""

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
    """What executes hailo8l: "chip", "simulator", or a device's id; this machine's processor where None."""
    runner: str
    """The name under which this machine's evidence stands."""
    nonce: str | None
    """What the gate asked for, so that a bundle cannot be replayed."""
    hef: Path | None = None
    """What the device executes; the release's own where None."""
    hef_normalised: Normalised | None = None
    """Who normalises for `hef`; what the release, or the compile kit around the file, says where None."""
    device_timeout: float = 10.0
    """Seconds that the device may take for an answer; three times as long to open."""
    compute_units: ComputeUnits | None = None
    """What Core ML may use for ios, on a Mac; all where None."""


_HELP = {
    "--release": ("DIR", "the release to judge (default: fixtures/release)"),
    "--catalogue": (
        "DIR",
        "card images with cards.csv, or synthetic:SEED:COUNT (default: the release's own)",
    ),
    "--photos": ("DIR", "photo set (default: rendered for the release on first use, then cached)"),
    "--report": ("DIR", "write evidence and report.html here (default: reports/TIME-ID)"),
    "--hef": ("FILE", "what the device executes (default: the release's; a .simhef for the simulator)"),
    "--nonce": ("TEXT", "repeated in the evidence: the gate can ask for it"),
}


def add_options(parser: pytest.Parser) -> None:
    """Declare them."""
    group = parser.getgroup(
        "cardembed",
        "cardembed: what is judged, on which targets (write paths behind an equals sign: --photos=DIR)",
    )
    only = "judge this target only; repeat it or separate names with commas (default: all)"
    group.addoption("--target", action="append", default=[], metavar="NAME", help=only)
    for name, (metavar, text) in _HELP.items():
        group.addoption(name, metavar=metavar, help=text)
    text = "execute hailo8l on a Hailo chip; with a value, on this device (0000:01:00.0) or on the simulator"
    group.addoption("--device", nargs="?", const=CHIP, metavar="ID|simulator", help=text)
    text = "who normalises for --hef (default: what the release or the compile kit around the file says)"
    group.addoption("--hef-normalised", choices=["chip", "host"], help=text)
    text = "seconds that the device may take for an answer (default: 10; three times as long to open)"
    group.addoption("--device-timeout", type=float, metavar="SECONDS", default=10.0, help=text)
    text = "what Core ML may use for ios, on a Mac (default: ALL)"
    group.addoption("--compute-units", choices=list(COMPUTE_UNITS), help=text)
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


def _device(config: pytest.Config, targets: tuple[str, ...]) -> str | None:
    device: str | None = config.getoption("--device")
    if device is None:
        return None
    if device not in (CHIP, SIMULATOR) and not _DEVICE_ID.fullmatch(device):
        raise pytest.UsageError(
            f"--device {device}: expected nothing, simulator, or a device's id such as 0000:01:00.0, "
            "found something else; let another option follow --device, or end with it"
        )
    if targets and CHIP_TARGET not in targets:
        raise pytest.UsageError(
            f"--device {device}: expected --target {CHIP_TARGET}, which is what it executes, "
            f"found --target {','.join(targets)}; add it"
        )
    seconds = config.getoption("--device-timeout")
    if not (math.isfinite(seconds) and seconds > 0):
        raise pytest.UsageError(
            f"--device-timeout {seconds}: expected a positive number of seconds, found another; correct it"
        )
    return device


def _units(config: pytest.Config, targets: tuple[str, ...]) -> ComputeUnits | None:
    units: ComputeUnits | None = config.getoption("--compute-units")
    if units is not None and not on_macos():
        raise pytest.UsageError(
            f"--compute-units {units}: expected a Mac, whose Core ML chooses among them, "
            f"found {platform.system()}; leave it out"
        )
    if units is not None and targets and APPLE_TARGET not in targets:
        raise pytest.UsageError(
            f"--compute-units {units}: expected --target {APPLE_TARGET}, which is what Core ML executes, "
            f"found --target {','.join(targets)}; add it"
        )
    return units


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
    device = _device(config, targets)
    hef = _path(config.getoption("--hef"), base)
    if hef is not None and device is None:
        raise pytest.UsageError(
            f"--hef {hef}: expected --device beside it, found none; add --device, or --device simulator"
        )
    if hef is None and config.getoption("--hef-normalised") is not None:
        raise pytest.UsageError("--hef-normalised: expected --hef beside it, found none; add it")
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
        device=device,
        runner=config.getoption("--runner"),
        nonce=config.getoption("--nonce"),
        hef=hef,
        hef_normalised=config.getoption("--hef-normalised"),
        device_timeout=config.getoption("--device-timeout"),
        compute_units=_units(config, targets),
    )
