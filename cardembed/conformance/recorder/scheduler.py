"""Distribution over xdist's workers that a crash cannot stop.

xdist gives a worker one group of tests at a time, and the worker starts its last test only when it hears of
a next one or of the end. After a crash xdist hands the group on, the crashed test included, and tells nobody
of the end: one more crash for every restart, or a run that never ends.
"""

from __future__ import annotations

from xdist.scheduler import LoadGroupScheduling
from xdist.workermanage import WorkerController

__all__ = ["CrashProofScheduling"]


class CrashProofScheduling(LoadGroupScheduling):
    """xdist's `--dist loadgroup`; a crashed test is over, and the last group's worker hears of the end."""

    def _reschedule(self, node: WorkerController) -> None:
        super()._reschedule(node)
        if not self.workqueue and not node.shutting_down:
            node.shutdown()  # it finishes what it has

    def remove_node(self, node: WorkerController) -> str | None:
        """As xdist's; the test that crashed is an error of its cell, and not tried again."""
        work = self.assigned_work.pop(node)
        crashed: str | None = next(
            (test for tests in work.values() for test, done in tests.items() if not done), None
        )
        if crashed is None:
            return None
        for tests in work.values():
            if crashed in tests:
                tests[crashed] = True
        self.workqueue.update({scope: tests for scope, tests in work.items() if not all(tests.values())})
        for other in self.assigned_work:
            self._reschedule(other)
        return crashed
