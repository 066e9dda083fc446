"""Stage 1 of the teacher: projection head and ArcFace on the features of a frozen backbone (PRD, Phase 1)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cardembed._seeds import derive_seed, rng
from cardembed.models.embedding import EmbeddingModel
from cardembed.models.heads import ArcFaceHead
from cardembed.training.budget import one_cycle, ramp
from cardembed.training.classes import badly_placed, class_means, drawn_scans, enrolled_costs, teacher_loss
from cardembed.training.loop import EVERY, LoopOptions, Stateful, run_steps
from cardembed.training.losses import Gallery, guard_collapse
from cardembed.training.optimiser import parameter_groups
from cardembed.training.recipes import HeadRecipe
from cardembed.training.rehearsal import Rehearsal

__all__ = ["HeadData", "arcface_after", "train_head"]


@dataclass(frozen=True)
class HeadData:
    """What stage 1 learns on: features, all of the same frozen backbone."""

    features: NDArray[np.float16]
    """(views, F) of the training views."""
    labels: Tensor
    """(views,) as `view_labels` gives them."""
    floors: Tensor
    """(views,) as `view_floors` gives them."""
    scans: NDArray[np.float16]
    """(gallery, F) of the catalogue's scans, followed by those of other cards."""
    gallery: Gallery
    """Is given the scans' embeddings at every step."""
    rehearsal: tuple[Rehearsal, NDArray[np.float16]] | None = None
    """Stage 0's cards and the features (views, F) of the views that it may ask for."""


class _Run:
    def __init__(self, model: EmbeddingModel, data: HeadData, recipe: HeadRecipe) -> None:
        self.model, self.data, self.recipe = model, data, recipe
        self.inputs = torch.from_numpy(data.features)
        self.prints = torch.from_numpy(data.scans).float()
        cards = data.gallery.learned
        self.head = arcface_after(model, recipe, learned=cards)
        self.margin = self.head.margin
        if recipe.imprint:
            self.head.imprint(class_means(self._embedded(self.inputs), data.labels, cards + 1))
        self.optimizer = torch.optim.AdamW(parameter_groups([model.head, self.head], recipe.weight_decay))
        in_catalogue = ((data.labels >= 0) & (data.labels < cards)).numpy()
        self.learned = np.arange(len(self.inputs)) if recipe.non_cards else np.flatnonzero(in_catalogue)
        self.signs: dict[str, float] = {}
        self.costs = torch.zeros(0, 2)
        self.parts: dict[str, Stateful] = {
            "head": model.head, "arcface": self.head, "optimizer": self.optimizer,
        }  # fmt: skip

    def begin(self, step: int) -> None:
        """Batches depend on their step alone."""

    @torch.no_grad()
    def _embedded(self, features: Tensor) -> Tensor:
        """Embeddings (N, D) of features without dropout."""
        self.model.head.eval()
        parts = [self.model.head(part.float()) for part in torch.split(features, 4096)]
        self.model.head.train()
        return torch.cat(parts)

    def step(self, step: int, progress: float) -> dict[str, float]:
        """One optimiser step on views, scans of the gallery, and rehearsed cards."""
        data, recipe, head = self.data, self.recipe, self.head
        for group in self.optimizer.param_groups:
            group["lr"] = one_cycle(progress, recipe.learning_rate)
        head.margin = self.margin * ramp(progress, recipe.ramp_start, recipe.ramp_end)
        data.gallery.embeddings = self._embedded(self.prints)
        count = min(recipe.batch, len(self.learned))
        members = torch.from_numpy(rng("head", recipe.seed, step).choice(self.learned, count, replace=False))
        embeddings = self.model.head(self.inputs[members].float())
        loss, figures = teacher_loss(
            head, embeddings, data.labels[members], data.floors[members],
            gallery=data.gallery, push=recipe.push,
        )  # fmt: skip
        if step % EVERY == 0 or not len(self.costs):
            self.costs = badly_placed(head, data.gallery, recipe.push)
        rows = drawn_scans(self.costs, recipe.enrolled, rng("enrolled", recipe.seed, step))
        enrolled = self.model.head(self.prints[rows])
        apart = enrolled_costs(head, enrolled, rows, data.gallery, recipe.push)
        loss, figures = loss + apart, {**figures, "enrolled": apart.item()}
        if data.rehearsal is not None:
            rehearsal, features = data.rehearsal
            views = rehearsal.views(step)
            again = self.model.head(torch.from_numpy(features[views]).float())
            rehearsed = rehearsal.loss(again, views, head.classes[-1:])
            loss, figures = (
                loss + recipe.rehearsal_weight * rehearsed,
                {**figures, "rehearsed": rehearsed.item()},
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([*self.model.head.parameters(), *head.parameters()], 1.0)
        self.optimizer.step()
        if step % EVERY == EVERY - 1 or step + 1 == recipe.steps:  # it costs as much as a step
            self.signs = data.gallery.signs(head.classes.detach())
            guard_collapse(loss.item(), self.signs if progress > recipe.guard_start else None, step=step)
        return {"margin": head.margin, **figures, "loss": loss.item(), **self.signs}


def arcface_after(model: EmbeddingModel, recipe: HeadRecipe, *, learned: int) -> ArcFaceHead:
    """The ArcFace head as it is after stage 1, but for its class vectors, which are random.

    Args:
        model: Whose embeddings it takes.
        recipe: Stage 1's settings.
        learned: Cards of the catalogue; what is no card is one class more.
    """
    return ArcFaceHead(model.embedding_dim, learned + 1, margin=recipe.margin, scale=recipe.scale)


def train_head(
    model: EmbeddingModel, data: HeadData, recipe: HeadRecipe, options: LoopOptions, *, key: str
) -> tuple[ArcFaceHead, dict[str, float]]:
    """Train the projection head in place; returns the trained ArcFace head and the last record.

    Args:
        model: Its backbone is not touched.
        data: Features, labels and gallery.
        recipe: Settings.
        options: Log and resumption.
        key: What the run starts from; a checkpoint of another start is not resumed.

    Raises:
        TrainingError: Collapse or divergence.
    """
    torch.manual_seed(derive_seed("classes", recipe.seed))
    model.head.train()
    run = _Run(model, data, recipe)
    ended = run_steps(run, {"what": "head", "start": key, **asdict(recipe)}, recipe.steps, options)
    run.head.margin = run.margin
    model.head.eval()
    return run.head, ended
