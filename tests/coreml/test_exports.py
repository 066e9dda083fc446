"""Other forms that `export coreml` writes: NeuralNetworks, pictures, batches of any length."""

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("timm")
coremltools = pytest.importorskip("coremltools")

from cardembed._io import sha256_artefact  # noqa: E402 - after what may be missing
from cardembed.coreml.model import CoreMLModel  # noqa: E402 - imports PyTorch
from cardembed.coreml.protos import parse_model  # noqa: E402 - as above
from cardembed.embedders.coreml import CoreMLEmbedder  # noqa: E402 - as above
from cardembed.embedders.preprocessing import Preprocessing  # noqa: E402 - as above
from cardembed.errors import ArtefactError, EmbeddingError, ReleaseError  # noqa: E402 - as above
from cardembed.export.coreml import CoreMLOptions, export_coreml  # noqa: E402 - as above
from cardembed.export.source import source_of_weights  # noqa: E402 - as above
from cardembed.models.weights import load_weights  # noqa: E402 - as above
from cardembed.parity.artefacts import open_traceable  # noqa: E402 - as above
from cardembed.parity.classes import FLOAT32, agreement  # noqa: E402 - as above
from cardembed.parity.inputs import default_pictures  # noqa: E402 - as above

SIZE = 128
PREPROCESSING = Preprocessing(SIZE)


@pytest.fixture(scope="module")
def batch():
    return PREPROCESSING.batch(default_pictures())


@pytest.fixture(scope="module")
def wanted(random_release, batch):
    """By target, what PyTorch gives."""

    def compute(target):
        with torch.inference_mode():
            return (
                load_weights(random_release / f"{target}.safetensors").eval()(torch.from_numpy(batch)).numpy()
            )

    return compute


@pytest.fixture(scope="module")
def network(packages):
    return packages("hailo8l", precision="float32", format="mlmodel")


def opened(path, preprocessing=PREPROCESSING, mode="float32"):
    digest = sha256_artefact(path)
    return CoreMLEmbedder(
        path, target="t", sha256=digest, artefact_digest=digest, preprocessing=preprocessing, mode=mode
    )


@pytest.mark.parametrize("target", ["android", "hailo8l"])
def test_neural_networks_compute_what_the_model_does(packages, batch, wanted, target):
    model = CoreMLModel.load(packages(target, precision="float32", format="mlmodel"))
    assert (model.description.kind, model.description.outputs[0].shape) == ("neuralNetwork", ())
    assert model.outputs[0].shape == (1, 768)
    rows = np.concatenate([model.predict({"input": one[None]})["embedding"] for one in batch])
    assert FLOAT32.holds(agreement(wanted(target), rows))


def test_an_embedder_on_a_neural_network(network, batch, wanted):
    with opened(network) as embedder:
        assert FLOAT32.holds(agreement(wanted("hailo8l"), embedder.embed_preprocessed(batch)))
        declared = embedder.declared()
    assert (declared.format, declared.version) == ("NeuralNetwork", "iOS 13")
    with pytest.raises(ReleaseError, match="112"):
        opened(network, Preprocessing(112))


@pytest.mark.parametrize("form", ["mlpackage", "mlmodel"])
def test_a_zero_embedding_is_an_error_and_no_nan(random_release, batch, tmp_path, monkeypatch, form):
    # The export's own check refuses such weights.
    monkeypatch.setattr("cardembed.export.coreml.compare_coreml", lambda *_, **__: (None, None))
    source, path = source_of_weights(random_release / "hailo8l.safetensors"), tmp_path / f"m.{form}"
    with torch.no_grad():
        for number in source.model.head.layers[3].parameters():
            number.zero_()
    export_coreml(source, path, CoreMLOptions(format=form))
    for mode in ("float32", "float16-optimistic", "float16-pessimistic"):
        with opened(path, mode=mode) as embedder:
            assert (embedder.embed_impl(batch[:1]) == 0).all()  # by an eps that float16 did not make 0
            with pytest.raises(EmbeddingError, match=r"found norm 0\.0"):
                embedder.embed_preprocessed(batch[:1])


def test_a_neural_network_is_traced_layer_by_layer(network, batch):
    trace = open_traceable(network).trace(batch[:2])
    assert len(trace.values) > 100
    assert trace.embeddings.shape == (2, 768)


def test_an_unknown_layer_is_named(network, tmp_path):
    message = parse_model(network, network.read_bytes())
    layer = message.neuralNetwork.layers[3]
    layer.ClearField(layer.WhichOneof("layer"))
    layer.oneHot.SetInParent()
    path = tmp_path / "other.mlmodel"
    path.write_bytes(message.SerializeToString())
    with pytest.raises(ArtefactError, match="oneHot"):
        CoreMLModel.load(path)


@pytest.mark.parametrize("form", ["mlpackage", "mlmodel"])
def test_pictures_give_what_normalised_numbers_give(packages, batch, wanted, form):
    path = packages("hailo8l", precision="float32", format=form, input="image")
    model = CoreMLModel.load(path)
    squares = [PREPROCESSING.square(picture) for picture in default_pictures()]
    forms = (
        lambda pixels: pixels,
        Image.fromarray,
        lambda pixels: Image.fromarray(pixels).convert("RGBA"),
        lambda pixels: pixels.transpose(2, 0, 1)[None].astype(np.float32),
    )
    for given in forms:
        rows = np.concatenate([model.predict({"image": given(one)})["embedding"] for one in squares])
        assert FLOAT32.holds(agreement(wanted("hailo8l"), rows))
    with opened(path) as embedder:
        assert [str(port) for port in embedder.declared().inputs] == [f"'image' ({SIZE}, {SIZE}) image"]
        assert FLOAT32.holds(agreement(wanted("hailo8l"), embedder.embed(default_pictures())))
    for given in (squares[0][:50], squares[0].astype(str), batch[:1].transpose(0, 2, 3, 1)):
        with pytest.raises(EmbeddingError, match="image"):
            model.predict({"image": given})


def test_swapped_colours_are_another_embedding(packages, wanted):
    model = CoreMLModel.load(packages("hailo8l", precision="float32", input="image"))
    picture = PREPROCESSING.square(default_pictures()[0])
    found = model.predict({"image": np.ascontiguousarray(picture[..., ::-1])})["embedding"]
    assert agreement(wanted("hailo8l")[:1], found).one_minus_cosine > 1e-4


def test_batches_of_any_length(packages, batch, wanted):
    model = CoreMLModel.load(packages("hailo8l", precision="float32", max_batch=4))
    assert model.inputs[0].port.shape == (None, 3, SIZE, SIZE)
    for length in (1, 2, 4):
        found = model.predict({"input": batch[:length]})["embedding"]
        assert FLOAT32.holds(agreement(wanted("hailo8l")[:length], found))
    with pytest.raises(EmbeddingError, match="input"):
        model.predict({"input": np.concatenate([batch, batch[:1]])})
