"""ONNX in INT8: static quantisation of weights and activations, calibrated on development photos."""

from __future__ import annotations

import importlib
import random
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.cards.photo_set import PhotoSet
from cardembed.embedders.onnx_safety import check_onnx
from cardembed.errors import UsageError
from cardembed.export.onnx import describe
from cardembed.export.onnx_variants import export_onnx, run_onnx
from cardembed.export.record import ExportRecord, measure
from cardembed.export.source import Source
from cardembed.parity.classes import agreement

__all__ = ["OPERATORS", "export_int8"]

OPERATORS = ("Conv", "MatMul", "Gemm")
"""What is quantised. With the others too, a vision transformer's embeddings fall apart."""


class _Photos:
    """Calibration batches of one photo, as ONNX Runtime's quantiser asks for them."""

    def __init__(self, source: Source, photos: PhotoSet, chosen: list[int]) -> None:
        self._batches: Iterator[NDArray[np.float32]] = (
            source.preprocessing.batch([photos.image(index)]) for index in chosen
        )

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"input": batch}

    def __iter__(self) -> _Photos:
        return self

    def __next__(self) -> dict[str, NDArray[np.float32]]:
        batch = self.get_next()
        if batch is None:
            raise StopIteration
        return batch


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
        ExportError: ONNX Runtime cannot run the result.
    """
    if photos.split not in ("training", "development"):
        raise UsageError(
            photos.root,
            expected="training or development photos",
            found=f"split {photos.split!r}",
            action="calibrate on other photos than those that judge",
        )
    tools: Any = importlib.import_module("onnxruntime.quantization")
    prepare: Any = importlib.import_module("onnxruntime.quantization.shape_inference").quant_pre_process
    chosen = sorted(random.Random(seed).sample(range(len(photos)), min(count, len(photos))))
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=path.parent, prefix=".int8-") as temporary,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        folder = Path(temporary)
        plain, prepared, made = folder / "float.onnx", folder / "prepared.onnx", folder / path.name
        record = export_onnx(source, plain)
        prepare(str(plain), str(prepared), skip_symbolic_shape=True)
        tools.quantize_static(
            str(prepared),
            str(made),
            _Photos(source, photos, chosen),
            quant_format=tools.QuantFormat.QDQ,
            op_types_to_quantize=list(OPERATORS),
            per_channel=True,
            activation_type=tools.QuantType.QUInt8,
            weight_type=tools.QuantType.QInt8,
        )
        metadata = {**record.metadata, "quantisation": "int8", "calibration_photos": photos.digest}
        describe(made, metadata)
        check_onnx(made)
        # A row's neighbours do not change it: activations' ranges are constants.
        found = agreement(run_onnx(plain, source), run_onnx(made, source, tolerance=1e-2))
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
