"""Core ML export: an ML Program in a package, or a NeuralNetwork in a file."""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cardembed._imports import require
from cardembed.errors import ExportError, UsageError
from cardembed.export.coreml_check import Contract, check_coreml
from cardembed.export.coreml_files import normalise_package
from cardembed.export.coreml_run import compare_coreml
from cardembed.export.coreml_small import halved_network, subnormal_numbers
from cardembed.export.palette import palette
from cardembed.export.record import ExportRecord, Port, measure, tool_versions
from cardembed.export.source import AUTHOR, InputKind, Source
from cardembed.parity.classes import agreement

if TYPE_CHECKING:
    from torch import nn

__all__ = ["CoreMLOptions", "export_coreml"]

OUTPUT = "embedding"
_COMPRESSED = ("int8", "palette8", "palette4")
_SPECIFICATION = 7  # iOS 16


@dataclass(frozen=True, slots=True)
class CoreMLOptions:
    """How a model is converted."""

    format: Literal["mlpackage", "mlmodel"] = "mlpackage"
    """An ML Program for iOS 16 and later, or a NeuralNetwork for older systems."""
    precision: Literal["float16", "float32"] = "float16"
    """Of weights and arithmetic; inputs and outputs are float32 in both."""
    input: InputKind = "tensor"
    """"tensor": normalised float32, port `input`. "image": a picture, port `image`."""
    max_batch: int = 1
    """Above 1 the batch is flexible from 1 to it; of an ML Program alone."""
    compress: Literal["int8", "palette8", "palette4"] | None = None
    """What is done to the weights; arithmetic stays as it is."""

    def check(self) -> None:
        """Refuse what cannot be combined (UsageError)."""
        wrong = None
        if self.format == "mlmodel" and self.compress is not None:
            wrong = "--compress with --format mlmodel"
        elif self.format == "mlmodel" and self.max_batch != 1:
            # Its shapes would be computed while it runs, by layers of iOS 14 that our executor does not have.
            wrong = "--max-batch with --format mlmodel"
        elif self.input == "image" and self.max_batch != 1:
            wrong = "--max-batch with --input image"
        elif not 1 <= self.max_batch <= 64:
            wrong = f"--max-batch {self.max_batch}"
        if wrong is not None:
            raise UsageError(
                "export coreml",
                expected="--compress for an mlpackage, --max-batch 1..64 for one with a tensor input",
                found=wrong,
                action="leave one of them out",
            )


def export_coreml(source: Source, path: Path, options: CoreMLOptions | None = None) -> ExportRecord:
    """Convert a model, check and execute the saved artefact, and give it its name.

    Equal weights, options and package versions give equal bytes. Core ML itself runs on macOS only: our own
    executor computes here what the artefact on disk says, at its precision, and the record has how near that
    comes to the model.

    Args:
        source: What is exported.
        path: `.mlpackage` or `.mlmodel`; what lies there is replaced.
        options: `CoreMLOptions()` without.

    Raises:
        UsageError: Options or a suffix that contradict each other.
        ExportError: It cannot be converted, or the saved artefact has another contract, or computes something
            else than the model.
        ArtefactError: It cannot be executed.
        UnavailableError: PyTorch or Core ML tools are not installed.
    """
    chosen = options or CoreMLOptions()
    chosen.check()
    if path.suffix != f".{chosen.format}":
        raise UsageError(path, expected=f"a .{chosen.format}", found=path.suffix, action="rename it")
    require("coremltools", extra="coreml")
    metadata = source.metadata(chosen.input)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".coreml-") as temporary, _quiet():
        partial = Path(temporary) / path.name
        converted = _describe(_convert(source, chosen), source, chosen)
        against = None
        if chosen.compress is not None:
            plain = _save(converted, Path(temporary) / f"float.{chosen.format}")
            converted = _describe(_compress(converted, chosen.compress, source.name), source, chosen)
        contract = _contract(source, chosen)
        digest, size = measure(_save(converted, partial))
        check_coreml(partial, contract, metadata)
        execute = functools.partial(
            compare_coreml, source=source, precision=chosen.precision, max_batch=chosen.max_batch
        )
        found, rows = execute(partial, compressed=chosen.compress is not None)
        if chosen.compress is not None:
            near = agreement(execute(plain)[1], rows)
            against = {"bytes_ratio": size / measure(plain)[1], "agreement": asdict(near)}
        subnormal = subnormal_numbers(partial)
        _replace(partial, path)
    return ExportRecord(
        path=path.name,
        format=chosen.format,
        sha256=digest,
        bytes=size,
        version=f"specification {contract.specification}",
        inputs=contract.inputs,
        outputs=contract.outputs,
        weights_sha256=source.weights_sha256,
        metadata=metadata,
        tools=tool_versions(("coremltools", "torch", "timm")),
        quantisation=chosen.compress or chosen.precision,
        agreement=None if found is None else asdict(found),
        against_float=against,
        subnormal=subnormal,
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The converter draws progress bars, and the quantiser prints a line a layer."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def _convert(source: Source, options: CoreMLOptions) -> Any:  # noqa: ANN401 - no types published
    coremltools: Any = require("coremltools", extra="coreml")  # it does not say what it exports
    torch: Any = require("torch", extra="train")
    logging.getLogger("coremltools").setLevel(logging.ERROR)  # it warns of every newer torch
    size = source.preprocessing.size
    model: nn.Module = source.model.eval()
    program = options.format == "mlpackage"
    if options.input == "image":
        from cardembed.export.image_input import for_pixels

        # ImageType's scale is one number: 1/255, and what differs by channel goes into the model.
        model = for_pixels(model, source.preprocessing, full_scale=1)
        entry = coremltools.ImageType(
            name="image", shape=(1, 3, size, size), scale=1 / 255, color_layout=coremltools.colorlayout.RGB
        )
    else:
        batch = 1 if options.max_batch == 1 else coremltools.RangeDim(1, options.max_batch, default=1)
        entry = coremltools.TensorType(name="input", shape=(batch, 3, size, size), dtype=np.float32)
    arguments: dict[str, Any] = {"convert_to": "neuralnetwork"}
    output = coremltools.TensorType(name=OUTPUT)
    if program:
        output = coremltools.TensorType(name=OUTPUT, dtype=np.float32)
        arguments = {
            "convert_to": "mlprogram",
            "minimum_deployment_target": coremltools.target.iOS16,
            "compute_precision": getattr(coremltools.precision, options.precision.upper()),
        }
    expected = "a model that Core ML can express"
    with warnings.catch_warnings(), torch.inference_mode(), _inexpressible(source.name, expected):
        warnings.simplefilter("ignore")  # tracing and the converter deprecate parts of each other
        traced = torch.jit.trace(model, torch.zeros(1, 3, size, size))
        converted = coremltools.convert(
            traced, inputs=[entry], outputs=[output], skip_model_load=True, **arguments
        )
        if not program and options.precision == "float16":
            tools: Any = require("coremltools.models.neural_network.quantization_utils", extra="coreml")
            halved = halved_network(converted, tools.quantize_weights)
            converted = coremltools.models.MLModel(halved, skip_model_load=True)
    return converted


def _compress(model: Any, how: str, name: str) -> Any:  # noqa: ANN401 - no types published
    coreml: Any = require("coremltools.optimize.coreml", extra="coreml")
    with warnings.catch_warnings(), _inexpressible(name, f"weights that Core ML can compress to {how}"):
        warnings.simplefilter("ignore")
        if how == "int8":
            linear = coreml.OpLinearQuantizerConfig(mode="linear_symmetric", dtype="int8")
            return coreml.linear_quantize_weights(model, coreml.OptimizationConfig(global_config=linear))
        chosen = functools.partial(palette, bits=int(how.removeprefix("palette")))
        config = coreml.OpPalettizerConfig(mode="custom", lut_function=chosen)
        return coreml.palettize_weights(model, coreml.OptimizationConfig(global_config=config))


@contextlib.contextmanager
def _inexpressible(name: str, expected: str) -> Iterator[None]:
    """What Core ML tools raise, as an ExportError about `name`."""
    try:
        yield
    except (RuntimeError, TypeError, ValueError, NotImplementedError, KeyError) as error:
        raise ExportError(
            name,
            expected=expected,
            found=f"{type(error).__name__}: {error}",
            action="export a student of cardembed, or as an mlpackage",
        ) from error


def _describe(model: Any, source: Source, options: CoreMLOptions) -> Any:  # noqa: ANN401
    metadata = source.metadata(options.input)
    model.author, model.license = AUTHOR, source.licence
    model.short_description, model.version = metadata["description"], metadata["cardembed_version"]
    name = "image" if options.input == "image" else "input"
    model.input_description[name] = metadata["input_description"]
    model.output_description[OUTPUT] = metadata["output_description"]
    for key, value in metadata.items():
        model.user_defined_metadata[key] = value
    return model


def _contract(source: Source, options: CoreMLOptions) -> Contract:
    size, length = source.preprocessing.size, source.model.embedding_dim
    program = options.format == "mlpackage"
    batch: int | str = 1 if options.max_batch == 1 else f"1..{options.max_batch}"
    entry = (
        Port("image", "image RGB", (size, size))
        if options.input == "image"
        else Port("input", "float32", (batch, 3, size, size))
    )
    # The converter states no shape for an output whose batch is flexible, and never for a NeuralNetwork's.
    output = Port(OUTPUT, "float32", (1, length) if program and options.max_batch == 1 else ())
    return Contract(
        _SPECIFICATION if program else 4, "mlProgram" if program else "neuralNetwork", (entry,), (output,)
    )


def _save(model: Any, path: Path) -> Path:  # noqa: ANN401 - no types published
    model.save(str(path))
    normalise_package(path)
    return path


def _replace(partial: Path, path: Path) -> None:
    """Folders cannot replace folders: the old one steps aside first."""
    if path.is_dir() and not path.is_symlink():
        old = partial.with_name(f"old-{partial.name}")
        path.replace(old)
        partial.replace(path)
        shutil.rmtree(old)
    else:
        partial.replace(path)
