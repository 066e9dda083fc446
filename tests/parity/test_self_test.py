"""Every mutation changes the artefact where it says, and the gate notices all of them."""

import numpy as np
import pytest

from cardembed.errors import UnknownTargetError
from cardembed.parity.check import Outcome
from cardembed.parity.mutations import NotApplicableError
from cardembed.parity.mutations.coreml import COREML_MUTATIONS
from cardembed.parity.mutations.onnx import ONNX_MUTATIONS
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
    assert set(findings) == {mutation.name for mutation in ONNX_MUTATIONS}
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
    assert all(one.layer for one in findings.values())


def test_a_sound_artefact_passes(subject, onnx_route, tmp_path):
    result = subject.check(onnx_route, tmp_path)
    assert (result.outcome, result.reason) == (Outcome.PASSED, "")


def test_rounded_weights_are_another_reference(subject):
    exact, rounded = (subject.embeddings(rounded=flag) for flag in (False, True))
    assert exact.shape == rounded.shape == (4, 768)
    assert np.allclose(exact, rounded, atol=1e-3)


def test_what_an_artefact_lacks_is_said(subject, onnx_route, tmp_path):
    import onnx
    from onnx import TensorProto, helper

    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3, 8, 8]) for name in ("a", "b")]
    graph = helper.make_graph([helper.make_node("Relu", ["a"], ["b"])], "g", [ports[0]], [ports[1]])
    path = tmp_path / "small.onnx"
    onnx.save(helper.make_model(graph), str(path))
    for mutation in ONNX_MUTATIONS:
        with pytest.raises(NotApplicableError):
            mutation.write(path, tmp_path / "damaged.onnx")


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
    assert len(out.splitlines()) == 1 + len(ONNX_MUTATIONS)
    assert float(out.splitlines()[1].removeprefix("a bias is zero").split()[0]) > 1e-10


def test_a_package_is_damaged_and_noticed(tmp_path):
    pytest.importorskip("coremltools")
    ios = Subject(Release.load(default_release_dir()), "ios")
    (route,) = routes_of("ios", ("coreml-weights",))
    sound = route.export(ios.release, "ios", tmp_path)
    assert ios.check(route, tmp_path, sound).outcome is Outcome.PASSED
    for mutation in COREML_MUTATIONS:
        damaged = tmp_path / "damaged.mlpackage"
        assert mutation.write(sound, damaged)
        assert ios.check(route, tmp_path, damaged).outcome is Outcome.MISMATCH, mutation.name
