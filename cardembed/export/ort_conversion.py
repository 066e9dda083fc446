"""From an ONNX file to ONNX Runtime's own format, by its converter."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import warnings
from pathlib import Path
from typing import Any

__all__ = ["convert_to_ort"]


def convert_to_ort(plain: Path, folder: Path) -> tuple[Path, Path]:
    """Write the `.ort` file of an ONNX file, its graph rewritten beforehand ("Fixed").

    Args:
        plain: The ONNX file.
        folder: Where to; made where it is missing. It has to hold no other `.ort` file.

    Returns:
        The file, and the list of operators and types that a reduced build of ONNX Runtime needs for it.

    Raises:
        Exception: The converter's and ONNX Runtime's own classes: it cannot be converted.
    """
    converter: Any = importlib.import_module("onnxruntime.tools.convert_onnx_models_to_ort")
    logging.getLogger("ort_format_model.utils").setLevel(logging.WARNING)  # it tells what it does
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converter.convert_onnx_models_to_ort(
            plain,
            output_dir=folder,
            optimization_styles=[converter.OptimizationStyle.Fixed],
            enable_type_reduction=True,
            target_platform="arm",  # without it, layouts that only x86 knows are baked in
        )
    (made,), (config,) = folder.glob("*.ort"), folder.glob("*.config")
    return made, config
