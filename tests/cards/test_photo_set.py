"""Photo sets: complete or absent, the same from the same seed, and nothing in them is believed unchecked."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from cardembed._io import canonical_json, sha256_file
from cardembed.cards import photo_render
from cardembed.cards.catalogue import SyntheticCatalogue
from cardembed.cards.photo_cache import default_photo_set
from cardembed.cards.photo_plan import PhotoPlan
from cardembed.cards.photo_render import render_photo_set
from cardembed.cards.photo_set import PhotoSet, attach_teacher
from cardembed.errors import CardembedError, EmbeddingError, PhotoSetError, UsageError

CATALOGUE = SyntheticCatalogue(3, 24)
PLAN = PhotoPlan(
    clean=4, clean_second=3, occluded=4, glare=3, unknown=1, unknown_card=2, curve=1, size=(90, 126)
)
DIGEST = "ab" * 32


def render(out, **changes):
    options = {"plan": PLAN, "split": "verdict", "seed": DIGEST, "workers": 1} | changes
    return render_photo_set(options.pop("catalogue", CATALOGUE), options.pop("plan"), out=out, **options)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return render(tmp_path_factory.mktemp("photos") / "set").root


@pytest.fixture
def root(made, tmp_path):
    shutil.copytree(made, tmp_path / "set")
    return tmp_path / "set"


def edit(root, change):
    file = root / "manifest.json"
    manifest = json.loads(file.read_bytes())
    change(manifest)
    file.write_bytes(canonical_json(manifest))


def test_a_set_is_read_as_it_was_made(made):
    photos = PhotoSet.load(made)
    assert len(photos) == 4 + 3 + 4 + 3 + 9 + 2 + 4 * 3
    assert (photos.split, photos.provenance) == ("verdict", "simulated")
    manifest = photos.manifest
    assert (manifest.release_digest, manifest.seed, manifest.plan) == (DIGEST, DIGEST, PLAN)
    assert (manifest.catalogue_digest, manifest.cards) == (CATALOGUE.digest, 24)
    assert all(photos.image(number).size == (90, 126) for number in range(len(photos)))
    assert photos.teacher_embeddings is None
    assert photos.teacher_gallery is None
    for record in photos.records:
        assert record.sha256 == sha256_file(made / record.file)
        if record.condition == "occluded":
            assert record.occluded_fraction == pytest.approx(0.2, abs=0.01)
        if record.condition == "glare":
            assert record.saturated_fraction >= 0.05
    assert (made / "manifest.json").read_bytes() == canonical_json(manifest.model_dump(mode="json")) + b"\n"


def test_photos_of_unknown_cards_name_no_card(made):
    photos = PhotoSet.load(made)
    unknown = [r for r in photos.records if r.condition in {"unknown", "unknown-card"}]
    assert len(unknown) == 11
    assert {record.card for record in unknown} == {None}
    assert photos.manifest.distractors["kind"] == "synthetic"
    assert photos.manifest.distractors["seed"] != CATALOGUE.seed


def test_indices_select_in_the_manifests_order(made):
    photos = PhotoSet.load(made)
    clean = photos.indices(condition="clean", severity=2)
    assert clean.dtype == np.int64
    assert [photos.records[k].id for k in clean] == [f"s2-clean-{k:04d}" for k in range(4)]
    assert photos.indices(condition="clean").size == 8
    assert photos.indices(condition="unknown", family="stone").size == 1
    assert photos.indices(condition="nothing").size == 0
    assert photos.indices().tolist() == list(range(len(photos)))
    assert photos.families("unknown")[0] == "wood"


def test_the_same_seed_gives_the_same_set_on_any_number_of_processes(made, tmp_path):
    seen = []
    other = render(tmp_path / "other", workers=2, progress=lambda done, total: seen.append((done, total)))
    assert other.digest == PhotoSet.load(made).digest
    assert seen[-1] == (len(other), len(other))


def test_another_release_another_digest(made, tmp_path):
    plan = PLAN.model_copy(update={"unknown": 0, "curve": 0})
    first = render(tmp_path / "a", plan=plan)
    second = render(tmp_path / "b", plan=plan, seed="cd" * 32)
    assert first.digest != second.digest
    assert not {r.sha256 for r in first.records} & {r.sha256 for r in second.records}


def test_a_folder_that_holds_the_same_set_stays_and_any_other_is_refused(root):
    before = (root / "manifest.json").stat().st_mtime_ns
    assert render(root).digest == PhotoSet.load(root).digest
    assert (root / "manifest.json").stat().st_mtime_ns == before
    for changes in ({"seed": "cd" * 32}, {"split": "development"}, {"catalogue": SyntheticCatalogue(3, 23)}):
        with pytest.raises(PhotoSetError, match="another photo set"):
            render(root, **changes)
    (root / "manifest.json").unlink()
    with pytest.raises(PhotoSetError, match="something else"):
        render(root)


def test_a_render_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def broken(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(photo_render, "simulate_unknown", broken)
    with pytest.raises(OSError, match="disk full"):
        render(tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


def test_no_worker_is_refused(tmp_path):
    with pytest.raises(UsageError):
        render(tmp_path / "set", workers=0)


def remove(root):
    (root / PhotoSet.load(root).records[0].file).unlink()


def tamper(root):
    file = root / PhotoSet.load(root).records[0].file
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)


def link(root):
    file = root / PhotoSet.load(root).records[0].file
    shutil.copy(file, root.parent / "elsewhere.jpg")
    file.unlink()
    file.symlink_to(root.parent / "elsewhere.jpg")


def link_folder(root):
    (root / "photos").rename(root.parent / "photos")
    (root / "photos").symlink_to(root.parent / "photos")


def folder_in_place(root):
    file = root / PhotoSet.load(root).records[0].file
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (remove, "is missing"),
        (tamper, "differs from its digest"),
        (link, "is a link"),
        (link_folder, "behind a link"),
        (folder_in_place, "is no file"),
    ],
)
def test_photos_that_do_not_fit_the_manifest_are_refused(root, damage, text):
    damage(root)
    with pytest.raises(PhotoSetError, match=text):
        PhotoSet.load(root)


def test_only_the_first_few_problems_are_told(root):
    for photo in (root / "photos").iterdir():
        photo.unlink()
    with pytest.raises(PhotoSetError, match=r"found \d+ problems: .* …;") as caught:
        PhotoSet.load(root)
    assert str(caught.value).count("is missing") == 3


def test_without_verification_only_the_bytes_are_believed(root):
    tamper(root)
    photos = PhotoSet.load(root, verify=False)
    (root / photos.records[0].file).unlink()
    with pytest.raises(PhotoSetError, match="is missing"):
        PhotoSet.load(root, verify=False)


def first(**values):
    return lambda manifest: manifest["photos"][0].update(values)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (first(file="../manifest.json"), "plain relative path"),
        (first(file="/etc/passwd"), "plain relative path"),
        (first(file="photos/../../x.jpg"), "plain relative path"),
        (first(file="photos\\x.jpg"), "plain relative path"),
        (first(file="C:x.jpg"), "plain relative path"),
        (first(file=""), "plain relative path"),
        (first(sha256="xyz"), "sha256"),
        (first(condition="blurry"), "condition"),
        (first(severity=0), "severity"),
        (first(card=None), "does not go with card"),
        (first(provenance="captured"), "is not simulated"),
        (first(colour="red"), "colour"),
        (lambda m: m.update(schema_version=2), "schema_version"),
        (lambda m: m.update(photos=[]), "photos"),
        (lambda m: m["photos"].append(m["photos"][0]), "share the id"),
        (lambda m: m["photos"][1].update(file=m["photos"][0]["file"]), "share the file"),
        (lambda m: m.pop("split"), "split"),
    ],
)
def test_manifests_that_cannot_be_used_are_refused(root, change, text):
    edit(root, change)
    with pytest.raises(PhotoSetError, match=text):
        PhotoSet.load(root)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b"9" * 5_000, b'{"photos": NaN}']
)
def test_files_that_are_no_manifest_are_refused(root, content):
    (root / "manifest.json").write_bytes(content)
    with pytest.raises(PhotoSetError) as caught:
        PhotoSet.load(root)
    assert "\n" not in str(caught.value)


def test_a_folder_without_manifest_is_refused(tmp_path, root):
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(PhotoSetError, match="photos make"):
            PhotoSet.load(folder)
    (root / "manifest.json").rename(root / "other.json")
    (root / "manifest.json").symlink_to(root / "other.json")
    with pytest.raises(PhotoSetError, match="a link"):
        PhotoSet.load(root)


def embeddings(rows, seed=0):
    values = np.random.default_rng(seed).standard_normal((rows, 768)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def test_the_teachers_embeddings_travel_with_the_set(root, tmp_path):
    photos = PhotoSet.load(root)
    mine, gallery = embeddings(len(photos)), embeddings(24, 1)
    attached = attach_teacher(photos, mine, gallery, "teacher-1")
    assert attached.digest == photos.digest
    shutil.copytree(root, tmp_path / "carried")
    carried = PhotoSet.load(tmp_path / "carried")
    assert carried.manifest.teacher.artefact_digest == "teacher-1"
    assert carried.teacher_embeddings.dtype == np.float16
    np.testing.assert_array_equal(carried.teacher_embeddings, mine.astype(np.float16))
    np.testing.assert_array_equal(carried.teacher_gallery, gallery.astype(np.float16))
    attach_teacher(carried, embeddings(len(photos), 2), gallery, "teacher-2")
    again = PhotoSet.load(carried.root)
    assert again.manifest.teacher.artefact_digest == "teacher-2"
    assert len(list(carried.root.glob("*.npy"))) == 2  # the first teacher's photos are gone


@pytest.mark.parametrize("name", ["teacher-embeddings-*.npy", "teacher-gallery-*.npy"])
def test_teachers_embeddings_that_were_changed_are_refused(root, name):
    photos = PhotoSet.load(root)
    attach_teacher(photos, embeddings(len(photos)), embeddings(24), "teacher")
    file = next(root.glob(name))
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(PhotoSetError, match="differs from its digest"):
        PhotoSet.load(root)
    unread = PhotoSet.load(root, verify=False)
    with pytest.raises(PhotoSetError, match="differs from its digest"):
        _ = (unread.teacher_embeddings, unread.teacher_gallery)
    file.unlink()
    with pytest.raises(PhotoSetError, match="is missing"):
        PhotoSet.load(root)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("wrong", ["rows", "width", "nan", "whole numbers"])
def test_embeddings_that_do_not_fit_are_not_attached(root, which, wrong):
    photos = PhotoSet.load(root)
    arrays = [embeddings(len(photos)), embeddings(24)]
    arrays[which] = {
        "rows": arrays[which][1:],
        "width": arrays[which][:, 1:],
        "nan": np.where(arrays[which] == arrays[which].max(), np.nan, arrays[which]),
        "whole numbers": arrays[which].astype(int),
    }[wrong]
    before = (root / "manifest.json").read_bytes()
    with pytest.raises(EmbeddingError):
        attach_teacher(photos, *arrays, "teacher")
    assert (root / "manifest.json").read_bytes() == before
    assert not list(root.glob("*.npy"))


def test_embeddings_are_not_attached_to_a_set_that_was_replaced(root):
    photos = PhotoSet.load(root)
    edit(root, first(device="another camera"))
    with pytest.raises(PhotoSetError, match="another set"):
        attach_teacher(photos, embeddings(len(photos)), embeddings(24), "teacher")


def test_the_default_set_is_rendered_once_and_anew_when_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv("CARDEMBED_CACHE", str(tmp_path))
    plan = PLAN.model_copy(update={"unknown": 0, "curve": 0})
    calls = []
    options = {"plan": plan, "workers": 1, "progress": lambda done, _: calls.append(done)}
    first_set = default_photo_set(DIGEST, CATALOGUE, **options)
    assert first_set.root.is_relative_to(tmp_path / "photos")
    rendered = len(calls)
    assert rendered > 0
    assert default_photo_set(DIGEST, CATALOGUE, **options).digest == first_set.digest
    assert len(calls) == rendered
    tamper(first_set.root)
    assert default_photo_set(DIGEST, CATALOGUE, **options).digest == first_set.digest
    assert len(calls) == 2 * rendered
    development = default_photo_set(0, CATALOGUE, split="development", **options)
    assert development.root != first_set.root
    assert development.manifest.release_digest is None


def test_a_manifest_of_captured_photos_needs_no_seed_and_no_plan(root):
    def captured(manifest):
        for key in ("seed", "plan", "simulator", "release_digest", "distractors"):
            manifest[key] = None
        manifest["provenance"] = "captured"
        for photo in manifest["photos"]:
            photo.update(provenance="captured", device="phone", seed=None)

    edit(root, captured)
    photos = PhotoSet.load(root)
    assert photos.provenance == "captured"
    assert {record.device for record in photos.records} == {"phone"}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_cannot_be_written_to_is_told(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(CardembedError, match="a place to write to"):
        render(tmp_path / "set")


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "file", tmp_path / "file" / "set"):
        with pytest.raises(PhotoSetError):
            render(out)
    assert Path(tmp_path / "file").read_text() == "x"
