"""What each part of the recipe is worth: short runs that differ in one thing, and their figures."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from cardembed._io import sha256_file
from cardembed.errors import TrainingError
from cardembed.training.recipes import StudentRecipe, TeacherRecipe
from cardembed.training.recorded import recorded_entry
from cardembed.training.runs import RunOptions, run_student, run_teacher
from cardembed.training.teacher import STAGE_0

__all__ = ["Ablation", "Schedule", "ablate", "as_markdown"]


@dataclass(frozen=True)
class Schedule:
    """How long the short runs are."""

    head_steps: int = 100
    """Of stage 1."""
    steps: int = 150
    """Of stage 2."""
    student_steps: int = 400
    """Of a distillation."""
    target: str = "hailo8l"
    """The student that is distilled."""


@dataclass(frozen=True)
class Ablation:
    """One row of the table."""

    name: str
    """What differs."""
    figures: dict[str, float]
    """On development views, by criterion; empty where the run ended early."""
    ended: str = ""
    """Why it ended early."""


def _teachers(base: TeacherRecipe) -> dict[str, TeacherRecipe]:
    # Stage 0 leaves a trained head and knows non-cards: parts are left out both after it and without it.
    at_once = replace(base.head, imprint=False, ramp_start=0.0, ramp_end=0.0)
    random = replace(base, head=at_once)
    cards_alone = replace(
        base, head=replace(base.head, non_cards=False), fine_tuning=replace(base.fine_tuning, unknowns=0)
    )
    return {
        "teacher: imprinted class vectors, margin ramp, non-cards, stage 0": base,
        "teacher: random class vectors at full margin": random,
        "teacher: without non-cards in stages 1 and 2": cards_alone,
        "teacher: without stage 0": replace(base, pretraining=None),
        "teacher: without stage 0, random class vectors at full margin": replace(random, pretraining=None),
        "teacher: without stage 0, without non-cards": replace(cards_alone, pretraining=None),
    }


def _students(base: StudentRecipe) -> dict[str, StudentRecipe]:
    return {
        "student: squared error summed, non-cards": base,
        "student: squared error averaged over dimensions": replace(base, reduction="mean"),
        "student: without non-cards": replace(base, unknowns=0),
        "student: without telling photos from their neighbours": replace(base, neighbours=0),
        # Averaged, the error is 768 times lighter beside the neighbours' cost: this row has the one alone.
        "student: without that, averaged over dimensions": replace(base, neighbours=0, reduction="mean"),
        "student: a tenth of the head's hidden units dropped": replace(base, dropout=0.1),
    }


def ablate(
    options: RunOptions,
    teacher: Path,
    schedule: Schedule | None = None,
    *,
    pretrained: Path | None = None,
    only: Literal["teachers", "students"] | None = None,
    seed: int = 0,
) -> Iterator[Ablation]:
    """Run every variation; yields a row as each one ends.

    Args:
        options: Where the runs' files go, each in a folder of its own below `out`. With `resume`, runs that
            ended are not repeated, and the one that was cut off goes on from its checkpoint.
        teacher: The weights that teach the students.
        schedule: How long the runs are.
        pretrained: Stage 0's weights, which serve all teachers that have one; each trains its own without.
        only: Half of the table; all of it without.
        seed: Of all runs.
    """
    schedule = schedule or Schedule()
    if only != "students":
        yield from _teacher_rows(options, schedule, pretrained, seed)
    if only != "teachers":
        yield from _student_rows(options, schedule, teacher, seed)


def _teacher_rows(
    options: RunOptions, schedule: Schedule, pretrained: Path | None, seed: int
) -> Iterator[Ablation]:
    base = TeacherRecipe.for_profile(options.profile)
    base = replace(
        base,
        head=replace(base.head, steps=schedule.head_steps, seed=seed),
        fine_tuning=replace(base.fine_tuning, steps=schedule.steps, seed=seed),
        refinements=(),
    )
    for number, (name, recipe) in enumerate(_teachers(base).items()):
        own = _in_folder(options, f"teacher-{number}")
        start: dict[str, str | None] = {"backbone": None}
        if recipe.pretraining is not None and pretrained is not None:
            shutil.copyfile(pretrained, own.out / STAGE_0)
            start["pretrained"] = sha256_file(pretrained)
        yield _row(name, _known(own, "teacher", recipe, start), partial(run_teacher, own, recipe))


def _student_rows(options: RunOptions, schedule: Schedule, teacher: Path, seed: int) -> Iterator[Ablation]:
    whole = StudentRecipe.for_target(options.profile, schedule.target)
    short = replace(whole, steps=schedule.student_steps, seed=seed)
    taught_by = {"teacher": sha256_file(teacher)} if options.resume else {}
    for number, (name, student) in enumerate(_students(short).items()):
        own = _in_folder(options, f"student-{number}")
        known = _known(own, schedule.target, student, taught_by)
        yield _row(name, known, partial(run_student, own, schedule.target, teacher, student))


def _in_folder(options: RunOptions, name: str) -> RunOptions:
    out = options.out / name
    out.mkdir(parents=True, exist_ok=True)
    return replace(options, out=out)


def _known(
    options: RunOptions, target: str, settings: TeacherRecipe | StudentRecipe, start: Mapping[str, str | None]
) -> dict[str, Any] | None:
    return recorded_entry(options, target, settings, start) if options.resume else None


def _row(name: str, known: dict[str, Any] | None, run: Callable[[], dict[str, Any]]) -> Ablation:
    try:
        return Ablation(name, (run() if known is None else known)["figures"])
    except TrainingError as error:  # a collapse that the guard stops is a result
        return Ablation(name, {}, ended=str(error))


_AC4 = ("AC-4, worst family", "mean of families")
_COLUMNS = ("top-1", "AC-1", "AC-2", "AC-6", "AC-7", "AC-8 clean", "AC-8 clean p5", "AC-8 own nearest")


def as_markdown(rows: list[Ablation]) -> str:
    """A table; of AC-4 the worst family, by name, which one scan among non-cards decides, and the mean."""
    table = [["run", *_AC4, *_COLUMNS]]
    table.append(["---"] * len(table[0]))
    for row in rows:
        families = {name.removeprefix("AC-4 "): v for name, v in row.figures.items() if name[:5] == "AC-4 "}
        cells = ["ended early" if row.ended else "–", "–"]
        if families:
            worst = min(families, key=lambda name: families[name])
            cells = [f"{families[worst]:.3f} ({worst})", f"{fmean(families.values()):.3f}"]
        cells += [f"{row.figures[name]:.3f}" if name in row.figures else "–" for name in _COLUMNS]
        table.append([row.name, *cells])
    lines = ["| " + " | ".join(cells) + " |" for cells in table]
    lines += [f"\n{row.name}: {row.ended}" for row in rows if row.ended]
    return "\n".join(lines)
