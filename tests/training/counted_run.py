"""A run whose state is the number of its steps; as a program, one that is slow enough to be killed."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch

from cardembed.training import loop, run_state

STEPS = 100_000
SETTINGS = {"what": "killed"}


class Counted:
    """Stops before step `last`."""

    def __init__(self, last=None, pause=0.0):
        self.total, self.last, self.pause, self.begun = torch.zeros((), dtype=torch.int64), last, pause, None
        self.parts = {"count": self}

    def state_dict(self):
        return {"total": self.total}

    def load_state_dict(self, state):
        self.total = state["total"]

    def begin(self, step):
        self.begun = step

    def step(self, step, progress):
        if step == self.last:
            raise KeyboardInterrupt
        time.sleep(self.pause)
        self.total = self.total + 1
        return {"loss": float(step)}


if __name__ == "__main__":
    kept = run_state.Checkpoint.__init__
    run_state.Checkpoint.__init__ = lambda self, settings: kept(self, settings, interval=0.2)
    loop.EVERY = 1
    loop.run_steps(Counted(pause=0.002), SETTINGS, STEPS, loop.LoopOptions(Path(sys.argv[1])))
