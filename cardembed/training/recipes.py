"""Settings of training runs. The defaults train the reference profile from scratch.

A setting's type names the values that it may have, see `settings`: those of a file are held to it, those that
a program gives are not.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from cardembed.models.profiles import target_profile
from cardembed.training.settings import (
    AnyCount,
    CardSource,
    Cosine,
    Count,
    Dropped,
    Margin,
    Rate,
    Scale,
    Share,
    Switch,
    Weight,
    not_before,
)

__all__ = [
    "FineTuningRecipe",
    "HeadRecipe",
    "PretrainingRecipe",
    "Push",
    "StudentRecipe",
    "TeacherRecipe",
]


@dataclass(frozen=True)
class PretrainingRecipe:
    """Settings of stage 0."""

    steps: Count = 1_400
    """Optimiser steps."""
    catalogue: CardSource = "synthetic:7001:4096"
    """The cards that are learned, others than any gallery's; a folder's place as a recipe's file gives it."""

    batch: Count = 40
    """Cards a step, each with its scan and a photo."""
    unknowns: AnyCount = 16
    """Views of non-cards a step."""
    learning_rate: Rate = 7e-4
    """Peak of the one-cycle schedule."""
    weight_decay: Weight = 0.05
    """AdamW's, on matrices only."""
    scale: Scale = 24.0
    """ArcFace's s."""
    margin: Margin = 0.3
    """ArcFace's m at the end of its ramp."""
    ramp_start: Share = 0.4
    """Share of the run before the margin grows."""
    ramp_end: Annotated[Share, not_before("ramp_start")] = 0.7
    """Share of the run after which it is full."""
    ceiling: Cosine = 0.25
    """Cosine to a scan of other artwork below which a photo, or a non-card, costs nothing more."""
    push_weight: Weight = 2.0
    """Weight of that cost."""
    background_ceiling: Cosine = 0.1
    """Cosine to the background direction below which a card costs nothing more."""
    background_weight: Weight = 8.0
    """Weight of that cost. Without it, one unseen card in a hundred lies where non-cards do, and each of
    them answers for all: AC-4 fell from .98 to 0 when 2,048 such cards joined the gallery."""
    own_floor: Cosine = 0.9
    """Cosine of a photo to its scan, and of a non-card to the background, above which it costs nothing."""
    own_weight: Weight = 4.0
    """Weight of that cost."""
    push_start: Share = 0.2
    """Share of the run before these costs."""
    push_end: Annotated[Share, not_before("push_start")] = 0.5
    """Share of the run after which they have their full weight."""
    patch_drop: Dropped = 0.5
    """Share of a transformer's patches that a step leaves out."""
    patch_drop_until: Share = 0.85
    """Share of the run after which none is left out."""
    seed: AnyCount = 0
    """Decides initial weights, order and changes."""


@dataclass(frozen=True)
class Push:
    """What verdicts limit, and ArcFace does not: how near is too near, and how far too far.

    Costs of nearness are sums over a gallery of thousands. With the weights that served a batch of 40 (2
    and 4) they outdid everything else: AC-7 rose to .999, and AC-6 fell from .94 to .67.
    """

    unknown_ceiling: Cosine = 0.35
    """Cosine to a gallery embedding below which a non-card costs nothing."""
    unknown_weight: Weight = 1.0
    """Weight of that cost."""
    other_ceiling: Cosine = 0.4
    """Cosine to the gallery embedding of other artwork below which a card costs nothing."""
    other_weight: Weight = 0.4
    """Weight of that cost, for photos."""
    crowding_weight: Weight = 1.2
    """Weight of that cost, for scans of the gallery: AC-7 is about these alone. As heavy on photos it took
    their own cosine from .75 to .65 within 150 steps."""
    background_ceiling: Cosine = 0.1
    """Cosine to the class of no card below which a card costs nothing."""
    background_weight: Weight = 16.0
    """Weight of that cost."""
    own_floor: Cosine = 0.95
    """Cosine of a photo to its card's gallery embedding, of a non-card to its class, that costs nothing."""
    hidden_floor: Cosine = 0.85
    """The same of a photo with fingers, sleeves or glare on it: AC-2 asks for .6 and AC-3 for a rank, where
    AC-1 and AC-6 ask for .8 of clean ones. Pulled as far, the hidden ones outweigh the clean: their
    shortfall is larger, and it counts squared."""
    own_weight: Weight = 16.0
    """Weight of that cost."""


@dataclass(frozen=True)
class HeadRecipe:
    """Settings of stage 1: the head, on cached features of the frozen backbone."""

    steps: Count = 1_500
    """Optimiser steps; they cost milliseconds."""
    batch: Count = 512
    """Views a step."""
    learning_rate: Rate = 1e-3
    """Peak of the one-cycle schedule; the PRD's."""
    weight_decay: Weight = 0.05
    """AdamW's, on matrices only."""
    scale: Scale = 24.0
    """ArcFace's s."""
    margin: Margin = 0.5
    """ArcFace's m at the end of its ramp."""
    ramp_start: Share = 0.1
    """Share of the stage before the margin grows."""
    ramp_end: Annotated[Share, not_before("ramp_start")] = 0.5
    """Share of the stage after which it is full."""
    non_cards: Switch = True
    """Whether views of what is not in the catalogue are learned, too; without them, an ablation."""
    imprint: Switch = True
    """Whether class vectors start at their class's mean embedding; random without."""
    guard_start: Share = 0.2
    """Share of the stage before collapse is looked for."""
    rehearsed: AnyCount = 64
    """Cards of stage 0 a step, each with its scan and a photo; none where there is no stage 0."""
    rehearsal_weight: Weight = 1.0
    """Weight of stage 0's loss on them."""
    enrolled: AnyCount = 256
    """Scans of the gallery a step, kept apart from each other and off the non-cards."""
    push: Push = field(default_factory=Push)
    """Distance to gallery embeddings."""
    seed: AnyCount = 0
    """Decides order and dropout."""


@dataclass(frozen=True)
class FineTuningRecipe:
    """Settings of stage 2: the last blocks of the backbone with the head."""

    steps: Count = 1_200
    """Optimiser steps."""
    blocks: AnyCount = 4
    """Blocks at the backbone's end that learn; the PRD's number."""
    patch_drop: Dropped = 0.0
    """Share of a transformer's patches that a step leaves out."""
    patch_drop_until: Share = 0.0
    """Share of the stage after which none is left out."""
    batch: Count = 32
    """Card views a step."""
    rehearsed: AnyCount = 12
    """Cards of stage 0 a step, each with its scan and a photo; none where there is no stage 0."""
    rehearsal_weight: Weight = 1.0
    """Weight of stage 0's loss on them."""
    enrolled: AnyCount = 16
    """Scans of the gallery a step, kept apart from each other and off the non-cards."""
    unknowns: AnyCount = 16
    """Views of non-cards, and of cards outside the catalogue, a step."""
    learning_rate: Rate = 3e-4
    """Peak of the head's one-cycle schedule."""
    backbone_learning_rate: Rate = 3e-4
    """Peak of the blocks'. The PRD's 1e-5 is for DINOv3, which 304 million parameters need less of."""
    weight_decay: Weight = 0.05
    """AdamW's, on matrices only."""
    ramp_end: Share = 0.2
    """Share of the stage after which the margin is full; it starts at half."""
    guard_start: Share = 0.1
    """Share of the stage before collapse is looked for."""
    push: Push = field(default_factory=Push)
    """Distance to gallery embeddings."""
    refresh: Count = 50
    """Steps between two embeddings of the gallery."""
    seed: AnyCount = 0
    """Decides order, changes and dropout."""


def _all_blocks() -> FineTuningRecipe:
    return FineTuningRecipe(blocks=12, unknowns=20, enrolled=32)


def _refinements() -> tuple[FineTuningRecipe, ...]:
    """After stage 2 AC-7 lacked most, after the first of these AC-4 did, and then AC-6 alone."""
    shared = FineTuningRecipe(blocks=12, rehearsed=8, rehearsal_weight=0.5)
    slower = replace(shared, learning_rate=2e-4, backbone_learning_rate=2e-4)
    apart = Push(unknown_weight=2.0, crowding_weight=2.0, own_weight=32.0)
    unknown = Push(unknown_weight=4.0, crowding_weight=1.5, own_weight=40.0)
    near = Push(unknown_weight=2.0, other_weight=0.1, crowding_weight=0.6, own_weight=64.0)
    return (
        replace(shared, unknowns=20, enrolled=40, push=apart, seed=1),
        replace(slower, unknowns=28, enrolled=32, push=unknown, seed=2),
        replace(slower, steps=600, batch=40, unknowns=20, enrolled=24, push=near, seed=3),
    )


@dataclass(frozen=True)
class TeacherRecipe:
    """A teacher's stages."""

    pretraining: PretrainingRecipe | None = field(default_factory=PretrainingRecipe)
    """Stage 0; None where the backbone comes from a published checkpoint."""
    head: HeadRecipe = field(default_factory=lambda: HeadRecipe(steps=100, learning_rate=1e-4, margin=0.3))
    """Stage 1. After a stage 0 the head is a trained one and class vectors are fitted to it: longer, or at a
    higher rate, it wins in AC-7 what it loses in AC-1 and AC-6, because frozen features cannot have both."""
    fine_tuning: FineTuningRecipe = field(default_factory=_all_blocks)
    """Stage 2. After a stage 0 of some minutes no block is as good as DINOv3's: all of them learn."""
    refinements: tuple[FineTuningRecipe, ...] = field(default_factory=_refinements)
    """Stage 2 again, with a learning rate that rises again, and more weight on what verdicts limit."""
    seed: AnyCount = 0
    """Decides the initial weights."""

    @classmethod
    def for_profile(cls, profile: str) -> TeacherRecipe:
        """The `reference` profile's, or for DINOv3 the PRD's own numbers."""
        if profile == "reference":
            return cls()
        return cls(
            pretraining=None,
            head=HeadRecipe(scale=64.0),
            fine_tuning=FineTuningRecipe(learning_rate=1e-3, backbone_learning_rate=1e-5),
            refinements=(),
        )


@dataclass(frozen=True)
class StudentRecipe:
    """Settings of a distillation."""

    steps: Count = 1_600
    """Optimiser steps."""
    batch: Count = 48
    """Card views a step."""
    rehearsed: AnyCount = 16
    """Views of stage 0's cards a step; none where the teacher had no stage 0."""
    enrolled: AnyCount = 8
    """Scans of distractors a step; none where there are none."""
    unknowns: AnyCount = 12
    """Views of non-cards a step."""
    reduction: Literal["sum", "mean"] = "sum"
    """Of the squared error over dimensions; the mean, an ablation, weighs 768 times less beside others."""
    neighbours: AnyCount = 15
    """Of a card's view, the nearest other views in the teacher's space, which its own must be told from; none
    with 0."""
    neighbour_margin: Share = 0.6
    """Share of the teacher's own advantage over them that is enough."""
    neighbour_weight: Weight = 0.5
    """Weight of that cost, from `neighbour_start` on."""
    neighbour_start: Share = 0.3
    """Share of the run before it."""
    learning_rate: Rate = 2e-3
    """Peak of the one-cycle schedule; half of it for transformers."""
    weight_decay: Weight = 0.02
    """AdamW's, on matrices only."""
    dropout: Dropped = 0.0
    """Share of the head's hidden units that a step drops. ArcFace asks for it, a regression suffers: a tenth
    adds .01 to a squared error of .05, and moves two photos of a card that lie .06 apart."""
    seed: AnyCount = 0
    """Decides initial weights and order."""

    @classmethod
    def for_target(cls, profile: str, target: str) -> StudentRecipe:
        """A target's own: a transformer begins with the teacher's blocks, a ConvNeXt with random weights.

        After 1,600 steps a ConvNeXt has twice a transformer's error, and with it a hinge only exchanges
        AC-8's two clauses: it needs more steps, and less of the hinge.
        """
        transformer = target_profile(profile, target).architecture.transformer
        return cls() if transformer else cls(steps=4_000, neighbour_weight=0.25)
