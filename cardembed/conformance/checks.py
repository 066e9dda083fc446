"""What the gate checks of one bundle before it believes any of its results, and of several together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cardembed._io import canonical_json, sha256_bytes
from cardembed.cards.photo_render import SIMULATOR_VERSION
from cardembed.conformance.chip_setup import CHIP_TARGET
from cardembed.conformance.evidence import Bundle
from cardembed.conformance.judge import failed_before, judge
from cardembed.conformance.measure.target import VERDICT_SEVERITY
from cardembed.conformance.phrases import ClaimKind
from cardembed.conformance.policy import Policy, Runner
from cardembed.conformance.predicate import BundleCell, BundlePredicate, ReleaseInfo
from cardembed.conformance.samples import AlignmentSamples, Samples, UnknownSamples
from cardembed.conformance.spec import CellSpec
from cardembed.conformance.states import State, worst
from cardembed.conformance.verdicts import CellVerdict
from cardembed.errors import EvidenceError
from cardembed.fidelity import Fidelity

__all__ = ["Examined", "check_together", "examine_bundle"]

VERDICT_SPLIT = "verdict"
_CLOCK_SKEW = timedelta(hours=1)
_BESIDE_THE_NUMBERS = (State.ERROR, State.NOT_RUN)
"""States that a recorder may know of while the numbers alone would say something better."""
_OF_PHOTOS = frozenset({"retrieval", "unknown", "pairs", "alignment"})
"""Kinds of samples that a severity belongs to."""
_OF_A_GALLERY = frozenset({"retrieval", "unknown", "census"})
"""Kinds of samples that say nothing without the gallery they are about."""


@dataclass
class Examined:
    """A bundle, its runner, what the gate computed, and why it is refused."""

    bundle: Bundle
    runner: Runner
    verdicts: dict[str, CellVerdict] = field(default_factory=dict)
    """By cell id; computed here."""
    teachers: dict[str, set[str]] = field(default_factory=dict)
    """Digests of the teachers that students were compared with, each with those of its embeddings."""
    refused: list[str] = field(default_factory=list)


def examine_bundle(
    bundle: Bundle,
    policy: Policy,
    specs: Mapping[str, CellSpec],
    features: Mapping[str, str],
    *,
    release: ReleaseInfo | None = None,
    now: datetime | None = None,
    nonce: str | None = None,
) -> Examined:
    """Check a bundle whose signature is valid, and compute its verdicts again.

    Args:
        bundle: Read with the policy's keys.
        policy: Says who it may be by and how old.
        specs: The gate's own cells by id.
        features: The gate's own feature texts by path.
        release: The one that is to ship; what the bundle says of its own without.
        now: The time, aware; the clock's without.
        nonce: What the bundle must carry; anything without.
    """
    assert bundle.signer is not None
    examined = Examined(bundle, policy.runner(bundle.signer))
    examined.refused += _time(bundle, policy, now or datetime.now(UTC))
    predicate = bundle.predicate
    if nonce is not None and predicate.nonce != nonce:
        examined.refused.append(f"replayed or made for another gate: its nonce is {predicate.nonce!r}")
    examined.refused += _release(predicate, release)
    examined.refused += _chip(predicate)
    examined.refused += _catalogue(predicate, policy)
    examined.refused += _photos(predicate)
    examined.refused += _features(bundle, features)
    examined.refused += _cells(bundle, specs)
    if not examined.refused:  # below, every cell has its spec
        for cell in predicate.cells:
            examined.refused += _cell(examined, cell, specs[cell.id], policy)
    return examined


def _time(bundle: Bundle, policy: Policy, now: datetime) -> list[str]:
    predicate = bundle.predicate
    age = now - predicate.finished
    if age > timedelta(days=policy.max_age_days):
        return [f"stale: it ended {age.days} days ago, and the policy allows {policy.max_age_days:g}"]
    if age < -_CLOCK_SKEW:
        return [f"it ended in the future, at {predicate.finished.isoformat()}"]
    if predicate.finished < predicate.started:
        return ["it ended before it started"]
    return []


def _release(predicate: BundlePredicate, expected: ReleaseInfo | None) -> list[str]:
    theirs = predicate.release
    if expected is not None and theirs.digest != expected.digest:
        return [f"it is about another release: {theirs.digest[:16]}…, not {expected.digest[:16]}…"]
    if expected is not None and theirs != expected:
        return [f"what it says of the release {theirs.digest[:16]}… is not what its release.json says"]
    found = []
    for target, artefact in predicate.artefacts.items():
        named = theirs.artefacts.get(target, {})
        # What is derived here stands under the digest of its weights. A HEF is compiled elsewhere: only the
        # release can say that it is these weights'.
        on_chip = target == CHIP_TARGET and artefact.fidelity is Fidelity.DEVICE
        allowed = {named.get("hef")} if on_chip else set(named.values())
        if artefact.digest not in allowed:
            what = "a HEF" if on_chip else "an artefact"
            found.append(f"it executed {what} of {target} that is not the release's: {artefact.digest[:16]}…")
    return found


def _chip(predicate: BundlePredicate) -> list[str]:
    """Whether what counts as a chip's answer comes with the record of a chip, which no simulator has."""
    artefact = predicate.artefacts.get(CHIP_TARGET)
    claimed = artefact is not None and artefact.fidelity is Fidelity.DEVICE
    claimed |= any(
        cell.target == CHIP_TARGET and cell.fidelity is Fidelity.DEVICE for cell in predicate.cells
    )
    if not claimed:
        return []
    record = predicate.device or {}
    if record.get("target") == CHIP_TARGET and record.get("simulated") is False:
        return []
    found = "the simulator's" if record.get("simulated") else "none of a chip"
    return [f"it claims fidelity device of {CHIP_TARGET}, and the record of the device is {found}"]


def _catalogue(predicate: BundlePredicate, policy: Policy) -> list[str]:
    theirs, whose = predicate.release.catalogue_digest, "the release's own"
    if policy.catalogue is not None:
        theirs, whose = policy.catalogue, "the policy's"
    if predicate.catalogue_digest == theirs:
        return []
    return [f"its gallery shows the catalogue {predicate.catalogue_digest[:16]}…, not {whose} {theirs[:16]}…"]


def _photos(predicate: BundlePredicate) -> list[str]:
    photos = predicate.photos
    found = []
    if photos.split != VERDICT_SPLIT:
        found.append(f"photos of the split {photos.split!r} decide nothing")
    if photos.provenance == "simulated":
        if photos.seed != predicate.release.digest:
            seed = "no seed" if photos.seed is None else f"the seed {photos.seed[:16]!r}"
            found.append(f"simulated photos from {seed}, not from the release's digest")
        if photos.simulator != SIMULATOR_VERSION:
            found.append(f"photos by simulator {photos.simulator}, and the gate's is {SIMULATOR_VERSION}")
    return found


def _features(bundle: Bundle, features: Mapping[str, str]) -> list[str]:
    theirs = bundle.predicate.features
    found = [f"the feature {path} was removed" for path in features if path not in theirs]
    found += [
        f"it was judged by the feature {path}, which the gate does not have"
        for path in theirs
        if path not in features
    ]
    for path, text in features.items():
        if path in theirs and theirs[path].sha256 != sha256_bytes(text.encode()):
            found.append(f"it was judged by another text of the feature {path}")
    return found


def _cells(bundle: Bundle, specs: Mapping[str, CellSpec]) -> list[str]:
    theirs = {cell.id: cell for cell in bundle.predicate.cells}
    found = [f"the cell {name} was removed" for name in specs if name not in theirs]
    for name, cell in theirs.items():
        spec = specs.get(name)
        if spec is None:
            found.append(f"the cell {name} is in no feature")
        elif (cell.criterion, cell.aspect, cell.target, cell.required) != (
            spec.criterion,
            spec.aspect,
            spec.target,
            spec.required,
        ):
            found.append(f"the cell {name} is described otherwise than in its feature")
    return found


def _cell(examined: Examined, cell: BundleCell, spec: CellSpec, policy: Policy) -> list[str]:
    try:
        samples = examined.bundle.samples(cell)
    except EvidenceError as error:
        return [str(error)]
    found = _provenance(examined, cell, samples)
    if isinstance(samples, UnknownSamples) and any(c.kind is ClaimKind.FAMILIES for c in spec.claims):
        absent = sorted(set(policy.unknown_families) - set(samples.family))
        if absent:
            found.append(f"{cell.id}: families of unknowns were left out: {', '.join(absent)}")
    if samples is None and not cell.steps and cell.state in _BESIDE_THE_NUMBERS:
        examined.verdicts[cell.id] = CellVerdict(cell=cell.id, state=cell.state, reason=cell.reason)
        return found
    verdict = judge(spec, cell.steps, samples)
    if cell.state in _BESIDE_THE_NUMBERS and cell.state is not verdict.state:
        state = worst([cell.state, verdict.state])
        reason = verdict.reason if state is verdict.state else cell.reason
        verdict = verdict.model_copy(update={"state": state, "reason": reason})
    elif cell.state is not verdict.state:
        found.append(
            f"{cell.id}: it claims {cell.state}, its raw numbers say {verdict.state} ({verdict.reason})"
        )
    elif cell.verdict is not None and _numbers(cell.verdict) != _numbers(verdict):
        found.append(f"{cell.id}: it claims other numbers than its raw numbers give ({verdict.reason})")
    if again := failed_before(verdict.state, cell.attempts):
        verdict = verdict.model_copy(update={"state": State.ERROR, "reason": again})
    examined.verdicts[cell.id] = verdict
    return found


def _numbers(verdict: CellVerdict) -> list[tuple[object, ...]]:
    return [(share.claim, share.family, share.k, share.n, share.state) for share in verdict.shares]


def _provenance(examined: Examined, cell: BundleCell, samples: Samples | None) -> list[str]:
    """Whether a cell's numbers are about what the bundle says it is about."""
    predicate = examined.bundle.predicate
    artefact = predicate.artefacts.get(cell.target)
    found: list[str] = []
    if cell.fidelity is not None and cell.fidelity > examined.runner.max_fidelity:
        found.append(
            f"{cell.id}: it claims fidelity {cell.fidelity}, and the runner {examined.runner.name!r} "
            f"has at most {examined.runner.max_fidelity}"
        )
    if artefact is None:
        if samples is not None or cell.fidelity is not None:
            found.append(f"{cell.id}: it has numbers or a fidelity, and no artefact they are about")
        return found
    if samples is not None and cell.fidelity is None:
        return [*found, f"{cell.id}: it has numbers, and no fidelity they are of"]
    if cell.fidelity not in (None, artefact.fidelity):
        found.append(f"{cell.id}: fidelity {cell.fidelity} of an artefact executed at {artefact.fidelity}")
    if samples is None:
        return found
    context = samples.context
    for what, says, is_ in (
        ("artefact", context.artefact_digest, artefact.digest),
        ("photo set", context.photos_digest, predicate.photos.digest),
        ("fidelity", context.fidelity, str(cell.fidelity)),
        ("provenance", context.provenance, predicate.photos.provenance),
        ("gallery", context.gallery_digest, predicate.catalogue_digest),
        ("match threshold", context.match_threshold, predicate.release.match_thresholds.get(cell.target)),
    ):
        if says is not None and says != is_:
            found.append(f"{cell.id}: its numbers are about another {what} than the bundle")
    if context.artefact_digest is None or context.photos_digest is None:
        found.append(f"{cell.id}: its numbers do not say which artefact and photos they are about")
    if context.gallery_digest is None and samples.kind in _OF_A_GALLERY:
        found.append(f"{cell.id}: its numbers do not say which gallery they are about")
    simulated = samples.kind in _OF_PHOTOS and context.provenance == "simulated"
    if simulated and context.severity != VERDICT_SEVERITY:
        found.append(
            f"{cell.id}: photos of severity {context.severity}, and those of {VERDICT_SEVERITY} decide"
        )
    if isinstance(samples, AlignmentSamples):
        found += _teacher(examined, cell, samples)
    return found


def _teacher(examined: Examined, cell: BundleCell, samples: AlignmentSamples) -> list[str]:
    """Whether a student was compared with the release's teacher, and by which embeddings."""
    teacher, embeddings = samples.context.teacher_digest, samples.context.teacher_embeddings_digest
    if teacher is None or embeddings is None:
        return [f"{cell.id}: its numbers do not say which teacher and embeddings they were compared with"]
    examined.teachers.setdefault(teacher, set()).add(embeddings)
    if teacher not in examined.bundle.predicate.release.artefacts.get("teacher", {}).values():
        return [f"{cell.id}: compared with a teacher that is not the release's: {teacher[:16]}…"]
    return []


def check_together(examined: Sequence[Examined]) -> list[str]:
    """Whether bundles are about the same thing, each of a run of its own."""
    found: list[str] = []
    runs: dict[str, int] = {}
    for one in examined:
        runs[one.bundle.predicate.run_id] = runs.get(one.bundle.predicate.run_id, 0) + 1
    found += [f"replayed: the run {run} was given {times} times" for run, times in runs.items() if times > 1]
    values: dict[str, set[str]] = {}
    for one in examined:
        predicate = one.bundle.predicate
        values.setdefault("releases", set()).add(predicate.release.digest)
        said = sha256_bytes(canonical_json(predicate.release.model_dump(mode="json")))
        values.setdefault("descriptions of the release", set()).add(said)
        values.setdefault("catalogues", set()).add(predicate.catalogue_digest)
        if predicate.photos.provenance == "simulated":
            values.setdefault("sets of simulated photos", set()).add(predicate.photos.digest)
        for target, artefact in predicate.artefacts.items():
            values.setdefault(f"artefacts of {target} ({artefact.fidelity})", set()).add(artefact.digest)
        values.setdefault("teachers behind AC-8", set()).update(one.teachers)
        for teacher, embeddings in one.teachers.items():
            same = f"of the photos {predicate.photos.digest[:8]}… by the teacher {teacher[:8]}…"
            what = f"embeddings {same} (carry one photo set with them to all machines)"
            values.setdefault(what, set()).update(embeddings)
    teachers = values.get("teachers behind AC-8")
    if teachers:  # students were compared: whichever machine executed the teacher, it was the same one
        artefacts = (one.bundle.predicate.artefacts.get("teacher") for one in examined)
        teachers.update(artefact.digest for artefact in artefacts if artefact is not None)
    for what, digests in values.items():
        if len(digests) > 1:
            names = " and ".join(f"{digest[:16]}…" for digest in sorted(digests))
            found.append(f"the bundles are about different {what}: {names}")
    return found
