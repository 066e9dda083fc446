"""What a whole release is trained from: one file that names its cards and the settings that differ."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cardembed._io import sha256_file
from cardembed._validation import first_problems
from cardembed.cards.catalogue import Catalogue, load_catalogue
from cardembed.cards.gallery import Gallery, gallery_of, shared_cards
from cardembed.errors import UsageError
from cardembed.models.profiles import STUDENT_TARGETS
from cardembed.training.recipe_overlay import student_settings, teacher_settings
from cardembed.training.recipes import StudentRecipe, TeacherRecipe
from cardembed.training.recorded import recorded_entry
from cardembed.training.runs import RunOptions, run_student, run_teacher
from cardembed.training.settings import CardSource

__all__ = ["ReleaseRecipe", "read_recipe", "train_release"]


class ReleaseRecipe(BaseModel):
    """A release's recipe, read from TOML. Settings that it leaves out are the profile's."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(min_length=1, max_length=200)
    """The release's name, for people."""
    profile: Literal["prd", "reference"] = "reference"
    """Which architectures."""
    catalogue: CardSource
    """The cards to learn: synthetic:SEED:COUNT, or a folder of scans relative to the recipe's file."""
    zero_shot: CardSource | None = None
    """Cards that join the gallery after training and are judged apart; none without."""
    distractors: CardSource | None = None
    """Cards that only stand in the gallery; none without."""
    backbone: Annotated[str, Field(min_length=1)] | None = None
    """A published checkpoint to start from in place of stage 0, relative to the recipe's file."""
    teacher: TeacherRecipe
    """Settings of the teacher's stages."""
    student: StudentRecipe | None = None
    """What the file gives for all students. They have it already; here a mistake in it has its own name."""
    students: dict[Literal["android", "ios", "hailo8l"], StudentRecipe]
    """Settings of each student."""
    notes: str = ""
    """For people."""

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:  # noqa: ANN401 - what a TOML file holds
        """Settings that are left out are the profile's; `[student]` holds what all students share."""
        if not isinstance(given, dict) or given.get("profile", "reference") not in ("prd", "reference"):
            return given
        profile = given.get("profile", "reference")
        shared, students = given.get("student", {}), given.get("students", {})
        if isinstance(students, dict):
            tables = (shared,) if isinstance(shared, dict) else ()  # anything else is refused as `student`
            filled = {
                target: student_settings(profile, target, *tables, students.get(target, {}))
                for target in STUDENT_TARGETS
            }
            students = {**filled, **{name: one for name, one in students.items() if name not in filled}}
        return {
            **given,
            "teacher": teacher_settings(profile, given.get("teacher", {})),
            "students": students,
        }

    def cards(self) -> Catalogue:
        """The cards to learn."""
        return load_catalogue(self.catalogue)

    def distractor_cards(self) -> Catalogue | None:
        """The cards that only stand in the gallery."""
        return None if self.distractors is None else load_catalogue(self.distractors)

    def gallery(self) -> Gallery | None:
        """What verdicts search; None where it is the catalogue alone."""
        return gallery_of(self.catalogue, self.zero_shot, self.distractors)

    def sources(self) -> dict[str, str | None]:
        """All cards by their setting's name: no two may share any."""
        pretraining = None if self.backbone is not None else self.teacher.pretraining
        return {
            "catalogue": self.catalogue,
            "zero_shot": self.zero_shot,
            "distractors": self.distractors,
            "teacher.pretraining.catalogue": None if pretraining is None else pretraining.catalogue,
        }

    def located(self, folder: Path) -> Self:
        """The same with every path taken from `folder`."""

        def found(spec: str) -> str:
            return spec if spec.startswith("synthetic:") else str(folder / spec)

        paths = ("catalogue", "zero_shot", "distractors", "backbone")
        update: dict[str, Any] = {
            name: found(spec) for name in paths if (spec := getattr(self, name)) is not None
        }
        if (stage0 := self.teacher.pretraining) is not None:
            there = replace(stage0, catalogue=found(stage0.catalogue))
            update["teacher"] = replace(self.teacher, pretraining=there)
        return self.model_copy(update=update)


def read_recipe(path: Path | str) -> ReleaseRecipe:
    """Read a recipe.

    Raises:
        UsageError: It is missing, no TOML, holds what no setting is called or what a setting cannot be, or
            names the same cards twice; names the setting.
    """
    path = Path(path)
    try:
        recipe = ReleaseRecipe.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise _bad(path, error.strerror or str(error), "give --recipe FILE") from error
    except ValidationError as error:
        raise _bad(path, first_problems(error), "correct the file") from error
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, too many digits or brackets
        raise _bad(path, str(error), "correct the file") from error
    recipe = recipe.located(path.parent)
    if (both := shared_cards(recipe.sources())) is not None:
        raise _bad(path, f"{both[0]} has the cards of {both[1]}", "choose another seed or folder")
    return recipe


def _bad(path: Path, found: str, action: str) -> UsageError:
    return UsageError(path, expected="a release's recipe", found=found, action=action)


def train_release(recipe: ReleaseRecipe, options: RunOptions) -> list[str]:
    """Train what the folder of weights lacks; returns the targets that were trained.

    A target whose weights are there, made by the same recipe from the same cards (and by the teacher that is
    there), is left as it is; a stage that was cut off goes on from its checkpoint.

    Args:
        recipe: What to train.
        options: Where; its catalogue and profile must be the recipe's.

    Raises:
        UsageError: The recipe's backbone cannot be read; nothing was trained then.
    """
    trained = []
    teacher = options.out / "teacher.safetensors"
    backbone = None if recipe.backbone is None else Path(recipe.backbone)
    start = {"backbone": None if backbone is None else _digest(backbone)}
    settings = recipe.teacher if backbone is None else replace(recipe.teacher, pretraining=None)
    if recorded_entry(options, "teacher", settings, start) is None:
        run_teacher(options, recipe.teacher, backbone_weights=backbone)
        trained.append("teacher")
    taught_by = {"teacher": sha256_file(teacher)}
    for target, student in recipe.students.items():
        if recorded_entry(options, target, student, taught_by) is None:
            run_student(options, target, teacher, student)
            trained.append(target)
    return trained


def _digest(backbone: Path) -> str:
    try:
        return sha256_file(backbone)
    except OSError as error:
        raise UsageError(
            backbone,
            expected="the published checkpoint that the recipe's backbone names",
            found=error.strerror or str(error),
            action="download it, or correct the setting",
        ) from error
