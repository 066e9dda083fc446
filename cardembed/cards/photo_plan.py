"""Which photos a set needs: how many of each kind, of which cards, from which seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cardembed._seeds import derive_seed, rng
from cardembed.cards.photo_conditions import GLARES, HELD_OUT, OCCLUDERS, PHOTO_SIZE
from cardembed.cards.unknowns import UNKNOWNS

if TYPE_CHECKING:
    from cardembed.cards.catalogue import Catalogue

__all__ = ["PhotoPlan", "PlannedPhoto", "Split", "distractor_seed", "families", "plan_photos"]

Split = Literal["verdict", "development"]
"""Photos that decide, and photos that training and calibration may look at."""


class PhotoPlan(BaseModel):
    """How many photos of each kind a set holds.

    Photos at `severity` decide; those at `curve_severities` are shown beside, as curves.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    severity: int = Field(default=2, ge=1, le=5)
    clean: int = Field(default=640, ge=1, le=100_000)
    clean_second: int = Field(default=640, ge=0, le=100_000)
    occluded: int = Field(default=640, ge=0, le=100_000)
    glare: int = Field(default=640, ge=0, le=100_000)
    unknown: int = Field(default=200, ge=0, le=100_000)
    """In every family of unknowns."""
    unknown_card: int = Field(default=200, ge=0, le=100_000)
    zero_shot: int = Field(default=320, ge=0, le=100_000)
    """Clean, of cards that were enrolled after training; none where the catalogue has no such cards."""
    zero_shot_occluded: int = Field(default=320, ge=0, le=100_000)
    """Of the same cards, occluded."""
    curve: int = Field(default=60, ge=0, le=100_000)
    """Of clean, occluded and glare each, at each of `curve_severities`."""
    curve_severities: tuple[int, ...] = (1, 3, 4, 5)
    size: tuple[int, int] = PHOTO_SIZE
    """Width and height in pixels."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if max(self.clean_second, self.occluded) > self.clean:
            raise ValueError("clean_second and occluded show the cards of clean, so clean must be as many")
        if self.zero_shot_occluded > self.zero_shot:
            raise ValueError("zero_shot_occluded shows the cards of zero_shot, which must be as many")
        allowed = {1, 2, 3, 4, 5} - {self.severity}
        if (
            len(set(self.curve_severities)) < len(self.curve_severities)
            or set(self.curve_severities) - allowed
        ):
            raise ValueError("curve_severities are other severities of 1 to 5, each once")
        if not all(32 <= side <= 4096 for side in self.size):
            raise ValueError("size is 32 to 4096 pixels a side")
        return self

    @classmethod
    def default(cls, split: Split) -> PhotoPlan:
        """The plan of a split: AC-1 … AC-8's numbers for verdicts, fewer for development."""
        if split == "verdict":
            return cls()
        return cls(
            clean=320, clean_second=0, occluded=160, glare=160, unknown=100, unknown_card=100, curve=0,
            zero_shot=0, zero_shot_occluded=0,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlannedPhoto:
    """A photo to render.

    Attributes:
        id: Unique in the set.
        condition: As in the manifest.
        severity: 1 to 5.
        family: Occluder, glare or family of unknowns; "" without.
        seed: What it is simulated from.
        card: Id of the card that it shows, in the catalogue or among the distractors; None for unknowns.
    """

    id: str
    condition: str
    severity: int
    family: str
    seed: int
    card: str | None


def families(table: Sequence[str], split: Split) -> list[str]:
    """The families of a table that photos of a split may show."""
    return [family for family in table if split == "verdict" or family not in HELD_OUT]


def distractor_seed(split: Split, seed: int | str) -> int:
    """Seed of the synthetic catalogue that cards outside the catalogue are drawn from."""
    return derive_seed(split, seed, "distractors")


def plan_photos(
    catalogue: Catalogue,
    plan: PhotoPlan,
    *,
    split: Split,
    seed: int | str,
    distractors: Catalogue | None = None,
) -> list[PlannedPhoto]:
    """Draw cards, families and seeds. Every seed derives from `split` and `seed`, so splits share none.

    Cards are drawn uniformly with replacement: a share over such photos is a share of independent draws. A
    catalogue without holo or gold cards gets no photos of glare, one without `distractors` none of unknown
    cards.

    Args:
        catalogue: The cards.
        plan: How many photos of each kind.
        split: Held-out families appear in "verdict" only.
        seed: A release's digest, or any number.
        distractors: Cards that are not in the catalogue.
    """
    photos: list[PlannedPhoto] = []
    ids = catalogue.photographed
    shown = set(ids)
    foil = [card.id for card in catalogue if card.finish in {"holo", "gold"} and card.id in shown]

    def drawn(pool: Sequence[str], count: int, *parts: str | int) -> list[str]:
        if not pool:
            return []
        return [pool[int(pick)] for pick in rng(split, seed, "cards", *parts).integers(len(pool), size=count)]

    def add(
        condition: str, severity: int, cards: Sequence[str | None], table: Sequence[str] = (), label: str = ""
    ) -> None:
        chosen = families(table, split)
        picks = rng(split, seed, "families", condition, severity).integers(
            max(len(chosen), 1), size=len(cards)
        )
        name = f"{condition}-{label}" if label else condition
        for index, card in enumerate(cards):
            family = label or (chosen[int(picks[index])] if chosen else "")
            photos.append(
                PlannedPhoto(
                    id=f"s{severity}-{name}-{index:04d}",
                    condition=condition,
                    severity=severity,
                    family=family,
                    seed=derive_seed(split, seed, condition, label, severity, index),
                    card=card,
                )
            )

    main = plan.severity
    clean = drawn(ids, plan.clean, "clean", main)
    add("clean", main, clean)
    add("clean-second", main, clean[: plan.clean_second])
    add("occluded", main, clean[: plan.occluded], tuple(OCCLUDERS))
    add("glare", main, drawn(foil, plan.glare, "glare", main), tuple(GLARES))
    for family in families(tuple(UNKNOWNS), split):
        add("unknown", main, [None] * plan.unknown, label=family)
    if distractors is not None:
        add("unknown-card", main, drawn(distractors.ids, plan.unknown_card, "unknown-card", main))
    later = drawn(catalogue.enrolled_later, plan.zero_shot, "zero-shot", main)
    add("zero-shot", main, later)
    add("zero-shot-occluded", main, later[: plan.zero_shot_occluded], tuple(OCCLUDERS))
    for severity in plan.curve_severities:
        add("clean", severity, drawn(ids, plan.curve, "clean", severity))
        add("occluded", severity, drawn(ids, plan.curve, "occluded", severity), tuple(OCCLUDERS))
        add("glare", severity, drawn(foil, plan.curve, "glare", severity), tuple(GLARES))
    return photos
