"""Every mutation changes the artefact where it says, and the gate notices all of them."""

from dataclasses import replace

import numpy as np
import pytest

from cardembed.errors import UnknownTargetError
from cardembed.parity.check import Outcome
from cardembed.parity.mutations import MUTATIONS, NotApplicableError
from cardembed.parity.mutations.table import FORMATS
from cardembed.parity.routes import ROUTES, routes_of
from cardembed.parity.self_test import CHECKS, self_test
from cardembed.parity.subject import Subject
from cardembed.release import Release, default_release_dir

pytest.importorskip("torch")
pytest.importorskip("timm")


@pytest.fixture(scope="module")
def subject():
    # Trained weights: in a random network nothing reaches a GELU far enough from 0 to tell its kinds apart.
    return Subject(Release.load(default_release_dir()), "hailo8l")


@pytest.fixture(scope="module")
def onnx_route():
    return routes_of("hailo8l", ("onnx",))[0]


@pytest.fixture(scope="module")
def findings(subject, onnx_route, tmp_path_factory):
    return {one.mutation: one for one in self_test(subject, onnx_route, tmp_path_factory.mktemp("self"))}


def test_the_gate_notices_all_damage(findings):
    assert list(findings) == [mutation.name for mutation in MUTATIONS]
    lacking = findings.pop("a picture is declared as BGR")  # of a tensor
    assert (lacking.caught, lacking.changed) == ({}, "no picture as input")
    for one in findings.values():
        assert set(one.caught) == set(CHECKS), one
        assert one.caught["parity gate"], one
        assert one.changed


def test_other_checks_let_damage_pass(findings):
    # What the gate is for: were these noticed by a cosine of .999, no gate would be needed.
    assert not findings["a GELU is approximated"].caught["cosine ≥ .999"]
    assert not findings["a LayerNorm's eps is ten times"].caught["cosine ≥ .999"]
    assert not findings["the L2 normalisation is missing"].caught["cosine ≥ .999"]
    assert findings["BGR is read as RGB"].caught["cosine ≥ .999"]
    assert not any(one.caught["contract"] for one in findings.values())


def test_the_layer_is_where_the_damage_is(findings):
    gelu = findings["a GELU is approximated"]
    assert gelu.layer
    assert gelu.layer.split("/mlp")[0] == gelu.changed.split("/mlp")[0]
    assert "stem" in findings["BGR is read as RGB"].layer
    assert "stem" in findings["a LayerNorm's eps is ten times"].layer
    assert all(one.layer for one in findings.values() if one.caught)


def test_a_sound_artefact_passes(subject, onnx_route, tmp_path):
    result = subject.check(onnx_route, tmp_path)
    assert (result.outcome, result.reason) == (Outcome.PASSED, "")


def test_rounded_weights_are_another_reference(subject):
    exact, rounded = (subject.embeddings(rounded=flag) for flag in (False, True))
    assert exact.shape == rounded.shape == (4, 768)
    assert np.allclose(exact, rounded, atol=1e-3)


def test_what_an_onnx_file_lacks_is_said(tmp_path):
    import onnx
    from onnx import TensorProto, helper

    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3, 8, 8]) for name in ("a", "b")]
    graph = helper.make_graph([helper.make_node("Relu", ["a"], ["b"])], "g", [ports[0]], [ports[1]])
    path = tmp_path / "small.onnx"
    onnx.save(helper.make_model(graph), str(path))
    for mutation in MUTATIONS:
        with pytest.raises(NotApplicableError):
            mutation.write(path, tmp_path / "damaged.onnx")


def test_what_a_neural_network_lacks_is_said(tmp_path):
    pytest.importorskip("coremltools")
    from cardembed.coreml.protos import model_schema

    model = model_schema().Model()
    layer = model.neuralNetwork.layers.add()
    layer.name = "relu"
    layer.activation.ReLU.SetInParent()
    path = tmp_path / "small.mlmodel"
    path.write_bytes(model.SerializeToString())
    for mutation in MUTATIONS:
        with pytest.raises(NotApplicableError):
            mutation.write(path, tmp_path / "damaged.mlmodel")


def test_every_mutation_has_a_format_of_each_tight_route():
    damaged = [route for route in ROUTES if route.mutations == MUTATIONS]
    assert {route.name for route in damaged} == {
        "onnx", "onnx-image", "ort", "ort-image", "coreml-float32", "coreml-image", "coreml-mlmodel",
        "coreml-mlmodel-image", "coreml-mlmodel-weights", "coreml-batch", "coreml-weights",
    }  # fmt: skip
    assert set(FORMATS) == {".onnx", ".ort", ".mlpackage", ".mlmodel"}


def test_routes_have_names_of_their_own():
    assert len({route.name for route in ROUTES}) == len(ROUTES)
    with pytest.raises(UnknownTargetError, match="onnx"):
        routes_of("ios", ("caffe",))


def test_the_command(run, random_release):
    code, out, _ = run(
        "parity", "check", "--release", random_release, "--target", "android", "--route", "onnx"
    )
    assert (code, out.split()[:3]) == (0, ["android", "onnx", "passed"])
    assert run("parity", "check", "--release", random_release, "--route", "caffe")[0] == 2
    assert run("parity", "check", "--release", random_release, "--target", "moon")[0] == 2


def test_the_table(run):
    code, out, _ = run("parity", "self-test", "--target", "android", "--route", "onnx")
    assert code == 0
    assert out.splitlines()[0].split()[:2] == ["android", "onnx"]
    assert len(out.splitlines()) == 1 + len(MUTATIONS)
    assert float(out.splitlines()[1].removeprefix("a bias is zero").split()[0]) > 1e-10


def test_an_ort_file_is_damaged_and_noticed(tmp_path):
    android = Subject(Release.load(default_release_dir()), "android")
    (route,) = routes_of("android", ("ort",))
    found = {one.mutation: one for one in self_test(android, route, tmp_path)}
    assert found["a GELU is approximated"].caught == {}
    applied = [one for one in found.values() if one.caught]
    assert len(applied) == 5
    for one in applied:
        assert one.caught["parity gate"], one
        assert not one.caught["layer"]  # the format hands out no intermediate results


@pytest.fixture(scope="module")
def ios():
    pytest.importorskip("coremltools")
    return Subject(Release.load(default_release_dir()), "ios")


@pytest.mark.parametrize("name", ["coreml-weights", "coreml-mlmodel", "coreml-image"])
def test_core_ml_artefacts_are_damaged_and_noticed(ios, name, tmp_path):
    (route,) = routes_of("ios", (name,))
    sound = route.export(ios.release, "ios", tmp_path)
    assert ios.check(route, tmp_path, sound).outcome is Outcome.PASSED
    route.contract(sound, ios.preprocessing.size)
    for mutation in MUTATIONS:
        damaged = tmp_path / f"damaged{sound.suffix}"
        if mutation.name == "a picture is declared as BGR":
            continue
        assert mutation.write(sound, damaged)
        assert ios.check(route, tmp_path, damaged).outcome is Outcome.MISMATCH, mutation.name


def test_a_picture_of_another_colour_order_is_refused(ios, tmp_path):
    (route,) = routes_of("ios", ("coreml-image",))
    only = tuple(one for one in MUTATIONS if one.name == "a picture is declared as BGR")
    (found,) = self_test(ios, replace(route, mutations=only), tmp_path)
    assert found.changed == "image"
    assert all(found.caught.values()), found
    assert found.layer


def test_one_eps_is_changed_though_all_layers_share_it(ios, tmp_path):
    from cardembed.parity.artefacts import open_traceable
    from cardembed.parity.divergence import compare_traces

    (route,) = routes_of("ios", ("coreml-float32",))
    sound = route.export(ios.release, "ios", tmp_path)
    (mutation,) = (one for one in MUTATIONS if "eps" in one.name)
    damaged = tmp_path / "damaged.mlpackage"
    changed = mutation.write(sound, damaged)
    one, other = (open_traceable(path).trace(ios.batch) for path in (sound, damaged))
    assert compare_traces(one, other, tolerance=1e-8).first.name == changed
    # The constant itself is as it was: every other LayerNorm still reads it.
    from cardembed.coreml.description import open_artefact
    from cardembed.coreml.limits import Limits

    function = open_artefact(damaged, Limits())[1].mlProgram.functions["main"]
    norms = [
        one for one in function.block_specializations[function.opset].operations if one.type == "layer_norm"
    ]
    names = [one.inputs["epsilon"].arguments[0].name for one in norms]
    assert names[0] not in names[1:]
    assert len(set(names[1:])) == 1
