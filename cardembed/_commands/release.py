"""`cardembed release build|verify`: seal a release, and check one."""

from __future__ import annotations

from pathlib import Path

import click

from cardembed._commands._embedding import release_of, release_option, threads_option
from cardembed._commands._output import emit, json_option, progress
from cardembed.errors import ReleaseError

__all__ = ["command"]


@click.group("release")
def command() -> None:
    """Assemble a release, and verify one.

    \b
    Example:
      cardembed release build --weights weights --name "first" --out my-release
    """


@command.command("build")
@click.option(
    "--weights",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder of `cardembed train`: <target>.safetensors and training.json.",
)
@click.option("--catalogue", help="synthetic:SEED:COUNT or a folder; what training.json says without.")
@click.option("--name", required=True, help="The release's name, for people.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The directory to make.")
@click.option("--profile", "profile_name", help="prd or reference; what training.json says without.")
@click.option("--notes", default="", help="For people.")
@click.option(
    "--photos",
    type=click.Path(path_type=Path, file_okay=False),
    help="A development photo set to calibrate on; rendered into the cache without.",
)
@click.option("--calibrate/--no-calibrate", default=True, help="Find match thresholds (default).")
@threads_option
@json_option
def build(
    *,
    weights: Path,
    catalogue: str | None,
    name: str,
    out: Path,
    profile_name: str | None,
    notes: str,
    photos: Path | None,
    calibrate: bool,
    threads: int | None,
    as_json: bool,
) -> None:
    """Assemble weights into a release: copy, calibrate, write release.json; all of it or nothing.

    \b
    Example:
      cardembed release build --weights weights --name "first" --out my-release
    """
    from cardembed._commands.calibrate import as_text, development_photos
    from cardembed.cards.catalogue import load_catalogue
    from cardembed.release import Release
    from cardembed.release_build import assemble_release, recorded_catalogue
    from cardembed.retrieval.calibrate import Calibration, calibrate_release

    cards = load_catalogue(catalogue if catalogue is not None else recorded_catalogue(weights))
    found: dict[str, Calibration] = {}

    def seal(release: Release) -> Release:
        found.update(
            calibrate_release(
                release, cards, development_photos(photos, cards), threads=threads, progress=progress
            )
        )
        return release.with_thresholds(
            {target: (one.threshold, one.figures()) for target, one in found.items()}
        )

    release = assemble_release(
        weights,
        out,
        name=name,
        catalogue=cards,
        profile_name=profile_name,
        notes=notes,
        seal=seal if calibrate else None,
    )
    data = {
        "release": str(out),
        "digest": release.digest,
        "targets": {target: entry.match_threshold for target, entry in release.targets.items()},
    }
    text = f"{out}: release {name}, digest {release.digest}"
    emit(data, f"{as_text(found)}\n{text}" if found else text, as_json=as_json)


@command.command("verify")
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@release_option
@click.option("--target", help="Only this target's artefacts.")
@json_option
def verify(directory: Path | None, release_dir: Path | None, target: str | None, as_json: bool) -> None:
    """Compare a release's files with the digests in its release.json.

    Exit code 0 when all fit, 1 when one is missing or differs, 2 when there is no release.

    \b
    Example:
      cardembed release verify my-release
    """
    release = release_of(directory if directory is not None else release_dir)
    problem: str | None = None
    if target is not None:
        release.target(target)
    try:
        release.verify(target)
    except ReleaseError as error:
        problem = str(error)
    files = sum(len(entry.artefacts) for entry in release.targets.values())
    data = {
        "release": str(release.root),
        "digest": release.digest,
        "intact": problem is None,
        "problem": problem,
    }
    emit(data, problem or f"{release.root}: intact, {files} files, digest {release.digest}", as_json=as_json)
    if problem is not None:
        raise SystemExit(1)
