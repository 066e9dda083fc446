"""Raw numbers of a run that looks real: every state occurs, names are hostile."""

from __future__ import annotations

import numpy as np

from cardembed.conformance.samples import (
    AlignmentSamples,
    CensusSamples,
    Context,
    CurvePoint,
    LatencySamples,
    PairSamples,
    RetrievalSamples,
    Samples,
    UnknownSamples,
    encode_embeddings,
)
from cardembed.conformance.spec import CellSpec

HOSTILE_CARD = '"><img src=x onerror=alert(1)>'
HOSTILE_PHOTO = "<script>alert('photo')</script>.jpg"
FAMILIES = ("blank", "card-back", "hand", "leather-table", "other-print", "wood-table")
FIDELITY = {
    "teacher": "reference",
    "server": "runtime",
    "android": "runtime",
    "ios": "reference",
    "hailo8l": "reference",
}
# Mean distance and spread of the correct card: the better the target, the smaller.
QUALITY = {
    "teacher": (0.07, 0.028), "server": (0.07, 0.028), "android": (0.10, 0.042), "ios": (0.085, 0.034),
    "hailo8l": (0.122, 0.055),
}  # fmt: skip
HARDER = {"zero-shot": 1.3, "zero-shot-occluded": 2.2, "clean": 1.0, "occluded": 2.1, "glare": 1.7}
THRESHOLD = {"teacher": 0.45, "server": 0.45, "android": 0.44, "ios": 0.455, "hailo8l": 0.42}


def context(spec: CellSpec, **more: object) -> Context:
    return Context(
        condition=spec.condition or "",
        severity=2,
        fidelity=FIDELITY[spec.target],
        artefact_digest="a1" * 32,
        match_threshold=THRESHOLD[spec.target],
        inference_seconds=11.25,
        wall_seconds=19.5,
        **more,
    )


def samples_of(spec: CellSpec, rng: np.random.Generator, cards: int) -> Samples:
    makers = {
        "retrieval": _retrieval, "unknown": _unknown, "pairs": _pairs, "alignment": _alignment,
        "census": _census, "latency": _latency,
    }  # fmt: skip
    return makers[spec.kind or ""](spec, rng, cards)


def _names(n: int) -> tuple[list[str], list[str]]:
    photos = [HOSTILE_PHOTO, *(f"photo-{i:04d}" for i in range(1, n))]
    return photos, [HOSTILE_CARD, *(f"sv{i % 9}-{i % 180:03d}" for i in range(1, n))]


def _retrieval(spec: CellSpec, rng: np.random.Generator, cards: int) -> RetrievalSamples:
    middle, spread = QUALITY[spec.target]
    harder = HARDER[spec.condition or ""]
    distance = np.abs(rng.normal(middle * harder, spread * harder**0.6, 640)) + 0.004
    far = rng.random(640) < 0.012 * harder
    distance[far] += rng.uniform(0.1, 0.35, int(far.sum()))
    rank = np.where(
        rng.random(640) < np.clip((distance - 0.12 * harder) * 2.2, 0, 0.9), rng.geometric(0.3, 640), 1
    )
    photos, ids = _names(640)
    points = [
        CurvePoint(
            condition=spec.condition or "",
            severity=s,
            k=int(60 * max(0.05, 1 - (0.012 * harder * s**2))),
            n=60,
        )
        for s in (1, 3, 4, 5)
    ]
    return RetrievalSamples(
        context=context(spec),
        curves=points,
        photo=photos,
        card=ids,
        family=[("plain", "finger", "coin", "sleeve")[i % 4] for i in range(640)],
        nearest=[card if r == 1 else "sv0-other" for card, r in zip(ids, rank, strict=True)],
        nearest_artwork=[bool(r == 1 or i % 3 == 0) for i, r in enumerate(rank)],
        rank=rank.tolist(),
        artwork_rank=np.maximum(1, rank - 1).tolist(),
        distance=distance.round(6).tolist(),
        nearest_distance=(distance * np.where(rank == 1, 1, 0.9)).round(6).tolist(),
        rank_in_teacher_gallery=rank.tolist() if spec.target != "teacher" else [],
    )


def _unknown(spec: CellSpec, rng: np.random.Generator, cards: int) -> UnknownSamples:
    families = list(FAMILIES) if spec.condition == "unknown" else ["unknown-card"]
    family = [name for name in families for _ in range(200)]
    distance = rng.normal(0.66, 0.045, len(family))
    weak = {"ios": "card-back", "hailo8l": "other-print"}.get(spec.target)
    shift = np.array(
        [0.14 if name == weak and spec.target == "ios" else 0.07 if name == weak else 0.0 for name in family]
    )
    if spec.condition == "unknown-card":
        shift = np.full(len(family), 0.16)
    distance = np.clip(distance - shift, 0.05, 1.2).round(6)
    threshold = THRESHOLD[spec.target]
    photos, ids = _names(len(family))
    return UnknownSamples(
        context=context(spec),
        photo=photos,
        family=family,
        nearest=ids,
        nearest_distance=distance.tolist(),
        answer=["No match found" if d > threshold else c for d, c in zip(distance, ids, strict=True)],
    )


def _pairs(spec: CellSpec, rng: np.random.Generator, cards: int) -> PairSamples:
    middle, spread = QUALITY[spec.target]
    harder = HARDER.get((spec.condition or "").split("+")[1], HARDER["clean"])
    similarity = np.clip(1 - np.abs(rng.normal(middle * harder, spread * harder, 640)), -1, 1)
    photos, ids = _names(640)
    return PairSamples(
        context=context(spec),
        photo=photos,
        other_photo=[f"{name}-second" for name in photos],
        card=ids,
        similarity=similarity.round(6).tolist(),
    )


def _alignment(spec: CellSpec, rng: np.random.Generator, cards: int) -> AlignmentSamples:
    photos, ids = _names(640)
    if spec.target == "server":
        similarity = 1 - np.abs(rng.normal(2e-8, 1e-8, 640))
    else:
        middle = {"android": 0.022, "ios": 0.018, "hailo8l": 0.036}[spec.target]
        similarity = 1 - np.abs(rng.normal(middle, 0.011, 640)) * (1 if spec.condition == "clean" else 2)
    return AlignmentSamples(
        context=context(spec, teacher_digest="7e" * 32),
        photo=photos,
        card=ids,
        similarity=similarity.tolist(),
        teacher_rank=np.where(rng.random(640) < 0.012, 2, 1).tolist(),
        wrong_similarity=[] if spec.target == "server" else rng.normal(0.1, 0.12, 640).round(6).tolist(),
    )


def _census(spec: CellSpec, rng: np.random.Generator, cards: int) -> CensusSamples:
    artworks = [f"art-{i if i % 6 else i // 6}" for i in range(cards)]
    base = {name: rng.normal(0, 1, 64) for name in dict.fromkeys(artworks)}
    common = rng.normal(0, 1, 64) * (0.62 if spec.target != "hailo8l" else 0.95)
    vectors = np.stack([base[name] + common + rng.normal(0, 0.35, 64) for name in artworks])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return CensusSamples(
        context=context(spec),
        ids=[HOSTILE_CARD, *(f"card-{i}" for i in range(1, cards))],
        artworks=artworks,
        embeddings=encode_embeddings(vectors.astype(np.float32)),
    )


def _latency(spec: CellSpec, rng: np.random.Generator, cards: int) -> LatencySamples:
    drift = np.linspace(0, 1.2, 4200)
    more = {"temperatures_celsius": np.linspace(48.0, 63.5, 60).round(1).tolist()}
    return LatencySamples(
        context=context(spec, **more),
        milliseconds=(15.2 + drift + rng.gamma(1.4, 0.7, 4200)).round(4).tolist(),
    )
