"""Native calls on a thread of their own, so that one that hangs does not take its caller with it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from cardembed.errors import UsageError
from cardembed.hailo.deadline import Deadline

__all__ = ["Worker"]

T = TypeVar("T")


class Worker:
    """One daemon thread that executes calls in order.

    A call that misses its deadline leaves the thread behind, with whatever it holds; the worker is of no use
    afterwards (`stuck`). Python cannot end a thread, and a process may exit while a daemon thread hangs.
    Nor is it of use once it was told to stop: nobody would serve the call.
    """

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self.stuck = False
        self.stopped = False
        self._door = threading.Lock()  # no call comes in behind the end of the queue
        # The thread refers to the queue alone: an owner that is forgotten can be collected.
        threading.Thread(target=_serve, args=(self._calls,), name=name, daemon=True).start()

    def call(self, function: Callable[[], T], deadline: Deadline, what: str) -> T:
        """The function's result, or the exception that it raised.

        Raises:
            DeviceTimeoutError: It did not return before the deadline.
            UsageError: The worker was told to stop.
        """
        if self.stuck:
            raise deadline.over(what)
        future: Future[T] = Future()
        with self._door:
            if self.stopped:
                raise UsageError(
                    what, expected="a call before the end", found="a closed owner", action="open one anew"
                )
            self._calls.put((future, function))
        try:
            # HailoRT's own timeouts end at the deadline: a moment more lets them say what happened.
            return future.result(deadline.left + 0.05)
        except TimeoutError as error:
            if future.done():
                return future.result()  # it came at the last moment; or the function's own error
            self.stuck = True
            raise deadline.over(what) from error

    def stop(self, last: Callable[[], object] | None = None) -> None:
        """Let the thread end, after the calls that wait and a last one; nobody waits for it."""
        with self._door:
            self.stopped = True
            if last is not None:
                self._calls.put((Future(), last))
            self._calls.put(None)


def _serve(calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]) -> None:
    while (call := calls.get()) is not None:
        future, function = call
        try:
            result = function()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)
            del result
        del call, future, function  # or the last result would live until the next call
