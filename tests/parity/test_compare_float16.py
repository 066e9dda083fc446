"""`cardembed compare` on what ships: numbers in float16, beside weights that are rounded as they were."""

import json

import numpy as np
import pytest

pytest.importorskip("timm")
pytest.importorskip("coremltools")

from cardembed.coreml.precision import precision_of
from cardembed.export.coreml import CoreMLOptions, export_coreml
from cardembed.export.source import source_of_target
from cardembed.parity.artefacts import open_traceable, trace_both
from cardembed.parity.mutations import MUTATIONS
from cardembed.release import Release, default_release_dir

BY_NAME = {mutation.name: mutation for mutation in MUTATIONS}


@pytest.fixture(scope="module")
def release():
    # Trained weights: in a random network nothing reaches a GELU far enough from 0 to tell its kinds apart.
    return Release.load(default_release_dir())


@pytest.fixture(scope="module")
def weights(release):
    return release.path(release.weights("ios"))


@pytest.fixture(scope="module")
def exported(release, tmp_path_factory):
    folder, made = tmp_path_factory.mktemp("float16"), {}

    def export(form):
        if form not in made:
            made[form] = folder / f"ios.{form}"
            export_coreml(source_of_target(release, "ios"), made[form], CoreMLOptions(format=form))
        return made[form]

    return export


@pytest.mark.parametrize("form", ["mlpackage", "mlmodel"])
def test_a_sound_float16_artefact_agrees(run, weights, exported, form):
    for pair in ((weights, exported(form)), (exported(form), weights)):
        code, out, err = run("compare", *pair, "--json")
        found = json.loads(out)
        assert (code, found["agree"]) == (0, True), err
        assert found["one_minus_cosine"] < 1e-10
        said = (found["reference"], found["candidate"])
        assert any("with its numbers rounded to float16" in one for one in said), said
        assert any("with numbers in float16, on cardembed.coreml in float32" in one for one in said), said


@pytest.mark.parametrize(
    ("form", "damage", "layer", "after"),
    [
        ("mlpackage", "a bias is zero", "conv", "stages.2.blocks.1:add"),
        ("mlpackage", "a GELU is approximated", "gelu", "stages.2.blocks.2.mlp.fc1:convolution"),
        ("mlmodel", "a bias is zero", "conv", "stages.2.blocks.1:add"),
    ],
)
def test_damage_is_named_at_its_layer(*, run, weights, exported, tmp_path, form, damage, layer, after):
    damaged = tmp_path / f"damaged.{form}"
    changed = BY_NAME[damage].write(exported(form), damaged)
    code, out, _ = run("compare", weights, damaged, "--json")
    found = json.loads(out)
    assert (code, found["first"]["op"], found["after"]) == (1, layer, f"backbone.{after}"), changed
    if layer == "gelu":
        assert found["first"]["name"] == changed


def test_two_float16_artefacts_are_compared_as_they_are(exported):
    one, other = (open_traceable(exported(form)) for form in ("mlpackage", "mlmodel"))
    assert one.half
    assert other.half
    assert one.rounded is other.rounded is None


def test_weights_beside_float32_are_not_rounded(weights, release, tmp_path):
    path = tmp_path / "ios.mlmodel"
    export_coreml(
        source_of_target(release, "ios"), path, CoreMLOptions(format="mlmodel", precision="float32")
    )
    artefacts = open_traceable(weights), open_traceable(path)
    assert not artefacts[1].half
    one, other = trace_both(*artefacts, np.zeros((1, 3, 128, 128), np.float32))
    assert "float16" not in one.source + other.source


def test_a_compressed_program_is_neither():
    from cardembed.coreml.protos import model_schema

    model = model_schema().Model()
    function = model.mlProgram.functions["main"]
    function.block_specializations["CoreML6"].operations.add().type = "constexpr_lut_to_dense"
    assert precision_of(model) == "other"


def test_an_ort_file_is_said_not_to_be_traceable(run, weights, tmp_path):
    path = tmp_path / "android.ort"
    path.write_bytes(b"any")
    code, _, err = run("compare", weights, path)
    assert (code, err.count("\n")) == (2, 1)
    assert "hands out its intermediate results, found ONNX Runtime's own format" in err
    assert "cardembed parity check" in err
