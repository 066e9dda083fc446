"""What a release ships beside its weights: exports of these very weights, opened and checked before."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from cardembed._io import sha256_artefact, sha256_file
from cardembed._sizes import size_of_artefact
from cardembed.embedders.base import EMBEDDING_DIM, Embedder
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.embedders.shipped import COREML_FORMATS, DEPLOYED, ONNX_FORMATS, PROMISED
from cardembed.errors import DigestMismatchError, ReleaseError

__all__ = ["copy_artefact", "exports_beside"]

Metadata = Mapping[str, str]
_COMMANDS = {"onnx": "onnx", "ort": "ort", "mlpackage": "coreml", "mlmodel": "coreml --format mlmodel"}


def exports_beside(weights: Path, target: str, preprocessing: Preprocessing) -> list[tuple[Path, str]]:
    """The exports `<target>.<format>` that lie beside a target's weights, with their formats.

    Each was opened by the runtime that is judged, embedded a picture, and says that it was made of these
    weights and of this preprocessing. Whether it computes what they do, `cardembed parity check` says. The
    target's first format is always among them, as DEPLOYMENT-1 and DEPLOYMENT-2 demand it; others are extras.

    Args:
        weights: The weight file, maybe of the target that it shares them with.
        target: Whose exports.
        preprocessing: The target's.

    Raises:
        ReleaseError: A format that the target does not deploy; an export of other weights, or one that does
            not say of which; other inputs and outputs; the target's first format is missing, or declares
            something else than the features demand.
        ArtefactError: It cannot be parsed, or needs too much.
        EmbeddingError: What it gives is no embedding.
        UnavailableError: What executes it is not installed.
    """
    found = []
    for form in (*ONNX_FORMATS, *COREML_FORMATS):
        file = weights.with_name(f"{target}.{form}")
        if not file.exists():
            continue
        deployed = DEPLOYED.get(target, ())
        if form not in deployed or file.is_dir() != (form == "mlpackage"):
            raise ReleaseError(
                file,
                expected=f"a format that {target} deploys ({', '.join(deployed) or 'none of these'}); "
                "an mlpackage is a folder, the others are files",
                found=f"{form}, a {'folder' if file.is_dir() else 'file'}",
                action="move it elsewhere: nothing would judge it",
            )
        _check(file, form, weights, target, preprocessing)
        found.append((file, form))
    if found and found[0][1] != (first := DEPLOYED[target][0]):
        missing = weights.with_name(f"{target}.{first}")
        raise ReleaseError(
            missing,
            expected=f"the form of {target} that DEPLOYMENT-1 and DEPLOYMENT-2 demand of a release, "
            "with others beside it",
            found=f"{found[0][0].name} alone",
            action=_again(missing, first, weights),
        )
    return found


def copy_artefact(file: Path, folder: Path, form: str) -> dict[str, Any]:
    """Copy a file or package into a folder; gives its entry in release.json.

    Raises:
        ArtefactError: A package with a link.
        DigestMismatchError: It changed while it was copied.
    """
    made, sha256 = folder / file.name, sha256_artefact(file)
    if file.is_dir():
        shutil.copytree(file, made)
    else:
        shutil.copyfile(file, made)
    if (copied := sha256_artefact(made)) != sha256:
        raise DigestMismatchError(
            file,
            expected=f"SHA-256 {sha256[:16]}… in the copy, too",
            found=f"{copied[:16]}…",
            action="write nothing to the folder of weights meanwhile",
        )
    return {"path": made.name, "sha256": sha256, "format": form, "bytes": size_of_artefact(made)}


def _check(file: Path, form: str, weights: Path, target: str, preprocessing: Preprocessing) -> None:
    said = _METADATA[form](file)
    wanted = {
        "weights_sha256": sha256_file(weights),
        "input_size": str(preprocessing.size),
        "mean": ",".join(map(str, preprocessing.mean)),
        "std": ",".join(map(str, preprocessing.std)),
        "interpolation": preprocessing.interpolation,
    }
    other = {name: said.get(name, "nothing") for name, value in wanted.items() if said.get(name) != value}
    if other:
        raise ReleaseError(
            file,
            expected=f"an export of {weights.name}: metadata with "
            + ", ".join(f"{name} {wanted[name][:16]}" for name in other),
            found=", ".join(value[:16] for value in other.values()),
            action=_again(file, form, weights),
        )
    with _open(file, target, preprocessing) as embedder:
        if form in PROMISED:
            _keeps_promises(file, form, weights, embedder)
        embedder.embed([Image.new("RGB", (preprocessing.size, preprocessing.size), "grey")])


def _keeps_promises(file: Path, form: str, weights: Path, embedder: Embedder) -> None:
    """What the features demand of it is asked now, before a release is judged for hours."""
    from cardembed.conformance.measure.deployed import probe_deployed

    probe = probe_deployed(embedder)
    try:
        probe.is_format(*PROMISED[form])
        probe.takes("input", "float32")
        probe.gives("embedding", "float32", EMBEDDING_DIM)
    except AssertionError as error:
        raise ReleaseError(
            file,
            expected="what DEPLOYMENT-1 and DEPLOYMENT-2 demand of it",
            found=str(error),
            action=f"{_again(file, form, weights)}, without --input, --exporter and --max-batch",
        ) from error


def _again(file: Path, form: str, weights: Path) -> str:
    return f"export it: cardembed export {_COMMANDS[form]} --weights {weights} --out {file}"


def _open(file: Path, target: str, preprocessing: Preprocessing) -> Embedder:
    from cardembed.embedders.coreml import CoreMLEmbedder
    from cardembed.embedders.onnx import OnnxEmbedder

    digest = sha256_artefact(file)
    opens: Any = OnnxEmbedder if file.suffix in (".onnx", ".ort") else CoreMLEmbedder
    opened: Embedder = opens(
        file, target=target, sha256=digest, artefact_digest=digest, preprocessing=preprocessing
    )
    return opened


def _onnx_metadata(file: Path) -> Metadata:
    from cardembed.embedders.onnx_safety import check_onnx

    return {entry.key: entry.value for entry in check_onnx(file).metadata_props}


def _ort_metadata(file: Path) -> Metadata:
    from cardembed.embedders.onnx_safety import check_ort_file

    return {entry.key: entry.value for entry in check_ort_file(file).metadata_props}


def _coreml_metadata(file: Path) -> Metadata:
    from cardembed.coreml.description import read_description

    return read_description(file).metadata


_METADATA: Mapping[str, Callable[[Path], Metadata]] = {
    "onnx": _onnx_metadata,
    "ort": _ort_metadata,
    "mlpackage": _coreml_metadata,
    "mlmodel": _coreml_metadata,
}
