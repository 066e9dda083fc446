"""`cardembed parity`: whether what ships computes what its weights do, and whether that check can fail."""

from __future__ import annotations

import math
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cardembed._commands._embedding import units_option
from cardembed._commands._output import emit, finite, json_option

if TYPE_CHECKING:
    from cardembed.embedders.apple import ComputeUnits
    from cardembed.parity.check import ParityResult
    from cardembed.parity.retrieval import RetrievalCost
    from cardembed.parity.routes import Route
    from cardembed.parity.self_test import Finding
    from cardembed.parity.subject import Subject

__all__ = ["command"]

_FOLDER = click.Path(path_type=Path, file_okay=False)


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
@click.option(
    "--save-inputs", "save_to", type=_FOLDER, help="Keep the pictures that all are given in a folder."
)
@click.option("--inputs", "read_from", type=_FOLDER, help="Replay such a folder, made here or elsewhere.")
@click.option(
    "--artefact",
    type=click.Path(path_type=Path),
    help="A file or package that is there already; with one --target and one --route.",
)
@units_option
def check(
    *,
    directory: Path | None,
    targets: tuple[str, ...],
    routes: tuple[str, ...],
    as_json: bool,
    save_to: Path | None,
    read_from: Path | None,
    artefact: Path | None,
    compute_units: ComputeUnits | None,
) -> None:
    """Open each artefact, run it, and compare it with its weights.

    It is the one that the release ships, where it ships one of that kind, else it is written first. What a
    release ships and no route can judge is not judged.

    Exit code 1 where one of them fails at any of these, is not judged, or none could be executed here.

    \b
    Example:
      cardembed parity check --target android --route onnx
      cardembed parity check --target android --route ort --artefact android.ort
      cardembed parity check --target ios --save-inputs inputs/    # here
      cardembed parity check --target ios --inputs inputs/         # on a Mac, coreml-apple among them
    """
    if save_to is not None and read_from is not None:
        from cardembed.errors import UsageError

        raise UsageError(
            "parity check",
            expected="--save-inputs or --inputs",
            found="both",
            action="leave one of them out: what was saved is there already",
        )
    if artefact is not None:
        _check_artefact(artefact, targets, routes)
    results: list[ParityResult] = []
    inputs: dict[str, str] = {}

    def add(*found: ParityResult) -> None:
        results.extend(found)
        if not as_json:  # a route takes up to minutes
            for result in found:
                click.echo(_line(result))

    for subject, chosen in _on_units(_chosen(directory, targets, routes), compute_units):
        given = _replayed(subject, chosen, save_to, read_from)
        if given.replayed is not None:
            inputs[subject.target] = given.replayed.sha256
        existing = {one.name: artefact for one in chosen if artefact is not None}
        if artefact is None:
            existing, unjudged = _shipped(subject)
            if not routes:
                add(*unjudged)
        for route in chosen:
            with tempfile.TemporaryDirectory(prefix="cardembed-parity-") as folder:
                add(given.check(route, Path(folder), existing.get(route.name), named=True))
    if as_json:
        emit({"results": [_plain(result) for result in results], "inputs": inputs}, "", as_json=True)
    else:
        for target, digest in inputs.items():
            click.echo(f"inputs of {target}: SHA-256 {digest}")
    outcomes = {str(result.outcome) for result in results}
    if outcomes - {"passed", "not run"} or "passed" not in outcomes:
        raise SystemExit(1)


@command.command("self-test")
@_selection
@click.option(
    "--cards", type=click.IntRange(2), help="Photos that a compressed artefact has to find; 256 without."
)
def self_test(
    *,
    directory: Path | None,
    targets: tuple[str, ...],
    routes: tuple[str, ...],
    as_json: bool,
    cards: int | None,
) -> None:
    """Damage each artefact in every known way and print which check notices.

    Exit code 1 where the parity gate lets damage pass that it has to notice, or nothing could be damaged: all
    of it, and of a compressed artefact colours in another order and a missing L2 normalisation.

    \b
    Example:
      cardembed parity self-test --target hailo8l --route onnx
    """
    from cardembed.parity.self_test import self_test as run

    tables = []
    for subject, chosen in _chosen(directory, targets, routes):
        given = subject if cards is None else replace(subject, cards=cards)
        for route in (one for one in chosen if one.mutations):
            with tempfile.TemporaryDirectory(prefix="cardembed-parity-") as folder:
                tables.append((f"{subject.target} {route.name}", run(given, route, Path(folder))))
            if not as_json:  # a table takes up to minutes
                click.echo("\n" * (len(tables) > 1) + _table(*tables[-1]))
    data = [{"artefact": name, "findings": [_finding(one) for one in found]} for name, found in tables]
    if as_json:
        emit({"tables": data}, "", as_json=True)
    judged = [one for _, found in tables for one in found if one.caught]
    if not judged or not all(one.caught["parity gate"] for one in judged if one.required):
        raise SystemExit(1)


def _check_artefact(artefact: Path, targets: tuple[str, ...], routes: tuple[str, ...]) -> None:
    """Refuse --artefact where it is not clear what it is compared with and how (UsageError)."""
    from cardembed.errors import UsageError

    if len(targets) != 1 or len(routes) != 1:
        raise UsageError(
            "--artefact",
            expected="one --target and one --route with it",
            found=f"{len(targets)} and {len(routes)}",
            action="say whose artefact of which kind it is: --target NAME --route NAME",
        )
    if not artefact.exists():
        raise UsageError(
            artefact, expected="an artefact", found="nothing", action="name a file of cardembed export"
        )


def _shipped(subject: Subject) -> tuple[dict[str, Path], list[ParityResult]]:
    """Artefacts of the subject's release by the name of the route that judges them, and those of no route."""
    from cardembed.parity.check import Outcome, ParityResult
    from cardembed.parity.routes import routes_of
    from cardembed.parity.shipped import shipped_routes

    known = {route.name for route in routes_of(subject.target)}
    existing: dict[str, Path] = {}
    unjudged = []
    for artefact, path, names in shipped_routes(subject.release, subject.target):
        for name in names & known:
            existing.setdefault(name, path)
        if not names & known:
            reason = (
                f"{path}: expected a kind of file that a route judges, found another combination of options"
            )
            name = f"{subject.target} {artefact.format} {path.name}"
            unjudged.append(ParityResult(name, "shipped", Outcome.UNJUDGED, None, reason))
    return existing, unjudged


def _replayed(subject: Subject, routes: list[Route], save_to: Path | None, read_from: Path | None) -> Subject:
    """The subject with inputs from a file: what is saved is read again, and judged as elsewhere."""
    from cardembed.parity.retrieval import RetrievalClass
    from cardembed.parity.saved_inputs import read_inputs, save_inputs

    folder = save_to or read_from
    if folder is None:
        return subject
    if save_to is not None:
        searched = any(isinstance(route.kind, RetrievalClass) for route in routes)
        search = subject.search_inputs if searched else None
        save_inputs(save_to, subject.target, subject.preprocessing, subject.batch, search)
    return replace(subject, replayed=read_inputs(folder, subject.target, subject.preprocessing))


def _chosen(
    directory: Path | None, targets: tuple[str, ...], names: tuple[str, ...]
) -> list[tuple[Subject, list[Route]]]:
    """Targets, and the routes of each that were asked for, one at least."""
    from cardembed.errors import UsageError
    from cardembed.parity.routes import routes_of
    from cardembed.parity.subject import Subject
    from cardembed.release import Release, default_release_dir

    release = Release.load(directory or default_release_dir())
    for target in targets:
        release.target(target)
    chosen = [
        (Subject(release, target), routes)
        for target in targets or release.targets
        if (routes := routes_of(target, names))
    ]
    if not chosen:
        raise UsageError(
            "parity",
            expected="a target that has such an artefact",
            found=f"none of {', '.join(targets or release.targets)} has {', '.join(names)}",
            action="leave --target or --route out",
        )
    return chosen


def _on_units(
    chosen: list[tuple[Subject, list[Route]]], units: ComputeUnits | None
) -> list[tuple[Subject, list[Route]]]:
    """The routes with Core ML on these units; UsageError where none of them is executed by Core ML."""
    from cardembed.errors import UsageError
    from cardembed.parity.routes import APPLE_ROUTE, on_units

    if units is None:
        return chosen
    if not any(route.name == APPLE_ROUTE for _, routes in chosen for route in routes):
        raise UsageError(
            f"--compute-units {units}",
            expected=f"the route {APPLE_ROUTE} among those that are checked",
            found="others",
            action=f"leave it out, or add --target ios --route {APPLE_ROUTE}",
        )
    return [(subject, [on_units(route, units) for route in routes]) for subject, routes in chosen]


def _plain(result: ParityResult) -> dict[str, Any]:
    found, cost = result.found, result.cost
    return {
        "artefact": result.name,
        "class": result.kind,
        "outcome": str(result.outcome),
        "one_minus_cosine": None if found is None else finite(found.one_minus_cosine),
        "largest_difference": None if found is None else finite(found.largest_difference),
        "retrieval": _cost(cost),
        "reason": result.reason,
    }


def _cost(cost: RetrievalCost | None) -> dict[str, float | None] | None:
    return None if cost is None else {key: finite(value) for key, value in asdict(cost).items()}


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
        "required": finding.required,
        "retrieval": _cost(finding.cost),
    }


def _table(name: str, findings: list[Finding]) -> str:
    from cardembed.parity.self_test import CHECKS

    searched = ", kept, margin" if any(one.cost for one in findings) else ""
    lines = [f"{name:32} {'1 − cos':>8}  " + "  ".join(CHECKS) + f"  (caught by{searched})"]
    for one in findings:
        if not one.caught:
            lines.append(f"{one.mutation:32} {'–':>8}  {one.changed}")
            continue
        marks = "  ".join(f"{'yes' if one.caught[check] else '–':^{len(check)}}" for check in CHECKS)
        cosine = "–" if math.isnan(one.one_minus_cosine) else f"{one.one_minus_cosine:.1e}"
        found = f"  {one.cost.kept}/{one.cost.found}, {one.cost.margin_kept:.1%}" if one.cost else ""
        lines.append(f"{one.mutation:32} {cosine:>8}  {marks}{found}  {one.layer}".rstrip())
    return "\n".join(lines)
