"""Training the teacher: ArcFace over the catalogue's cards, with everything else kept away from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own convention

from cardembed._seeds import derive_seed, rng
from cardembed.cards.catalogue import Catalogue
from cardembed.models.embedding import EmbeddingModel
from cardembed.models.heads import ArcFaceHead
from cardembed.training.batches import Sampler, catalogue_squares, embed_squares, jitter, to_input
from cardembed.training.budget import Budget, one_cycle, ramp
from cardembed.training.losses import Gallery, guard_collapse, push_from
from cardembed.training.optimiser import parameter_groups
from cardembed.training.recipes import TeacherRecipe
from cardembed.training.run_state import Checkpoint, RunLog
from cardembed.training.views import ViewPool

__all__ = ["train_teacher"]


class _Run:
    def __init__(
        self, model: EmbeddingModel, pool: ViewPool, catalogue: Catalogue, recipe: TeacherRecipe
    ) -> None:
        self.model, self.pool, self.recipe = model, pool, recipe
        self.head = ArcFaceHead(model.embedding_dim, len(catalogue), margin=0.0, scale=recipe.scale)
        self.gallery = Gallery(catalogue.artworks)
        self.size = 0
        self.push = 0.0
        sizes = {model.input_size} | ({recipe.small_size} if recipe.small_size else set())
        self.scans = {size: catalogue_squares(catalogue, size) for size in sizes}
        self.squares = {size: pool.squares(size) for size in sizes}
        self.optimizer = torch.optim.AdamW(parameter_groups([model, self.head], recipe.weight_decay))

    def set_progress(self, progress: float) -> float:
        """Margin, learning rate and input size as of `progress`; returns the learning rate."""
        recipe = self.recipe
        rate = one_cycle(progress, recipe.learning_rate)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.head.margin = recipe.margin * ramp(progress, recipe.ramp_start, recipe.ramp_end)
        self.push = ramp(progress, recipe.push_start, recipe.push_end)
        small = recipe.small_size is not None and progress < recipe.small_until
        self.size = recipe.small_size if small and recipe.small_size else self.model.input_size
        return rate

    def refresh(self) -> float:
        """Embed the catalogue anew; returns the mean cosine of class weights to their cards."""
        self.gallery.embeddings = embed_squares(self.model, self.scans[self.size])
        return float((self.head.classes.detach() * self.gallery.embeddings).sum(1).mean())

    def step(self, members: NDArray[np.intp], generator: np.random.Generator) -> dict[str, float]:
        """One optimiser step on these views."""
        recipe = self.recipe
        order = np.argsort(members)  # sorted reads of the memory map
        members = members[order]
        images = jitter(to_input(self.squares[self.size][members]), generator)
        cards = torch.from_numpy(self.pool.cards[members])
        known = cards >= 0
        embeddings = self.model(images)
        own, labels = embeddings[known], cards[known]
        logits = self.head(own, labels)
        arcface = F.cross_entropy(logits, labels)
        gallery = self.gallery.embeddings
        unknown = push_from(embeddings[~known], gallery, recipe.unknown_ceiling)
        other = push_from(own, gallery, recipe.other_ceiling, self.gallery.other_artwork[labels])
        loss = arcface + self.push * (recipe.unknown_weight * unknown + recipe.other_weight * other)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([*self.model.parameters(), *self.head.parameters()], 1.0)
        self.optimizer.step()
        with torch.no_grad():
            plain = F.normalize(own.float(), dim=1) @ self.head.classes.T
            return {
                "loss": loss.item(),
                "arcface": arcface.item(),
                "unknown": unknown.item(),
                "other": other.item(),
                "accuracy": float((plain.argmax(1) == labels).float().mean()),
                "own_cosine": float((own * gallery[labels]).sum(1).mean()),
                "unknown_cosine": _nearest(embeddings[~known], gallery),
            }

    def state(self, budget: Budget) -> dict[str, Any]:
        """What a resumed run needs."""
        return {
            "model": self.model.state_dict(),
            "head": self.head.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": budget.step,
            "elapsed": budget.elapsed,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        self.model.load_state_dict(state["model"])
        self.head.load_state_dict(state["head"])
        self.optimizer.load_state_dict(state["optimizer"])


def _nearest(embeddings: Tensor, gallery: Tensor) -> float:
    return float((embeddings @ gallery.T).max(1).values.mean()) if len(embeddings) else 0.0


def train_teacher(
    model: EmbeddingModel,
    pool: ViewPool,
    catalogue: Catalogue,
    recipe: TeacherRecipe,
    *,
    log_path: Path,
    steps: int | None = None,
    minutes: float | None = None,
    resume: bool = False,
    listener: Callable[[dict[str, float]], None] | None = None,
) -> dict[str, float]:
    """Train in place; the model is in evaluation mode at its full input size afterwards.

    Args:
        model: The teacher, untrained or with pretrained backbone.
        pool: Training views with squares at the recipe's sizes.
        catalogue: The cards that the pool's numbers mean.
        recipe: Settings.
        log_path: Where a line of JSON goes every 25 steps.
        steps: Length of the run, or
        minutes: its length in wall-clock time.
        resume: Continue from this run's last checkpoint, if there is one.
        listener: Called with every log record.

    Returns:
        The last log record, with "seconds" and "steps".

    Raises:
        TrainingError: Collapse or divergence.
        UsageError: Both or neither of `steps` and `minutes`.
    """
    torch.manual_seed(derive_seed("dropout", recipe.seed))
    run = _Run(model, pool, catalogue, recipe)
    settings = {
        "what": "teacher", "architecture": model.architecture.name, "pool": pool.key,
        "steps": steps, "minutes": minutes, **asdict(recipe),
    }  # fmt: skip
    checkpoint = Checkpoint(settings)
    state = checkpoint.load() if resume else None
    budget = Budget.continued(state, steps=steps, minutes=minutes)
    if state:
        run.restore(state)
    log = RunLog(log_path, resume=state is not None, listener=listener)
    sampler = Sampler(pool, recipe.batch, recipe.unknowns, seed=recipe.seed, skip=budget.step)
    model.train()
    record: dict[str, float] = {}
    centre = 0.0
    while not budget.over:
        progress = budget.progress
        size = run.size
        rate = run.set_progress(progress)
        if size != run.size or budget.step % recipe.refresh == 0:
            centre = run.refresh()
            guard_collapse(0.0, centre if progress > 0.1 else None, step=budget.step)
        figures = run.step(sampler.next(), rng("jitter", recipe.seed, budget.step))
        guard_collapse(figures["loss"], None, step=budget.step)
        budget.step += 1
        if budget.step % 25 == 0 or budget.over:
            record = {
                "step": budget.step, "seconds": budget.elapsed, "progress": progress, "size": run.size,
                "learning_rate": rate, "margin": run.head.margin, **figures,
                "centre_cosine": centre, "pair_p99": run.gallery.pair_quantile(0.99),
            }  # fmt: skip
            log.write(**record)
        checkpoint.save(lambda: run.state(budget))
    checkpoint.save(lambda: run.state(budget), now=True)
    model.eval()
    return {**record, "seconds": budget.elapsed, "steps": budget.step}
