"""What a chip says of itself where it takes no network."""

from __future__ import annotations

import contextlib
from typing import Any

from cardembed.errors import CardembedError
from cardembed.hailo.deadline import Deadline
from cardembed.hailo.protocol import Health, Identity
from cardembed.hailo.resource import ChipResource, Ownership
from cardembed.hailo.status import error_for
from cardembed.hailo.telemetry import read_health, read_identity
from cardembed.hailo.worker import Worker

__all__ = ["ask_chip"]

_THING = "the Hailo chip without a network"


def ask_chip(resource: ChipResource, timeout: float) -> tuple[Identity, Health]:
    """What the device is and how it feels: opened for the question, without a network, and given back.

    Args:
        resource: Which chip.
        timeout: Seconds for all of it, waiting for another owner included.

    Raises:
        InfrastructureError: No device, in use, or no answer in time.
    """
    deadline = Deadline.after(timeout)
    ownership = Ownership(resource)
    ownership.acquire(deadline)
    worker = Worker("hailort-enquiry")
    try:
        return worker.call(lambda: _answers(resource), deadline, _THING)
    except CardembedError:
        raise
    except Exception as error:
        raise error_for(error, stage="ask", thing=_THING) from error
    finally:
        worker.stop()
        ownership.release()


def _answers(resource: ChipResource) -> tuple[Identity, Health]:
    platform: Any = resource.platform
    params = platform.VDevice.create_params()
    if resource.device_id is not None:
        params.device_ids = [resource.device_id]
    try:
        vdevice = platform.VDevice(params)
    except Exception as error:
        attached = None
        with contextlib.suppress(Exception):  # the error that is being handled tells more
            attached = resource.attached()
        raise error_for(error, stage="open", thing=_THING, attached=attached) from error
    try:  # on the worker's thread: should it return late, the device is given back all the same
        return read_identity(vdevice, simulated=resource.simulated), read_health(vdevice)
    finally:
        vdevice.release()
