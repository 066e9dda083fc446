"""A checked response becomes a signed evidence bundle, in which every cell of the features has its place."""

from __future__ import annotations

import base64
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed._io import atomic_write_text
from cardembed.conformance.evaluate import evaluate
from cardembed.conformance.evidence import REPORT, write_bundle
from cardembed.conformance.judge import judge
from cardembed.conformance.predicate import (
    ArtefactInfo,
    BundleCell,
    BundlePredicate,
    StepRecord,
)
from cardembed.conformance.recorder.publish import code_info, feature_texts, machine_info, package_versions
from cardembed.conformance.samples import Context, LatencySamples, PairSamples, Samples
from cardembed.conformance.signing import PublicKey, SigningKey, load_or_create_key
from cardembed.conformance.spec import CellSpec, cell_specs, feature_files
from cardembed.conformance.states import State, StepStatus
from cardembed.devices.check import CheckedResponse, check_response, refuse_replay
from cardembed.devices.records import Use, find_record, locked, write_record
from cardembed.errors import EvidenceError
from cardembed.fidelity import Fidelity
from cardembed.retrieval.metrics import pair_similarity

__all__ = ["ImportedEvidence", "device_samples", "import_response"]

NOT_OF_A_DEVICE = "not among what a device is asked for"
_STATUS = {State.FAIL: StepStatus.FAILED, State.INCONCLUSIVE: StepStatus.INCONCLUSIVE}


@dataclass(frozen=True)
class ImportedEvidence:
    """A bundle that was written."""

    bundle: Path
    predicate: BundlePredicate
    checked: CheckedResponse
    signer: PublicKey
    """As a policy has to name it."""

    @property
    def measured(self) -> list[BundleCell]:
        """The cells that the response has numbers for."""
        return [cell for cell in self.predicate.cells if cell.verdict is not None]


def import_response(
    path: Path,
    out: Path,
    features_dir: Path,
    *,
    key: SigningKey | None = None,
    runner: str | None = None,
    now: datetime | None = None,
) -> ImportedEvidence:
    """Check a response, sign it as evidence, and never take it again.

    Args:
        path: A folder or ZIP archive.
        out: The bundle's directory; a bundle that is there already is replaced.
        features_dir: What is judged by; the gate has to have the same.
        key: This machine's without.
        runner: This machine's name in the evidence.
        now: The time, aware; the clock's without.

    Raises:
        EvidenceError: See `check_response`; the request was answered before; `out` holds something else.
        FeatureError: The features cannot be judged.
        SignatureError: The signing key cannot be used.
    """
    now = now or datetime.now(UTC)
    key = key or load_or_create_key()  # one that cannot be used is known before the nonce is
    checked = check_response(path, now=now)
    request_id = checked.response.request_id
    with locked(request_id):
        refuse_replay(find_record(request_id))
        specs, texts = cell_specs(features_dir), feature_files(features_dir)
        numbers = device_samples(checked, specs)
        name = runner or platform.node() or "host"
        said = _predicate(checked, specs, texts, numbers, features_dir=features_dir, runner=name)
        write_bundle(out, said, samples=numbers, key=key)
        use = Use(response_sha256=checked.sha256, at=now, bundle=said.run_id)
        write_record(checked.record.model_copy(update={"used": use}))
    from cardembed.conformance.report import render_report

    atomic_write_text(out / REPORT, render_report(out))
    return ImportedEvidence(out, said, checked, key.public)


def device_samples(checked: CheckedResponse, specs: list[CellSpec]) -> dict[str, Samples]:
    """The raw numbers of the cells that a response is about, by cell id.

    Latency is left out unless the device itself ran: it is true nowhere else.
    """
    found: dict[str, Samples] = {}
    for spec in specs:
        if spec.target != checked.record.request.target or spec.kind is None:
            continue
        samples = _samples(checked, spec.kind, spec.condition or "")
        if samples is not None:
            found[spec.id] = samples
    return found


def _samples(checked: CheckedResponse, kind: str, condition: str) -> Samples | None:
    if (kind, condition) == ("latency", "single"):
        if checked.fidelity is not Fidelity.DEVICE:
            return None
        milliseconds = [sample / 1e6 for sample in checked.response.latency_ns]
        return LatencySamples(context=_context(checked, condition), milliseconds=milliseconds)
    if (kind, condition) == ("pairs", "tensor+jpeg"):
        return _pairs(checked, condition, checked.jpeg)
    if (kind, condition) == ("pairs", "device+host"):
        host = _host_rows(checked)
        return None if host is None else _pairs(checked, condition, host)
    return None


def _pairs(checked: CheckedResponse, condition: str, other: NDArray[np.float32]) -> PairSamples:
    ids = list(checked.response.photos)
    return PairSamples(
        context=_context(checked, condition),
        photo=ids,
        other_photo=ids,
        card=ids,  # each photo stands for itself: what is compared is the same photo
        similarity=pair_similarity(checked.tensor, other).tolist(),
    )


def _host_rows(checked: CheckedResponse) -> NDArray[np.float32] | None:
    host = checked.record.host
    if host is None:
        return None
    data = base64.b64decode(host.rows, validate=True)
    if len(data) != 4 * checked.tensor.size:
        raise EvidenceError(
            f"request {checked.response.request_id}",
            expected=f"the host's {checked.tensor.shape} embeddings",
            found=f"{len(data)} bytes",
            action="make a new request",
        )
    return np.frombuffer(data, "<f4").astype(np.float32).reshape(checked.tensor.shape)


def _context(checked: CheckedResponse, condition: str) -> Context:
    record = checked.record
    return Context(
        condition=condition,
        provenance=record.photos.provenance,
        severity=record.severity,
        fidelity=str(checked.fidelity),
        artefact_digest=record.request.artefact.named_by,
        photos_digest=record.photos.digest,
    )


def _predicate(
    checked: CheckedResponse,
    specs: list[CellSpec],
    texts: Mapping[str, str],
    numbers: Mapping[str, Samples],
    *,
    features_dir: Path,
    runner: str,
) -> BundlePredicate:
    response, record = checked.response, checked.record
    cells = [_cell(spec, numbers.get(spec.id), checked) for spec in specs]
    return BundlePredicate(
        run_id=f"device-{response.request_id}",
        runner=runner,
        nonce=record.gate_nonce,
        started=response.started,
        finished=response.finished,
        release=record.release,
        artefacts={record.request.target: _artefact(checked)},
        catalogue_digest=record.release.catalogue_digest,
        photos=record.photos,
        code=code_info(features_dir),
        features=feature_texts(texts),
        packages=package_versions(),
        machine=machine_info(),
        device=_device(checked),
        cells=cells,
    )


def _artefact(checked: CheckedResponse) -> ArtefactInfo:
    request, runtime = checked.record.request, checked.response.runtime
    said = {"name": runtime.name, "version": runtime.version, "used": ", ".join(runtime.used) or "not said"}
    if request.artefact.named_by != request.artefact.sha256:
        said["derived_sha256"] = request.artefact.sha256
    return ArtefactInfo(digest=request.artefact.named_by, fidelity=checked.fidelity, runtime=said)


def _device(checked: CheckedResponse) -> dict[str, Any]:
    """All of the response but the samples and embeddings, and what the host made of it."""
    response = checked.response
    said = response.model_dump(mode="json", exclude={"latency_ns", "photos"})
    times = np.asarray(response.latency_ns, np.float64) / 1e6
    return said | {
        "response_sha256": checked.sha256,
        "latency_samples": len(times),
        "latency_ms": {f"p{q}": round(float(np.percentile(times, q)), 4) for q in (50, 95, 99)},
        "jpeg_similarity_least": float(pair_similarity(checked.tensor, checked.jpeg).min()),
        "warnings": list(checked.warnings),
    }


def _cell(spec: CellSpec, samples: Samples | None, checked: CheckedResponse) -> BundleCell:
    if samples is None:
        state, reason, steps, verdict = State.NOT_RUN, _why_not(spec, checked), [], None
    else:
        steps = _steps(spec, samples)
        verdict = judge(spec, steps, samples)
        state, reason = verdict.state, verdict.reason
    return BundleCell(
        id=spec.id,
        criterion=spec.criterion,
        aspect=spec.aspect,
        target=spec.target,
        required=spec.required,
        state=state,
        reason=reason,
        fidelity=None if samples is None else checked.fidelity,
        steps=steps,
        verdict=verdict,
    )


def _why_not(spec: CellSpec, checked: CheckedResponse) -> str:
    asked = spec.target == checked.record.request.target
    if asked and spec.kind == "latency":
        return f"a latency is only true on the device, and this ran at fidelity {checked.fidelity}"
    if asked and spec.condition == "device+host":
        return "the host could not execute the release's target when it made the request"
    return NOT_OF_A_DEVICE


def _steps(spec: CellSpec, samples: Samples) -> list[StepRecord]:
    """As the recorder would have left them: claims that do not hold are marked, everything else passed."""
    verdict = evaluate(spec, samples)
    worst: dict[str, State] = {}
    for share in verdict.shares:
        if share.state in _STATUS and worst.get(share.claim) is not State.FAIL:
            worst[share.claim] = share.state
    return [
        StepRecord(text=text, status=_STATUS[worst[text]], reason=verdict.reason)
        if text in worst
        else StepRecord(text=text, status=StepStatus.PASSED)
        for text in spec.steps
    ]
