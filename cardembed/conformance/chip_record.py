"""What a run on a chip leaves in the evidence beside its cells: which chip, how it felt, what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from cardembed._io import atomic_write_text

__all__ = ["FOLDER", "ChipAttempt", "ChipReading", "ChipRecord", "as_evidence", "read_records"]

FOLDER = ".chip"
"""Of the run's directory: where each process that opened the chip writes its record, after every change, and
where they tell each other of a retry (`Patience`)."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ChipReading(_Model):
    """A health check: the golden input was answered, and the chip told how it feels."""

    at: datetime
    """When."""
    golden_sha256: str
    """Of the golden input's embeddings, float32: equal artefacts on equal chips give equal digests."""
    golden_cosine: float | None = None
    """Least similarity to the answers of the first check; None for that one."""
    golden_identical: bool | None = None
    """Whether the answers are those of the first check, byte for byte; None for that one."""
    temperature_celsius: float | None
    """Of the hotter sensor; None where the chip does not tell, as for the others."""
    clock_hz: int | None
    """Of the neural network core."""
    throttled: bool | None
    """Whether it runs slower, to stay cool or within its current limit."""


class ChipAttempt(_Model):
    """A time that the chip gave no answer."""

    at: datetime
    """When it was noticed."""
    error: str
    """The kind of error."""
    reason: str
    """One line."""


class ChipRecord(_Model):
    """One process's use of the chip."""

    asked: str
    """What the command line asked for: "chip", "simulator", or a device's id."""
    simulated: bool
    """Whether no chip was behind it."""
    target: str
    """Whose artefact it executed."""
    identity: dict[str, str] = {}
    """Architecture, firmware, serial number and id, as the device tells them; of the simulator's, each says so."""
    runtime: dict[str, str] = {}
    """Name and version of what drove it."""
    artefact: dict[str, Any] = {}
    """File, digest, bytes, where it came from; what a HEF states of itself."""
    before: ChipReading | None = None
    """The health check before the first image; None where the chip was never reached."""
    after: ChipReading | None = None
    """The health check after the last."""
    latency: dict[str, Any] | None = None
    """What the load generator measured."""
    hailortcli: dict[str, Any] | None = None
    """What HailoRT's own tool measured; None where it was not asked."""
    attempts: list[ChipAttempt] = []
    """Every time that it gave no answer."""
    problem: str = ""
    """Why nothing counts that was measured on it; empty where it does."""

    @property
    def void(self) -> str:
        """Why nothing counts that was measured on it; empty where it does, or where nothing was."""
        if self.before is None:
            return ""
        if self.problem or self.after is not None:
            return self.problem
        return "the process ended before the health check that follows the last image"

    def write(self, file: Path) -> None:
        """Replace the record's file."""
        atomic_write_text(file, self.model_dump_json(indent=1))


def read_records(run_dir: Path) -> list[ChipRecord]:
    """All processes' records, in the order of their files' names; one that cannot be read is left out."""
    found = []
    for file in sorted((run_dir / FOLDER).glob("*.json")):
        try:
            found.append(ChipRecord.model_validate_json(file.read_bytes()))
        except (OSError, ValidationError):
            continue
    return found


def as_evidence(records: Sequence[ChipRecord]) -> dict[str, Any] | None:
    """The statement's `device`: the last process's record, the others beside it; None where there is none."""
    if not records:
        return None
    *others, last = (
        record.model_dump(mode="json", exclude_none=True, exclude=set() if record.problem else {"problem"})
        for record in records
    )
    return last | ({"earlier_processes": others} if others else {})
