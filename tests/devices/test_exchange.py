"""A request that is executed and answered: what both hold, and that they fit."""

import json

import numpy as np
import pytest
from device_parts import PLAN, answer, ask

from cardembed._io import sha256_bytes, sha256_file
from cardembed.devices.check import check_response
from cardembed.devices.digests import artefact_files, folder_digest, joint_digest
from cardembed.devices.wire import DeviceRequest, parse_wire
from cardembed.embedders.exports import exported_coreml
from cardembed.embedders.registry import open_embedder
from cardembed.errors import DigestMismatchError, EvidenceError, PhotoSetError, ReleaseError
from cardembed.fidelity import Fidelity
from cardembed.release import Release


def test_a_request_holds_every_photo_in_both_forms(exchange, photo_set, random_release):
    request = parse_wire(DeviceRequest, (exchange.request / "request.json").read_bytes(), "request")
    assert request == exchange.record.request
    shape = (6, 3, 128, 128)
    assert request.tensors.shape == shape
    tensors = np.frombuffer((exchange.request / "tensors.f32").read_bytes(), "<f4").reshape(shape)
    rows = photo_set.indices(condition="clean", severity=2)[:6]
    with open_embedder(random_release, "android", threads=1) as embedder:
        expected = embedder.preprocessing.batch([photo_set.image(int(row)) for row in rows])
    np.testing.assert_array_equal(tensors, expected)
    for photo, row in zip(request.photos, rows, strict=True):
        record = photo_set.records[row]
        assert photo.id == record.id
        assert sha256_file(exchange.request / photo.file.path) == record.sha256
    artefact = request.artefact
    assert artefact.sha256 == sha256_file(exchange.request / artefact.path)
    assert artefact.named_by == Release.load(random_release).weights("android").sha256
    assert artefact.format == "onnx"


def test_two_requests_share_neither_nonce_nor_id(exchange, random_release, photo_set, tmp_path):
    other = ask(random_release, photo_set, tmp_path / "another").request
    assert other.nonce != exchange.record.request.nonce
    assert other.request_id != exchange.record.request.request_id


def test_the_stand_in_executes_the_artefact_and_never_calls_itself_a_device(exchange, random_release):
    checked = check_response(exchange.response)
    assert checked.fidelity is Fidelity.RUNTIME
    assert checked.response.app.kind == "stand-in"
    assert checked.response.runtime.used == ("CPUExecutionProvider",)
    tensors = np.frombuffer((exchange.request / "tensors.f32").read_bytes(), "<f4").reshape(6, 3, 128, 128)
    with open_embedder(random_release, "android", threads=1) as embedder:
        np.testing.assert_allclose(checked.tensor, embedder.embed_preprocessed(tensors), atol=1e-6)
    np.testing.assert_allclose(checked.jpeg, checked.tensor, atol=1e-5)  # Pillow on both sides
    assert len(set(map(bytes, checked.tensor))) == 6
    assert len(checked.response.latency_ns) >= PLAN.samples
    assert checked.warnings == ()


def test_ios_is_executed_by_what_the_release_has_and_says_so(random_release, photo_set, tmp_path):
    pytest.importorskip("coremltools")
    ask(random_release, photo_set, tmp_path / "r.zip", target="ios", count=2)
    answer(tmp_path / "r.zip", tmp_path / "a.zip")
    checked = check_response(tmp_path / "a.zip")
    assert checked.fidelity is Fidelity.EMULATED  # the deployed program, not on a phone
    assert checked.record.request.artefact.format == "mlpackage"
    assert checked.tensor.shape == (2, 768)


def test_an_artefact_that_travels_apart_has_to_be_the_requests(random_release, photo_set, tmp_path):
    pytest.importorskip("coremltools")
    package, _ = exported_coreml(Release.load(random_release), "ios")
    record = ask(random_release, photo_set, tmp_path / "r", target="ios", count=1, carry_artefact=False)
    assert not (tmp_path / "r" / "artefact").exists()
    with pytest.raises(EvidenceError, match="--artefact"):
        answer(tmp_path / "r", tmp_path / "a")
    with pytest.raises(DigestMismatchError, match="the artefact of the request"):
        answer(tmp_path / "r", tmp_path / "a", artefact=random_release / "android.safetensors")
    response = answer(tmp_path / "r", tmp_path / "a", artefact=package)
    assert response.artefact_sha256 == record.request.artefact.sha256
    assert check_response(tmp_path / "a").record.request.request_id == record.request.request_id


def test_latency_goes_on_until_there_are_enough_samples_and_enough_time(exchange, tmp_path):
    file = exchange.request / "request.json"
    content = json.loads(file.read_bytes())
    content["latency"] = {"warm_up": 0, "samples": 3, "seconds": 0.5, "max_samples": 100_000}
    file.write_text(json.dumps(content))
    samples = answer(exchange.request, tmp_path / "slow").latency_ns
    assert len(samples) >= 3
    assert sum(samples) >= 0.5e9 > sum(samples[:-1])
    content["latency"]["max_samples"] = 5
    file.write_text(json.dumps(content))
    assert len(answer(exchange.request, tmp_path / "short").latency_ns) == 5


def test_a_folders_digest_is_that_of_sha256sums_lines(tmp_path):
    package = tmp_path / "m.mlpackage"
    (package / "Data").mkdir(parents=True)
    (package / "Manifest.json").write_bytes(b"{}")
    (package / "Data" / "weight.bin").write_bytes(b"123")
    files = artefact_files(package, "artefact/m.mlpackage")
    lines = f"{sha256_bytes(b'123')}  Data/weight.bin\n{sha256_bytes(b'{}')}  Manifest.json\n"
    assert joint_digest("artefact/m.mlpackage", files) == sha256_bytes(lines.encode())
    assert folder_digest([]) == sha256_bytes(b"")
    (package / "Data" / "weight.bin").write_bytes(b"124")
    changed = artefact_files(package, "artefact/m.mlpackage")
    assert joint_digest("artefact/m.mlpackage", changed) != joint_digest("artefact/m.mlpackage", files)


def test_links_in_a_package_are_refused(tmp_path):
    package = tmp_path / "m.mlpackage"
    package.mkdir()
    (package / "weight.bin").symlink_to("/etc/hostname")
    with pytest.raises(ReleaseError, match="a link"):
        artefact_files(package, "m")
    with pytest.raises(ReleaseError, match="nothing"):
        artefact_files(tmp_path / "none", "m")


def test_a_package_travels_as_a_folder(random_release, photo_set, tmp_path):
    package = tmp_path / "ios.mlpackage"
    (package / "Data" / "com.apple.CoreML").mkdir(parents=True)
    (package / "Manifest.json").write_bytes(b"{}")
    (package / "Data" / "com.apple.CoreML" / "model.mlmodel").write_bytes(b"not executed here")
    record = ask(random_release, photo_set, tmp_path / "r", target="ios", count=1, artefact=package)
    names = [file.path for file in record.request.artefact.files]
    assert names == [
        "artefact/ios.mlpackage/Data/com.apple.CoreML/model.mlmodel",
        "artefact/ios.mlpackage/Manifest.json",
    ]
    assert all((tmp_path / "r" / name).is_file() for name in names)
    assert record.request.artefact.format == "mlpackage"


def test_what_cannot_be_asked(random_release, photo_set, tmp_path):
    with pytest.raises(PhotoSetError, match="expected 9 clean photos, found 8"):
        ask(random_release, photo_set, tmp_path / "r", count=9)
    with pytest.raises(ReleaseError, match="another kind of file"):
        ask(random_release, photo_set, tmp_path / "r", artefact=random_release / "release.json")
    (tmp_path / "r").mkdir()
    with pytest.raises(EvidenceError, match="something there"):
        ask(random_release, photo_set, tmp_path / "r")
    assert [path.name for path in tmp_path.iterdir()] == ["r"]  # nothing is left behind
