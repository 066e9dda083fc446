"""What the host keeps of its own requests: a response is believed only as the first answer to one of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from cardembed._io import atomic_write_bytes, config_root
from cardembed._validation import first_problems
from cardembed.conformance.predicate import PhotosInfo, ReleaseInfo, Sha256
from cardembed.devices.wire import DeviceRequest
from cardembed.errors import EvidenceError

__all__ = ["HostEmbeddings", "RequestRecord", "Use", "find_record", "locked", "records_root", "write_record"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HostEmbeddings(_Model):
    """The release's own embeddings of the request's tensors, made when the request was."""

    fidelity: str
    """Of the host's embedder."""
    runtime: dict[str, str]
    """By what."""
    rows: str
    """Base64 of (photos, 768) little-endian float32, C order."""


class Use(_Model):
    """The response that a request was imported with."""

    response_sha256: Sha256
    """Of response.json's bytes."""
    at: AwareDatetime
    bundle: str
    """The bundle's run id."""


class RequestRecord(_Model):
    """One request of this machine."""

    request: DeviceRequest
    request_sha256: Sha256
    """Of request.json's bytes."""
    release: ReleaseInfo
    photos: PhotosInfo
    severity: int | None
    """Of the photos; None for captured ones."""
    gate_nonce: str | None = None
    """What the gate asked for."""
    host: HostEmbeddings | None = None
    """None where the host could not execute the release's target."""
    used: Use | None = None
    """None until a response was imported."""


def records_root() -> Path:
    """Their folder, beside the signing key: losing it only means to ask the device again."""
    return config_root() / "device-requests"


def _file(request_id: str) -> Path:
    return records_root() / f"{request_id}.json"


def write_record(record: RequestRecord) -> None:
    """Keep a record, readable for its owner alone: a nonce is worth something until it is used."""
    data = record.model_dump_json(indent=1).encode() + b"\n"
    atomic_write_bytes(_file(record.request.request_id), data, mode=0o600)


def find_record(request_id: str) -> RequestRecord:
    """The record of a request.

    Args:
        request_id: 32 hex digits, as `DeviceResponse` has checked.

    Raises:
        EvidenceError: This machine made no such request, or its record cannot be read.
    """
    file = _file(request_id)
    try:
        return RequestRecord.model_validate_json(file.read_bytes())
    except FileNotFoundError as error:
        raise EvidenceError(
            f"request {request_id}",
            expected="a request that this machine made",
            found="no record of it",
            action="check the response on the machine that made the request, or make a new one",
        ) from error
    except (OSError, ValidationError) as error:
        found = first_problems(error) if isinstance(error, ValidationError) else str(error)
        raise EvidenceError(
            file, expected="a request's record", found=found, action="make a new request"
        ) from error


@contextmanager
def locked(request_id: str) -> Iterator[None]:
    """Hold a request's record against another import of the same request."""
    records_root().mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(records_root() / f"{request_id}.lock"):
        yield
