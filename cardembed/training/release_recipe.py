"""What a whole release is trained from: one file that names its cards and the settings that differ."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cardembed._io import sha256_file
from cardembed._validation import first_problem
from cardembed.cards.catalogue import Catalogue, load_catalogue
from cardembed.cards.gallery import Gallery, gallery_of
from cardembed.errors import UsageError
from cardembed.models.profiles import STUDENT_TARGETS, target_profile
from cardembed.release_build import read_training
from cardembed.training.recipes import StudentRecipe, TeacherRecipe
from cardembed.training.runs import RunOptions, run_student, run_teacher

__all__ = ["ReleaseRecipe", "read_recipe", "train_release"]


class ReleaseRecipe(BaseModel):
    """A release's recipe, read from TOML. Settings that it leaves out are the profile's."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(min_length=1, max_length=200)
    """The release's name, for people."""
    profile: Literal["prd", "reference"] = "reference"
    """Which architectures."""
    catalogue: str
    """The cards to learn: synthetic:SEED:COUNT, or a folder of scans relative to the recipe's file."""
    zero_shot: str | None = None
    """Cards that join the gallery after training and are judged apart; none without."""
    distractors: str | None = None
    """Cards that only stand in the gallery; none without."""
    backbone: str | None = None
    """A published checkpoint to start from in place of stage 0, relative to the recipe's file."""
    teacher: TeacherRecipe
    """Settings of the teacher's stages."""
    students: dict[Literal["android", "ios", "hailo8l"], StudentRecipe]
    """Settings of each student."""
    notes: str = ""
    """For people."""

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:  # noqa: ANN401 - what a TOML file holds
        """Settings that are left out are the profile's; `[student]` holds what all students share."""
        if not isinstance(given, dict):
            return given
        given = dict(given)
        profile = given.get("profile", "reference")
        shared, own = given.pop("student", {}), given.get("students", {})
        if profile not in ("prd", "reference"):
            return given
        given["teacher"] = _over(asdict(TeacherRecipe.for_profile(profile)), given.get("teacher", {}))
        if isinstance(own, dict):
            unknown = {name: value for name, value in own.items() if name not in STUDENT_TARGETS}
            known = {
                name: _over(_over(asdict(StudentRecipe.for_target(profile, name)), shared), own.get(name, {}))
                for name in STUDENT_TARGETS
            }
            given["students"] = {**known, **unknown}
        return given

    @model_validator(mode="after")
    def _sound(self) -> Self:
        """Lengths count from one, and no cards that are dealt from a seed serve twice."""
        teacher = self.teacher
        for stage in (teacher.pretraining, teacher.head, teacher.fine_tuning, *teacher.refinements):
            _at_least_one(stage)
        for student in self.students.values():
            _at_least_one(student)
        pretraining = self.teacher.pretraining
        specs = {
            "catalogue": self.catalogue,
            "zero_shot": self.zero_shot,
            "distractors": self.distractors,
            "teacher.pretraining.catalogue": None if pretraining is None else pretraining.catalogue,
        }
        seeds: dict[str, str] = {}
        for name, spec in specs.items():
            if spec is None or not spec.startswith("synthetic:"):
                continue
            seed = spec.split(":")[1]
            if seed in seeds:
                raise ValueError(f"{name} has the seed of {seeds[seed]}, so that they share cards")
            seeds[seed] = name
        return self

    def cards(self) -> Catalogue:
        """The cards to learn."""
        return load_catalogue(self.catalogue)

    def distractor_cards(self) -> Catalogue | None:
        """The cards that only stand in the gallery."""
        return None if self.distractors is None else load_catalogue(self.distractors)

    def gallery(self) -> Gallery | None:
        """What verdicts search; None where it is the catalogue alone."""
        return gallery_of(self.catalogue, self.zero_shot, self.distractors)

    def located(self, folder: Path) -> Self:
        """The same with every path taken from `folder`."""

        def found(spec: str | None) -> str | None:
            return spec if spec is None or spec.startswith("synthetic:") else str(folder / spec)

        paths = ("catalogue", "zero_shot", "distractors", "backbone")
        return self.model_copy(update={name: found(getattr(self, name)) for name in paths})


def _at_least_one(stage: object) -> None:
    for name in ("steps", "batch"):
        if getattr(stage, name, 1) < 1:
            raise ValueError(f"{name} of {type(stage).__name__} is less than 1")


def _over(defaults: dict[str, Any], given: Any) -> Any:  # noqa: ANN401 - validated afterwards
    """Defaults with what is given in their place, table by table."""
    if not isinstance(given, dict):
        return given
    merged = dict(defaults)
    for name, value in given.items():
        below = merged.get(name)
        merged[name] = _over(below, value) if isinstance(below, dict) else value
    return merged


def read_recipe(path: Path | str) -> ReleaseRecipe:
    """Read a recipe.

    Raises:
        UsageError: It is missing, no TOML, or holds what no setting is called; names the setting.
    """
    path = Path(path)
    try:
        recipe = ReleaseRecipe.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise _bad(path, error.strerror or str(error), "give --recipe FILE") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _bad(path, str(error), "correct the file") from error
    except ValidationError as error:
        raise _bad(path, first_problem(error), "correct the file") from error
    return recipe.located(path.parent)


def _bad(path: Path, found: str, action: str) -> UsageError:
    return UsageError(path, expected="a release's recipe", found=found, action=action)


def train_release(recipe: ReleaseRecipe, options: RunOptions) -> list[str]:
    """Train what the folder of weights lacks; returns the targets that were trained.

    A target whose weights are there, made by the same recipe from the same cards (and by the teacher that is
    there), is left as it is; a stage that was cut off goes on from its checkpoint.

    Args:
        recipe: What to train.
        options: Where; its catalogue and profile must be the recipe's.
    """
    trained = []
    teacher = options.out / "teacher.safetensors"
    backbone = None if recipe.backbone is None else Path(recipe.backbone)
    start = {"backbone": None if backbone is None else sha256_file(backbone)}
    settings = recipe.teacher if backbone is None else replace(recipe.teacher, pretraining=None)
    if not _there(options, "teacher", settings, start):
        run_teacher(options, recipe.teacher, backbone_weights=backbone)
        trained.append("teacher")
    for target, student in recipe.students.items():
        if not _there(options, target, student, {"teacher": sha256_file(teacher)}):
            run_student(options, target, teacher, student)
            trained.append(target)
    return trained


def _there(
    options: RunOptions, target: str, settings: TeacherRecipe | StudentRecipe, more: dict[str, str | None]
) -> bool:
    weights = options.out / f"{target}.safetensors"
    entry = read_training(options.out).get(target)
    if entry is None or not weights.is_file():
        return False
    wanted = {
        "recipe": json.loads(json.dumps(asdict(settings))),
        "profile": options.profile,
        "catalogue_digest": options.catalogue.digest,
        "distractors": None if options.distractors is None else options.distractors.reference,
        "sha256": sha256_file(weights),
        **more,
    }
    own = target_profile(options.profile, target).architecture.name  # not a fallback that took its place
    return entry.get("architecture", own) == own and all(
        entry.get(name) == value for name, value in wanted.items()
    )
