"""`cardembed parity`: whether what ships computes what its weights do, and whether that check can fail."""

from __future__ import annotations

import math
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cardembed._commands._output import emit, finite, json_option

if TYPE_CHECKING:
    from cardembed.parity.check import ParityResult
    from cardembed.parity.self_test import Finding

__all__ = ["command"]


@click.group("parity")
def command() -> None:
    """Compare artefacts with the weights that they were made of.

    \b
    Example:
      cardembed parity check --target android
    """


def _selection(function: Any) -> Any:  # noqa: ANN401 - click's decorators take any callable
    function = json_option(function)
    options: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("--route", "routes", {"multiple": True, "help": "A kind of artefact, such as onnx; all without."}),
        ("--target", "targets", {"multiple": True, "help": "A target of the release; all without."}),
        ("--release", "directory", {"type": click.Path(path_type=Path), "help": "The shipped one without."}),
    )
    for name, variable, settings in options:
        function = click.option(name, variable, **settings)(function)
    return function


@command.command("check")
@_selection
def check(
    *, directory: Path | None, targets: tuple[str, ...], routes: tuple[str, ...], as_json: bool
) -> None:
    """Write each artefact, open it, run it, and compare it with its weights.

    Exit code 1 where one of them fails at any of these, or none could be executed here.

    \b
    Example:
      cardembed parity check --target android --route onnx
    """
    results = []
    for subject, route in _chosen(directory, targets, routes):
        with tempfile.TemporaryDirectory(prefix="cardembed-parity-") as folder:
            results.append(subject.check(route, Path(folder)))
    data = [_plain(result) for result in results]
    emit({"results": data}, "\n".join(_line(result) for result in results), as_json=as_json)
    outcomes = {str(result.outcome) for result in results}
    if outcomes - {"passed", "not run"} or "passed" not in outcomes:
        raise SystemExit(1)


@command.command("self-test")
@_selection
def self_test(
    *, directory: Path | None, targets: tuple[str, ...], routes: tuple[str, ...], as_json: bool
) -> None:
    """Damage each artefact in every known way and print which check notices.

    Exit code 1 where the parity gate lets damage pass, or nothing could be damaged.

    \b
    Example:
      cardembed parity self-test --target hailo8l --route onnx
    """
    from cardembed.parity.self_test import self_test as run

    tables = []
    for subject, route in _chosen(directory, targets, routes):
        if not route.mutations:
            continue
        with tempfile.TemporaryDirectory(prefix="cardembed-parity-") as folder:
            tables.append((f"{subject.target} {route.name}", run(subject, route, Path(folder))))
    data = [{"artefact": name, "findings": [_finding(one) for one in found]} for name, found in tables]
    emit({"tables": data}, "\n\n".join(_table(*table) for table in tables), as_json=as_json)
    judged = [one for _, found in tables for one in found if one.caught]
    if not judged or not all(one.caught["parity gate"] for one in judged):
        raise SystemExit(1)


def _chosen(directory: Path | None, targets: tuple[str, ...], names: tuple[str, ...]) -> list[Any]:
    from cardembed.errors import UsageError
    from cardembed.parity.routes import routes_of
    from cardembed.parity.subject import Subject
    from cardembed.release import Release, default_release_dir

    release = Release.load(directory or default_release_dir())
    for target in targets:
        release.target(target)
    chosen = [
        (Subject(release, target), route)
        for target in targets or release.targets
        for route in routes_of(target, names)
    ]
    if not chosen:
        raise UsageError(
            "parity",
            expected="a target that has such an artefact",
            found=f"none of {', '.join(targets or release.targets)} has {', '.join(names)}",
            action="leave --target or --route out",
        )
    return chosen


def _plain(result: ParityResult) -> dict[str, Any]:
    found, cost = result.found, result.cost
    return {
        "artefact": result.name,
        "class": result.kind,
        "outcome": str(result.outcome),
        "one_minus_cosine": None if found is None else finite(found.one_minus_cosine),
        "largest_difference": None if found is None else finite(found.largest_difference),
        "retrieval": None if cost is None else {key: finite(value) for key, value in asdict(cost).items()},
        "reason": result.reason,
    }


def _line(result: ParityResult) -> str:
    if result.found is None:
        return f"{result.name:24} {result.outcome}: {result.reason}"
    if result.cost is None:
        text = (
            f"1 − cos {result.found.one_minus_cosine:.1e}, "
            f"largest difference {result.found.largest_difference:.1e}"
        )
    else:
        text = (
            f"{result.cost.kept} of {result.cost.found} nearest cards kept, "
            f"{result.cost.margin_kept:.1%} of the margin, 1 − cos {result.cost.one_minus_cosine:.1e}"
        )
    line = f"{result.name:24} {result.outcome:8} {text} ({result.kind})"
    return f"{line}: {result.reason}" if result.reason else line


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "mutation": finding.mutation,
        "changed": finding.changed,
        "caught": finding.caught,
        "one_minus_cosine": finite(finding.one_minus_cosine),
        "layer": finding.layer,
    }


def _table(name: str, findings: list[Finding]) -> str:
    from cardembed.parity.self_test import CHECKS

    lines = [f"{name:32} {'1 − cos':>8}  " + "  ".join(CHECKS) + "  (caught by)"]
    for one in findings:
        if not one.caught:
            lines.append(f"{one.mutation:32} {'–':>8}  {one.changed}")
            continue
        marks = "  ".join(f"{'yes' if one.caught[check] else '–':^{len(check)}}" for check in CHECKS)
        cosine = "–" if math.isnan(one.one_minus_cosine) else f"{one.one_minus_cosine:.1e}"
        lines.append(f"{one.mutation:32} {cosine:>8}  {marks}  {one.layer}".rstrip())
    return "\n".join(lines)
