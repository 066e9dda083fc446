"""`cardembed export hailo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cardembed._commands._embedding import catalogue_option, release_of, rendering_bar
from cardembed._commands._exporting import find_source, source_options
from cardembed._commands._output import emit, json_option
from cardembed._commands.import_artefact import warning_texts
from cardembed.errors import UsageError

if TYPE_CHECKING:
    from cardembed.cards.photo_set import PhotoSet
    from cardembed.export.hailo.manifest import CompiledRecord, KitManifest

__all__ = ["hailo"]

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("hailo")
@source_options
@click.option("--out", type=_FOLDER, default=Path("hailo-kit"), show_default=True, help="The kit's folder.")
@catalogue_option
@click.option(
    "--photos", type=_FOLDER, help="Development photos to calibrate on; rendered into the cache without."
)
@click.option(
    "--verdict-photos", type=_FOLDER, help="Photos that decide, and must not be among them; the release's."
)
@click.option(
    "--sixteen-bit", multiple=True, metavar="LAYER",
    help="One more layer of 16 bits, by the parser's name, such as conv12 or fc*; may be repeated.",
)  # fmt: skip
@click.option(
    "--optimisation", type=click.IntRange(0, 4), default=2, show_default=True,
    help="The compiler's optimisation level; from 2 on it wants a GPU.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Decides which photos."
)
@click.option(
    "--compile/--no-compile", "compiles", default=True, help="Compile where the compiler is (default)."
)
@json_option
def hailo(
    *,
    directory: Path | None,
    target: str | None,
    weights: Path | None,
    out: Path,
    catalogue: str | None,
    photos: Path | None,
    verdict_photos: Path | None,
    sixteen_bit: tuple[str, ...],
    optimisation: int,
    seed: int,
    compiles: bool,
    as_json: bool,
) -> None:
    """Write a compile kit: network, calibration images, model script and commands for Hailo's compiler.

    Where hailo_sdk_client is installed the kit is compiled, too, and with --release the HEF is put into that
    release. Elsewhere the command says what to run, and `cardembed import-artefact` takes the HEF back.

    \b
    Example:
      cardembed export hailo --release my-release --target hailo8l --out kit
    """
    source = find_source("export hailo", directory, target, weights)
    if weights is not None and photos is None:
        raise UsageError(
            "--weights", expected="--photos with it", found="none: no release says which cards",
            action="make some: cardembed photos make --split development",
        )  # fmt: skip
    from cardembed.export.hailo.kit import write_kit
    from cardembed.export.hailo.script import OUTPUT_LAYER
    from cardembed.export.hailo.sdk import compiler_installed, run_compiler

    chip = _chip(target)
    development, verdict = _photo_sets(directory, catalogue, photos, verdict_photos, judged=weights is None)
    manifest = write_kit(
        source,
        out,
        development,
        target=chip,
        verdict=verdict,
        seed=seed,
        sixteen_bit=(OUTPUT_LAYER, *sixteen_bit),
        optimisation=optimisation,
    )
    record: CompiledRecord | None = None
    taken: str | None = None
    warnings: list[str] = []
    if compiles and compiler_installed():
        record = run_compiler(out, lambda text: click.echo(text, err=True))
        if directory is not None:
            from cardembed.release_import import import_hef

            imported, findings = import_hef(release_of(directory), chip, out / record.hef, kit=out)
            taken, warnings = imported.digest, warning_texts(findings)
    data: dict[str, Any] = {
        "kit": str(out),
        "manifest": manifest.model_dump(mode="json"),
        "compiled": None if record is None else record.model_dump(mode="json"),
        "release_digest": taken,
        "warnings": warnings,
    }
    lines = _text(out, manifest, record, directory, taken) + [f"  warning: {text}" for text in warnings]
    emit(data, "\n".join(lines), as_json=as_json)


def _chip(target: str | None) -> str:
    """The chip to compile for: the target's; weights without a target are for the one there is.

    Raises:
        UnknownTargetError: The target's artefact is no HEF.
    """
    from cardembed.hef.judgement import HEF_TARGETS, requirement

    chip = HEF_TARGETS[0] if target is None else target
    requirement(chip)
    return chip


def _photo_sets(
    directory: Path | None, catalogue: str | None, photos: Path | None, verdict: Path | None, *, judged: bool
) -> tuple[PhotoSet, PhotoSet | None]:
    """Photos to calibrate on, and those that decide; None where no release has any."""
    from cardembed.cards.photo_cache import default_photo_set
    from cardembed.cards.photo_set import PhotoSet
    from cardembed.export.hailo.calibration import calibration_photos
    from cardembed.release_cards import catalogue_of

    if photos is not None:
        development = PhotoSet.load(photos)
    else:
        cards = catalogue_of(release_of(directory), catalogue, searched=False)
        development = calibration_photos(cards, progress=rendering_bar("calibration photos"))
    if verdict is not None:
        return development, PhotoSet.load(verdict)
    if not judged:
        return development, None
    release = release_of(directory)
    gallery = catalogue_of(release, catalogue, searched=True)
    return development, default_photo_set(release.digest, gallery, progress=rendering_bar("verdict photos"))


def _text(
    out: Path,
    manifest: KitManifest,
    record: CompiledRecord | None,
    directory: Path | None,
    taken: str | None,
) -> list[str]:
    lines = [
        f"{out}: {manifest.network} for {manifest.hw_arch}, {manifest.calibration.count} calibration images, "
        f"{len(manifest.files)} files"
    ]
    into = directory if directory is not None else "RELEASE"
    taking = f"  cardembed import-artefact {out}/{manifest.network}.hef --release {into} --kit {out}"
    if record is None:
        return [
            *lines,
            "not compiled: to be done where Hailo's Dataflow Compiler is installed",
            f"  copy {out} there and run in it: python3 compile.py",
            "then, with the folder as it came back:",
            taking,
        ]
    lines += [
        f"{name:<14}cosine to the float student: mean {one['mean']:.5f}, 5th percentile {one['p5']:.5f}, "
        f"smallest {one['min']:.5f}"
        for name, one in record.emulated.items()
    ]
    lines.append(f"{out / record.hef}  SHA-256 {record.hef_sha256}")
    if taken is None:
        return [*lines, "to put it into a release:", taking]
    return [*lines, f"in {directory}, release digest {taken}"]
