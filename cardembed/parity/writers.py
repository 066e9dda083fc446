"""How each kind of artefact is written into a folder: (release, target, folder) to its path."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cardembed.release import Release

__all__ = [
    "write_chip_int8",
    "write_coreml",
    "write_for_apple",
    "write_onnx",
    "write_onnx_int8",
    "write_ort",
    "write_variant",
]


def write_onnx(release: Release, target: str, folder: Path) -> Path:
    """The plain ONNX file."""
    from cardembed.export.onnx import export_target_onnx

    return export_target_onnx(release, target, folder)


def write_variant(options: Mapping[str, Any], release: Release, target: str, folder: Path) -> Path:
    """ONNX with these `OnnxOptions`."""
    from cardembed.export.onnx_variants import OnnxOptions, export_onnx
    from cardembed.export.source import source_of_target

    path = folder / f"{target}.onnx"
    export_onnx(source_of_target(release, target), path, OnnxOptions(**options))
    return path


def write_ort(options: Mapping[str, Any], release: Release, target: str, folder: Path) -> Path:
    """ONNX Runtime's own format, made of an ONNX file with these options."""
    from cardembed.export.onnx_variants import OnnxOptions
    from cardembed.export.ort import export_ort
    from cardembed.export.source import source_of_target

    path = folder / f"{target}.ort"
    export_ort(source_of_target(release, target), path, OnnxOptions(**options))
    return path


def write_onnx_int8(release: Release, target: str, folder: Path) -> Path:
    """ONNX in INT8, calibrated on development photos of the release's cards."""
    from cardembed.export.hailo.calibration import calibration_photos
    from cardembed.export.int8 import export_int8
    from cardembed.export.source import source_of_target
    from cardembed.release_cards import catalogue_of

    path = folder / f"{target}.int8.onnx"
    photos = calibration_photos(catalogue_of(release, None, searched=False))
    export_int8(source_of_target(release, target), path, photos)
    return path


def write_chip_int8(release: Release, target: str, folder: Path) -> Path:
    """A copy of the network that a chip's verdict stands on."""
    from cardembed.embedders.exports import quantised_int8

    return Path(shutil.copy2(quantised_int8(release, target)[0], folder / f"{target}.onnx"))


def write_for_apple(release: Release, target: str, folder: Path) -> Path:
    """The float16 package that ships, where Apple's runtime can execute it.

    Raises:
        UnavailableError: This is no Mac; nothing is converted.
    """
    from cardembed.embedders.apple import require_macos

    require_macos(f"{target} on Apple's Core ML")
    return write_coreml({}, release, target, folder)


def write_coreml(options: Mapping[str, Any], release: Release, target: str, folder: Path) -> Path:
    """A package or a NeuralNetwork, with these `CoreMLOptions`."""
    from cardembed.export.coreml import CoreMLOptions, export_coreml
    from cardembed.export.source import source_of_target

    chosen = CoreMLOptions(**options)
    path = folder / f"{target}.{chosen.format}"
    export_coreml(source_of_target(release, target), path, chosen)
    return path
