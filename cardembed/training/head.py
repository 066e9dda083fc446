"""Stage 1 of the teacher: projection head and ArcFace on the features of a frozen backbone (PRD, Phase 1)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cardembed._seeds import derive_seed, rng
from cardembed.models.embedding import EmbeddingModel
from cardembed.models.heads import ArcFaceHead
from cardembed.training.budget import one_cycle, ramp
from cardembed.training.classes import class_means, enrolled_costs, teacher_loss
from cardembed.training.losses import Gallery, guard_collapse
from cardembed.training.optimiser import parameter_groups
from cardembed.training.recipes import HeadRecipe
from cardembed.training.rehearsal import Rehearsal
from cardembed.training.run_state import RunLog

__all__ = ["train_head"]


def train_head(
    model: EmbeddingModel,
    features: NDArray[np.float16],
    labels: torch.Tensor,
    recipe: HeadRecipe,
    *,
    scans: NDArray[np.float16],
    gallery: Gallery,
    rehearsal: tuple[Rehearsal, NDArray[np.float16]] | None = None,
    log_path: Path,
    listener: Callable[[dict[str, float]], None] | None = None,
) -> tuple[ArcFaceHead, dict[str, float]]:
    """Train the projection head in place; returns the ArcFace head for stage 2, and the last log record.

    Args:
        model: Its backbone is not touched.
        features: (views, F) of the training views.
        labels: (views,) as `view_labels` gives them.
        recipe: Settings.
        scans: (gallery, F) of the catalogue's scans, followed by those of other cards.
        gallery: Is given the scans' embeddings at every step.
        rehearsal: Stage 0's cards and the features (views, F) of the views that it may ask for.
        log_path: Where a line of JSON goes every 50 steps.
        listener: Called with every log record.

    Raises:
        TrainingError: Collapse or divergence.
    """
    torch.manual_seed(derive_seed("dropout", "head", recipe.seed))
    inputs, prints = torch.from_numpy(features), torch.from_numpy(scans).float()
    cards = gallery.learned
    head = ArcFaceHead(model.embedding_dim, cards + 1, margin=0.0, scale=recipe.scale)
    if recipe.imprint:
        model.head.eval()
        with torch.no_grad():
            parts = [
                model.head(inputs[start : start + 4096].float()) for start in range(0, len(inputs), 4096)
            ]
            head.imprint(class_means(torch.cat(parts), labels, cards + 1))
    optimizer = torch.optim.AdamW(parameter_groups([model.head, head], recipe.weight_decay))
    log = RunLog(log_path, resume=False, listener=listener)
    model.head.train()
    record: dict[str, float] = {}
    in_catalogue = ((labels >= 0) & (labels < cards)).numpy()
    learned = np.arange(len(inputs)) if recipe.non_cards else np.flatnonzero(in_catalogue)
    for step in range(recipe.steps):
        progress = step / recipe.steps
        for group in optimizer.param_groups:
            group["lr"] = one_cycle(progress, recipe.learning_rate)
        head.margin = recipe.margin * ramp(progress, recipe.ramp_start, recipe.ramp_end)
        members = torch.from_numpy(
            rng("head", recipe.seed, step).choice(learned, min(recipe.batch, len(learned)), replace=False)
        )
        with torch.no_grad():
            model.head.eval()
            gallery.embeddings = model.head(prints)
            model.head.train()
        loss, figures = teacher_loss(
            head, model.head(inputs[members].float()), labels[members], gallery, recipe.push
        )
        rows = torch.from_numpy(
            rng("enrolled", recipe.seed, step).integers(len(prints), size=recipe.enrolled)
        )
        loss = loss + enrolled_costs(head, model.head(prints[rows]), rows, gallery, recipe.push)
        if rehearsal is not None:
            views = rehearsal[0].views(step)
            again = model.head(torch.from_numpy(rehearsal[1][views]).float())
            rehearsed = rehearsal[0].loss(again, views, head.classes[-1:])
            loss = loss + recipe.rehearsal_weight * rehearsed
            figures = {**figures, "loss": loss.item(), "rehearsed": rehearsed.item()}
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([*model.head.parameters(), *head.parameters()], 1.0)
        optimizer.step()
        if step % 50 == 49 or step + 1 == recipe.steps:
            signs = gallery.signs(head.classes.detach())
            record = {"step": step + 1, "progress": progress, "margin": head.margin, **figures, **signs}
            log.write(**record)
            guard_collapse(figures["loss"], signs if progress > recipe.guard_start else None, step=step)
    model.head.eval()
    return head, record
