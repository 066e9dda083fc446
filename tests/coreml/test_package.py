import json
import os
import time

import pytest

from cardembed.coreml.limits import Limits
from cardembed.coreml.package import Package, read_file
from cardembed.errors import ArtefactError


def make_package(
    folder, *, path="com.apple.CoreML/model.mlmodel", root="A", entries=None, data=b"x", version="1.0.0"
):
    inner = folder / "Data" / "com.apple.CoreML"
    (inner / "weights").mkdir(parents=True)
    (inner / "model.mlmodel").write_bytes(data)
    (inner / "weights" / "weight.bin").write_bytes(b"w")
    entries = {"A": {"path": path}} if entries is None else entries
    (folder / "Manifest.json").write_text(
        json.dumps({"fileFormatVersion": version, "rootModelIdentifier": root, "itemInfoEntries": entries})
    )
    return folder


def test_a_package_names_its_files(tmp_path):
    package = Package.open(make_package(tmp_path / "a.mlpackage"))
    assert package.specification.read_bytes() == b"x"
    assert package.blob_file("@model_path/weights/weight.bin").read_bytes() == b"w"


@pytest.mark.parametrize(
    "path",
    [
        "../../secret",
        "/etc/passwd",
        "com.apple.CoreML/../../../x",
        "",
        ".",
        "a\\b",
        "C:/x",
        "x\0y",
        "a" * 5000,
    ],
)
def test_paths_that_lead_out_of_the_package(tmp_path, path):
    (tmp_path / "secret").write_text("secret")
    folder = make_package(tmp_path / "a.mlpackage", path=path)
    with pytest.raises(ArtefactError) as error:
        Package.open(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["@model_path/../../Manifest.json", "/etc/passwd", "weights/weight.bin", ""])
def test_blob_files_stay_inside(tmp_path, name):
    package = Package.open(make_package(tmp_path / "a.mlpackage"))
    with pytest.raises(ArtefactError):
        package.blob_file(name)


@pytest.mark.parametrize("what", ["Manifest.json", "Data", "Data/com.apple.CoreML/model.mlmodel"])
def test_links_are_refused(tmp_path, what):
    folder = make_package(tmp_path / "a.mlpackage")
    moved = tmp_path / "elsewhere"
    (folder / what).rename(moved)
    (folder / what).symlink_to(moved)
    with pytest.raises(ArtefactError, match="symbolic links"):
        Package.open(folder)


def test_a_linked_weight_file_is_refused(tmp_path):
    folder = make_package(tmp_path / "a.mlpackage")
    weights = folder / "Data/com.apple.CoreML/weights/weight.bin"
    weights.unlink()
    weights.symlink_to("/etc/passwd")
    with pytest.raises(ArtefactError, match="symbolic links"):
        Package.open(folder).blob_file("@model_path/weights/weight.bin")


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "null", "[" * 100_000, {"rootModelIdentifier": "A", "itemInfoEntries": []},
        {"rootModelIdentifier": "B", "itemInfoEntries": {"A": {"path": "com.apple.CoreML/model.mlmodel"}}},
        {"rootModelIdentifier": ["A"], "itemInfoEntries": {}},
        {"rootModelIdentifier": "A", "itemInfoEntries": {"A": {"path": 3}}},
        "\ud800".encode("utf-8", "surrogatepass"), " " * (2 << 20),
    ],
)  # fmt: skip
def test_manifests_that_are_none(tmp_path, text):
    folder = make_package(tmp_path / "a.mlpackage")
    if isinstance(text, dict):
        text = json.dumps({"fileFormatVersion": "1.0.0", **text})
    (folder / "Manifest.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ArtefactError) as error:
        Package.open(folder)
    assert "fileFormatVersion 1.0.0" not in str(error.value)


@pytest.mark.parametrize("version", ["2.0.0", "1.0.1", "", None, 1, ["1.0.0"], "9" * 1000])
def test_a_manifest_of_another_version(tmp_path, version):
    with pytest.raises(ArtefactError, match=r"fileFormatVersion 1\.0\.0") as error:
        Package.open(make_package(tmp_path / "a.mlpackage", version=version))
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("gone", ["Manifest.json", "Data/com.apple.CoreML/model.mlmodel"])
def test_missing_items(tmp_path, gone):
    folder = make_package(tmp_path / "a.mlpackage")
    (folder / gone).unlink()
    with pytest.raises(ArtefactError, match="found none"):
        Package.open(folder)


def test_what_is_no_artefact(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    for name in ("a.txt", "missing.mlpackage", "missing.mlmodel"):
        with pytest.raises(ArtefactError):
            Package.open(tmp_path / name)


def test_a_pipe_does_not_block_and_a_long_file_is_not_read(tmp_path):
    long = tmp_path / "long"
    with long.open("wb") as file:
        file.truncate(1 << 40)  # sparse
    before = time.perf_counter()
    with pytest.raises(ArtefactError, match="at most"):
        read_file(long, Limits().network_bytes)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ArtefactError, match="regular"):
        read_file(tmp_path / "pipe", 10)
    assert time.perf_counter() - before < 2
