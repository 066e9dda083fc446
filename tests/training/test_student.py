"""What a distillation's settings do to its student."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cardembed.models.weights import build_model
from cardembed.training.loop import LoopOptions
from cardembed.training.recipes import StudentRecipe
from cardembed.training.student import distil_student, teacher_embeddings
from cardembed.training.views import ViewPool


@pytest.mark.parametrize("dropout", [0.0, 0.25])
def test_a_step_drops_the_share_of_hidden_units_that_the_recipe_says(
    pool: ViewPool, tmp_path: Path, dropout: float
) -> None:
    student = build_model("reference", "android", seed=2)
    targets = np.zeros((len(pool.cards), student.embedding_dim), dtype=np.float16)
    targets[:, 0] = 1
    dropped = []
    student.head.layers[2].register_forward_hook(
        lambda _, given, out: dropped.append(float(((out == 0) & (given[0] != 0)).float().mean()))
    )
    recipe = StudentRecipe(steps=1, batch=6, unknowns=2, dropout=dropout)
    distil_student(
        student, targets, pool, recipe, LoopOptions(tmp_path / "log.jsonl"), teacher_digest="0" * 64
    )
    assert dropped == [pytest.approx(dropout, abs=0.04)]
    assert student.head.dropout == dropout


def test_embedding_by_the_teacher_tells_how_far_it_is(pool: ViewPool) -> None:
    teacher = build_model("reference", "teacher", seed=2)
    far: list[tuple[int, int]] = []
    rows = teacher_embeddings(teacher, "a" * 64, pool, progress=lambda *done: far.append(done))
    assert far == [(len(rows), len(pool.cards))]
