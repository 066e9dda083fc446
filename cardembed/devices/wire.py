"""What travels between host and device, schema version 1: `request.json` and `response.json`.

The apps below apps/ hold the same structures in Swift and Kotlin; tests compare their field names with these.
Numbers are little-endian float32 in files of their own, in C order, named with size and SHA-256.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from cardembed._validation import first_problems
from cardembed.conformance.predicate import Sha256
from cardembed.errors import EvidenceError
from cardembed.fidelity import Fidelity

__all__ = [
    "CONTENTS",
    "JPEG_EMBEDDINGS",
    "REQUEST",
    "REQUEST_KIND",
    "RESPONSE",
    "RESPONSE_KIND",
    "SCHEMA_VERSION",
    "TENSOR_EMBEDDINGS",
    "App",
    "Clock",
    "DeviceRequest",
    "DeviceResponse",
    "Hardware",
    "LatencyPlan",
    "ReleaseName",
    "RequestedArtefact",
    "RequestedPhoto",
    "RequestedPreprocessing",
    "RequestedTensors",
    "RuntimeUsed",
    "Thermal",
    "ThermalState",
    "WireFile",
    "json_schemas",
    "parse_wire",
]

SCHEMA_VERSION = 1
REQUEST = "request.json"
RESPONSE = "response.json"
REQUEST_KIND = "cardembed-device-request"
RESPONSE_KIND = "cardembed-device-response"
TENSOR_EMBEDDINGS = "tensor-embeddings.f32"
JPEG_EMBEDDINGS = "jpeg-embeddings.f32"
NUMBERS = "float32-little-endian"

RelativePath = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.\-]*(/[A-Za-z0-9_][A-Za-z0-9_.\-]*)*$", max_length=240
    ),
]
"""A plain path below the folder: no "..", no leading ".", "/" or drive."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Nanoseconds = Annotated[int, Field(ge=0, lt=2**63)]
ThermalState = Literal["unknown", "nominal", "fair", "serious", "critical"]
"""As iOS names them. Of Android's, none is nominal, light and moderate are fair, severe is serious, and all
above is critical."""


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class WireFile(_Wire):
    """A file beside the JSON."""

    path: RelativePath
    """Relative to the folder, with forward slashes."""
    sha256: Sha256
    """Of its bytes."""
    bytes: Annotated[int, Field(ge=0, lt=2**40)]
    """Its size."""


class ReleaseName(_Wire):
    """The release that is judged."""

    name: Text
    digest: Sha256


class RequestedArtefact(_Wire):
    """What the device has to execute."""

    format: Literal["onnx", "ort", "mlpackage", "mlmodel", "safetensors"]
    """Apps execute one each; safetensors are for the stand-in alone."""
    architecture: Text
    """By its name in the profile table."""
    path: RelativePath
    """The file, or the folder of an `.mlpackage`, below the request."""
    sha256: Sha256
    """As the device has to compute it, see `cardembed.devices.digests`."""
    named_by: Sha256
    """The digest in release.json that stands for it: its own, or that of the weights it was made from."""
    files: Annotated[tuple[WireFile, ...], Field(max_length=200)]
    """Its files, in order of their paths; empty where it travels apart from the request."""


class RequestedPreprocessing(_Wire):
    """From a picture to the tensor: RGB, squashed to `size` × `size`, then (x / 255 − mean) / std."""

    size: Annotated[int, Field(ge=16, le=2048)]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: Literal["bicubic", "bilinear"]


class RequestedPhoto(_Wire):
    """A photo as JPEG; its tensor is the row of the same number."""

    id: Text
    file: WireFile


class RequestedTensors(_Wire):
    """All photos' inputs, as the host prepared them."""

    file: WireFile
    numbers: Literal["float32-little-endian"]
    shape: tuple[int, int, int, int]
    """(photos, 3, size, size)."""


class LatencyPlan(_Wire):
    """How latency is measured: single pictures, one after the other, from decoded pixels to unit vector."""

    warm_up: Annotated[int, Field(ge=0, le=100_000)]
    """Pictures before the first sample, not measured."""
    samples: Annotated[int, Field(ge=1, le=1_000_000)]
    """At least so many samples."""
    seconds: Annotated[float, Field(ge=0, le=3600)]
    """And at least so long, in the sum of the samples."""
    max_samples: Annotated[int, Field(ge=1, le=1_000_000)]
    """Where it ends whatever the time."""


class DeviceRequest(_Wire):
    """The content of `request.json`."""

    schema_version: Literal[1]
    kind: Literal["cardembed-device-request"]
    request_id: Hex32
    nonce: Sha256
    """64 random hex digits; the response repeats them."""
    created: AwareDatetime
    response_schema_version: Literal[1]
    """What the host reads."""
    target: Text
    release: ReleaseName
    artefact: RequestedArtefact
    preprocessing: RequestedPreprocessing
    embedding_dim: Annotated[int, Field(ge=1, le=65_536)]
    photos_digest: Sha256
    """Of the photo set that the photos come from."""
    photos: Annotated[tuple[RequestedPhoto, ...], Field(min_length=1, max_length=10_000)]
    tensors: RequestedTensors
    latency: LatencyPlan


class App(_Wire):
    """What executed the request."""

    kind: Literal["ios", "android", "mac", "stand-in"]
    """The apps below apps/, the command on a Mac, or the command anywhere else."""
    name: Text
    version: Text


class Hardware(_Wire):
    """Where."""

    model: Text
    """Such as "iPhone16,1"."""
    os: Text
    os_version: Text
    physical: bool
    """False on a simulator or emulator."""


class RuntimeUsed(_Wire):
    """By what."""

    name: Text
    """Such as "Core ML" or "onnxruntime"."""
    version: Text
    requested: Annotated[tuple[Text, ...], Field(max_length=20)]
    """Execution providers that were asked for, or compute units that were allowed."""
    used: Annotated[tuple[Text, ...], Field(max_length=20)]
    """Those that the runtime says it used; empty where it does not say."""


class Clock(_Wire):
    """The monotonic clock of the samples."""

    name: Text
    started_ns: Nanoseconds
    """When the run began."""
    finished_ns: Nanoseconds
    """When it ended."""


class Thermal(_Wire):
    """Of the device."""

    before: ThermalState
    after: ThermalState


class DeviceResponse(_Wire):
    """The content of `response.json`."""

    schema_version: Literal[1]
    kind: Literal["cardembed-device-response"]
    request_id: Hex32
    nonce: Sha256
    """The request's."""
    request_sha256: Sha256
    """Of request.json's bytes as the device read them."""
    artefact_sha256: Sha256
    """Of what was executed, computed on the device."""
    fidelity: Fidelity
    """What the app claims. The host allows a stand-in and a Mac `runtime` at most, a simulator `emulated`."""
    app: App
    device: Hardware
    runtime: RuntimeUsed
    started: AwareDatetime
    finished: AwareDatetime
    clock: Clock
    load_ns: Nanoseconds
    """From the artefact's file to a model that can be executed."""
    thermal: Thermal
    resize: Text
    """What decoded and resized the JPEGs."""
    photos: Annotated[tuple[Text, ...], Field(min_length=1, max_length=10_000)]
    """Ids, in the order of the rows below."""
    tensor_embeddings: WireFile
    """(photos, embedding_dim) unit rows, from the request's tensors."""
    jpeg_embeddings: WireFile
    """The same from the JPEGs, decoded, resized and normalised on the device."""
    warm_up: Annotated[int, Field(ge=0)]
    """Pictures before the first sample."""
    latency_ns: Annotated[tuple[Nanoseconds, ...], Field(max_length=1_000_000)]
    """One a picture, in order."""


CONTENTS: dict[str, type[BaseModel]] = {"request": DeviceRequest, "response": DeviceResponse}
"""By name."""
W = TypeVar("W", DeviceRequest, DeviceResponse)


def json_schemas() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of both contents."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {name: dialect | model.model_json_schema() for name, model in CONTENTS.items()}


def parse_wire(model: type[W], data: bytes, thing: object) -> W:
    """Read a content; nothing is converted, so "1" is no number.

    Raises:
        EvidenceError: It is no JSON or not of schema version 1; names `thing`.
    """
    try:
        return model.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise EvidenceError(
            thing,
            expected=f"a device {'request' if model is DeviceRequest else 'response'}, schema version 1",
            found=first_problems(error),
            action="compare it with: cardembed device schema; a truncated file has to be fetched again",
        ) from error
