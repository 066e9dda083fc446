"""What the host asks of a device: photos in both forms, an artefact, a nonce, a plan for the latency."""

from __future__ import annotations

import base64
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardembed._io import sha256_bytes
from cardembed.cards.photo_set import PhotoSet
from cardembed.conformance.measure.target import VERDICT_SEVERITY
from cardembed.conformance.predicate import PhotosInfo, ReleaseInfo
from cardembed.devices.archive import pack
from cardembed.devices.digests import artefact_files, joint_digest
from cardembed.devices.records import HostEmbeddings, RequestRecord, write_record
from cardembed.devices.wire import (
    NUMBERS,
    REQUEST,
    REQUEST_KIND,
    SCHEMA_VERSION,
    DeviceRequest,
    LatencyPlan,
    ReleaseName,
    RequestedArtefact,
    RequestedPhoto,
    RequestedPreprocessing,
    RequestedTensors,
    WireFile,
)
from cardembed.embedders.base import EMBEDDING_DIM
from cardembed.embedders.exports import exported_coreml, exported_onnx
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.embedders.registry import open_embedder
from cardembed.embedders.shipped import DEPLOYED, shipped_artefact
from cardembed.errors import PhotoSetError, ReleaseError, UnavailableError
from cardembed.release import Release

__all__ = ["CONDITION", "DeployedArtefact", "deployed_artefact", "make_request"]

CONDITION = "clean"
"""The condition of the photos that are sent."""
_FORMATS = {
    ".onnx": "onnx",
    ".ort": "ort",
    ".mlpackage": "mlpackage",
    ".mlmodel": "mlmodel",
    ".safetensors": "safetensors",
}


@dataclass(frozen=True, slots=True)
class DeployedArtefact:
    """What a device is to execute."""

    path: Path
    """A file, or the folder of an `.mlpackage`."""
    format: str
    named_by: str
    """The digest in release.json that stands for it."""


def deployed_artefact(release: Release, target: str, artefact: Path | None = None) -> DeployedArtefact:
    """The file that is deployed for a target.

    Args:
        release: The release.
        target: One of its targets.
        artefact: An export of the release's weights that it does not ship, such as an `.mlpackage`. That it
            is one is judged by the import: its embeddings have to be those of the release.

    Returns:
        `artefact`, else what the release ships for the target, which is what `pytest features/` judges, else
        the ONNX file or the Core ML package that is exported here, else the weights, which the stand-in alone
        can execute.

    Raises:
        ReleaseError: Not a kind of file that a device executes.
        UnavailableError: The export needs PyTorch, or Core ML tools.
    """
    if artefact is not None:
        form = _FORMATS.get(artefact.suffix)
        if form is None or not artefact.exists():
            raise ReleaseError(
                artefact,
                expected=f"an artefact ({', '.join(_FORMATS)})",
                found="another kind of file" if artefact.exists() else "nothing",
                action="export one with `cardembed export`",
            )
        (digest, named) = _digest(artefact), ReleaseInfo.of(release).artefacts.get(target, {})
        own = digest if digest in named.values() else release.weights(target).sha256
        return DeployedArtefact(artefact, form, own)
    shipped = shipped_artefact(release, target, DEPLOYED.get(target, ()))
    if shipped is not None:
        return DeployedArtefact(release.check(shipped), shipped.format, shipped.sha256)
    weights = release.weights(target)
    derived = {"onnx": exported_onnx, "mlpackage": exported_coreml}
    for form in DEPLOYED.get(target, ()):
        if form in derived:
            return DeployedArtefact(derived[form](release, target)[0], form, weights.sha256)
    return DeployedArtefact(release.path(weights), "safetensors", weights.sha256)


def _digest(path: Path) -> str:
    return joint_digest(path.name, artefact_files(path, path.name))


def _rows(photo_set: PhotoSet, count: int) -> tuple[list[int], int | None]:
    severity = VERDICT_SEVERITY if photo_set.provenance == "simulated" else None
    rows = photo_set.indices(condition=CONDITION, severity=severity)[:count]
    if len(rows) < count:
        raise PhotoSetError(
            photo_set.root,
            expected=f"{count} {CONDITION} photos",
            found=f"{len(rows)}",
            action="ask for fewer with --count, or make a larger set",
        )
    return rows.tolist(), severity


def make_request(
    release: Release,
    target: str,
    photo_set: PhotoSet,
    out: Path,
    *,
    count: int,
    latency: LatencyPlan,
    artefact: Path | None = None,
    carry_artefact: bool = True,
    gate_nonce: str | None = None,
    threads: int | None = None,
) -> RequestRecord:
    """Write a request, and keep a record of it on this machine.

    Args:
        release: The release that is judged.
        target: The device's target.
        photo_set: Verdict photos; the first `count` clean ones at the verdict's severity are sent.
        out: A folder that is not there yet, or a `.zip` file.
        count: Photos.
        latency: How latency is measured.
        artefact: See `deployed_artefact`.
        carry_artefact: False leaves the artefact's bytes out: the app then brings it, and its digest decides.
        gate_nonce: What the gate asked for; the bundle will carry it.
        threads: Of the host's own embedder.

    Raises:
        PhotoSetError: Too few photos, or none that a verdict may be about.
        ReleaseError, UnavailableError: See `deployed_artefact`.
        EvidenceError: `out` is there already.
    """
    if photo_set.split != "verdict":
        raise PhotoSetError(
            photo_set.root, expected="verdict photos", found=f"{photo_set.split} photos",
            action="make verdict photos: cardembed photos make --split verdict",
        )  # fmt: skip
    entry = release.target(target)
    rows, severity = _rows(photo_set, count)
    chosen = deployed_artefact(release, target, artefact)
    below = f"artefact/{chosen.path.name}"
    files = artefact_files(chosen.path, below)
    preprocessing = Preprocessing.of(release.preprocessing, entry.input_size)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as temporary:
        folder = Path(temporary) / "request"
        folder.mkdir()
        photos = [_photo(folder, photo_set, row, number) for number, row in enumerate(rows)]
        batch = preprocessing.batch([photo_set.image(row) for row in rows])
        request = DeviceRequest(
            schema_version=SCHEMA_VERSION,
            kind=REQUEST_KIND,
            request_id=secrets.token_hex(16),
            nonce=secrets.token_hex(32),
            created=datetime.now(UTC),
            response_schema_version=SCHEMA_VERSION,
            target=target,
            release=ReleaseName(name=release.name, digest=release.digest),
            artefact=RequestedArtefact(
                format=chosen.format,
                architecture=entry.architecture,
                path=below,
                sha256=joint_digest(below, files),
                named_by=chosen.named_by,
                files=tuple(files) if carry_artefact else (),
            ),
            preprocessing=RequestedPreprocessing(
                size=preprocessing.size,
                mean=preprocessing.mean,
                std=preprocessing.std,
                interpolation=preprocessing.interpolation,
            ),
            embedding_dim=EMBEDDING_DIM,
            photos_digest=photo_set.digest,
            photos=tuple(photos),
            tensors=_tensors(folder, batch),
            latency=latency,
        )
        if carry_artefact:
            _copy(chosen.path, folder / below)
        data = request.model_dump_json(indent=1).encode() + b"\n"
        (folder / REQUEST).write_bytes(data)
        record = RequestRecord(
            request=request,
            request_sha256=sha256_bytes(data),
            release=ReleaseInfo.of(release),
            photos=_photos_info(photo_set),
            severity=severity,
            gate_nonce=gate_nonce,
            host=_host(release, target, batch, threads),
        )
        pack(folder, out)
    write_record(record)
    return record


def _photo(folder: Path, photo_set: PhotoSet, row: int, number: int) -> RequestedPhoto:
    record = photo_set.records[row]
    data = (photo_set.root / record.file).read_bytes()
    if sha256_bytes(data) != record.sha256:
        raise PhotoSetError(
            photo_set.root / record.file, expected="the photo of the manifest", found="other bytes",
            action="fetch the set again",
        )  # fmt: skip
    name = f"photos/{number:05d}{Path(record.file).suffix.lower()}"
    (folder / "photos").mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    return RequestedPhoto(id=record.id, file=WireFile(path=name, sha256=record.sha256, bytes=len(data)))


def _tensors(folder: Path, batch: NDArray[np.float32]) -> RequestedTensors:
    data = np.ascontiguousarray(batch, "<f4").tobytes()
    (folder / "tensors.f32").write_bytes(data)
    n, channels, height, width = batch.shape
    return RequestedTensors(
        file=WireFile(path="tensors.f32", sha256=sha256_bytes(data), bytes=len(data)),
        numbers=NUMBERS,
        shape=(n, channels, height, width),
    )


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def _photos_info(photo_set: PhotoSet) -> PhotosInfo:
    manifest = photo_set.manifest
    return PhotosInfo(
        digest=photo_set.digest,
        split=photo_set.split,
        provenance=photo_set.provenance,
        seed=None if manifest.seed is None else str(manifest.seed),
        simulator=manifest.simulator,
    )


def _host(
    release: Release, target: str, batch: NDArray[np.float32], threads: int | None
) -> HostEmbeddings | None:
    """What the release's own embedder makes of the same tensors, where this machine can execute it."""
    try:
        with open_embedder(release, target, threads=threads) as embedder:
            rows = embedder.embed_preprocessed(batch)
            return HostEmbeddings(
                fidelity=str(embedder.fidelity),
                runtime=dict(embedder.runtime),
                rows=base64.b64encode(rows.astype("<f4").tobytes()).decode("ascii"),
            )
    except UnavailableError:
        return None
