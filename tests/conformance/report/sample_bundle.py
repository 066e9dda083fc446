"""A bundle that looks like a real run's: the project's own features, every state, hostile names."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from sample_numbers import FIDELITY, HOSTILE_CARD, HOSTILE_PHOTO, THRESHOLD, samples_of

from cardembed._io import sha256_bytes
from cardembed.conformance.evaluate import evaluate
from cardembed.conformance.evidence import write_bundle
from cardembed.conformance.judge import judge
from cardembed.conformance.predicate import (
    ArtefactInfo,
    Attempt,
    BundleCell,
    BundlePredicate,
    CodeInfo,
    FeatureText,
    PhotosInfo,
    ReleaseInfo,
    StepRecord,
    WorstSample,
)
from cardembed.conformance.samples import Samples
from cardembed.conformance.signing import SigningKey, generate_key
from cardembed.conformance.spec import CellSpec, feature_files, parse_feature
from cardembed.conformance.states import State, StepStatus
from cardembed.fidelity import Fidelity

FEATURES = Path(__file__).parents[3] / "features"
PICTURES = 12
NOT_RUN = ("AC-5/hailo8l", "AC-6/ios")
ERROR = "AC-8/ios"
Change = Callable[[str], str]


@cache
def signing_key() -> SigningKey:
    return generate_key()


@cache
def plain_pictures() -> dict[str, bytes]:
    found = {}
    for index in range(PICTURES):
        for kind in ("photo", "card"):
            data = io.BytesIO()
            colour = (20 * index, 90 if kind == "photo" else 160, 255 - 20 * index)
            Image.new("RGB", (36, 50), colour).save(data, "JPEG", quality=70)
            found[f"images/{kind}-{index}.jpg"] = data.getvalue()
    return found


def make_bundle(
    out: Path,
    *,
    cards: int = 90,
    seed: int = 0,
    complete: bool = False,
    change: Change = lambda text: text,
    only: str = "",
    pictures: dict[str, bytes] | None = None,
) -> Path:
    """Write a bundle; `complete` runs everything, `change` edits every feature text, `only` is a prefix."""
    texts = {path: change(text) for path, text in feature_files(FEATURES).items() if path.startswith(only)}
    specs = [spec for path, text in texts.items() for spec in parse_feature(text, path)]
    cells, samples = [], {}
    for index, spec in enumerate(specs):
        cell, numbers = _cell(spec, index, seed, cards, complete)
        cells.append(cell)
        if numbers is not None:
            samples[spec.id] = numbers
    started = datetime(2026, 11, 23, 9, 41, 7, tzinfo=UTC)
    predicate = BundlePredicate(
        run_id=f"20261123-094107-{seed}",
        runner="workbench <b>1</b>",
        started=started,
        finished=started + timedelta(minutes=6, seconds=12),
        release=ReleaseInfo(
            name="reference & friends",
            digest=_digest("release", seed),
            profile="reference",
            catalogue_digest=_digest("catalogue", 0),
            artefacts={target: {"safetensors": _digest(target, seed)} for target in FIDELITY},
            match_thresholds=THRESHOLD,
        ),
        artefacts={
            target: ArtefactInfo(
                digest=_digest(target, seed), fidelity=Fidelity(fidelity), runtime={"onnxruntime": "1.23.2"}
            )
            for target, fidelity in FIDELITY.items()
        },
        catalogue_digest=_digest("catalogue", 0),
        photos=PhotosInfo(digest=_digest("photos", seed), split="verdict", provenance="simulated"),
        code=CodeInfo(version="0.1.0", git_commit="0123456789abcdef" * 2 + "01234567", dirty=True),
        features={
            path: FeatureText(sha256=sha256_bytes(text.encode()), text=text) for path, text in texts.items()
        },
        packages={"numpy": "2.3.4", "onnxruntime": "1.23.2", "torch": "2.10.0"},
        machine={"processor": "a processor with two cores", "system": "Linux 6.12", "cores": 2},
        options={"target": [], "no_cache": False},
        cells=cells,
        attempts=[
            Attempt(state=State.ERROR, reason="the disk was full", at=started - timedelta(hours=1)),
        ],
    )
    return write_bundle(
        out, predicate, samples=samples, images=pictures or plain_pictures(), key=signing_key()
    )


def _digest(*parts: object) -> str:
    return sha256_bytes(repr(parts).encode())


def _cell(
    spec: CellSpec, index: int, seed: int, cards: int, complete: bool
) -> tuple[BundleCell, Samples | None]:
    steps = [StepRecord(text=text, status=StepStatus.PASSED) for text in spec.steps]
    numbers, fidelity, worst, attempts = None, None, [], []
    if spec.id in NOT_RUN and not complete:
        reason = "hailo_platform: expected the driver of a Hailo-8L, found none; run this on the device"
        steps = [StepRecord(text=spec.steps[0], status=StepStatus.SKIPPED, reason=reason)]
    elif spec.id == ERROR and not complete:
        reason = "RuntimeError: no answer <b>after 30 s</b>"
        steps = [*steps[:1], StepRecord(text=spec.steps[1], status=StepStatus.ERROR, reason=reason)]
        attempts = [Attempt(state=State.ERROR, reason=reason)]
    elif spec.kind is not None:
        numbers = samples_of(spec, np.random.default_rng([seed, index]), cards)
        fidelity, worst = Fidelity(FIDELITY[spec.target]), _worst(spec, index)
        steps = _claimed(spec, steps, numbers)
    verdict = judge(spec, steps, numbers)
    cell = BundleCell(
        id=spec.id,
        criterion=spec.criterion,
        aspect=spec.aspect,
        target=spec.target,
        required=spec.required,
        state=verdict.state,
        reason=verdict.reason,
        fidelity=fidelity,
        steps=steps,
        verdict=verdict,
        worst=worst,
        attempts=attempts,
    )
    return cell, numbers


def _claimed(spec: CellSpec, steps: list[StepRecord], numbers: Samples) -> list[StepRecord]:
    """Steps that state a claim end as the claim does."""
    kinds = {State.FAIL: StepStatus.FAILED, State.INCONCLUSIVE: StepStatus.INCONCLUSIVE}
    found = {
        share.claim: kinds[share.state] for share in evaluate(spec, numbers).shares if share.state in kinds
    }
    return [step.model_copy(update={"status": found.get(step.text, step.status)}) for step in steps]


def _worst(spec: CellSpec, index: int) -> list[WorstSample]:
    if spec.kind in ("latency", "census"):
        return []
    return [
        WorstSample(
            photo=f"images/photo-{(index + place) % PICTURES}.jpg",
            matched=f"images/card-{(index + 5 * place) % PICTURES}.jpg" if place < 2 else None,
            caption=f"{(HOSTILE_PHOTO, 'photo-0412', HOSTILE_CARD)[place]}: rank {place + 2}, "
            f"distance 0.3{9 - place}; nearest sv3-117 at 0.2{9 - place}",
        )
        for place in range(3)
    ]
