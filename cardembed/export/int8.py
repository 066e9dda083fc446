"""ONNX in INT8: static quantisation of weights and activations, calibrated on development photos."""

from __future__ import annotations

import random
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from cardembed.cards.photo_set import PhotoSet
from cardembed.embedders.onnx_safety import check_onnx
from cardembed.errors import UsageError
from cardembed.export.onnx import INPUT, describe, differs
from cardembed.export.onnx_variants import export_onnx, run_onnx
from cardembed.export.record import ExportRecord, measure
from cardembed.export.source import Source
from cardembed.export.static_int8 import Batches, prepare, quantise_prepared
from cardembed.parity.classes import agreement

__all__ = ["OPERATORS", "export_int8"]

OPERATORS = ("Conv", "MatMul", "Gemm")
"""What is quantised. With the others too, a vision transformer's embeddings fall apart."""
_NEIGHBOURS = 1e-2
"""How far a coordinate may move with the batch's size: by rounding, for activations' ranges are constants."""


def export_int8(
    source: Source, path: Path, photos: PhotoSet, *, count: int = 64, seed: int = 0
) -> ExportRecord:
    """Write an INT8 ONNX file (QDQ, per channel) with a float32 tensor input.

    It is loaded and run before it gets its name. What it costs stands in the record: its size's ratio to the
    float file and its agreement with it on noise. Whether it still finds cards, retrieval says.

    Args:
        source: What is exported.
        path: `.onnx`.
        photos: Of the training or development split: an artefact is not calibrated on what judges it.
        count: Photos to calibrate on, at most all.
        seed: Which ones.

    Raises:
        UsageError: Photos that judge.
        ExportError: ONNX Runtime cannot run the result, or it gives another embedding at batch 1.
    """
    if photos.split not in ("training", "development"):
        raise UsageError(
            photos.root,
            expected="training or development photos",
            found=f"split {photos.split!r}",
            action="calibrate on other photos than those that judge",
        )
    chosen = sorted(random.Random(seed).sample(range(len(photos)), min(count, len(photos))))
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".int8-") as temporary:
        folder = Path(temporary)
        plain, prepared, made = folder / "float.onnx", folder / "prepared.onnx", folder / path.name
        record = export_onnx(source, plain)
        prepare(plain, prepared)
        batches = Batches(INPUT, (source.preprocessing.batch([photos.image(row)]) for row in chosen))
        quantise_prepared(prepared, batches, made, operators=OPERATORS)
        metadata = {**record.metadata, "quantisation": "int8", "calibration_photos": photos.digest}
        describe(made, metadata)
        check_onnx(made)
        rows = run_onnx(made, source)
        away = float(np.abs(rows[-1] - rows[0]).max())
        if not away < _NEIGHBOURS:
            raise differs(made, "the same embedding at every batch size", f"{away:.2g} away at batch 1")
        found = agreement(run_onnx(plain, source), rows)
        digest, size = measure(made)
        made.replace(path)
    return replace(
        record,
        path=path.name,
        sha256=digest,
        bytes=size,
        metadata=metadata,
        quantisation=f"int8, static, per channel, {', '.join(OPERATORS)}; {len(chosen)} photos, seed {seed}",
        agreement=None,
        against_float={"bytes_ratio": size / record.bytes, "agreement": asdict(found)},
    )
