"""`embed`, `index`, `identify`, `calibrate` and `release`, on a release with random weights."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from cardembed.cards.catalogue import load_catalogue
from cardembed.cards.photo_plan import PhotoPlan
from cardembed.cards.photo_render import render_photo_set
from cardembed.errors import ReleaseError
from cardembed.release import Release
from cardembed.retrieval.database import ReferenceDatabase

TARGET = ("--target", "teacher")


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue("synthetic:5:12")


@pytest.fixture(scope="module")
def photos(tmp_path_factory, catalogue):
    folder = tmp_path_factory.mktemp("photos")
    for card_id in catalogue.ids[:2]:
        catalogue.image(card_id).save(folder / f"{card_id.replace('/', '_')}.png")
    return folder


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    file = tmp_path_factory.mktemp("noise") / "table.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (252, 180, 3), dtype=np.uint8)).save(file)
    return file


@pytest.fixture(scope="module")
def development(tmp_path_factory, catalogue):
    plan = PhotoPlan(clean=4, clean_second=0, occluded=2, glare=2, unknown=1, unknown_card=0, curve=0)
    out = tmp_path_factory.mktemp("development") / "photos"
    render_photo_set(catalogue, plan, split="development", seed=1, out=out, workers=1, progress=None)
    return out


@pytest.fixture
def release(random_release, tmp_path):
    return shutil.copytree(random_release, tmp_path / "release")


def check_bad(result, *words):
    code, out, err = result
    assert (code, out) == (2, "")
    assert err.startswith("cardembed: error: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err


def test_identify_names_cards(run, random_release, photos, catalogue):
    code, out, err = run("identify", photos, "--release", random_release, *TARGET, "--threshold", 0.0001)
    assert (code, err) == (0, "")
    for card in catalogue.cards[:2]:
        assert f"{card.id} {card.name} (distance 0.000)" in out
    code, out, _ = run("identify", photos, "--release", random_release, *TARGET, "--json")
    found = json.loads(out)
    assert found["threshold"] == 0.45
    assert [image["text"] for image in found["images"]] == catalogue.ids[:2]
    assert found["images"][0]["name"] == catalogue.cards[0].name


def test_identify_says_no_match_found(run, random_release, noise, photos):
    code, out, _ = run("identify", noise, photos, "--release", random_release, *TARGET, "--threshold", 0.0001)
    assert code == 1
    assert out.splitlines()[0].startswith(f"{noise}: No match found (nearest ")
    code, out, _ = run(
        "identify", noise, "--release", random_release, *TARGET, "--threshold", 0.0001, "--json"
    )
    assert code == 1
    assert json.loads(out)["images"][0] | {"distance": 0, "nearest": ""} == {
        "image": str(noise), "text": "No match found", "card": None, "name": None,
        "distance": 0, "nearest": "", "ties": [],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["gallery.npz", "card_embeddings.json"])
def test_an_index_stands_for_the_catalogue(run, random_release, photos, catalogue, tmp_path, name):  # noqa: PLR0917
    out = tmp_path / name
    code, text, _ = run("index", "build", "--release", random_release, *TARGET, "--out", out)
    assert (code, text) == (0, f"12 cards in {out}\n")
    database = ReferenceDatabase.load(out)
    assert list(database.ids) == catalogue.ids
    assert list(database.artworks) == catalogue.artworks
    code, text, _ = run("identify", photos, "--release", random_release, *TARGET, "--database", out)
    assert code == 0
    assert catalogue.ids[0] in text
    check_bad(
        run("identify", photos, "--release", random_release, "--target", "hailo8l", "--database", out),
        "index build",
    )


def test_embed_writes_lines_arrays_and_json(run, random_release, photos, tmp_path):
    code, out, _ = run("embed", random_release, photos, *TARGET)
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [len(line["embedding"]) for line in lines] == [768, 768]
    assert run("embed", random_release, photos, *TARGET, "--out", tmp_path / "a.npy")[0] == 0
    array = np.load(tmp_path / "a.npy")
    assert array.shape == (2, 768)
    assert (array[1] == np.array(lines[1]["embedding"], np.float32)).all()
    assert run("embed", random_release, photos, *TARGET, "--out", tmp_path / "a.json")[0] == 0
    assert (
        json.loads((tmp_path / "a.json").read_text())["embeddings"][lines[0]["image"]]
        == lines[0]["embedding"]
    )


def test_embed_takes_a_weight_file(run, random_release, photos):
    from_release = json.loads(run("embed", random_release, photos, *TARGET, "--json")[1])
    from_file = json.loads(run("embed", random_release / "teacher.safetensors", photos, "--json")[1])
    assert from_file["artefact_digest"] == from_release["artefact_digest"]
    assert from_file["embeddings"] == from_release["embeddings"]


def test_calibrate_writes_only_when_told(run, release, development):
    before = (release / "release.json").read_bytes()
    arguments = ("calibrate", "--release", release, *TARGET, "--photos", development, "--json")
    code, out, _ = run(*arguments)
    found = json.loads(out)["targets"]["teacher"]
    assert code == 0
    assert (release / "release.json").read_bytes() == before
    assert run(*arguments, "--write")[0] == 0
    entry = Release.load(release).target("teacher")
    assert entry.match_threshold == found["threshold"]
    assert entry.calibration == found
    assert Release.load(release).target("hailo8l").match_threshold == 0.45
    assert "threshold" in run("calibrate", "--release", release, *TARGET, "--photos", development)[1]


def test_thresholds_are_for_the_releases_own_gallery(run, release, development):
    before = (release / "release.json").read_bytes()
    other = ("calibrate", "--release", release, *TARGET, "--catalogue", "synthetic:5:11")
    check_bad(run(*other, "--write"), "--catalogue", "--write")
    check_bad(run(*other, "--photos", development), "photos of another catalogue")
    assert (release / "release.json").read_bytes() == before


def test_release_verify(run, release):
    code, out, _ = run("release", "verify", release, "--json")
    assert (code, json.loads(out)["intact"]) == (0, True)
    data = bytearray((release / "teacher.safetensors").read_bytes())
    data[100] ^= 1
    (release / "teacher.safetensors").write_bytes(data)
    code, out, _ = run("release", "verify", release)
    assert code == 1
    assert "SHA-256" in out
    assert run("release", "verify", release, "--target", "android")[0] == 0
    check_bad(run("release", "verify", release, "--target", "nonsense"), "nonsense")
    check_bad(run("release", "verify", release / "nowhere"), "release.json")


def test_release_build_without_calibration(run, random_release, tmp_path):
    out = tmp_path / "built"
    arguments = (
        "--weights",
        random_release,
        "--name",
        "built",
        "--out",
        out,
        "--catalogue",
        "synthetic:5:12",
    )
    check_bad(run("release", "build", *arguments, "--no-calibrate"), "--profile")
    assert not out.exists()
    code, text, _ = run("release", "build", *arguments, "--no-calibrate", "--profile", "reference")
    assert code == 0
    assert Release.load(out).digest in text


def test_a_release_with_a_gallery_is_searched_whole(run, random_release, tmp_path, catalogue):
    out, index = tmp_path / "built", tmp_path / "index.npz"
    arguments = ["--weights", random_release, "--name", "x", "--out", out, "--no-calibrate", "--profile"]
    more = ["--catalogue", "synthetic:5:12", "--zero-shot", "synthetic:6:2", "--distractors", "synthetic:7:3"]
    assert run("release", "build", *arguments, "reference", *more)[0] == 0
    assert run("index", "build", "--release", out, *TARGET, "--out", index)[0] == 0
    ids = ReferenceDatabase.load(index).ids
    assert len(ids) == 17
    picture = tmp_path / "later.png"
    load_catalogue(json.loads((out / "release.json").read_text())["gallery"]).image(ids[12]).save(picture)
    found = run("identify", picture, "--release", out, *TARGET, "--threshold", "0.4", "--json")[1]
    assert json.loads(found)["images"][0]["nearest"] == ids[12]
    assert ids[12].startswith("zero-shot/")
    refused = run("release", "build", *arguments[:-2], *more, "--recipe", tmp_path / "r.toml")
    check_bad(refused, "--catalogue")


def test_the_folder_of_a_catalogue_stands_for_its_gallery(catalogue):
    from types import SimpleNamespace

    from cardembed.cards.gallery import gallery_of
    from cardembed.release_cards import catalogue_of

    gallery = gallery_of(catalogue, distractors="synthetic:7:3")
    folder = {**gallery.reference, "learned": {"kind": "folder"}}  # its place is not recorded
    release = SimpleNamespace(
        root="r",
        gallery=folder,
        searched=folder,
        catalogue={"kind": "folder"},
        catalogue_digest=catalogue.digest,
    )
    assert catalogue_of(release, "synthetic:5:12", searched=True).digest == gallery.digest
    assert catalogue_of(release, "synthetic:5:12").digest == catalogue.digest
    other = load_catalogue("synthetic:5:11")
    assert catalogue_of(release, "synthetic:5:11", searched=True).digest == other.digest
    with pytest.raises(ReleaseError, match="--catalogue DIR"):
        catalogue_of(release, None, searched=True)


def test_bad_input_is_one_line(run, release, photos, tmp_path, noise):
    out = tmp_path / "out.npy"
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("no image")
    options = ("--release", release, *TARGET)
    for image in (tmp_path / "empty.jpg", tmp_path / "text.jpg", tmp_path / "nowhere.jpg", empty):
        check_bad(run("identify", noise, image, *options), image.name)
        check_bad(run("embed", release, image, *TARGET, "--out", out), image.name)
    check_bad(run("embed", release, photos), "--target")
    check_bad(run("embed", release / "teacher.safetensors", photos, *TARGET), "--target")
    check_bad(run("embed", noise, photos), "safetensors")
    check_bad(run("embed", release, photos, *TARGET, "--out", "x.txt"), ".npy")
    check_bad(run("embed", release, photos, "--target", "hailo15h", "--out", out), "hailo15h")
    check_bad(run("identify", photos, "--release", release, "--target", "hailo15h"), "hailo15h")
    check_bad(run("identify", photos, *options, "--catalogue", "synthetic:5:0"))
    check_bad(run("identify", photos, *options, "--catalogue", tmp_path / "nowhere"))
    check_bad(run("identify", photos, *options, "--database", tmp_path / "nowhere.npz"), "nowhere.npz")
    check_bad(run("index", "build", *options, "--out", "x.pkl"), ".npz")
    check_bad(run("calibrate", *options, "--photos", tmp_path / "nowhere"))
    weights = release / "teacher.safetensors"
    sound = weights.read_bytes()
    weights.write_bytes(b"other bytes")
    check_bad(run("identify", photos, *options), "as release.json says, found 11 bytes")
    weights.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    check_bad(run("identify", photos, *options), "SHA-256")
    check_bad(run("embed", release, photos, *TARGET, "--out", out), "SHA-256")
    check_bad(run("index", "build", *options, "--out", tmp_path / "x.npz"), "SHA-256")
    assert not out.exists()
    assert not (tmp_path / "x.npz").exists()


def test_without_a_threshold_identify_asks_for_one(run, release, photos):
    content = json.loads((release / "release.json").read_text())
    content["targets"]["teacher"]["match_threshold"] = None
    (release / "release.json").write_text(json.dumps(content))
    check_bad(run("identify", photos, "--release", release, *TARGET), "calibrate --write")
