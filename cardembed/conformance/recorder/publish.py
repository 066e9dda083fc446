"""The bundle of a run: what the predicate says, signed, moved into its place in one step."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cardembed._io import atomic_write_text, sha256_bytes
from cardembed._revision import package_version
from cardembed._version import __version__
from cardembed.conformance.evidence import REPORT, seal_bundle
from cardembed.conformance.predicate import (
    BundleCell,
    BundlePredicate,
    CodeInfo,
    FeatureText,
)
from cardembed.conformance.recorder.hooks import Prepared
from cardembed.conformance.recorder.ledger import CellOutcome
from cardembed.conformance.recorder.options import Options
from cardembed.conformance.spec import feature_files

__all__ = ["code_info", "feature_texts", "machine_info", "package_versions", "predicate", "publish"]

_PACKAGES = ("numpy", "scipy", "pillow", "onnxruntime", "faiss-cpu", "torch", "timm", "pytest", "pytest-bdd")


def predicate(
    outcomes: Sequence[CellOutcome],
    prepared: Prepared,
    options: Options,
    *,
    run_id: str,
    started: datetime,
    features_dir: Path,
    seconds: float,
    device: dict[str, Any] | None = None,
) -> BundlePredicate:
    """What a run says about itself.

    Args:
        outcomes: Every cell.
        prepared: What was judged.
        options: The command line.
        run_id: Unlike any other's.
        started: When.
        features_dir: The features that were judged by; their text becomes part of the evidence.
        seconds: The run's wall time so far.
        device: What the accelerator left, where one was driven.
    """
    texts = feature_files(features_dir)
    records = [outcome.record for outcome in outcomes]
    inference = {o.spec.target: o.record.inference_seconds for o in outcomes if o.record.inference_seconds}
    return BundlePredicate(
        run_id=run_id,
        runner=options.runner,
        nonce=options.nonce,
        started=started,
        finished=datetime.now(UTC),
        release=prepared.release,
        artefacts={
            outcome.spec.target: record.artefact
            for outcome, record in zip(outcomes, records, strict=True)
            if record.artefact is not None
        },
        catalogue_digest=prepared.catalogue_digest,
        photos=prepared.photos,
        code=code_info(features_dir),
        features=feature_texts(texts),
        packages=package_versions(),
        machine=machine_info(),
        device=device,
        options={
            "targets": list(options.targets),
            "no_cache": not options.use_cache,
            **({} if options.device is None else {"device": options.device}),
            "wall_seconds": round(seconds, 3),
            "inference_seconds": {target: round(value, 3) for target, value in inference.items()},
        },
        cells=[_cell(outcome) for outcome in outcomes],
    )


def _cell(outcome: CellOutcome) -> BundleCell:
    spec, record = outcome.spec, outcome.record
    return BundleCell(
        id=spec.id,
        criterion=spec.criterion,
        aspect=spec.aspect,
        target=spec.target,
        required=spec.required,
        state=outcome.state,
        reason=outcome.reason,
        fidelity=record.artefact.fidelity if record.artefact else None,
        steps=record.steps,
        measurement=record.measurement,
        verdict=outcome.verdict,
        worst=record.worst,
        attempts=[*outcome.earlier, *record.attempts],
    )


def publish(said: BundlePredicate, run_dir: Path, bundle: Path) -> Path:
    """Sign what the run gathered, write its report, and move both into place.

    Files that no cell's record names (a worker died between writing and reporting) are left out.

    Args:
        said: The predicate.
        run_dir: Where measurements and images were gathered; it becomes the bundle.
        bundle: Where the bundle belongs: new, or an empty directory.

    Returns:
        `bundle`.

    Raises:
        EvidenceError, SignatureError: It cannot be signed.
        OSError: It cannot be written.
    """
    named = {cell.measurement.path for cell in said.cells if cell.measurement is not None}
    named |= {path for cell in said.cells for one in cell.worst for path in (one.photo, one.matched) if path}
    for folder in ("measurements", "images"):
        (run_dir / folder).mkdir(exist_ok=True)
        for file in (run_dir / folder).iterdir():
            if f"{folder}/{file.name}" not in named:
                file.unlink()
    seal_bundle(run_dir, said)
    atomic_write_text(run_dir / REPORT, _report(run_dir))
    run_dir.replace(bundle)
    return bundle


def _report(run_dir: Path) -> str:
    from cardembed.conformance.report import render_report

    return render_report(run_dir)


def feature_texts(texts: Mapping[str, str]) -> dict[str, FeatureText]:
    """Features as evidence keeps them, by path."""
    return {path: FeatureText(sha256=sha256_bytes(text.encode()), text=text) for path, text in texts.items()}


def code_info(features_dir: Path) -> CodeInfo:
    """This version, and the commit of the checkout that the features lie in."""

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", *arguments], cwd=features_dir, capture_output=True, text=True, timeout=20, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    changed = commit and git("status", "--porcelain", "--untracked-files=no")
    # A file of Python that nobody committed may be a conftest.py; a report or a photo executes nothing.
    added = commit and git("ls-files", "--others", "--exclude-standard", "--", ":(top)*.py")
    dirty = bool(changed or added)
    return CodeInfo(version=__version__, git_commit=commit, dirty=dirty)


def package_versions() -> dict[str, str]:
    """Of the packages that numbers depend on, those that are installed."""
    found = {name: package_version(name) for name in _PACKAGES}
    return {name: version for name, version in found.items() if version is not None}


def machine_info() -> dict[str, Any]:
    """Operating system, processor and Python."""
    return {
        "system": platform.system(),
        "release": platform.release(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith(("model name", "Model")))
    return next(named, platform.processor() or platform.machine())
