"""Stage 0, for models without a published backbone: learning to tell cards apart on other cards.

The `prd` profile starts from DINOv3. The `reference` profile's backbone is random, so it first learns on a
catalogue of its own (other seeds, other artwork, none of them in any gallery) what DINOv3 would bring: that a
photo belongs to its scan and to no other, and that a table is no card.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cardembed._seeds import derive_seed, rng
from cardembed.models.embedding import EmbeddingModel
from cardembed.training.batches import jitter, read_squares, to_input
from cardembed.training.budget import one_cycle, ramp
from cardembed.training.contrast import ContrastiveHead, pair_costs
from cardembed.training.loop import LoopOptions, Stateful, run_steps
from cardembed.training.losses import artwork_numbers, guard_collapse
from cardembed.training.optimiser import parameter_groups
from cardembed.training.precision import embed_fast
from cardembed.training.recipes import PretrainingRecipe
from cardembed.training.views import ViewPool

__all__ = ["GUARD_FROM", "PairSampler", "pretrain", "set_patch_drop"]

GUARD_FROM = 200
"""Steps before a collapse can be told from a network that has not learned yet."""


def set_patch_drop(model: EmbeddingModel, share: float) -> None:
    """Let a transformer see only 1 − share of its patches in training; a convolutional network sees all.

    A step costs that much less, and what is left hidden teaches occlusion (arXiv 2208.07220).
    """
    if not model.architecture.transformer:
        return
    from timm.layers.patch_dropout import PatchDropoutWithIndices

    backbone: Any = model.backbone
    prefix = backbone.num_prefix_tokens
    backbone.patch_drop = PatchDropoutWithIndices(share, num_prefix_tokens=prefix) if share else None


class PairSampler:
    """Batches of different cards, each with its scan and one of its photos, and of non-cards.

    Args:
        pool: A pool with scans: view 0 of each card.
        cards: Cards a batch.
        unknowns: Non-cards a batch.
        seed: Decides everything; a batch depends on its step alone.
        photos_per_card: Only the first so many of each card; all without.
    """

    def __init__(
        self, pool: ViewPool, cards: int, unknowns: int, *, seed: int, photos_per_card: int | None = None
    ) -> None:
        self.count = int(pool.cards.max()) + 1
        views = int((pool.cards >= 0).sum()) // self.count
        self.views_per_card = views if photos_per_card is None else min(views, photos_per_card + 1)
        self.unknowns = np.flatnonzero(pool.cards < 0)
        self.sizes = (min(cards, self.count), min(unknowns, len(self.unknowns)))
        self.seed = seed

    def batch(self, step: int) -> tuple[Any, Any, Any]:
        """View numbers of photos, scans and unknowns; the scans' are the cards' numbers."""
        generator = rng("pairs", self.seed, step)
        scans = generator.choice(self.count, self.sizes[0], replace=False)
        photos = scans + self.count * generator.integers(1, self.views_per_card, len(scans))
        return photos, scans, generator.choice(self.unknowns, self.sizes[1], replace=False)


class _Run:
    def __init__(
        self, model: EmbeddingModel, pool: ViewPool, artworks: list[str], recipe: PretrainingRecipe
    ) -> None:
        self.model, self.recipe = model, recipe
        self.squares = pool.squares(model.input_size)
        self.head = ContrastiveHead(model.embedding_dim, scale=recipe.scale, margin=0.0)
        self.artworks = artwork_numbers(artworks)
        self.sampler = PairSampler(pool, recipe.batch, recipe.unknowns, seed=recipe.seed)
        self.optimizer = torch.optim.AdamW(parameter_groups([model, self.head], recipe.weight_decay))
        self.parts: dict[str, Stateful] = {"model": model, "head": self.head, "optimizer": self.optimizer}

    def begin(self, step: int) -> None:
        """Batches depend on their step alone."""

    def step(self, step: int, progress: float) -> dict[str, float]:
        recipe = self.recipe
        for group in self.optimizer.param_groups:
            group["lr"] = one_cycle(progress, recipe.learning_rate)
        self.head.margin = recipe.margin * ramp(progress, recipe.ramp_start, recipe.ramp_end)
        set_patch_drop(self.model, recipe.patch_drop if progress < recipe.patch_drop_until else 0.0)
        cards, photos, scans, unknowns = self._embed(step)
        loss = self.head(photos, scans, unknowns)
        other = self.artworks[cards][:, None] != self.artworks[cards][None]
        direction = self.head.direction
        pushed, costs = pair_costs(photos, scans, unknowns, other, direction=direction, recipe=recipe)
        total = loss + ramp(progress, recipe.push_start, recipe.push_end) * costs
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_([*self.model.parameters(), *self.head.parameters()], 1.0)
        self.optimizer.step()
        with torch.no_grad():
            cosine, own = photos @ scans.T, (photos * scans).sum(1)
            nearest = cosine.masked_fill(~other, -1).max(1).values
            strange = (unknowns @ scans.T).max(1).values
            apart = cosine[other].quantile(0.99).item() if other.any() else 0.0
            if step >= GUARD_FROM and progress >= recipe.push_end:
                guard_collapse(total.item(), {"pair_p99": apart}, step=step)
            return {
                "loss": total.item(), "contrast": loss.item(), "pushed": pushed.item(),
                "accuracy": (nearest < own).float().mean().item(), "own_cosine": own.mean().item(),
                "other_p99": apart,
                "unknown_cosine": strange.mean().item() if len(strange) else 0.0,
                "background_p95": (scans @ direction[0]).quantile(0.95).item(),
                "unknown_background": (unknowns @ direction[0]).mean().item() if len(strange) else 0.0,
            }  # fmt: skip

    def _embed(self, step: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        views = self.sampler.batch(step)
        members = np.concatenate(views)
        images = jitter(to_input(read_squares(self.squares, members)), rng("jitter", self.recipe.seed, step))
        sizes = [len(part) for part in views]
        photos, scans, unknowns = torch.split(embed_fast(self.model, images), sizes)
        return torch.from_numpy(views[1].astype(np.int64)), photos, scans, unknowns


def pretrain(
    model: EmbeddingModel,
    pool: ViewPool,
    artworks: list[str],
    recipe: PretrainingRecipe,
    options: LoopOptions,
    *,
    seed: int = 0,
) -> dict[str, float]:
    """Train in place; the model is in evaluation mode afterwards.

    Args:
        model: Untrained.
        pool: Views of a catalogue that no gallery shares a card or an artwork with, scans included.
        artworks: The artwork group of each of its cards.
        recipe: Settings.
        options: Log and resumption.
        seed: What the model's weights were drawn from; another's checkpoint is not resumed.

    Returns:
        The last log record, with "seconds" and "steps".

    Raises:
        TrainingError: Collapse or divergence.
    """
    torch.manual_seed(derive_seed("background", recipe.seed))
    # Not a digest of the first weights: processors draw other last bits, and a checkpoint has the weights.
    settings = {
        "what": "pretraining", "start": [model.architecture.name, seed], "pool": pool.key, **asdict(recipe),
    }  # fmt: skip
    model.train()
    ended = run_steps(_Run(model, pool, artworks, recipe), settings, recipe.steps, options)
    set_patch_drop(model, 0.0)
    model.eval()
    return ended
