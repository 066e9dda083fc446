"""What a device tells of itself, with a network and without, and how it is found."""

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hailo_parts import batch

from cardembed import errors
from cardembed.hailo.driver import attached_devices
from cardembed.hailo.enquiry import ask_chip
from cardembed.hailo.protocol import Health
from cardembed.hailo.resource import ChipResource, simulated_platform
from cardembed.hailo.simulator.faults import inject


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


@pytest.mark.parametrize(
    ("question", "fields", "told"),
    [
        (0, {}, {"temperature": None}),
        (0, {"ts1_temperature": 48}, {"temperature": 48}),
        (1, {}, {"clock_hz": None}),
        (2, {}, {"throttled": None}),
        (2, {"current_overcurrent_zone": 0}, {"throttled": None}),
        (2, {"current_overcurrent_zone": 1}, {"throttled": True}),
        (2, {"current_temperature_throttling_level": -1}, {"throttled": None}),
        (2, {"current_temperature_throttling_level": 0}, {"throttled": True}),
        (
            2,
            {"current_temperature_throttling_level": -1, "current_overcurrent_zone": 0}
            | {"temperature_throttling_active": True, "overcurrent_throttling_active": True},
            {"throttled": False},
        ),
    ],
)
def test_a_field_that_a_hailort_does_not_have_is_not_told(open_hef, monkeypatch, question, fields, told):
    embedder = open_hef()
    whole = embedder.health()
    control = type(simulated_platform().Device().control)
    monkeypatch.setattr(control, QUESTIONS[question], lambda _: SimpleNamespace(**fields))
    assert embedder.health() == replace(whole, **told)


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
    for fault, kind in (
        ("busy", errors.DeviceBusyError),
        ("no_device", errors.DeviceMissingError),
        ("driver_mismatch", errors.DriverMismatchError),
    ):
        with inject(**{fault: True}), pytest.raises(kind, match="HailoRT to open the device"):
            ask_chip(resource, 2.0)
    embedder = open_hef()  # nobody holds it any more
    with pytest.raises(errors.DeviceBusyError, match="another owner"):
        ask_chip(resource, 0.1)
    assert embedder.embed_preprocessed(batch()).shape == (3, 768)


def test_a_device_that_is_not_attached_is_missing_and_not_busy(open_hef):
    away, there = "0000:09:00.0", "0000:01:00.0"
    for fault, named, kind in (
        ({}, away, errors.DeviceMissingError),
        ({"busy": True}, away, errors.DeviceMissingError),
        ({"busy": True}, there, errors.DeviceBusyError),
    ):
        with inject(**fault):
            with pytest.raises(kind, match="HailoRT to open the device"):
                open_hef(device_id=named)
            with pytest.raises(kind, match="HailoRT to open the device"):
                ask_chip(ChipResource(simulated_platform(), named), 2.0)


@pytest.mark.parametrize(
    ("asked", "attached"),
    [
        (None, True), ("0000:01:00.0", True), ("01:00.0", True), ("0000:1:0.0", True),
        ("0000:1a:00.0", False), ("0001:01:00.0", False), ("00.0", False), ("[integrated]", False),
    ],
)  # fmt: skip
def test_an_id_is_compared_as_hailort_does(asked, attached):
    assert ChipResource(simulated_platform(), asked).attached() is attached
    with inject(no_device=True):
        assert not ChipResource(simulated_platform(), asked).attached()


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
