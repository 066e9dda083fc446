"""Inputs are saved once and replayed elsewhere: the same bytes, or an error that says what is wrong."""

import json

import numpy as np
import pytest

from cardembed._io import sha256_bytes, sha256_file
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import DigestMismatchError, PhotoSetError
from cardembed.parity.inputs import default_pictures
from cardembed.parity.retrieval import search_inputs
from cardembed.parity.saved_inputs import read_inputs, save_inputs

PREPROCESSING = Preprocessing(64)


@pytest.fixture(scope="module")
def batch():
    return PREPROCESSING.batch(default_pictures())


@pytest.fixture
def folder(batch, tmp_path):
    save_inputs(tmp_path, "ios", PREPROCESSING, batch, None)
    return tmp_path


def edit(folder, change):
    """Change the .json; the .npz is as it was."""
    content = json.loads((folder / "ios.json").read_text())
    change(content)
    (folder / "ios.json").write_text(json.dumps(content))


def replace_arrays(folder, **arrays):
    """Another .npz, whose digest the .json names."""
    np.savez(folder / "ios.npz", **arrays)
    edit(folder, lambda content: content.update(sha256=sha256_file(folder / "ios.npz")))


def test_the_same_bits_come_back(batch, tmp_path):
    search = search_inputs(PREPROCESSING, 3)
    digest = save_inputs(tmp_path / "new", "ios", PREPROCESSING, batch, search)
    read = read_inputs(tmp_path / "new", "ios", PREPROCESSING)
    for saved, found in (
        (batch, read.batch), (search.gallery, read.search.gallery), (search.queries, read.search.queries),
    ):  # fmt: skip
        assert found.dtype == np.float32
        assert saved.tobytes() == found.tobytes()
    assert read.sha256 == digest == sha256_file(tmp_path / "new" / "ios.npz")
    assert save_inputs(tmp_path, "ios", PREPROCESSING, batch, search) == digest  # equal inputs, equal bytes
    save_inputs(tmp_path, "ios", PREPROCESSING, batch, None)
    assert read_inputs(tmp_path, "ios", PREPROCESSING).search is None
    assert {file.name for file in tmp_path.iterdir()} == {"new", "ios.npz", "ios.json"}


def test_one_changed_bit_is_refused(folder):
    file = folder / "ios.npz"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(DigestMismatchError, match=r"ios\.json names"):
        read_inputs(folder, "ios", PREPROCESSING)


def test_pixels_that_were_changed_with_their_digest(folder):
    with np.load(folder / "ios.npz") as arrays:
        pixels = arrays["pictures"].copy()
    pixels[0, 0, 0, 0] ^= 1
    replace_arrays(folder, pictures=pixels)
    with pytest.raises(DigestMismatchError, match="pictures of"):
        read_inputs(folder, "ios", PREPROCESSING)


@pytest.mark.parametrize("other", [Preprocessing(32), Preprocessing(64, mean=(0.5, 0.5, 0.5))])
def test_inputs_of_another_preprocessing(folder, other):
    with pytest.raises(PhotoSetError, match=f"of {other.size} pixels"):
        read_inputs(folder, "ios", other)


def test_files_that_are_missing_or_damaged(folder):
    with pytest.raises(PhotoSetError, match="--save-inputs"):
        read_inputs(folder, "android", PREPROCESSING)
    for shape, dtype in (((0, 64, 64, 3), np.uint8), ((1, 64, 64), np.uint8), ((1, 64, 64, 3), np.float32)):
        replace_arrays(folder, pictures=np.zeros(shape, dtype))
        with pytest.raises(PhotoSetError, match="pictures"):
            read_inputs(folder, "ios", PREPROCESSING)
    replace_arrays(folder, pictures=np.array([{}], dtype=object))
    with pytest.raises(PhotoSetError, match="damaged"):
        read_inputs(folder, "ios", PREPROCESSING)
    replace_arrays(folder)
    with pytest.raises(PhotoSetError, match=r"\(none\)"):
        read_inputs(folder, "ios", PREPROCESSING)
    (folder / "ios.npz").write_bytes(b"no archive")
    edit(folder, lambda content: content.update(sha256=sha256_bytes(b"no archive")))
    with pytest.raises(PhotoSetError, match="damaged"):
        read_inputs(folder, "ios", PREPROCESSING)
    edit(folder, lambda content: content.update(schema_version=2))
    with pytest.raises(PhotoSetError, match="schema version 2"):
        read_inputs(folder, "ios", PREPROCESSING)
    (folder / "ios.json").write_text("[]")
    with pytest.raises(PhotoSetError):
        read_inputs(folder, "ios", PREPROCESSING)


def test_the_command_saves_and_replays(run, random_release, tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("timm")
    chosen = ("parity", "check", "--release", random_release, "--target", "android")
    code, out, _ = run(*chosen, "--route", "onnx", "--save-inputs", tmp_path, "--json")
    digest = sha256_file(tmp_path / "android.npz")
    assert (code, json.loads(out)["inputs"]) == (0, {"android": digest})
    code, out, _ = run(*chosen, "--route", "onnx", "--inputs", tmp_path)
    assert code == 0
    assert out.splitlines()[-1] == f"inputs of android: SHA-256 {digest}"
    code, _, err = run(*chosen, "--route", "onnx", "--inputs", tmp_path, "--save-inputs", tmp_path)
    assert (code, "found both" in err) == (2, True)
    code, _, err = run(*chosen, "--route", "onnx", "--inputs", tmp_path / "nothing")
    assert (code, err.count("\n")) == (2, 1)


def test_what_is_replayed_is_what_artefacts_are_given(random_release, tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("timm")
    from cardembed.parity.subject import Subject
    from cardembed.release import Release

    subject = Subject(Release.load(random_release), "hailo8l", 3)
    turned = np.ascontiguousarray(subject.batch[::-1])
    save_inputs(tmp_path, "hailo8l", subject.preprocessing, turned, None)
    replayed = Subject(
        subject.release, "hailo8l", replayed=read_inputs(tmp_path, "hailo8l", subject.preprocessing)
    )
    assert np.allclose(replayed.embeddings(rounded=False), subject.embeddings(rounded=False)[::-1], atol=1e-6)
    with pytest.raises(PhotoSetError, match="scans and photos"):
        _ = replayed.searched
    save_inputs(tmp_path, "hailo8l", subject.preprocessing, turned, subject.search_inputs)
    replayed = Subject(
        subject.release, "hailo8l", replayed=read_inputs(tmp_path, "hailo8l", subject.preprocessing)
    )
    assert len(replayed.searched.inputs.queries) == 3
