"""ONNX Runtime on the processor: one place that says how a session is opened and run."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.embedders.base import thread_count
from cardembed.errors import ArtefactError, FellBackError

__all__ = ["PROVIDER", "open_session", "run_session"]

PROVIDER = "CPUExecutionProvider"


def open_session(model: bytes | str, *, threads: int | None = None, as_written: bool = False) -> Any:  # noqa: ANN401 - ONNX Runtime publishes no types
    """An `onnxruntime.InferenceSession` of a model's bytes, or of the file at a path.

    Args:
        model: What is executed; a path where data lies beside it.
        threads: See `thread_count`.
        as_written: Leave ONNX Runtime's own rewriting of the graph out. It computes INT8 in kernels whose
            sums overflow on processors without VNNI (int8 weights per channel: smallest cosine to the float
            network .983 in place of .995), so that a verdict would depend on the processor.

    Raises:
        FellBackError: The session has other providers than the one that was asked for.
        UsageError: `threads`, or CARDEMBED_THREADS, is no positive whole number.
        ValueError: ONNX Runtime refuses the model, with its reason.
    """
    onnxruntime: Any = importlib.import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors come as exceptions
    if as_written:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    count = thread_count(threads)
    if count is not None:
        options.intra_op_num_threads = count
    try:
        session = onnxruntime.InferenceSession(model, options, providers=[PROVIDER])
    except Exception as error:  # ONNX Runtime's own classes, which differ between versions
        raise ValueError(str(error)) from error
    used = session.get_providers()
    if used != [PROVIDER]:  # ONNX Runtime takes another one, and prints a warning at most
        raise FellBackError(
            "ONNX Runtime",
            expected=f"the {PROVIDER}",
            found=", ".join(used) or "none",
            action="install the plain onnxruntime package",
        )
    return session


def run_session(
    session: Any,  # noqa: ANN401 - ONNX Runtime publishes no types
    output: str,
    feeds: Mapping[str, NDArray[Any]],
    path: Path,
    *,
    action: str,
) -> NDArray[np.float32]:
    """One output of a session.

    Args:
        session: As `open_session` gives it.
        output: Its name.
        feeds: Inputs by name.
        path: The file, for errors.
        action: What to do about a file that cannot be run.

    Raises:
        ArtefactError: The file parses, but cannot be run.
    """
    try:
        result: NDArray[np.float32] = session.run([output], dict(feeds))[0]
    except Exception as error:  # ONNX Runtime's own classes, which differ between versions
        raise ArtefactError(
            path, expected="a file that ONNX Runtime can run", found=str(error), action=action
        ) from error
    return result
