"""What `train` and `release build` share: how training shows itself, and the command line for the record."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

__all__ = ["TrainingDisplay", "command_line"]

_EVERY = 60.0  # seconds between two lines


def command_line() -> str:
    """This process's command with every path cut to its last part: the record names no machine."""
    return " ".join(["cardembed", *(Path(item).name if "/" in item else item for item in sys.argv[1:])])


class TrainingDisplay:
    """How rendering and training go, on standard error: a bar, or into a file a line each minute."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._lines = not sys.stderr.isatty()
        self._said = float("-inf")

    def rendering(self, done: int, total: int) -> None:
        if self._lines:
            self._say(f"views: {done} of {total}")
            return
        if self._bar is None:
            self._bar = tqdm(total=total, desc="views", file=sys.stderr)
        self._bar.update(done - self._bar.n)
        if done == total:
            self.close()

    def report(self, record: dict[str, float]) -> None:
        percent, step, loss = round(100 * record["progress"]), int(record["step"]), round(record["loss"], 3)
        if self._lines:
            self._say(f"train: {percent} %, step {step}, loss {loss}")
            return
        if self._bar is None:
            self._bar = tqdm(total=100, desc="train", unit="%", file=sys.stderr)
        self._bar.update(percent - self._bar.n)
        self._bar.set_postfix(step=step, loss=loss)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _say(self, line: str) -> None:
        now = time.monotonic()
        if now - self._said >= _EVERY:
            print(line, file=sys.stderr, flush=True)
            self._said = now
