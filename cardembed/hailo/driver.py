"""How HailoRT is made to run one network: owned, within deadlines, rebuilt after an error."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from cardembed.errors import (
    CardembedError,
    DeviceMissingError,
    DeviceTimeoutError,
    InfrastructureError,
    UsageError,
)
from cardembed.hailo.deadline import Deadline
from cardembed.hailo.frames import check_layout
from cardembed.hailo.pipelines import InferModelPipeline, VStreamsPipeline
from cardembed.hailo.protocol import Health, Identity, NetworkShape, OutputFormat
from cardembed.hailo.resource import ChipResource, Ownership
from cardembed.hailo.status import Stage, error_for, is_hailort_error
from cardembed.hailo.telemetry import read_health, read_identity
from cardembed.hailo.worker import Worker

__all__ = ["Api", "HailoRTDriver", "attached_devices"]

T = TypeVar("T")
Api = Literal["infer_model", "vstreams"]
"""Which of HailoRT's ways to run a network."""


class HailoRTDriver:
    """One network on one chip, which this object owns until it is closed.

    Calls from several threads are served one after the other. Any error closes the device, since HailoRT has
    shut its pipeline down then; the next call opens it anew. What is opened then has to say that it is the
    device that was opened first, or no call is answered: numbers of two devices are nobody's. Nothing is
    tried twice by itself.

    Args:
        resource: Which chip.
        hef: The compiled network's bytes.
        thing: Names the network in errors, such as its path.
        dtype: Of the frames, uint8 or float32.
        output: Who dequantises; with "vstreams" nobody but HailoRT does.
        api: HailoRT's newer way where it has it, without.
        deadline: When the device has to be open.
        timeout: Seconds that a call on the open device is going to have: InferVStreams is told its timeouts
            when it is opened, and not with the call.

    Raises:
        InfrastructureError: No device, in use, of another architecture, no answer in time, or after an error
            another device than before.
        UsageError: Quantised output by virtual streams.
        ReleaseError: No HEF, or a network of other inputs and outputs.
    """

    def __init__(
        self,
        resource: ChipResource,
        hef: bytes,
        *,
        thing: str,
        dtype: np.dtype[Any],
        deadline: Deadline,
        timeout: float,
        output: OutputFormat = "float32",
        api: Api | None = None,
    ) -> None:
        self._hp = resource.platform
        self._resource, self._hef, self._thing, self._dtype, self._output = (
            resource,
            hef,
            thing,
            dtype,
            output,
        )
        newer = hasattr(self._hp.VDevice, "create_infer_model")
        self.api: Api = api or ("infer_model" if newer else "vstreams")
        if output == "quantised" and self.api == "vstreams":  # or it would be recorded, and not be so
            raise UsageError(
                thing,
                expected='output="float32" with virtual streams, whose output HailoRT dequantises',
                found='output="quantised"',
                action="leave output out, or take HailoRT 4.18 or later by its InferModel",
            )
        # A frame is written and then read, and each may take so long.
        self._timeout_ms = max(1, int(timeout * 1000 / 2))
        self._pid = os.getpid()
        self._mutex = threading.Lock()
        self._worker: Worker | None = None
        self._vdevice: Any = None
        self._first: Identity | None = None
        self._pipeline: InferModelPipeline | VStreamsPipeline | None = None
        self._closed = False
        self._ownership = Ownership(resource)
        self._ownership.acquire(deadline)
        try:
            with self._turn(deadline):
                self.shape: NetworkShape = self._opened(deadline).shape
        except BaseException:
            if self._worker is not None:
                self._worker.stop()
            self._ownership.release()
            raise

    def infer(self, frame: NDArray[Any], deadline: Deadline) -> NDArray[np.float32]:
        """See `Chip.infer`."""
        # HailoRT checks the number of bytes alone: another layout would be answered, too.
        check_layout(frame, (self.shape.size, self.shape.size, 3), self._dtype)
        with self._turn(deadline):
            pipeline = self._opened(deadline)
            return self._call(lambda: pipeline.run(frame, deadline), "run", deadline)

    def identify(self, deadline: Deadline) -> Identity:
        """See `Chip.identify`."""
        return self._ask(partial(read_identity, simulated=self._resource.simulated), deadline)

    def health(self, deadline: Deadline) -> Health:
        """See `Chip.health`."""
        return self._ask(read_health, deadline)

    def _ask(self, question: Callable[[Any], T], deadline: Deadline) -> T:
        with self._turn(deadline):
            self._opened(deadline)
            return self._call(lambda: question(self._vdevice), "ask", deadline)

    def close(self, deadline: Deadline) -> None:
        """Give the chip back; twice is as once."""
        if self._closed or self._pid != os.getpid():
            return
        self._closed = True
        # Whoever hangs inside keeps the turn until its own deadline; the lock is given back all the same.
        mine = self._mutex.acquire(timeout=deadline.left)
        try:
            self._drop(deadline)
        finally:
            self._ownership.release()
            if mine:
                self._mutex.release()

    @contextlib.contextmanager
    def _turn(self, deadline: Deadline) -> Iterator[None]:
        self._check_open()
        if not self._mutex.acquire(timeout=deadline.left):
            raise deadline.over("the chip, which another thread uses,")
        try:
            self._check_open()  # another thread may have closed it while this one waited
            if not deadline.left:  # the frames of a batch share one, and none is begun after it
                raise deadline.over(self._thing)
            yield
        finally:
            self._mutex.release()

    def _check_open(self) -> None:
        if self._pid != os.getpid() or self._closed:
            raise UsageError(
                self._thing,
                expected="an open embedder, in the process that opened it",
                found="a closed one" if self._closed else "a forked process",
                action="open one in this process",
            )

    def _opened(self, deadline: Deadline) -> InferModelPipeline | VStreamsPipeline:
        if self._pipeline is None:
            self._vdevice = self._call(lambda: self._open_device(deadline), "open", deadline)
            self._call(self._recognise, "ask", deadline)
            pipeline = self._call(self._load, "load", deadline)
            self._call(pipeline.configure, "configure", deadline, pipeline)
            self._pipeline = pipeline
        return self._pipeline

    def _open_device(self, deadline: Deadline) -> Any:  # noqa: ANN401 - no types published
        params = self._hp.VDevice.create_params()
        if self._resource.device_id is not None:
            params.device_ids = [self._resource.device_id]
        if self.api == "infer_model":
            params.scheduling_algorithm = self._hp.HailoSchedulingAlgorithm.ROUND_ROBIN
        vdevice = self._hp.VDevice(params)
        if not deadline.left:  # nobody waits for it any more, and nobody else would give it back
            vdevice.release()
            raise deadline.over(self._thing)
        return vdevice

    def _recognise(self) -> None:
        """Whether it is the device that was opened first: without an id, HailoRT takes whichever it finds."""
        found = read_identity(self._vdevice, simulated=self._resource.simulated)
        self._first = self._first or found
        if found != self._first:
            raise InfrastructureError(
                self._thing,
                expected=f"the device that was opened first ({self._first})",
                found=str(found),
                action="open an embedder of its own for another device, and name it by its id",
            )

    def _load(self) -> InferModelPipeline | VStreamsPipeline:
        common = (self._hp, self._vdevice, self._hef)
        if self.api == "infer_model":
            return InferModelPipeline(*common, dtype=self._dtype, output=self._output)
        return VStreamsPipeline(*common, dtype=self._dtype, timeout_ms=self._timeout_ms)

    def _call(
        self,
        function: Callable[[], T],
        stage: Stage,
        deadline: Deadline,
        half_open: InferModelPipeline | VStreamsPipeline | None = None,
    ) -> T:
        if self._worker is None or self._worker.stuck:
            self._worker = Worker("hailort")
        try:
            # close() does not wait for ever: it may be over while this thread still has the turn. Looked at
            # when the worker is there: one that close() does not see, and stop, is not put to use.
            self._check_open()
            return self._worker.call(function, deadline, f"{self._thing} on the Hailo chip ({stage})")
        except Exception as error:
            attached = self._attached(deadline) if stage == "open" else None
            self._pipeline = self._pipeline or half_open
            self._drop(Deadline.after(1.0))
            if is_hailort_error(error):
                raise error_for(error, stage=stage, thing=self._thing, attached=attached) from error
            if isinstance(error, CardembedError):
                raise
            # Not HailoRT's: a Python error inside of its bindings, or of this driver. It says nothing about
            # the model either.
            raise error_for(error, stage=stage, thing=self._thing) from error

    def _attached(self, deadline: Deadline) -> bool | None:
        """Whether a scan finds the device; None where the scan fails."""
        worker = self._worker
        if worker is None or worker.stuck:
            return None
        try:
            return worker.call(self._resource.attached, deadline, "scan")
        except Exception:  # the error that is being handled tells more
            return None

    def _drop(self, deadline: Deadline) -> None:
        """Close network and device, and go on if they do not let go; after `close`, so ends the worker."""
        pipeline, vdevice, worker = self._pipeline, self._vdevice, self._worker
        self._pipeline = self._vdevice = None
        if worker is None:
            return

        def let_go() -> None:
            if pipeline is not None:
                pipeline.close()
            if vdevice is not None:
                vdevice.release()

        if worker.stuck:
            worker.stop(let_go)  # should the call return after all, the device is free
            return
        if pipeline is not None or vdevice is not None:
            if worker.stopped:  # the device came when close() was over
                worker = Worker("hailort")
            with contextlib.suppress(Exception):
                worker.call(let_go, deadline, "closing")
        if worker.stuck or self._closed:
            worker.stop()


def attached_devices(resource: ChipResource, timeout: float = 10.0) -> list[str]:
    """Ids of the attached devices, by a scan that opens none.

    Args:
        resource: Whose module scans.
        timeout: Seconds that it may take.

    Raises:
        DeviceMissingError: There is none.
        InfrastructureError: The scan failed, or did not end in time.
    """
    worker = Worker("hailort-scan")
    try:
        scanned = worker.call(
            resource.platform.Device.scan, Deadline.after(timeout), "a scan for Hailo devices"
        )
        found = [str(name) for name in scanned]
    except DeviceTimeoutError:
        raise
    except Exception as error:
        raise error_for(error, stage="open", thing="Hailo devices") from error
    finally:
        worker.stop()
    if not found:
        raise DeviceMissingError(
            "Hailo devices",
            expected="at least one",
            found="none",
            action="attach the device, and check `hailortcli scan`",
        )
    return found
