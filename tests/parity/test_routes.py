"""Routes whose artefact takes pixels, or several pictures at once."""

from dataclasses import replace

import numpy as np
import pytest
from apple_parts import be_a_mac

from cardembed.embedders.coreml import CoreMLEmbedder
from cardembed.embedders.onnx import OnnxEmbedder
from cardembed.errors import EmbeddingError, ReleaseError
from cardembed.parity.check import Outcome
from cardembed.parity.mutations import MUTATIONS
from cardembed.parity.routes import on_units, routes_of
from cardembed.parity.self_test import self_test
from cardembed.parity.subject import Subject
from cardembed.release import Release

pytest.importorskip("torch")
pytest.importorskip("timm")

BGR = tuple(one for one in MUTATIONS if one.name == "BGR is read as RGB")
PIXELS = {"onnx-image": "android", "ort-image": "android", "coreml-mlmodel-image": "ios"}


@pytest.fixture(scope="module")
def subjects(random_release):
    return {target: Subject(Release.load(random_release), target) for target in ("android", "ios")}


@pytest.fixture(scope="module")
def written(subjects, tmp_path_factory):
    """Writes a route's artefact once."""
    made = {}

    def write(name):
        target = PIXELS.get(name, "ios")
        if target == "ios":
            pytest.importorskip("coremltools")
        (route,) = routes_of(target, (name,))
        if name not in made:
            made[name] = route.export(subjects[target].release, target, tmp_path_factory.mktemp(name))
        return subjects[target], route, made[name]

    return write


@pytest.mark.parametrize("name", [*PIXELS, "coreml-batch"])
def test_it_passes_sound_and_fails_damaged(written, name, tmp_path):
    subject, route, path = written(name)
    route.contract(path, subject.preprocessing.size)
    assert subject.check(route, tmp_path, path).outcome is Outcome.PASSED
    given = replace(route, export=lambda *_: path, mutations=BGR)
    (found,) = self_test(subject, given, tmp_path)
    assert found.caught["parity gate"]
    assert not found.caught["contract"]
    assert found.caught["layer"] == (path.suffix != ".ort")


@pytest.mark.parametrize("name", ["onnx-image", "ort-image"])
def test_pixels_are_what_an_onnx_file_is_given(written, name):
    subject, route, path = written(name)
    with route.open(path, subject.preprocessing) as embedder:
        assert isinstance(embedder, OnnxEmbedder)
        (entry,) = embedder.declared().inputs
        assert (entry.name, entry.dtype) == ("image", "uint8")
        with pytest.raises(EmbeddingError, match="normalised 8-bit pixels"):
            embedder.embed_preprocessed(subject.batch + np.float32(0.001))


def test_one_file_is_run_at_several_batch_sizes(written):
    subject, route, path = written("coreml-batch")
    with route.open(path, subject.preprocessing) as embedder:
        assert isinstance(embedder, CoreMLEmbedder)
        assert embedder.batch_size == 3
        together = embedder.embed_preprocessed(subject.batch)  # three, and one
        embedder.batch_size = 1
        alone = embedder.embed_preprocessed(subject.batch)
    assert np.abs(together - alone).max() < 1e-6


@pytest.mark.parametrize("name", ["coreml-batch", "coreml-mlmodel-image"])
def test_more_pictures_than_the_file_takes_are_refused(written, name):
    subject, _, path = written(name)
    from cardembed._io import sha256_artefact

    digest = sha256_artefact(path)
    with pytest.raises(ReleaseError, match="one input"):
        CoreMLEmbedder(
            path, target="ios", sha256=digest, artefact_digest=digest,
            preprocessing=subject.preprocessing, batch_size=4,
        )  # fmt: skip


@pytest.mark.parametrize("name", ["coreml-float32", "coreml-weights"])
def test_a_transformer_in_core_ml_is_held_to_the_same_limits(subjects, name, tmp_path):
    pytest.importorskip("coremltools")
    (route,) = routes_of("ios", (name,))
    result = subjects["android"].check(route, tmp_path)
    assert (result.outcome, result.reason) == (Outcome.PASSED, "")


def checked(subjects, name, folder):
    (route,) = routes_of("ios", (name,))
    return subjects["ios"].check(route, folder)


@pytest.mark.parametrize("name", ["coreml-weights", "coreml-optimistic"])
def test_on_a_mac_our_arithmetics_are_ours(subjects, name, tmp_path, monkeypatch):
    pytest.importorskip("coremltools")
    mac = be_a_mac(monkeypatch)
    assert checked(subjects, name, tmp_path).outcome is Outcome.PASSED
    assert mac.asked == []


def test_apples_runtime_has_a_route_of_its_own(subjects, tmp_path, monkeypatch):
    pytest.importorskip("coremltools")
    elsewhere = checked(subjects, "coreml-apple", tmp_path)
    assert elsewhere.outcome is Outcome.UNAVAILABLE
    assert not list(tmp_path.iterdir())  # nothing was converted for it
    mac = be_a_mac(monkeypatch)
    result = checked(subjects, "coreml-apple", tmp_path)
    assert (result.outcome, result.kind, mac.asked) == (Outcome.PASSED, "float16", ["ALL"])
    assert result.found.one_minus_cosine > 1e-10  # Apple's own rounding, which no tight limit fits


@pytest.mark.parametrize(
    ("units", "plan", "outcome"),
    [
        ("CPU_AND_NE", ("MLCPUComputeDevice", "MLNeuralEngineComputeDevice"), Outcome.PASSED),
        ("CPU_AND_NE", ("MLCPUComputeDevice",), Outcome.FELL_BACK),
        ("CPU_ONLY", None, Outcome.PASSED),  # it tells no plan
    ],
)
def test_apples_route_on_some_units(written, monkeypatch, units, plan, outcome):
    subject, route, path = written("coreml-weights")  # the same program
    (apples,) = routes_of("ios", ("coreml-apple",))
    mac = be_a_mac(monkeypatch, plan)
    result = subject.check(on_units(apples, units), path.parent, path)
    assert (result.outcome, mac.asked) == (outcome, [units])
    assert on_units(route, units) is route


def test_units_without_apples_route_are_misuse(run, random_release):
    given = ("parity", "check", "--release", random_release, "--compute-units", "CPU_ONLY")
    code, _, said = run(*given, "--target", "android")
    assert (code, "coreml-apple" in said) == (2, True)
