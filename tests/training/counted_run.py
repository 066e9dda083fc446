"""A run that only adds up; as a program, one that counts its steps slowly enough to be killed."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch

from cardembed.training import loop, run_state

STEPS = 100_000
SETTINGS = {"what": "killed"}


class Tally:
    """A run whose state is the sum of what `draw` gave; cut off before step `until`, a `pause` (s) a step."""

    def __init__(self, draw, until=None, pause=0.0):
        self.draw, self.until, self.pause = draw, until, pause
        self.total, self.begun = torch.zeros(()), None
        self.parts = {"tally": self}

    def state_dict(self):
        return {"total": self.total}

    def load_state_dict(self, state):
        self.total = state["total"]

    def begin(self, step):
        self.begun = step

    def step(self, step, progress):
        if step == self.until:
            raise KeyboardInterrupt
        time.sleep(self.pause)
        self.total = self.total + self.draw()
        return {"loss": float(self.total)}


def one():
    """What a run draws that counts its steps."""
    return torch.ones(())


if __name__ == "__main__":
    kept = run_state.Checkpoint.__init__
    run_state.Checkpoint.__init__ = lambda self, settings: kept(self, settings, interval=0.2)
    loop.EVERY = 1
    loop.run_steps(Tally(one, pause=0.002), SETTINGS, STEPS, loop.LoopOptions(Path(sys.argv[1])))
