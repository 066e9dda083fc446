"""What was judged, by what, where: facts and tables from the bundle's statement."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cardembed.conformance.predicate import BundlePredicate
from cardembed.conformance.report.marks import FIDELITIES
from cardembed.conformance.report.numbers import seconds, short_digest
from cardembed.conformance.report.view import Fact, Table

__all__ = ["fidelities", "head_facts", "sections", "subtitle", "tables", "verify"]


def subtitle(predicate: BundlePredicate) -> str:
    """Which run this is."""
    return f"Run {predicate.run_id} on {predicate.runner}, {_time(predicate.started)}"


def head_facts(predicate: BundlePredicate) -> tuple[Fact, ...]:
    """What stands below the verdict."""
    took = (predicate.finished - predicate.started).total_seconds()
    code = predicate.code
    commit = (
        f"{code.git_commit[:12]}{', with changes not committed' if code.dirty else ''}"
        if code.git_commit
        else ""
    )
    photos = f"{predicate.photos.provenance}, {predicate.photos.split}"
    return (
        Fact("Profile", predicate.release.profile),
        Fact("Photos", photos, note="" if predicate.photos.split == "verdict" else "decides nothing"),
        Fact("Took", seconds(max(took, 0.0)), note=f"until {_time(predicate.finished)}"),
        Fact("cardembed", code.version, note=commit),
        Fact("Release", short_digest(predicate.release.digest), code=True),
        Fact("Catalogue", short_digest(predicate.catalogue_digest), code=True),
        Fact("Photo set", short_digest(predicate.photos.digest), code=True),
        Fact("Machine", _short_machine(predicate.machine)),
    )


def sections(predicate: BundlePredicate) -> tuple[tuple[str, tuple[Fact, ...]], ...]:
    """Digests in full, machine, device, options; a section without facts is left out."""
    code = predicate.code
    identity: tuple[Fact, ...] = (
        Fact("Release", predicate.release.digest, code=True),
        Fact("Catalogue", predicate.catalogue_digest, code=True),
        Fact("Photo set", predicate.photos.digest, code=True),
        Fact("Code", code.git_commit or "no checkout", code=bool(code.git_commit)),
        Fact("Run", predicate.run_id, code=True),
        Fact("Started", _time(predicate.started)),
        Fact("Finished", _time(predicate.finished)),
        Fact(
            "Signed by",
            predicate.public_key or "nobody",
            code=True,
            note="the gate's policy decides on trust",
        ),
    )
    if predicate.nonce:
        identity += (Fact("Nonce", predicate.nonce, code=True),)
    earlier = tuple(
        Fact(_time(one.at) if one.at else "Earlier", str(one.state), note=one.reason)
        for one in predicate.attempts
    )
    found = (
        ("Digests", identity),
        ("Machine", _facts(predicate.machine)),
        ("Device", _facts(predicate.device or {})),
        ("Options", _facts(predicate.options)),
        ("Earlier runs that this one replaces", earlier),
    )
    return tuple((title, facts) for title, facts in found if facts)


def tables(predicate: BundlePredicate) -> tuple[Table, ...]:
    """Artefacts and packages."""
    artefacts = tuple(
        (target, a.digest, str(a.fidelity), ", ".join(f"{k} {v}" for k, v in sorted(a.runtime.items())))
        for target, a in sorted(predicate.artefacts.items())
    )
    packages = tuple(sorted(predicate.packages.items()))
    found = (
        Table("Artefacts", ("Target", "SHA-256", "Fidelity", "Runtime"), artefacts, code=(1,)),
        Table("Packages", ("Package", "Version"), packages),
    )
    return tuple(table for table in found if table.rows)


def fidelities() -> tuple[Fact, ...]:
    """What the four words mean."""
    return tuple(Fact(name, text) for name, text in FIDELITIES.items())


def verify() -> tuple[str, ...]:
    """The command that decides."""
    return ("cardembed gate --policy policy.toml BUNDLE",)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _facts(values: Mapping[str, Any]) -> tuple[Fact, ...]:
    return tuple(Fact(_words(key), _text(values[key])) for key in sorted(values))


def _words(key: str) -> str:
    return key.replace("_", " ").strip().capitalize() or key


def _text(value: Any) -> str:  # noqa: ANN401 - whatever JSON can hold
    if value is None or value in ([], {}):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(value[key])}" for key in sorted(value))
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value)
    if isinstance(value, float) and value.is_integer():  # the statement's numbers are all floats
        return str(int(value))
    return str(value)


def _short_machine(machine: Mapping[str, Any]) -> str:
    for key in ("processor", "cpu", "machine", "platform", "system"):
        if machine.get(key):
            return _text(machine[key])
    return _text(next(iter(machine.values()), None))
