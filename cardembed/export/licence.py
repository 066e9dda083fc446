"""Which licence weights, and all that is exported from them, are under."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["DINOV3_LICENCE", "LICENCE", "licence_of"]

LICENCE = "Apache-2.0"
"""This project's, and that of weights which started at random."""
DINOV3_LICENCE = "DINOv3 License"
"""Meta's, of its published backbones and all that is derived from them."""


def licence_of(sha256: str, header: Mapping[str, str], training: Mapping[str, Any]) -> str:
    """`DINOV3_LICENCE` where training started from a published backbone, or from a teacher that did.

    Args:
        sha256: Of the weight file.
        header: The file's own: `read_metadata`.
        training: By target, what the trainer recorded of a release or a folder; empty where nothing is known.
    """
    entries = [entry for entry in training.values() if isinstance(entry, Mapping)]
    own = [entry for entry in entries if entry.get("sha256") == sha256]
    teachers = {entry.get("teacher") for entry in own} | {json.loads(header.get("teacher", "null"))}
    taught_by = [entry for entry in entries if entry.get("sha256") in teachers - {None}]
    started_from = [entry.get("backbone") for entry in (*own, *taught_by)]
    derived = any(started_from) or json.loads(header.get("backbone", "null")) is not None
    return DINOV3_LICENCE if derived else LICENCE
