"""Oversized artefacts cost an error at once: sparse files, which nobody may read or hash."""

import os
import time
from contextlib import contextmanager

import pytest

from cardembed._sizes import check_size
from cardembed.errors import ArtefactError

HUGE = 200 << 30


def sparse(path, size=HUGE):
    """A file whose bytes do not lie on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    try:
        os.truncate(path, size)
    except OSError:
        pytest.skip("this file system has no sparse files of this size")
    return path


@contextmanager
def refused_at_once(error=ArtefactError, match=f"found {HUGE} bytes"):
    start = time.process_time()
    with pytest.raises(error, match=match):
        yield
    assert time.process_time() - start < 2


@pytest.fixture(params=[".onnx", ".ort", ".safetensors", ".hef", ".simhef"])
def huge(request, tmp_path):
    return sparse(tmp_path / f"huge{request.param}")


def test_the_error_names_size_and_limit(huge):
    with refused_at_once(match=rf"at most \d+ bytes, found {HUGE} bytes"):
        check_size(huge)


def test_a_package_is_as_large_as_its_files(tmp_path):
    package = tmp_path / "a.mlpackage"
    for name in ("one.bin", "two.bin"):
        sparse(package / "weights" / name, 2 << 30)
    check_size(package)
    sparse(package / "three.bin", 1 << 30)
    with pytest.raises(ArtefactError, match=f"found {5 << 30} bytes"):
        check_size(package)


def test_a_package_of_very_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr("cardembed._sizes._MOST_FILES", 8)
    for name in range(8):
        (tmp_path / f"{name}").touch()
    check_size(tmp_path)
    (tmp_path / "8").touch()
    with pytest.raises(ArtefactError, match="at most 8 files"):
        check_size(tmp_path)


def test_what_is_no_file_is_left_to_whoever_opens_it(tmp_path):
    check_size(tmp_path / "nowhere.onnx")
    os.mkfifo(tmp_path / "pipe.onnx")
    check_size(tmp_path / "pipe.onnx")


def test_an_artefact_file_is_not_hashed(huge):
    from cardembed.embedders.files import open_artefact

    with refused_at_once():
        open_artefact(huge, normalised="host" if huge.suffix == ".hef" else None)


def test_verified_bytes_are_not_read(huge):
    from cardembed.release import read_verified

    with refused_at_once():
        read_verified(huge, "0" * 64)


def test_weights_and_networks_are_not_read(tmp_path):
    pytest.importorskip("torch")
    from cardembed.embedders.onnx import input_size
    from cardembed.models.weights import load_weights

    with refused_at_once():
        load_weights(sparse(tmp_path / "huge.safetensors"))
    for name in ("huge.ort", "huge.onnx"):
        with refused_at_once():
            input_size(sparse(tmp_path / name))


def test_a_core_ml_package_is_not_hashed(tmp_path):
    pytest.importorskip("torch")
    from cardembed.embedders.coreml import CoreMLEmbedder
    from cardembed.embedders.preprocessing import Preprocessing

    package = tmp_path / "huge.mlpackage"
    sparse(package / "Data" / "weights" / "weight.bin")
    with refused_at_once():
        CoreMLEmbedder(
            package, target="ios", sha256="0" * 64, artefact_digest="0" * 64, preprocessing=Preprocessing(64)
        )


def test_no_route_of_the_parity_check_hashes_it(tmp_path):
    from cardembed.embedders.preprocessing import Preprocessing
    from cardembed.parity.routes import ROUTES

    file = sparse(tmp_path / "huge.onnx")
    for route in ROUTES:
        with refused_at_once():
            route.open(file, Preprocessing(64))


def test_a_release_names_the_size_that_it_promised(tmp_path, random_release):
    import shutil

    from cardembed.errors import DigestMismatchError
    from cardembed.release import Release

    root = tmp_path / "release"
    shutil.copytree(random_release, root)
    release = Release.load(root)
    artefact = release.weights("server")
    sparse(root / artefact.path)
    with refused_at_once(
        DigestMismatchError, match=f"{artefact.bytes} bytes, as release.json says, found {HUGE}"
    ):
        release.path(artefact)
