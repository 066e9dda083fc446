"""What a run on a chip leaves in the evidence beside its cells: which chip, how it felt, what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from cardembed._io import atomic_write_text
from cardembed.hailo.protocol import Health

__all__ = [
    "FOLDER",
    "ChipAttempt",
    "ChipReading",
    "ChipRecord",
    "ChipState",
    "as_evidence",
    "read_records",
    "void_of",
]

FOLDER = ".chip"
"""Of the run's directory: where each process that opened the chip writes its record, after every change, and
where they tell each other of a retry (`Patience`)."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ChipState(_Model):
    """How the chip feels, as it tells."""

    at: datetime
    """When."""
    temperature_celsius: float | None
    """Of the hotter sensor; None where the chip does not tell, as for the others."""
    clock_hz: int | None
    """Of the neural network core."""
    throttled: bool | None
    """Whether it runs slower, to stay cool or within its current limit."""

    @classmethod
    def now(cls, health: Health, **more: Any) -> Self:  # noqa: ANN401 - the fields of a subclass
        """What the chip told just now."""
        return cls(
            at=datetime.now(UTC),
            temperature_celsius=health.temperature,
            clock_hz=health.clock_hz,
            throttled=health.throttled,
            **more,
        )


class ChipReading(ChipState):
    """A health check: the golden input was answered, and the chip told how it feels."""

    golden_sha256: str
    """Of the golden input's embeddings, float32: equal artefacts on equal chips give equal digests."""
    golden_cosine: float | None = None
    """Least similarity to the answers of the first check; None for that one."""
    golden_identical: bool | None = None
    """Whether the answers are those of the first check, byte for byte; None for that one."""


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
    """Architecture, firmware, serial number and id, as the device tells them; a simulator's say so each."""
    runtime: dict[str, str] = {}
    """Name and version of what drove it."""
    artefact: dict[str, Any] = {}
    """File, digest, bytes, where it came from; what a HEF states of itself."""
    not_loaded: str = ""
    """Why no network was loaded, so that there was nothing to check its health by; empty where one was."""
    without_network: ChipState | None = None
    """How the chip felt then; None where a network was loaded, or where it did not tell."""
    before: ChipReading | None = None
    """The health check before the first image; None where the chip gave no good answer to it."""
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

    @property
    def health_check(self) -> str:
        """What became of the two health checks, for people."""
        if self.before is not None:
            return f"passed before the first image, and then: {self.void}" if self.void else "passed twice"
        if self.not_loaded:
            return f"not made, since no network was loaded: {self.not_loaded}"
        return (
            "not passed: the chip gave no good answer" if self.identity else "not made: no chip was reached"
        )

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


def void_of(records: Sequence[ChipRecord]) -> str:
    """Why nothing counts that all processes of a run measured; empty where it does, or where nothing was."""
    void = next((record.void for record in records if record.void), "")
    used = [record.identity for record in records if record.before is not None]
    another = next((identity for identity in used if identity != used[0]), None)
    if void or another is None:
        return void
    one, other = (", ".join(filter(None, identity.values())) for identity in (used[0], another))
    return f"processes of this run used two chips ({one}; {other}): name one by its id"


def as_evidence(records: Sequence[ChipRecord]) -> dict[str, Any] | None:
    """The statement's `device`: the last process's record, the others beside it; None where there is none."""
    if not records:
        return None
    *others, last = (
        record.model_dump(
            mode="json",
            exclude_none=True,
            exclude={"not_loaded"} | (set() if record.problem else {"problem"}),
        )
        | {"health_check": record.health_check}
        for record in records
    )
    return last | ({"earlier_processes": others} if others else {})
