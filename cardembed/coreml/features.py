"""Inputs and outputs as a model's description states them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from cardembed.coreml.graph import Feature
from cardembed.coreml.limits import Limits
from cardembed.coreml.problems import artefact_error

__all__ = ["read_feature"]

_MOST_CHOICES = 1000


def read_feature(path: Path, feature: Any, limits: Limits) -> Feature:  # noqa: ANN401 - FeatureDescription
    """A feature of the description as this room has it.

    Raises:
        ArtefactError: Neither an array nor an image, or absurd sizes.
    """
    kind = feature.type.WhichOneof("Type")
    if kind == "imageType":
        found = _image(feature)
    elif kind == "multiArrayType":
        found = _array(feature)
    else:
        raise artefact_error(path, expected="inputs and outputs that are arrays or images", found=kind)
    sizes = [found.shape, *found.choices]
    # An empty side hides no other: strides are computed of all of them.
    bad = any(
        min(shape, default=1) < 0 or math.prod(max(side, 1) for side in shape) > limits.tensor_elements
        for shape in sizes
    )
    if bad or len(found.shape) > limits.rank or len(found.choices) > _MOST_CHOICES:
        raise artefact_error(
            f"{path}: {found.name}", expected="sizes that can be computed", found=found.shape
        )
    if found.shape and not found.allows(found.shape):
        raise artefact_error(
            f"{path}: {found.name}", expected="a default shape that is allowed", found=found.shape
        )
    return found


def _array(feature: Any) -> Feature:  # noqa: ANN401 - FeatureDescription
    array = feature.type.multiArrayType
    try:
        dtype = type(array).ArrayDataType.Name(array.dataType)
    except ValueError:
        dtype = "INVALID_ARRAY_DATA_TYPE"
    flexible = array.WhichOneof("ShapeFlexibility")
    ranges, choices = None, []
    if flexible == "shapeRange":
        ranges = tuple(
            (int(row.lowerBound), int(row.upperBound) if row.upperBound >= 0 else None)
            for row in array.shapeRange.sizeRanges
        )
    elif flexible == "enumeratedShapes":
        choices = [tuple(row.shape) for row in array.enumeratedShapes.shapes]
    shape = tuple(array.shape) or (tuple(low for low, _ in ranges) if ranges else ())
    return Feature(feature.name, dtype, shape, ranges, tuple(choices), "", feature.shortDescription)


def _image(feature: Any) -> Feature:  # noqa: ANN401 - FeatureDescription
    image = feature.type.imageType
    try:
        space = type(image).ColorSpace.Name(image.colorSpace)
    except ValueError:
        space = "INVALID_COLOR_SPACE"
    channels = 3 if space in ("RGB", "BGR") else 1
    flexible = image.WhichOneof("SizeFlexibility")
    ranges, choices = None, []
    if flexible == "imageSizeRange":
        rows = (image.imageSizeRange.heightRange, image.imageSizeRange.widthRange)
        sides = [(int(row.lowerBound), int(row.upperBound) if row.upperBound >= 0 else None) for row in rows]
        ranges = ((1, 1), (channels, channels), *sides)
    elif flexible == "enumeratedSizes":
        choices = [(1, channels, int(row.height), int(row.width)) for row in image.enumeratedSizes.sizes]
    shape = (1, channels, int(image.height), int(image.width))
    return Feature(feature.name, "UINT8", shape, ranges, tuple(choices), space, feature.shortDescription)
