"""What a bundle says about its run, schema version 1: the project's own in-toto predicate."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from cardembed.conformance.states import State, StepStatus
from cardembed.conformance.verdicts import CellVerdict
from cardembed.fidelity import Fidelity
from cardembed.release import Release

__all__ = [
    "PREDICATE_TYPE",
    "SCHEMA_VERSION",
    "ArtefactInfo",
    "Attempt",
    "BundleCell",
    "BundlePredicate",
    "CodeInfo",
    "FeatureText",
    "FileRef",
    "PhotosInfo",
    "ReleaseInfo",
    "Sha256",
    "StepRecord",
    "WorstSample",
    "measurement_name",
]

PREDICATE_TYPE = "https://cardembed.dev/attestation/conformance/v1"
"""The predicate's type in the statement."""
SCHEMA_VERSION = 1
"""Of `BundlePredicate`; another one is refused."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A digest as this project writes it."""
RelativePath = Annotated[
    str,
    StringConstraints(pattern=r"^(measurements|images)/[A-Za-z0-9_][A-Za-z0-9_.\-]*$", max_length=200),
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReleaseInfo(_Model):
    """The release that was judged."""

    name: str
    digest: Sha256
    """Of release.json's content."""
    profile: str
    """Such as "reference"."""
    catalogue_digest: Sha256
    """Of what the release is to be searched in, whichever gallery this run had."""
    artefacts: dict[str, dict[str, Sha256]]
    """By target and format, shared weights included: what an execution of the target can be named by. A
    derived artefact, such as an exported ONNX file, goes by the digest of the weights it was made from."""
    match_thresholds: dict[str, float] = {}
    """By target, the largest cosine distance that is a match; a target that was not calibrated has none."""

    @classmethod
    def of(cls, release: Release) -> Self:
        """What a `release.json` says."""
        artefacts = {
            target: {a.format: a.sha256 for a in reversed(entry.artefacts)}  # the first of a format is used
            for target, entry in release.targets.items()
        }
        for target, named in artefacts.items():
            weights = release.artefact(target, "safetensors")
            if weights is not None:
                named[weights.format] = weights.sha256
        return cls(
            name=release.name,
            digest=release.digest,
            profile=release.profile,
            catalogue_digest=release.searched_digest,
            artefacts=artefacts,
            match_thresholds={
                target: entry.match_threshold
                for target, entry in release.targets.items()
                if entry.match_threshold is not None
            },
        )


class ArtefactInfo(_Model):
    """What was executed for a target."""

    digest: Sha256
    """Of the artefact."""
    fidelity: Fidelity
    """How close to the deployed thing."""
    runtime: dict[str, str] = {}
    """Name and version of what executed it."""


class PhotosInfo(_Model):
    """The photo set."""

    digest: str
    """Of the manifest's photos."""
    split: str
    """Only "verdict" decides anything."""
    provenance: Literal["simulated", "captured"]
    """How the photos came about."""
    seed: str | None = None
    """What simulated photos derive from; the gate wants the release's digest."""
    simulator: int | None = None
    """Version of the simulator that made them."""


class CodeInfo(_Model):
    """The code that ran."""

    version: str
    """cardembed's."""
    git_commit: str | None = None
    """Of the checkout, if it is one."""
    dirty: bool = False
    """Whether the checkout has changes that are not committed."""


class FeatureText(_Model):
    """A feature file."""

    sha256: Sha256
    """Of the text in UTF-8."""
    text: str
    """What was judged by."""


class FileRef(_Model):
    """A file of the bundle."""

    path: RelativePath
    """Relative to the bundle, below measurements/ or images/."""
    sha256: Sha256
    """Of its bytes."""


class StepRecord(_Model):
    """One step that began."""

    text: str
    """Without keyword, with the examples filled in."""
    status: StepStatus
    """How it ended."""
    reason: str = ""
    """One line, empty where it passed."""


class WorstSample(_Model):
    """A photo to look at."""

    photo: RelativePath
    """The photo's image."""
    matched: RelativePath | None = None
    """The image of what it matched."""
    caption: str
    """What went wrong with it, or how close it was."""


class Attempt(_Model):
    """An earlier execution of a cell, or an earlier run with the same photos."""

    state: State
    reason: str
    at: datetime | None = None


class BundleCell(_Model):
    """What became of a cell."""

    id: str
    """As `spec.CellSpec`."""
    criterion: str
    aspect: str
    target: str
    required: bool
    state: State
    reason: str
    """One line."""
    fidelity: Fidelity | None = None
    """Of what was executed; None where nothing was."""
    steps: list[StepRecord] = []
    """Those that began, in order."""
    measurement: FileRef | None = None
    """The raw numbers."""
    verdict: CellVerdict | None = None
    """What the recorder made of them; the gate computes it again."""
    worst: list[WorstSample] = []
    """Photos to look at."""
    attempts: list[Attempt] = []
    """All executions before the one that counts."""


class BundlePredicate(_Model):
    """A run."""

    schema_version: Literal[1] = 1
    run_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}$")]
    """Unlike any other run's."""
    runner: str
    """The machine's name for itself; the policy goes by keys."""
    public_key: str | None = None
    """The signer's public key as a policy names it: so that people can find it. Trust is the policy's."""
    nonce: str | None = None
    """What the gate asked for, if it did."""
    started: AwareDatetime
    finished: AwareDatetime
    release: ReleaseInfo
    artefacts: dict[str, ArtefactInfo]
    """By target; those that were executed."""
    catalogue_digest: str
    """Of the gallery's catalogue."""
    photos: PhotosInfo
    code: CodeInfo
    features: dict[str, FeatureText]
    """By path below the features folder."""
    packages: dict[str, str]
    """Version by name."""
    machine: dict[str, Any]
    """Operating system, processor, …"""
    device: dict[str, Any] | None = None
    """The accelerator's identity."""
    options: dict[str, Any] = {}
    """The command line's."""
    cells: list[BundleCell]
    """Every cell of the features, also those that were not run."""
    images: list[FileRef] = []
    """The images that cells name."""
    attempts: list[Attempt] = Field(default=[])
    """Earlier runs that this one replaces."""

    @property
    def on_simulator(self) -> bool:
        """Whether a simulator answered in a device's place, by the record of the run's device."""
        return bool((self.device or {}).get("simulated"))

    def cell(self, identity: str) -> BundleCell | None:
        """The cell with this id."""
        return next((cell for cell in self.cells if cell.id == identity), None)


def measurement_name(cell: str) -> str:
    """The file of a cell's raw numbers: "AC-8/occluded/ios" gives "measurements/AC-8.occluded.ios.json"."""
    return f"measurements/{re.sub(r'[^A-Za-z0-9_.-]', '.', cell)}.json"
