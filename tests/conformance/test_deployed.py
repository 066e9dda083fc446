"""A deployed file is asked what it declares; anything else than what is wanted is said as it is."""

import re
from dataclasses import replace

import pytest

from cardembed.conformance.measure.deployed import DeployedProbe, probe_deployed
from cardembed.embedders.declared import DeclaredArtefact
from cardembed.embedders.registry import open_embedder
from cardembed.errors import UnavailableError
from cardembed.ports import Port

SOUND = DeclaredArtefact(
    "ONNX", "opset 17",
    (Port("input", "float32", (None, 3, 128, 128)),), (Port("embedding", "float32", (None, 768)),),
    ("CPUExecutionProvider",),
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
