"""Frames on their way to the chip: queued in the order in which they came, run one job after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from cardembed.hailo.simulator.hailo_platform.pyhailort.exceptions import HailoRTException

__all__ = ["Job", "Queue"]


class Job:
    """Some frames that were queued together."""

    def __init__(self, frames: int) -> None:
        self.frames = frames
        """How many."""
        self.done = threading.Event()
        """Set when they ended, well or not."""
        self.told = threading.Event()
        """Set when the callback was told of it."""
        self.given_up = threading.Event()
        """Set when nobody waits any more."""
        self.errors: list[HailoRTException] = []
        """Why they ended badly."""
        self._asked = threading.Event()
        self._end = 0.0

    def ask(self, timeout_ms: float) -> None:
        """Somebody waits for it, this long; the first one counts."""
        if not self._asked.is_set():
            self._end = time.monotonic() + timeout_ms / 1000
            self._asked.set()

    def left_ms(self) -> float:
        """How long a chip that does not answer keeps it: as long as somebody waits, once somebody does."""
        self._asked.wait()
        return max(0.0, self._end - time.monotonic()) * 1000


class Queue:
    """Jobs of one network.

    Args:
        room: Frames that it takes.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._jobs: list[Job] = []
        self._changed = threading.Condition()

    @property
    def _frames(self) -> int:
        return sum(job.frames for job in self._jobs)

    def add(self, frames: int, work: Callable[[Job], None], tell: Callable[[Job], None]) -> Job | None:
        """Start a job, once those before it ended, and tell of its end after theirs; None without room."""
        job = Job(frames)
        with self._changed:
            if self._frames + frames > self._room:
                return None
            before = self._jobs[-1] if self._jobs else None
            self._jobs.append(job)
        threading.Thread(target=self._run, args=(job, before, work, tell), daemon=True).start()
        return job

    def wait(self, frames: int, timeout_ms: float) -> bool:
        """Whether there is room for so many frames within a time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._frames + frames <= self._room, timeout_ms / 1000)

    def abandon(self) -> None:
        """Let go of jobs that nobody is going to wait for."""
        with self._changed:
            for job in self._jobs:
                job.ask(0)
                job.given_up.set()

    def _run(
        self, job: Job, before: Job | None, work: Callable[[Job], None], tell: Callable[[Job], None]
    ) -> None:
        try:
            if before is not None:
                before.done.wait()
            work(job)
            job.done.set()
            if before is not None:
                before.told.wait()
            tell(job)
        finally:
            with self._changed:
                self._jobs.remove(job)
                self._changed.notify_all()
            job.done.set()
            job.told.set()
