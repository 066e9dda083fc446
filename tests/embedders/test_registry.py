import json
import shutil
from importlib import metadata

import numpy as np
import pytest
from apple_parts import be_a_mac

from cardembed._io import cache_root, sha256_artefact, sha256_file
from cardembed._sizes import size_of_artefact
from cardembed.embedders import exports
from cardembed.embedders.exports import exported_coreml, exported_onnx
from cardembed.embedders.registry import RUNTIMES, open_embedder
from cardembed.errors import (
    DigestMismatchError,
    ReleaseError,
    UnavailableError,
    UnknownTargetError,
    UsageError,
)
from cardembed.fidelity import Fidelity
from cardembed.models.profiles import TARGETS
from cardembed.release import Release


@pytest.fixture
def release(random_release, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(random_release, tmp_path / "release")


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    """Where exports would be written."""
    monkeypatch.setenv("CARDEMBED_CACHE", str(tmp_path / "empty"))
    return tmp_path / "empty"


def change(release, edit):
    content = json.loads((release / "release.json").read_text())
    edit(content)
    (release / "release.json").write_text(json.dumps(content))


@pytest.fixture(scope="module")
def batch():
    return np.random.default_rng(0).standard_normal((3, 3, 128, 128)).astype(np.float32)


def export_of(embedder):
    files = (cache_root() / "exports" / embedder.artefact_digest).glob("*/vit_tiny_6.onnx")
    return next(file for file in files if sha256_file(file) == embedder.runtime["derived_sha256"])


def test_every_target_has_a_runtime():
    assert set().union(*(row.targets for row in RUNTIMES)) == set(TARGETS)


@pytest.mark.parametrize("target", ["ios", "hailo8l"])
def test_weights_by_themselves_are_reference(random_release, target):
    with open_embedder(str(random_release), target, runtime="torch", threads=1) as embedder:
        assert (embedder.target, embedder.fidelity) == (target, Fidelity.REFERENCE)
        assert embedder.artefact_digest == sha256_file(random_release / f"{target}.safetensors")
        assert embedder.runtime["name"] == "torch"


def test_the_exported_model_is_the_trained_one(random_release, batch):
    with open_embedder(random_release, "android") as onnx:
        assert onnx.fidelity is Fidelity.RUNTIME
        assert onnx.artefact_digest == sha256_file(random_release / "android.safetensors")
        exported = export_of(onnx)
        assert onnx.runtime["derived_sha256"] == sha256_file(exported)
        from_onnx = onnx.embed_preprocessed(batch).astype(np.float64)
    with open_embedder(random_release, "android", runtime="torch") as torch:
        from_torch = torch.embed_preprocessed(batch).astype(np.float64)
    assert (1 - (from_onnx * from_torch).sum(axis=1)).max() < 1e-6


def test_an_export_is_made_once_and_a_damaged_one_again(random_release, monkeypatch):
    with open_embedder(random_release, "android") as embedder:
        file = export_of(embedder)
    written = file.stat().st_mtime_ns
    with open_embedder(random_release, "android"):
        assert file.stat().st_mtime_ns == written
    file.write_bytes(file.read_bytes()[:-10])
    with open_embedder(random_release, "android") as embedder:
        assert embedder.runtime["derived_sha256"] == sha256_file(file)
    assert file.stat().st_mtime_ns != written


def test_the_export_is_the_file_that_the_command_writes(release, random_exports):
    opened = Release.load(release)
    first = exported_onnx(opened, "android")
    assert first[1] == sha256_file(random_exports / "android.onnx")
    recalibrated = opened.with_thresholds({"android": (0.4, {})})
    assert exported_onnx(recalibrated, "android") == first
    change(release, lambda content: content.update(preprocessing={"interpolation": "bilinear"}))
    other = exported_onnx(Release.load(release), "android")  # which its metadata state
    assert (other[0] != first[0], other[1] != first[1]) == (True, True)


def test_the_package_is_the_one_that_the_command_writes(random_release, random_exports):
    digest = sha256_artefact(random_exports / "ios.mlpackage")
    assert exported_coreml(Release.load(random_release), "ios")[1] == digest


def test_another_version_of_what_writes_it_exports_anew(random_release, monkeypatch, tmp_path):
    monkeypatch.setenv("CARDEMBED_CACHE", str(tmp_path))
    first, digest = exported_onnx(Release.load(random_release), "android")
    assert json.loads(first.with_suffix(".json").read_text())["tools"]["torch"] == metadata.version("torch")
    monkeypatch.setattr(exports, "package_version", lambda name: f"{name} of tomorrow")
    second, _ = exported_onnx(Release.load(random_release), "android")
    assert second != first
    assert json.loads(second.with_suffix(".json").read_text())["tools"]["torch"] == "torch of tomorrow"
    assert sha256_file(first) == digest  # whoever has it open goes on
    second.unlink()

    monkeypatch.setattr(exports, "package_version", lambda name: None)
    no_torch(monkeypatch)
    assert exported_onnx(Release.load(random_release), "android") == (first, digest)


def test_a_shipped_onnx_needs_no_pytorch(release, batch, monkeypatch):
    with open_embedder(release, "android") as embedder:
        exported = export_of(embedder)
        expected = embedder.embed_preprocessed(batch)
    shutil.copy(exported, release / "android.onnx")
    shipped = {
        "path": "android.onnx",
        "sha256": sha256_file(exported),
        "format": "onnx",
        "bytes": exported.stat().st_size,
    }
    change(release, lambda content: content["targets"]["android"].update(artefacts=[shipped]))
    no_torch(monkeypatch)
    with open_embedder(release, "android") as embedder:
        assert embedder.artefact_digest == shipped["sha256"]
        assert np.abs(embedder.embed_preprocessed(batch) - expected).max() < 1e-6
    with pytest.raises(ReleaseError, match="weights"):
        open_embedder(release, "android", runtime="torch")


def ship(release, exports, *names):
    """Put exports into a release whose weights they were made of; gives their digests by name."""
    digests = {name: sha256_artefact(exports / name) for name in names}
    for name in names:
        copy = shutil.copytree if (exports / name).is_dir() else shutil.copyfile
        copy(exports / name, release / name)

    def edit(content):
        for name in names:
            target, _, form = name.partition(".")
            entry = {"path": name, "sha256": digests[name], "format": form}
            entry["bytes"] = size_of_artefact(exports / name)
            content["targets"][target]["artefacts"].append(entry)

    change(release, edit)
    return digests


@pytest.mark.parametrize(
    "names",
    [("ios.mlmodel", "ios.mlpackage"), ("ios.mlmodel",), ("android.ort", "android.onnx"), ("android.ort",)],
)
def test_what_is_shipped_is_executed_and_named(release, random_exports, batch, empty_cache, names):
    executed = names[-1]
    target = executed.partition(".")[0]
    digests = ship(release, random_exports, *names)
    with open_embedder(release, target) as embedder:
        assert embedder.artefact_digest == digests[executed]
        assert "derived_sha256" not in embedder.runtime
        found = embedder.embed_preprocessed(batch)
    assert not empty_cache.exists()  # nothing was exported
    with open_embedder(release, target, runtime="torch") as embedder:
        assert np.abs(embedder.embed_preprocessed(batch) - found).max() < 1e-2
    Release.load(release).verify()
    for file in (release / executed).rglob("*") if (release / executed).is_dir() else [release / executed]:
        if file.is_file():
            file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(DigestMismatchError):
        open_embedder(release, target)


def no_torch(monkeypatch):
    def missing(name, *, extra):
        raise UnavailableError(name, expected="it", found="nothing", action=f"cardembed[{extra}]")

    for module in ("pytorch", "exports"):
        monkeypatch.setattr(f"cardembed.embedders.{module}.require", missing)


def test_without_pytorch_the_extra_is_named(release, monkeypatch, tmp_path):
    monkeypatch.setenv("CARDEMBED_CACHE", str(tmp_path / "empty"))
    no_torch(monkeypatch)
    for target in set(TARGETS) - {"hailo8l"}:
        with pytest.raises(UnavailableError, match=r"cardembed\[train\]"):
            open_embedder(release, target)
    assert not (tmp_path / "empty").exists()
    open_embedder(release, "hailo8l").close()  # its INT8 network is in the release


@pytest.mark.parametrize("target", TARGETS)
def test_other_bytes_are_refused(release, target, monkeypatch, tmp_path):
    monkeypatch.setenv("CARDEMBED_CACHE", str(tmp_path / "empty"))
    for file in (*release.glob("*.safetensors"), *release.glob("*.onnx")):
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)
    with pytest.raises(DigestMismatchError):
        open_embedder(release, target)


def test_weights_of_another_architecture_or_size(release):
    change(release, lambda content: content["targets"]["hailo8l"].update(architecture="convnext_femto"))
    with pytest.raises(ReleaseError, match="convnext_atto"):
        open_embedder(release, "hailo8l", runtime="torch")
    change(release, lambda content: content["targets"]["android"].update(input_size=112))
    with pytest.raises(ReleaseError, match="112"):
        open_embedder(release, "android", runtime="torch")


def test_unknown_targets_and_runtimes(random_release, tmp_path):
    with pytest.raises(UnknownTargetError, match="teacher"):
        open_embedder(random_release, "hailo15h")
    with pytest.raises(UnknownTargetError, match="torch"):
        open_embedder(random_release, "teacher", runtime="onnxruntime")
    with pytest.raises(ReleaseError):
        open_embedder(tmp_path, "teacher")
    with pytest.raises(UnknownTargetError):
        open_embedder(Release.load(random_release), "nonsense")


def test_compute_units_are_core_mls(random_release, random_exports, release, monkeypatch):
    ship(release, random_exports, "ios.mlpackage")
    mac = be_a_mac(monkeypatch)
    with open_embedder(release, "ios", compute_units="CPU_AND_NE") as embedder:
        assert (mac.asked, embedder.runtime["compute_units"]) == (["CPU_AND_NE"], "CPU_AND_NE")
    for target, runtime in (("android", None), ("ios", "torch")):
        with pytest.raises(UsageError, match="expected Core ML to choose them for"):
            open_embedder(release, target, runtime=runtime, compute_units="CPU_ONLY")
