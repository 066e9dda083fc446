"""Stage 2 of the teacher: the last blocks of the backbone learn with the head (PRD, Phase 1)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cardembed._seeds import rng
from cardembed.models.embedding import EmbeddingModel
from cardembed.models.heads import ArcFaceHead
from cardembed.training.batches import Sampler, embed_squares, jitter, read_squares, to_input
from cardembed.training.budget import one_cycle, ramp
from cardembed.training.classes import (
    badly_placed,
    drawn_scans,
    enrolled_costs,
    teacher_loss,
    view_floors,
    view_labels,
)
from cardembed.training.loop import LoopOptions, Stateful, run_steps
from cardembed.training.losses import Gallery, guard_collapse
from cardembed.training.optimiser import parameter_groups
from cardembed.training.precision import embed_fast, fast_precision
from cardembed.training.pretraining import set_patch_drop
from cardembed.training.recipes import FineTuningRecipe
from cardembed.training.rehearsal import Rehearsal
from cardembed.training.views import ViewPool

__all__ = ["fine_tune", "trainable_blocks"]


def trainable_blocks(model: EmbeddingModel, count: int) -> list[nn.Module]:
    """Freeze the backbone but for its last `count` blocks and the norm after them; returns these.

    A transformer's blocks are its own; a convolutional network's are its stages.
    """
    backbone: Any = model.backbone
    blocks = list(backbone.blocks if model.architecture.transformer else backbone.stages)
    norms = [getattr(backbone, name, None) for name in ("norm", "fc_norm")]
    learning = blocks[len(blocks) - min(count, len(blocks)) :] + [norm for norm in norms if norm is not None]
    for parameter in backbone.parameters():
        parameter.requires_grad_(False)
    for module in learning:
        for parameter in module.parameters():
            parameter.requires_grad_(True)
    return learning


class _Run:
    def __init__(
        self,
        model: EmbeddingModel,
        head: ArcFaceHead,
        pool: ViewPool,
        recipe: FineTuningRecipe,
        *,
        scans: NDArray[np.uint8],
        gallery: Gallery,
        rehearsal: Rehearsal | None,
    ) -> None:
        self.rehearsal = rehearsal
        self.model, self.head, self.gallery, self.recipe = model, head, gallery, recipe
        self.margin = head.margin
        self.scans = scans
        self.squares = pool.squares(model.input_size)
        self.labels = view_labels(pool, gallery.learned)
        self.floors = view_floors(pool, recipe.push)
        blocks = trainable_blocks(model, recipe.blocks)
        groups = parameter_groups([model.head, head], recipe.weight_decay)
        slow = parameter_groups(blocks, recipe.weight_decay)
        self.peaks = [recipe.learning_rate] * len(groups) + [recipe.backbone_learning_rate] * len(slow)
        self.optimizer = torch.optim.AdamW(groups + slow)
        self.learning = [item for group in groups + slow for item in group["params"]]

        self.pool = pool
        self.signs: dict[str, float] = {}
        self.costs = torch.zeros(0, 2)
        self.parts: dict[str, Stateful] = {
            "model": model, "head": head, "optimizer": self.optimizer, "gallery": gallery,
        }  # fmt: skip

    def begin(self, step: int) -> None:
        """Go on with the batch that is next."""
        recipe = self.recipe
        self.sampler = Sampler(self.pool, recipe.batch, recipe.unknowns, seed=recipe.seed, skip=step)
        if self.gallery.embeddings.shape[1]:  # a resumed run's
            self._look()

    def _look(self) -> None:
        """Where the gallery's cards are now, as of the last refresh."""
        self.signs = self.gallery.signs(self.head.classes.detach())
        self.costs = badly_placed(self.head, self.gallery, self.recipe.push)

    def refresh(self, step: int, progress: float) -> None:
        """Embed the gallery anew, and stop where it has collapsed."""
        with fast_precision(self.model):
            self.gallery.embeddings = embed_squares(self.model, self.scans)
        self._look()
        guard_collapse(0.0, self.signs if progress > self.recipe.guard_start else None, step=step)

    def step(self, step: int, progress: float) -> dict[str, float]:
        """One optimiser step; the gallery is embedded anew where it is time."""
        recipe = self.recipe
        set_patch_drop(self.model, recipe.patch_drop if progress < recipe.patch_drop_until else 0.0)
        if step % recipe.refresh == 0:
            self.refresh(step, progress)
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = one_cycle(progress, peak)
        self.head.margin = self.margin * (0.5 + 0.5 * ramp(progress, 0.0, recipe.ramp_end))
        members = self.sampler.next()
        squares = [read_squares(self.squares, members)]
        views = self.rehearsal.views(step) if self.rehearsal is not None else members[:0]
        if self.rehearsal is not None:
            squares.append(self.rehearsal.squares(self.model.input_size, views))
        rows = drawn_scans(self.costs, recipe.enrolled, rng("enrolled", recipe.seed, step))
        squares.append(self.scans[rows.numpy()])
        images = jitter(to_input(np.concatenate(squares)), rng("jitter", recipe.seed, step))
        sizes = [len(members), len(views), len(rows)]
        learned, rehearsed, enrolled = torch.split(embed_fast(self.model, images), sizes)
        chosen = torch.from_numpy(members)
        loss, figures = teacher_loss(
            self.head, learned, self.labels[chosen], self.floors[chosen],
            gallery=self.gallery, push=recipe.push,
        )  # fmt: skip
        apart = enrolled_costs(self.head, enrolled, rows, self.gallery, recipe.push)
        loss = loss + apart
        figures = {**figures, "loss": loss.item(), "enrolled": apart.item()}
        if self.rehearsal is not None:
            again = self.rehearsal.loss(rehearsed, views, self.head.classes[-1:])
            loss = loss + recipe.rehearsal_weight * again
            figures = {**figures, "loss": loss.item(), "rehearsed": again.item()}
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.learning, 1.0)
        self.optimizer.step()
        return {"margin": self.head.margin, **figures, **self.signs}


def fine_tune(
    model: EmbeddingModel,
    head: ArcFaceHead,
    pool: ViewPool,
    recipe: FineTuningRecipe,
    *,
    scans: NDArray[np.uint8],
    gallery: Gallery,
    rehearsal: Rehearsal | None = None,
    key: str,
    options: LoopOptions,
) -> dict[str, float]:
    """Train in place; the model is in evaluation mode, and all of it may learn again, afterwards.

    Args:
        model: After stage 1.
        head: Stage 1's ArcFace head; its margin is the one to end with.
        pool: Training views with squares at the model's input size.
        recipe: Settings.
        scans: (gallery, S, S, 3) uint8: the catalogue's scans, followed by those of other cards.
        gallery: Embedded anew every `refresh` steps.
        rehearsal: Stage 0's cards, where there was a stage 0.
        key: What the run started from; a checkpoint of another start is not resumed.
        options: Log and resumption.

    Returns:
        The last log record, with "seconds" and "steps".

    Raises:
        TrainingError: Collapse or divergence.
    """
    settings = {"what": "fine-tuning", "start": key, "pool": pool.key, **asdict(recipe)}
    if rehearsal is not None:
        settings["rehearsal"] = rehearsal.key
    run = _Run(model, head, pool, recipe, scans=scans, gallery=gallery, rehearsal=rehearsal)
    model.train()
    ended = run_steps(run, settings, recipe.steps, options)
    run.refresh(recipe.steps, 1.0)  # the last steps, too, are answered for
    set_patch_drop(model, 0.0)
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    model.eval()
    return ended
