"""Distilling a student: it repeats the teacher's embeddings of the same views, cards and non-cards alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cardembed._io import cache_root
from cardembed.models.embedding import EmbeddingModel
from cardembed.training.batches import Sampler, embed_squares, read_squares, to_input
from cardembed.training.budget import one_cycle
from cardembed.training.features import in_parts
from cardembed.training.loop import LoopOptions, Stateful, run_steps
from cardembed.training.losses import distillation_loss, nearest_loss
from cardembed.training.optimiser import parameter_groups
from cardembed.training.precision import embed_fast
from cardembed.training.recipes import StudentRecipe
from cardembed.training.views import ViewPool

__all__ = ["TaughtPool", "distil_student", "nearest_views", "start_from_teacher", "teacher_embeddings"]


def teacher_embeddings(
    teacher: EmbeddingModel,
    digest: str,
    pool: ViewPool,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float16]:
    """The teacher's embeddings (views, 768) float16 of a pool, computed once and kept in the cache.

    Args:
        teacher: In evaluation mode.
        digest: SHA-256 of the teacher's weight file.
        pool: Views with squares at the teacher's input size.
        progress: Called with the views done and their total.
    """
    squares = pool.squares(teacher.input_size)
    return in_parts(
        cache_root() / "teacher-views" / f"{digest[:32]}-{pool.key}.npy",
        len(squares),
        lambda start, stop: embed_squares(teacher, squares[start:stop]).numpy().astype(np.float16),
        progress=progress,
    )


def start_from_teacher(student: EmbeddingModel, teacher: EmbeddingModel) -> int:
    """Copy the teacher's weights into a shallower student of its family: every other block, the rest whole.

    Returns:
        Blocks copied; 0 where the student is of another family, which then stays as it is.
    """
    if student.architecture.timm_name != teacher.architecture.timm_name:
        return 0
    source, target = teacher.state_dict(), student.state_dict()
    depth, total = (len(model.backbone.blocks) for model in (student, teacher))  # type: ignore[arg-type]
    prefix = "backbone.blocks."
    for name in target:
        origin = name
        if name.startswith(prefix):
            number, rest = name.removeprefix(prefix).split(".", 1)
            origin = f"{prefix}{int(number) * total // depth}.{rest}"
        if source[origin].shape == target[name].shape:
            target[name] = source[origin]
    student.load_state_dict(target)
    return int(depth)


def nearest_views(targets: NDArray[np.float16], cards: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Numbers (views, count) of the nearest other views of cards in the teacher's space, nearest first.

    Rows of what is no card hold −1: all of that lies in one place, and nobody asks which is which.

    Args:
        targets: (views, D) the teacher's embeddings.
        cards: (views,) numbers of cards, −1 for what is none.
        count: How many; fewer where there are not so many views of cards.
    """
    members = np.flatnonzero(cards >= 0)
    count = min(count, max(0, len(members) - 1))
    nearest = np.full((len(targets), count), -1, dtype=np.int64)
    if not count:
        return nearest
    known = torch.from_numpy(targets[members].astype(np.float32))
    for rows in torch.split(torch.arange(len(members)), 1024):
        cosines = known[rows] @ known.T
        cosines[torch.arange(len(rows)), rows] = -2.0  # never the view itself
        nearest[members[rows.numpy()]] = members[cosines.topk(count, dim=1).indices.numpy()]
    return nearest


TaughtPool = tuple[ViewPool, NDArray[np.float16], int]
"""Views, the teacher's embeddings (views, 768) of them, and how many a step."""


class _Run:
    def __init__(
        self,
        student: EmbeddingModel,
        targets: NDArray[np.float16],
        pool: ViewPool,
        recipe: StudentRecipe,
        more: Sequence[TaughtPool],
    ) -> None:
        self.student, self.recipe = student, recipe
        student.head.dropout = recipe.dropout
        self.parts_of_batch = [(pool, targets, recipe.batch, recipe.unknowns)]
        self.parts_of_batch += [(others, taught, count, 0) for others, taught, count in more]
        self.neighbours = nearest_views(targets, pool.cards, recipe.neighbours)
        self.transformer = student.architecture.transformer
        self.peak = recipe.learning_rate / (2 if self.transformer else 1)
        self.optimizer = torch.optim.AdamW(parameter_groups([student], recipe.weight_decay))
        self.parts: dict[str, Stateful] = {"model": student, "optimizer": self.optimizer}

    def begin(self, step: int) -> None:
        """Go on with the batch that is next."""
        seed = self.recipe.seed
        self.samplers = [
            Sampler(pool, cards, unknowns, seed=seed, skip=step)
            for pool, _, cards, unknowns in self.parts_of_batch
        ]

    def step(self, step: int, progress: float) -> dict[str, float]:
        """One optimiser step towards the teacher's embeddings of the next views."""
        del step  # the samplers count
        rate = one_cycle(progress, self.peak)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        squares, taught, chosen = [], [], []
        for sampler, (pool, targets, _, _) in zip(self.samplers, self.parts_of_batch, strict=True):
            members = sampler.next()
            squares.append(read_squares(pool.squares(self.student.input_size), members))
            taught.append(targets[members].astype(np.float32))
            chosen.append(members)
        images = to_input(np.concatenate(squares))
        if not self.transformer:
            images = images.contiguous(memory_format=torch.channels_last)
        wanted = torch.from_numpy(np.concatenate(taught))
        embeddings = embed_fast(self.student, images)
        loss = distillation_loss(embeddings, wanted)
        if self.recipe.reduction == "mean":
            loss = loss / wanted.shape[1]
        figures = {"learning_rate": rate, "loss": loss.item()}
        if self.neighbours.shape[1] and progress >= self.recipe.neighbour_start:
            nearest = self._nearest(embeddings, wanted, chosen[0])
            loss = loss + self.recipe.neighbour_weight * nearest
            figures["nearest"] = nearest.item()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
        self.optimizer.step()
        cosine = (embeddings.detach() * wanted).sum(1)
        above = float((cosine > 0.95).float().mean())
        return {**figures, "cosine": float(cosine.mean()), "above_.95": above}

    def _nearest(self, embeddings: Tensor, wanted: Tensor, members: NDArray[np.intp]) -> Tensor:
        """How well the catalogue's views are told from the views that are nearest to them."""
        pool, targets, _, _ = self.parts_of_batch[0]
        rows = np.flatnonzero(pool.cards[members] >= 0)  # the batch begins with these members
        others = torch.from_numpy(targets[self.neighbours[members[rows]]].astype(np.float32))
        return nearest_loss(embeddings[rows], wanted[rows], others, margin=self.recipe.neighbour_margin)


def distil_student(
    student: EmbeddingModel,
    targets: NDArray[np.float16],
    pool: ViewPool,
    recipe: StudentRecipe,
    options: LoopOptions,
    *,
    teacher_digest: str,
    more: Sequence[TaughtPool] = (),
) -> dict[str, float]:
    """Train in place; the student is in evaluation mode afterwards.

    Args:
        student: Untrained, or started from the teacher.
        targets: The teacher's embeddings (views, 768) of the pool's views.
        pool: Views with squares at the student's input size.
        recipe: Settings.
        options: Log and resumption.
        teacher_digest: SHA-256 of the teacher's weights; a resumed run must have the same.
        more: Views of cards outside the catalogue, which a gallery holds, too.

    Returns:
        The last log record, with "seconds" and "steps".

    Raises:
        TrainingError: The loss diverged.
    """
    if not student.architecture.transformer:
        student.to(memory_format=torch.channels_last)
    settings = {
        "what": "student", "architecture": student.architecture.name, "pool": pool.key,
        "teacher": teacher_digest, "more": [[others.key, count] for others, _, count in more],
        **asdict(recipe),
    }  # fmt: skip
    student.train()
    ended = run_steps(_Run(student, targets, pool, recipe, more), settings, recipe.steps, options)
    student.to(memory_format=torch.contiguous_format)
    student.eval()
    return ended
