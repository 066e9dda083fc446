"""What a Core ML artefact says of itself: its kind, format, metadata, inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cardembed.coreml.features import read_feature
from cardembed.coreml.graph import Feature
from cardembed.coreml.limits import Limits
from cardembed.coreml.opset import check_opset
from cardembed.coreml.package import Package, read_file
from cardembed.coreml.problems import artefact_error
from cardembed.coreml.protos import parse_model

__all__ = ["Description", "describe", "open_artefact", "read_description"]

_MOST_PORTS = 1000


@dataclass(frozen=True, slots=True)
class Description:
    """Read from the artefact alone; nothing was executed."""

    path: Path
    """The `.mlpackage` or `.mlmodel`."""
    kind: str
    """"mlProgram" or "neuralNetwork"."""
    specification_version: int
    """7 for iOS 16, 8 for iOS 17, 9 for iOS 18; NeuralNetworks have 5 and below."""
    opset: str
    """Of an ML Program, such as "CoreML6": that of the specification version; "" of a NeuralNetwork."""
    inputs: tuple[Feature, ...]
    """The model's."""
    outputs: tuple[Feature, ...]
    """The model's; without a shape where the artefact states none."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """`description`, `version`, `author`, `license`, and whatever its author added."""


def read_description(path: Path | str, *, limits: Limits | None = None) -> Description:
    """Read an artefact's description.

    Args:
        path: An `.mlpackage` folder or an `.mlmodel` file.
        limits: What it may ask for.

    Raises:
        ArtefactError: It cannot be parsed, or is neither an ML Program nor a NeuralNetwork.
        UnavailableError: coremltools, whose schemas are used, is not installed.
    """
    chosen = limits or Limits()
    package, message = open_artefact(path, chosen)
    return describe(package, message, chosen)


def open_artefact(path: Path | str, limits: Limits) -> tuple[Package, Any]:
    """An artefact's files and its `Model` message; errors as of `read_description`."""
    package = Package.open(path, limits)
    folder = package.weights is not None
    data = read_file(package.specification, limits.program_bytes if folder else limits.network_bytes)
    message = parse_model(package.specification, data)
    kind = str(message.WhichOneof("Type"))
    if kind != "neuralNetwork" and not (kind == "mlProgram" and folder):
        raise artefact_error(
            package.path,
            expected="an ML Program in a package, or a NeuralNetwork",
            found=kind,
            action="convert to an ML Program",
        )
    return package, message


def describe(package: Package, message: Any, limits: Limits) -> Description:  # noqa: ANN401 - generated
    """What a `Model` message says.

    Raises:
        ArtefactError: Inputs or outputs that are no arrays or images, or an opset that does not fit the
            specification version.
    """
    described = _main_function(message)
    for ports in (described.input, described.output):
        names = [feature.name for feature in ports[: _MOST_PORTS + 1]]
        if len(names) > _MOST_PORTS or len({*names}) < len(names):
            raise artefact_error(
                package.path,
                expected=f"at most {_MOST_PORTS} inputs and outputs, each with a name of its own",
                found=", ".join(sorted(names)[:4]),
            )
    kind = str(message.WhichOneof("Type"))
    return Description(
        path=package.path,
        kind=kind,
        specification_version=int(message.specificationVersion),
        opset=check_opset(package.path, message) if kind == "mlProgram" else "",
        inputs=tuple(read_feature(package.path, feature, limits) for feature in described.input),
        outputs=tuple(read_feature(package.path, feature, limits) for feature in described.output),
        metadata=_metadata(message.description.metadata),
    )


def _main_function(model: Any) -> Any:  # noqa: ANN401 - generated
    """The description of the function that callers get; the model's own where it has only one."""
    name = model.description.defaultFunctionName
    for function in model.description.functions:
        if function.name == name:
            return function
    return model.description


def _metadata(message: Any) -> dict[str, str]:  # noqa: ANN401 - generated
    known = {
        "description": message.shortDescription,
        "version": message.versionString,
        "author": message.author,
        "license": message.license,
    }
    return {**{key: str(value) for key, value in message.userDefined.items()}, **known}
