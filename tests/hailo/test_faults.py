"""What each fault of the chip is called, how soon, and that the chip is free for the next one afterwards."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest
from filelock import FileLock
from hailo_parts import PREPROCESSING, SIZE, pictures

from cardembed import errors
from cardembed.hailo import worker as worker_module
from cardembed.hailo.deadline import Deadline
from cardembed.hailo.driver import attached_devices
from cardembed.hailo.enquiry import ask_chip
from cardembed.hailo.protocol import Health
from cardembed.hailo.resource import ChipResource, Ownership, simulated_platform
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


def batch(count=3):
    return PREPROCESSING.batch(list(pictures(count)))


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


def test_throttling_is_seen_and_slows_and_changes_no_answer(open_hef):
    embedder = open_hef()
    cool, good = embedder.health(), embedder.embed_preprocessed(batch())
    with inject(throttled=True):
        before = time.monotonic()
        assert (embedder.embed_preprocessed(batch()) == good).all()
        assert time.monotonic() - before >= 0.06
        hot = embedder.health()
    assert (cool.throttled, hot.throttled) == (False, True)
    assert cool.temperature < 100 < hot.temperature
    assert hot.clock_hz < cool.clock_hz


QUESTIONS = ["get_chip_temperature", "get_extended_device_information", "_get_health_information"]


@pytest.mark.parametrize("status", [1, 7, 17, 18, 48, 65, 79, 15, None])
def test_a_sensor_that_does_not_answer_ends_nothing(open_hef, monkeypatch, status):
    hp = simulated_platform()
    control = type(hp.Device().control)

    def refuse(_):
        raise hp.HailoRTException("no more is known" if status is None else f"failed with error: {status}")

    embedder = open_hef()
    told = embedder.health()
    for question in QUESTIONS:
        monkeypatch.setattr(control, question, refuse)
    assert embedder.health() == Health(temperature=None, clock_hz=None, throttled=None)
    monkeypatch.undo()
    monkeypatch.setattr(control, QUESTIONS[0], refuse)
    assert embedder.health() == replace(told, temperature=None)
    assert embedder.embed_preprocessed(batch()).shape == (3, 768)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (4, errors.DeviceTimeoutError),
        (36, errors.DeviceLostError),
        (64, errors.DeviceMissingError),
        (73, errors.DeviceBusyError),
    ],
)
def test_a_chip_that_is_gone_is_not_taken_for_a_lacking_sensor(open_hef, monkeypatch, question, status, kind):
    hp = simulated_platform()

    def refuse(_):
        raise hp.HailoRTException(f"failed with error: {status}")

    monkeypatch.setattr(type(hp.Device().control), question, refuse)
    with pytest.raises(kind):
        open_hef().health()


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


def test_a_second_embedder_finds_the_chip_busy_until_the_first_is_closed(open_hef):
    first = open_hef()
    before = time.monotonic()
    with pytest.raises(errors.DeviceBusyError, match="another owner"):
        open_hef(open_timeout=0.3)
    assert time.monotonic() - before < 1.0
    first.close()
    open_hef(open_timeout=0.3)


@pytest.mark.parametrize(("one", "other"), [(None, "0000:01:00.0"), ("0000:01:00.0", None)])
def test_a_chip_has_one_owner_whatever_it_is_called(open_hef, one, other):
    first = open_hef(device_id=one)
    with pytest.raises(errors.DeviceBusyError, match="another owner"):
        open_hef(device_id=other, open_timeout=0.3)
    first.close()
    assert open_hef(device_id=other).embed_preprocessed(batch()).shape == (3, 768)


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


def test_the_lock_dies_with_its_process(hef, open_hef):
    code = (
        "import time\n"
        "from cardembed import HailoEmbedder\n"
        "from cardembed.embedders.preprocessing import Preprocessing\n"
        f"embedder = HailoEmbedder({str(hef)!r}, preprocessing=Preprocessing({SIZE}))\n"
        "print('open', flush=True)\n"
        "time.sleep(60)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert owner.stdout.readline() == "open\n"
        with pytest.raises(errors.DeviceBusyError, match="another owner"):
            open_hef(open_timeout=0.2)
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait(10)
        assert open_hef(open_timeout=2.0).embed_preprocessed(batch()).shape == (3, 768)
    finally:
        owner.kill()
        owner.wait(10)
        owner.stdout.close()


def test_a_scan_opens_nothing(open_hef):
    resource = ChipResource(simulated_platform())
    assert attached_devices(resource) == [open_hef().identify().device_id]
    with inject(no_device=True), pytest.raises(errors.DeviceMissingError):
        attached_devices(resource)
    with inject(driver_mismatch=True), pytest.raises(errors.DriverMismatchError):
        attached_devices(resource)


def test_a_chip_is_asked_what_it_is_without_a_network(open_hef):
    resource = ChipResource(simulated_platform())
    with inject(corrupt_hef=True, throttled=True, architecture="HAILO15H"):
        identity, health = ask_chip(resource, 2.0)
        assert (identity.architecture, identity.simulated) == ("HAILO15H", True)
        assert (health.throttled, health.temperature) == (True, 104)
    named = ChipResource(simulated_platform(), "0000:09:00.0")
    with pytest.raises(errors.DeviceBusyError, match="status 74"):
        ask_chip(named, 2.0)
    embedder = open_hef()  # nobody holds it any more
    with pytest.raises(errors.DeviceBusyError, match="another owner"):
        ask_chip(resource, 0.1)
    assert embedder.embed_preprocessed(batch()).shape == (3, 768)


def test_what_the_simulator_says_of_itself_never_reads_as_a_chips(open_hef):
    said = open_hef().identify()
    assert (said.architecture, said.firmware, said.simulated) == ("HAILO8L", "4.23.0", True)
    chips = replace(said, simulated=False).as_facts()
    assert chips == {
        "architecture": "HAILO8L",
        "firmware": "4.23.0",
        "serial_number": "SIMULATED",
        "device_id": "0000:01:00.0",
    }
    marked = said.as_facts()
    assert marked.keys() == chips.keys()
    assert all("simulat" in marked[name] and value in marked[name] for name, value in chips.items())
    assert replace(said, serial_number="").as_facts()["serial_number"] == ""  # it did not tell one


def test_a_scan_has_a_deadline(monkeypatch):
    monkeypatch.setattr(simulated_platform().Device, "scan", lambda: time.sleep(5))
    before = time.monotonic()
    with pytest.raises(errors.DeviceTimeoutError, match="a scan for Hailo devices"):
        attached_devices(ChipResource(simulated_platform()), timeout=0.1)
    assert time.monotonic() - before < 2


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
