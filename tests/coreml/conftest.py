"""Small artefacts that several tests read: converted once a session, weights random but alive."""

import gc
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")


def _make_alive(model, side=64, seed=0):
    """Weights as of a trained model: everything counts in the output, which depends on the image.

    Fresh models have biases and last normalisations of zero and running statistics that let the signal die.
    """
    generator = torch.Generator().manual_seed(seed)
    norms = [
        module for module in model.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)
    ]
    model.eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.ndim == 1 and name.endswith("bias"):
                value.copy_(0.2 * torch.randn(value.shape, generator=generator))
            elif "gamma" in name:
                value.copy_(0.1 + 0.4 * torch.rand(value.shape, generator=generator))
            elif value.ndim == 1 and name.endswith("weight"):
                value.copy_(0.5 + torch.rand(value.shape, generator=generator))
        if norms:  # running statistics of real activations
            momenta = [norm.momentum for norm in norms]
            for norm in norms:
                norm.train().momentum = 0.9
            model(torch.randn(8, 3, side, side, generator=generator))
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.eval().momentum = momentum
    return model


def _convert(model, path: Path, shape, **options):
    """Trace and convert with coremltools, saved at `path`; its warnings about versions are not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import coremltools

        options.setdefault("inputs", [coremltools.TensorType(name="image", shape=shape)])
        if options.get("convert_to") != "neuralnetwork":
            options.setdefault("minimum_deployment_target", coremltools.target.iOS16)
            options.setdefault("compute_precision", coremltools.precision.FLOAT32)
            options.setdefault("outputs", [coremltools.TensorType(name="embedding")])
        example = torch.zeros(shape if isinstance(shape, tuple) else (1, 3, 64, 64))
        with torch.no_grad():
            traced = torch.jit.trace(model, example, check_trace=False)
            made = coremltools.convert(traced, skip_model_load=True, **options)
        made.save(str(path))
        del made
        gc.collect()  # its temporary folders warn when they go
    return path


def _distance(a, b) -> float:
    """1 − cos, computed in float64."""
    a, b = np.ravel(a).astype(np.float64), np.ravel(b).astype(np.float64)
    return float(1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.fixture(scope="session")
def tools():
    """coremltools, imported without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("coremltools")


@pytest.fixture(scope="session")
def make_alive():
    """See `_make_alive`."""
    return _make_alive


@pytest.fixture(scope="session")
def convert(tools):
    """See `_convert`."""
    return _convert


@pytest.fixture(scope="session")
def distance():
    """See `_distance`."""
    return _distance


@pytest.fixture(scope="session")
def packages(random_release, tmp_path_factory):
    """Exports a target's random weights once: `packages("ios", precision="float32")`."""
    made: dict[tuple, Path] = {}

    def package(target, **options):
        key = (target, *sorted(options.items()))
        if key not in made:
            from cardembed.export.coreml import CoreMLOptions, export_coreml
            from cardembed.export.source import source_of_weights

            path = tmp_path_factory.mktemp("coreml") / f"{target}.{options.get('format', 'mlpackage')}"
            export_coreml(
                source_of_weights(random_release / f"{target}.safetensors"), path, CoreMLOptions(**options)
            )
            made[key] = path
        return made[key]

    return package


@pytest.fixture(scope="session")
def edited():
    """A copy of a package whose main block was changed: `edited(package, folder, change)`."""
    from cardembed.coreml.protos import parse_model

    def edit(package, folder, change):
        copy = Path(shutil.copytree(package, folder / "edited.mlpackage"))
        file = copy / "Data" / "com.apple.CoreML" / "model.mlmodel"
        model = parse_model(file, file.read_bytes())
        function = model.mlProgram.functions["main"]
        change(function.block_specializations[function.opset])
        file.write_bytes(model.SerializeToString())
        return copy

    return edit
