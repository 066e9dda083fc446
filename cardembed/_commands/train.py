"""`cardembed train teacher|student`: train the weights of a release."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from cardembed._commands._output import emit, json_option
from cardembed._imports import require
from cardembed.models.profiles import PROFILES, REFERENCE_CATALOGUE, profile

__all__ = ["command"]


_POSITIVE = click.FloatRange(min=0, min_open=True)
_COUNT = click.IntRange(min=1)
_FOLDER = click.Path(path_type=Path, file_okay=False)
_OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("--out", {"type": _FOLDER, "required": True, "help": "Folder of the weight files."}),
    ("--minutes", {"type": _POSITIVE, "help": "Length of the run in minutes, or"}),
    ("--steps", {"type": _COUNT, "help": "its length in optimiser steps."}),
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
    return click.option(
        "--profile", "profile_name", default="reference", show_default=True, help="|".join(PROFILES)
    )(function)


class _Display:
    """A progress bar for rendering and training, on standard error."""

    def __init__(self) -> None:
        self._bar: Any = None

    def rendering(self, done: int, total: int) -> None:
        if self._bar is None:
            self._bar = tqdm(total=total, desc="views", file=sys.stderr, disable=not sys.stderr.isatty())
        self._bar.update(done - self._bar.n)
        if done == total:
            self.close()

    def report(self, record: dict[str, float]) -> None:
        if self._bar is None:
            self._bar = tqdm(
                total=100, desc="train", unit="%", file=sys.stderr, disable=not sys.stderr.isatty()
            )
        self._bar.update(round(100 * record["progress"]) - self._bar.n)
        self._bar.set_postfix(step=int(record["step"]), loss=round(record["loss"], 3))

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _options(display: _Display, **given: Any) -> Any:  # noqa: ANN401 - RunOptions, known once torch is there
    require("torch", extra="train")
    from cardembed.cards.catalogue import load_catalogue
    from cardembed.training.runs import RunOptions
    from cardembed.training.view_plan import TRAINING_PLAN

    profile(given["profile_name"])
    views = given["views"]
    return RunOptions(
        catalogue=load_catalogue(given["catalogue"]),
        out=given["out"],
        profile=given["profile_name"],
        steps=given["steps"],
        minutes=given["minutes"],
        resume=given["resume"],
        threads=given["threads"],
        workers=given["workers"],
        command="cardembed " + " ".join(_arguments()),
        training_plan=replace(TRAINING_PLAN, views_per_card=views) if views else TRAINING_PLAN,
        listener=display.report,
        rendering=display.rendering,
    )


def _arguments() -> list[str]:
    """The command line with every path cut to its last part: the record names no machine."""
    return [Path(item).name if "/" in item else item for item in sys.argv[1:]]


def _recipe(kind: Any, given: dict[str, Any]) -> Any:  # noqa: ANN401 - either recipe class
    names = ("batch", "unknowns", "seed", "learning_rate")
    return kind(**{name: given[name] for name in names if given[name] is not None})


def _show(entry: dict[str, Any], out: Path, *, as_json: bool) -> None:
    lines = [f"{out / entry['file']}  SHA-256 {entry['sha256']}"]
    lines.append(f"{entry['last']['steps']:.0f} steps in {entry['last']['seconds']:.0f} s")
    lines += [f"{name:<28}{value:8.4f}" for name, value in entry["figures"].items()]
    emit(entry, "\n".join(lines), as_json=as_json)


@click.group("train")
def command() -> None:
    """Train a teacher, distil a student.

    Runs write float16 weights, a log of JSON lines and training.json into --out, checkpoints to the cache.
    """


@command.command("teacher")
@_shared
@click.option("--scale", type=click.FloatRange(min=1), default=24.0, show_default=True, help="ArcFace's s.")
@click.option("--margin", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="ArcFace's m.")
@click.option(
    "--backbone", type=click.Path(path_type=Path, dir_okay=False), help="A published DINOv3 checkpoint."
)
def teacher(as_json: bool, scale: float, margin: float, backbone: Path | None, **given: Any) -> None:  # noqa: ANN401
    """Train the teacher on a catalogue, from scratch or from a published backbone.

    \b
    Example:
      cardembed train teacher --out weights --minutes 35
    """
    display = _Display()
    options = _options(display, **given)
    from cardembed.training.recipes import TeacherRecipe
    from cardembed.training.runs import run_teacher

    recipe = replace(_recipe(TeacherRecipe, given), scale=scale, margin=margin)
    entry = run_teacher(options, recipe, backbone_weights=backbone)
    display.close()
    _show(entry, given["out"], as_json=as_json)


@command.command("student")
@_shared
@click.option("--target", required=True, help="One of: android, ios, hailo8l.")
@click.option(
    "--teacher",
    "teacher_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The teacher's weights; teacher.safetensors of --out without.",
)
def student(as_json: bool, target: str, teacher_path: Path | None, **given: Any) -> None:  # noqa: ANN401
    """Distil the teacher into a target's student.

    \b
    Example:
      cardembed train student --target hailo8l --out weights --minutes 12
    """
    display = _Display()
    options = _options(display, **given)
    from cardembed.training.recipes import StudentRecipe
    from cardembed.training.runs import run_student

    entry = run_student(
        options, target, teacher_path or given["out"] / "teacher.safetensors", _recipe(StudentRecipe, given)
    )
    display.close()
    _show(entry, given["out"], as_json=as_json)
