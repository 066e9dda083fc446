"""What a release needs: who may judge which cell, how close to the deployed thing, and what is excepted.

A policy is a TOML file; `policy.toml` at the root of the project is the default one and explains each field.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from cardembed._validation import first_problems
from cardembed.conformance.predicate import Sha256
from cardembed.conformance.signing import PublicKey
from cardembed.conformance.spec import NO_TARGET, CellSpec
from cardembed.errors import PolicyError, SignatureError
from cardembed.fidelity import Fidelity

__all__ = ["NotApplicable", "Policy", "Requirement", "Runner", "Waiver", "load_policy"]

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Runner(_Model):
    """A machine that may judge."""

    name: Text
    """What people call it."""
    public_key: str
    """As `cardembed doctor` prints it on that machine."""
    cells: tuple[Text, ...] = ("*",)
    """Globs of the cells that it is to judge: there its passes count, and so does what it did not run."""
    max_fidelity: Fidelity = Fidelity.DEVICE
    """The highest fidelity it can claim; a bundle that claims more is refused."""

    @field_validator("public_key")
    @classmethod
    def _is_a_key(cls, text: str) -> str:
        try:
            return PublicKey.parse(text).text
        except SignatureError as error:
            raise ValueError(str(error)) from error

    def judges(self, cell: str) -> bool:
        """Whether it is named for a cell."""
        return any(fnmatchcase(cell, pattern) for pattern in self.cells)


class Requirement(_Model):
    """How close to the deployed thing a cell has to be judged; the last one that matches counts."""

    criterion: Text = "*"
    """Glob of criteria."""
    target: Text = "*"
    """Glob of targets."""
    fidelity: Fidelity
    """The lowest that counts."""
    profile: Literal["prd", "reference"] | None = None
    """The profile that the release has to be of; any without."""


class NotApplicable(_Model):
    """A cell that nobody has to judge."""

    cell: Text
    """Glob of cells."""
    reason: Text
    """Why."""


class Waiver(_Model):
    """A cell that may ship as it is, for now."""

    cell: Text
    """The cell's id, no glob."""
    owner: Text
    """Who answers for it."""
    reason: Text
    """Why."""
    expires: dt.date
    """The last day on which it holds."""


class Policy(_Model):
    """A gate's policy."""

    schema_version: Literal[1] = 1
    name: Text
    max_age_days: float = Field(default=30, gt=0, le=3650)
    """Older bundles are stale."""
    catalogue: Sha256 | None = None
    """Digest of the gallery's catalogue; the release's own without."""
    features: str = "features"
    """The features folder, relative to the policy's file."""
    unknown_families: tuple[Text, ...] = ()
    """Families of unknowns that AC-4's samples must not leave out."""
    runners: tuple[Runner, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    not_applicable: tuple[NotApplicable, ...] = ()
    waivers: tuple[Waiver, ...] = ()

    @model_validator(mode="after")
    def _no_contradictions(self) -> Self:
        for what, values in (
            ("runner", [runner.name for runner in self.runners]),
            ("public key", [runner.public_key for runner in self.runners]),
            ("waiver for", [waiver.cell for waiver in self.waivers]),
        ):
            twice = [value for value, times in Counter(values).items() if times > 1]
            if twice:
                raise ValueError(f"the {what} {twice[0]} stands twice")
        return self

    @property
    def keys(self) -> list[PublicKey]:
        """All runners' keys."""
        return [PublicKey(runner.public_key) for runner in self.runners]

    def runner(self, key: PublicKey) -> Runner:
        """The runner with this key."""
        return next(runner for runner in self.runners if runner.public_key == key.text)

    def required_fidelity(self, spec: CellSpec) -> Fidelity | None:
        """The lowest fidelity that counts for a cell; None where any does."""
        rule = self._requirement(spec)
        return None if rule is None else rule.fidelity

    def required_profile(self, spec: CellSpec) -> str | None:
        """The profile that a release has to be of for a cell to count; None where it may be of any."""
        rule = self._requirement(spec)
        return None if rule is None else rule.profile

    def _requirement(self, spec: CellSpec) -> Requirement | None:
        if spec.target == NO_TARGET or not spec.required:
            return None
        for rule in reversed(self.requirements):
            if fnmatchcase(spec.criterion, rule.criterion) and fnmatchcase(spec.target, rule.target):
                return rule
        return None

    def exception(self, cell: str) -> NotApplicable | None:
        """Why nobody has to judge a cell; None where somebody has to."""
        return next((entry for entry in self.not_applicable if fnmatchcase(cell, entry.cell)), None)

    def waiver(self, cell: str) -> Waiver | None:
        """The waiver for a cell, expired or not."""
        return next((entry for entry in self.waivers if entry.cell == cell), None)

    def trusting(self, key: PublicKey, name: str = "trusted here") -> Policy:
        """The same policy with one more runner for every cell, unless it names the key already."""
        if any(runner.public_key == key.text for runner in self.runners):
            return self
        runner = Runner(name=name, public_key=key.text)
        return self.model_copy(update={"runners": (*self.runners, runner)})


_TABLES = {
    "runner": "runners",
    "require": "requirements",
    "waiver": "waivers",
    "not_applicable": "not_applicable",
}


def load_policy(path: Path | str) -> Policy:
    """Read a policy file.

    Raises:
        PolicyError: It is missing, no TOML, or not a policy; names the field.
    """
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _error(path, error.strerror or str(error), "give --policy FILE") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _error(path, str(error), "correct the file") from error
    head = data.pop("policy", None)
    if not isinstance(head, dict):
        raise _error(path, "no table [policy]", "add one with a name")
    strange = sorted(set(data) - set(_TABLES)) or sorted(set(head) & set(_TABLES.values()))
    if strange:
        known = ", ".join(f"[[{name}]]" for name in _TABLES)
        raise _error(path, f"the table {strange[0]!r}", f"use [policy] and {known}")
    try:
        return Policy.model_validate(head | {_TABLES[name]: value for name, value in data.items()})
    except ValidationError as error:
        names = {value: key for key, value in _TABLES.items()}
        raise _error(path, first_problems(error, names), "correct the file") from error


def _error(path: Path, found: str, action: str) -> PolicyError:
    return PolicyError(path, expected="a gate policy", found=found, action=action)
