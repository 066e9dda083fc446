"""ONNX files beyond the plain one: described, from the modern exporter, with raw pixels, in ORT's format."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cardembed._imports import require
from cardembed._io import sha256_file
from cardembed.embedders.onnx_safety import check_onnx
from cardembed.embedders.sessions import open_session
from cardembed.errors import UsageError
from cardembed.export.onnx import (
    BATCH,
    OPSET,
    OUTPUT,
    check_file,
    describe,
    differs,
    export_to_onnx,
    exporting,
    write_traced,
)
from cardembed.export.onnx_ports import check_ports
from cardembed.export.record import ExportRecord, Port, measure, tool_versions
from cardembed.export.source import InputKind, Source
from cardembed.parity.classes import FLOAT32, Agreement, agreement

__all__ = ["OnnxOptions", "check_inputs", "export_onnx", "normalised_inputs", "run_onnx"]

_LARGEST_BATCH = 64


@dataclass(frozen=True, slots=True)
class OnnxOptions:
    """How a model is written."""

    exporter: Literal["trace", "dynamo"] = "trace"
    """"trace": opset 17. "dynamo": PyTorch's modern exporter, with the opset that it writes."""
    input: InputKind = "tensor"
    """"tensor": normalised float32, port `input`. "image": RGB uint8, channels first, port `image`."""
    external_data: bool = False
    """Weights in `<file>.data` beside the file (modern exporter only)."""


def export_onnx(source: Source, path: Path, options: OnnxOptions | None = None) -> ExportRecord:
    """Write an ONNX file with a dynamic batch, checked against PyTorch before it gets its name.

    Args:
        source: What is exported.
        path: `.onnx`; replaced where it exists.
        options: `OnnxOptions()` without.

    Raises:
        ExportError: It cannot be exported, or the file differs from the model.
        UsageError: Options that contradict each other.
        UnavailableError: The modern exporter needs onnxscript.
    """
    chosen = options or OnnxOptions()
    if chosen.external_data and chosen.exporter != "dynamo":
        raise UsageError(
            "--external-data",
            expected="--exporter dynamo with it",
            found="the exporter by tracing, which keeps weights inside",
            action="leave it out",
        )
    metadata = source.metadata(chosen.input)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".onnx-") as temporary:
        folder = Path(temporary)
        if chosen == OnnxOptions():
            partial = export_to_onnx(source.model, folder, metadata=metadata)
        else:
            partial = _write(source, folder / path.name, chosen)
            describe(partial, metadata)
        model = check_onnx(partial, external_data=chosen.external_data)
        opset = max(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
        if chosen.exporter == "trace" and opset != OPSET:
            raise differs(path, f"opset {OPSET}", f"opset {opset}")
        if chosen != OnnxOptions() and chosen.input == "tensor" and opset == OPSET:
            check_file(partial, source.preprocessing.size)  # the plain form was checked where it was written
        inputs, outputs = check_ports(partial, model, *_promised(source, chosen.input))
        found = _compare(source, partial, chosen.input)
        external = _external(folder, path, chosen)
        digest, size = measure(partial)
        for name in external or {}:  # the weights first: the file must never name what is not there
            (folder / name).replace(path.parent / name)
        partial.replace(path)
    return ExportRecord(
        path=path.name,
        format="onnx",
        sha256=digest,
        bytes=size,
        version=f"opset {opset}",
        inputs=inputs,
        outputs=outputs,
        weights_sha256=source.weights_sha256,
        metadata=metadata,
        tools=tool_versions(("onnx", "onnxruntime", "torch", "timm")),
        external_data=external,
        agreement=asdict(found),
    )


def _promised(source: Source, kind: InputKind) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    side = source.preprocessing.size
    name, dtype = ("image", "uint8") if kind == "image" else ("input", "float32")
    output = Port(OUTPUT, "float32", (BATCH, source.model.embedding_dim))
    return (Port(name, dtype, (BATCH, 3, side, side)),), (output,)


def _write(source: Source, path: Path, options: OnnxOptions) -> Path:
    import torch

    size = source.preprocessing.size
    model: Any = source.model.eval()
    # The modern exporter takes a batch of one for a constant.
    example, name = torch.zeros(2, 3, size, size), "input"
    if options.input == "image":
        from cardembed.export.image_input import for_pixels

        model = for_pixels(model, source.preprocessing, full_scale=255)
        example, name = example.to(torch.uint8), "image"
    if options.exporter == "trace":
        write_traced(model, example, path, input_name=name)
        return path
    require("onnxscript", extra="train")
    batch = torch.export.Dim(BATCH, min=1, max=_LARGEST_BATCH)
    with exporting(path):
        torch.onnx.export(
            model,
            (example,),
            str(path),
            input_names=[name],
            output_names=[OUTPUT],
            dynamo=True,
            dynamic_shapes=({0: batch},),
            external_data=options.external_data,
            verbose=False,
        )
    return path


def check_inputs(source: Source, count: int = 3) -> NDArray[np.uint8]:
    """Seeded pixels (count, 3, S, S) uint8 on which an artefact is compared with its model."""
    size = source.preprocessing.size
    return np.random.default_rng(0).integers(0, 256, (count, 3, size, size), dtype=np.uint8)


def run_onnx(path: Path, source: Source, kind: InputKind = "tensor") -> NDArray[np.float32]:
    """Embeddings (4, D) by ONNX Runtime, float32: of `check_inputs` together, and of the first one alone.

    Raises:
        ExportError: ONNX Runtime cannot run it.
    """
    batch = check_inputs(source) if kind == "image" else normalised_inputs(source)
    try:
        session = open_session(str(path))
        name = session.get_inputs()[0].name
        parts = [session.run([OUTPUT], {name: given})[0] for given in (batch, batch[:1])]
    except Exception as error:  # ONNX Runtime's own classes, which differ between versions
        raise differs(path, "a file that ONNX Runtime runs", str(error)) from error
    found: NDArray[np.float32] = np.concatenate(parts)
    return found


def normalised_inputs(source: Source) -> NDArray[np.float32]:
    """`check_inputs` as the model takes them: (3, 3, S, S) float32."""
    return source.preprocessing.batch(list(check_inputs(source).transpose(0, 2, 3, 1)))


def _compare(source: Source, path: Path, kind: InputKind) -> Agreement:
    import torch

    with torch.inference_mode():
        wanted = source.model(torch.from_numpy(normalised_inputs(source))).numpy()
    found = agreement(np.concatenate([wanted, wanted[:1]]), run_onnx(path, source, kind))
    if not FLOAT32.holds(found):
        raise differs(path, "what the model computes, at batch 3 and 1", FLOAT32.broken(found))
    return found


def _external(folder: Path, path: Path, options: OnnxOptions) -> dict[str, str] | None:
    if not options.external_data:
        return None
    return {
        item.name: sha256_file(item) for item in folder.iterdir() if item.name.startswith(f"{path.name}.")
    }
