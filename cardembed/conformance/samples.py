"""Raw numbers of a cell, in columns: what the recorder writes, what every verdict is computed from.

`Samples` is one of six kinds. All columns of a kind have the same length, at least 0. Numbers that are not
finite can be held (and written, as "NaN"), so that a broken run leaves its evidence; no verdict accepts them.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from cardembed._validation import first_problems
from cardembed.errors import EvidenceError

__all__ = [
    "AlignmentSamples",
    "CensusSamples",
    "Context",
    "CurvePoint",
    "LatencySamples",
    "PairSamples",
    "RetrievalSamples",
    "Samples",
    "UnknownSamples",
    "decode_embeddings",
    "encode_embeddings",
    "read_samples",
    "write_samples",
]

_CONFIG = ConfigDict(extra="forbid", ser_json_inf_nan="strings")


class Context(BaseModel):
    """Where the numbers come from. Further keys are kept as they are."""

    model_config = ConfigDict(extra="allow", ser_json_inf_nan="strings")
    condition: str
    """As the scenario's first step says: "clean", "occluded", "glare", "unknown", "unknown-card",
    "zero-shot", "zero-shot-occluded", "clean+clean-second", "clean+occluded",
    "clean+glare", "gallery", "single" (latency)."""
    provenance: Literal["simulated", "captured"] = "simulated"
    """Captured photos come in clusters, a card's photos each."""
    severity: int | None = None
    """Nuisance severity, 1 to 5."""
    fidelity: str | None = None
    """Of the embedder."""
    artefact_digest: str | None = None
    """SHA-256 of the target's artefact."""
    teacher_digest: str | None = None
    """SHA-256 of the teacher's artefact that a student is compared with."""
    teacher_embeddings_digest: str | None = None
    """SHA-256 of that teacher's embeddings of photos and gallery, as they were compared with."""
    photos_digest: str | None = None
    """Of the photo set."""
    gallery_digest: str | None = None
    """Of the catalogue that the gallery shows."""
    network: str | None = None
    """Architecture and input size of what was timed, as release.json names them."""
    match_threshold: float | None = None
    """Distance above which the answer is "No match found"."""
    inference_seconds: float | None = None
    """Spent in bare inference."""
    wall_seconds: float | None = None
    """Spent in all."""


class CurvePoint(BaseModel):
    """The same share at another severity; shown, never decided."""

    model_config = _CONFIG
    condition: str
    severity: int
    k: int
    n: int


class _Columns(BaseModel):
    model_config = _CONFIG
    context: Context
    curves: list[CurvePoint] = []

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if len(set(self.lengths.values())) > 1:
            raise ValueError(f"columns differ in length: {self.lengths}")
        return self

    @property
    def lengths(self) -> dict[str, int]:
        """By column; those that were left out have none."""
        return {
            name: len(value)
            for name, value in self
            if isinstance(value, list) and name != "curves" and (value or name not in _OPTIONAL)
        }

    @property
    def size(self) -> int:
        """The number of samples."""
        return len(next(v for n, v in self if isinstance(v, list) and n not in ("curves", *_OPTIONAL)))


_OPTIONAL = frozenset({"family", "artwork_rank", "rank_in_teacher_gallery", "wrong_similarity"})


class RetrievalSamples(_Columns):
    """Photos of cards, searched in the gallery of the same artefact (AC-1, AC-2, AC-3)."""

    kind: Literal["retrieval"] = "retrieval"
    photo: list[str]
    """Photo id."""
    card: list[str]
    """The correct card's id."""
    family: list[str] = []
    """Of the occluder or glare; may be left out."""
    nearest: list[str]
    """The nearest card's id."""
    nearest_artwork: list[bool]
    """Whether the nearest shares the correct card's artwork."""
    rank: list[int]
    """Of the correct card, from 1, pessimistic on ties."""
    artwork_rank: list[int] = []
    """Of the first card with the correct artwork."""
    distance: list[float]
    """1 − cos to the correct card, 0 to 2."""
    nearest_distance: list[float]
    """1 − cos to the nearest card, 0 to 2."""
    rank_in_teacher_gallery: list[int | None] = []
    """Of the correct card in the teacher's gallery; may be left out."""


class UnknownSamples(_Columns):
    """Photos of what is not in the catalogue (AC-4)."""

    kind: Literal["unknown"] = "unknown"
    photo: list[str]
    """Photo id."""
    family: list[str]
    """Of unknowns; decided one by one."""
    nearest: list[str]
    """The nearest card's id."""
    nearest_distance: list[float]
    """1 − cos to the nearest card, 0 to 2."""
    answer: list[str]
    """What `match` said: "No match found" or a card id."""

    @property
    def match_threshold(self) -> list[float] | None:
        """The same for every photo; None where the context has none."""
        threshold = self.context.match_threshold
        return None if threshold is None else [threshold] * self.size


class PairSamples(_Columns):
    """Two photos of a card each (AC-6)."""

    kind: Literal["pairs"] = "pairs"
    photo: list[str]
    """Photo id."""
    other_photo: list[str]
    """Photo id."""
    card: list[str]
    """Card id of both."""
    similarity: list[float]
    """cos, −1 to 1."""


class AlignmentSamples(_Columns):
    """The same photo through teacher and student (AC-8); computed in float64 where parity is judged."""

    kind: Literal["alignment"] = "alignment"
    photo: list[str]
    """Photo id."""
    card: list[str]
    """Card id."""
    similarity: list[float]
    """cos, −1 to 1."""
    teacher_rank: list[int]
    """Of the teacher's embedding of the same photo among those of all verdict photos, from 1."""
    wrong_similarity: list[float] = []
    """cos to a wrong card's teacher embedding; shown beside, may be left out."""


class CensusSamples(_Columns):
    """The gallery's embeddings (AC-7)."""

    kind: Literal["census"] = "census"
    ids: list[str]
    """Card ids, in the order of the embeddings."""
    artworks: list[str]
    """Artwork group of each."""
    embeddings: str
    """Base64 of little-endian float32, shape (cards, dimension), C order; see `encode_embeddings`."""


class LatencySamples(_Columns):
    """Single queries on a device, end to end (AC-5)."""

    kind: Literal["latency"] = "latency"
    milliseconds: list[float]
    """One a query, in the order of the run."""


Samples = Annotated[
    RetrievalSamples | UnknownSamples | PairSamples | AlignmentSamples | CensusSamples | LatencySamples,
    Field(discriminator="kind"),
]
"""One of the six kinds."""

_ADAPTER: TypeAdapter[Any] = TypeAdapter(Samples)


def encode_embeddings(embeddings: NDArray[np.floating]) -> str:
    """(N, D) numbers as `CensusSamples.embeddings` holds them."""
    return base64.b64encode(np.ascontiguousarray(embeddings, dtype="<f4").tobytes()).decode("ascii")


def decode_embeddings(samples: CensusSamples) -> NDArray[np.float32]:
    """The gallery's embeddings, (N, D) float32.

    Raises:
        EvidenceError: No base64, or no whole number of rows.
    """
    try:
        data = base64.b64decode(samples.embeddings, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _unreadable("embeddings", str(error)) from error
    rows = len(samples.ids)
    if (rows == 0 and data) or (rows and (not data or len(data) % (4 * rows))):
        raise _unreadable("embeddings", f"{len(data)} bytes for {rows} cards")
    return np.frombuffer(data, dtype="<f4").reshape(rows, -1) if rows else np.zeros((0, 0), np.float32)


def _unreadable(thing: str, found: str) -> EvidenceError:
    return EvidenceError(
        thing,
        expected="a cell's raw numbers",
        found=found,
        action="run the features again with this version",
    )


def write_samples(samples: Samples) -> bytes:
    """As JSON, UTF-8; equal samples give equal bytes."""
    return samples.model_dump_json(indent=None).encode()


def read_samples(data: bytes, thing: str = "measurements") -> Samples:
    """From JSON.

    Raises:
        EvidenceError: It is not what `write_samples` writes; names `thing`.
    """
    try:
        value: Samples = _ADAPTER.validate_json(data)
    except ValidationError as error:
        raise _unreadable(thing, first_problems(error)) from error
    return value
