"""ONNX Runtime's own format: what its reduced builds on phones read."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path

from cardembed._io import sha256_file
from cardembed.embedders.onnx_safety import check_ort
from cardembed.errors import ExportError
from cardembed.export.onnx_variants import OnnxOptions, export_onnx, run_onnx
from cardembed.export.ort_conversion import convert_to_ort
from cardembed.export.record import ExportRecord, measure
from cardembed.export.source import Source
from cardembed.parity.classes import FLOAT32, ArtefactClass, agreement

__all__ = ["export_ort"]

_REWRITTEN = ArtefactClass("float32, operators fused", FLOAT32.one_minus_cosine, 1e-5)
"""Fusing changes the order of summation, and GELU's polynomial."""


def export_ort(source: Source, path: Path, options: OnnxOptions | None = None) -> ExportRecord:
    """Write an `.ort` file and, beside it, `<name>.config`: operators and types that a reduced build needs.

    It is made from an ONNX file that was checked, with the graph's rewriting done beforehand ("Fixed"), and
    compared with that file in ONNX Runtime before it gets its name.

    Raises:
        ExportError: It cannot be converted, or computes something else than the ONNX file.
    """
    chosen = options or OnnxOptions()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".ort-") as temporary:
        folder = Path(temporary)
        plain = folder / "in" / f"{path.stem}.onnx"
        record = export_onnx(source, plain, chosen)
        try:
            made, config = convert_to_ort(plain, folder / "out")
        except Exception as error:  # the converter's and ONNX Runtime's own classes
            raise _differs(path, "a model that ORT's format holds", str(error)) from error
        check_ort(made, made.read_bytes())
        found = agreement(run_onnx(plain, source, chosen.input), run_onnx(made, source, chosen.input))
        if not _REWRITTEN.holds(found):
            raise _differs(path, "what the ONNX file computes", str(found))
        digest, size = measure(made)
        beside = path.with_name(f"{path.name}.config")
        config.replace(beside)
        made.replace(path)
    return ExportRecord(
        path=path.name,
        format="ort",
        sha256=digest,
        bytes=size,
        version=record.version,
        inputs=record.inputs,
        outputs=record.outputs,
        weights_sha256=record.weights_sha256,
        metadata=record.metadata,
        tools=record.tools,
        external_data={beside.name: sha256_file(beside)},
        agreement=record.agreement,
        against_float={"bytes_ratio": size / record.bytes, "agreement": asdict(found)},
    )


def _differs(path: Path, expected: str, found: str) -> ExportError:
    return ExportError(
        path.name, expected=expected, found=found, action="export again with the pinned onnxruntime"
    )
