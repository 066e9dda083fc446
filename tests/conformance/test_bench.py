"""What may stand behind a verdict: photos that the release determines, a teacher with its embeddings."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cardembed.cards.catalogue import load_catalogue
from cardembed.cards.gallery import gallery_of
from cardembed.cards.photo_manifest import MANIFEST, read_manifest
from cardembed.cards.photo_plan import PhotoPlan
from cardembed.cards.photo_render import SIMULATOR_VERSION, render_photo_set
from cardembed.cards.photo_set import PhotoSet
from cardembed.conformance.measure import Teacher
from cardembed.conformance.measure.bench import Bench, prepare
from cardembed.conformance.measure.drawn import check_drawn
from cardembed.conformance.predicate import ReleaseInfo
from cardembed.conformance.recorder.options import Options
from cardembed.errors import PhotoSetError
from cardembed.release import Release

RELEASE = Path(__file__).parents[2] / "fixtures" / "release"
PLAN = PhotoPlan(
    clean=1, clean_second=0, occluded=0, glare=0, unknown=0, unknown_card=0, curve=0,
    zero_shot=0, zero_shot_occluded=0,
)  # fmt: skip


def options(release, photos, catalogue=None):
    return Options(
        targets=(),
        release=release,
        catalogue=catalogue,
        distractors=None,
        photos=photos,
        report=None,
        use_cache=True,
        device=None,
        runner="desk",
        nonce=None,
    )


@pytest.fixture(scope="module")
def release():
    return Release.load(RELEASE)


@pytest.fixture
def ask(tmp_path, release):
    """Renders a verdict set of a seed, changes its manifest, and asks whether it may decide."""
    catalogue = load_catalogue(release.searched)

    def ask(seed, **change):
        root = tmp_path / "photos"
        render_photo_set(catalogue, PLAN, split="verdict", seed=seed, out=root, workers=1)
        manifest = read_manifest(root).model_copy(update=change)
        (root / MANIFEST).write_bytes(manifest.to_bytes())
        return prepare(options(RELEASE, root), lambda _: None)

    return ask


def test_photos_that_derive_from_the_releases_digest_may_decide(ask, release):
    made = ask(release.digest)
    assert (made.photos.seed, made.photos.simulator) == (release.digest, SIMULATOR_VERSION)
    assert made.bench["compute_units"] is None
    assert made.release == ReleaseInfo.of(release)
    assert made.release.catalogue_digest == made.catalogue_digest
    assert made.release.artefacts["server"] == made.release.artefacts["teacher"]
    assert type(made).model_validate(made.model_dump(mode="json")) == made  # as workers get it


@pytest.mark.parametrize(
    ("seed", "change", "found"),
    [
        ("lucky", {}, "from the seed 'lucky'"),
        (7, {}, "from the seed '7'"),
        (None, {"simulator": SIMULATOR_VERSION - 1}, f"by simulator {SIMULATOR_VERSION - 1}"),
        (None, {"simulator": None}, "by simulator None"),
    ],
    ids=["text", "number", "older simulator", "no simulator"],
)
def test_photos_that_somebody_could_choose_are_refused_in_one_line(ask, release, seed, change, found):
    with pytest.raises(PhotoSetError) as error:
        ask(release.digest if seed is None else seed, **change)
    text = str(error.value)
    assert found in text
    assert f"from the release {release.digest[:16]}…" in text
    assert "cardembed photos make --release" in text
    assert "\n" not in text


PLANNED = PhotoPlan(**{**PLAN.model_dump(), "clean": 3, "curve_severities": ()})


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda photos: photos[1:], "2 of its 3, or another order"),
        (lambda photos: photos[::-1], "3 of its 3, or another order"),
        (lambda photos: (photos[0].model_copy(update={"seed": 7}), *photos[1:]), "also 's2-clean-0000'"),
        (lambda photos: (photos[0].model_copy(update={"id": "nice"}), *photos[1:]), "also 'nice'"),
    ],
    ids=["left out", "reordered", "another seed", "another photo"],
)
def test_photos_that_somebody_picked_are_refused(tmp_path, release, change, found):
    catalogue = load_catalogue(release.searched)
    root = tmp_path / "photos"
    made = render_photo_set(catalogue, PLANNED, split="verdict", seed=release.digest, out=root, workers=1)
    check_drawn(made, release, catalogue)
    manifest = made.manifest.model_copy(update={"photos": tuple(change(made.manifest.photos))})
    with pytest.raises(PhotoSetError, match=found):
        check_drawn(PhotoSet(root, manifest), release, catalogue)


@pytest.mark.parametrize("plan", [None, PLANNED.model_copy(update={"size": (1440, 2016)})])
def test_photos_of_another_size_or_without_a_plan_are_refused(tmp_path, release, plan):
    catalogue = load_catalogue(release.searched)
    made = render_photo_set(
        catalogue, PLANNED, split="verdict", seed=release.digest, out=tmp_path / "photos", workers=1
    )
    other = PhotoSet(made.root, made.manifest.model_copy(update={"plan": plan}))
    with pytest.raises(PhotoSetError, match="no plan" if plan is None else "1440 × 2016"):
        check_drawn(other, release, catalogue)


def test_the_cards_of_the_training_stand_for_the_gallery(tmp_path, random_release):
    gallery = gallery_of("synthetic:5:12", distractors="synthetic:7:3")
    content = json.loads((random_release / "release.json").read_bytes())
    content |= {"gallery": gallery.reference, "gallery_digest": gallery.digest}
    root = shutil.copytree(random_release, tmp_path / "release")
    (root / "release.json").write_text(json.dumps(content))
    seed, photos = Release.load(root).digest, tmp_path / "photos"
    render_photo_set(gallery, PLAN, split="verdict", seed=seed, out=photos, workers=1)
    asked = options(root, photos, catalogue="synthetic:5:12")
    made = prepare(asked, lambda _: None)
    assert made.catalogue_digest == gallery.digest
    assert Bench(made.bench).catalogue.digest == gallery.digest
    other = replace(asked, catalogue="synthetic:5:11")
    with pytest.raises(PhotoSetError, match="another catalogue"):
        prepare(other, lambda _: None)


def test_compute_units_reach_core_ml_and_nothing_else(random_release, monkeypatch):
    asked = {}

    def opens(_, target, *, threads, compute_units):
        asked[target] = compute_units
        return SimpleNamespace(calibrated_on=None, close=lambda: None)

    monkeypatch.setattr("cardembed.conformance.measure.bench.open_embedder", opens)
    for units in ("CPU_AND_NE", None):
        with Bench({"release": str(random_release), "compute_units": units}) as bench:
            for target in ("ios", "android"):
                bench.embedder(target)
        assert asked == {"ios": units, "android": None}


def test_the_teachers_embeddings_have_a_digest_of_both_arrays():
    rows = np.eye(3, dtype=np.float16)
    teacher = Teacher("t", rows, rows)
    same = Teacher("other", rows.copy(), np.asfortranarray(rows))
    assert teacher.embeddings_digest == same.embeddings_digest
    others = [
        replace(teacher, photos=rows * np.float16(0.5)),
        replace(teacher, gallery=rows[:2]),
        replace(teacher, gallery=rows.astype(np.float32)),
        replace(teacher, photos=rows.reshape(1, 9)),
    ]
    assert len({teacher.embeddings_digest, *(other.embeddings_digest for other in others)}) == 5
