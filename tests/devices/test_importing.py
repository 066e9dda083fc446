"""Evidence of a device: signed, judged by the gate like any other, and never taken twice."""

import json
import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from device_parts import Exchange, answer, ask, device_features

from cardembed.conformance.evidence import read_bundle
from cardembed.conformance.gate import gate
from cardembed.conformance.phrases import Role, find_phrase
from cardembed.conformance.policy import Policy, Requirement, Runner
from cardembed.conformance.signing import generate_key
from cardembed.conformance.spec import cell_specs, parse_feature
from cardembed.conformance.states import State
from cardembed.devices.check import check_response
from cardembed.devices.importing import import_response
from cardembed.devices.keys import phone_key
from cardembed.devices.records import write_record
from cardembed.devices.wire import LatencyPlan
from cardembed.errors import EvidenceError
from cardembed.fidelity import Fidelity

KEY = generate_key()
CELLS = ("DEVICE-1/android", "DEVICE-2/android", "PERFORMANCE-2/android")


@pytest.fixture
def features(tmp_path):
    """The devices' features, about as few photos as these tests send."""
    folder = tmp_path / "features"
    for name, file in device_features().items():
        text = file.read_text(encoding="utf-8")
        text = text.replace("95 % of 64 photos, at 95 % confidence", "40 % of 6 photos, at 95 % confidence")
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return folder


def with_latency(exchange, milliseconds):
    """As a device's response whose run took as long as its samples, and a little for the rest."""
    samples = [round(value * 1e6) for value in milliseconds]
    span = sum(samples) + 10**9
    clock = {"name": "elapsedRealtimeNanos", "started_ns": 5, "finished_ns": 5 + span}
    content = exchange.content
    finished = datetime.fromisoformat(content["started"]) + timedelta(seconds=span / 1e9)
    return exchange.as_device(latency_ns=samples, clock=clock, load_ns=10**6, finished=finished.isoformat())


def as_a_device(release, photo_set, folder, target):
    """An exchange whose response says it is a device's, with latency that satisfies the feature."""
    plan = LatencyPlan(warm_up=0, samples=1024, seconds=60, max_samples=100_000)
    short = LatencyPlan(warm_up=0, samples=2, seconds=0, max_samples=2)
    record = ask(release, photo_set, folder / "q", target=target, latency=short)
    answer(folder / "q", folder / "response")
    asked = record.request.model_copy(update={"latency": plan})
    exchange = Exchange(record.model_copy(update={"request": asked}), folder)
    write_record(exchange.record)
    milliseconds, samples = (62, 1024) if target == "android" else (45, 1400)
    return with_latency(exchange, milliseconds + np.random.default_rng(3).uniform(-2, 2, samples))


@pytest.fixture
def device(random_release, photo_set, tmp_path):
    return as_a_device(random_release, photo_set, tmp_path, "android")


def policy(**more):
    rules = {
        "name": "devices",
        "runners": (Runner(name="lab", public_key=KEY.public_text, cells=("*/android",)),),
        "requirements": (Requirement(criterion="*", target="*", fidelity="device"),),
    }
    return Policy(**rules | more)


def decided(bundle, features):
    """Every cell by the gate with the one runner."""
    now = read_bundle(bundle).predicate.finished  # the clock of this test's device runs ahead
    return {cell.id: cell for cell in gate(policy(), [bundle], features, now=now).cells}


def imported(exchange, features, **more):
    # The device's latency was not waited for, so its run ends after the time by which this test looks at it.
    options = {"key": KEY, "runner": "lab", "now": datetime.now(UTC) + timedelta(minutes=5)} | more
    return import_response(exchange.response, exchange.folder / "bundle", features, **options)


def test_a_devices_evidence_passes_the_gate(device, features):
    made = imported(device, features)
    assert {cell.id: cell.state for cell in made.measured} == dict.fromkeys(CELLS, State.PASS)
    bundle = read_bundle(made.bundle, keys=[KEY.public])
    assert bundle.predicate.device["app"]["kind"] == "android"
    assert bundle.predicate.artefacts["android"].fidelity is Fidelity.DEVICE
    cells = decided(made.bundle, features)
    assert {name: cells[name].state for name in CELLS} == dict.fromkeys(CELLS, State.PASS)
    assert cells["PERFORMANCE-1/ios"].state is State.NOT_RUN
    assert (made.bundle / "report.html").stat().st_size > 1000


def test_two_phones_with_a_key_each_make_a_release_shippable(random_release, photo_set, tmp_path, features):
    runners, bundles = [], []
    for target in ("android", "ios"):
        folder = tmp_path / target
        folder.mkdir()
        key = phone_key(folder / "key")
        assert phone_key(folder / "key").public == key.public
        made = imported(as_a_device(random_release, photo_set, folder, target), features, key=key)
        assert made.signer == key.public
        bundles.append(made.bundle)
        runners.append(Runner(name=target, public_key=key.public_text, cells=(f"*/{target}",)))
    now = max(read_bundle(bundle).predicate.finished for bundle in bundles)
    both = policy(runners=tuple(runners))
    assert gate(both, bundles, features, now=now).releasable
    alone = gate(both, bundles[:1], features, now=now)
    missing = {reason.split(":")[0] for reason in alone.reasons}
    assert missing == {"DEVICE-1/ios", "DEVICE-2/ios", "PERFORMANCE-1/ios"}


def test_every_cell_has_its_place_and_those_of_others_were_not_asked_for(device, features):
    made = imported(device, features)
    others = [cell for cell in made.predicate.cells if cell.id not in CELLS]
    assert {cell.id for cell in made.predicate.cells} == {spec.id for spec in cell_specs(features)}
    assert {(cell.state, cell.reason) for cell in others} == {
        (State.NOT_RUN, "not among what a device is asked for")
    }


@pytest.mark.parametrize(("milliseconds", "state"), [(130.0, State.FAIL), (62.0, State.PASS)])
def test_latency_is_judged_by_its_bound(device, features, milliseconds, state):
    jitter = np.random.default_rng(4).uniform(-1, 1, 1024)
    imported(with_latency(device, milliseconds + jitter), features)
    assert decided(device.folder / "bundle", features)["PERFORMANCE-2/android"].state is state


def test_another_preprocessing_fails(device, features):
    rows = device.rows("jpeg")
    device.put_rows(np.roll(rows, 1, axis=1), "jpeg")
    made = imported(device, features)
    states = {cell.id: cell.state for cell in made.measured}
    assert states["DEVICE-1/android"] is State.FAIL
    assert states["DEVICE-2/android"] is State.PASS
    assert decided(made.bundle, features)["DEVICE-1/android"].state is State.FAIL


def test_another_model_fails(device, features):
    rows = np.random.default_rng(0).standard_normal((6, 768))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    device.put_rows(rows).put_rows(rows, "jpeg")
    states = {cell.id: cell.state for cell in imported(device, features).measured}
    assert states["DEVICE-1/android"] is State.PASS
    assert states["DEVICE-2/android"] is State.FAIL


def test_a_stand_in_judges_no_latency_and_is_no_device(exchange, features):
    made = imported(exchange, features)
    assert {cell.id: cell.state for cell in made.measured} == dict.fromkeys(CELLS[:2], State.PASS)
    latency = made.predicate.cell("PERFORMANCE-2/android")
    assert latency.state is State.NOT_RUN
    assert latency.reason.endswith("this ran at fidelity runtime")
    assert {cell.fidelity for cell in made.measured} == {Fidelity.RUNTIME}
    cells = decided(made.bundle, features)
    assert cells["DEVICE-1/android"].results[0].because == "fidelity runtime, and the policy needs device"
    assert not any(cells[name].state is State.PASS for name in CELLS)


def test_the_same_response_is_refused_the_second_time(exchange, features):
    first = imported(exchange, features)
    before = (first.bundle / "evidence.dsse.json").read_bytes()
    for _ in range(2):
        with pytest.raises(EvidenceError, match="a nonce that was not used yet"):
            imported(exchange, features)
    assert (first.bundle / "evidence.dsse.json").read_bytes() == before
    exchange.change(resize="another response to the same request")
    with pytest.raises(EvidenceError, match="make a new request"):
        imported(exchange, features)
    assert check_response(exchange.response).record.used.bundle == first.predicate.run_id


def test_of_two_imports_at_once_one_is_refused(exchange, features):
    results = []

    def attempt(number):
        try:
            import_response(exchange.response, exchange.folder / f"bundle{number}", features, key=KEY)
            results.append("imported")
        except EvidenceError as error:
            results.append(error.expected)

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["a nonce that was not used yet"] * 2 + ["imported"]


def test_what_is_refused_uses_no_nonce(exchange, features):
    rows = exchange.rows()
    good = rows.copy()
    rows[0, 0] = np.nan
    exchange.put_rows(rows)
    with pytest.raises(EvidenceError, match="NaN"):
        imported(exchange, features)
    assert not (exchange.folder / "bundle").exists()
    assert imported(exchange.put_rows(good), features).measured


def test_the_gates_nonce_is_carried(random_release, photo_set, tmp_path, features):
    record = ask(random_release, photo_set, tmp_path / "request", count=2, gate_nonce="of-the-gate")
    answer(tmp_path / "request", tmp_path / "response")
    made = imported(Exchange(record, tmp_path), features)
    assert made.predicate.nonce == "of-the-gate"


def test_without_a_host_that_executes_the_target_the_comparison_is_not_run(exchange, features):
    write_record(exchange.record.model_copy(update={"host": None}))
    made = imported(exchange, features)
    assert [cell.id for cell in made.measured] == ["DEVICE-1/android"]
    assert made.predicate.cell("DEVICE-2/android").state is State.NOT_RUN


def test_the_evidence_names_weights_and_what_was_made_of_them(exchange, features):
    record = exchange.record.request.artefact
    artefact = imported(exchange, features).predicate.artefacts["android"]
    assert artefact.digest == record.named_by
    assert artefact.runtime["derived_sha256"] == record.sha256 != record.named_by


def test_the_devices_features_consist_of_phrases():
    files = device_features()
    assert len(files) == 4
    specs = [spec for name, file in files.items() for spec in parse_feature(file.read_text("utf-8"), name)]
    for spec in specs:
        roles = [find_phrase(step)[0].role for step in spec.steps]
        assert roles == [Role.SETUP, Role.ACTION, Role.PREDICATE, Role.CLAIM], spec.id
        assert spec.required
        assert spec.aspect == ""


def test_the_command_line_goes_all_the_way(run, random_release, photo_set, features, monkeypatch):
    tmp_path = features.parent
    monkeypatch.chdir(tmp_path)
    asks = ("--release", random_release, "--photos", photo_set.root, "--target", "android", "--count", 3)
    plan = ("--warm-up", 1, "--samples", 4, "--seconds", 0, "--threads", 1)
    code, out, err = run("device", "request", *asks, *plan, "--out", "q.zip", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["photos"] == 3
    assert json.loads(out)["compared_on_host"]
    code, out, err = run("device", "run", "q.zip", "--out", "a.zip", "--threads", 1)
    assert (code, err) == (0, "")
    assert "fidelity runtime, stand-in" in out
    code, out, _ = run("device", "check", "a.zip")
    assert code == 0
    assert "cosine at least" in out
    code, out, _ = run("device", "import", "a.zip", "--out", "bundle", "--features", features, "--json")
    assert code == 0
    assert set(json.loads(out)["cells"]) == set(CELLS[:2])
    code, out, err = run("device", "import", "a.zip", "--out", "again", "--features", features)
    assert (code, out) == (2, "")
    assert "not used yet" in err
    assert err.count("\n") == 1
    assert not (tmp_path / "again").exists()
    assert "would be refused" in run("device", "check", "a.zip")[1]
    code, _, err = run("device", "run", "q.zip", "--out", "a.zip")
    assert code == 2
    assert "something there" in err
