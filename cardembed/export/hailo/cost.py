"""What quantisation costs, layer by layer."""

from __future__ import annotations

import importlib
import math
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from cardembed.embedders.sessions import open_session
from cardembed.export.hailo.int8 import Int8Scheme, quantise_chip
from cardembed.export.hailo.network import INPUT
from cardembed.export.static_int8 import prepare

__all__ = ["LayerCost", "layer_costs"]

_SAVED = "_ReshapedSavedOutput"
"""What ONNX Runtime's tool puts behind the name of a result that it gives out."""
_SMALLEST = float(np.finfo("float").eps)
"""Of a norm, as ONNX Runtime's tool has it: nothing is infinitely better than anything."""


@dataclass(frozen=True, slots=True)
class LayerCost:
    """Of one result that is rounded to 8 bits."""

    layer: str
    """The operation that computes it, as `Int8Scheme.sixteen_bit` takes its name; "input" of the pixels."""
    rounding: float
    """Signal over the noise of its own rounding, in dB: higher is better; 6 dB are one bit."""
    accumulated: float
    """Signal over its difference from the float network, all earlier rounding included, in dB."""
    mean_cosine: float
    """To the float network's result, all earlier rounding included, on average over the images."""
    p5_cosine: float
    """Its 5th percentile."""
    smallest_cosine: float
    """Its least."""


def layer_costs(
    source: Path, calibration: NDArray[np.uint8], images: NDArray[np.uint8], *, per_channel: bool = True
) -> list[LayerCost]:
    """Run the float and the quantised network side by side; the results in the network's order.

    Args:
        source: The float network, as `write_chip_onnx` writes it, raw, of any batch.
        calibration: (N, S, S, 3) uint8, that ranges are measured on.
        images: (M, S, S, 3) uint8, that the cost is measured on, one after the other: all results of one of
            them are kept at a time.
        per_channel: As of `Int8Scheme`, whose results have 8 bits throughout.

    Raises:
        ExportError: ONNX Runtime cannot quantise it.
    """
    debug: Any = importlib.import_module("onnxruntime.quantization.qdq_loss_debug")
    with tempfile.TemporaryDirectory(prefix="int8-") as folder:
        prepared = prepare(source, Path(folder) / "prepared.onnx")
        scheme = Int8Scheme(per_channel=per_channel)
        quantised = quantise_chip(prepared, calibration, Path(folder) / "int8.onnx", scheme)
        watched = [_watched(path, Path(folder), debug) for path in (quantised, prepared)]
        makers = _makers(prepared)
        sums: dict[str, _Sums] = {}
        for row in range(len(images)):
            results = [_results(session, images[row : row + 1]) for session in watched]
            for name, match in debug.create_activation_matching(*results).items():
                if "float" in match:
                    (plain,), (pre,), (post,) = match["float"], match["pre_qdq"], match["post_qdq"]
                    sums.setdefault(name, _Sums()).add(plain, pre, post)
    order = ["input", *makers]
    return [sums[name].cost(makers.get(name, name)) for name in sorted(sums, key=order.index)]


@dataclass(slots=True)
class _Sums:
    """Of one result, over the images so far."""

    before: float = 0.0
    """Squares of what is rounded."""
    rounded_off: float = 0.0
    """Squares of what its rounding takes."""
    wanted: float = 0.0
    """Squares of the float network's result."""
    missed: float = 0.0
    """Squares of what is left of it."""
    cosines: list[float] = field(default_factory=list)

    def add(self, *results: NDArray[np.float32]) -> None:
        """One image's: the float network's result, the quantised one's before its rounding and after it."""
        plain, pre, post = (one.astype(np.float64).ravel() for one in results)
        squares, own, other = float(plain @ plain), float(post @ post), plain - post
        self.before += float(pre @ pre)
        self.rounded_off += float((pre - post) @ (pre - post))
        self.wanted += squares
        self.missed += float(other @ other)
        lengths = math.sqrt(squares * own)
        # A result that is zero throughout has no direction: it is the same as another such one alone.
        self.cosines.append(float(plain @ post) / lengths if lengths else float(squares == own))

    def cost(self, layer: str) -> LayerCost:
        """What it comes to."""
        return LayerCost(
            layer,
            rounding=_decibels(self.before, self.rounded_off),
            accumulated=_decibels(self.wanted, self.missed),
            mean_cosine=float(np.mean(self.cosines)),
            p5_cosine=float(np.quantile(self.cosines, 0.05)),
            smallest_cosine=float(np.min(self.cosines)),
        )


def _decibels(signal: float, noise: float) -> float:
    return 20 * math.log10(max(math.sqrt(signal), _SMALLEST) / max(math.sqrt(noise), _SMALLEST))


def _watched(path: Path, folder: Path, debug: Any) -> Any:  # noqa: ANN401 - untyped
    """A session that gives all results."""
    watched = folder / f"watched-{path.name}"
    debug.modify_model_output_intermediate_tensors(str(path), str(watched))
    return open_session(str(watched), as_written=True)


def _results(session: Any, image: NDArray[np.uint8]) -> dict[str, list[NDArray[np.float32]]]:  # noqa: ANN401 - native
    """One image's, by name, as lists of one batch: what ONNX Runtime's tool matches."""
    values = zip(session.get_outputs(), session.run(None, {INPUT: image.astype(np.float32)}), strict=True)
    return {port.name.removesuffix(_SAVED): [value] for port, value in values if port.name.endswith(_SAVED)}


def _makers(path: Path) -> dict[str, str]:
    """By result, the name of the operation that computes it, in the network's order."""
    return {name: node.name for node in onnx.load(str(path)).graph.node for name in node.output}
