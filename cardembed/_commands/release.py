"""`cardembed release build|verify|seal`: assemble a release, check it, keep its verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cardembed._commands._building import refuse_shared_cards, refuse_unfit_photos
from cardembed._commands._embedding import release_of, release_option, threads_option
from cardembed._commands._output import emit, json_option, progress
from cardembed._commands._policy import features_of, policy_options
from cardembed._imports import require
from cardembed.errors import ReleaseError, UsageError

if TYPE_CHECKING:
    from cardembed.cards.catalogue import Catalogue
    from cardembed.training.release_recipe import ReleaseRecipe

__all__ = ["command"]


@click.group("release")
def command() -> None:
    """Assemble a release, and verify one.

    \b
    Example:
      cardembed release build --weights weights --name "first" --out my-release
    """


@command.command("build")
@click.option(
    "--weights",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder of `cardembed train`: <target>.safetensors and training.json; --recipe fills it. Exports "
    "beside them (server.onnx, android.onnx, ios.mlpackage; with these android.ort, ios.mlmodel) are "
    "shipped, too.",
)
@click.option(
    "--recipe",
    "recipe_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML file: train what --weights lacks first, hours where it lacks all.",
)
@click.option("--catalogue", help="synthetic:SEED:COUNT or a folder; what training.json says without.")
@click.option("--zero-shot", help="Cards that join the gallery after training; the recipe's or none without.")
@click.option("--distractors", help="Cards that only stand in the gallery; the recipe's or none without.")
@click.option("--name", help="The release's name, for people; the recipe's without.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The directory to make.")
@click.option("--profile", "profile_name", help="prd or reference; what training.json says without.")
@click.option("--notes", help="For people; the recipe's without.")
@click.option(
    "--photos",
    type=click.Path(path_type=Path, file_okay=False),
    help="A development photo set to calibrate on; rendered into the cache without.",
)
@click.option("--calibrate/--no-calibrate", default=True, help="Find match thresholds (default).")
@click.option("--workers", type=click.IntRange(min=1), default=2, help="Processes that render; 2 without.")
@threads_option
@json_option
def build(
    *,
    weights: Path,
    recipe_file: Path | None,
    catalogue: str | None,
    zero_shot: str | None,
    distractors: str | None,
    name: str | None,
    out: Path,
    profile_name: str | None,
    notes: str | None,
    workers: int,
    photos: Path | None,
    calibrate: bool,
    threads: int | None,
    as_json: bool,
) -> None:
    """Assemble weights into a release: copy, calibrate, write release.json; all of it or nothing.

    With --recipe, what --weights lacks is trained first. Started again after an interruption, it goes on: a
    finished stage is read back, a stage that was cut off resumes from its checkpoint in the cache.

    \b
    Examples:
      cardembed release build --recipe fixtures/training/reference.toml --weights weights --out my-release
      cardembed release build --weights weights --name "first" --out my-release
    """
    from cardembed._commands.calibrate import as_text, development_photos
    from cardembed.cards.catalogue import load_catalogue
    from cardembed.cards.gallery import gallery_of
    from cardembed.release import Release
    from cardembed.release_build import assemble_release, recorded_catalogue, refuse_occupied
    from cardembed.retrieval.calibrate import Calibration, calibrate_release

    recipe = None
    if recipe_file is not None:
        given = {
            "--catalogue": catalogue, "--zero-shot": zero_shot, "--distractors": distractors,
            "--profile": profile_name,
        }  # fmt: skip
        if named := [option for option, value in given.items() if value is not None]:
            raise UsageError(
                "--recipe",
                expected="the cards and the profile in the recipe alone",
                found=", ".join(named),
                action="leave it out",
            )
        recipe = _recipe(recipe_file)
        cards, gallery = recipe.cards(), recipe.gallery()
        name, notes, profile_name = name or recipe.name, notes or recipe.notes, recipe.profile
    else:
        cards = load_catalogue(catalogue if catalogue is not None else recorded_catalogue(weights))
        refuse_shared_cards(weights, cards, zero_shot, distractors)
        gallery = gallery_of(cards, zero_shot, distractors)
    if name is None:
        raise UsageError(
            "--name", expected="the release's name", found="neither it nor --recipe", action="add --name TEXT"
        )
    refuse_occupied(out, weights)
    searched = cards if gallery is None else gallery
    if recipe is not None:
        if calibrate and photos is not None:
            refuse_unfit_photos(photos, searched)  # opened again hours later: they may have changed
        _train(recipe, cards, weights, workers=workers, threads=threads)
    found: dict[str, Calibration] = {}

    def seal(release: Release) -> Release:
        found.update(
            calibrate_release(
                release, searched, development_photos(photos, searched), threads=threads, progress=progress
            )
        )
        return release.with_thresholds(
            {target: (one.threshold, one.figures()) for target, one in found.items()}
        )

    release = assemble_release(
        weights,
        out,
        name=name,
        catalogue=cards,
        gallery=gallery,
        profile_name=profile_name,
        notes=notes or "",
        seal=seal if calibrate else None,
    )
    data = {
        "release": str(out),
        "digest": release.digest,
        "targets": {target: entry.match_threshold for target, entry in release.targets.items()},
    }
    text = f"{out}: release {name}, digest {release.digest}"
    emit(data, f"{as_text(found)}\n{text}" if found else text, as_json=as_json)


def _recipe(file: Path) -> ReleaseRecipe:
    """Read a recipe, where what it describes can be trained."""
    require("torch", extra="train")
    from cardembed.training.release_recipe import read_recipe

    return read_recipe(file)


def _train(
    recipe: ReleaseRecipe, cards: Catalogue, weights: Path, *, workers: int, threads: int | None
) -> None:
    """Train what the folder of weights lacks."""
    from cardembed._commands._training import TrainingDisplay, command_line
    from cardembed.training.release_recipe import train_release
    from cardembed.training.runs import RunOptions

    display = TrainingDisplay()
    options = RunOptions(
        catalogue=cards,
        distractors=recipe.distractor_cards(),
        out=weights,
        profile=recipe.profile,
        resume=True,
        threads=threads,
        workers=workers,
        command=command_line(),
        listener=display.report,
        rendering=display.rendering,
    )
    trained = train_release(recipe, options)
    display.close()
    click.echo(f"{weights}: trained {', '.join(trained) or 'nothing, everything was there'}", err=True)


@command.command("verify")
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@release_option
@click.option("--target", help="Only this target's artefacts.")
@json_option
def verify(directory: Path | None, release_dir: Path | None, target: str | None, as_json: bool) -> None:
    """Compare a release's files with the digests in its release.json, and these with each other.

    Without --target also: the training's record with the weights, each student's teacher with the one that is
    shipped, and cards that are dealt from a seed with their digests. A seal of what the release was before a
    threshold or an artefact changed is named, and is no fault: judge it and seal it again.

    Exit code 0 when all fit, 1 when one is missing or differs, 2 when there is no release.

    \b
    Example:
      cardembed release verify my-release
    """
    from cardembed.conformance.seal import seal_state
    from cardembed.release_lineage import check_lineage

    release = release_of(directory if directory is not None else release_dir)
    problem: str | None = None
    seal: str | None = None
    if target is not None:
        release.target(target)
    try:
        release.verify(target)
        if target is None:
            check_lineage(release)
        seal = seal_state(release)
    except ReleaseError as error:
        problem = str(error)
    files = sum(len(entry.artefacts) for entry in release.targets.values())
    data = {
        "release": str(release.root),
        "digest": release.digest,
        "intact": problem is None,
        "problem": problem,
        "seal": seal,
    }
    intact = f"{release.root}: intact, {files} files, digest {release.digest}, {seal}"
    emit(data, problem or intact, as_json=as_json)
    if problem is not None:
        raise SystemExit(1)


@command.command("seal")
@click.argument("report", type=click.Path(path_type=Path, file_okay=False, exists=True))
@release_option
@policy_options("Says which cells need a device.")
@json_option
def seal(
    report: Path, release_dir: Path | None, *, policy_path: Path, features: Path | None, as_json: bool
) -> None:
    """Write a run's verdict beside the release that it judged, as the one that later runs have to repeat.

    REPORT is the folder of `pytest features/ --report=REPORT`, run on this machine. Every verdict is computed
    again from the raw numbers. A run of another release, with an error, or that left a cell out is refused;
    only what needs a device that is not here, by the policy, may be not run.

    \b
    Example:
      cardembed release seal --release my-release reports/first
    """
    from datetime import UTC, datetime

    from cardembed.conformance.evidence import require_bundle
    from cardembed.conformance.gate import gate
    from cardembed.conformance.predicate import ReleaseInfo
    from cardembed.conformance.seal import SEALED, own_policy, seal_verdict
    from cardembed.conformance.states import State

    release = release_of(release_dir)
    require_bundle(report)
    policy = own_policy(policy_path)
    folder = features_of(policy, policy_path, features)
    decision = gate(policy, [report], folder, release=ReleaseInfo.of(release))
    verdict = seal_verdict(release, decision, datetime.now(UTC))
    states = {name: str(cell.state) for name, cell in verdict.cells.items() if cell.required}
    red = verdict.red
    absent = sum(state == State.NOT_RUN for state in states.values())
    text = f"{release.root / SEALED}: {len(states)} required cells, {len(red)} red, {absent} without a device"
    emit(
        {"release": str(release.root), "digest": release.digest, "required": states, "red": red},
        "\n".join([text, *(f"  {name}: {verdict.cells[name].reason}" for name in red)]),
        as_json=as_json,
    )
