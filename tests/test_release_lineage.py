import json
import shutil

import pytest
from click.testing import CliRunner

from cardembed._commands.release import command
from cardembed.errors import DigestMismatchError, ReleaseError
from cardembed.release import Release, default_release_dir
from cardembed.release_lineage import check_lineage

OTHER = "0" * 64


@pytest.fixture(scope="module")
def shipped():
    return Release.load(default_release_dir())


def test_the_shipped_release_says_of_itself_what_is_so(shipped):
    check_lineage(shipped)
    assert {"teacher", "android", "ios", "hailo8l"} <= shipped.training.keys()


@pytest.mark.parametrize(
    ("target", "field", "what"),
    [
        ("teacher", "sha256", "the weights of teacher"),
        ("ios", "sha256", "the weights of ios"),
        ("hailo8l", "teacher", "the teacher of hailo8l"),
    ],
)
def test_a_record_of_other_weights_is_refused(shipped, target, field, what):
    training = {**shipped.training, target: {**shipped.training[target], field: OTHER}}
    with pytest.raises(DigestMismatchError, match=what) as caught:
        check_lineage(shipped.model_copy(update={"training": training}))
    assert OTHER[:16] in str(caught.value)


@pytest.mark.parametrize("field", ["catalogue_digest", "gallery_digest"])
def test_cards_of_another_digest_are_refused(shipped, field):
    with pytest.raises(DigestMismatchError, match=field.removesuffix("_digest")):
        check_lineage(shipped.model_copy(update={field: OTHER}))


def test_what_is_not_recorded_is_not_compared(shipped):
    check_lineage(shipped.model_copy(update={"training": {"watch": {"sha256": OTHER}, "ios": {}, "x": 1}}))
    folder = {"kind": "folder", "name": "scans"}
    cards = {"catalogue": folder, "gallery": {"kind": "gallery", "learned": folder}}
    digests = {"catalogue_digest": OTHER, "gallery_digest": OTHER}
    check_lineage(shipped.model_copy(update={**cards, **digests}))
    printed = {**shipped.catalogue, "printer": "0"}  # by a version that is not here
    check_lineage(shipped.model_copy(update={"catalogue": printed, "gallery": None, **digests}))


def test_a_release_that_could_not_be_read_again_is_not_written(shipped, tmp_path):
    shipped.write(tmp_path)
    before = (tmp_path / "release.json").read_bytes()
    large = shipped.with_thresholds({"ios": (0.45, {"photos": ["0" * 64] * 70_000})})
    with pytest.raises(ReleaseError, match=r"at most 4194304 bytes.*nothing was written"):
        large.write(tmp_path)
    assert (tmp_path / "release.json").read_bytes() == before


def test_verify_reads_record_and_seal(shipped, tmp_path):
    shutil.copytree(shipped.root, tmp_path / "release")
    file = tmp_path / "release" / "release.json"
    assert CliRunner().invoke(command, ["verify", str(file.parent)]).exit_code == 0
    whole = json.loads(file.read_text())
    lower = json.loads(file.read_text())
    lower["targets"]["android"]["match_threshold"] /= 2
    lineage = json.loads(file.read_text())
    lineage["training"]["ios"]["teacher"] = OTHER
    broken = json.loads(file.read_text())
    broken["training"]["ios"]["teacher"] = 5
    for changed, found, code in (
        (whole, ", sealed", 0),
        (lower, "its seal is of another release", 0),  # as `calibrate --write` leaves it
        (lineage, "the teacher of ios", 1),
        (broken, "the teacher of ios", 1),
    ):
        file.write_text(json.dumps(changed))
        ended = CliRunner().invoke(command, ["verify", str(file.parent)])
        assert ended.exit_code == code, ended.output
        assert found in ended.output
        alone = CliRunner().invoke(command, ["verify", str(file.parent), "--target", "android"])
        assert alone.exit_code == 0  # its files are as they should be
