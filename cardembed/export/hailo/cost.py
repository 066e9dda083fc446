"""What quantisation costs, layer by layer."""

from __future__ import annotations

import importlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.export.hailo.int8 import Int8Scheme, pixel_batches, quantise_chip
from cardembed.export.static_int8 import prepare

__all__ = ["LayerCost", "layer_costs"]


@dataclass(frozen=True, slots=True)
class LayerCost:
    """Of one result that is rounded to 8 bits."""

    layer: str
    """The operation that computes it, as `Int8Scheme.sixteen_bit` takes its name; "input" of the pixels."""
    rounding: float
    """Signal over the noise of its own rounding, in dB: higher is better; 6 dB are one bit."""
    accumulated: float
    """Signal over its difference from the float network, all earlier rounding included, in dB."""


def layer_costs(
    source: Path, calibration: NDArray[np.uint8], images: NDArray[np.uint8], *, per_channel: bool = True
) -> list[LayerCost]:
    """Run the float and the quantised network side by side; the results in the network's order.

    Args:
        source: The float network, as `write_chip_onnx` writes it, raw, of any batch.
        calibration: (N, S, S, 3) uint8, that ranges are measured on.
        images: (M, S, S, 3) uint8, that the cost is measured on; all results of all of them are kept.
        per_channel: As of `Int8Scheme`, whose results have 8 bits throughout.

    Raises:
        ExportError: ONNX Runtime cannot quantise it.
    """
    debug: Any = importlib.import_module("onnxruntime.quantization.qdq_loss_debug")
    with tempfile.TemporaryDirectory(prefix="int8-") as folder:
        prepared = prepare(source, Path(folder) / "prepared.onnx")
        scheme = Int8Scheme(per_channel=per_channel)
        quantised = quantise_chip(prepared, calibration, Path(folder) / "int8.onnx", scheme)
        results = [_results(path, images, Path(folder), debug) for path in (quantised, prepared)]
        makers = _makers(prepared)
    errors = debug.compute_activation_error(debug.create_activation_matching(*results))
    costs = {
        name: LayerCost(makers.get(name, name), error["qdq_err"], error["xmodel_err"])
        for name, error in errors.items()
        if "xmodel_err" in error
    }
    order = ["input", *makers]
    return [costs[name] for name in sorted(costs, key=order.index)]


def _results(path: Path, images: NDArray[np.uint8], folder: Path, debug: Any) -> Any:  # noqa: ANN401 - untyped
    watched = folder / f"watched-{path.name}"
    debug.modify_model_output_intermediate_tensors(str(path), str(watched))
    return debug.collect_activations(str(watched), pixel_batches(images))


def _makers(path: Path) -> dict[str, str]:
    """By result, the name of the operation that computes it, in the network's order."""
    import onnx

    return {name: node.name for node in onnx.load(str(path)).graph.node for name in node.output}
