"""Layers that the reader of NeuralNetworks does not translate are named."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("coremltools")

from cardembed.coreml.model import CoreMLModel
from cardembed.coreml.protos import model_schema
from cardembed.errors import ArtefactError


@pytest.fixture
def load(tmp_path):
    """Load a network of one layer, which a function fills in."""

    def inner(fill):
        message = model_schema().Model()
        message.specificationVersion = 4
        for ports, name in ((message.description.input, "x"), (message.description.output, "y")):
            port = ports.add(name=name)
            port.type.multiArrayType.shape[:] = (1, 4, 8, 8) if name == "x" else ()
            port.type.multiArrayType.dataType = 65568  # FLOAT32
        message.neuralNetwork.arrayInputShapeMapping = 1
        layer = message.neuralNetwork.layers.add(name="last", input=["x"], output=["y"])
        fill(layer)
        path = tmp_path / "a.mlmodel"
        path.write_bytes(message.SerializeToString())
        return CoreMLModel.load(path)

    return inner


def pooling(number):
    def fill(layer):
        layer.pooling.type = number
        layer.pooling.valid.SetInParent()

    return fill


def unary(layer):
    layer.unary.type = 8


def gelu(layer):
    layer.gelu.mode = -1


def softplus(layer):
    layer.activation.parametricSoftplus.SetInParent()


def lrn(layer):
    layer.lrn.alpha = 1.0


def sequence(layer):
    layer.input.append("x")
    layer.concat.sequenceConcat = True


@pytest.mark.parametrize(
    ("fill", "named"),
    [
        (pooling(2), "layer pooling last: expected a supported layer, found type L2"),
        (pooling(7), "layer pooling last: expected a supported layer, found type 7"),
        (pooling(-1), "layer pooling last: expected a supported layer, found type -1"),
        (unary, "layer unary last: expected a supported layer, found type 8"),
        (gelu, "layer gelu last: expected a supported layer, found mode -1"),
        (softplus, "layer activation last: expected a supported layer, found parametricSoftplus"),
        (sequence, "layer concat last: expected a supported layer, found sequenceConcat"),
        (lrn, "layer lrn last: expected a supported layer, found lrn"),
    ],
)
def test_what_is_not_supported_is_named(load, fill, named):
    with pytest.raises(ArtefactError, match=f"{named}; judge this artefact where Core ML itself runs"):
        load(fill)


@pytest.mark.parametrize("number", [0, 1])
def test_the_other_poolings_are_read(load, number):
    assert load(pooling(number)).outputs[0].shape == (1, 4, 6, 6)
