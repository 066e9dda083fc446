"""Which route judges an artefact that a release ships: told by what the file says, not by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cardembed.coreml.limits import Limits
from cardembed.coreml.precision import Message, operations_of, precision_of
from cardembed.embedders.shipped import COREML_FORMATS, ONNX_FORMATS
from cardembed.release import Artefact, Release

__all__ = ["routes_of_artefact", "shipped_routes"]

_UINT8 = 2  # onnx.TensorProto.UINT8
_PALETTES = {16: "coreml-palette4", 256: "coreml-palette8"}
"""Routes by the numbers of a palette."""
_HALF = frozenset({"coreml-weights", "coreml-optimistic", "coreml-pessimistic"})
"""One float16 program is judged by all of these."""


def shipped_routes(release: Release, target: str) -> list[tuple[Artefact, Path, frozenset[str]]]:
    """The artefacts that a release ships for a target and that routes may judge: its place, their names.

    Of two that the same route judges, the first is executed and judged; INT8 networks and HEFs, which have
    ways of their own, are left out.

    Raises:
        ReleaseError: A file is missing, or has other bytes than release.json promises.
        ArtefactError: It cannot be parsed.
        UnavailableError: What reads it is not installed.
    """
    found = []
    for form in (*ONNX_FORMATS, *COREML_FORMATS):
        artefact = release.artefact(target, form)
        if artefact is not None:
            path = release.check(artefact)
            found.append((artefact, path, routes_of_artefact(path, form)))
    return found


def routes_of_artefact(path: Path, form: str) -> frozenset[str]:
    """Names of the routes whose kind of artefact a file is; none where it combines what no route does.

    Args:
        path: A file or package.
        form: "onnx", "ort", "mlpackage" or "mlmodel".

    Raises:
        ArtefactError: It cannot be parsed.
        UnavailableError: What reads it is not installed.
    """
    return _READERS[form](path)


def _onnx(path: Path) -> frozenset[str]:
    from cardembed.embedders.onnx_safety import check_onnx

    return _of_graph("onnx", check_onnx(path).graph)


def _ort(path: Path) -> frozenset[str]:
    from cardembed.embedders.onnx_safety import check_ort_file

    return _of_graph("ort", check_ort_file(path).graph)


def _of_graph(name: str, graph: Any) -> frozenset[str]:  # noqa: ANN401 - onnx.GraphProto, whose types are generated
    pixels = any(port.type.tensor_type.elem_type == _UINT8 for port in graph.input)
    quantised = any("Linear" in node.op_type or "Integer" in node.op_type for node in graph.node)
    if quantised:
        return frozenset() if pixels or name != "onnx" else frozenset({"onnx-int8"})
    return frozenset({f"{name}-image" if pixels else name})


def _coreml(path: Path) -> frozenset[str]:
    from cardembed.coreml.description import describe, open_artefact

    limits = Limits()
    package, message = open_artefact(path, limits)
    said = describe(package, message, limits)
    image = any(feature.image for feature in said.inputs)
    precision = precision_of(message)
    flexible = any(feature.ranges or feature.choices for feature in said.inputs)
    if said.kind == "neuralNetwork":
        name = None if flexible else _NETWORKS.get((precision, image))
        return frozenset({name} if name is not None else ())
    if precision == "other":
        return frozenset() if image or flexible else _compressed(operations_of(message))
    if precision == "float16":
        return frozenset() if image or flexible else _HALF
    if image and flexible:
        return frozenset()
    return frozenset({"coreml-image" if image else "coreml-batch" if flexible else "coreml-float32"})


_NETWORKS: Mapping[tuple[str, bool], str] = {
    ("float32", False): "coreml-mlmodel",
    ("float32", True): "coreml-mlmodel-image",
    ("float16", False): "coreml-mlmodel-weights",
}
"""Routes of NeuralNetworks: by their weights, and whether they take a picture."""


def _compressed(operations: list[Message]) -> frozenset[str]:
    """The route of a program with compressed weights."""
    kinds = {operation.type for operation in operations if operation.type.startswith("constexpr_")}
    if kinds == {"constexpr_affine_dequantize"}:
        return frozenset({"coreml-int8"})
    if kinds == {"constexpr_lut_to_dense"}:
        largest = max(
            operation.attributes["lut"].type.tensorType.dimensions[0].constant.size
            for operation in operations
            if operation.type in kinds and operation.attributes["lut"].type.tensorType.dimensions
        )
        return frozenset({_PALETTES[largest]} if largest in _PALETTES else ())
    return frozenset()


_READERS: Mapping[str, Callable[[Path], frozenset[str]]] = {
    "onnx": _onnx, "ort": _ort, "mlpackage": _coreml, "mlmodel": _coreml,
}  # fmt: skip
