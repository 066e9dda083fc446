"""Who has the chip, from when to when: the lock, threads that close and wait, and the worker's end."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from filelock import FileLock
from hailo_parts import batch

from cardembed import errors
from cardembed.hailo import worker as worker_module
from cardembed.hailo.deadline import Deadline
from cardembed.hailo.resource import ChipResource, Ownership, simulated_platform
from cardembed.hailo.simulator import chip as chip_module
from cardembed.hailo.simulator.chip import CHIP
from cardembed.hailo.simulator.faults import inject


def test_a_device_that_opens_too_late_is_given_back(open_hef, monkeypatch):
    opened = simulated_platform().VDevice

    class Late(opened):
        def __init__(self, *arguments, **options):
            time.sleep(0.4)
            super().__init__(*arguments, **options)

    monkeypatch.setattr(simulated_platform(), "VDevice", Late)
    with pytest.raises(errors.DeviceTimeoutError):
        open_hef(open_timeout=0.2)
    monkeypatch.undo()
    time.sleep(0.4)
    assert open_hef().embed_preprocessed(batch()).shape == (3, 768)


@pytest.mark.parametrize("place", ["a file/locks", "unwritable"])
def test_a_lock_that_has_no_place_is_an_error_of_ours(tmp_path, monkeypatch, place):
    (tmp_path / "a file").touch()
    monkeypatch.setenv("CARDEMBED_LOCKS", str(tmp_path / place))
    if place == "unwritable":
        monkeypatch.setattr(FileLock, "acquire", refuse)
    owner = Ownership(ChipResource(None))
    with pytest.raises(errors.InfrastructureError, match="CARDEMBED_LOCKS"):
        owner.acquire(Deadline.after(0.2))


def refuse(*_, **__):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("hung", [False, True])
def test_a_thread_that_waits_while_another_closes_opens_nothing(open_hef, monkeypatch, hung):
    monkeypatch.setattr(chip_module, "HANG", 0.5)
    embedder = open_hef(timeout=0.2)
    driver = embedder._driver
    if hung:  # so that the next call is going to open the device anew
        with inject(hang_after=0), pytest.raises(errors.DeviceTimeoutError):
            embedder.embed_preprocessed(batch())
        wait_for(lambda: not CHIP.taken)
    with ThreadPoolExecutor(1) as pool:
        with driver._turn(Deadline.after(1)):
            late = pool.submit(driver.identify, Deadline.after(5))
            time.sleep(0.2)  # until it waits for its turn
            driver.close(Deadline.after(0.1))
            free()
        before = time.monotonic()
        with pytest.raises(errors.UsageError, match="found a closed one"):
            late.result()
        assert time.monotonic() - before < 1
    free()
    assert not CHIP.taken
    assert open_hef().embed_preprocessed(batch()).shape == (3, 768)


def test_a_device_that_opens_when_its_embedder_was_closed_is_given_back(open_hef, monkeypatch):
    opened, opening = simulated_platform().VDevice, threading.Event()
    given_back = []

    class Slow(opened):
        def __init__(self, *arguments, **options):
            opening.set()
            time.sleep(0.5)
            super().__init__(*arguments, **options)

        def release(self):
            given_back.append(threading.current_thread().name)
            super().release()

    with inject(lost_after=0):
        embedder = open_hef()
        driver = embedder._driver
        with pytest.raises(errors.DeviceLostError):
            embedder.embed_preprocessed(batch())
    monkeypatch.setattr(simulated_platform(), "VDevice", Slow)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(driver.identify, Deadline.after(5))
        assert opening.wait(2)
        driver.close(Deadline.after(0.1))
        before = time.monotonic()
        with pytest.raises(errors.UsageError, match="found a closed one"):
            late.result()
        assert time.monotonic() - before < 2
    assert given_back[0] == "hailort"  # a native call, too: and nobody waits for the garbage collector
    assert not CHIP.taken


def test_a_worker_that_was_told_to_stop_takes_no_call():
    worker = worker_module.Worker("test")
    worker.stop()
    before = time.monotonic()
    with pytest.raises(errors.UsageError, match="a call: expected"):
        worker.call(lambda: 7, Deadline.after(5), "a call")
    assert time.monotonic() - before < 1


def free():
    """The lock is there for the taking."""
    owner = Ownership(ChipResource(simulated_platform()))
    owner.acquire(Deadline.after(0.1))
    owner.release()


def wait_for(condition):
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


def test_the_simulators_owner_does_not_keep_anybody_from_a_chip(tmp_path, monkeypatch):
    monkeypatch.setenv("CARDEMBED_LOCKS", str(tmp_path))
    simulated, *chips = (
        Ownership(ChipResource(platform, device_id))
        for platform, device_id in ((simulated_platform(), None), (None, None), (None, "0000:01:00.0"))
    )
    simulated.acquire(Deadline.after(0.2))
    for owner, kept_out in (chips, chips[::-1]):
        owner.acquire(Deadline.after(0.2))
        with pytest.raises(errors.DeviceBusyError, match="another owner"):
            kept_out.acquire(Deadline.after(0.2))
        owner.release()
    simulated.release()


def test_an_answer_at_the_last_moment_is_an_answer(monkeypatch):
    class Punctual(Future):
        def result(self, timeout=None):
            answer = super().result(5)
            if timeout is not None:
                raise TimeoutError  # it came between the end of the wait and the look at it
            return answer

    monkeypatch.setattr(worker_module, "Future", Punctual)
    worker = worker_module.Worker("test")
    assert worker.call(lambda: 7, Deadline.after(1), "a call") == 7
    assert not worker.stuck
    worker.stop()
