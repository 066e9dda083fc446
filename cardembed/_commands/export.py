"""`cardembed export onnx`: write artefacts that runtimes execute."""

from __future__ import annotations

from pathlib import Path

import click

from cardembed._commands._output import emit, json_option
from cardembed._io import sha256_file
from cardembed.errors import UsageError

__all__ = ["command"]


@click.group("export")
def command() -> None:
    """Write a target's artefact."""


@command.command("onnx")
@click.option("--release", "directory", type=click.Path(path_type=Path), help="A release; the shipped one.")
@click.option("--target", help="A target of the release: teacher, server, android, ios or hailo8l.")
@click.option(
    "--weights", type=click.Path(path_type=Path), help="A weight file, in place of release and target."
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder.")
@json_option
def onnx(directory: Path | None, target: str | None, weights: Path | None, out: Path, as_json: bool) -> None:
    """Write `<architecture>.onnx`: opset 17, dynamic batch, checked against PyTorch before it gets its name.

    \b
    Example:
      cardembed export onnx --target android --out exported
    """
    if (weights is None) == (target is None) or (weights is not None and directory is not None):
        raise UsageError(
            "export onnx",
            expected="--target (with or without --release), or --weights",
            found="both" if weights is not None else "neither",
            action="give one of them",
        )
    from cardembed.export.onnx import export_target_onnx, export_to_onnx
    from cardembed.release import Release, default_release_dir

    if weights is not None:
        from cardembed._imports import require

        require("torch", extra="train")
        from cardembed.models.weights import load_weights

        path = export_to_onnx(load_weights(weights), out)
    else:
        release = Release.load(directory or default_release_dir())
        path = export_target_onnx(release, str(target), out)
    digest, size = sha256_file(path), path.stat().st_size
    emit(
        {"path": str(path), "sha256": digest, "bytes": size},
        f"{path}  {size / 1e6:.1f} MB  SHA-256 {digest}",
        as_json=as_json,
    )
