"""Whether a response answers the request it says it answers, completely and plausibly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardembed._io import sha256_bytes
from cardembed.devices.archive import Parcel
from cardembed.devices.records import RequestRecord, find_record
from cardembed.devices.timing import clock_faults, latency_faults
from cardembed.devices.wire import RESPONSE, DeviceRequest, DeviceResponse, WireFile, parse_wire
from cardembed.embedders.apple import COMPUTE_UNITS
from cardembed.errors import EvidenceError
from cardembed.fidelity import Fidelity

__all__ = ["CheckedResponse", "check_response", "refuse_replay"]

MAX_RESPONSE_JSON = 64 << 20
UNIT_TOLERANCE = 1e-5
"""As features/models/model1_embedding_contract.feature asks of every embedder."""
CLOCK_SKEW = timedelta(hours=1)
"""As the gate allows between machines."""
_UNITS = frozenset(COMPUTE_UNITS["ALL"])
_ASK_AGAIN = "run the request again on the device"


@dataclass(frozen=True, eq=False)
class CheckedResponse:
    """A response that fits its request."""

    response: DeviceResponse
    sha256: str
    """Of response.json's bytes."""
    record: RequestRecord
    tensor: NDArray[np.float32]
    """(photos, 768) unit rows from the request's tensors."""
    jpeg: NDArray[np.float32]
    """(photos, 768) unit rows from its JPEGs."""
    fidelity: Fidelity
    """As the evidence will say."""
    warnings: tuple[str, ...]
    """What somebody should look at; nothing is refused for it."""


def check_response(path: Path, *, now: datetime | None = None) -> CheckedResponse:
    """Read a response and compare it with this machine's record of the request.

    Args:
        path: A folder or ZIP archive.
        now: The time, aware; the clock's without.

    Raises:
        EvidenceError: It cannot be read, is about another request, nonce or artefact, is incomplete, or holds
            numbers that no device gives. A response that was imported before passes here; `refuse_replay`.
    """
    with Parcel(path) as parcel:
        data = parcel.read(RESPONSE, MAX_RESPONSE_JSON)
        response = parse_wire(DeviceResponse, data, f"{path}: {RESPONSE}")
        record = find_record(response.request_id)
        request = record.request
        for thing, expected, found, action in _contradictions(response, record):
            raise EvidenceError(f"{path}: {thing}", expected=expected, found=found, action=action)
        files = (response.tensor_embeddings, response.jpeg_embeddings)
        parcel.only([RESPONSE, *(file.path for file in files)])
        tensor, jpeg = (_rows(parcel, file, request) for file in files)
    faults = latency_faults(response, request.latency)
    faults += clock_faults(response, request.created, now or datetime.now(UTC), CLOCK_SKEW)
    if faults:
        raise EvidenceError(
            f"{path}: {RESPONSE}", expected="times that a clock can show", found=faults[0], action=_ASK_AGAIN
        )
    fidelity = _fidelity(path, response, request)
    return CheckedResponse(
        response, sha256_bytes(data), record, tensor, jpeg, fidelity, tuple(_warnings(response, tensor, jpeg))
    )


def refuse_replay(record: RequestRecord) -> None:
    """Refuse a second import.

    Raises:
        EvidenceError: The request's nonce was used.
    """
    if record.used is not None:
        raise EvidenceError(
            f"request {record.request.request_id}",
            expected="a nonce that was not used yet",
            found=f"one that was imported at {record.used.at.isoformat()} as {record.used.bundle}",
            action="a response counts once: make a new request",
        )


def _contradictions(response: DeviceResponse, record: RequestRecord) -> Iterator[tuple[str, str, str, str]]:
    """What the response says otherwise than its request: (thing, expected, found, action)."""
    request = record.request
    for thing, expected, found in (
        ("nonce", request.nonce, response.nonce),
        ("request_sha256", record.request_sha256, response.request_sha256),
        ("artefact_sha256", request.artefact.sha256, response.artefact_sha256),
    ):
        if expected != found:
            yield thing, f"the request's {expected[:16]}…", f"{found[:16]}…", _ASK_AGAIN
    asked = [photo.id for photo in request.photos]
    if list(response.photos) != asked:
        found = f"{len(response.photos)} photos, or others, or in another order"
        yield "photos", f"the request's {len(asked)} photos in its order", found, _ASK_AGAIN
    if response.tensor_embeddings.path == response.jpeg_embeddings.path:
        yield "embeddings", "a file for each form of the photos", "one for both", "correct the app"
    if response.warm_up < request.latency.warm_up:
        yield "warm_up", f"at least {request.latency.warm_up}", f"{response.warm_up}", _ASK_AGAIN


def _rows(parcel: Parcel, file: WireFile, request: DeviceRequest) -> NDArray[np.float32]:
    shape = (len(request.photos), request.embedding_dim)
    wanted = 4 * shape[0] * shape[1]

    def refuse(found: str) -> EvidenceError:
        expected = f"{shape} finite float32 rows of norm 1 within {UNIT_TOLERANCE:g}"
        return EvidenceError(f"{parcel.path}: {file.path}", expected=expected, found=found, action=_ASK_AGAIN)

    if file.bytes != wanted:
        raise refuse(f"{file.bytes} bytes in place of {wanted}")
    rows = np.frombuffer(parcel.checked(file), "<f4").astype(np.float32).reshape(shape)
    bad = ~np.isfinite(rows).all(axis=1)
    if bad.any():
        raise refuse(f"NaN or infinity in {int(bad.sum())} rows, the first is {int(np.flatnonzero(bad)[0])}")
    away = np.abs(np.linalg.norm(rows.astype(np.float64), axis=1) - 1)
    if away.max() > UNIT_TOLERANCE:
        raise refuse(f"a norm that is {away.max():.3g} away from 1 in row {int(away.argmax())}")
    return rows


def _ceiling(response: DeviceResponse, request: DeviceRequest) -> Fidelity:
    if response.app.kind not in ("ios", "android"):
        return Fidelity.RUNTIME  # a desktop is not what is deployed
    if response.app.kind != request.target or request.artefact.format == "safetensors":
        return Fidelity.REFERENCE
    return Fidelity.DEVICE if response.device.physical else Fidelity.EMULATED


def _fidelity(path: Path, response: DeviceResponse, request: DeviceRequest) -> Fidelity:
    ceiling = _ceiling(response, request)
    if response.fidelity > ceiling:
        raise EvidenceError(
            f"{path}: fidelity",
            expected=f"at most {ceiling} from {response.app.kind} for {request.target} on "
            f"{'hardware' if response.device.physical else 'a simulator'}",
            found=str(response.fidelity),
            action="run the request with the target's own app on a device",
        )
    return response.fidelity


def _not_used(requested: Sequence[str], used: Sequence[str]) -> list[str]:
    """What was asked for in vain, sorted.

    Every execution provider is asked for. Compute units are allowed: Core ML takes what suits it of them, and
    the CPU is always among them. So it is one of the others that has to be used, where there are any.
    """
    if not set(requested) <= _UNITS:
        return sorted(set(requested) - set(used))
    accelerators = set(requested) - {"cpu"}
    return [] if accelerators & set(used) else sorted(accelerators)


def _warnings(
    response: DeviceResponse, tensor: NDArray[np.float32], jpeg: NDArray[np.float32]
) -> Iterator[str]:
    runtime, thermal = response.runtime, response.thermal
    missing = _not_used(runtime.requested, runtime.used)
    if missing and runtime.used:
        yield f"fell back: {', '.join(missing)} asked for, {', '.join(runtime.used)} used"
    if not runtime.used:
        yield f"the runtime does not say what it used of {', '.join(runtime.requested) or 'nothing'}"
    if {thermal.before, thermal.after} & {"serious", "critical"}:
        yield f"hot: thermal state {thermal.before} before and {thermal.after} after"
    if response.app.kind in ("ios", "android") and np.array_equal(tensor, jpeg):
        yield "the rows from the JPEGs are those from the tensors, bit by bit"
