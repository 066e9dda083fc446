"""Exports are under the licence of what their weights were trained from."""

import json
from dataclasses import replace

import pytest

from cardembed._io import sha256_file
from cardembed.export.licence import DINOV3_LICENCE, LICENCE, licence_of
from cardembed.release import Release, default_release_dir

TEACHER, STUDENT, OTHER, BACKBONE = (letter * 64 for letter in "abcd")


def training(backbone):
    return {
        "teacher": {"sha256": TEACHER, "backbone": backbone},
        "ios": {"sha256": STUDENT, "teacher": TEACHER},
        "android": {"sha256": OTHER, "teacher": "e" * 64},
    }


@pytest.mark.parametrize("sha256", [TEACHER, STUDENT])
def test_a_published_backbone_is_metas_for_the_teacher_and_its_students(sha256):
    assert licence_of(sha256, {}, training(BACKBONE)) == DINOV3_LICENCE
    assert licence_of(sha256, {}, training(None)) == LICENCE
    assert licence_of(OTHER, {}, training(BACKBONE)) == LICENCE  # another teacher's


def test_a_weight_files_own_header_is_enough():
    assert licence_of(STUDENT, {"backbone": json.dumps(BACKBONE)}, {}) == DINOV3_LICENCE
    assert licence_of("f" * 64, {"teacher": json.dumps(TEACHER)}, training(BACKBONE)) == DINOV3_LICENCE
    assert licence_of(STUDENT, {}, {}) == LICENCE


def test_the_shipped_release_started_at_random():
    release = Release.load(default_release_dir())
    for target in release.targets:
        assert licence_of(release.weights(target).sha256, {}, release.training) == LICENCE


def test_what_is_exported_says_so(random_release, tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("timm")
    from cardembed.export.source import source_of_target, source_of_weights
    from cardembed.models.weights import load_weights, save_weights

    file = tmp_path / "ios.safetensors"
    file.write_bytes((random_release / file.name).read_bytes())
    assert source_of_weights(file).metadata("tensor")["license"] == LICENCE
    record = {"ios": {"sha256": sha256_file(file), "backbone": BACKBONE}}
    release = Release.load(random_release)
    release.training.update(record)
    assert source_of_target(release, "ios").metadata("image")["license"] == DINOV3_LICENCE
    assert source_of_target(release, "hailo8l").licence == LICENCE
    (tmp_path / "training.json").write_text(json.dumps(record))
    assert source_of_weights(file).licence == DINOV3_LICENCE
    (tmp_path / "training.json").unlink()
    save_weights(load_weights(file), file, metadata={"backbone": BACKBONE})
    source = source_of_weights(file)
    assert source.licence == DINOV3_LICENCE
    assert replace(source, licence=LICENCE).metadata("tensor")["license"] == LICENCE
