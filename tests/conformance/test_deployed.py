"""A deployed file is asked what it declares; anything else than what is wanted is said as it is."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from apple_parts import be_a_mac

from cardembed._io import sha256_artefact
from cardembed.conformance.measure.deployed import DeployedProbe, probe_deployed
from cardembed.embedders.coreml import CoreMLEmbedder
from cardembed.embedders.declared import DeclaredArtefact
from cardembed.embedders.onnx import OnnxEmbedder
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.embedders.registry import open_embedder
from cardembed.embedders.shipped import PROMISED
from cardembed.errors import UnavailableError
from cardembed.ports import Port

FEATURES = Path(__file__).parents[2] / "features" / "deployment"
SOUND = DeclaredArtefact(
    "ONNX", "opset 17",
    (Port("input", "float32", (None, 3, 128, 128)),), (Port("embedding", "float32", (None, 768)),),
    ("CPUExecutionProvider",),
)  # fmt: skip
PROGRAM = DeclaredArtefact(
    "ML Program", "iOS 16",
    (Port("input", "float32", (1, 3, 128, 128)),), (Port("embedding", "float32", (1, 768)),),
    ("cardembed.coreml float16-optimistic",),
)  # fmt: skip


def holds(probe):
    probe.is_format("ONNX", "opset 17")
    probe.takes("input", "float32")
    probe.gives("embedding", "float32", 768)
    probe.is_executed_by("CPUExecutionProvider")


def test_an_exported_file(random_release):
    pytest.importorskip("torch")
    with open_embedder(random_release, "android") as embedder:
        assert embedder.declared() == SOUND
        holds(probe_deployed(embedder))


def opened(path, kind, **options):
    named = {"target": path.stem, "sha256": sha256_artefact(path), "preprocessing": Preprocessing(128)}
    return kind(path, artefact_digest=named["sha256"], **named, **options)


def test_an_ort_file(random_exports):
    with opened(random_exports / "android.ort", OnnxEmbedder) as embedder:
        assert embedder.declared() == replace(SOUND, format="ORT")
        with pytest.raises(AssertionError, match="it is ORT opset 17, not ONNX opset 17"):
            holds(probe_deployed(embedder))


def test_core_ml_artefacts(random_exports):
    with opened(random_exports / "ios.mlpackage", CoreMLEmbedder) as embedder:
        said, probe = embedder.declared(), probe_deployed(embedder)
    assert said == PROGRAM
    probe.is_format("ML Program", "iOS 16")
    probe.takes("input", "float32")
    probe.gives("embedding", "float32", 768)
    with opened(random_exports / "ios.mlmodel", CoreMLEmbedder) as embedder:
        said = embedder.declared()
        with pytest.raises(AssertionError, match="it is NeuralNetwork iOS 13, not ML Program iOS 16"):
            probe_deployed(embedder).is_format("ML Program", "iOS 16")
    assert said == replace(
        PROGRAM, format="NeuralNetwork", version="iOS 13", outputs=(Port("embedding", "float32", ()),)
    )


OURS = "cardembed.coreml float16-optimistic"


def test_what_executes_a_program_here(random_exports):
    with opened(random_exports / "ios.mlpackage", CoreMLEmbedder) as embedder:
        probe = probe_deployed(embedder)
    assert probe.units is None
    probe.is_executed_by_core_ml_or(OURS)
    with pytest.raises(AssertionError, match=f"{OURS} executes it, not cardembed.coreml float32 alone"):
        probe.is_executed_by_core_ml_or("cardembed.coreml float32")


@pytest.mark.parametrize(
    ("units", "used", "wrong"),
    [
        ("ALL", "CPU", ""),
        ("ALL", "CPU NeuralEngine", ""),
        ("CPU_AND_NE", "CPU NeuralEngine", ""),
        ("CPU_ONLY", "CPU", ""),
        ("CPU_AND_NE", "CPU", "Core ML plans cpu in place of CPU_AND_NE"),
        ("CPU_AND_GPU", "NeuralEngine", "Core ML plans neuralEngine in place of CPU_AND_GPU"),
        ("CPU_ONLY", "CPU GPU", "Core ML plans cpu, gpu in place of CPU_ONLY"),
        ("ALL", "CPU Abacus", "Core ML plans MLAbacusComputeDevice, cpu in place of ALL"),
    ],
)
def test_core_ml_has_to_use_what_it_was_asked_for(random_exports, monkeypatch, units, used, wrong):
    be_a_mac(monkeypatch, [f"ML{name}ComputeDevice" for name in used.split()])
    with opened(random_exports / "ios.mlpackage", CoreMLEmbedder, compute_units=units) as embedder:
        assert embedder.declared().executed_by == embedder.used()
        probe = probe_deployed(embedder)
    if wrong:
        with pytest.raises(AssertionError, match=wrong):
            probe.is_executed_by_core_ml_or(OURS)
    else:
        probe.is_executed_by_core_ml_or(OURS)


def test_without_a_plan_nothing_is_claimed(random_exports, monkeypatch):
    be_a_mac(monkeypatch, None)
    with opened(random_exports / "ios.mlpackage", CoreMLEmbedder) as embedder:
        probe = probe_deployed(embedder)
    assert probe.declared.executed_by == ()
    with pytest.raises(UnavailableError, match=r"macOS 14\.4"):
        probe.is_executed_by_core_ml_or(OURS)


@pytest.mark.parametrize(
    ("name", "form"), [("deployment1_onnx", "onnx"), ("deployment2_coreml", "mlpackage")]
)
def test_a_release_is_built_of_what_the_features_demand(name, form):
    text = (FEATURES / f"{name}.feature").read_text(encoding="utf-8")
    assert re.findall(r'of the format "(.+)", version "(.+)"', text) == [PROMISED[form]]
    assert 'its only input is "input": float32 images' in text
    assert 'its only output is "embedding": float32, 768 numbers' in text


def test_weights_declare_nothing(random_release):
    pytest.importorskip("torch")
    embedder = open_embedder(random_release, "android", runtime="torch")
    with embedder, pytest.raises(UnavailableError, match="weights"):
        probe_deployed(embedder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": "opset 18"}, "ONNX opset 18"),
        ({"format": "ML Program"}, "ML Program opset 17"),
        ({"inputs": (Port("image", "float32", (None, 3, 128, 128)),)}, "'image' (any, 3, 128, 128) float32"),
        ({"inputs": (Port("input", "float16", (None, 3, 128, 128)),)}, "float16"),
        ({"inputs": (Port("input", "float32", (None, 3, 224, 224)),)}, "224"),
        ({"inputs": (Port("input", "float32", (2, 3, 128, 128)),)}, "(2, 3"),
        ({"inputs": ()}, "nothing"),
        ({"outputs": SOUND.outputs * 2}, "'embedding' (any, 768) float32 and"),
        ({"outputs": (Port("embedding", "float32", (None, 512)),)}, "512"),
        ({"executed_by": ("XnnpackExecutionProvider", "CPUExecutionProvider")}, "Xnnpack"),
    ],
)
def test_anything_else(change, said):
    holds(DeployedProbe(SOUND, 128))
    holds(DeployedProbe(replace(SOUND, inputs=(Port("input", "float32", (1, 3, 128, 128)),)), 128))
    with pytest.raises(AssertionError, match=re.escape(said)):
        holds(DeployedProbe(replace(SOUND, **change), 128))
