"""What a run leaves behind while it runs: checkpoints to resume from, and a log of JSON lines."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from cardembed._io import atomic_write_bytes, cache_root, canonical_json, sha256_bytes
from cardembed.errors import TrainingError
from cardembed.models.checkpoints import BROKEN_PICKLE

__all__ = ["Checkpoint", "RunLog", "curve"]


class Checkpoint:
    """The last state of a run, replaced atomically, in the cache under a key of the run's settings.

    Args:
        settings: Everything that makes this run what it is; another run finds no state here.
        interval: Seconds between two states.
    """

    def __init__(self, settings: Mapping[str, object], *, interval: float = 30.0) -> None:
        key = sha256_bytes(canonical_json(dict(settings)))[:32]
        self.path = cache_root() / "checkpoints" / f"{key}.pt"
        self.interval = interval
        self._written = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """The state last written, or None where there is none.

        Raises:
            TrainingError: There is one, unreadable.
        """
        if not self.path.is_file():
            return None
        try:
            state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        except BROKEN_PICKLE as error:
            raise TrainingError(
                self.path,
                expected="a checkpoint of this run",
                found=f"{type(error).__name__}: {error}",
                action="delete the file and train without --resume",
            ) from error
        return state

    def save(self, state: Callable[[], dict[str, Any]], *, now: bool = False) -> bool:
        """Write `state()` when the interval has passed, or `now`; returns whether it was written."""
        if not now and time.monotonic() - self._written < self.interval:
            return False
        buffer = io.BytesIO()
        torch.save(state(), buffer)
        atomic_write_bytes(self.path, buffer.getvalue())
        self._written = time.monotonic()
        return True

    def discard(self) -> None:
        """Remove the state."""
        self.path.unlink(missing_ok=True)


def curve(log_path: Path, points: int = 20) -> list[dict[str, float]]:
    """A log's records, thinned out to at most `points` of equal distance; the last is always among them.

    Numbers are cut to four significant digits: they are for people.
    """
    if not log_path.is_file():
        return []
    records = [json.loads(line) for line in log_path.read_text().splitlines() if line]
    stride = -(-len(records) // points) if records else 1
    kept = records[::-1][::stride][::-1]
    return [{name: float(f"{value:.4g}") for name, value in record.items()} for record in kept]


class RunLog:
    """A file of JSON lines, one a report; also handed to `listener`, such as a progress display.

    Args:
        path: The file. A run that goes on keeps its records up to `done`: those of the steps between its last
            checkpoint and the interruption come again.
        done: Steps that were done before this start.
        listener: Called with every record.
    """

    def __init__(
        self, path: Path | str, *, done: int = 0, listener: Callable[[dict[str, float]], None] | None = None
    ) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lines = self.path.read_text().splitlines() if done and self.path.is_file() else []
        kept = [line for line in lines if json.loads(line)["step"] <= done]
        atomic_write_bytes(self.path, "".join(f"{line}\n" for line in kept).encode())
        self._listener = listener

    @property
    def last(self) -> dict[str, float]:
        """The last report; empty where there is none."""
        lines = self.path.read_text().splitlines() if self.path.is_file() else []
        record: dict[str, float] = json.loads(lines[-1]) if lines else {}
        return record

    def write(self, **figures: float) -> None:
        """Append one report, figures rounded to six digits."""
        record = {name: float(f"{value:.6g}") for name, value in figures.items()}
        with self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")
        if self._listener is not None:
            self._listener(record)
