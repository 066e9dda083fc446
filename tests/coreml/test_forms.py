"""Forms of artefacts beyond the plain one: flexible shapes, pictures, compressed weights, old networks."""

import gc
import warnings

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from cardembed.coreml.model import CoreMLModel  # noqa: E402 - imports PyTorch
from cardembed.errors import EmbeddingError  # noqa: E402 - as above


def picture(side, seed=1, batch=1):
    return torch.randn(batch, 3, side, side, generator=torch.Generator().manual_seed(seed))


class Small(torch.nn.Module):
    """Convolution, normalisation, attention-like products and a flatten that asks for the batch."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norm = torch.nn.BatchNorm2d(8)
        self.key = torch.nn.Linear(8, 8)
        self.linear = torch.nn.Linear(8, 16)

    def forward(self, images):
        x = torch.nn.functional.gelu(self.norm(self.conv(images)))
        x = x.flatten(2).transpose(1, 2)
        x = torch.softmax(self.key(x) @ x.transpose(1, 2) / 8, -1) @ x
        return self.linear(x.mean(1))


@pytest.fixture(scope="module")
def small(make_alive):
    torch.manual_seed(5)
    return make_alive(Small())


def test_flexible_batches_and_sizes(tools, small, tmp_path, convert, distance):
    size = tools.RangeDim(8, 64, default=16)
    shape = tools.Shape(shape=(tools.RangeDim(1, 8, default=2), 3, size, size))
    options = {"inputs": [tools.TensorType(name="image", shape=shape)]}
    model = CoreMLModel.load(convert(small, tmp_path / "a.mlpackage", (2, 3, 16, 16), **options))
    assert model.inputs[0].ranges[0] == (1, 8)
    for batch, side in ((1, 8), (3, 24), (8, 16)):
        image = picture(side, batch=batch)
        found = model.predict({"image": image.numpy()})["embedding"]
        assert distance(found, small(image).detach().numpy()) < 1e-12
    with pytest.raises(EmbeddingError):
        model.predict({"image": picture(16, batch=9).numpy()})


def test_enumerated_shapes(tools, small, tmp_path, convert, distance):
    shapes = tools.EnumeratedShapes([(1, 3, 16, 16), (2, 3, 24, 16), (4, 3, 16, 16)])
    options = {"inputs": [tools.TensorType(name="image", shape=shapes)]}
    model = CoreMLModel.load(convert(small, tmp_path / "a.mlpackage", (1, 3, 16, 16), **options))
    assert model.inputs[0].port.shape == (None, 3, None, 16)
    for shape in ((1, 3, 16, 16), (2, 3, 24, 16), (4, 3, 16, 16)):
        image = torch.randn(shape, generator=torch.Generator().manual_seed(1))
        found = model.predict({"image": image.numpy()})["embedding"]
        assert distance(found, small(image).detach().numpy()) < 1e-12
    with pytest.raises(EmbeddingError, match="image"):
        model.predict({"image": picture(24).numpy()})


@pytest.mark.parametrize("layout", ["RGB", "BGR"])
@pytest.mark.parametrize("kind", ["mlpackage", "mlmodel"])
def test_image_inputs(*, tools, small, tmp_path, layout, kind, convert, distance):
    image = tools.ImageType(
        name="image", shape=(1, 3, 16, 16), scale=1 / 128, bias=[-0.9, -1.0, -1.1],
        color_layout=tools.colorlayout[layout],
    )  # fmt: skip
    options = {"inputs": [image]}
    if kind == "mlmodel":
        options |= {"convert_to": "neuralnetwork", "minimum_deployment_target": tools.target.iOS14}
    model = CoreMLModel.load(convert(small, tmp_path / f"a.{kind}", (1, 3, 16, 16), **options))
    assert model.inputs[0].image == layout
    pixels = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    ordered = pixels if layout == "RGB" else pixels[..., ::-1]
    scaled = torch.tensor(ordered / 128 + [-0.9, -1.0, -1.1], dtype=torch.float32).permute(2, 0, 1)[None]
    expected = small(scaled).detach().numpy()
    for form in (pixels, pixels.transpose(2, 0, 1)[None].astype(np.float32), Image.fromarray(pixels)):
        found = next(iter(model.predict({"image": form}).values()))
        assert distance(found, expected) < 1e-10


def compress(tools, path, out, how):
    from coremltools import optimize

    model = tools.models.MLModel(str(path), skip_model_load=True)
    options = {"weight_threshold": 0}
    if how == "palette":
        config = optimize.coreml.OpPalettizerConfig(nbits=4, mode="uniform", **options)
        done = optimize.coreml.palettize_weights(model, optimize.coreml.OptimizationConfig(config))
    elif how == "sparse":
        config = optimize.coreml.OpMagnitudePrunerConfig(target_sparsity=0.5, **options)
        done = optimize.coreml.prune_weights(model, optimize.coreml.OptimizationConfig(config))
    else:
        config = optimize.coreml.OpLinearQuantizerConfig(mode="linear", **options)
        done = optimize.coreml.linear_quantize_weights(model, optimize.coreml.OptimizationConfig(config))
    done.save(str(out))


@pytest.mark.parametrize("target", ["iOS16", "iOS18"])
@pytest.mark.parametrize(("how", "bound"), [("linear", 1e-4), ("palette", 0.1), ("sparse", 0.5)])
def test_compressed_weights(*, tools, small, tmp_path, target, how, bound, convert, distance):
    options = {"minimum_deployment_target": tools.target[target]}
    path = convert(small, tmp_path / "a.mlpackage", (1, 3, 16, 16), **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compress(tools, path, tmp_path / "b.mlpackage", how)
        gc.collect()
    kinds = (tmp_path / "b.mlpackage/Data/com.apple.CoreML/model.mlmodel").read_bytes()
    assert b"constexpr_" in kinds
    image = picture(16)
    found = CoreMLModel.load(tmp_path / "b.mlpackage").predict({"image": image.numpy()})["embedding"]
    assert 0 < distance(found, small(image).detach().numpy()) < bound
    # Decompressed by coremltools itself it must be the same to the last digits.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from coremltools import optimize

        again = tools.models.MLModel(str(tmp_path / "b.mlpackage"), skip_model_load=True)
        optimize.coreml.decompress_weights(again).save(str(tmp_path / "c.mlpackage"))
        del again
        gc.collect()
    plain = CoreMLModel.load(tmp_path / "c.mlpackage").predict({"image": image.numpy()})["embedding"]
    assert np.abs(found - plain).max() < 1e-6


@pytest.mark.parametrize(("bits", "mode"), [(16, "linear"), (8, "linear"), (4, "linear"), (3, "linear_lut")])
def test_quantised_neural_networks(*, tools, small, tmp_path, bits, mode, convert, distance):
    options = {"convert_to": "neuralnetwork", "minimum_deployment_target": tools.target.iOS14}
    path = convert(small, tmp_path / "a.mlmodel", (1, 3, 16, 16), **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from coremltools.models.neural_network.quantization_utils import quantize_weights

        model = tools.models.MLModel(str(path), skip_model_load=True)
        quantised = quantize_weights(model, bits, mode)
        quantised.save(str(tmp_path / "b.mlmodel"))
        del quantised, model
        gc.collect()
    image = picture(16)
    found = next(iter(CoreMLModel.load(tmp_path / "b.mlmodel").predict({"image": image.numpy()}).values()))
    assert 0 < distance(found, small(image).detach().numpy()) < {16: 1e-6, 8: 1e-3}.get(bits, 0.3)


class Attention(torch.nn.Module):
    """Of 96 tokens of 128 numbers: each of its sums has more than one block of 64 terms."""

    def forward(self, x):
        heads = x.reshape(1, 1, 96, 128)
        return torch.nn.functional.scaled_dot_product_attention(heads, heads / 2, heads).flatten(1)


def halves(x):
    return x.half().float()


def blockwise(x, y):
    """The product of matrices, in float16 after every 64 terms."""
    total = torch.zeros(())
    for start in range(0, x.shape[-1], 64):
        total = halves(total + halves(x[..., start : start + 64] @ y[..., start : start + 64, :]))
    return total


def test_attention_as_one_operation(tools, tmp_path, convert):
    image = picture(64)
    heads = halves(image).reshape(96, 128)
    scores = blockwise(heads / 128**0.5, heads.T / 2)
    wanted = {
        "float32": Attention()(image).reshape(96, 128),
        "float16-optimistic": halves(Attention()(halves(image))).reshape(96, 128),
        "float16-pessimistic": blockwise(torch.softmax(scores, -1), heads),
    }
    for mode, right in wanted.items():
        precision = tools.precision.FLOAT32 if mode == "float32" else tools.precision.FLOAT16
        options = {"minimum_deployment_target": tools.target.iOS18, "compute_precision": precision}
        shape = (1, 3, 64, 64)
        options["inputs"] = [tools.TensorType(name="image", shape=shape, dtype=np.float32)]
        options["outputs"] = [tools.TensorType(name="embedding", dtype=np.float32)]
        path = convert(Attention().eval(), tmp_path / f"{mode}.mlpackage", shape, **options)
        model = CoreMLModel.load(path, mode)
        assert "scaled_dot_product_attention" in {step.kind for step in model.steps}
        found = model.predict({"image": image.numpy()})["embedding"].reshape(96, 128)
        assert np.abs(found - right.numpy()).max() < 1e-6
    once, after_64 = (wanted[f"float16-{mode}"] for mode in ("optimistic", "pessimistic"))
    assert (once - after_64).abs().max() > 1e-4  # or one could pass for the other
