import base64
import json
import os
import stat
import threading

import pytest
from conformance_parts import DIGEST, retrieval, world, write_features

from cardembed._io import sha256_bytes
from cardembed.conformance import evidence
from cardembed.conformance.evidence import EVIDENCE, read_bundle, seal_bundle, write_bundle
from cardembed.conformance.predicate import PREDICATE_TYPE, WorstSample, measurement_name
from cardembed.conformance.signing import (
    PAYLOAD_TYPE,
    PublicKey,
    generate_key,
    load_key,
    load_or_create_key,
    open_envelope,
    seal_envelope,
    signing_key_path,
)
from cardembed.errors import EvidenceError, SignatureError

KEY = generate_key()


@pytest.fixture
def bundle(tmp_path):
    features = write_features(tmp_path / "features")
    predicate, samples = world(features)
    return write_bundle(
        tmp_path / "bundle", predicate, samples=samples, images={"images/a.jpg": b"jpeg"}, key=KEY
    )


def measurement(bundle):
    return bundle / "measurements" / "AC-1.teacher.json"


def envelope(bundle):
    return json.loads((bundle / EVIDENCE).read_text())


def statement(bundle):
    return json.loads(base64.b64decode(envelope(bundle)["payload"]))


def reseal(bundle, value, key=KEY):
    (bundle / EVIDENCE).write_bytes(seal_envelope(json.dumps(value).encode(), key))


def test_a_bundle_comes_back_as_it_was_written(bundle):
    read = read_bundle(bundle, keys=[KEY.public])
    assert read.signer == KEY.public
    assert read.predicate.public_key == KEY.public_text
    assert read.predicate.cell("AC-1/teacher").state == "pass"
    assert read.samples("AC-1/teacher").size == 100
    assert read.samples("MODEL-1/unit-norm/-") is None
    assert read.image("images/a.jpg") == b"jpeg"
    assert sorted(path.name for path in bundle.iterdir()) == [EVIDENCE, "images", "measurements"]
    assert not list(bundle.parent.glob(".*"))


def test_the_statement_is_in_totos_and_names_what_was_judged(bundle):
    value = statement(bundle)
    assert envelope(bundle)["payloadType"] == "application/vnd.in-toto+json"
    assert value["_type"] == "https://in-toto.io/Statement/v1"
    assert value["predicateType"] == PREDICATE_TYPE
    subjects = {subject["name"]: subject["digest"]["sha256"] for subject in value["subject"]}
    assert subjects == {
        "release/first": DIGEST["release"],
        "teacher": DIGEST["teacher"],
        "ios": DIGEST["ios"],
    }
    assert value["predicate"]["schema_version"] == 1


def test_a_report_may_lie_beside_and_nothing_else(bundle):
    (bundle / "report.html").write_text("<p>")
    read_bundle(bundle, keys=[KEY.public])
    (bundle / "notes.txt").write_text("x")
    with pytest.raises(EvidenceError, match=r"also notes\.txt"):
        read_bundle(bundle, keys=[KEY.public])


def change_measurement(bundle):
    text = measurement(bundle).read_text()
    measurement(bundle).write_text(text.replace('"rank":[1', '"rank":[2', 1))


def change_image(bundle):
    (bundle / "images/a.jpg").write_bytes(b"other")


def remove_measurement(bundle):
    measurement(bundle).unlink()


def add_measurement(bundle):
    (bundle / "measurements/extra.json").write_text("{}")


def add_folder(bundle):
    (bundle / "images/more").mkdir()


def link_measurement(bundle):
    elsewhere = bundle.parent / "elsewhere.json"
    measurement(bundle).rename(elsewhere)
    measurement(bundle).symlink_to(elsewhere)


def link_folder(bundle):
    (bundle / "images").rename(bundle.parent / "images")
    (bundle / "images").symlink_to(bundle.parent / "images")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_measurement, r"AC-1\.teacher\.json: expected SHA-256"),
        (change_image, r"a\.jpg: expected SHA-256"),
        (remove_measurement, r"missing: measurements/AC-1\.teacher\.json"),
        (add_measurement, r"not named in the statement: measurements/extra\.json"),
        (add_folder, "not named in the statement: images/more"),
        (link_measurement, "found a link"),
        (link_folder, "expected a folder, found a link"),
    ],
)
@pytest.mark.parametrize("keys", [None, [KEY.public]], ids=["looking", "deciding"])
def test_a_changed_file_is_refused(bundle, change, message, keys):
    change(bundle)
    with pytest.raises(EvidenceError, match=message):
        read_bundle(bundle, keys=keys)


def flip(payload):
    value = json.loads(payload)
    value["predicate"]["cells"][0]["state"] = "waived"
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("field", "change", "message"),
    [
        (
            "payload",
            lambda v: base64.b64encode(flip(base64.b64decode(v))).decode(),
            "does not fit the payload",
        ),
        ("payloadType", lambda v: "application/json", "payload type 'application/json'"),
        ("signatures", lambda v: [], "not exactly one signature"),
        ("signatures", lambda v: [*v, *v], "not exactly one signature"),
        ("signatures", lambda v: [{**v[0], "keyid": "0" * 64}], "unknown key 0000000000000000"),
        ("signatures", lambda v: [{**v[0], "sig": base64.b64encode(b"0" * 64).decode()}], "does not fit"),
        ("signatures", lambda v: [{"sig": 3}], "valid signature"),
        ("signatures", lambda v: {"keyid": "x"}, "not exactly one signature"),
        ("payload", lambda v: 7, "valid signature"),
    ],
)
def test_a_changed_envelope_is_refused(bundle, field, change, message):
    value = envelope(bundle)
    value[field] = change(value[field])
    (bundle / EVIDENCE).write_text(json.dumps(value))
    with pytest.raises(SignatureError, match=message):
        read_bundle(bundle, keys=[KEY.public])


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"payload": "e30="}'])
def test_what_is_no_envelope_is_refused(bundle, data):
    (bundle / EVIDENCE).write_bytes(data)
    with pytest.raises(SignatureError, match="DSSE envelope"):
        read_bundle(bundle)


def test_another_key_is_refused_by_name(bundle):
    other = generate_key()
    with pytest.raises(SignatureError, match=f"unknown key {KEY.key_id[:16]}.*name the runner's public key"):
        read_bundle(bundle, keys=[other.public])
    with pytest.raises(SignatureError, match="unknown key"):
        read_bundle(bundle, keys=[])


def test_a_payload_of_another_type_is_refused_though_its_signature_is_right():
    from securesystemslib.dsse import Envelope

    sealed = Envelope(b"{}", "text/plain", {})
    KEY.sign(sealed)
    assert sealed.verify([KEY.public.verifier], 1)
    with pytest.raises(SignatureError, match="payload type 'text/plain'"):
        open_envelope(json.dumps(sealed.to_dict()).encode(), [KEY.public])


def edit(path, value):
    def change(whole):
        *way, last = path
        place = whole
        for step in way:
            place = place[step]
        place[last] = value
        return whole

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edit(["_type"], "https://in-toto.io/Statement/v0.1"), "Wrong statement type"),
        (edit(["predicateType"], "https://example.com"), "expected the predicate https://cardembed"),
        (edit(["predicate", "schema_version"], 2), "expected schema version 1, found 2"),
        (edit(["predicate", "surprise"], 1), "nothing is called so at surprise"),
        (edit(["predicate", "cells", 0, "state"], "great"), "at cells.0.state"),
        (edit(["predicate", "cells", 0, "measurement", "path"], "../../etc/passwd"), "measurement.path"),
        (edit(["predicate", "cells", 0, "measurement", "path"], "/etc/passwd"), "measurement.path"),
        (edit(["predicate", "cells", 0, "measurement", "path"], "measurements/../x"), "measurement.path"),
        (
            edit(["predicate", "cells", 0, "measurement", "path"], "measurements/AC-1.ios.json"),
            "measurements/AC-1.teacher.json for the cell AC-1/teacher",
        ),
        (edit(["predicate", "images", 0, "path"], "images/../../a.jpg"), "at images.0.path"),
        (edit(["predicate", "run_id"], "a\nb"), "at run_id"),
        (edit(["predicate", "artefacts", "teacher", "digest"], "0" * 64), "subjects that are the artefacts"),
        (edit(["subject", 0, "digest", "sha256"], "0" * 64), "subjects that are the artefacts"),
        (edit(["subject"], []), "At least one subject"),
        (edit(["predicate", "features", "acceptance/ac1.feature", "text"], "x"), "text of acceptance/ac1"),
        (edit(["predicate", "finished"], "2026-01-01T00:00:00"), "at finished"),
    ],
)
def test_a_signed_statement_that_contradicts_itself_is_refused(bundle, change, message):
    reseal(bundle, change(statement(bundle)))
    with pytest.raises(EvidenceError, match=message):
        read_bundle(bundle, keys=[KEY.public])


def test_a_cell_that_stands_twice_is_refused(bundle):
    value = statement(bundle)
    value["predicate"]["cells"].append(value["predicate"]["cells"][0])
    reseal(bundle, value)
    with pytest.raises(EvidenceError, match="twice: AC-1/teacher"):
        read_bundle(bundle)


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"_type": 3}', b"\xff"])
def test_a_signed_payload_that_is_no_statement_is_refused(bundle, payload):
    (bundle / EVIDENCE).write_bytes(seal_envelope(payload, KEY))
    with pytest.raises(EvidenceError, match="in-toto statement"):
        read_bundle(bundle)


def test_files_that_are_too_large_are_refused(bundle, monkeypatch):
    monkeypatch.setitem(evidence._LIMITS, "measurements", 100)
    with pytest.raises(EvidenceError, match=r"at most 0 MB, found more"):
        read_bundle(bundle)
    monkeypatch.setattr(evidence, "_MAX_FILES", 2)
    with pytest.raises(EvidenceError, match="at most 2 files"):
        read_bundle(bundle)


def test_a_file_that_changes_after_reading_the_bundle_is_noticed(bundle):
    read = read_bundle(bundle, keys=[KEY.public])
    change_measurement(bundle)
    change_image(bundle)
    with pytest.raises(EvidenceError, match="SHA-256"):
        read.samples("AC-1/teacher")
    with pytest.raises(EvidenceError, match="SHA-256"):
        read.image("images/a.jpg")
    with pytest.raises(EvidenceError, match="names"):
        read.image("images/b.jpg")
    with pytest.raises(EvidenceError, match="AC-9"):
        read.samples("AC-9/teacher")


def test_no_directory_is_refused(tmp_path):
    with pytest.raises(EvidenceError, match="an evidence bundle, found no"):
        read_bundle(tmp_path / "absent")


def test_a_bundle_replaces_a_bundle_and_nothing_else(tmp_path, bundle):
    features = tmp_path / "features"
    predicate, samples = world(features, run_id="second")
    write_bundle(bundle, predicate, samples=samples, key=KEY)
    read = read_bundle(bundle)
    assert (read.predicate.run_id, read.predicate.images) == ("second", [])
    with pytest.raises(EvidenceError, match="something else"):
        write_bundle(features, predicate, samples=samples, key=KEY)
    assert (features / "acceptance/ac1.feature").is_file()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("samples", "images", "message"),
    [
        ({"AC-9/teacher": retrieval(3)}, {}, "not named in the statement"),
        ({}, {"../a.jpg": b""}, r"images/1\.jpg"),
        ({}, {"images/../../a.jpg": b""}, r"images/1\.jpg"),
    ],
)
def test_parts_that_do_not_fit_leave_nothing_behind(tmp_path, samples, images, message):
    predicate, _ = world(write_features(tmp_path / "features"))
    with pytest.raises(EvidenceError, match=message):
        write_bundle(tmp_path / "out", predicate, samples=samples, images=images, key=KEY)
    assert [path.name for path in tmp_path.iterdir()] == ["features"]


def test_a_shown_photo_must_be_there(tmp_path):
    predicate, samples = world(write_features(tmp_path / "features"))
    predicate.cells[0].worst.append(WorstSample(photo="images/gone.jpg", caption="x"))
    with pytest.raises(EvidenceError, match=r"shown but not named as images: images/gone\.jpg"):
        write_bundle(tmp_path / "out", predicate, samples=samples, key=KEY)


def test_sealing_a_folder_references_what_lies_in_it(tmp_path):
    predicate, samples = world(write_features(tmp_path / "features"))
    folder = tmp_path / "work"
    (folder / "measurements").mkdir(parents=True)
    data = b"{}"
    (folder / measurement_name("AC-1/ios")).write_bytes(data)
    signed = seal_bundle(folder, predicate, key=KEY)
    refs = {cell.id: cell.measurement for cell in signed.cells if cell.measurement}
    assert {name: ref.sha256 for name, ref in refs.items()} == {"AC-1/ios": sha256_bytes(data)}
    assert read_bundle(folder).predicate == signed
    assert samples


# --- keys ---


def test_the_key_is_made_once_for_its_owner_alone(tmp_path, monkeypatch):
    monkeypatch.delenv("CARDEMBED_SIGNING_KEY", raising=False)
    monkeypatch.setenv("CARDEMBED_CONFIG", str(tmp_path / "config"))
    first = load_or_create_key()
    path = signing_key_path()
    assert path == tmp_path / "config/signing_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert load_or_create_key().public == first.public
    assert [file.name for file in path.parent.iterdir()] == ["signing_key"]


def test_many_at_once_make_one_key(tmp_path, monkeypatch):
    monkeypatch.delenv("CARDEMBED_SIGNING_KEY", raising=False)
    monkeypatch.setenv("CARDEMBED_CONFIG", str(tmp_path / "config"))
    keys = []
    threads = [threading.Thread(target=lambda: keys.append(load_or_create_key().public)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_the_variable_names_a_key_and_never_makes_one(tmp_path, monkeypatch):
    path = tmp_path / "key"
    monkeypatch.setenv("CARDEMBED_SIGNING_KEY", str(path))
    with pytest.raises(SignatureError, match="CARDEMBED_SIGNING_KEY"):
        load_or_create_key()
    assert not path.exists()
    path.write_bytes(KEY.pem)
    path.chmod(0o600)
    assert load_or_create_key().public == KEY.public


@pytest.mark.skipif(os.name != "posix", reason="permission bits")
def test_a_key_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(KEY.pem)
    path.chmod(0o644)
    with pytest.raises(SignatureError, match=r"mode 644; run: chmod 600"):
        load_key(path)


def rsa_pem():
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    "data", [b"", b"no key", KEY.pem[:-40], rsa_pem()], ids=["empty", "text", "truncated", "other-curve"]
)
def test_what_is_no_ed25519_key_is_refused(tmp_path, data):
    path = tmp_path / "key"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(SignatureError, match="ed25519 private key"):
        load_key(path)


@pytest.mark.parametrize("text", ["", "ed25519:", "ed25519:AAAA", "rsa:AAAA", "ed25519:" + "!" * 44])
def test_what_is_no_public_key_is_refused(text):
    with pytest.raises(SignatureError, match="public key"):
        PublicKey.parse(text)


def test_a_public_key_survives_its_text():
    assert PublicKey.parse(f" {KEY.public_text}\n") == KEY.public
    assert len(KEY.key_id) == 64
    assert PAYLOAD_TYPE == "application/vnd.in-toto+json"
