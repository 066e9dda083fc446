"""A small world of evidence: feature texts, samples that satisfy them, and bundles made of both."""

import uuid
from datetime import UTC, datetime, timedelta

import numpy as np

from cardembed._io import sha256_bytes
from cardembed.cards.photo_render import SIMULATOR_VERSION
from cardembed.conformance import samples as raw
from cardembed.conformance.judge import judge
from cardembed.conformance.predicate import (
    ArtefactInfo,
    BundleCell,
    BundlePredicate,
    CodeInfo,
    FeatureText,
    PhotosInfo,
    ReleaseInfo,
    StepRecord,
)
from cardembed.conformance.spec import cell_specs, feature_files
from cardembed.conformance.states import State, StepStatus

DIGEST = {name: sha256_bytes(name.encode()) for name in ("release", "catalogue", "photos", "teacher", "ios")}

AC1 = """@AC-1
Feature: AC-1

  Scenario Outline: <target>
    Given a clean, well-lit card image
    When computing its embedding and finding nearest neighbor in database
    Then the correct card MUST be the nearest neighbor
    And the distance to correct card MUST be <0.2
    And this holds for at least 95 % of 100 photos, at 95 % confidence
    And the correct card is among the 5 nearest for at least 90 % of them

    Examples: targets
      | target  |
      | teacher |
      | ios     |
"""
AC4 = """@AC-4
Feature: AC-4

  Scenario Outline: <target>
    Given an image that is NOT a Pokemon card (table, hand, etc.)
    When computing its embedding and finding nearest neighbor
    Then the distance to nearest card MUST be >0.5
    And the system MUST report "No match found"
    And this holds for at least 95 % of 60 photos in every family of unknowns, at 95 % confidence

    Examples: targets
      | target  |
      | teacher |

  @reported
  Scenario Outline: Reported unknown cards: <target>
    Given an image of a card that is not in the catalogue
    When computing its embedding and finding nearest neighbor
    Then the distance to nearest card MUST be >0.5
    And the share that satisfies this is reported, over 60 photos

    Examples: targets
      | target  |
      | teacher |
"""
AC5 = """@AC-5
Feature: AC-5

  Scenario Outline: <target>
    Given the ConvNeXt-Tiny student model deployed on Hailo 8L
    When processing a single image
    Then inference MUST complete in <25ms
    And this holds for the 99th percentile of at least 1024 queries over at least 5 s, at 95 % confidence

    Examples: targets
      | target  |
      | hailo8l |
"""
AC6 = """@AC-6
Feature: AC-6

  Scenario Outline: <target>
    Given two images of the same card (different conditions)
    When computing embeddings for both
    Then the cosine similarity MUST be >0.8
    And this holds for at least 95 % of 100 pairs, at 95 % confidence

    Examples: targets
      | target  |
      | teacher |
"""
AC7 = """@AC-7
Feature: AC-7

  Scenario Outline: <target>
    Given embeddings of two DIFFERENT cards
    When computing cosine similarity
    Then the similarity MUST be <0.5
    And this holds for at least 99 % of all gallery pairs with different artwork
    And the share of cards whose nearest impostor satisfies this is reported

    Examples: targets
      | target  |
      | teacher |

  @reported
  Scenario Outline: Reported same artwork: <target>
    Given embeddings of two cards that share artwork
    When computing cosine similarity
    Then the similarity MUST be <0.5
    And the share that satisfies this is reported, over all gallery pairs with the same artwork

    Examples: targets
      | target  |
      | teacher |
"""
AC8 = """@AC-8
Feature: AC-8

  Scenario Outline: <target>
    Given the same image processed by teacher and student
    When computing cosine similarity between their embeddings
    Then the similarity MUST be >0.95
    And this holds for at least 95 % of 100 photos, at 95 % confidence
    And the teacher's embedding of the same photo is the nearest among the teacher's embeddings of all \
verdict photos for at least 95 % of them

    Examples: targets
      | target |
      | ios    |

  Scenario Outline: Parity: <target>
    Given the same image processed by teacher and student
    When computing cosine similarity between their embeddings
    Then the similarity MUST be >0.95
    And 1 − cos is below 1e-06 for every one of 100 photos

    Examples: targets
      | target |
      | server |
"""
MODEL = """@MODEL-1
Feature: The contract of an embedding

  Scenario: unit norm
    Given a model
    Then its embedding has norm 1
"""
FEATURES = {
    "acceptance/ac1.feature": AC1,
    "acceptance/ac4.feature": AC4,
    "models/contract.feature": MODEL,
}


def write_features(folder, texts=None):
    for name, text in (FEATURES if texts is None else texts).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def context(condition, **more):
    return raw.Context(condition=condition, **more)


def retrieval(n, *, wrong=0, far=0, condition="clean", cards=None, **more):
    """`wrong` photos have their card at rank 7, the next `far` at distance .3."""
    rank = [7] * wrong + [1] * (n - wrong)
    distance = [0.1] * wrong + [0.3] * far + [0.1] * (n - wrong - far)
    cards = cards or [f"c{i}" for i in range(n)]
    return raw.RetrievalSamples(
        context=context(condition, **more),
        photo=[f"p{i}" for i in range(n)],
        card=cards,
        nearest=["other"] * wrong + cards[wrong:],
        nearest_artwork=[True] * n,
        rank=rank,
        artwork_rank=[1] * n,
        distance=distance,
        nearest_distance=distance,
    )


def unknown(counts, *, wrong=None, condition="unknown", **more):
    family, distance = [], []
    for name, n in counts.items():
        bad = (wrong or {}).get(name, 0)
        family += [name] * n
        distance += [0.4] * bad + [0.6] * (n - bad)
    return raw.UnknownSamples(
        context=context(condition, **more),
        photo=[f"u{i}" for i in range(len(family))],
        family=family,
        nearest=["c1"] * len(family),
        nearest_distance=distance,
        answer=["No match found" if d > 0.5 else "c1" for d in distance],
    )


def pairs(n, *, low=0, condition="clean+clean-second", **more):
    names = [f"p{i}" for i in range(n)]
    return raw.PairSamples(
        context=context(condition, **more),
        photo=names,
        other_photo=[f"{name}, again" for name in names],
        card=names,
        similarity=[0.7] * low + [0.9] * (n - low),
    )


def alignment(n, *, low=0, similarity=0.97, misplaced=0, **more):
    names = [f"p{i}" for i in range(n)]
    return raw.AlignmentSamples(
        context=context("clean", **more),
        photo=names,
        card=names,
        similarity=[0.9] * low + [similarity] * (n - low),
        teacher_rank=[2] * misplaced + [1] * (n - misplaced),
    )


def census(vectors, artworks, **more):
    vectors = np.asarray(vectors, np.float32)
    return raw.CensusSamples(
        context=context("gallery", **more),
        ids=[f"c{i}" for i in range(len(vectors))],
        artworks=list(artworks),
        embeddings=raw.encode_embeddings(vectors),
    )


def latency(milliseconds, **more):
    return raw.LatencySamples(
        context=context("single", **more), milliseconds=[float(v) for v in milliseconds]
    )


PHOTOS = {"photos_digest": DIGEST["photos"], "gallery_digest": DIGEST["catalogue"], "severity": 2}


def release_info(**more):
    values = {
        "name": "first",
        "digest": DIGEST["release"],
        "profile": "reference",
        "catalogue_digest": DIGEST["catalogue"],
        "artefacts": {name: {"safetensors": DIGEST[name]} for name in ("teacher", "ios")},
    }
    return ReleaseInfo(**values | more)


def photos_info(**more):
    values = {
        "digest": DIGEST["photos"],
        "split": "verdict",
        "provenance": "simulated",
        "seed": DIGEST["release"],
        "simulator": SIMULATOR_VERSION,
    }
    return PhotosInfo(**values | more)


def passed(spec):
    return [StepRecord(text=text, status=StepStatus.PASSED) for text in spec.steps]


def good_samples(spec):
    more = {
        "fidelity": "reference",
        "artefact_digest": DIGEST.get(spec.target),
        **PHOTOS,
    }
    if spec.kind == "retrieval":
        return retrieval(100, **more)
    if spec.kind == "unknown":
        return unknown({"table": 60, "hand": 60}, **more | {"condition": spec.condition})
    return None


def bundle_cell(spec, samples, steps=None, **more):
    steps = passed(spec) if steps is None else steps
    verdict = judge(spec, steps, samples)
    values = {
        "state": verdict.state,
        "reason": verdict.reason,
        "fidelity": "reference" if spec.target != "-" else None,
        "verdict": verdict,
    } | more
    return BundleCell(
        id=spec.id,
        criterion=spec.criterion,
        aspect=spec.aspect,
        target=spec.target,
        required=spec.required,
        steps=steps,
        **values,
    )


def skipped_cell(spec, reason="not among the targets asked for"):
    return bundle_cell(spec, None, steps=[], state=State.NOT_RUN, reason=reason, fidelity=None, verdict=None)


def world(folder, *, samples=None, targets=("teacher", "ios", "-"), **more):
    """A predicate and its samples for the features below `folder`; all good where nothing else is said."""
    specs = cell_specs(folder)
    run = {spec.id: spec for spec in specs if spec.target in targets}
    numbers = {name: good_samples(spec) for name, spec in run.items()}
    numbers |= samples or {}
    numbers = {name: value for name, value in numbers.items() if value is not None}
    cells = [
        bundle_cell(spec, numbers.get(spec.id)) if spec.id in run else skipped_cell(spec) for spec in specs
    ]
    now = datetime.now(UTC)
    values = {
        "run_id": uuid.uuid4().hex,
        "runner": "bench",
        "started": now - timedelta(minutes=3),
        "finished": now,
        "release": release_info(),
        "artefacts": {
            name: ArtefactInfo(digest=DIGEST[name], fidelity="reference", runtime={"name": "pytorch"})
            for name in targets
            if name in DIGEST
        },
        "catalogue_digest": DIGEST["catalogue"],
        "photos": photos_info(),
        "code": CodeInfo(version="0"),
        "features": {
            name: FeatureText(sha256=sha256_bytes(text.encode()), text=text)
            for name, text in feature_files(folder).items()
        },
        "packages": {"numpy": np.__version__},
        "machine": {"system": "test"},
        "cells": cells,
    } | more
    return BundlePredicate(**values), numbers
