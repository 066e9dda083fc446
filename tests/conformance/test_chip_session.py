"""A session on what passes for a chip: the way of a latency to a verdict, and what must not take it.

No test can have a Hailo-8L: the simulator is told to deny what it is, which nothing outside of tests can do.
"""

import re
import shutil
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from chip_parts import write_photos, write_release
from pydantic import ValidationError

from cardembed._io import sha256_file
from cardembed.conformance import chip_setup
from cardembed.conformance.chip_record import as_evidence, read_records, void_of
from cardembed.conformance.chip_setup import ChipSetup, hef_normaliser, prepare_setup
from cardembed.conformance.measure import bench as bench_module
from cardembed.conformance.measure import chip as chip_module
from cardembed.conformance.measure import single_stream
from cardembed.conformance.measure.bench import Bench
from cardembed.conformance.measure.chip import ChipSession, golden_pictures
from cardembed.conformance.measure.contract import probe_repeatable
from cardembed.conformance.recorder.cell import Cell
from cardembed.conformance.spec import parse_feature
from cardembed.embedders import hailo
from cardembed.embedders.exports import compiled_hef
from cardembed.errors import (
    DeviceBusyError,
    DeviceLostError,
    DeviceTimeoutError,
    DriverMismatchError,
    InfrastructureError,
    PhotoSetError,
    ReleaseError,
    UnavailableError,
    UsageError,
    WrongAnswerError,
    WrongArchitectureError,
)
from cardembed.hailo.deadline import Deadline
from cardembed.hailo.enquiry import ask_chip
from cardembed.hailo.protocol import Identity
from cardembed.hailo.resource import ChipResource, Ownership, simulated_platform
from cardembed.hailo.simulator.chip import CHIP, HANG
from cardembed.hailo.simulator.faults import FAULTS_VARIABLE, inject
from cardembed.release import Artefact, Release

sys.path.append(str(Path(__file__).parents[1] / "hailo"))

SPEED = """
@AC-5
Feature: AC-5 Inference Speed

  Scenario Outline: <target>
    Given the ConvNeXt-Tiny student model deployed on Hailo 8L
    When processing a single image
    Then inference MUST complete in <{limit}ms
    And this holds for the 99th percentile of at least 300 queries over at least 0.2 s, at 95 % confidence

    Examples: targets
      | target  |
      | hailo8l |
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    from hailo_parts import SIZE, write_hef

    folder = tmp_path_factory.mktemp("session")
    release = write_release(folder / "release", SIZE)
    return write_hef(folder / "small.simhef"), release, write_photos(release, folder / "photos")


@pytest.fixture
def disguise(monkeypatch, tmp_path):
    monkeypatch.setattr(ChipResource, "simulated", property(lambda _: False))
    for module in (hailo, chip_setup):
        monkeypatch.setattr(module, "is_simulated", lambda _: False)
    monkeypatch.setattr(hailo, "hailo_platform", simulated_platform)
    monkeypatch.setattr(
        chip_module, "measure_hef", lambda path, device_id: {"chip_latency_ms": 1.0, "path": path.name}
    )
    # These are about what a latency decides. On a machine with other work the small network's queries scatter
    # by more than what a cache would save; that one is noticed is test_single_stream's.
    monkeypatch.setattr(single_stream, "_NOTICEABLE", float("inf"))
    monkeypatch.setenv("CARDEMBED_LOCKS", str(tmp_path))


def measured(world, run_dir, limit):
    """The cell AC-5 after a run, and the session's record."""
    hef, release, photos = world
    (spec,) = parse_feature(SPEED.format(limit=limit), "ac5.feature")
    cell = Cell(spec, run_dir)
    setup = {
        "release": str(release.root), "catalogue": None, "distractors": None, "photos": str(photos.root),
        "use_cache": True, "chip": prepare_setup(release, "chip", hef=hef).model_dump(),
    }  # fmt: skip
    with Bench(setup, run_dir=run_dir) as bench:
        bench.deployed("hailo8l")
        bench.measure(cell)
        record = bench.chip.record
    return cell, record


@pytest.mark.parametrize(("limit", "state"), [(5000, "pass"), (0.001, "fail")])
def test_a_latency_of_a_chip_decides(disguise, world, tmp_path, limit, state):
    cell, record = measured(world, tmp_path, limit)
    assert cell.record.verdict.state == state
    assert cell.record.artefact.fidelity == "device"
    assert cell.record.verdict.reason.endswith("; small hailo8l, 16 × 16 pixels")
    context = cell.samples.context.model_extra
    assert (context["clock_hz"], context["throttled"]) == (200_000_000, False)
    assert set(context["temperatures_celsius"]) == {51.0}
    assert len(cell.samples.milliseconds) >= 300
    assert sum(cell.samples.milliseconds) >= 200
    assert record.after.golden_identical
    assert record.hailortcli == {"chip_latency_ms": 1.0, "path": "small.simhef"}


def test_a_latency_of_another_chip_does_not(disguise, world, tmp_path):
    with (
        inject(architecture="HAILO8"),
        pytest.raises(UnavailableError, match=r"found HAILO8; .*\d+ queries in"),
    ):
        measured(world, tmp_path, 5000)


def test_a_latency_of_two_chips_decides_nothing(disguise, world, tmp_path, monkeypatch):
    timed = bench_module.measure_latency

    def replaced(*arguments, **options):
        monkeypatch.setattr(hailo.HailoEmbedder, "identify", lambda _: other)
        return timed(*arguments, **options)

    other = Identity("HAILO8L", "4.23.0", "another board", "0000:02:00.0")
    monkeypatch.setattr(bench_module, "measure_latency", replaced)
    with pytest.raises(
        InfrastructureError, match=r"opened first \(HAILO8L, .*found HAILO8L, .*another board"
    ):
        measured(world, tmp_path, 5000)


def test_the_last_check_asks_which_chip_answers_it(world, tmp_path, monkeypatch):
    hef, release, _ = world
    session = ChipSession(prepare_setup(release, "simulator", hef=hef), release, tmp_path)
    session.embedder()
    other = Identity("HAILO8L", "4.23.0", "another board", "0000:02:00.0", simulated=True)
    monkeypatch.setattr(hailo.HailoEmbedder, "identify", lambda _: other)
    session.close()
    assert session.record.after is None
    assert "another board" in session.record.void


def test_processes_of_a_run_have_one_chip_between_them(tmp_path, world):
    hef, release, _ = world
    records = []
    for number, swapped in enumerate((False, True)):
        with inject():
            CHIP.swapped = swapped
            folder = tmp_path / str(number)
            session = ChipSession(prepare_setup(release, "simulator", hef=hef), release, folder)
            session.embedder()
            session.close()
        records += read_records(folder)
    assert [record.void for record in records] == ["", ""]
    assert void_of(records[:1] * 2) == ""
    assert re.search(r"two chips .*SIMULATED .*SIMULATED-2", void_of(records))


def test_a_release_without_a_compiled_network_is_not_run(world, tmp_path):
    _, release, _ = world
    session = ChipSession(ChipSetup(device="chip"), release, tmp_path)
    for _ in range(2):  # the second time from memory
        with pytest.raises(UnavailableError, match=r"compiled network .*in the release.*found none"):
            session.embedder()
    assert [attempt.error for attempt in session.record.attempts] == ["UnavailableError"]


def test_a_chip_that_is_named_and_not_attached_is_not_run(disguise, world, tmp_path):
    hef, release, _ = world
    session = ChipSession(prepare_setup(release, "0000:09:00.0", hef=hef), release, tmp_path)
    for _ in range(2):
        with pytest.raises(UnavailableError, match="expected a Hailo-8L"):
            session.embedder()
    assert [attempt.error for attempt in session.record.attempts] == ["DeviceMissingError"]


# Every fault of docs/HAILO.md, and what asking a chip that has it ends in. A health check is four frames: the
# last chip is lost between the first check and the second.
FAULTS = [
    ("no_device", UnavailableError), ("busy", DeviceBusyError), ("driver_mismatch", DriverMismatchError),
    ("architecture=HAILO15H", WrongArchitectureError), ("corrupt_hef", ReleaseError),
    ("lost_after=2", DeviceLostError), ("swapped_after=2", DeviceLostError),
    ("timeout_after=2", DeviceTimeoutError), ("hang_after=2", DeviceTimeoutError),
    ("nondeterministic", None), ("throttled", None), ("lost_after=4", None),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "kind"), FAULTS)
def test_whatever_happened_the_lock_is_free_once_the_session_is_closed(
    world, tmp_path, monkeypatch, fault, kind
):
    hef, release, _ = world
    session = ChipSession(prepare_setup(release, "simulator", hef=hef, timeout=1), release, tmp_path)
    owner = Ownership(ChipResource(simulated_platform()))
    monkeypatch.setenv(FAULTS_VARIABLE, fault)
    with nullcontext() if kind is None else pytest.raises(kind) as caught:
        session.embedder()
        with pytest.raises(DeviceBusyError):  # or what is said below would be said of any lock
            owner.acquire(Deadline.after(0.1))
    session.close()
    assert (session.record.after is None) == (fault not in {"nondeterministic", "throttled"})
    # The process goes on with the session and the error, whose frames hold the driver: neither its end nor
    # the garbage collector gave the lock back.
    owner.acquire(Deadline.after(0.1))
    owner.release()
    assert caught is None or caught.tb
    monkeypatch.delenv(FAULTS_VARIABLE)
    with inject():  # a lost chip is back, and one that hung lets go
        wait_until_free()


def wait_until_free():
    end = time.monotonic() + 2 * HANG
    while CHIP.taken:
        assert time.monotonic() < end, "nobody gave the chip back"
        time.sleep(0.02)


def damaged(world, folder):
    """A copy of the network whose bytes are not whole any more."""
    hef, _, _ = world
    file = folder / "damaged.simhef"
    file.write_bytes(hef.read_bytes()[:-100])
    return ChipSetup(device="simulator", hef=str(file), normalised="chip")


def test_of_a_damaged_network_the_chip_is_on_record_and_it_is_tried_once(world, tmp_path, monkeypatch):
    _, release, _ = world
    session = ChipSession(damaged(world, tmp_path), release, tmp_path)
    with pytest.raises(ReleaseError, match="status 91"):
        session.embedder()
    (written,) = read_records(tmp_path)
    assert written == session.record
    assert written.identity["architecture"] == "simulator of HAILO8L"
    assert (written.without_network.temperature_celsius, written.without_network.throttled) == (51, False)
    assert (written.before, written.attempts, written.void) == (None, [], "")
    assert as_evidence([written])["health_check"].startswith("not made, since no network was loaded")
    monkeypatch.setattr(chip_module, "HailoEmbedder", None)  # whoever opens it again fails otherwise
    with pytest.raises(ReleaseError, match="status 91"):
        session.embedder()
    assert ask_chip(ChipResource(simulated_platform()), 10)  # and the chip is free


def test_a_chip_that_does_not_say_what_it_is_takes_nothing_from_the_error(world, tmp_path, monkeypatch):
    _, release, _ = world

    def gone(*_):
        raise DeviceLostError("the chip", expected="an answer", found="none", action="look after it")

    monkeypatch.setattr(chip_module, "ask_chip", gone)
    session = ChipSession(damaged(world, tmp_path), release, tmp_path)
    with pytest.raises(ReleaseError, match="status 91"):
        session.embedder()
    assert (session.record.identity, session.record.without_network) == ({}, None)
    assert "status 91" in session.record.health_check
    assert "the chip gave no answer: the chip: expected an answer" in session.record.health_check


def test_a_stand_in_for_the_chip_leaves_no_identity(world, tmp_path, monkeypatch):
    _, release, _ = world
    monkeypatch.setattr(chip_module, "hailo_platform", simulated_platform)
    compiled = tmp_path / "some.hef"
    compiled.write_bytes(b"\x01HEF")
    monkeypatch.setattr(hailo, "hailo_platform", simulated_platform)
    setup = prepare_setup(release, "chip", hef=compiled, normalised="chip")
    session = ChipSession(setup, release, tmp_path)
    with pytest.raises(ReleaseError, match="found another file"):
        session.embedder()
    assert (session.record.identity, session.record.without_network) == ({}, None)
    assert session.record.artefact["file"] == "some.hef"
    assert "unreadable" in session.record.artefact


def repeated(world, run_dir, device):
    hef, release, photos = world
    session = ChipSession(prepare_setup(release, device, hef=hef), release, run_dir)
    probe = probe_repeatable(session.embedder(), photos, 3, 4)
    session.close()
    return probe


def test_a_chip_that_repeats_itself_passes(disguise, world, tmp_path):
    assert repeated(world, tmp_path, "chip").is_identical() is None


def test_a_simulator_may_fail_to_repeat_itself_and_never_passes(world, tmp_path):
    with pytest.raises(UnavailableError, match=r"the simulator; .*3 photos gave the same bytes 4 times"):
        repeated(world, tmp_path / "1", "simulator").is_identical()
    with inject(nondeterministic=True), pytest.raises(WrongAnswerError, match="differ from the first"):
        repeated(world, tmp_path / "2", "simulator").is_identical()


def test_a_chip_that_says_the_same_to_everything_is_not_well(world, tmp_path, monkeypatch):
    hef, release, _ = world
    constant = np.full((4, 768), 768**-0.5, np.float32)
    monkeypatch.setattr(hailo.HailoEmbedder, "embed_pixels", lambda *_: constant)
    session = ChipSession(prepare_setup(release, "simulator", hef=hef), release, tmp_path)
    with pytest.raises(InfrastructureError, match="one answer to several"):
        session.embedder()
    assert session.record.before is None


def test_nothing_that_only_answers_to_the_name_is_taken_for_what_was_asked_for(world, tmp_path, monkeypatch):
    hef, release, _ = world
    posing = ChipSetup(device="chip", hef=str(hef), normalised="chip")
    with pytest.raises(UsageError, match="expected a chip"):
        ChipSession(posing, release, tmp_path).embedder()
    with pytest.raises(UsageError, match="a simulated one"):
        prepare_setup(release, "chip", hef=hef)
    compiled = tmp_path / "some.hef"
    compiled.write_bytes(b"\x01HEF")
    with pytest.raises(UsageError, match="expected a simulated network"):
        prepare_setup(release, "simulator", hef=compiled)
    with pytest.raises(UsageError, match="found no file"):
        prepare_setup(release, "chip", hef=tmp_path / "none.hef")


def test_golden_pictures_are_the_same_everywhere_and_differ():
    pictures = golden_pictures(224)
    assert (pictures.shape, pictures.dtype) == ((4, 224, 224, 3), np.uint8)
    assert len({picture.tobytes() for picture in pictures}) == 4
    assert (golden_pictures(224) == pictures).all()
    assert (golden_pictures(112)[:, ::16, ::16] == pictures[:, ::32, ::32]).all()


def shipped(world, folder, said, **compiled):
    """The HEF, and a release that holds it and says who normalises for it."""
    hef, release, _ = world
    root = shutil.copytree(release.root, folder / "release")
    shutil.copy(hef, root / "net.hef")
    content = {"path": "net.hef", "sha256": sha256_file(hef), "format": "hef", "bytes": hef.stat().st_size}
    if compiled:
        content["compiled"] = {"sdk_version": "3", "contexts": 1, **compiled}
    artefact = Artefact.model_validate({**content, "normalised": said})
    return hef, Release.load(root).with_artefact("hailo8l", artefact).write()


def test_who_normalises_is_said_and_never_assumed(world, tmp_path):
    hef, silent = shipped(world, tmp_path, None)
    with pytest.raises(ReleaseError, match=r"net.hef in release.json .*import-artefact FILE"):
        compiled_hef(silent, "hailo8l")
    with pytest.raises(ReleaseError, match=r"net.hef in release.json"):
        hef_normaliser(hef, silent, "chip")
    _, telling = shipped(world, tmp_path / "2", "host")
    assert hef_normaliser(hef, telling, None) == "host"
    with pytest.raises(UsageError, match=r"--hef-normalised: expected host, as release\.json says"):
        hef_normaliser(hef, telling, "chip")
    other = tmp_path / "other.hef"
    other.write_bytes(b"\x01HEF")
    with pytest.raises(UsageError, match=r"--hef-normalised: expected who subtracts the mean"):
        hef_normaliser(other, telling, None)
    assert hef_normaliser(other, telling, "chip") == "chip"
    with pytest.raises(ValidationError, match="who normalises"):  # so that no session has to guess
        ChipSetup(device="chip", hef=str(other))


@pytest.mark.parametrize("named", [None, "the same.hef"])
def test_a_photo_that_the_releases_hef_was_calibrated_on_is_refused(disguise, world, tmp_path, named):
    _, _, photos = world
    for photo in (photos.records[3].sha256, "0" * 64):
        hef, own = shipped(world, tmp_path / photo[:4], "chip", calibration_photos=(photo,))
        if named:
            hef = Path(shutil.copy(hef, tmp_path / named))
        chip = prepare_setup(own, "chip", hef=hef if named else None)
        setup = {"release": str(own.root), "photos": str(photos.root), "chip": chip.model_dump()}
        with Bench(setup, run_dir=tmp_path) as bench:
            if photo == "0" * 64:
                assert bench.embedder("hailo8l").calibrated_on == {photo}
                continue
            with pytest.raises(PhotoSetError, match=f"calibrated on, found 1: {photos.records[3].id};"):
                bench.embedder("hailo8l")


@pytest.mark.parametrize(
    ("said", "named", "normalised"),
    [
        ("host", None, "host"), ("chip", None, "chip"), ("host", "the same.hef", "host"),
        ("host", "another.hef", "chip"),  # as its own manifest says
    ],
)  # fmt: skip
def test_the_release_says_who_normalises_for_its_own_hef(  # noqa: PLR0917 - fixtures
    world, disguise, tmp_path, monkeypatch, said, named, normalised
):
    hef, own = shipped(world, tmp_path, said)
    given = []

    class OpenedError(Exception):
        pass

    def opened(path, **options):
        given.append((Path(path).name, options["normalised"]))
        raise OpenedError

    monkeypatch.setattr(chip_module, "HailoEmbedder", opened)
    if named:
        (tmp_path / named).write_bytes(hef.read_bytes() + (b"more" if named == "another.hef" else b""))
    setup = prepare_setup(own, "chip", hef=tmp_path / named if named else None)
    with pytest.raises(OpenedError):
        ChipSession(setup, own, tmp_path).embedder()
    assert given == [(named or "net.hef", normalised)]
