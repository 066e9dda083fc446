"""Settings of training runs. The defaults train the reference profile from scratch."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["StudentRecipe", "TeacherRecipe"]


@dataclass(frozen=True)
class TeacherRecipe:
    """Settings of a teacher's training; the defaults train the reference profile from scratch."""

    batch: int = 48
    """Card views a step."""
    unknowns: int = 12
    """Views of non-cards a step."""
    learning_rate: float = 1e-3
    """Peak of the one-cycle schedule."""
    weight_decay: float = 0.05
    """AdamW's, on matrices only."""
    scale: float = 24.0
    """ArcFace's s."""
    margin: float = 0.5
    """ArcFace's m at the end of its ramp."""
    ramp_start: float = 0.35
    """Share of the run before the margin grows."""
    ramp_end: float = 0.7
    """Share of the run after which it is full."""
    small_size: int | None = 96
    """Input size of the run's first part: three times as fast. None trains at full size throughout."""
    small_until: float = 0.6
    """Share of the run spent at the small size."""
    unknown_ceiling: float = 0.2
    """Cosine to a gallery embedding below which a non-card costs nothing."""
    unknown_weight: float = 4.0
    """Weight of that cost."""
    other_ceiling: float = 0.3
    """Cosine to the gallery embedding of other artwork below which a card costs nothing."""
    other_weight: float = 2.0
    """Weight of that cost."""
    push_start: float = 0.2
    """Share of the run before both costs: while embeddings are alike they would undo ArcFace's work."""
    push_end: float = 0.5
    """Share of the run after which both costs have their full weight."""
    refresh: int = 100
    """Steps between two embeddings of the catalogue."""
    seed: int = 0
    """Decides initial weights, order and changes."""


@dataclass(frozen=True)
class StudentRecipe:
    """Settings of a distillation."""

    batch: int = 64
    """Card views a step."""
    unknowns: int = 16
    """Views of non-cards a step."""
    learning_rate: float = 2e-3
    """Peak of the one-cycle schedule; half of it for transformers."""
    weight_decay: float = 0.02
    """AdamW's, on matrices only."""
    seed: int = 0
    """Decides initial weights and order."""
