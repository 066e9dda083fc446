"""The in-toto statement of a bundle: its predicate, and as subjects what was judged."""

from __future__ import annotations

import json

from google.protobuf import json_format
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from pydantic import ValidationError

from cardembed._io import canonical_json
from cardembed._validation import first_problems
from cardembed.conformance.predicate import PREDICATE_TYPE, SCHEMA_VERSION, BundlePredicate
from cardembed.errors import EvidenceError

__all__ = ["build_statement", "parse_statement"]


def _error(thing: object, expected: str, found: str, action: str = "run the features again") -> EvidenceError:
    return EvidenceError(thing, expected=expected, found=found, action=action)


def _subjects(predicate: BundlePredicate) -> dict[str, str]:
    """Digest by name: the release, and what was executed for each target."""
    subjects = {f"release/{predicate.release.name}": predicate.release.digest}
    return subjects | {target: artefact.digest for target, artefact in sorted(predicate.artefacts.items())}


def build_statement(predicate: BundlePredicate) -> bytes:
    """As JSON: equal predicates give equal bytes."""
    subjects = [
        ResourceDescriptor(name=name, digest={"sha256": digest}).pb
        for name, digest in _subjects(predicate).items()
    ]
    statement = Statement(subjects, PREDICATE_TYPE, predicate.model_dump(mode="json"))
    statement.validate()
    return canonical_json(json_format.MessageToDict(statement.pb))  # type: ignore[no-untyped-call]


def parse_statement(payload: bytes, thing: object) -> BundlePredicate:
    """The predicate of a statement.

    Raises:
        EvidenceError: No statement, another predicate or schema, or subjects that are not the predicate's;
            names `thing`.
    """
    try:
        value = json.loads(payload)
        message = json_format.Parse(payload, Statement([], "", {}).pb)  # type: ignore[no-untyped-call]
        statement = Statement.copy_from_pb(message)
        statement.validate()
        if statement.pb.predicate_type != PREDICATE_TYPE:
            raise _error(thing, f"the predicate {PREDICATE_TYPE}", statement.pb.predicate_type)
        version = value["predicate"].get("schema_version")
        if version != SCHEMA_VERSION:
            raise _error(
                thing, f"schema version {SCHEMA_VERSION}", f"{version}", "use the version that wrote it"
            )
        predicate = BundlePredicate.model_validate(value["predicate"])
    except ValidationError as error:
        raise _error(thing, "a conformance statement", first_problems(error)) from error
    except (ValueError, json_format.ParseError, RecursionError) as error:
        raise _error(thing, "an in-toto statement", str(error)) from error
    subjects = [(subject.name, dict(subject.digest)) for subject in statement.pb.subject]
    expected = [(name, {"sha256": digest}) for name, digest in _subjects(predicate).items()]
    if sorted(subjects, key=str) != sorted(expected, key=str):
        raise _error(thing, "subjects that are the artefacts of the predicate", "others")
    return predicate
