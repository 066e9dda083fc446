"""What a saved Core ML artefact promises, read back from disk with nothing remembered from its conversion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cardembed._imports import require
from cardembed.errors import ExportError
from cardembed.export.record import Port

__all__ = ["Contract", "check_coreml", "read_contract"]

_DTYPES = {65568: "float32", 65552: "float16", 131104: "int32"}
_COLOURS = {10: "grayscale", 20: "RGB", 30: "BGR"}


@dataclass(frozen=True, slots=True)
class Contract:
    """What a caller relies on."""

    specification: int
    """7 is iOS 16 (ML Program); 4 and below are NeuralNetwork."""
    kind: str
    """"mlProgram" or "neuralNetwork"."""
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def read_contract(path: Path) -> tuple[Contract, dict[str, str]]:
    """The contract of an `.mlpackage` or `.mlmodel` on disk, and its metadata.

    Raises:
        UnavailableError: Core ML tools are not installed.
    """
    spec: Any = require("coremltools", extra="coreml").utils.load_spec(str(path))
    metadata = spec.description.metadata
    return Contract(
        spec.specificationVersion,
        str(spec.WhichOneof("Type")),
        tuple(_port(feature) for feature in spec.description.input),
        tuple(_port(feature) for feature in spec.description.output),
    ), {**dict(metadata.userDefined), "author": metadata.author, "license": metadata.license}


def check_coreml(path: Path, expected: Contract, metadata: Mapping[str, str]) -> None:
    """Assert a saved artefact's contract and metadata. Nothing is executed.

    Raises:
        ExportError: Something else.
    """
    found, said = read_contract(path)
    if found != expected:
        raise _differs(path, str(expected), str(found))
    missing = {key: said.get(key) for key, value in metadata.items() if said.get(key) != value}
    if missing:
        raise _differs(path, f"its metadata to be {dict(metadata)}", f"other entries: {missing}")


def _port(feature: Any) -> Port:  # noqa: ANN401 - generated types
    kind = feature.type.WhichOneof("Type")
    if kind == "imageType":
        image = feature.type.imageType
        colour = _COLOURS.get(image.colorSpace, str(image.colorSpace))
        return Port(feature.name, f"image {colour}", (image.height, image.width))
    if kind != "multiArrayType":
        return Port(feature.name, str(kind), ())
    array = feature.type.multiArrayType
    shape: list[int | str] = [int(side) for side in array.shape]
    if array.WhichOneof("ShapeFlexibility") == "shapeRange":
        for axis, limit in enumerate(array.shapeRange.sizeRanges):
            if limit.lowerBound != limit.upperBound:
                shape[axis] = f"{limit.lowerBound}..{limit.upperBound}"
    return Port(feature.name, _DTYPES.get(array.dataType, str(array.dataType)), tuple(shape))


def _differs(path: Path, expected: str, found: str) -> ExportError:
    return ExportError(
        path.name, expected=expected, found=found, action="export again with the pinned coremltools"
    )
