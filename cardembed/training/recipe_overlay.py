"""What a recipe's file gives, laid over its profile's settings; whether it fits is looked at afterwards."""

from __future__ import annotations

from dataclasses import asdict

from cardembed.training.recipes import StudentRecipe, TeacherRecipe

__all__ = ["student_settings", "teacher_settings"]

# What a file gives may be of any type here: it is passed on as it is, for an error that knows its name.


def teacher_settings(profile: str, given: object) -> object:
    """The profile's teacher with what is given in place of its own settings, table by table.

    Where refinements are given, as many are made. The first is laid over the profile's first, and so on; any
    beyond over its last, seed and all, and where the profile has none, over its stage 2.

    Args:
        profile: "prd" or "reference".
        given: The file's table.
    """
    known = asdict(TeacherRecipe.for_profile(profile))
    if isinstance(given, dict) and isinstance(given.get("refinements"), list):
        below = known["refinements"] or (known["fine_tuning"],)
        refinements = [
            _over(below[min(number, len(below) - 1)], one) for number, one in enumerate(given["refinements"])
        ]
        given = {**given, "refinements": refinements}
    return _over(known, given)


def student_settings(profile: str, target: str, *given: object) -> object:
    """The profile's student with what is given in place of its own settings.

    Args:
        profile: "prd" or "reference".
        target: Whose student.
        given: The file's tables, of which a later one counts more.
    """
    settings: object = asdict(StudentRecipe.for_target(profile, target))
    for one in given:
        settings = _over(settings, one)
    return settings


def _over(settings: object, given: object) -> object:
    """Tables are merged; anything else replaces what was there."""
    if not isinstance(settings, dict) or not isinstance(given, dict):
        return given
    return {**settings, **{name: _over(settings.get(name), value) for name, value in given.items()}}
