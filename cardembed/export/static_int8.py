"""Static quantisation by ONNX Runtime: uint8 activations, int8 weights, as QuantizeLinear and its inverse."""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.errors import ExportError

__all__ = ["Batches", "prepare", "quantise_prepared"]


class Batches:
    """Hands calibration batches out one by one, as ONNX Runtime asks for them.

    Args:
        name: The network's input.
        batches: Each (N, …) float32.
    """

    def __init__(self, name: str, batches: Iterable[NDArray[np.float32]]) -> None:
        self._feeds = ({name: batch} for batch in batches)

    def __iter__(self) -> Iterator[dict[str, NDArray[np.float32]]]:
        return self._feeds

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next batch by the input's name; None after the last."""
        return next(self._feeds, None)


def prepare(source: Path, out: Path) -> Path:
    """Write a network with its constants folded and all shapes inferred, as the quantiser wants it.

    Raises:
        ExportError: ONNX Runtime cannot.
    """
    inference: Any = importlib.import_module("onnxruntime.quantization.shape_inference")
    with _unquantisable(source):
        inference.quant_pre_process(str(source), str(out), skip_symbolic_shape=True)
    return out


def quantise_prepared(
    prepared: Path,
    batches: Batches,
    out: Path,
    *,
    operators: Sequence[str],
    per_channel: bool = True,
    leave: Sequence[str] = (),
    extra: Mapping[str, Any] | None = None,
) -> Path:
    """Quantise what `prepare` wrote; ranges are the smallest and largest results on the batches.

    Args:
        prepared: The network.
        batches: Calibration inputs.
        out: The file to write.
        operators: Kinds of operators whose inputs and results are quantised.
        per_channel: Whether each output channel's weights have a scale of their own.
        leave: Names of operators that are left alone.
        extra: Further options of ONNX Runtime's quantiser.

    Raises:
        ExportError: ONNX Runtime cannot.
    """
    tools: Any = importlib.import_module("onnxruntime.quantization")  # it publishes no types
    with _unquantisable(prepared):
        tools.quantize_static(
            str(prepared),
            str(out),
            batches,
            quant_format=tools.QuantFormat.QDQ,
            op_types_to_quantize=list(operators),
            nodes_to_exclude=list(leave),
            per_channel=per_channel,
            activation_type=tools.QuantType.QUInt8,
            weight_type=tools.QuantType.QInt8,
            extra_options=dict(extra or {}),
        )
    return out


@contextmanager
def _unquantisable(path: Path) -> Iterator[None]:
    """What ONNX Runtime's quantiser raises, as an ExportError; without the advice that it gives each time."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (ValueError, RuntimeError, KeyError, TypeError) as error:
        raise ExportError(
            path.name,
            expected="a network that ONNX Runtime can quantise",
            found=f"{type(error).__name__}: {error}",
            action="export it with cardembed",
        ) from error
    finally:
        logging.disable(before)
