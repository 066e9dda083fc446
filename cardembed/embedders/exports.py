"""Files derived from a release's weights at first use.

They are kept in the cache by the weights' digest and by the versions of what wrote them: another PyTorch may
write another graph of the same weights. They are what `cardembed export --weights` writes: they state their
preprocessing, by which they are kept, too, and no release, for another one may have the same weights.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from cardembed._imports import require
from cardembed._io import (
    atomic_write_json,
    cache_root,
    canonical_json,
    sha256_artefact,
    sha256_bytes,
)
from cardembed._revision import package_version
from cardembed._version import __version__
from cardembed.embedders.shipped import COREML_FORMATS, ONNX_FORMATS, shipped_artefact
from cardembed.errors import ArtefactError, CardembedError, ReleaseError, UnavailableError
from cardembed.hailo.protocol import Normalised
from cardembed.release import Artefact, Release

if TYPE_CHECKING:
    from cardembed.export.source import Source

__all__ = [
    "compiled_hef",
    "exported_coreml",
    "exported_onnx",
    "quantised_int8",
    "recorded_normaliser",
    "simulated_hef",
]

Make = Callable[[Path], Path]
"""Writes a file into a folder."""


def exported_onnx(release: Release, target: str) -> tuple[Path, str]:
    """The ONNX file of a target and its SHA-256: the release's own ONNX or ORT file, else exported here once.

    Only the export needs PyTorch. One process exports, others wait for it; a file that does not fit the
    digest noted beside it is exported anew.

    Raises:
        UnavailableError: The release ships neither for the target, none was exported before, no PyTorch.
        ExportError: The export differs from the weights.
        ReleaseError: The release ships no weights either, or other bytes than it promises.
    """

    def export(source: Source, path: Path) -> object:
        from cardembed.export.onnx_variants import export_onnx

        return export_onnx(source, path)

    return _exported(release, target, ONNX_FORMATS, "onnx", export)


def exported_coreml(release: Release, target: str) -> tuple[Path, str]:
    """The Core ML artefact of a target and its SHA-256: the release's own, else a float16 ML Program.

    That is converted here once. The digest is that of `sha256_artefact`.

    Raises:
        UnavailableError: It was not converted before, and there is no PyTorch, or there are no Core ML tools.
        ExportError: It cannot be converted.
        ReleaseError: The release has no weights for the target, or other bytes than it promises.
    """

    def export(source: Source, path: Path) -> object:
        from cardembed.export.coreml import export_coreml

        return export_coreml(source, path)

    return _exported(release, target, COREML_FORMATS, "coremltools", export)


def quantised_int8(release: Release, target: str) -> tuple[Path, str]:
    """The INT8 network of a target and its SHA-256: the release's own, else quantised here once.

    The calibration set is drawn from development photos of the release's cards. The file names its photos, so
    that whoever judges it can compare them with those that decide: see `check_calibration`.

    Raises:
        UnavailableError: It was not quantised before, and there is no PyTorch, or the release's cards lie in
            a folder that it does not say.
        ExportError: It cannot be quantised.
        ReleaseError: The release has no weights for the target, or other bytes than it promises.
    """
    from cardembed.cards.photo_render import SIMULATOR_VERSION
    from cardembed.embedders.preprocessing import Preprocessing
    from cardembed.export.hailo.calibration import LEAST, SEED
    from cardembed.release_cards import catalogue_of

    shipped = release.artefact(target, "int8")
    if shipped is not None:
        return release.path(shipped), shipped.sha256
    entry = release.target(target)
    preprocessing = Preprocessing.of(release.preprocessing, entry.input_size)
    made_of = ["names its photos", SEED, LEAST, SIMULATOR_VERSION, release.catalogue_digest]
    made_of.append(preprocessing.digest)
    key = sha256_bytes(canonical_json(made_of))[:16]

    def make(folder: Path) -> Path:
        from cardembed.embedders.calibrated import write_calibration
        from cardembed.export.hailo.calibration import calibration_photos, calibration_set
        from cardembed.export.hailo.int8 import quantise
        from cardembed.export.hailo.network import ChipNetwork, write_chip_onnx
        from cardembed.models.weights import load_weights

        try:
            catalogue = catalogue_of(release, None, searched=False)
        except CardembedError as error:
            raise UnavailableError(
                f"INT8 of {target}",
                expected="a calibration set of the release's cards",
                found=f"no cards: {error}",
                action="open the target with the runtime torch",
            ) from error
        drawn = calibration_set(calibration_photos(catalogue), preprocessing)
        weights = release.weights(target)
        model = load_weights(release.path(weights), sha256=weights.sha256)
        network = ChipNetwork(model, preprocessing, raw=True)
        source = write_chip_onnx(network, preprocessing.size, folder / "float.onnx", batch=None)
        return write_calibration(quantise(source, drawn.images, folder / "int8.onnx"), drawn.photos)

    return _derived(release, target, f"{entry.architecture}-int8-{key}.onnx", make, ("onnx", "onnxruntime"))


def simulated_hef(release: Release, target: str) -> tuple[Path, str]:
    """The INT8 network of a target as a simulated HEF, and its SHA-256; packed here once, without PyTorch.

    Raises:
        UnavailableError, ExportError, ReleaseError: As `quantised_int8`, whose network it is.
    """
    int8, digest = quantised_int8(release, target)
    architecture = release.target(target).architecture

    def make(folder: Path) -> Path:
        from cardembed.export.hailo.simulated import pack_int8

        path = folder / "int8.simhef"
        pack_int8(int8, path, network=architecture)
        return path

    return _once(cache_root() / "exports" / digest / f"{architecture}.simhef", make, {"source": digest})


def compiled_hef(release: Release, target: str) -> tuple[Path, str, Normalised]:
    """The release's own HEF for a target, its SHA-256, and who normalises what it is given.

    Raises:
        UnavailableError: The release has none: only Hailo's compiler makes one.
        ReleaseError: release.json does not say who normalises.
    """
    shipped = release.artefact(target, "hef")
    if shipped is None:
        raise UnavailableError(
            f"{target} of {release.name}",
            expected="a compiled network (.hef) in the release",
            found="none",
            action="compile one for this release, or name a file: pytest features/ --device --hef=FILE",
        )
    return release.path(shipped), shipped.sha256, recorded_normaliser(release, shipped)


def recorded_normaliser(release: Release, hef: Artefact) -> Normalised:
    """Who normalises for a release's HEF, by release.json.

    Raises:
        ReleaseError: It does not say.
    """
    if hef.normalised is None:
        raise ReleaseError(
            f"{hef.path} in release.json of {release.name}",
            expected='"normalised": "chip" or "host"',
            found="neither",
            action="take it in again: cardembed import-artefact FILE --release DIR --normalised chip|host",
        )
    return hef.normalised


def _exported(
    release: Release,
    target: str,
    formats: tuple[str, ...],
    tool: str,
    export: Callable[[Source, Path], object],
) -> tuple[Path, str]:
    """The release's own artefact of these formats, else one of the first of them, exported here once."""
    shipped = shipped_artefact(release, target, formats)
    if shipped is not None:
        return release.path(shipped), shipped.sha256
    form = formats[0]

    def make(folder: Path) -> Path:
        from cardembed.export.source import source_of_target

        path = folder / f"{target}.{form}"
        # As of the weight file alone: the release changes with every threshold, and the file must not.
        export(replace(source_of_target(release, target), release_digest=None), path)
        return path

    from cardembed.embedders.preprocessing import Preprocessing

    states = Preprocessing.of(release.preprocessing, release.target(target).input_size).digest
    name = f"{release.target(target).architecture}.{form}"
    return _derived(release, target, name, make, (tool,), states=states)


def _derived(
    release: Release, target: str, name: str, make: Make, tools: tuple[str, ...], *, states: str | None = None
) -> tuple[Path, str]:
    """A file made of a target's weights, by the versions of `tools`; `states` is what else its bytes hold."""
    weights = release.weights(target)
    release.read(weights)  # what was derived from them stands for them only while they are what is promised
    folder = cache_root() / "exports" / weights.sha256
    versions = _versions((*tools, "torch", "timm"))
    if None in versions.values():  # nothing here writes another: whatever versions once wrote it
        for file in sorted(folder.glob(f"*/{name}"), key=lambda file: file.stat().st_mtime, reverse=True):
            digest = _known(file)
            if digest is not None:
                return file, digest
    made_of = versions if states is None else {**versions, "states": states}
    key = sha256_bytes(canonical_json(made_of))[:16]
    note = {"source": weights.sha256, "tools": versions}
    return _once(folder / key / name, make, note, torch=True)


def _versions(tools: tuple[str, ...]) -> dict[str, str | None]:
    """Of what writes a file, this package among it; None of what is not installed."""
    return {"cardembed": __version__, **{name: package_version(name) for name in tools}}


def _once(file: Path, make: Make, note: Mapping[str, Any], *, torch: bool = False) -> tuple[Path, str]:
    """A file of the cache and its SHA-256, made by whoever is first.

    Args:
        file: Its place.
        make: Makes it.
        note: What is written beside it: what it was made of and by.
        torch: Whether that needs PyTorch.
    """
    digest = _known(file)
    if digest is not None:
        return file, digest
    if torch:
        require("torch", extra="train")
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.parent / f"{file.name}.lock"):
        digest = _known(file)
        if digest is None:
            digest = _make(file, make, note)
    return file, digest


def _known(file: Path) -> str | None:
    try:
        digest = json.loads(_note(file).read_bytes())["sha256"]
        return str(digest) if sha256_artefact(file) == digest else None
    except (OSError, ValueError, KeyError, TypeError, ArtefactError):
        return None


def _make(file: Path, make: Make, note: Mapping[str, Any]) -> str:
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".export.") as temporary:
        made = make(Path(temporary))
        digest = sha256_artefact(made)
        if file.is_dir():  # a folder replaces no other
            shutil.rmtree(file)
        made.replace(file)
    atomic_write_json(_note(file), {"sha256": digest, **note})
    return digest


def _note(file: Path) -> Path:
    return file.with_suffix(".json")
