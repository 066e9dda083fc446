"""The loop that every stage runs: steps, log, guard, checkpoints, and going on where a run was cut off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from cardembed._seeds import derive_seed
from cardembed.training.budget import Budget
from cardembed.training.losses import guard_collapse
from cardembed.training.run_state import Checkpoint, RunLog

__all__ = ["LoopOptions", "Run", "Stateful", "run_steps"]

EVERY = 25
"""Steps between two lines of the log."""


class Stateful(Protocol):
    """What a checkpoint keeps: a module, an optimiser, or anything like them."""

    def state_dict(self) -> dict[str, Any]:
        """All that it needs to go on."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> object:
        """Go on from there."""


class Run(Protocol):
    """A stage's part of the loop."""

    parts: dict[str, Stateful]
    """What changes from step to step, by its name in the checkpoint."""

    def begin(self, step: int) -> None:
        """Called once, before step number `step`, after `parts` were restored."""

    def step(self, step: int, progress: float) -> dict[str, float]:
        """One optimiser step; figures for the log, "loss" among them.

        Args:
            step: Its number, from 0.
            progress: Share of the run that is done, 0 to 1.
        """


@dataclass(frozen=True)
class LoopOptions:
    """Where a run is logged, and whether it goes on."""

    log_path: Path
    """Where a line of JSON goes every 25 steps."""
    resume: bool = False
    """Continue from this run's last checkpoint, if there is one and `log_path` is there, too: in a folder
    that has no log a run begins anew, whatever the cache still holds of others with the same settings."""
    listener: Callable[[dict[str, float]], None] | None = None
    """Called with every log record."""
    _checkpoints: list[Checkpoint] = field(default_factory=list, init=False, repr=False, compare=False)

    def discard_checkpoint(self) -> None:
        """Remove what the run could go on from, once that which came of it is on disk."""
        while self._checkpoints:
            self._checkpoints.pop().discard()


def run_steps(run: Run, settings: Mapping[str, object], steps: int, options: LoopOptions) -> dict[str, float]:
    """Run a stage to its end.

    Args:
        run: The stage.
        settings: Everything that makes this run what it is; another run's checkpoint is not found.
        steps: Its length.
        options: Log and resumption. The last checkpoint stays until `discard_checkpoint` is called: a run
            that is cut off between its end and its weight file does not train again.

    Returns:
        The last log record, with "seconds" and "steps".

    Raises:
        TrainingError: The loss diverged.
    """
    checkpoint = Checkpoint(settings)
    options._checkpoints.append(checkpoint)
    state = checkpoint.load() if options.resume and options.log_path.is_file() else None
    if state is not None:
        for name, part in run.parts.items():
            part.load_state_dict(state[name])
    budget = Budget.continued(state, steps)

    def snapshot() -> dict[str, Any]:
        kept = {name: part.state_dict() for name, part in run.parts.items()}
        return {**kept, "step": budget.step, "elapsed": budget.elapsed}

    log = RunLog(options.log_path, done=budget.step, listener=options.listener)
    run.begin(budget.step)
    record = log.last
    while not budget.over:
        progress = budget.progress
        # A run that goes on draws the dropout that it would have drawn.
        torch.manual_seed(derive_seed("step", checkpoint.path.stem, budget.step))
        figures = run.step(budget.step, progress)
        guard_collapse(figures["loss"], None, step=budget.step)
        budget.step += 1
        if budget.step % EVERY == 0 or budget.over:
            record = {"step": budget.step, "seconds": budget.elapsed, "progress": progress, **figures}
            log.write(**record)
        checkpoint.save(snapshot)
    checkpoint.save(snapshot, now=True)
    return {**record, "seconds": budget.elapsed, "steps": budget.step}
