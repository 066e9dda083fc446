"""Whole runs: pool, training, weight file, figures, and the record of how the weights came about."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray

from cardembed._io import atomic_write_json, json_value, sha256_file
from cardembed._seeds import derive_seed
from cardembed._version import __version__
from cardembed.cards.catalogue import Catalogue, load_catalogue
from cardembed.errors import TrainingError, UnknownTargetError
from cardembed.models.checkpoints import load_backbone
from cardembed.models.embedding import EmbeddingModel
from cardembed.models.profiles import STUDENT_TARGETS, target_profile
from cardembed.models.weights import build_model, load_weights, read_metadata, save_weights
from cardembed.release_build import TRAINING_RECORD, read_training
from cardembed.training.batches import embed_squares
from cardembed.training.figures import alignment_figures, retrieval_figures
from cardembed.training.gallery_scans import GalleryScans
from cardembed.training.loop import LoopOptions
from cardembed.training.precision import training_precision
from cardembed.training.recipes import StudentRecipe, TeacherRecipe
from cardembed.training.run_state import curve
from cardembed.training.student import distil_student, start_from_teacher, teacher_embeddings
from cardembed.training.teacher import STAGE_0, TeacherRun, fine_tunings
from cardembed.training.view_plan import (
    CHECK_PLAN,
    GALLERY_PLAN,
    PRETRAINING_PLAN,
    REHEARSAL_PLAN,
    TRAINING_PLAN,
    ViewPlan,
)
from cardembed.training.views import ViewPool, open_pool

__all__ = ["RunOptions", "run_student", "run_teacher"]


@dataclass(frozen=True)
class RunOptions:
    """What all runs are told."""

    catalogue: Catalogue
    """The cards to learn."""
    out: Path
    """Folder of the weight files, of `<target>.jsonl` and of `training.json`."""
    distractors: Catalogue | None = None
    """Cards that stand in the gallery, too; only their scans are seen."""
    profile: str = "reference"
    """Which row of the profile table."""
    resume: bool = False
    """Go on from the last checkpoint."""
    threads: int | None = None
    """PyTorch's threads; its own choice without."""
    workers: int = 2
    """Processes that render views."""
    command: str = ""
    """The command line, for the record."""
    pretraining_plan: ViewPlan = PRETRAINING_PLAN
    """Views of stage 0."""
    rehearsal_plan: ViewPlan = REHEARSAL_PLAN
    """Views of stage 0's cards that students see."""
    training_plan: ViewPlan = TRAINING_PLAN
    """Views to train on."""
    check_plan: ViewPlan = CHECK_PLAN
    """Views that figures are measured on."""
    listener: Callable[[dict[str, float]], None] | None = None
    """Called with every log record."""
    rendering: Callable[[int, int], None] | None = None
    """Called while views are rendered, and while a frozen network embeds them: done, total."""

    def pools(self) -> tuple[ViewPool, ViewPool]:
        """Training and check pool with squares at all sizes that any target of the profile needs."""
        torch.set_flush_denormal(True)
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        return self.pool(self.training_plan, self.catalogue), self.pool(self.check_plan, self.catalogue)

    def pool(self, plan: ViewPlan, catalogue: Catalogue) -> ViewPool:
        """A pool with squares at all sizes that any target of the profile needs."""
        sizes = tuple(target_profile(self.profile, t).input_size for t in ("teacher", *STUDENT_TARGETS))
        return open_pool(plan, catalogue, sizes, workers=self.workers, progress=self.rendering)

    def scans(self) -> GalleryScans:
        """The scans of the gallery, the distractors' opened at the same sizes."""
        others = self.distractors
        return GalleryScans(
            self.catalogue, others, None if others is None else self.pool(GALLERY_PLAN, others)
        )


def _figures(
    options: RunOptions, model: EmbeddingModel, check: ViewPool
) -> tuple[dict[str, float], np.ndarray[Any, np.dtype[np.float32]]]:
    """Figures of the check views, searched in the whole gallery, and the views' embeddings."""
    embeddings = embed_squares(model, check.squares(model.input_size)).numpy()
    scans = options.scans()
    gallery = embed_squares(model, scans.squares(model.input_size)).numpy()
    return retrieval_figures(embeddings, gallery, check, scans.cards), embeddings


def _further(options: RunOptions, targets: NDArray[np.float16]) -> NDArray[np.float32]:
    """The teacher's embeddings of so many training views that each card is searched among ten photos.

    A verdict has as many; among the check views' four alone a student's own photo is the nearest more often.
    """
    cards = len(options.catalogue)
    more = max(0, 10 - options.check_plan.views_per_card)
    first = options.training_plan.scans  # view 0 of each card is no photo
    return targets[cards * first : cards * (first + more)].astype(np.float32)


def _record(options: RunOptions, target: str, entry: dict[str, Any]) -> None:
    entry = {
        "command": options.command,
        "profile": options.profile,
        "catalogue": options.catalogue.reference,
        "catalogue_digest": options.catalogue.digest,
        "distractors": options.distractors.reference if options.distractors is not None else None,
        "cardembed": __version__,
        "torch": str(torch.__version__),
        "views": json_value(asdict(options.training_plan)),
        **entry,
    }
    with FileLock(options.out / ".training.lock"):  # students may be distilled side by side
        atomic_write_json(options.out / TRAINING_RECORD, {**read_training(options.out), target: entry})


def run_teacher(
    options: RunOptions, recipe: TeacherRecipe | None = None, *, backbone_weights: Path | None = None
) -> dict[str, Any]:
    """Train a teacher and write `teacher.safetensors`; returns its entry of `training.json`.

    Args:
        options: Where and on what.
        recipe: Settings and lengths of the stages; the profile's without.
        backbone_weights: A published checkpoint to start from, in place of stage 0.
    """
    recipe = recipe or TeacherRecipe.for_profile(options.profile)
    model = build_model(options.profile, "teacher", seed=derive_seed("weights", recipe.seed))
    if backbone_weights is not None:
        load_backbone(model, backbone_weights)
        recipe = replace(recipe, pretraining=None)
    pool, check = options.pools()
    run = TeacherRun(
        model, pool, options.scans(), recipe, options.out,
        pretraining_plan=options.pretraining_plan, workers=options.workers, resume=options.resume,
        listener=options.listener, rendering=options.rendering,
    )  # fmt: skip
    ended = run.train()
    path = options.out / "teacher.safetensors"
    backbone = None if backbone_weights is None else sha256_file(backbone_weights)
    metadata = {"profile": options.profile, "recipe": asdict(recipe)}
    if backbone is not None:
        metadata["backbone"] = backbone
    digest = save_weights(model, path, metadata=metadata)
    figures, _ = _figures(options, load_weights(path), check)
    entry = {
        "file": path.name, "sha256": digest, "recipe": asdict(recipe), "last": ended,
        "precision": training_precision(),
        "backbone": backbone,
        "pretrained": sha256_file(options.out / STAGE_0) if "pretraining" in ended else None,
        "figures": figures,
        "total_seconds": round(sum(stage["seconds"] for stage in ended.values()), 1),
        "curves": {
            stage: curve(options.out / f"{log}.jsonl")
            for stage, log in (
                ("pretraining", "teacher-pretraining"),
                ("head", "teacher-head"),
                *((name, log) for name, log, _ in fine_tunings(recipe)),
            )
        },
    }  # fmt: skip
    _record(options, "teacher", entry)
    return entry


def _other_cards(options: RunOptions, teacher_path: Path) -> ViewPool | None:
    """Views of the cards that the teacher's stage 0 learned; None where it had none."""
    recipe = json.loads(read_metadata(teacher_path).get("recipe", "{}"))
    pretraining = recipe.get("pretraining")
    if not pretraining:
        return None
    return options.pool(options.rehearsal_plan, load_catalogue(pretraining["catalogue"]))


def run_student(
    options: RunOptions,
    target: str,
    teacher_path: Path,
    recipe: StudentRecipe | None = None,
    *,
    architecture: str | None = None,
) -> dict[str, Any]:
    """Distil a student and write `<target>.safetensors`; returns its entry of `training.json`.

    Args:
        options: Where, on what, how long.
        target: "android", "ios" or "hailo8l".
        teacher_path: The teacher's weight file.
        recipe: Settings; the defaults without.
        architecture: One of the target's fallbacks; the profile's choice without.

    Raises:
        UnknownTargetError: A target without weights of its own, or an architecture that it does not have.
        TrainingError: The teacher's embeddings and the student's have different lengths.
    """
    if target not in STUDENT_TARGETS:
        raise UnknownTargetError(
            f"student {target!r}",
            expected="one of " + ", ".join(STUDENT_TARGETS),
            found=repr(target),
            action="choose one of them; the server has the teacher's weights",
        )
    recipe = recipe or StudentRecipe.for_target(options.profile, target)
    student = build_model(
        options.profile, target, seed=derive_seed("weights", target, recipe.seed), architecture=architecture
    )
    teacher, teacher_digest = load_weights(teacher_path), sha256_file(teacher_path)
    if teacher.embedding_dim != student.embedding_dim:
        raise TrainingError(
            teacher_path,
            expected=f"a teacher with {student.embedding_dim} dimensions",
            found=f"{teacher.embedding_dim}",
            action="train a teacher of this profile",
        )
    copied = start_from_teacher(student, teacher)
    pool, check = options.pools()  # the pool that the teacher saw
    embedded = partial(teacher_embeddings, teacher, teacher_digest, progress=options.rendering)
    targets = embedded(pool)
    taught = [
        (others, embedded(others), count)
        for others, count in (
            (_other_cards(options, teacher_path), recipe.rehearsed),
            (options.scans().pool, recipe.enrolled),
        )
        if others is not None and count
    ]
    loop = LoopOptions(options.out / f"{target}.jsonl", resume=options.resume, listener=options.listener)
    ended = distil_student(student, targets, pool, recipe, loop, teacher_digest=teacher_digest, more=taught)
    path = options.out / f"{target}.safetensors"
    metadata = {
        "profile": options.profile, "target": target, "teacher": teacher_digest, "recipe": asdict(recipe),
    }  # fmt: skip
    if (backbone := read_metadata(teacher_path).get("backbone")) is not None:
        metadata["backbone"] = json.loads(backbone)  # whoever is given this file alone has to know
    digest = save_weights(student, path, metadata=metadata)
    figures, embeddings = _figures(options, load_weights(path), check)
    theirs = embedded(check).astype(np.float32)
    entry = {
        "file": path.name, "sha256": digest, "architecture": student.architecture.name,
        "teacher": teacher_digest, "blocks_from_teacher": copied, "precision": training_precision(),
        "recipe": asdict(recipe), "last": ended,
        "figures": {**figures, **alignment_figures(embeddings, theirs, check, _further(options, targets))},
        "total_seconds": round(ended["seconds"], 1),
        "curves": {"distillation": curve(options.out / f"{target}.jsonl")},
    }  # fmt: skip
    _record(options, target, entry)
    loop.discard_checkpoint()
    return entry
