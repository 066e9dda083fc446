import json

import pytest

from cardembed._io import sha256_artefact, sha256_bytes
from cardembed.errors import DigestMismatchError, ReleaseError, UnknownTargetError
from cardembed.fidelity import Fidelity
from cardembed.release import Artefact, Release, default_release_dir


def artefact(path="teacher.safetensors", data=b"weights", kind="safetensors"):
    return {"path": path, "sha256": sha256_bytes(data), "format": kind, "bytes": len(data)}


def content(**other):
    return {
        "schema_version": 1,
        "name": "trial",
        "profile": "reference",
        "created": "2026-01-01T00:00:00Z",
        "catalogue": {"kind": "synthetic", "seed": 1, "count": 2, "printer": 1},
        "catalogue_digest": "0" * 64,
        "targets": {
            "teacher": {
                "architecture": "x",
                "input_size": 128,
                "artefacts": [artefact()],
                "match_threshold": 0.45,
            },
            "server": {"architecture": "x", "input_size": 128, "shares_weights_with": "teacher"},
        },
        **other,
    }


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "teacher.safetensors").write_bytes(b"weights")
    (tmp_path / "release.json").write_text(json.dumps(content()))
    return tmp_path


def rewrite(folder, change):
    value = content()
    change(value)
    (folder / "release.json").write_text(json.dumps(value))


def test_load_and_verify(folder):
    release = Release.load(folder)
    release.verify()
    release.verify("server")
    assert release.weights("server") == release.weights("teacher")
    assert release.read(release.weights("server")) == b"weights"
    assert release.preprocessing.mean == (0.485, 0.456, 0.406)


def test_the_digest_is_that_of_the_content_not_of_its_spelling(folder):
    digest = Release.load(folder).digest
    (folder / "release.json").write_text(json.dumps(content(), indent=7, sort_keys=True))
    assert Release.load(folder).digest == digest
    rewrite(folder, lambda value: value["targets"]["teacher"].update(match_threshold=0.41))
    assert Release.load(folder).digest != digest


def hef(**other):
    return {**artefact("net.hef", b"hef", "hef"), **other}


def test_what_a_hef_is_told_with_leaves_other_digests_alone(folder):
    assert (
        Release.load(default_release_dir()).digest
        == json.loads((default_release_dir() / "verdict.json").read_text())["release_digest"]
    )
    plain = Release.load(folder)
    assert "normalised" not in json.dumps(plain.model_dump(mode="json"))
    told = plain.with_artefact("teacher", Artefact.model_validate(hef(normalised="chip")))
    again = told.write()
    assert (again.artefact("teacher", "hef").normalised, again.digest) == ("chip", told.digest)
    assert [one.format for one in again.target("teacher").artefacts] == ["safetensors", "hef"]
    replaced = again.with_artefact("teacher", Artefact.model_validate(hef(normalised="host")))
    assert [one.normalised for one in replaced.target("teacher").artefacts] == [None, "host"]
    assert len({plain.digest, told.digest, replaced.digest}) == 3


def test_only_a_hef_has_a_normalisation(folder):
    for other in (
        {"normalised": "chip"},
        {"compiled": {"sdk_version": "3.33.1", "contexts": 1}},
    ):
        rewrite(folder, lambda value, other=other: value["targets"]["teacher"]["artefacts"][0].update(other))
        with pytest.raises(ReleaseError, match="about a hef"):
            Release.load(folder)


def test_written_and_loaded_it_is_the_same(folder, tmp_path):
    release = Release.load(folder).with_thresholds({"server": (0.42, {"tpr": 0.9})})
    again = release.write()
    assert again == release
    assert again.digest == release.digest
    assert again.target("server").match_threshold == 0.42
    assert again.target("teacher").match_threshold == 0.45


@pytest.mark.parametrize("data", [b"weightz", b"weights!", b""])
def test_other_bytes_are_refused(folder, data):
    (folder / "teacher.safetensors").write_bytes(data)
    for target in (None, "teacher", "server"):
        with pytest.raises(DigestMismatchError):
            Release.load(folder).verify(target)


def test_a_missing_file_and_a_link_are_refused(folder, tmp_path_factory):
    (folder / "teacher.safetensors").unlink()
    with pytest.raises(ReleaseError, match="nothing"):
        Release.load(folder).verify()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "teacher.safetensors").write_bytes(b"weights")
    (folder / "teacher.safetensors").symlink_to(elsewhere / "teacher.safetensors")
    with pytest.raises(ReleaseError, match="a link"):
        Release.load(folder).verify()
    (folder / "linked").symlink_to(elsewhere)
    rewrite(
        folder, lambda v: v["targets"]["teacher"].update(artefacts=[artefact("linked/teacher.safetensors")])
    )
    with pytest.raises(ReleaseError, match="a link"):
        Release.load(folder).verify()


@pytest.fixture
def packaged(folder):
    """A release with a folder among its artefacts."""
    package = folder / "ios.mlpackage"
    (package / "Data").mkdir(parents=True)
    (package / "Manifest.json").write_bytes(b"{}")
    (package / "Data" / "model").write_bytes(b"model")
    entry = {"path": "ios.mlpackage", "sha256": sha256_artefact(package), "format": "mlpackage", "bytes": 7}
    rewrite(folder, lambda value: value["targets"]["teacher"]["artefacts"].append(entry))
    return folder, package


def test_a_package_is_a_folder(packaged):
    folder, package = packaged
    release = Release.load(folder)
    release.verify()
    artefact = release.artefact("teacher", "mlpackage")
    assert release.check(artefact) == release.path(artefact) == package
    with pytest.raises(ReleaseError, match="a folder"):
        release.read(artefact)


@pytest.mark.parametrize(
    "change",
    [
        lambda package: (package / "Data" / "model").write_bytes(b"modem"),
        lambda package: (package / "Data" / "model").rename(package / "model"),
        lambda package: (package / "more").write_bytes(b"more"),
        lambda package: (package / "empty").write_bytes(b""),
        lambda package: (package / "Data" / "model").unlink(),
    ],
)
def test_other_files_in_a_package_are_refused(packaged, change):
    folder, package = packaged
    change(package)
    with pytest.raises(DigestMismatchError):
        Release.load(folder).verify()


def test_a_link_in_a_package_and_a_file_in_its_place_are_refused(packaged):
    folder, package = packaged
    (package / "link").symlink_to("Manifest.json")
    with pytest.raises(ReleaseError, match="a link"):
        Release.load(folder).verify()
    package.rename(folder / "elsewhere")
    package.write_bytes(b"package")
    with pytest.raises(ReleaseError, match="a folder"):
        Release.load(folder).verify()


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "a\\b", "C:x", "", "a//b", "./a"])
def test_paths_stay_in_the_directory(folder, path):
    rewrite(folder, lambda value: value["targets"]["teacher"].update(artefacts=[artefact(path)]))
    with pytest.raises(ReleaseError, match="plain relative path"):
        Release.load(folder)


def test_unknown_target(folder):
    with pytest.raises(UnknownTargetError, match="teacher, server"):
        Release.load(folder).target("hailo15h")
    with pytest.raises(UnknownTargetError):
        Release.load(folder).verify("hailo15h")


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.update(schema_version=2),
        lambda value: value.update(surprise=1),
        lambda value: value.update(targets={}),
        lambda value: value.update(catalogue_digest="nonsense"),
        lambda value: value["targets"]["teacher"].update(artefacts=[]),
        lambda value: value["targets"]["server"].update(shares_weights_with="nobody"),
        lambda value: value["targets"]["server"].update(shares_weights_with="server"),
        lambda value: value["targets"]["teacher"].update(match_threshold=float("nan")),
        lambda value: value["targets"]["teacher"].update(match_threshold=-1),
        lambda value: value["targets"]["teacher"].update(input_size=10**9),
        lambda value: value.pop("name"),
    ],
)
def test_another_content_is_one_line(folder, change):
    rewrite(folder, change)
    with pytest.raises(ReleaseError) as error:
        Release.load(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b"9" * 5_000])
def test_no_json_is_one_line(folder, data):
    (folder / "release.json").write_bytes(data)
    with pytest.raises(ReleaseError):
        Release.load(folder)


def test_a_folder_without_a_release(tmp_path):
    with pytest.raises(ReleaseError, match=r"release\.json"):
        Release.load(tmp_path / "nowhere")


def test_the_default_is_the_shipped_one_or_the_chosen_one(monkeypatch, tmp_path):
    monkeypatch.delenv("CARDEMBED_RELEASE", raising=False)
    assert default_release_dir().parts[-2:] == ("fixtures", "release")
    monkeypatch.setenv("CARDEMBED_RELEASE", str(tmp_path))
    assert default_release_dir() == tmp_path


def test_fidelities_are_ordered_not_alphabetical():
    assert sorted(Fidelity, reverse=True) == ["device", "runtime", "emulated", "reference"]
    assert Fidelity.REFERENCE < Fidelity.EMULATED < Fidelity.RUNTIME < Fidelity.DEVICE
    assert Fidelity.DEVICE >= "runtime"
    assert not Fidelity.REFERENCE >= "emulated"
    assert Fidelity("runtime") <= Fidelity.RUNTIME
    with pytest.raises(ValueError, match="nonsense"):
        assert Fidelity.DEVICE > "nonsense"


def test_a_gallery_holds_the_catalogue_and_names_its_digest(random_release):
    content = Release.load(random_release).model_dump(mode="json")
    gallery = {"kind": "gallery", "learned": content["catalogue"]}
    release = Release.model_validate({**content, "gallery": gallery, "gallery_digest": "a" * 64})
    assert (release.searched, release.searched_digest) == (gallery, "a" * 64)
    assert Release.model_validate(content).searched == content["catalogue"]
    other = {"kind": "synthetic", "seed": 1, "count": 8, "printer": "1"}
    for change in (
        {"gallery": gallery},
        {"gallery_digest": "a" * 64},
        {"gallery": {**gallery, "learned": other}, "gallery_digest": "a" * 64},  # a smaller one
    ):
        with pytest.raises(ValueError, match="gallery"):
            Release.model_validate({**content, **change})
