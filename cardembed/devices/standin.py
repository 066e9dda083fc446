"""Executing a request without a device app: what `cardembed device run` does, here and on a Mac.

It really executes, and says as what: never as a device.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features
from PIL import __version__ as pillow_version

from cardembed._io import sha256_bytes
from cardembed._version import __version__
from cardembed.cards.images import open_image
from cardembed.devices.archive import Parcel, pack
from cardembed.devices.digests import artefact_files, joint_digest
from cardembed.devices.executors import open_requested
from cardembed.devices.hardware import thermal_state, this_hardware
from cardembed.devices.wire import (
    JPEG_EMBEDDINGS,
    REQUEST,
    RESPONSE,
    RESPONSE_KIND,
    SCHEMA_VERSION,
    TENSOR_EMBEDDINGS,
    App,
    Clock,
    DeviceRequest,
    DeviceResponse,
    LatencyPlan,
    RuntimeUsed,
    Thermal,
    WireFile,
    parse_wire,
)
from cardembed.embedders.apple import COMPUTE_UNITS, ComputeUnits
from cardembed.embedders.base import Embedder
from cardembed.errors import DigestMismatchError, EvidenceError
from cardembed.fidelity import Fidelity

__all__ = ["run_request"]

MAX_REQUEST_JSON = 64 << 20
APP_NAME = "cardembed device run"


def run_request(
    path: Path,
    out: Path,
    *,
    artefact: Path | None = None,
    threads: int | None = None,
    compute_units: ComputeUnits | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DeviceResponse:
    """Execute a request and write the response.

    Args:
        path: The request, a folder or ZIP archive.
        out: A folder that is not there yet, or a `.zip` file.
        artefact: What to execute, where the request does not carry it; its digest has to be the request's.
        threads: Threads the runtime may use.
        compute_units: What Core ML may use on a Mac; all without.
        progress: Is told latency samples taken, and how many are wanted at least.

    Raises:
        EvidenceError: The request cannot be read, or `out` is there already.
        DigestMismatchError: Another artefact than the request asks for.
        UnavailableError: This machine cannot execute the artefact's format.
        UsageError: Compute units for something else than Apple's Core ML.
    """
    started, began = datetime.now(UTC), time.perf_counter_ns()
    with Parcel(path) as parcel, tempfile.TemporaryDirectory(prefix="cardembed-device-") as temporary:
        data = parcel.read(REQUEST, MAX_REQUEST_JSON)
        request = parse_wire(DeviceRequest, data, f"{path}: {REQUEST}")
        tensors = _tensors(parcel, request)
        pictures = [open_image(parcel.checked(photo.file)) for photo in request.photos]
        file = artefact or _unpacked(parcel, request, Path(temporary))
        digest = _digest(file, request)
        heat = thermal_state()
        opening = time.perf_counter_ns()
        with open_requested(request, file, threads=threads, compute_units=compute_units) as embedder:
            load_ns = time.perf_counter_ns() - opening
            rows = embedder.embed_preprocessed(tensors)
            jpegs = embedder.embed(pictures)
            latency = _latency(embedder, pictures, request.latency, progress)
            runtime = _runtime(embedder)
        finished_ns = time.perf_counter_ns()
    response = DeviceResponse(
        schema_version=SCHEMA_VERSION,
        kind=RESPONSE_KIND,
        request_id=request.request_id,
        nonce=request.nonce,
        request_sha256=sha256_bytes(data),
        artefact_sha256=digest,
        fidelity=min(embedder.fidelity, Fidelity.RUNTIME),
        app=App(
            kind="mac" if "compute_units" in embedder.runtime else "stand-in",
            name=APP_NAME,
            version=__version__,
        ),
        device=this_hardware(),
        runtime=runtime,
        started=started,
        finished=datetime.now(UTC),
        clock=Clock(name="perf_counter", started_ns=began, finished_ns=finished_ns),
        load_ns=load_ns,
        thermal=Thermal(before=heat, after=thermal_state()),
        resize=f"Pillow {pillow_version}, libjpeg {features.version_codec('jpg')}, "
        f"{request.preprocessing.interpolation}",
        photos=tuple(photo.id for photo in request.photos),
        tensor_embeddings=_file(TENSOR_EMBEDDINGS, rows),
        jpeg_embeddings=_file(JPEG_EMBEDDINGS, jpegs),
        warm_up=request.latency.warm_up,
        latency_ns=tuple(latency),
    )
    _write(response, rows, jpegs, out)
    return response


def _tensors(parcel: Parcel, request: DeviceRequest) -> NDArray[np.float32]:
    data, shape = parcel.checked(request.tensors.file), request.tensors.shape
    size = request.preprocessing.size
    if shape != (len(request.photos), 3, size, size) or len(data) != 4 * int(np.prod(shape, dtype=np.int64)):
        raise EvidenceError(
            parcel.path,
            expected=f"tensors ({len(request.photos)}, 3, {size}, {size}) float32",
            found=f"{shape} in {len(data)} bytes",
            action="make the request anew",
        )
    return np.frombuffer(data, "<f4").astype(np.float32).reshape(shape)


def _unpacked(parcel: Parcel, request: DeviceRequest, folder: Path) -> Path:
    """The artefact's files, written under the plain paths that the request was checked to have."""
    if not request.artefact.files:
        raise EvidenceError(
            parcel.path,
            expected="a request that carries its artefact",
            found="one that does not",
            action="name the artefact with --artefact",
        )
    for file in request.artefact.files:
        if file.path != request.artefact.path and not file.path.startswith(f"{request.artefact.path}/"):
            raise EvidenceError(
                parcel.path,
                expected=f"the artefact's files at {request.artefact.path}",
                found=file.path,
                action="make the request anew",
            )
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(parcel.checked(file))
    return folder / request.artefact.path


def _digest(file: Path, request: DeviceRequest) -> str:
    digest = joint_digest(request.artefact.path, artefact_files(file, request.artefact.path))
    if digest != request.artefact.sha256:
        raise DigestMismatchError(
            file,
            expected=f"the artefact of the request, SHA-256 {request.artefact.sha256[:16]}…",
            found=f"{digest[:16]}…",
            action="give the artefact that the request was made for",
        )
    return digest


def _latency(
    embedder: Embedder,
    pictures: list[Image.Image],
    plan: LatencyPlan,
    progress: Callable[[int, int], None] | None,
) -> list[int]:
    """Single pictures in memory, one after the other, to their unit vectors; nanoseconds each."""
    for number in range(plan.warm_up):
        embedder.embed([pictures[number % len(pictures)]])
    samples: list[int] = []
    total, least = 0, round(plan.seconds * 1e9)
    while len(samples) < plan.max_samples and (len(samples) < plan.samples or total < least):
        picture = pictures[len(samples) % len(pictures)]
        before = time.perf_counter_ns()
        embedder.embed([picture])
        samples.append(time.perf_counter_ns() - before)
        total += samples[-1]
        if progress is not None:
            progress(min(len(samples), plan.samples), plan.samples)
    return samples


def _runtime(embedder: Embedder) -> RuntimeUsed:
    """What executes, and of it what was asked for, and what it says itself that it uses."""
    said = embedder.runtime
    default = (said.get("provider", "CPU"),)
    requested = COMPUTE_UNITS.get(said.get("compute_units", ""), default)
    return RuntimeUsed(name=said["name"], version=said["version"], requested=requested, used=embedder.used())


def _file(name: str, rows: NDArray[np.float32]) -> WireFile:
    data = rows.astype("<f4").tobytes()
    return WireFile(path=name, sha256=sha256_bytes(data), bytes=len(data))


def _write(
    response: DeviceResponse, rows: NDArray[np.float32], jpegs: NDArray[np.float32], out: Path
) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as temporary:
        folder = Path(temporary) / "response"
        folder.mkdir()
        (folder / TENSOR_EMBEDDINGS).write_bytes(rows.astype("<f4").tobytes())
        (folder / JPEG_EMBEDDINGS).write_bytes(jpegs.astype("<f4").tobytes())
        (folder / RESPONSE).write_bytes(response.model_dump_json(indent=1).encode() + b"\n")
        pack(folder, out)
