"""What a step talks to: the cell that its scenario executes, and the record that travels to the evidence."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from cardembed._io import atomic_write_bytes, sha256_bytes
from cardembed.conformance.evaluate import evaluate
from cardembed.conformance.predicate import (
    ArtefactInfo,
    Attempt,
    FileRef,
    StepRecord,
    WorstSample,
    measurement_name,
)
from cardembed.conformance.recorder.verdict import CellFailedError, CellInconclusiveError, one_line
from cardembed.conformance.samples import Samples, write_samples
from cardembed.conformance.spec import CellSpec
from cardembed.conformance.states import State, StepStatus
from cardembed.conformance.verdicts import CellVerdict
from cardembed.errors import EvidenceError
from cardembed.fidelity import Fidelity

if TYPE_CHECKING:
    from cardembed.conformance.measure.worst import Worst

__all__ = ["PROPERTY", "Cell", "CellRecord", "begun"]

PROPERTY = "cardembed"
"""The name of the entry in a report's `user_properties` that holds a `CellRecord` as a dict."""


class CellRecord(BaseModel):
    """All that a cell's execution leaves, apart from its raw numbers."""

    model_config = ConfigDict(extra="forbid")
    cell: str
    """The cell's id."""
    steps: list[StepRecord] = []
    """The steps that began, in order."""
    measurement: FileRef | None = None
    """The file of raw numbers."""
    verdict: CellVerdict | None = None
    """What the numbers say, before the steps are looked at."""
    artefact: ArtefactInfo | None = None
    """What was executed."""
    worst: list[WorstSample] = []
    """Photos to look at."""
    inference_seconds: float | None = None
    """Bare inference for the target's photos and gallery."""
    wall_seconds: float | None = None
    """All that was needed for them, with decoding and preprocessing."""
    images: int | None = None
    """How many images these seconds are for."""
    attempts: list[Attempt] = []
    """Executions before this one, which ended without an answer."""


def begun(text: str) -> StepRecord:
    """A step that runs: until it is known how it ended, it counts as an error, as if it never returned."""
    return StepRecord(text=text, status=StepStatus.ERROR, reason="the step did not return")


class Cell:
    """The fixture `cell`: what the steps of a scenario measure is recorded here, and judged here.

    Args:
        spec: What the scenario requires.
        run_dir: Where the run's evidence is gathered.
    """

    def __init__(self, spec: CellSpec, run_dir: Path) -> None:
        self.spec = spec
        self.run_dir = run_dir
        self._begin([])

    def _begin(self, attempts: list[Attempt]) -> None:
        self.record = CellRecord(cell=self.spec.id, attempts=attempts)
        self.state: dict[str, Any] = {}
        """What steps leave for later steps of the same scenario."""
        self._samples: Samples | None = None
        self._problem: AssertionError | None = None

    def again(self, error: Exception) -> None:
        """Forget what this execution left, apart from why it ended: the scenario is executed once more."""
        ended = Attempt(state=State.ERROR, reason=one_line(error), at=datetime.now(UTC))
        self._begin([*self.record.attempts, ended])

    @property
    def target(self) -> str:
        """The target's name."""
        return self.spec.target

    @property
    def samples(self) -> Samples:
        """The raw numbers that were recorded.

        Raises:
            EvidenceError: No step has measured anything yet.
        """
        if self._samples is None:
            raise EvidenceError(
                self.spec.id,
                expected="a measurement before this step",
                found="none",
                action="write the When step before the Then steps",
            )
        return self._samples

    def executed(self, digest: str, fidelity: str, runtime: dict[str, str]) -> None:
        """Keep which artefact was executed, and how close to the deployed thing."""
        self.record.artefact = ArtefactInfo(digest=digest, fidelity=Fidelity(fidelity), runtime=runtime)

    def took(self, images: int, inference_seconds: float, wall_seconds: float) -> None:
        """Keep how long the target's images took when they were embedded."""
        self.record.images = images
        self.record.inference_seconds, self.record.wall_seconds = inference_seconds, wall_seconds

    def measured(self, samples: Samples, worst: list[Worst] | None = None) -> None:
        """Keep the raw numbers (a file in the run's directory), the images of the worst, and the verdict."""
        self._samples = samples
        data = write_samples(samples)
        name = measurement_name(self.spec.id)
        atomic_write_bytes(self.run_dir / name, data)
        self.record.measurement = FileRef(path=name, sha256=sha256_bytes(data))
        for one in worst or []:
            files = [self._keep(image) for image in (one.photo, one.matched)]
            if files[0] is not None:
                self.record.worst.append(WorstSample(photo=files[0], matched=files[1], caption=one.caption))
        self.record.verdict = evaluate(self.spec, samples)

    def _keep(self, jpeg: bytes | None) -> str | None:
        if jpeg is None:
            return None
        name = f"images/{sha256_bytes(jpeg)[:24]}.jpg"
        if not (self.run_dir / name).exists():
            atomic_write_bytes(self.run_dir / name, jpeg)
        return name

    def has_column(self, name: str) -> None:
        """What a predicate step needs: that every sample has this number. Whether it holds, the claim says.

        Raises:
            EvidenceError: The samples are of a kind without it.
        """
        if not getattr(self.samples, name, None):
            raise EvidenceError(
                self.spec.id,
                expected=f"samples with the column {name!r}",
                found=f"{self.samples.kind} samples without it",
                action="let the When step measure what the Then steps ask for",
            )

    def claim(self) -> None:
        """Judge the claim that this step is; all are judged, so nothing is raised before the scenario ends.

        Raises:
            EvidenceError: Nothing was measured, or nothing that can be judged.
        """
        _ = self.samples  # a claim about nothing is an error
        verdict = self.record.verdict
        assert verdict is not None
        if verdict.state is State.ERROR:
            raise EvidenceError(
                self.spec.id, expected="samples that can be judged", found=verdict.reason, action="see above"
            )
        step = self.record.steps[-1]
        own = [share for share in verdict.shares if share.claim == step.text and share.state is not None]
        for state, status, kind in (
            (State.FAIL, StepStatus.FAILED, CellFailedError),
            (State.INCONCLUSIVE, StepStatus.INCONCLUSIVE, CellInconclusiveError),
        ):
            if any(share.state is state for share in own):
                step.status, step.reason = status, verdict.reason
                if self._problem is None or kind is CellFailedError:
                    self._problem = kind(f"{self.spec.id}: {verdict.reason}")
                return

    def settle(self) -> None:
        """At the end of the scenario: raise what its claims found.

        Raises:
            CellFailedError: A claim does not hold.
            CellInconclusiveError: Too few samples for a claim.
        """
        if self._problem is not None:
            raise self._problem
