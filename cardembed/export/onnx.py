"""ONNX export: opset 17, dynamic batch, and a proof that the file computes what the model computes."""

from __future__ import annotations

import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cardembed._imports import require
from cardembed.embedders.sessions import open_session
from cardembed.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor, nn

    from cardembed.release import Release

__all__ = [
    "OPSET",
    "check_file",
    "describe",
    "differs",
    "export_target_onnx",
    "export_to_onnx",
    "exporting",
    "write_traced",
]

OPSET = 17
INPUT, OUTPUT, BATCH = "input", "embedding", "batch_size"
_TOLERANCE = 1e-6
_DEFAULT_SIZE = 224


def export_to_onnx(
    model: nn.Module, output_dir: Path | str, *, metadata: Mapping[str, str] | None = None
) -> Path:
    """Write `<architecture>.onnx`: input "input" (batch, 3, S, S), output "embedding" (batch, 768), float32.

    The file is written under its name only after it passed: opset, names, dynamic batch, ONNX's own checker,
    and, in ONNX Runtime at batch sizes 1 and 3, 1 − cos below 1e-6 to the model.

    Args:
        model: Teacher or student; afterwards in evaluation mode. Any other module is exported as
            `model.onnx` for 224 × 224 images, where it has no `input_size`.
        output_dir: Made where missing.
        metadata: Written into the file's `metadata_props`.

    Returns:
        The file.

    Raises:
        ExportError: The model cannot be exported, or its file differs from it.
        UnavailableError: PyTorch is not installed.
    """
    torch = require("torch", extra="train")
    model.eval()
    name = getattr(getattr(model, "architecture", None), "name", "model")
    size = int(getattr(model, "input_size", _DEFAULT_SIZE))
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(3, 3, size, size, generator=generator)
    folder = Path(output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".onnx-") as temporary:
        partial = Path(temporary) / f"{name}.onnx"
        write_traced(model, images[:1], partial)
        if metadata is not None:
            describe(partial, metadata)
        check_file(partial, size)
        _compare(model, images, partial)
        return partial.replace(folder / partial.name)


@contextmanager
def exporting(path: Path) -> Iterator[None]:
    """What PyTorch's exporters raise, as an ExportError about `path`; they also deprecate each other."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (RuntimeError, torch.onnx.OnnxExporterError, TypeError, ValueError) as error:
            raise ExportError(
                path.name,
                expected="a model that ONNX can express",
                found=f"{type(error).__name__}: {error}",
                action="export a teacher or student of cardembed",
            ) from error


def write_traced(
    model: nn.Module,
    example: Tensor,
    path: Path,
    *,
    input_name: str = INPUT,
    output_name: str = OUTPUT,
    dynamic: bool = True,
) -> None:
    """Write a model by tracing, at opset 17; nothing is checked.

    Args:
        model: In evaluation mode, with one input and one output.
        example: Its input.
        path: The file.
        input_name: The input's name in the file.
        output_name: The output's.
        dynamic: Whether the first axis may have any length; the example's without.

    Raises:
        ExportError: ONNX cannot express it.
    """
    import torch

    axes = {0: BATCH} if dynamic else {}
    with exporting(path):
        # The exporter by tracing is deprecated, but the newer one silently raises opset 17 to 18.
        torch.onnx.export(
            model,
            (example,),
            str(path),
            input_names=[input_name],
            output_names=[output_name],
            dynamic_axes={input_name: axes, output_name: axes},
            opset_version=OPSET,
            dynamo=False,
        )


def describe(path: Path, metadata: Mapping[str, str]) -> None:
    """Write `metadata` into a file's `metadata_props`, its description into `doc_string`."""
    import onnx

    model: Any = onnx.load(str(path), load_external_data=False)
    onnx.helper.set_model_props(model, dict(metadata))
    model.producer_name, model.producer_version = "cardembed", metadata.get("cardembed_version", "")
    model.doc_string = metadata.get("description", "")
    path.write_bytes(model.SerializeToString(deterministic=True))


def differs(path: Path, expected: str, found: str) -> ExportError:
    """A file that is not what its model is."""
    return ExportError(
        path.name, expected=expected, found=found, action="export again with the pinned torch and onnx"
    )


def _shape(port: Any) -> list[str | int]:  # noqa: ANN401 - onnx publishes no types
    return [axis.dim_param or int(axis.dim_value) for axis in port.type.tensor_type.shape.dim]


def check_file(path: Path, size: int) -> None:
    """Assert a file's contract: valid, opset 17, ports, dynamic batch, nothing outside of the file.

    Raises:
        ExportError: Something else.
    """
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    opset = {entry.domain or "ai.onnx": entry.version for entry in model.opset_import}
    if opset != {"ai.onnx": OPSET}:
        raise differs(path, f"opset {OPSET} and no other", str(opset))
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise differs(path, "a valid ONNX model", str(error)) from error
    inputs = {port.name: _shape(port) for port in model.graph.input}
    if inputs != {INPUT: [BATCH, 3, size, size]}:
        raise differs(path, f"input {INPUT} ({BATCH}, 3, {size}, {size})", str(inputs))
    outputs = {port.name: _shape(port) for port in model.graph.output}
    if list(outputs) != [OUTPUT] or len(outputs[OUTPUT]) != 2 or outputs[OUTPUT][0] != BATCH:
        raise differs(path, f"output {OUTPUT} ({BATCH}, length)", str(outputs))
    if any(tensor.external_data for tensor in model.graph.initializer):
        raise differs(path, "all weights inside of the file", "weights in other files")


def _compare(model: nn.Module, images: Tensor, path: Path) -> None:
    import torch

    with torch.inference_mode():
        expected = model(images).double().numpy()
    session = open_session(str(path))
    for batch in (1, len(images)):
        found = session.run([OUTPUT], {INPUT: images[:batch].numpy()})[0].astype(np.float64)
        wanted = expected[:batch]
        norms = np.linalg.norm(found, axis=1) * np.linalg.norm(wanted, axis=1)
        worst = float(np.max(1 - (found * wanted).sum(1) / norms)) if norms.all() else float("nan")
        if not worst < _TOLERANCE:
            raise differs(path, f"1 − cos < {_TOLERANCE:g} to the model at batch {batch}", f"{worst:.3g}")


def export_target_onnx(release: Release, target: str, out: Path | str) -> Path:
    """Export a target's weights into a folder, whatever format the target deploys.

    Raises:
        UnknownTargetError: The release has no such target.
        ReleaseError: It has no weights for it, or other bytes than it promises.
        ExportError: The file differs from the weights.
        UnavailableError: PyTorch is not installed.
    """
    require("torch", extra="train")
    from cardembed.models.weights import load_weights

    weights = release.weights(target)
    return export_to_onnx(load_weights(release.path(weights), sha256=weights.sha256), out)
