"""What each fault of the chip is called, how soon, and that the chip is free for the next one afterwards."""

import threading
import time

import numpy as np
import pytest
from hailo_parts import batch

from cardembed import errors
from cardembed.hailo.simulator.chip import HANG
from cardembed.hailo.simulator.faults import ARCHITECTURES, FAULTS_VARIABLE, Faults, inject

WHEN_OPENED = [
    ({"no_device": True}, errors.DeviceMissingError),
    ({"busy": True}, errors.DeviceBusyError),
    ({"driver_mismatch": True}, errors.DriverMismatchError),
    ({"architecture": "HAILO15H"}, errors.WrongArchitectureError),
    ({"architecture": "HAILO15H", "older_library": True}, errors.WrongArchitectureError),
    ({"corrupt_hef": True}, errors.ReleaseError),
]
WHEN_USED = [
    ({"lost_after": 2}, errors.DeviceLostError),
    ({"timeout_after": 2}, errors.DeviceTimeoutError),
    # HailoRT takes 1.8 times its timeout to say so, and has half of what is left for that reason.
    ({"late_callback_after": 2}, errors.DeviceTimeoutError),
]
APIS = ["infer_model", "vstreams"]


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("fault", "kind"), WHEN_OPENED)
def test_what_is_wrong_when_it_is_opened(open_hef, fault, kind, api):
    before = time.monotonic()
    with inject(**fault), pytest.raises(kind) as error:
        open_hef(api=api)
    assert time.monotonic() - before < 2.0
    assert type(error.value) is kind
    assert "\n" not in str(error.value)
    assert isinstance(error.value, errors.InfrastructureError) == (kind is not errors.ReleaseError)
    assert open_hef(api=api).embed_preprocessed(batch()).shape == (3, 768)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("fault", "kind"), WHEN_USED)
def test_what_goes_wrong_while_it_runs(open_hef, fault, kind, api):
    expected = open_hef(api=api)
    good = expected.embed_preprocessed(batch())
    expected.close()
    with inject(**fault):
        # With virtual streams HailoRT's timeout is set when they are opened, and is the call's all the same.
        embedder = open_hef(api=api, timeout=3, open_timeout=30)
        before = time.monotonic()
        with pytest.raises(kind) as error:
            embedder.embed_preprocessed(batch())
        assert time.monotonic() - before < 5
        assert type(error.value) is kind
        assert "status" in str(error.value)  # HailoRT said it, within the call's deadline
    # The same embedder goes on: its pipeline was rebuilt.
    assert (embedder.embed_preprocessed(batch()) == good).all()
    embedder.close()
    assert (open_hef(api=api).embed_preprocessed(batch()) == good).all()


def test_a_lost_chip_stays_lost_until_it_is_back(open_hef):
    with inject(lost_after=1):
        embedder = open_hef()
        with pytest.raises(errors.DeviceLostError):
            embedder.embed_preprocessed(batch())
        with pytest.raises(errors.DeviceMissingError):
            embedder.embed_preprocessed(batch())
    assert embedder.embed_preprocessed(batch()).shape == (3, 768)


@pytest.mark.parametrize("api", APIS)
def test_another_chip_in_the_place_of_a_lost_one_answers_nothing(open_hef, api):
    with inject(swapped_after=4):
        embedder = open_hef(api=api)
        embedder.embed_preprocessed(batch())
        with pytest.raises(errors.DeviceLostError):
            embedder.embed_preprocessed(batch())
        for ask in (lambda: embedder.embed_preprocessed(batch()), embedder.identify, embedder.health):
            with pytest.raises(errors.InfrastructureError, match=r"opened first .*SIMULATED-2"):
                ask()
        # Whoever opens it for itself may have it.
        embedder.close()
        assert open_hef(api=api).identify().serial_number == "SIMULATED-2"


def test_the_first_chip_may_come_back(open_hef):
    with inject(swapped_after=1):
        embedder = open_hef()
        with pytest.raises(errors.DeviceLostError):
            embedder.embed_preprocessed(batch())
        with pytest.raises(errors.InfrastructureError, match="opened first"):
            embedder.embed_preprocessed(batch())
    assert embedder.embed_preprocessed(batch()).shape == (3, 768)


@pytest.mark.parametrize("api", APIS)
def test_a_call_that_hangs_costs_its_deadline_and_closing_frees_the_lock(open_hef, api):
    with inject(hang_after=0):
        embedder = open_hef(timeout=0.3, api=api)
        before = time.monotonic()
        with pytest.raises(errors.DeviceTimeoutError, match="found none"):  # HailoRT says nothing
            embedder.embed_preprocessed(batch())
        embedder.close()
        assert time.monotonic() - before < 1.5
    # The call does not return: the chip, as a real one would be, is still with it.
    with pytest.raises(errors.DeviceBusyError, match="status 74"):
        open_hef(open_timeout=0.3)
    time.sleep(HANG)  # and is given back once it does
    assert open_hef(api=api).embed_preprocessed(batch()).shape == (3, 768)


def test_outputs_that_differ_are_wrong_answers_and_no_infrastructure(open_hef):
    embedder = open_hef()
    embedder.check_repeatable(batch(), times=4)
    with inject(nondeterministic=True), pytest.raises(errors.WrongAnswerError, match="differ from the first"):
        embedder.check_repeatable(batch(), times=4)
    assert not issubclass(errors.WrongAnswerError, errors.InfrastructureError | errors.UnavailableError)
    with pytest.raises(errors.UsageError):
        embedder.check_repeatable(batch(), times=1)


@pytest.mark.parametrize("fault", [{"no_device": True}, {"busy": True}, {"architecture": "HAILO15H"}])
def test_what_cannot_be_opened_leaves_no_thread(open_hef, fault):
    def waiting():
        return [thread for thread in threading.enumerate() if thread.name == "hailort"]

    before = len(waiting())
    with inject(**fault):
        for _ in range(3):
            with pytest.raises(errors.InfrastructureError):
                open_hef()
    end = time.monotonic() + 5
    while len(waiting()) > before and time.monotonic() < end:
        time.sleep(0.01)
    assert len(waiting()) <= before


def test_faults_of_a_process_come_from_the_environment(open_hef, monkeypatch):
    monkeypatch.setenv(FAULTS_VARIABLE, "lost_after=1, throttled")
    assert Faults.parse("lost_after=1, throttled") == Faults(lost_after=1, throttled=True)
    embedder = open_hef()
    with pytest.raises(errors.DeviceLostError):
        embedder.embed_preprocessed(batch())
    monkeypatch.delenv(FAULTS_VARIABLE)
    with inject():  # the chip is back
        pass
    assert np.isfinite(embedder.embed_preprocessed(batch())).all()


@pytest.mark.parametrize("text", ["lost", "busy=1", "lost_after", "lost_after=-1", "architecture"])
def test_unknown_faults_are_refused(text):
    with pytest.raises(errors.UsageError, match="CARDEMBED_HAILO_FAULTS"):
        Faults.parse(text)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_of_hailorts_may_be_attached(name):
    assert Faults.parse(f"architecture={name}") == Faults(architecture=name)


@pytest.mark.parametrize("name", ["", "foo", "hailo8l"])
def test_no_other_architecture_may(name):
    with pytest.raises(errors.UsageError, match=r"architecture= one of .*HAILO8, HAILO8L, .*HAILO10H, found"):
        Faults.parse(f"architecture={name}")
