"""A hostile package costs a clear error, and nothing outside of it is read."""

import json
import shutil
import struct

import pytest

pytest.importorskip("torch")
pytest.importorskip("timm")
pytest.importorskip("coremltools")

from cardembed.coreml.model import CoreMLModel
from cardembed.errors import ArtefactError

SPECIFICATION = "Data/com.apple.CoreML/model.mlmodel"
WEIGHTS = "Data/com.apple.CoreML/weights/weight.bin"


@pytest.fixture
def package(packages, tmp_path):
    return shutil.copytree(packages("ios"), tmp_path / "hostile.mlpackage")


def refused(package, said):
    with pytest.raises(ArtefactError, match=said) as error:
        CoreMLModel.load(package)
    assert "\n" not in str(error.value)


def test_what_is_no_package(tmp_path, package):
    refused(tmp_path / "nothing.mlpackage", "nothing")
    file = tmp_path / "file.mlpackage"
    file.write_bytes(b"x")
    refused(file, "something else")
    (tmp_path / "link.mlpackage").symlink_to(package)
    refused(tmp_path / "link.mlpackage", "folder")
    (package / "Manifest.json").unlink()
    refused(package, "Manifest")


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", "..", "com.apple.CoreML/../../x", "a\\b", "", 7, None, ["x"]]
)
def test_a_manifest_that_leads_elsewhere(package, path):
    manifest = json.loads((package / "Manifest.json").read_text())
    manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]["path"] = path
    (package / "Manifest.json").write_text(json.dumps(manifest))
    refused(package, "package|manifest|file")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"rootModelIdentifier": []}', "[" * 100_000])
def test_a_manifest_that_is_none(package, text):
    (package / "Manifest.json").write_text(text)
    refused(package, "manifest")


def test_links_within_a_package(package, tmp_path):
    secret = tmp_path / "secret"
    shutil.copy(package / WEIGHTS, secret)
    (package / WEIGHTS).unlink()
    (package / WEIGHTS).symlink_to(secret)
    refused(package, "link")
    shutil.rmtree(package / "Data" / "com.apple.CoreML" / "weights")
    refused(package, "the file|none")


@pytest.mark.parametrize("keep", [0, 1, 100, 5000])
def test_a_truncated_program(package, keep):
    path = package / SPECIFICATION
    path.write_bytes(path.read_bytes()[:keep])
    refused(package, "Core ML model|ML Program|one function|a body|block|value")


@pytest.mark.parametrize("keep", [0, 63, 64, 200, 100_000])
def test_truncated_weights(package, keep):
    path = package / WEIGHTS
    path.write_bytes(path.read_bytes()[:keep])
    refused(package, "record|numbers")


@pytest.mark.parametrize(
    ("at", "number", "said"),
    [
        (0, 0, "sentinel"),
        (4, 99, "kind"),
        (8, 1 << 40, "numbers"),
        (8, 2, "numbers"),
        (16, 1 << 60, "numbers"),
    ],
)
def test_a_damaged_record(package, at, number, said):
    path = package / WEIGHTS
    data = bytearray(path.read_bytes())
    kind = "<I" if at < 8 else "<Q"
    data[64 + at : 64 + at + struct.calcsize(kind)] = struct.pack(kind, number)
    path.write_bytes(data)
    refused(package, said)


def first(block, kind):
    return next(one for one in block.operations if one.type == kind)


def constant(block, name):
    return next(one for one in block.operations if one.type == "const" and one.outputs[0].name == name)


def absurd_shape(block):
    for side in first(block, "conv").outputs[0].type.tensorType.dimensions:
        side.constant.size = 1 << 30


def weights_elsewhere(block):
    value = next(
        one.attributes["val"].blobFileValue
        for one in block.operations
        if one.type == "const" and one.attributes["val"].WhichOneof("value") == "blobFileValue"
    )
    value.fileName = "@model_path/../../../../etc/passwd"


def offset_beyond(block):
    for one in block.operations:
        if one.type == "const" and one.attributes["val"].WhichOneof("value") == "blobFileValue":
            one.attributes["val"].blobFileValue.offset = 1 << 62


def used_before_it_is_computed(block):
    first(block, "conv").inputs["x"].arguments[0].name = block.outputs[0]


def within_itself(block):
    first(block, "conv").blocks.add()


def other_outputs(block):
    block.outputs[0] = "something else"


def too_many(block):
    sound = first(block, "gelu")
    block.operations.extend([sound] * 100_001)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (absurd_shape, "results of at most"), (weights_elsewhere, "inside of the package"),
        (offset_beyond, "record"), (used_before_it_is_computed, "computed before"),
        (within_itself, "blocks of their own"), (other_outputs, "gives"), (too_many, "operations"),
    ],
)  # fmt: skip
def test_a_program_that_no_converter_writes(packages, tmp_path, edited, change, said):
    refused(edited(packages("ios"), tmp_path, change), said)


def test_a_tile_that_explodes_is_refused_before_it_is_made(packages, tmp_path, edited):
    import numpy as np

    def change(block):
        name = first(block, "tile").inputs["reps"].arguments[0].name
        tensor = constant(block, name).attributes["val"].immediateValue.tensor
        del tensor.ints.values[:]
        tensor.ints.values.extend([1 << 20, 1 << 20])

    model = CoreMLModel.load(edited(packages("ios"), tmp_path, change))
    with pytest.raises(ArtefactError, match="tile"):
        model.predict({"input": np.zeros((1, 3, 128, 128), np.float32)})


def test_damaged_artefacts_end_in_a_prediction_or_a_clear_error(tmp_path):
    from cardembed.coreml.fuzzing import make_samples, outcome, run

    samples = make_samples(tmp_path)
    assert [outcome(sample) for sample in samples] == ["prediction"] * len(samples)
    ends = run(samples, 150, 7, tmp_path)
    assert {end for _, end in ends} == {"prediction", "ArtefactError"}, ends
