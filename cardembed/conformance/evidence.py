"""Evidence bundles: a directory a run, its statement signed, every other file named in it by digest.

evidence.dsse.json   DSSE envelope; an in-toto Statement about the artefacts, with a `BundlePredicate`
measurements/*.json  each cell's raw numbers
images/*.jpg         photos to look at
report.html          derived, not signed
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cardembed._io import sha256_bytes
from cardembed.conformance.predicate import (
    BundleCell,
    BundlePredicate,
    FileRef,
    measurement_name,
)
from cardembed.conformance.samples import Samples, read_samples, write_samples
from cardembed.conformance.signing import (
    PublicKey,
    SigningKey,
    load_or_create_key,
    open_envelope,
    seal_envelope,
)
from cardembed.conformance.statement import build_statement, parse_statement
from cardembed.errors import EvidenceError

__all__ = [
    "EVIDENCE",
    "OWN_KEY",
    "REPORT",
    "Bundle",
    "read_bundle",
    "require_bundle",
    "seal_bundle",
    "write_bundle",
]

EVIDENCE = "evidence.dsse.json"
REPORT = "report.html"
OWN_KEY: Literal["own"] = "own"
"""In place of keys: the one that the bundle names itself."""
_FOLDERS = ("measurements", "images")
_LIMITS = {EVIDENCE: 64 << 20, "measurements": 512 << 20, "images": 8 << 20}
"""Bytes a file."""
_MAX_FILES = 20_000
_AGAIN = "fetch the bundle again from the machine that made it, or run the features again"


def _error(thing: object, expected: str, found: str, action: str = _AGAIN) -> EvidenceError:
    return EvidenceError(thing, expected=expected, found=found, action=action)


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files are what its statement says."""

    root: Path
    """The directory."""
    predicate: BundlePredicate
    """What it says."""
    signer: PublicKey | None
    """Who vouches for it; None where no keys were given to check against."""

    def samples(self, cell: BundleCell | str) -> Samples | None:
        """A cell's raw numbers; None where it has none.

        Raises:
            EvidenceError: No such cell, the file changed, or it holds something else.
        """
        found = self.predicate.cell(cell) if isinstance(cell, str) else cell
        if found is None:
            raise _error(self.root, f"the cell {cell}", "none", "name a cell of the bundle")
        if found.measurement is None:
            return None
        path = self.root / found.measurement.path
        return read_samples(_checked(self.root, found.measurement), str(path))

    def image(self, path: str) -> bytes:
        """An image's bytes.

        Raises:
            EvidenceError: The statement does not name it, or the file changed.
        """
        found = next((ref for ref in self.predicate.images if ref.path == path), None)
        if found is None:
            raise _error(self.root / path, "an image that the statement names", "another")
        return _checked(self.root, found)


def _read(path: Path, limit: int) -> bytes:
    try:
        if path.is_symlink() or not path.is_file():
            raise _error(path, "a file", "a link" if path.is_symlink() else "none")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise _error(path, "a readable file", error.strerror or str(error)) from error
    if len(data) > limit:
        raise _error(path, f"at most {limit >> 20} MB", "more")
    return data


def _checked(root: Path, ref: FileRef) -> bytes:
    data = _read(root / ref.path, _LIMITS[ref.path.split("/")[0]])
    if sha256_bytes(data) != ref.sha256:
        raise _error(root / ref.path, f"SHA-256 {ref.sha256[:16]}…", f"{sha256_bytes(data)[:16]}…")
    return data


def write_bundle(
    out: Path | str,
    predicate: BundlePredicate,
    *,
    samples: Mapping[str, Samples],
    images: Mapping[str, bytes] | None = None,
    key: SigningKey | None = None,
) -> Path:
    """Write a bundle from its parts, all or nothing; a bundle that is there already is replaced.

    Args:
        out: The directory.
        predicate: What it says; references to files are filled in.
        samples: Raw numbers by cell id.
        images: JPEGs by path ("images/….jpg").
        key: This machine's without.

    Returns:
        `out`.

    Raises:
        EvidenceError: `out` holds something else, or the parts do not fit the predicate.
        SignatureError: The signing key cannot be used.
    """
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.", suffix=".part"))
    try:
        for folder in _FOLDERS:
            (work / folder).mkdir()
        for cell, value in samples.items():
            (work / measurement_name(cell)).write_bytes(write_samples(value))
        for path, data in (images or {}).items():
            if Path(path).parts[:-1] != ("images",):
                raise _error(path, "a path such as images/1.jpg", "another", "rename it")
            (work / path).write_bytes(data)
        seal_bundle(work, predicate, key=key)
        _replace(work, out)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return out


def _replace(work: Path, out: Path) -> None:
    mask = os.umask(0)
    os.umask(mask)
    work.chmod(0o777 & ~mask)  # mkdtemp's directories are private
    if not out.exists():
        work.rename(out)
        return
    if not (out / EVIDENCE).is_file() and any(out.iterdir()):
        raise _error(out, "no directory, or a bundle to replace", "something else", "give another directory")
    old = out.with_name(f"{work.name}.old")
    out.rename(old)
    work.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def seal_bundle(
    directory: Path | str, predicate: BundlePredicate, *, key: SigningKey | None = None
) -> BundlePredicate:
    """Sign what a directory holds: its measurements and images are referenced by digest from the predicate.

    Args:
        directory: Has measurements/ (files named by `measurement_name`) and images/.
        predicate: What the bundle says; a cell's `measurement` is set where its file is there.
        key: This machine's without.

    Returns:
        The predicate with its references, as it was signed.

    Raises:
        EvidenceError: A file that no cell names, or a cell that names an image that is not there.
    """
    root = Path(directory)
    key = key or load_or_create_key()
    refs = {
        path: FileRef(path=path, sha256=sha256_bytes((root / path).read_bytes())) for path in _files(root)
    }
    cells = [
        cell.model_copy(update={"measurement": refs.get(measurement_name(cell.id))})
        for cell in predicate.cells
    ]
    update = {
        "cells": cells,
        "images": [ref for path, ref in refs.items() if path.startswith("images/")],
        "public_key": key.public_text,
    }
    signed = BundlePredicate.model_validate(predicate.model_copy(update=update).model_dump())
    _check_references(root, signed, refs)
    (root / EVIDENCE).write_bytes(seal_envelope(build_statement(signed), key))
    return signed


def _files(root: Path) -> list[str]:
    found: list[str] = []
    for folder in _FOLDERS:
        if (root / folder).is_symlink():
            raise _error(root / folder, "a folder", "a link")
        if (root / folder).is_dir():
            found += sorted(f"{folder}/{path.name}" for path in (root / folder).iterdir())
        if len(found) > _MAX_FILES:
            raise _error(root, f"at most {_MAX_FILES} files", "more")
    return found


def _check_references(root: Path, predicate: BundlePredicate, there: Iterable[str]) -> None:
    measurements = [cell.measurement.path for cell in predicate.cells if cell.measurement is not None]
    images = [ref.path for ref in predicate.images]
    shown = {
        path for cell in predicate.cells for one in cell.worst for path in (one.photo, one.matched) if path
    }
    identities = [cell.id for cell in predicate.cells]
    if len(set(identities)) < len(identities):
        twice = sorted({one for one in identities if identities.count(one) > 1})
        raise _error(root, "each cell once", f"twice: {', '.join(twice[:3])}")
    for cell in predicate.cells:
        if cell.measurement is not None and cell.measurement.path != measurement_name(cell.id):
            raise _error(root, f"{measurement_name(cell.id)} for the cell {cell.id}", cell.measurement.path)
    named, found = {*measurements, *images}, set(there)
    for what, paths in (
        ("missing", named - found),
        ("not named in the statement", found - named),
        ("shown but not named as images", shown - set(images)),
    ):
        if paths:
            raise _error(
                root, "exactly the files that the statement names", f"{what}: {', '.join(sorted(paths)[:3])}"
            )
    for path, feature in predicate.features.items():
        if sha256_bytes(feature.text.encode()) != feature.sha256:
            raise _error(root, f"the text of {path} by its digest", "another text")


def require_bundle(directory: Path | str) -> None:
    """Look whether a folder could be a bundle at all.

    Raises:
        EvidenceError: It has no statement.
    """
    evidence = Path(directory) / EVIDENCE
    if not evidence.exists() and not evidence.is_symlink():
        raise _error(
            directory,
            "an evidence bundle",
            f"no {EVIDENCE}",
            "give the folder that a run wrote with --report",
        )


def read_bundle(directory: Path | str, *, keys: Sequence[PublicKey] | Literal["own"] | None = None) -> Bundle:
    """Read a bundle, every file checked against the digest that was signed.

    Args:
        directory: The bundle.
        keys: Who may have signed it; OWN_KEY takes the key that the bundle names: then nothing was changed
            since, and whom the key belongs to is open. None checks no signature.

    Raises:
        SignatureError: No envelope, a wrong signature, or an unknown key.
        EvidenceError: A missing, additional, changed, linked or oversized file; another schema.
    """
    root = Path(directory)
    require_bundle(root)
    evidence = root / EVIDENCE
    envelope = _read(evidence, _LIMITS[EVIDENCE])
    if keys == OWN_KEY:
        named = parse_statement(open_envelope(envelope, None, evidence)[0], evidence).public_key
        keys = [] if named is None else [PublicKey.parse(named)]
    payload, signer = open_envelope(envelope, keys, evidence)
    predicate = parse_statement(payload, evidence)
    extra = sorted(p.name for p in root.iterdir() if p.name not in (EVIDENCE, REPORT, *_FOLDERS))
    if extra:
        raise _error(root, "exactly the files of a bundle", f"also {', '.join(extra[:3])}", "remove them")
    _check_references(root, predicate, _files(root))
    for cell in predicate.cells:
        if cell.measurement is not None:
            _checked(root, cell.measurement)
    for ref in predicate.images:
        _checked(root, ref)
    return Bundle(root, predicate, signer)
