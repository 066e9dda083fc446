"""`cardembed train teacher|student|ablations`: train weights, or ask what the parts of a recipe do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import click

from cardembed._commands._building import refuse_same_cards
from cardembed._commands._output import emit, json_option
from cardembed._commands._training import TrainingDisplay, command_line
from cardembed._imports import require
from cardembed.models.profiles import PROFILES, REFERENCE_CATALOGUE, STUDENT_TARGETS, profile

__all__ = ["command"]


_POSITIVE = click.FloatRange(min=0, min_open=True)
_COUNT = click.IntRange(min=1)
_CHANGEABLE = ("steps", "batch", "unknowns", "learning_rate", "seed")
_WEIGHTS = click.Path(path_type=Path, dir_okay=False, exists=True)
_FOLDER = click.Path(path_type=Path, file_okay=False)
_OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("--out", {"type": _FOLDER, "required": True, "help": "Folder of the weight files."}),
    ("--steps", {"type": _COUNT, "help": "Optimiser steps; the recipe's without."}),
    ("--batch", {"type": _COUNT, "help": "Card views a step; the recipe's without."}),
    ("--unknowns", {"type": click.IntRange(min=0), "help": "Non-cards a step; the recipe's without."}),
    ("--learning-rate", {"type": _POSITIVE, "help": "Peak of the one-cycle; the recipe's without."}),
    ("--views", {"type": click.IntRange(min=2), "help": "Views rendered of each card."}),
    ("--seed", {"type": click.IntRange(min=0), "help": "Decides weights and order; 0 without."}),
    ("--threads", {"type": _COUNT, "help": "PyTorch's threads; its own choice without."}),
    ("--workers", {"type": _COUNT, "default": 2, "help": "Processes that render views; 2 without."}),
    ("--resume", {"is_flag": True, "help": "Go on from this run's last checkpoint."}),
)


def _shared(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that teacher and students have in common."""
    function = json_option(function)
    for name, settings in reversed(_OPTIONS):
        function = click.option(name, **settings)(function)
    function = click.option(
        "--catalogue",
        default=REFERENCE_CATALOGUE,
        show_default=True,
        help="synthetic:SEED:COUNT or a folder of scans.",
    )(function)
    function = click.option(
        "--distractors", help="Cards that only stand in the gallery; training sees their scans. None without."
    )(function)
    return click.option(
        "--profile", "profile_name", default="reference", show_default=True, help="|".join(PROFILES)
    )(function)


def _options(display: TrainingDisplay, **given: Any) -> Any:  # noqa: ANN401 - RunOptions, known once torch is there
    require("torch", extra="train")
    from cardembed.cards.catalogue import load_catalogue
    from cardembed.training.runs import RunOptions
    from cardembed.training.view_plan import TRAINING_PLAN

    profile(given["profile_name"])
    views = given["views"]
    return RunOptions(
        catalogue=load_catalogue(given["catalogue"]),
        distractors=load_catalogue(given["distractors"]) if given["distractors"] else None,
        out=given["out"],
        profile=given["profile_name"],
        resume=given["resume"],
        threads=given["threads"],
        workers=given["workers"],
        command=command_line(),
        training_plan=replace(TRAINING_PLAN, views_per_card=views) if views else TRAINING_PLAN,
        listener=display.report,
        rendering=display.rendering,
    )


def _changed(recipe: Any, given: dict[str, Any]) -> Any:  # noqa: ANN401 - any recipe class
    """The recipe with what the command line gave in place of its own."""
    return replace(recipe, **{name: given[name] for name in _CHANGEABLE if given[name] is not None})


def _teacher_recipe(recipe: Any, given: dict[str, Any]) -> Any:  # noqa: ANN401 - a TeacherRecipe
    head = {"steps": given["head_steps"], "scale": given["scale"], "margin": given["margin"]}
    pretraining = recipe.pretraining
    if pretraining is not None:
        pretraining = _changed(
            pretraining,
            {**dict.fromkeys(_CHANGEABLE), "steps": given["pretraining_steps"], "seed": given["seed"]},
        )
    refinements = []
    for number, refinement in enumerate(recipe.refinements, 1):
        seed = None if given["seed"] is None else given["seed"] + number  # other batches than stage 2's
        refinements.append(_changed(refinement, {**given, "seed": seed}))
    return replace(
        recipe,
        pretraining=pretraining,
        refinements=tuple(refinements),
        head=replace(recipe.head, **{name: value for name, value in head.items() if value is not None}),
        fine_tuning=_changed(recipe.fine_tuning, given),
        seed=given["seed"] if given["seed"] is not None else recipe.seed,
    )


def _show(entry: dict[str, Any], out: Path, *, as_json: bool) -> None:
    lines = [f"{out / entry['file']}  SHA-256 {entry['sha256']}"]
    lines.append(f"{entry['total_seconds']:.0f} s")
    lines += [f"{name:<28}{value:8.4f}" for name, value in entry["figures"].items()]
    emit(entry, "\n".join(lines), as_json=as_json)


@click.group("train")
def command() -> None:
    """Train a teacher, distil a student.

    \b
    Example:
      cardembed train teacher --out weights

    Runs write float16 weights, a log of JSON lines and training.json into --out, checkpoints to the cache.
    """


@command.command("teacher")
@_shared
@click.option("--pretraining-steps", type=_COUNT, help="Optimiser steps of stage 0; the recipe's without.")
@click.option("--head-steps", type=_COUNT, help="Optimiser steps of stage 1; the recipe's without.")
@click.option("--scale", type=click.FloatRange(min=1), help="ArcFace's s; the recipe's without.")
@click.option("--margin", type=click.FloatRange(0, 1), help="ArcFace's m; the recipe's without.")
@click.option(
    "--backbone", type=click.Path(path_type=Path, dir_okay=False), help="A published DINOv3 checkpoint."
)
def teacher(*, as_json: bool, backbone: Path | None, **given: Any) -> None:  # noqa: ANN401
    """Train the teacher on a catalogue: pretraining, head, blocks, and for `reference` these again.

    Stage 0 pretrains a random backbone on other cards; --backbone starts from a published one instead.
    Stage 1 trains the head on the frozen backbone, stage 2 blocks with it (the last four for `prd`, all for
    `reference`), and refinements the same blocks again; --steps, --batch, --unknowns and --learning-rate are
    each one's of these.

    \b
    Example:
      cardembed train teacher --out weights
    """
    display = TrainingDisplay()
    options = _options(display, **given)
    from cardembed.training.recipes import TeacherRecipe
    from cardembed.training.runs import run_teacher

    recipe = _teacher_recipe(TeacherRecipe.for_profile(given["profile_name"]), given)
    stage0 = None if backbone is not None or recipe.pretraining is None else recipe.pretraining.catalogue
    refuse_same_cards(
        {"--catalogue": options.catalogue, "stage 0": stage0, "--distractors": options.distractors}
    )
    entry = run_teacher(options, recipe, backbone_weights=backbone)
    display.close()
    _show(entry, given["out"], as_json=as_json)


@command.command("student")
@_shared
@click.option("--target", type=click.Choice(STUDENT_TARGETS), required=True, help="Whose student.")
@click.option(
    "--teacher",
    "teacher_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The teacher's weights; teacher.safetensors of --out without.",
)
@click.option(
    "--architecture",
    help="A fallback: regnetx_016 (prd) or regnetx_002 (reference) for hailo8l; the profile's without.",
)
def student(
    *,
    as_json: bool,
    target: str,
    teacher_path: Path | None,
    architecture: str | None,
    **given: Any,  # noqa: ANN401 - click's options, as in the commands around
) -> None:
    """Distil the teacher into a target's student.

    \b
    Examples:
      cardembed train student --target hailo8l --out weights
      cardembed train student --target hailo8l --architecture regnetx_002 --out weights
    """
    display = TrainingDisplay()
    options = _options(display, **given)
    from cardembed.training.recipes import StudentRecipe
    from cardembed.training.runs import run_student

    entry = run_student(
        options,
        target,
        teacher_path or given["out"] / "teacher.safetensors",
        _changed(StudentRecipe.for_target(options.profile, target), given),
        architecture=architecture,
    )
    display.close()
    _show(entry, given["out"], as_json=as_json)


@command.command("ablations")
@click.option("--out", type=_FOLDER, required=True, help="Folder of the runs' files.")
@click.option("--teacher", type=_WEIGHTS, required=True, help="The weights that teach the students.")
@click.option("--pretrained", type=_WEIGHTS, help="Stage 0's weights; each teacher trains its own without.")
@click.option("--only", type=click.Choice(["teachers", "students"]), help="Half of the table; all without.")
@click.option("--head-steps", type=_COUNT, default=100, show_default=True, help="Steps of stage 1.")
@click.option("--steps", type=_COUNT, default=150, show_default=True, help="Steps of stage 2.")
@click.option("--student-steps", type=_COUNT, default=400, show_default=True, help="Steps of a student.")
@click.option(
    "--target",
    type=click.Choice(STUDENT_TARGETS),
    default="hailo8l",
    show_default=True,
    help="Whose student.",
)
@click.option("--catalogue", default=REFERENCE_CATALOGUE, show_default=True, help="The cards to learn.")
@click.option("--distractors", help="Cards that only stand in the gallery; none without.")
@click.option("--threads", type=_COUNT, help="PyTorch's threads; its own choice without.")
@click.option("--workers", type=_COUNT, default=2, show_default=True, help="Processes that render views.")
@click.option("--resume", is_flag=True, help="Go on from the runs' last checkpoints.")
@json_option
def ablations(
    *,
    out: Path,
    teacher: Path,
    pretrained: Path | None,
    only: Literal["teachers", "students"] | None,
    head_steps: int,
    steps: int,
    student_steps: int,
    target: str,
    as_json: bool,
    **given: Any,  # noqa: ANN401 - click's options, as in the commands above
) -> None:
    """Train short runs that differ from the recipe in one thing each, and print a table of their figures.

    \b
    Example:
      cardembed train ablations --teacher weights/teacher.safetensors --out ablations
    """
    display = TrainingDisplay()
    options = _options(display, **given, out=out, profile_name="reference", views=None)
    from cardembed.training.ablations import Schedule, ablate, as_markdown

    rows = []
    schedule = Schedule(head_steps, steps, student_steps, target)
    for row in ablate(options, teacher, schedule, pretrained=pretrained, only=only):
        display.close()
        click.echo(f"{row.name}: {row.ended or 'done'}", err=True)
        rows.append(row)
    emit([asdict(row) for row in rows], as_markdown(rows), as_json=as_json)
