"""Which views a training pool holds; rendering them is `training.views`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cardembed._seeds import derive_seed, rng
from cardembed.cards.catalogue import Catalogue
from cardembed.cards.photo_conditions import HELD_OUT
from cardembed.cards.unknowns import UNKNOWNS
from cardembed.training.outliers import OUTLIERS

__all__ = [
    "CHECK_PLAN",
    "GALLERY_PLAN",
    "PRETRAINING_PLAN",
    "REHEARSAL_PLAN",
    "TRAINING_PLAN",
    "UNKNOWN_CARD",
    "View",
    "ViewPlan",
    "plan_views",
]

UNKNOWN_CARD = "unknown-card"


@dataclass(frozen=True)
class ViewPlan:
    """What a pool holds. Two plans with other names never share a photo's seed."""

    name: str
    """Part of every seed."""
    views_per_card: int
    """Views of each card; view 0 is the card's scan where `scans` is set."""
    unknowns: int
    """Views of things that are no cards, the families in turn."""
    unknown_cards: int
    """Views of cards that are not in the catalogue."""
    outliers: int = 0
    """Views of `training.outliers`, the families in turn."""
    scans: bool = True
    """Whether view 0 is the scan."""
    conditions: Mapping[str, float] = field(
        default_factory=lambda: {"clean": 0.4, "occluded": 0.4, "glare": 0.2}
    )
    """Share of each condition."""
    severities: Mapping[int, float] = field(default_factory=lambda: {1: 0.2, 2: 0.5, 3: 0.3})
    """Share of each severity."""
    seed: int = 0
    """Part of every seed."""


TRAINING_PLAN = ViewPlan("training", views_per_card=64, unknowns=10_000, unknown_cards=1_000, outliers=6_000)
"""What the reference release is trained on."""

PRETRAINING_PLAN = ViewPlan("pretraining", views_per_card=5, unknowns=6_000, unknown_cards=0)
"""What stage 0 is trained on, of a catalogue of its own."""

REHEARSAL_PLAN = ViewPlan("rehearsal", views_per_card=3, unknowns=0, unknown_cards=0)
"""What students see of stage 0's cards: a gallery holds more cards than the catalogue, and their embeddings,
too, must be the teacher's."""

GALLERY_PLAN = ViewPlan("gallery", views_per_card=1, unknowns=0, unknown_cards=0)
"""The scans of distractors: the gallery is known when its model is trained, photos of them are not."""

CHECK_PLAN = ViewPlan(
    "training-check", views_per_card=4, unknowns=300, unknown_cards=0, scans=False,
    conditions={"clean": 0.5, "occluded": 0.25, "glare": 0.25}, severities={2: 1.0},
)  # fmt: skip
"""What figures after training are measured on: other seeds, the verdicts' severity."""


@dataclass(frozen=True, slots=True)
class View:
    """What a view shows."""

    card: int
    """Number of the card in the catalogue, -1 for everything else."""
    condition: str
    """"scan", "clean", "occluded", "glare" or "unknown"."""
    severity: int
    """1 to 5; 0 for a scan."""
    family: str
    """The family of an unknown, else ""."""
    seed: int
    """Of the simulation."""


def plan_views(plan: ViewPlan, catalogue: Catalogue) -> list[View]:
    """Every view of a pool, in the pool's order: cards, unknowns, cards outside the catalogue, outliers."""
    generator = rng("views", plan.name, plan.seed)
    total = plan.views_per_card * len(catalogue)
    known_kinds = total + plan.unknowns + plan.unknown_cards
    count = known_kinds + plan.outliers
    severities = generator.choice(list(plan.severities), size=count, p=list(plan.severities.values()))
    names = generator.choice(list(plan.conditions), size=total, p=list(plan.conditions.values()))
    families, outliers = sorted(set(UNKNOWNS) - HELD_OUT), tuple(OUTLIERS)
    views = []
    for index in range(count):
        seed, severity = derive_seed(plan.name, plan.seed, index), int(severities[index])
        if index >= known_kinds:
            views.append(View(-1, "unknown", severity, outliers[index % len(outliers)], seed))
        elif index >= total + plan.unknowns:
            views.append(View(-1, "unknown", severity, UNKNOWN_CARD, seed))
        elif index >= total:
            views.append(View(-1, "unknown", severity, families[index % len(families)], seed))
        elif plan.scans and index < len(catalogue):
            views.append(View(index, "scan", 0, "", seed))
        else:
            views.append(View(index % len(catalogue), str(names[index]), severity, "", seed))
    return views
