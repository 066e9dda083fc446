"""How each artefact of a target is written, opened and judged: one row a kind of artefact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from cardembed._io import sha256_file, sha256_tree
from cardembed.embedders.base import Embedder
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import UnknownTargetError
from cardembed.parity.classes import FLOAT16, FLOAT16_WEIGHTS, FLOAT32, ArtefactClass
from cardembed.parity.mutations import Mutation
from cardembed.parity.mutations.coreml import COREML_MUTATIONS
from cardembed.parity.mutations.onnx import ONNX_MUTATIONS
from cardembed.ports import Port
from cardembed.release import Release

__all__ = ["ROUTES", "Route", "routes_of"]


@dataclass(frozen=True)
class Route:
    """From weights to something that a runtime executes."""

    name: str
    """As users write it."""
    targets: frozenset[str]
    """Whose artefact it is."""
    kind: ArtefactClass
    """What it has to keep."""
    rounded: bool
    """Whether it is compared with the model whose weights were rounded to float16 and back."""
    export: Callable[[Release, str, Path], Path]
    """Writes (release, target) into a folder."""
    open: Callable[[Path, Preprocessing], Embedder]
    """Opens what was written, from the disk alone."""
    executed_by: str
    """`name` in the runtime of the embedder."""
    contract: Callable[[Path, int], None]
    """Raises a CardembedError where the file's ports, for images of so many pixels, are others."""
    mutations: tuple[Mutation, ...] = field(default=())
    """Damage that a self-test does to it."""


def _export_onnx(release: Release, target: str, folder: Path) -> Path:
    from cardembed.export.onnx import export_target_onnx

    return export_target_onnx(release, target, folder)


def _open_onnx(path: Path, preprocessing: Preprocessing) -> Embedder:
    from cardembed.embedders.onnx import OnnxEmbedder

    return OnnxEmbedder(path, target=path.stem, sha256=sha256_file(path), preprocessing=preprocessing)


def _onnx_contract(path: Path, size: int) -> None:
    from cardembed.export.onnx import check_file

    check_file(path, size)


def _export_coreml(
    precision: Literal["float16", "float32"], release: Release, target: str, folder: Path
) -> Path:
    from cardembed.export.coreml import CoreMLOptions, export_coreml
    from cardembed.export.source import source_of_target

    path = folder / f"{target}.mlpackage"
    export_coreml(source_of_target(release, target), path, CoreMLOptions(precision=precision))
    return path


def _open_coreml(mode: str, path: Path, preprocessing: Preprocessing) -> Embedder:
    from cardembed.embedders.coreml import CoreMLEmbedder

    digest = sha256_tree(path)
    return CoreMLEmbedder(
        path, target=path.stem, sha256=digest, artefact_digest=digest, preprocessing=preprocessing, mode=mode
    )


def _coreml_contract(path: Path, size: int) -> None:
    from cardembed.coreml.description import read_description
    from cardembed.coreml.problems import artefact_error

    said = read_description(path)
    wanted = (Port("input", "float32", (1, 3, size, size)), Port("embedding", "float32", (1, 768)))
    found = tuple(feature.port for feature in (*said.inputs, *said.outputs))
    if found != wanted:
        raise artefact_error(
            path, expected=" and ".join(map(str, wanted)), found=" and ".join(map(str, found))
        )


def _coreml(
    name: str, precision: Literal["float16", "float32"], mode: str, kind: ArtefactClass, *, rounded: bool
) -> Route:
    return Route(
        name, frozenset({"ios"}), kind, rounded=rounded, export=partial(_export_coreml, precision),
        open=partial(_open_coreml, mode), executed_by="coreml", contract=_coreml_contract,
        mutations=COREML_MUTATIONS,
    )  # fmt: skip


_ALL = frozenset({"teacher", "server", "android", "ios", "hailo8l"})

ROUTES: tuple[Route, ...] = (
    Route(
        "onnx", _ALL, FLOAT32, rounded=False, export=_export_onnx, open=_open_onnx,
        executed_by="onnxruntime", contract=_onnx_contract, mutations=ONNX_MUTATIONS,
    ),
    _coreml("coreml-float32", "float32", "float32", FLOAT32, rounded=False),
    _coreml("coreml-weights", "float16", "float32", FLOAT16_WEIGHTS, rounded=True),
    _coreml("coreml-optimistic", "float16", "float16-optimistic", FLOAT16, rounded=False),
    _coreml("coreml-pessimistic", "float16", "float16-pessimistic", FLOAT16, rounded=False),
)  # fmt: skip
"""Every route, in the order of the table that `cardembed parity check` prints."""


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
