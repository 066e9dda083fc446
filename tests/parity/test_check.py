"""The parity gate tells how far an artefact came, and no damage passes it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cardembed._io import sha256_file
from cardembed.embedders.onnx import OnnxEmbedder
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import EmbeddingError, ExportError, UnavailableError
from cardembed.export.onnx import export_to_onnx
from cardembed.parity.check import Candidate, Outcome, Searched, check_parity
from cardembed.parity.classes import FLOAT16, FLOAT32, agreement
from cardembed.parity.inputs import default_pictures
from cardembed.parity.retrieval import COMPRESSED, search_inputs

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from cardembed.models.weights import load_weights  # noqa: E402 - imports PyTorch


@pytest.fixture(scope="module")
def batch():
    return Preprocessing(128).batch(default_pictures())


@pytest.fixture(scope="module")
def model(random_release):
    return load_weights(random_release / "hailo8l.safetensors")


@pytest.fixture(scope="module")
def reference(model, batch):
    with torch.no_grad():
        return model.eval()(torch.from_numpy(batch)).double().numpy()


@pytest.fixture(scope="module")
def file(model, tmp_path_factory):
    return export_to_onnx(model, tmp_path_factory.mktemp("onnx"))


def opened(path: Path):
    return OnnxEmbedder(path, target="t", sha256=sha256_file(path), preprocessing=Preprocessing(128))


@pytest.fixture
def candidate(file):
    return Candidate(
        "t onnx", FLOAT32, export=lambda _: file, open=opened, executed_by="onnxruntime CPUExecutionProvider"
    )


def test_a_faithful_export_passes(candidate, reference, batch, tmp_path):
    result = check_parity(candidate, reference, batch, tmp_path)
    assert (result.outcome, result.reason, result.kind) == (Outcome.PASSED, "", "float32")
    assert result.found.one_minus_cosine < 1e-10
    assert result.found.inputs == len(batch) == 4


def test_every_stage_has_an_outcome(candidate, reference, batch, tmp_path):
    def fails(error):
        def fail(*_):
            raise error("x", expected="a", found="b", action="c")

        return fail

    def check(**change):
        return check_parity(replace(candidate, **change), reference, batch, tmp_path).outcome

    class Broken(OnnxEmbedder):
        embed_impl = fails(EmbeddingError)

    def broken(path):
        return Broken(path, target="t", sha256=sha256_file(path), preprocessing=Preprocessing(128))

    (tmp_path / "text.onnx").write_text("no model")
    assert check(export=fails(ExportError)) is Outcome.EXPORT
    assert check(export=lambda folder: folder / "text.onnx") is Outcome.LOAD
    assert check(open=fails(UnavailableError)) is Outcome.UNAVAILABLE
    assert check(executed_by="onnxruntime CoreMLExecutionProvider") is Outcome.FELL_BACK
    assert check(open=broken) is Outcome.RUN
    result = check_parity(candidate, reference[::-1], batch, tmp_path)
    assert result.outcome is Outcome.MISMATCH
    assert "1e-10 is the limit" in result.reason
    half = replace(candidate, kind=FLOAT16)
    assert check_parity(half, reference[::-1], batch, tmp_path).outcome is Outcome.MISMATCH


def test_a_provider_that_onnx_runtime_does_not_take_fails_the_gate(
    candidate, reference, batch, tmp_path, monkeypatch
):
    monkeypatch.setattr("cardembed.embedders.sessions.PROVIDER", "CoreMLExecutionProvider")
    with pytest.warns(UserWarning, match="CoreMLExecutionProvider"):  # ONNX Runtime's: it goes on without
        result = check_parity(candidate, reference, batch, tmp_path)
    assert result.outcome is Outcome.FELL_BACK
    assert "expected the CoreMLExecutionProvider, found CPUExecutionProvider" in result.reason


def test_the_command_fails_where_another_provider_executes(random_release, run, monkeypatch):
    import onnxruntime

    providers = ["XnnpackExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime.InferenceSession, "get_providers", lambda self: providers)
    for route in ("onnx", "hailo-int8"):
        arguments = ("--release", random_release, "--target", "hailo8l", "--route", route, "--json")
        code, out, _ = run("parity", "check", *arguments)
        (result,) = json.loads(out)["results"]
        assert (code, result["outcome"]) == (1, "fell back")
        assert "XnnpackExecutionProvider" in result["reason"]


def test_a_length_that_is_not_one_is_a_difference():
    rows = np.eye(3)
    found = agreement(rows, rows * 2)
    assert (found.one_minus_cosine, found.largest_difference) == (0, 1)
    assert not FLOAT32.holds(found)
    assert not FLOAT32.holds(agreement(rows, rows * np.nan))
    assert FLOAT32.holds(agreement(rows, rows.astype(np.float32)))
    with pytest.raises(EmbeddingError):
        agreement(rows, rows[:2])
    with pytest.raises(EmbeddingError):
        agreement(rows[:0], rows[:0])


def test_a_compressed_artefact_is_judged_by_what_it_finds(candidate, model, reference, batch, tmp_path):
    inputs = search_inputs(Preprocessing(128), 6)
    with torch.no_grad():
        gallery, queries = (
            model(torch.from_numpy(part)).numpy() for part in (inputs.gallery, inputs.queries)
        )
    few = replace(candidate, kind=COMPRESSED)  # untrained weights: three of six are found
    unjudged = check_parity(few, reference, batch, tmp_path, lambda: Searched(inputs, (gallery, queries)))
    assert unjudged.outcome is Outcome.UNJUDGED
    assert "of 6 cards" in unjudged.reason
    compressed = replace(candidate, kind=replace(COMPRESSED, basis=0.1))
    same = check_parity(compressed, reference, batch, tmp_path, lambda: Searched(inputs, (gallery, queries)))
    assert same.outcome is Outcome.PASSED
    assert same.cost.kept == same.cost.found >= 1
    # As if the uncompressed model told cards apart far better: what is left of its margin is too little.
    apart = np.eye(6, gallery.shape[1], dtype=np.float32)
    other = check_parity(compressed, reference, batch, tmp_path, lambda: Searched(inputs, (apart, apart)))
    assert other.outcome is Outcome.MISMATCH
    assert "of the margin" in other.reason
    with pytest.raises(ValueError, match="nothing to search"):
        check_parity(compressed, reference, batch, tmp_path)
