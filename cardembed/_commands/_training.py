"""What `train` and `release build` share: how training shows itself, and the command line for the record."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

__all__ = ["TrainingDisplay", "command_line"]


def command_line() -> str:
    """This process's command with every path cut to its last part: the record names no machine."""
    return " ".join(["cardembed", *(Path(item).name if "/" in item else item for item in sys.argv[1:])])


class TrainingDisplay:
    """A progress bar for rendering and training, on standard error."""

    def __init__(self) -> None:
        self._bar: Any = None

    def rendering(self, done: int, total: int) -> None:
        if self._bar is None:
            self._bar = tqdm(total=total, desc="views", file=sys.stderr, disable=not sys.stderr.isatty())
        self._bar.update(done - self._bar.n)
        if done == total:
            self.close()

    def report(self, record: dict[str, float]) -> None:
        if self._bar is None:
            self._bar = tqdm(
                total=100, desc="train", unit="%", file=sys.stderr, disable=not sys.stderr.isatty()
            )
        self._bar.update(round(100 * record["progress"]) - self._bar.n)
        self._bar.set_postfix(step=int(record["step"]), loss=round(record["loss"], 3))

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
