"""The Raspberry Pi's job on the simulated chip: what it says, and what each fault makes of it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from chip_parts import (
    ROOT,
    Job,
    base_install,
    hiding,
    states,
    write_features,
    write_photos,
    write_release,
)

from cardembed.conformance.evidence import read_bundle
from cardembed.conformance.report import render_report
from cardembed.errors import DeviceBusyError
from cardembed.hailo.deadline import Deadline
from cardembed.hailo.resource import ChipResource, Ownership, simulated_platform

sys.path.append(str(Path(__file__).parents[1] / "hailo"))
NEVER_ASKED = {"AC-1/zero-shot", "AC-2/zero-shot"}
"""The small release has no such cards."""
ON_A_CHIP_ALONE = {"AC-5", "DEVICE-3"}
"""What the simulator says of these is information."""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    from hailo_parts import SIZE, write_hef

    folder = tmp_path_factory.mktemp("job")
    release = write_release(folder / "release", SIZE)
    write_features(folder)
    return folder, write_hef(folder / "small.simhef"), release, write_photos(release, folder / "photos")


@pytest.fixture
def job(world):
    folder, *rest = world
    return Job(folder, *rest)


def free(within=0.5):
    """The lock is there for the taking."""
    owner = Ownership(ChipResource(simulated_platform()))
    owner.acquire(Deadline.after(within))
    owner.release()


@pytest.fixture(scope="module")
def healthy(world):
    folder, *rest = world
    made = Job(folder, *rest)
    return (*made.run(), made.report)


def test_a_healthy_chip_is_judged_and_put_on_record(healthy):
    code, out, predicate, _ = healthy
    found = states(predicate)
    assert code == 1  # random weights recognise nothing
    assert {name for name, state in found.items() if state == "error"} == set(), out
    assert {name for name, state in found.items() if state == "not run"} == {*ON_A_CHIP_ALONE, *NEVER_ASKED}
    assert found["MODEL-1"] == "pass"
    assert found["AC-8"] in ("fail", "inconclusive")  # judged, from the teacher's embeddings in the set
    device = predicate.device
    assert device["simulated"] is True
    assert (device["asked"], device["target"]) == ("simulator", "hailo8l")
    assert device["identity"] == {
        "architecture": "simulator of HAILO8L",
        "firmware": "4.23.0 (simulated)",
        "serial_number": "SIMULATED (simulated)",
        "device_id": "0000:01:00.0 (simulated)",
    }
    for check in ("before", "after"):
        reading = device[check]
        assert (reading["temperature_celsius"], reading["clock_hz"]) == (51, 200_000_000)
        assert reading["throttled"] is False
    assert device["after"]["golden_identical"] is True
    assert device["after"]["golden_sha256"] == device["before"]["golden_sha256"]
    assert device["health_check"] == "passed twice"
    assert "hailortcli" not in device


def test_nothing_of_the_extras_is_needed(world, healthy, tmp_path):
    _, *rest = world
    features = write_features(tmp_path)
    shutil.copy(ROOT / "features" / "models" / "model2_parameters.feature", features / "models")
    env = {"PYTHONPATH": base_install(tmp_path / "base")}
    code, out, predicate = Job(tmp_path, *rest).run("-n", "1", env=env)  # as on the Pi
    found = states(predicate)
    assert found.pop("MODEL-2") == "not run", out  # it counts a network's parameters
    assert "torch: expected an importable package" in predicate.cell("MODEL-2/hailo8l").reason
    assert (code, found) == (healthy[0], states(healthy[2])), out
    golden = {one.device["before"]["golden_sha256"] for one in (predicate, healthy[2])}
    assert len(golden) == 1


def test_the_simulator_is_never_taken_for_the_device(healthy):
    _, out, predicate, _ = healthy
    assert {cell.fidelity for cell in predicate.cells if cell.fidelity} == {"emulated"}
    assert predicate.artefacts["hailo8l"].runtime["name"] == "hailort-simulator"
    assert "simulated chip: simulator of HAILO8L firmware 4.23.0 (simulated)" in out
    assert out.splitlines()[-1].startswith("cardembed: FAIL ON A SIMULATED CHIP — ")


def test_a_latency_of_the_simulator_is_information_and_no_verdict(healthy):
    _, _, predicate, report = healthy
    cell = predicate.cell("AC-5/hailo8l")
    assert (cell.state, cell.measurement, cell.fidelity) == ("not run", None, None)
    assert "only true on the device" in cell.reason
    latency = predicate.device["latency"]
    assert latency["queries"] >= 300
    assert latency["seconds"] >= 1
    assert latency["p50_ms"] <= latency["p90_ms"] <= latency["p99_ms"] <= latency["p99_upper_bound_ms"]
    assert latency["smallest_cosine"] == pytest.approx(1, abs=1e-6)
    assert (latency["changed_answers"], latency["throttled"]) == (0, False)
    assert f"small hailo8l, 16 × 16 pixels: {latency['queries']:.0f} queries" in cell.reason
    assert f"{latency['queries']:.0f} queries" in render_report(report)


def test_that_the_simulator_repeats_itself_is_no_pass(healthy):
    _, _, predicate, report = healthy
    cell = predicate.cell("DEVICE-3/hailo8l")
    assert [step.status for step in cell.steps] == ["passed", "passed", "skipped"]
    assert "found the simulator; for information: 4 photos gave the same bytes 3 times" in cell.reason
    assert "found the simulator" in render_report(report)


def test_the_report_shows_the_device(healthy):
    _, _, _, report = healthy
    page = (report / "report.html").read_text()
    for text in ("simulator of HAILO8L", "4.23.0 (simulated)", "golden", "The chip was simulated."):
        assert text in page
    # Nowhere on the page does the simulator's word stand as a chip's.
    assert page.count("architecture HAILO8L") == page.count("firmware 4.23.0,") == 0


# What docs/HAILO.md promises of a chip that gives no answer at all: the fault, the errors on record, and what
# every cell's reason tells. A chip that is not there, or busy, has tests of its own below.
STOPS = [
    ("driver_mismatch", ["DriverMismatchError"], "status 76"),
    ("architecture=HAILO15H", ["WrongArchitectureError"], "status 93"),
    ("architecture=HAILO15H,older_library", ["WrongArchitectureError"], "status 26"),
    ("corrupt_hef", [], "status 91"),
    ("timeout_after=0", ["DeviceTimeoutError", "DeviceTimeoutError"], "status 4"),
    ("late_callback_after=0", ["DeviceTimeoutError", "DeviceTimeoutError"], "status 4"),
]
ARCHITECTURES = {
    "corrupt_hef": "simulator of HAILO8L",
    "architecture=HAILO15H": "simulator of HAILO15H",
    "architecture=HAILO15H,older_library": "simulator of HAILO15H",
    "timeout_after=0": "simulator of HAILO8L",
    "late_callback_after=0": "simulator of HAILO8L",
}
"""What the device says it is; nothing where it cannot be opened."""


@pytest.mark.parametrize(("fault", "errors", "says"), STOPS)
def test_a_chip_that_gives_no_answer_at_all(job, fault, errors, says):
    code, out, predicate = job.run("--device-timeout", "4", faults=fault)
    assert code == 1
    assert set(states(predicate).values()) == {"error"}, out
    reasons = {cell.reason for cell in predicate.cells if cell.target == "hailo8l"}
    assert [reason for reason in reasons if says not in reason] == []
    attempts = predicate.device["attempts"]
    assert [attempt["error"] for attempt in attempts] == errors
    told = predicate.device.get("identity", {}).get("architecture")
    assert told == ARCHITECTURES.get(fault)
    verb = "not passed: the chip" if "DeviceTimeoutError" in errors else "not made"
    assert predicate.device["health_check"].startswith(verb)
    # Where the network is what the chip does not take, it still says how it feels.
    if fault.startswith(("corrupt_hef", "architecture=HAILO15H")):
        state = predicate.device["without_network"]
        assert (state["temperature_celsius"], state["clock_hz"], state["throttled"]) == (51, 200e6, False)
        assert predicate.device["runtime"]["name"] == "hailort-simulator"
        assert predicate.device["artefact"]["file"] == "small.simhef"
        assert "before" not in predicate.device
        assert predicate.device["health_check"].startswith("not made, since no network was loaded: ")
        assert says in predicate.device["health_check"]
        assert f"simulated chip: {told}, health check not made" in out
        page = render_report(job.report)
        assert told in page
        assert "Health check" in page
    times = [datetime.fromisoformat(attempt["at"]) for attempt in attempts]
    # Between them are a pause, the deadline, and a second to let go.
    assert not times or max(times) - min(times) < timedelta(seconds=20)


def test_a_call_that_hangs_costs_its_deadline_and_no_more(job):
    code, out, predicate = job.run("--device-timeout", "1", faults="hang_after=0")
    assert code == 1
    assert set(states(predicate).values()) == {"error"}, out
    first, second = predicate.device["attempts"]
    assert (first["error"], "s, found none" in first["reason"]) == ("DeviceTimeoutError", True)
    # The call still has the chip when it is asked once more, or has just let go of it.
    assert second["error"] in ("DeviceBusyError", "DeviceTimeoutError")


def test_a_chip_that_is_lost_on_the_way(job):
    code, out, predicate = job.run("-k", "ac1 or device3 or ac5", faults="lost_after=30")
    found = states(predicate)
    assert code == 1
    assert {found[name] for name in ("AC-1", "AC-5", "DEVICE-3")} == {"error"}, out
    cell = predicate.cell("AC-1/hailo8l")
    assert [attempt.state for attempt in cell.attempts] == ["error"]
    assert "status 36" in cell.attempts[0].reason
    assert predicate.device["before"]
    assert "after" not in predicate.device
    assert [a["error"] for a in predicate.device["attempts"]] == ["DeviceLostError", "DeviceMissingError"]


def test_another_chip_in_the_place_of_a_lost_one_is_no_retry(job):
    code, out, predicate = job.run("-k", "ac1 or model1", faults="swapped_after=30")
    found = states(predicate)
    assert code == 1
    assert {found[name] for name in ("AC-1", "MODEL-1")} == {"error"}, out
    cell = predicate.cell("AC-1/hailo8l")
    assert [attempt.state for attempt in cell.attempts] == ["error"]
    assert "status 36" in cell.attempts[0].reason
    assert "opened first" in cell.reason
    device = predicate.device
    assert device["identity"]["serial_number"] == "SIMULATED (simulated)"
    assert "SIMULATED-2" in device["health_check"]
    assert "after" not in device
    assert [a["error"] for a in device["attempts"]][:2] == ["DeviceLostError", "InfrastructureError"]


def test_nothing_counts_without_the_second_health_check(job):
    # The health check (4 frames) and MODEL-1 (32) are answered, and the last health check is not.
    code, out, predicate = job.run("-k", "model1", faults="lost_after=38")
    assert code == 1
    cell = predicate.cell("MODEL-1/hailo8l")
    assert cell.state == "error", out
    assert cell.reason.startswith("on the chip: no health check after the last image")
    assert {step.status for step in cell.steps} == {"passed"}
    assert "nothing counts" in out
    assert predicate.device["health_check"].startswith("passed before the first image, and then: no health")


def test_a_chip_that_answers_differently_every_time_fails(job):
    code, out, predicate = job.run(faults="nondeterministic")
    found = states(predicate)
    assert code == 1
    assert (found["DEVICE-3"], found["MODEL-1"]) == ("fail", "fail"), out
    assert "differ from the first" in predicate.cell("DEVICE-3/hailo8l").reason
    assert predicate.device["after"]["golden_identical"] is False
    # There is no latency of answers that are others than before; everything else is judged as it came.
    assert {name for name, state in found.items() if state == "error"} == {"AC-5"}
    assert "found cosine" in predicate.cell("AC-5/hailo8l").reason


def test_throttling_changes_no_answer_and_is_noted(job, healthy):
    _, out, predicate = job.run(faults="throttled")
    assert states(predicate) == states(healthy[2]), out
    device = predicate.device
    assert (device["before"]["throttled"], device["after"]["throttled"]) == (True, True)
    assert device["before"]["temperature_celsius"] > 100
    assert device["latency"]["throttled"] is True
    assert device["latency"]["p50_ms"] > healthy[2].device["latency"]["p50_ms"] + 15
    assert "throttled" in predicate.cell("AC-5/hailo8l").reason
    assert "throttled" in out


def test_a_busy_chip_is_asked_once_more_and_both_times_are_recorded(job):
    owner = Ownership(ChipResource(simulated_platform()))
    owner.acquire(Deadline.after(0.5))
    arguments = ("-k", "model1", "--device-timeout", "1")
    process = subprocess.Popen(
        job.command(*arguments), cwd=job.folder, env=job.environment(), stdout=subprocess.PIPE, text=True
    )
    try:
        wait_for(lambda: "DeviceBusyError" in records(job), 60)
    finally:
        owner.release()
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    predicate = read_bundle(job.report).predicate
    cell = predicate.cell("MODEL-1/hailo8l")
    assert cell.state == "pass"
    assert [attempt.state for attempt in cell.attempts] == ["error"]
    assert [a["error"] for a in predicate.device["attempts"]] == ["DeviceBusyError"]


def test_two_workers_have_one_retry_between_them(job):
    # Not as features/pytest.ini has it, where one worker has the chip: each of these opens it.
    code, out, predicate = job.run("-n", "2", "--dist", "load", faults="busy")
    asked = [cell for cell in predicate.cells if cell.target == "hailo8l"]
    assert code == 1
    assert {cell.state for cell in asked} == {"error"}, out
    assert all("status 74" in cell.reason for cell in asked), out
    assert sum(len(cell.attempts) for cell in asked) == 1
    processes = [predicate.device, *predicate.device["earlier_processes"]]
    assert sorted(len(one["attempts"]) for one in processes) == [1, 2]
    assert {attempt["error"] for one in processes for attempt in one["attempts"]} == {"DeviceBusyError"}


def records(job):
    """The text of the records that the job's processes wrote so far."""
    return "".join(file.read_text() for file in job.folder.glob(f".{job.report.name}.*.part/.chip/*.json"))


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_job_that_is_killed_leaves_the_lock_free(job, workers):
    process = subprocess.Popen(
        job.command("-n", workers), cwd=job.folder, env=job.environment("throttled"),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        wait_for(lambda: "golden" in records(job), 60)
        with pytest.raises(DeviceBusyError):
            free()
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    free(within=10)  # a worker notices that nobody listens any more, and ends


@pytest.mark.parametrize("workers", ["0", "1"])
def test_who_has_the_chip_is_killed_while_a_call_hangs_and_the_lock_is_free_at_once(job, workers):
    # The health check's four frames are answered, and every call after them hangs for 2 s.
    process = subprocess.Popen(
        job.command("-n", workers, "--max-worker-restart", "0", "--device-timeout", "60"), cwd=job.folder,
        env=job.environment("hang_after=4"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        wait_for(lambda: "golden" in records(job), 60)
        (record,) = job.folder.glob(f".{job.report.name}.*.part/.chip/*.json")
        owner = int(record.stem.rpartition("-")[2])
        assert (owner == process.pid) == (workers == "0")
        with pytest.raises(DeviceBusyError):
            free()
        os.kill(owner, signal.SIGKILL)
        free()
    finally:
        process.kill()
        process.wait(10)


def test_without_a_chip_every_cell_is_not_run_and_the_run_not_green(job, tmp_path):
    compiled = tmp_path / "any.hef"
    compiled.write_bytes(b"\x01HEF" + bytes(60))
    job.hef = compiled
    env = {"PYTHONPATH": hiding(tmp_path / "hidden", ("hailo_platform",))}
    code, out, predicate = job.run("--hef-normalised", "chip", device=("--device",), env=env)
    assert code != 0
    found = {cell.id: cell for cell in predicate.cells if cell.target == "hailo8l"}
    assert {cell.state for cell in found.values()} == {"not run"}
    assert all("hailo-all" in cell.reason for cell in found.values()), out
    assert predicate.device["simulated"] is False
    assert [attempt["error"] for attempt in predicate.device["attempts"]] == ["UnavailableError"]
    assert predicate.device["health_check"] == "not made: no chip was reached"


def test_without_a_compiled_network_every_cell_is_not_run_and_the_run_not_green(job):
    code, out, predicate = job.run(device=("--device",), hef=False)
    assert code != 0
    found = [cell for cell in predicate.cells if cell.target == "hailo8l"]
    assert {cell.state for cell in found} == {"not run"}, out
    assert all("compiled network" in cell.reason for cell in found), out
    assert [attempt["error"] for attempt in predicate.device["attempts"]] == ["UnavailableError"]


ELSE = """
@MODEL-9
Feature: MODEL-9 Something that needs no device

  Scenario Outline: <target>
    Given the architecture of the target in profile "prd"

    Examples: targets
      | target  |
      | hailo8l |
"""


def test_a_chip_that_executed_nothing_is_not_green_whatever_else_passed(world, tmp_path):
    _, *rest = world
    (write_features(tmp_path) / "models" / "model9.feature").write_text(ELSE)
    job = Job(tmp_path, *rest)
    code, out, predicate = job.run(faults="no_device")
    found = states(predicate)
    assert found.pop("MODEL-9") == "pass"
    assert set(found.values()) == {"not run"}, out
    assert [attempt["error"] for attempt in predicate.device["attempts"]] == ["DeviceMissingError"]
    assert code == pytest.ExitCode.TESTS_FAILED
    assert out.splitlines()[-1].startswith("cardembed: NOTHING RAN ON THE DEVICE — 1 pass")


@pytest.mark.parametrize(
    ("arguments", "device", "message"),
    [
        (
            ("--device-timeout", "0"),
            ("--device", "simulator"),
            "positive number of seconds",
        ),  # of the options
        ((), ("--device",), "a simulated one"),  # of what they name
    ],
)
def test_misuse_is_one_line(job, arguments, device, message):
    code, out, predicate = job.run(*arguments, device=device)
    assert (code, predicate) == (pytest.ExitCode.USAGE_ERROR, None)
    assert message in out
    assert "Traceback" not in out
