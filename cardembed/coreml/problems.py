"""How this room says that an artefact is bad."""

from __future__ import annotations

from pathlib import Path

from cardembed.errors import ArtefactError

__all__ = ["artefact_error"]

_LONGEST = 300


def artefact_error(thing: Path | str, *, expected: str, found: object, action: str = "") -> ArtefactError:
    """An `ArtefactError`; what the file says is cut to 300 characters, for it may be hostile."""
    text = str(found)
    short = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    name = str(thing)
    return ArtefactError(
        name if len(name) <= _LONGEST else name[:_LONGEST] + "…",
        expected=expected,
        found=short.encode("ascii", "backslashreplace").decode() if not short.isprintable() else short,
        action=action or "export it: cardembed export coreml",
    )
