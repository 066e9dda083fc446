"""What `training.json` says of weights: whether they are those that a recipe would make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cardembed._io import json_value, sha256_file
from cardembed.models.profiles import target_profile
from cardembed.release_build import read_training
from cardembed.training.recipes import StudentRecipe, TeacherRecipe
from cardembed.training.runs import RunOptions

__all__ = ["recorded_entry"]


def recorded_entry(
    options: RunOptions,
    target: str,
    settings: TeacherRecipe | StudentRecipe,
    start: Mapping[str, str | None],
) -> dict[str, Any] | None:
    """The entry of a target whose weights are there, made by these settings from these cards; None without.

    Args:
        options: Where, and on what.
        target: A target with weights of its own.
        settings: Its recipe.
        start: What else the entry has to say: a teacher's "backbone" and "pretrained" (stage 0's file), a
            student's "teacher", SHA-256 each.
    """
    weights = options.out / f"{target}.safetensors"
    entry: dict[str, Any] | None = read_training(options.out).get(target)
    if entry is None or not weights.is_file():
        return None
    views = json_value(asdict(options.training_plan))
    wanted = {
        "recipe": json_value(asdict(settings)),
        "profile": options.profile,
        "catalogue_digest": options.catalogue.digest,
        "distractors": None if options.distractors is None else options.distractors.reference,
        "sha256": sha256_file(weights),
        **start,
    }
    own = target_profile(options.profile, target).architecture.name  # not a fallback that took its place
    # Records of before these two fields say neither.
    if entry.get("architecture", own) != own or entry.get("views", views) != views:
        return None
    return entry if all(entry.get(name) == value for name, value in wanted.items()) else None
