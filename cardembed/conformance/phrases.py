"""The phrases of the acceptance criteria: one table for the steps that execute them and the gate that judges.

Each pattern is one of the `parse` package, as pytest-bdd's `parsers.parse` takes it, so that a step reads

    @then(phrases.HOLDS_FOR_SHARE.parser())
    def claim(percent, n, unit, confidence): ...

Numbers stand in the feature files only; a phrase says where in the text they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

import parse  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from pytest_bdd.parsers import StepParser

__all__ = ["PHRASES", "ClaimKind", "Phrase", "Role", "find_phrase"]


class Role(StrEnum):
    """What a phrase does in a scenario."""

    SETUP = "setup"
    """Given: which samples."""
    ACTION = "action"
    """When: what is computed."""
    PREDICATE = "predicate"
    """Then: what a single sample has to satisfy."""
    CLAIM = "claim"
    """Then: for how many of the samples."""


class ClaimKind(StrEnum):
    """How a claim is decided."""

    SHARE = "share"
    """At least a share of the samples, by the lower bound."""
    FAMILIES = "families"
    """The same in every family on its own."""
    OWN_SHARE = "own share"
    """As `share`, with a predicate of the claim's own, on the samples and confidence of the claim before."""
    CENSUS = "census"
    """At least a share of all pairs: counted, no bound."""
    IMPOSTORS = "impostors"
    """The share of cards whose nearest other card satisfies: shown, not decided."""
    REPORTED = "reported"
    """The share: shown with its bound, not decided."""
    CENSUS_REPORTED = "census reported"
    """The share of all pairs: shown, not decided."""
    PARITY = "parity"
    """Every single sample."""
    PERCENTILE = "percentile"
    """The upper bound of a percentile."""


@dataclass(frozen=True)
class Phrase:
    """One phrase."""

    pattern: str
    """For the `parse` package, case-sensitive."""
    role: Role
    """What it does."""
    kind: str | None = None
    """Setup: the kind of samples."""
    condition: str | None = None
    """Setup: the photos' condition, as `context.condition` of the samples names it."""
    column: str | None = None
    """Predicate (and own share): the samples' column."""
    operator: str | None = None
    """Predicate: "==", "<", "<=", ">=" or ">"."""
    value: int | str | None = None
    """Predicate: what to compare with, or the name of the pattern's field that holds it."""
    claim: ClaimKind | None = None
    """Claim: how it is decided."""

    def parser(self) -> StepParser:
        """For pytest-bdd's `given`, `when` and `then`."""
        from pytest_bdd import parsers

        return parsers.parse(self.pattern, case_sensitive=True)

    def match(self, text: str) -> dict[str, Any] | None:
        """The fields' values where `text` is this phrase, None where it is another; numbers are finite."""
        found = _compiled(self.pattern).parse(text)
        if found is None:
            return None
        fields: dict[str, Any] = dict(found.named)
        finite = all(math.isfinite(value) for value in fields.values() if isinstance(value, float))
        return fields if finite else None


@cache
def _compiled(pattern: str) -> parse.Parser:
    return parse.compile(pattern, case_sensitive=True)


def _setup(pattern: str, kind: str, condition: str) -> Phrase:
    return Phrase(pattern, Role.SETUP, kind=kind, condition=condition)


def _predicate(pattern: str, column: str, operator: str, value: int | str) -> Phrase:
    return Phrase(pattern, Role.PREDICATE, column=column, operator=operator, value=value)


CLEAN_PHOTO = _setup("a clean, well-lit card image", "retrieval", "clean")
OCCLUDED_PHOTO = _setup("a card image with {occlusion:d}% occlusion", "retrieval", "occluded")
ZERO_SHOT_PHOTO = _setup(
    "a clean, well-lit image of a card that training never saw", "retrieval", "zero-shot"
)
ZERO_SHOT_OCCLUDED = _setup(
    "an image of a card that training never saw with {occlusion:d}% occlusion",
    "retrieval",
    "zero-shot-occluded",
)
GLARE_PHOTO = _setup("a holo/gold card image with visible glare", "retrieval", "glare")
NOT_A_CARD = _setup("an image that is NOT a Pokemon card (table, hand, etc.)", "unknown", "unknown")
UNKNOWN_CARD = _setup("an image of a card that is not in the catalogue", "unknown", "unknown-card")
ON_DEVICE = _setup("the ConvNeXt-Tiny student model deployed on Hailo 8L", "latency", "single")
ON_IPHONE = _setup("the ConvNeXt-Base student model deployed on an iPhone", "latency", "single")
ON_ANDROID = _setup("the ViT-Small student model deployed on an Android phone", "latency", "single")
TENSOR_AND_JPEG = _setup(
    "the same photo embedded on the device from a prepared tensor and from its JPEG", "pairs", "tensor+jpeg"
)
DEVICE_AND_HOST = _setup(
    "the same prepared tensor embedded on the device and by the release on the host", "pairs", "device+host"
)
TWO_PHOTOS = _setup("two images of the same card (different conditions)", "pairs", "clean+clean-second")
CLEAN_AND_OCCLUDED = _setup("a clean and an occluded image of the same card", "pairs", "clean+occluded")
CLEAN_AND_GLARE = _setup("a clean and a glare image of the same card", "pairs", "clean+glare")
DIFFERENT_CARDS = _setup("embeddings of two DIFFERENT cards", "census", "gallery")
SAME_ARTWORK = _setup("embeddings of two cards that share artwork", "census", "gallery")
BOTH_MODELS = _setup("the same image processed by teacher and student", "alignment", "clean")
BOTH_MODELS_OCCLUDED = _setup(
    "the same image with {occlusion:d}% occlusion processed by teacher and student", "alignment", "occluded"
)
BOTH_MODELS_GLARE = _setup(
    "the same image with visible glare processed by teacher and student", "alignment", "glare"
)

FIND_IN_DATABASE = Phrase("computing its embedding and finding nearest neighbor in database", Role.ACTION)
FIND_NEAREST = Phrase("computing its embedding and finding nearest neighbor", Role.ACTION)
PROCESS_SINGLE = Phrase("processing a single image", Role.ACTION)
EMBED_BOTH = Phrase("computing embeddings for both", Role.ACTION)
COMPARE = Phrase("computing cosine similarity", Role.ACTION)
COMPARE_MODELS = Phrase("computing cosine similarity between their embeddings", Role.ACTION)

NEAREST_IS_CORRECT = _predicate("the correct card MUST be the nearest neighbor", "rank", "==", 1)
IN_TOP_K = _predicate("the correct card MUST be in top-{k:d} nearest neighbors", "rank", "<=", "k")
DISTANCE_BELOW = _predicate("the distance to correct card MUST be <{limit:g}", "distance", "<", "limit")
NEAREST_ABOVE = _predicate(
    "the distance to nearest card MUST be >{limit:g}", "nearest_distance", ">", "limit"
)
ANSWERS = _predicate('the system MUST report "{answer}"', "answer", "==", "answer")
THRESHOLD_AT_LEAST = _predicate(
    "a card at a distance below {limit:g} would be reported", "match_threshold", ">=", "limit"
)
COSINE_ABOVE = _predicate("the cosine similarity MUST be >{limit:g}", "similarity", ">", "limit")
SIMILARITY_ABOVE = _predicate("the similarity MUST be >{limit:g}", "similarity", ">", "limit")
SIMILARITY_BELOW = _predicate("the similarity MUST be <{limit:g}", "similarity", "<", "limit")
COMPLETES_WITHIN = _predicate("inference MUST complete in <{limit:g}ms", "milliseconds", "<", "limit")

HOLDS_FOR_SHARE = Phrase(
    "this holds for at least {percent:g} % of {n:d} {unit:w}, at {confidence:g} % confidence",
    Role.CLAIM,
    claim=ClaimKind.SHARE,
)
HOLDS_IN_EVERY_FAMILY = Phrase(
    "this holds for at least {percent:g} % of {n:d} {unit:w} in every family of unknowns, "
    "at {confidence:g} % confidence",
    Role.CLAIM,
    claim=ClaimKind.FAMILIES,
)
AMONG_NEAREST = Phrase(
    "the correct card is among the {k:d} nearest for at least {percent:g} % of them",
    Role.CLAIM,
    column="rank",
    operator="<=",
    value="k",
    claim=ClaimKind.OWN_SHARE,
)
TEACHER_NEAREST = Phrase(
    "the teacher's embedding of the same photo is the nearest among the teacher's embeddings of all verdict "
    "photos for at least {percent:g} % of them",
    Role.CLAIM,
    column="teacher_rank",
    operator="==",
    value=1,
    claim=ClaimKind.OWN_SHARE,
)
HOLDS_FOR_PAIRS = Phrase(
    "this holds for at least {percent:g} % of all gallery pairs with different artwork",
    Role.CLAIM,
    claim=ClaimKind.CENSUS,
)
IMPOSTORS_REPORTED = Phrase(
    "the share of cards whose nearest impostor satisfies this is reported",
    Role.CLAIM,
    claim=ClaimKind.IMPOSTORS,
)
REPORTED_OVER = Phrase(
    "the share that satisfies this is reported, over {n:d} {unit:w}", Role.CLAIM, claim=ClaimKind.REPORTED
)
REPORTED_SAME_ARTWORK = Phrase(
    "the share that satisfies this is reported, over all gallery pairs with the same artwork",
    Role.CLAIM,
    claim=ClaimKind.CENSUS_REPORTED,
)
EVERY_ONE_BELOW = Phrase(
    "1 − cos is below {limit:g} for every one of {n:d} {unit:w}", Role.CLAIM, claim=ClaimKind.PARITY
)
HOLDS_FOR_PERCENTILE = Phrase(
    "this holds for the {percentile:g}th percentile of at least {n:d} queries over at least {seconds:g} s, "
    "at {confidence:g} % confidence",
    Role.CLAIM,
    claim=ClaimKind.PERCENTILE,
)

PHRASES: tuple[Phrase, ...] = tuple(value for value in dict(globals()).values() if isinstance(value, Phrase))
"""Every phrase of the acceptance criteria; no text matches two of them."""


def find_phrase(text: str) -> tuple[Phrase, dict[str, Any]] | None:
    """The phrase that `text` is, with its fields' values; None where no phrase has it."""
    for phrase in PHRASES:
        fields = phrase.match(text)
        if fields is not None:
            return phrase, fields
    return None
