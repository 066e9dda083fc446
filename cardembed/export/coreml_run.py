"""A saved Core ML artefact, executed by our executor and compared with the model that it was made of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cardembed._imports import require
from cardembed.errors import ExportError
from cardembed.export.onnx_variants import check_inputs, normalised_inputs
from cardembed.export.source import Source
from cardembed.parity.classes import FLOAT16, FLOAT32, Agreement, agreement

if TYPE_CHECKING:
    from cardembed.coreml.model import CoreMLModel

__all__ = ["compare_coreml", "run_coreml"]


def run_coreml(path: Path, source: Source, *, mode: str, max_batch: int = 1) -> NDArray[np.float32]:
    """Embeddings (3, D) of `check_inputs`, one picture at a time; float32.

    Args:
        path: The artefact; an image input is given pixels.
        source: What was exported.
        mode: The executor's arithmetic.
        max_batch: Above 1 the artefact is executed on several pictures at once, too.

    Raises:
        ArtefactError: It cannot be executed.
        ExportError: Another embedding at another batch size.
    """
    require("torch", extra="train")
    from cardembed.coreml.model import CoreMLModel

    model = CoreMLModel.load(path, mode)
    if model.inputs[0].image:
        return np.concatenate([_predict(model, one.transpose(1, 2, 0)) for one in check_inputs(source)])
    batch = normalised_inputs(source)
    found = np.concatenate([_predict(model, one[None]) for one in batch])
    if max_batch > 1:
        together = _predict(model, batch[:max_batch])
        away = float(np.abs(found[: len(together)] - together).max())
        if not away < (FLOAT32 if mode == "float32" else FLOAT16).largest_difference:
            raise _differs(path, f"the same embedding in a batch of {len(together)}", f"{away:.2g} away")
    return found


def compare_coreml(
    path: Path, source: Source, *, precision: str, compressed: bool = False, max_batch: int = 1
) -> tuple[Agreement | None, NDArray[np.float32]]:
    """Execute an artefact as its precision says and compare it with the PyTorch model.

    Args:
        path: The artefact.
        source: What was exported.
        precision: "float32"; or "float16", whose results are rounded as float16 rounds them.
        compressed: Whether its weights are others on purpose: then it is executed, and nothing is compared.
        max_batch: See `run_coreml`.

    Returns:
        How they compare, None of a compressed artefact; and its embeddings.

    Raises:
        ExportError: It cannot be executed, or computes something else.
    """
    import torch

    mode, limits = ("float32", FLOAT32) if precision == "float32" else ("float16-optimistic", FLOAT16)
    rows = run_coreml(path, source, mode=mode, max_batch=max_batch)
    if compressed:
        return None, rows
    with torch.inference_mode():
        wanted = source.model.eval()(torch.from_numpy(normalised_inputs(source))).numpy()
    found = agreement(wanted, rows)
    if not limits.holds(found):
        raise _differs(path, "what the model computes", limits.broken(found))
    return found, rows


def _predict(model: CoreMLModel, given: NDArray[np.generic]) -> NDArray[np.float32]:
    (entry,), (exit_,) = model.inputs, model.outputs
    return np.asarray(model.predict({entry.name: given})[exit_.name], dtype=np.float32)


def _differs(path: Path, expected: str, found: str) -> ExportError:
    return ExportError(
        path.name, expected=expected, found=found, action="export again with the pinned coremltools"
    )
