"""How each artefact of a target is written, opened and judged: one row a kind of artefact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from cardembed._io import sha256_artefact, sha256_file
from cardembed._sizes import check_size
from cardembed.embedders.apple import ComputeUnits, other_units
from cardembed.embedders.base import Embedder
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.embedders.sessions import PROVIDER
from cardembed.errors import ArtefactError, FellBackError, UnknownTargetError
from cardembed.parity.classes import FLOAT16, FLOAT16_WEIGHTS, FLOAT32, ArtefactClass
from cardembed.parity.mutations import COMPRESSION, MUTATIONS, Mutation
from cardembed.parity.retrieval import COMPRESSED, COMPRESSED_FEATURES, RetrievalClass
from cardembed.parity.writers import (
    write_chip_int8,
    write_coreml,
    write_for_apple,
    write_onnx,
    write_onnx_int8,
    write_ort,
    write_variant,
)
from cardembed.ports import Port
from cardembed.release import Release

__all__ = ["APPLE_ROUTE", "ROUTES", "Route", "on_units", "routes_of"]


@dataclass(frozen=True)
class Route:
    """From weights to something that a runtime executes."""

    name: str
    """As users write it."""
    targets: frozenset[str]
    """Whose artefact it is."""
    kind: ArtefactClass | RetrievalClass
    """What it has to keep."""
    rounded: bool
    """Whether it is compared with the model whose weights were rounded to float16 and back."""
    export: Callable[[Release, str, Path], Path]
    """Writes (release, target) into a folder."""
    open: Callable[[Path, Preprocessing], Embedder]
    """Opens what was written, from the disk alone."""
    executed_by: str
    """What executes it, as `Embedder.executed_by` says."""
    contract: Callable[[Path, int], None] | None = None
    """Raises a CardembedError where the file's ports, for images of so many pixels, are others; the self-test
    asks it of what it damages."""
    mutations: tuple[Mutation, ...] = ()
    """Damage that a self-test does to it."""

    def has_to_notice(self, mutation: Mutation) -> bool:
        """Whether the gate fails its own test where it passes such damage: all of it, or what is severe."""
        return isinstance(self.kind, ArtefactClass) or mutation.severe


def _open_onnx(path: Path, preprocessing: Preprocessing) -> Embedder:
    from cardembed.embedders.onnx import OnnxEmbedder

    check_size(path)
    return OnnxEmbedder(path, target=path.stem, sha256=sha256_file(path), preprocessing=preprocessing)


def _onnx_contract(path: Path, size: int) -> None:
    from cardembed.export.onnx import check_file

    check_file(path, size)


def _size_contract(path: Path, size: int) -> None:
    """Ports are kept by the format ORT and by the quantiser; what they keep of the rest, they decide."""
    from cardembed.embedders.onnx import input_size

    found = input_size(path)
    if found != size:
        raise ArtefactError(
            path, expected=f"images of {size} pixels", found=str(found), action="export it with cardembed"
        )


def _open_chip_int8(path: Path, preprocessing: Preprocessing) -> Embedder:
    from cardembed.embedders.int8 import Int8Embedder

    check_size(path)
    digest = sha256_file(path)
    return Int8Embedder(
        path, target=path.stem, sha256=digest, artefact_digest=digest, preprocessing=preprocessing
    )


def _open_coreml(
    mode: str,
    at_once: int,
    path: Path,
    preprocessing: Preprocessing,
    *,
    units: ComputeUnits | None = None,
) -> Embedder:
    """By our executor in one of its arithmetics, on a Mac, too; or by "apple", and nowhere else.

    Raises:
        FellBackError: Core ML plans to use other units than these.
    """
    from cardembed.embedders.coreml import CoreMLEmbedder

    check_size(path)
    digest = sha256_artefact(path)
    opened = CoreMLEmbedder(
        path, target=path.stem, sha256=digest, artefact_digest=digest, preprocessing=preprocessing, mode=mode,
        batch_size=at_once, compute_units=units,
    )  # fmt: skip
    used = () if units is None else opened.used()
    if units is not None and used and (problem := other_units(units, used)):
        opened.close()
        raise FellBackError(
            path, expected=f"Core ML on {units}", found=problem, action="choose other --compute-units"
        )
    return opened


def _coreml_contract(kind: str, flexible: bool, path: Path, size: int) -> None:
    """Of an artefact that takes a "tensor" or an "image".

    A NeuralNetwork states no shape of its output, nor does a program whose batch is flexible.
    """
    from cardembed.coreml.description import read_description
    from cardembed.coreml.problems import artefact_error

    said = read_description(path)
    entry = Port("image", "image", (size, size))
    if kind == "tensor":
        entry = Port("input", "float32", (None if flexible else 1, 3, size, size))
    exit_ = Port("embedding", "float32", () if flexible or said.kind == "neuralNetwork" else (1, 768))
    found = tuple(feature.port for feature in (*said.inputs, *said.outputs))
    colours = [feature.image for feature in said.inputs if feature.image]
    if found != (entry, exit_) or colours != (["RGB"] if kind == "image" else []):
        raise artefact_error(
            path,
            expected=f"{entry}{' RGB' if kind == 'image' else ''} and {exit_}",
            found=" and ".join(map(str, found)) + "".join(f", {one}" for one in colours),
        )


def _coreml(
    name: str,
    mode: str,
    kind: ArtefactClass | RetrievalClass,
    *,
    rounded: bool = False,
    **options: Any,  # noqa: ANN401 - of CoreMLOptions
) -> Route:
    flexible = options.get("max_batch", 1) > 1
    return Route(
        name, frozenset({"ios"}), kind, rounded=rounded, export=partial(write_coreml, options),
        open=partial(_open_coreml, mode, _AT_ONCE if flexible else 1), executed_by=f"cardembed.coreml {mode}",
        contract=partial(_coreml_contract, options.get("input", "tensor"), flexible),
        mutations=_DAMAGE.get(kind, ()),
    )  # fmt: skip


_ALL_DAMAGE = (*MUTATIONS, *COMPRESSION)
# The float16 bracket is left out: the file that it executes is coreml-weights', which is damaged there.
_DAMAGE: Mapping[ArtefactClass | RetrievalClass, tuple[Mutation, ...]] = {
    FLOAT32: MUTATIONS, FLOAT16_WEIGHTS: MUTATIONS, COMPRESSED: _ALL_DAMAGE,
}  # fmt: skip
_AT_ONCE = 3
"""Of four pictures: a batch of three and one of a single picture go through the same file."""
APPLE_ROUTE = "coreml-apple"
"""The one that Apple's runtime executes."""
_ONNX_RUNTIME = f"onnxruntime {PROVIDER}"
_INT8 = f"int8 {PROVIDER}"
_ALL = frozenset({"teacher", "server", "android", "ios", "hailo8l"})

ROUTES: tuple[Route, ...] = (
    Route(
        "onnx", _ALL, FLOAT32, rounded=False, export=write_onnx, open=_open_onnx,
        executed_by=_ONNX_RUNTIME, contract=_onnx_contract, mutations=MUTATIONS,
    ),
    Route(
        "onnx-image", frozenset({"server", "android"}), FLOAT32, rounded=False,
        export=partial(write_variant, {"input": "image"}), open=_open_onnx,
        executed_by=_ONNX_RUNTIME, contract=_size_contract, mutations=MUTATIONS,
    ),
    Route(
        "ort", frozenset({"android"}), FLOAT32, rounded=False, export=partial(write_ort, {}),
        open=_open_onnx, executed_by=_ONNX_RUNTIME, contract=_size_contract, mutations=MUTATIONS,
    ),
    Route(
        "ort-image", frozenset({"android"}), FLOAT32, rounded=False,
        export=partial(write_ort, {"input": "image"}), open=_open_onnx,
        executed_by=_ONNX_RUNTIME, contract=_size_contract, mutations=MUTATIONS,
    ),
    Route(
        "onnx-int8", frozenset({"server", "android"}), COMPRESSED, rounded=False, export=write_onnx_int8,
        open=_open_onnx, executed_by=_ONNX_RUNTIME, contract=_size_contract, mutations=_ALL_DAMAGE,
    ),
    Route(
        "hailo-int8", frozenset({"hailo8l"}), COMPRESSED_FEATURES, rounded=False, export=write_chip_int8,
        open=_open_chip_int8, executed_by=_INT8, mutations=_ALL_DAMAGE,
    ),
    _coreml("coreml-float32", "float32", FLOAT32, precision="float32"),
    _coreml("coreml-image", "float32", FLOAT32, precision="float32", input="image"),
    _coreml("coreml-mlmodel", "float32", FLOAT32, precision="float32", format="mlmodel"),
    _coreml("coreml-mlmodel-image", "float32", FLOAT32, precision="float32", format="mlmodel", input="image"),
    _coreml("coreml-mlmodel-weights", "float32", FLOAT16_WEIGHTS, rounded=True, format="mlmodel"),
    _coreml("coreml-batch", "float32", FLOAT32, precision="float32", max_batch=_AT_ONCE),
    _coreml("coreml-weights", "float32", FLOAT16_WEIGHTS, rounded=True),
    _coreml("coreml-optimistic", "float16-optimistic", FLOAT16),
    _coreml("coreml-pessimistic", "float16-pessimistic", FLOAT16),
    Route(
        APPLE_ROUTE, frozenset({"ios"}), FLOAT16, rounded=False, export=write_for_apple,
        open=partial(_open_coreml, "apple", 1), executed_by="Core ML ALL",
        contract=partial(_coreml_contract, "tensor", False),
    ),
    _coreml("coreml-int8", "float16-optimistic", COMPRESSED, compress="int8"),
    _coreml("coreml-palette8", "float16-optimistic", COMPRESSED, compress="palette8"),
    _coreml("coreml-palette4", "float16-optimistic", COMPRESSED, compress="palette4"),
)  # fmt: skip
"""Every route, in the order of the table that `cardembed parity check` prints."""


def on_units(route: Route, units: ComputeUnits) -> Route:
    """The route `coreml-apple` with Core ML restricted to these units; any other as it is."""
    if route.name != APPLE_ROUTE:
        return route
    opens = partial(_open_coreml, "apple", 1, units=units)
    return replace(route, open=opens, executed_by=f"Core ML {units}")


def routes_of(target: str, names: tuple[str, ...] = ()) -> list[Route]:
    """The routes of a target, only those of these names where any are given.

    Raises:
        UnknownTargetError: No route has one of the names.
    """
    known = {route.name for route in ROUTES}
    for name in names:
        if name not in known:
            raise UnknownTargetError(
                f"route {name!r}",
                expected="one of " + ", ".join(route.name for route in ROUTES),
                found=repr(name),
                action="choose one of them",
            )
    return [route for route in ROUTES if target in route.targets and (not names or route.name in names)]
