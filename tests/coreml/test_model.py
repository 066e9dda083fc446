"""A saved program computes what its model does, in each arithmetic, and says what it cannot do."""

import shutil

import numpy as np
import pytest
from apple_parts import be_a_mac

torch = pytest.importorskip("torch")
pytest.importorskip("timm")
pytest.importorskip("coremltools")

from cardembed.coreml.model import CoreMLModel  # noqa: E402 - imports PyTorch
from cardembed.embedders.coreml import CoreMLEmbedder, CoreMLProgram  # noqa: E402 - as above
from cardembed.embedders.preprocessing import Preprocessing  # noqa: E402 - as above
from cardembed.embedders.registry import open_embedder  # noqa: E402 - as above
from cardembed.errors import ArtefactError, DigestMismatchError, EmbeddingError, UsageError  # noqa: E402
from cardembed.models.weights import load_weights  # noqa: E402 - as above
from cardembed.parity.classes import FLOAT16, FLOAT16_WEIGHTS, FLOAT32, agreement  # noqa: E402 - as above
from cardembed.parity.inputs import default_pictures  # noqa: E402 - as above
from cardembed.parity.rounded import rounded_model  # noqa: E402 - as above


@pytest.fixture(scope="module")
def batch():
    return Preprocessing(128).batch(default_pictures())


def outputs(package, mode, batch):
    model = CoreMLModel.load(package, mode)
    return np.concatenate([model.predict({"input": row[None]})["embedding"] for row in batch])


def wanted(random_release, target, batch, change=lambda model: model):
    model = change(load_weights(random_release / f"{target}.safetensors").eval())
    with torch.inference_mode():
        return model(torch.from_numpy(batch)).numpy()


@pytest.mark.parametrize("target", ["ios", "android"])
def test_float32_is_the_model(packages, random_release, batch, target):
    found = outputs(packages(target, precision="float32"), "float32", batch)
    assert FLOAT32.holds(agreement(wanted(random_release, target, batch), found))


def test_float16_weights_are_the_rounded_models(packages, random_release, batch):
    found = outputs(packages("ios"), "float32", batch)
    rounded = wanted(random_release, "ios", batch, rounded_model)
    assert FLOAT16_WEIGHTS.holds(agreement(rounded, found))


def test_float16_arithmetic_is_a_bracket(packages, random_release, batch):
    exact = wanted(random_release, "ios", batch)
    near, far = (
        agreement(exact, outputs(packages("ios"), f"float16-{mode}", batch))
        for mode in ("optimistic", "pessimistic")
    )
    assert FLOAT16.holds(near)
    assert FLOAT16.holds(far)
    assert 1e-9 < near.one_minus_cosine < far.one_minus_cosine


@pytest.mark.parametrize(("compress", "limit"), [("int8", 1e-2), ("palette8", 2e-2), ("palette4", 0.5)])
def test_compressed_weights_are_read(packages, random_release, batch, compress, limit):
    package = packages("hailo8l", compress=compress)
    found = agreement(wanted(random_release, "hailo8l", batch), outputs(package, "float32", batch))
    assert 1e-7 < found.one_minus_cosine < limit


def test_a_trace_has_every_result(packages, batch):
    model = CoreMLModel.load(packages("ios", precision="float32"))
    given = {"input": batch[:1]}
    steps = list(model.trace(given))
    assert [step.kind for step, _ in steps].count("layer_norm") > 10
    assert steps[-1][1].keys() == {"embedding"}
    assert np.array_equal(steps[-1][1]["embedding"], model.predict(given)["embedding"])
    running = model.trace(given)
    next(running)
    assert not torch.is_inference_mode_enabled()  # between two results the caller's own mode holds
    (entry,), (exit_,) = (tuple(one.port for one in side) for side in (model.inputs, model.outputs))
    assert (entry.name, entry.dtype, entry.shape) == ("input", "float32", (1, 3, 128, 128))
    assert (exit_.name, exit_.dtype) == ("embedding", "float32")
    said = model.description
    assert (said.kind, said.specification_version) == ("mlProgram", 7)
    assert said.metadata["author"]


def test_other_inputs_are_refused(packages, batch):
    model = CoreMLModel.load(packages("ios", precision="float32"))
    image = batch[:1]
    for data in (
        {}, {"image": image}, {"input": batch}, {"input": batch[:1, :, :112, :112]},
        {"input": None},
        {"input": image.tolist()}, {"input": image.astype(str)}, [image],
    ):  # fmt: skip
        with pytest.raises(EmbeddingError, match="input") as error:
            model.predict(data)
        assert "\n" not in str(error.value)
    with pytest.raises(UsageError, match="float16-optimistic"):
        CoreMLModel.load(packages("ios", precision="float32"), "float8")


def test_an_unknown_operation_is_named(packages, tmp_path, edited):
    def change(block):
        next(one for one in block.operations if one.type == "gelu").type = "quantum_gelu"

    with pytest.raises(ArtefactError, match="quantum_gelu"):
        CoreMLModel.load(edited(packages("ios"), tmp_path, change))


def test_the_embedder_of_a_release(random_release, batch):
    with (
        open_embedder(random_release, "ios") as embedder,
        open_embedder(random_release, "ios", runtime="torch") as torch_embedder,
    ):
        assert (embedder.runtime["name"], str(embedder.fidelity)) == ("coreml", "emulated")
        rows, others = embedder.embed(default_pictures()), torch_embedder.embed(default_pictures())
        assert 1 - (rows * others).sum(1).min() < 1e-5
        declared = embedder.declared()
    assert (declared.format, declared.version) == ("ML Program", "iOS 16")
    assert embedder.artefact_digest == torch_embedder.artefact_digest


def test_the_prds_program(packages, batch):
    program = CoreMLProgram(packages("ios"))
    found = program.predict({"input": batch[:1]})
    assert found["embedding"].shape == (1, 768)
    assert program.executed_by == "cardembed.coreml float16-optimistic"


def test_what_apples_runtime_refuses_is_an_artefact_error(packages, monkeypatch):
    def refuse(*_, **__):
        raise RuntimeError("Error compiling model")

    be_a_mac(monkeypatch, model=refuse)
    with pytest.raises(ArtefactError, match="compiles and loads, found RuntimeError"):
        CoreMLProgram(packages("ios"))


def test_other_bytes_are_refused(packages, tmp_path):
    copy = shutil.copytree(packages("ios"), tmp_path / "copy.mlpackage")
    with pytest.raises(DigestMismatchError):
        CoreMLEmbedder(
            copy, target="ios", sha256="0" * 64, artefact_digest="0" * 64, preprocessing=Preprocessing(128)
        )
