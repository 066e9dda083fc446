import json
import shutil

import pytest

from cardembed._io import sha256_artefact, sha256_file
from cardembed.cards.catalogue import load_catalogue
from cardembed.cards.gallery import gallery_of
from cardembed.embedders.registry import open_embedder
from cardembed.errors import (
    ArtefactError,
    CardembedError,
    DigestMismatchError,
    ReleaseError,
    UnknownTargetError,
    UsageError,
)
from cardembed.release import Release
from cardembed.release_build import assemble_release, recorded_catalogue


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue("synthetic:5:12")


@pytest.fixture
def weights(random_release, tmp_path, catalogue):
    """A folder as `cardembed train` leaves it."""
    folder = shutil.copytree(random_release, tmp_path / "weights")
    (folder / "release.json").unlink()
    entries = {
        file.stem: {
            "file": file.name,
            "sha256": sha256_file(file),
            "profile": "reference",
            "catalogue": catalogue.reference,
            "catalogue_digest": catalogue.digest,
        }
        for file in folder.glob("*.safetensors")
    }
    (folder / "training.json").write_text(json.dumps(entries))
    return folder


def edit(weights, change):
    training = json.loads((weights / "training.json").read_text())
    change(training)
    (weights / "training.json").write_text(json.dumps(training))


def test_weights_become_a_release(weights, tmp_path, catalogue):
    assert load_catalogue(recorded_catalogue(weights)).digest == catalogue.digest
    release = assemble_release(weights, tmp_path / "out", name="first", catalogue=catalogue)
    assert release == Release.load(tmp_path / "out")
    release.verify()
    assert set(release.targets) == {"teacher", "server", "android", "ios", "hailo8l"}
    assert release.target("server").shares_weights_with == "teacher"
    assert [one.format for one in release.target("android").artefacts] == ["safetensors"]
    assert release.training["ios"]["profile"] == "reference"
    assert release.target("ios").match_threshold is None
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out", "weights"]


def test_exports_beside_the_weights_are_shipped_and_executed(weights, random_exports, tmp_path, catalogue):
    for name in ("android.onnx", "android.ort"):
        shutil.copy(random_exports / name, weights)
    shutil.copytree(random_exports / "ios.mlpackage", weights / "ios.mlpackage")
    release = assemble_release(weights, tmp_path / "out", name="exported", catalogue=catalogue)
    release.verify()
    for target, form in (("android", "onnx"), ("android", "ort"), ("ios", "mlpackage")):
        artefact = release.artefact(target, form)
        assert artefact.sha256 == sha256_artefact(random_exports / f"{target}.{form}")
    for target, form in (("android", "onnx"), ("ios", "mlpackage")):
        with open_embedder(release, target) as embedder:
            assert embedder.artefact_digest == release.artefact(target, form).sha256


def test_exports_of_other_weights_leave_nothing(weights, random_exports, tmp_path, catalogue):
    shutil.copy(random_exports / "android.onnx", weights / "server.onnx")
    refuse(weights, tmp_path / "out", catalogue, ReleaseError)
    (weights / "server.onnx").write_bytes(b"exported elsewhere")
    refuse(weights, tmp_path / "out", catalogue, ArtefactError)


def test_a_fallback_student_is_named_by_its_weights(weights, tmp_path, catalogue):
    from cardembed.models.weights import build_model, save_weights

    file = weights / "hailo8l.safetensors"
    save_weights(build_model("reference", "hailo8l", seed=1, architecture="regnetx_002"), file)
    edit(weights, lambda training: training["hailo8l"].update(sha256=sha256_file(file)))
    release = assemble_release(weights, tmp_path / "out", name="fallback", catalogue=catalogue)
    entry = release.target("hailo8l")
    assert (entry.architecture, entry.input_size) == ("regnetx_002", 128)
    with open_embedder(release, "hailo8l", runtime="torch") as embedder:
        assert embedder.embed([catalogue.image(catalogue.ids[0])]).shape == (1, 768)


def test_sealed_is_what_is_written(weights, tmp_path, catalogue):
    def seal(release):
        assert release.root != tmp_path / "out"
        release.verify()
        return release.with_thresholds({"ios": (0.43, {"tpr": 1.0})})

    release = assemble_release(weights, tmp_path / "out", name="x", catalogue=catalogue, seal=seal)
    assert release.target("ios").match_threshold == 0.43
    assert Release.load(tmp_path / "out").digest == release.digest


def refuse(weights, out, catalogue, kind, **options):
    with pytest.raises(kind) as error:
        assemble_release(weights, out, name="x", catalogue=catalogue, **options)
    assert "\n" not in str(error.value)
    assert not out.exists()
    assert [file for file in out.parent.iterdir() if file != weights] == []


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda training: training["ios"].update(sha256="0" * 64), DigestMismatchError),
        (lambda training: training["ios"].update(catalogue_digest="0" * 64), ReleaseError),
        (lambda training: training["ios"].update(profile="prd"), ReleaseError),
        (lambda training: [entry.pop("profile") for entry in training.values()], ReleaseError),
        (lambda training: training.update(ios=1), ReleaseError),
    ],
)
def test_what_does_not_fit_leaves_nothing(weights, tmp_path, catalogue, change, kind):
    edit(weights, change)
    refuse(weights, tmp_path / "out", catalogue, kind)


def test_weights_keep_the_distractors_they_were_trained_among(weights, tmp_path, catalogue):
    trained_among = load_catalogue("synthetic:9:4").reference
    edit(weights, lambda training: training["ios"].update(distractors=trained_among))
    refuse(weights, tmp_path / "out", catalogue, ReleaseError)
    others = gallery_of(catalogue, distractors="synthetic:9:5")
    refuse(weights, tmp_path / "out", catalogue, ReleaseError, gallery=others)
    gallery = gallery_of(catalogue, "synthetic:8:2", "synthetic:9:4")
    release = assemble_release(weights, tmp_path / "out", name="x", catalogue=catalogue, gallery=gallery)
    assert release.gallery_digest == gallery.digest
    assert gallery_of(catalogue) is None


def test_other_bad_folders(weights, tmp_path, catalogue):
    out = tmp_path / "out"
    refuse(weights, out, catalogue, ReleaseError, profile_name="prd")
    (weights / "training.json").unlink()
    refuse(weights, out, catalogue, ReleaseError)
    refuse(weights, out, catalogue, UnknownTargetError, profile_name="nonsense")
    shutil.copy(weights / "ios.safetensors", weights / "android.safetensors")
    refuse(weights, out, catalogue, ReleaseError, profile_name="reference")
    (weights / "android.safetensors").write_bytes(b"text")
    refuse(weights, out, catalogue, ReleaseError, profile_name="reference")
    (weights / "android.safetensors").unlink()
    refuse(weights, out, catalogue, ReleaseError, profile_name="reference")
    (weights / "training.json").write_text("{")
    refuse(weights, out, catalogue, ReleaseError)
    with pytest.raises(ReleaseError):
        recorded_catalogue(weights)


def test_an_error_while_sealing_leaves_nothing(weights, tmp_path, catalogue):
    def seal(release):
        raise UsageError("photos", expected="a", found="b", action="c")

    refuse(weights, tmp_path / "out", catalogue, UsageError, seal=seal)


def test_nothing_is_overwritten(weights, tmp_path, catalogue):
    out = tmp_path / "out"
    out.mkdir()
    (out / "precious").write_text("x")
    with pytest.raises(CardembedError):
        assemble_release(weights, out, name="x", catalogue=catalogue)
    assert [file.name for file in out.iterdir()] == ["precious"]
