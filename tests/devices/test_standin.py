"""Requests come from elsewhere, too: what the stand-in refuses to execute."""

import json
import zipfile
from typing import get_args

import numpy as np
import pytest
from apple_parts import PLAN, be_a_mac
from device_parts import answer, ask

from cardembed._io import sha256_file
from cardembed.devices.executors import OPENERS
from cardembed.devices.wire import RequestedArtefact
from cardembed.embedders.exports import exported_coreml
from cardembed.embedders.registry import open_embedder
from cardembed.errors import CardembedError, DigestMismatchError, EvidenceError
from cardembed.export.coreml import CoreMLOptions, export_coreml
from cardembed.export.ort import export_ort
from cardembed.export.source import source_of_target
from cardembed.fidelity import Fidelity
from cardembed.release import Release


def edit(exchange, change):
    file = exchange.request / "request.json"
    content = json.loads(file.read_bytes())
    change(content)
    file.write_text(json.dumps(content))
    return exchange


def refuses(exchange, text, error=EvidenceError):
    with pytest.raises(error, match=text):
        answer(exchange.request, exchange.folder / "out")
    assert not (exchange.folder / "out").exists()


@pytest.mark.parametrize("path", ["../../evil", "/tmp/evil", "C:\\evil", "artefact/../../evil"])
def test_paths_that_lead_elsewhere(exchange, path):
    refuses(edit(exchange, lambda c: c["artefact"]["files"][0].update(path=path)), "artefact.files.0.path")


def test_an_artefact_beside_its_folder(exchange):
    def change(content):
        content["artefact"]["files"].append(content["photos"][0]["file"])

    refuses(edit(exchange, change), "expected the artefact's files at artefact/")


def test_changed_photos_tensors_and_artefacts(exchange):
    for name in ("tensors.f32", "photos/00000.jpg", exchange.record.request.artefact.path):
        file = exchange.request / name
        data = file.read_bytes()
        file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        refuses(exchange, "truncated or changed")
        file.write_bytes(data[:-1])
        refuses(exchange, "truncated or changed")
        file.write_bytes(data)


def test_an_artefact_other_than_its_digest(exchange):
    def change(content):
        content["artefact"]["sha256"] = "ab" * 32

    refuses(edit(exchange, change), "the artefact of the request", DigestMismatchError)


def test_tensors_that_do_not_fit_the_photos(exchange):
    refuses(edit(exchange, lambda c: c["photos"].pop()), r"expected tensors \(5, 3, 128, 128\)")


def test_a_picture_that_is_none(exchange):
    from cardembed._io import sha256_bytes

    data = b"no picture"
    (exchange.request / "photos" / "00000.jpg").write_bytes(data)
    file = {"path": "photos/00000.jpg", "sha256": sha256_bytes(data), "bytes": len(data)}
    refuses(edit(exchange, lambda c: c["photos"][0].update(file=file)), "a JPEG, PNG or WebP", CardembedError)


def test_every_format_that_a_request_can_name_is_executed():
    assert set(OPENERS) == set(get_args(RequestedArtefact.model_fields["format"].annotation))


def test_a_file_of_another_format_than_the_request_says(exchange):
    for name in ("mlmodel", "mlpackage", "safetensors"):
        edit(exchange, lambda c, name=name: c["artefact"].update(format=name))
        refuses(exchange, r"\.onnx", CardembedError)
    edit(exchange, lambda c: c["artefact"].update(format="hef"))
    refuses(exchange, "artefact.format")


@pytest.mark.parametrize(
    "chosen", [("android", "ort", "onnxruntime"), ("ios", "mlmodel", "coreml")], ids=lambda row: row[1]
)
def test_a_file_in_the_runtimes_own_format(random_release, photo_set, tmp_path, chosen):
    target, suffix, runtime = chosen
    source, path = source_of_target(Release.load(random_release), target), tmp_path / f"{target}.{suffix}"
    if suffix == "ort":
        export_ort(source, path)
    else:
        pytest.importorskip("coremltools")
        export_coreml(source, path, CoreMLOptions(format="mlmodel"))
    record = ask(random_release, photo_set, tmp_path / "r", target=target, count=1, artefact=path)
    asked = record.request.artefact
    assert (asked.format, asked.sha256) == (suffix, sha256_file(path))
    made = answer(tmp_path / "r", tmp_path / "out")
    assert (made.artefact_sha256, made.runtime.name) == (asked.sha256, runtime)
    rows = np.frombuffer((tmp_path / "out" / "tensor-embeddings.f32").read_bytes(), "<f4")
    with open_embedder(random_release, target, runtime="torch", threads=1) as embedder:
        pictures = [photo_set.image(row) for row in photo_set.indices(condition="clean")[:1]]
        assert embedder.embed(pictures)[0] @ rows > 0.9999


def test_a_core_ml_package_is_executed(random_release, photo_set, tmp_path):
    pytest.importorskip("coremltools")
    _, digest = exported_coreml(Release.load(random_release), "ios")
    record = ask(random_release, photo_set, tmp_path / "r", target="ios", count=1)
    assert record.request.artefact.sha256 == digest
    made = answer(tmp_path / "r", tmp_path / "out")
    assert (made.fidelity, made.runtime.name) == (Fidelity.EMULATED, "coreml")


@pytest.fixture(scope="module")
def of_ios(random_release, photo_set, tmp_path_factory):
    pytest.importorskip("coremltools")
    folder = tmp_path_factory.mktemp("ios") / "r"
    ask(random_release, photo_set, folder, target="ios", count=1)
    return folder


@pytest.mark.parametrize("plan", [PLAN, None])
def test_on_a_mac_the_units_are_asked_for_and_used_is_what_the_plan_says(of_ios, tmp_path, monkeypatch, plan):
    mac = be_a_mac(monkeypatch, plan)
    heat = iter(("nominal", "serious"))
    monkeypatch.setattr("cardembed.devices.standin.thermal_state", lambda: next(heat))
    made = answer(of_ios, tmp_path / "out", compute_units="CPU_AND_GPU")
    assert (mac.asked, made.app.kind, made.fidelity) == (["CPU_AND_GPU"], "mac", Fidelity.RUNTIME)
    assert made.runtime.requested == ("cpu", "gpu")
    assert made.runtime.used == (() if plan is None else ("cpu", "neuralEngine"))
    assert (made.thermal.before, made.thermal.after) == ("nominal", "serious")


def test_compute_units_are_core_mls(of_ios, exchange, tmp_path, run):
    for request, text in ((of_ios, "which computes on the CPU"), (exchange.request, "CPU_ONLY for onnx")):
        code, _, err = run("device", "run", request, "--out", tmp_path / "out", "--compute-units", "CPU_ONLY")
        assert (code, text in err) == (2, True)


def test_what_does_not_say_what_it_uses_is_not_answered_for(exchange, monkeypatch):
    from cardembed.embedders.onnx import OnnxEmbedder

    monkeypatch.setattr(OnnxEmbedder, "used", lambda self: ())
    response = answer(exchange.request, exchange.folder / "out")
    assert (response.runtime.requested, response.runtime.used) == (("CPUExecutionProvider",), ())


def test_a_request_that_is_truncated_or_no_request(exchange):
    file = exchange.request / "request.json"
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])
    refuses(exchange, "a device request, schema version 1")
    file.write_bytes((exchange.response / "response.json").read_bytes())
    refuses(exchange, "a device request, schema version 1")
    file.unlink()
    refuses(exchange, r"no request\.json")


def test_a_request_archive_that_explodes(exchange):
    out = exchange.folder / "bomb.zip"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("request.json", bytes((64 << 20) + 1))
    with pytest.raises(EvidenceError, match="more than 67108864 bytes"):
        answer(out, exchange.folder / "out")


def test_an_embedder_that_calls_itself_a_device_is_still_a_stand_in(exchange, monkeypatch):
    from cardembed.embedders.onnx import OnnxEmbedder

    real = OnnxEmbedder.__init__

    def boasting(self, *args, **more):
        real(self, *args, **more)
        self.fidelity = Fidelity.DEVICE

    monkeypatch.setattr(OnnxEmbedder, "__init__", boasting)
    response = answer(exchange.request, exchange.folder / "out")
    assert (response.fidelity, response.app.kind) == (Fidelity.RUNTIME, "stand-in")
