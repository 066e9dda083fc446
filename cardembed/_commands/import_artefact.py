"""`cardembed import-artefact`: take a compiled HEF into a release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from cardembed._commands._output import emit, json_option

if TYPE_CHECKING:
    from cardembed.hef import Finding

__all__ = ["command", "warning_texts"]


def warning_texts(findings: list[Finding]) -> list[str]:
    """What somebody should know of a HEF, a line each; `cardembed export hailo` says the same."""
    return [f"{finding.subject}: {finding.message}" for finding in findings]


@click.command("import-artefact")
@click.argument("artefact", type=click.Path(path_type=Path))
@click.option(
    "--release",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The release that it belongs to; release.json is written anew.",
)
@click.option("--target", default="hailo8l", show_default=True, help="The target that it was compiled for.")
@click.option(
    "--kit", type=click.Path(path_type=Path), help="The folder of `cardembed export hailo`, as it came back."
)
@click.option(
    "--normalised",
    type=click.Choice(["chip", "host"]),
    help="Who subtracts the mean; what the kit says without.",
)
@json_option
def command(
    *,
    artefact: Path,
    directory: Path,
    target: str,
    kit: Path | None,
    normalised: Literal["chip", "host"] | None,
    as_json: bool,
) -> None:
    """Inspect a HEF, copy it into a release and record how it came about.

    One that does not fit (another chip, shape or embedding length, a broken checksum, a kit of other weights)
    is refused with exit code 2, and the release stays as it was. The release's digest changes, and with it
    the photos that verdicts are given on.

    \b
    Example:
      cardembed import-artefact kit/convnext_tiny.hef --release my-release --kit kit
    """
    from cardembed.release import Release
    from cardembed.release_import import import_hef

    release, warnings = import_hef(Release.load(directory), target, artefact, normalised=normalised, kit=kit)
    taken = release.artefact(target, "hef")
    assert taken is not None
    data = {
        "release": str(directory),
        "digest": release.digest,
        "artefact": taken.model_dump(mode="json"),
        "warnings": warning_texts(warnings),
    }
    lines = [
        f"{directory}: {taken.path}, SHA-256 {taken.sha256}, normalised by the {taken.normalised}",
        *(f"  warning: {text}" for text in data["warnings"]),
        f"release digest {release.digest}",
    ]
    emit(data, "\n".join(lines), as_json=as_json)
