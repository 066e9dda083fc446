"""No photo that INT8 ranges were measured on decides: compared by digest where the network is executed."""

import json
import shutil

import pytest

from cardembed._io import sha256_file
from cardembed.cards.catalogue import load_catalogue
from cardembed.cards.photo_manifest import MANIFEST, read_manifest
from cardembed.cards.photo_plan import PhotoPlan
from cardembed.cards.photo_render import render_photo_set
from cardembed.conformance.chip_setup import prepare_setup
from cardembed.conformance.measure.bench import Bench
from cardembed.embedders.exports import quantised_int8, simulated_hef
from cardembed.embedders.registry import open_embedder
from cardembed.errors import PhotoSetError
from cardembed.release import Release

PLAN = PhotoPlan(
    clean=6, clean_second=0, occluded=4, glare=4, unknown=2, unknown_card=0, curve=0, zero_shot=0,
    zero_shot_occluded=0,
)  # fmt: skip


@pytest.fixture(scope="module")
def release(random_release, tmp_path_factory):
    """A release that ships weights alone, so that its INT8 network is made at first use."""
    root = shutil.copytree(random_release, tmp_path_factory.mktemp("int8") / "release")
    content = json.loads((root / "release.json").read_bytes())
    entry = content["targets"]["hailo8l"]
    entry["artefacts"] = [one for one in entry["artefacts"] if one["format"] != "int8"]
    (root / "release.json").write_text(json.dumps(content))
    return Release.load(root)


@pytest.fixture(scope="module")
def development(release, tmp_path_factory):
    cards, out = load_catalogue(release.searched), tmp_path_factory.mktemp("photos") / "development"
    return render_photo_set(cards, PLAN, split="development", seed="calibration", out=out, workers=1)


@pytest.fixture(scope="module")
def calibrated_on(release, development):
    """Makes the INT8 network as the first use does, on few photos; gives their digests."""
    from cardembed.export.hailo import calibration

    drawn = []

    def few(photos, preprocessing):
        drawn.append(original(photos, preprocessing, count=12))
        return drawn[-1]

    original = calibration.calibration_set
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "calibration_photos", lambda _: development)
        patch.setattr(calibration, "calibration_set", few)
        quantised_int8(release, "hailo8l")
    return drawn[0].photos


@pytest.fixture(scope="module")
def verdict(release, tmp_path_factory):
    cards, out = load_catalogue(release.searched), tmp_path_factory.mktemp("photos") / "verdict"
    return render_photo_set(cards, PLAN, split="verdict", seed=release.digest, out=out, workers=1)


def with_photo_of(verdict, development, digest, folder):
    """The verdict photos with one of the development photos in the place of their first."""
    root = shutil.copytree(verdict.root, folder / "photos")
    other = next(record for record in development.records if record.sha256 == digest)
    manifest = read_manifest(root)
    first, *rest = manifest.photos
    shutil.copy(development.root / other.file, root / first.file)
    changed = first.model_copy(update={"sha256": sha256_file(root / first.file)})
    manifest = manifest.model_copy(update={"photos": (changed, *rest)})
    (root / MANIFEST).write_bytes(manifest.to_bytes())
    return root, first.id


def opened(release, photos, run_dir, chip=None):
    setup = {
        "release": str(release.root), "catalogue": None, "distractors": None, "photos": str(photos),
        "use_cache": True, "chip": None if chip is None else chip.model_dump(),
    }  # fmt: skip
    with Bench(setup, run_dir=run_dir) as bench:
        return bench.embedder("hailo8l").calibrated_on


@pytest.fixture(params=["int8", "simulator", "simulator with --hef"])
def chip(request, release, calibrated_on):
    """How hailo8l is executed."""
    if request.param == "int8":
        return None
    hef = simulated_hef(release, "hailo8l")[0] if "hef" in request.param else None
    return prepare_setup(release, "simulator", hef=hef)


def test_verdict_photos_of_their_own_are_judged_on(release, verdict, calibrated_on, chip, tmp_path):
    assert len(calibrated_on) == 12
    assert opened(release, verdict.root, tmp_path, chip) == set(calibrated_on)


def test_a_photo_that_it_was_calibrated_on_is_refused(  # noqa: PLR0917 - fixtures
    release, verdict, development, calibrated_on, chip, tmp_path
):
    photos, name = with_photo_of(verdict, development, calibrated_on[5], tmp_path)
    with pytest.raises(PhotoSetError, match=f"none of the 12 photos that hailo8l .*found 1: {name};"):
        opened(release, photos, tmp_path, chip)


def test_a_development_photo_that_was_not_drawn_is_not_meant(
    release, verdict, development, calibrated_on, tmp_path
):
    digest = next(one.sha256 for one in development.records if one.sha256 not in calibrated_on)
    photos, _ = with_photo_of(verdict, development, digest, tmp_path)
    assert opened(release, photos, tmp_path) == set(calibrated_on)


def test_a_network_that_names_no_photos_says_so(random_release):
    with open_embedder(Release.load(random_release), "hailo8l") as embedder:
        assert embedder.calibrated_on is None


def test_a_photo_that_a_threshold_was_chosen_on_is_refused(release, verdict, tmp_path):
    photo = verdict.records[3]
    chosen = (0.45, {"photos": ["0" * 64, photo.sha256]})
    root = shutil.copytree(release.root, tmp_path / "release")
    release.with_thresholds({"android": chosen}).write(root)
    setup = {
        "release": str(root), "catalogue": None, "distractors": None, "photos": str(verdict.root),
        "use_cache": True, "chip": None,
    }  # fmt: skip
    with Bench(setup, run_dir=tmp_path) as bench:
        found = f"none of the 2 photos that the threshold of android .*found 1: {photo.id};"
        with pytest.raises(PhotoSetError, match=found):
            bench.measurements("android")
