"""What commands look at before they begin: hours of training lie between them and their result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cardembed.errors import UsageError

if TYPE_CHECKING:
    from cardembed.cards.catalogue import Catalogue

__all__ = ["refuse_same_cards", "refuse_shared_cards", "refuse_unfit_photos"]


def refuse_shared_cards(
    weights: Path, learned: Catalogue, zero_shot: str | None, distractors: str | None
) -> None:
    """Refuse options that name the same cards twice, or those that the weights' stage 0 learned.

    Args:
        weights: The folder of the weights.
        learned: The cards that they were trained on.
        zero_shot: What `--zero-shot` says.
        distractors: What `--distractors` says.

    Raises:
        UsageError: They do.
        CatalogueError: An option's text cannot be read.
        ReleaseError: What training recorded cannot be read.
    """
    refuse_same_cards(
        {
            "--catalogue": learned,
            "stage 0 of the training": _pretrained_on(weights),
            "--zero-shot": zero_shot,
            "--distractors": distractors,
        }
    )


def refuse_same_cards(named: Mapping[str, Catalogue | str | None]) -> None:
    """Refuse cards that stand twice.

    Args:
        named: See `shared_cards`.

    Raises:
        UsageError: Some do.
        CatalogueError: A text cannot be read.
    """
    from cardembed.cards.gallery import shared_cards

    if (both := shared_cards(named)) is None:
        return
    raise UsageError(
        both[0],
        expected="cards that nothing else has",
        found=f"those of {both[1]}",
        action="choose another seed or folder; what was trained on the same cards has to be trained again",
    )


def _pretrained_on(weights: Path) -> str | None:
    """The cards of stage 0 as `training.json` records them; None where it records none."""
    from cardembed.release_build import read_training

    found: object = read_training(weights).get("teacher")
    for name in ("recipe", "pretraining", "catalogue"):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else None


def refuse_unfit_photos(directory: Path, searched: Catalogue) -> None:
    """Refuse photos that thresholds cannot be found on.

    Args:
        directory: What `--photos` says.
        searched: The gallery.

    Raises:
        PhotoSetError: No photo set, or one of other cards.
        UsageError: Photos that verdicts are given on.
    """
    from cardembed._commands.calibrate import development_photos
    from cardembed.retrieval.calibrate import refuse_verdict_photos

    refuse_verdict_photos(development_photos(directory, searched))
