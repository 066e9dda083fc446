"""Distilling a student: it repeats the teacher's embeddings of the same views, cards and non-cards alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cardembed._io import cache_root
from cardembed._seeds import derive_seed
from cardembed.models.embedding import EmbeddingModel
from cardembed.training.batches import Sampler, embed_squares, to_input
from cardembed.training.budget import Budget, one_cycle
from cardembed.training.features import in_parts
from cardembed.training.losses import distillation_loss, guard_collapse
from cardembed.training.optimiser import parameter_groups
from cardembed.training.recipes import StudentRecipe
from cardembed.training.run_state import Checkpoint, RunLog
from cardembed.training.views import ViewPool

__all__ = ["distil_student", "start_from_teacher", "teacher_embeddings"]


def teacher_embeddings(teacher: EmbeddingModel, digest: str, pool: ViewPool) -> NDArray[np.float16]:
    """The teacher's embeddings (views, 768) float16 of a pool, computed once and kept in the cache.

    Args:
        teacher: In evaluation mode.
        digest: SHA-256 of the teacher's weight file.
        pool: Views with squares at the teacher's input size.
    """
    squares = pool.squares(teacher.input_size)
    return in_parts(
        cache_root() / "teacher-views" / f"{digest[:32]}-{pool.key}.npy",
        len(squares),
        lambda start, stop: embed_squares(teacher, squares[start:stop]).numpy().astype(np.float16),
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


def distil_student(
    student: EmbeddingModel,
    targets: NDArray[np.float16],
    pool: ViewPool,
    recipe: StudentRecipe,
    *,
    log_path: Path,
    teacher_digest: str,
    resume: bool = False,
    listener: Callable[[dict[str, float]], None] | None = None,
) -> dict[str, float]:
    """Train in place; the student is in evaluation mode afterwards.

    Args:
        student: Untrained, or started from the teacher.
        targets: The teacher's embeddings (views, 768) of the pool's views.
        pool: Views with squares at the student's input size.
        recipe: Settings.
        log_path: Where a line of JSON goes every 25 steps.
        teacher_digest: SHA-256 of the teacher's weights; a resumed run must have the same.
        resume: Continue from this run's last checkpoint, if there is one.
        listener: Called with every log record.

    Returns:
        The last log record, with "seconds" and "steps".

    Raises:
        TrainingError: The loss diverged.
    """
    torch.manual_seed(derive_seed("dropout", recipe.seed))
    transformer = student.architecture.transformer
    peak = recipe.learning_rate / (2 if transformer else 1)
    if not transformer:
        student.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(parameter_groups([student], recipe.weight_decay))
    checkpoint = Checkpoint(
        {
            "what": "student", "architecture": student.architecture.name, "pool": pool.key,
            "teacher": teacher_digest, **asdict(recipe),
        }
    )  # fmt: skip
    state = checkpoint.load() if resume else None
    if state:
        student.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimizer"])
    budget = Budget.continued(state, recipe.steps)

    def snapshot() -> dict[str, Any]:
        return {
            "model": student.state_dict(),
            "optimizer": optimiser.state_dict(),
            "step": budget.step,
            "elapsed": budget.elapsed,
        }

    log = RunLog(log_path, resume=state is not None, listener=listener)
    sampler = Sampler(pool, recipe.batch, recipe.unknowns, seed=recipe.seed, skip=budget.step)
    squares = pool.squares(student.input_size)
    student.train()
    record: dict[str, float] = {}
    while not budget.over:
        progress = budget.progress
        rate = one_cycle(progress, peak)
        for group in optimiser.param_groups:
            group["lr"] = rate
        members = np.sort(sampler.next())
        images = to_input(squares[members])
        if not transformer:
            images = images.contiguous(memory_format=torch.channels_last)
        wanted = torch.from_numpy(targets[members].astype(np.float32))
        embeddings = student(images)
        loss = distillation_loss(embeddings, wanted)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        guard_collapse(loss.item(), None, step=budget.step)
        budget.step += 1
        if budget.step % 25 == 0 or budget.over:
            cosine = (embeddings.detach() * wanted).sum(1)
            record = {
                "step": budget.step, "seconds": budget.elapsed, "progress": progress,
                "learning_rate": rate, "loss": loss.item(), "cosine": float(cosine.mean()),
                "above_.95": float((cosine > 0.95).float().mean()),
            }  # fmt: skip
            log.write(**record)
        checkpoint.save(snapshot)
    checkpoint.save(snapshot, now=True)
    student.to(memory_format=torch.contiguous_format)
    student.eval()
    return {**record, "seconds": budget.elapsed, "steps": budget.step}
