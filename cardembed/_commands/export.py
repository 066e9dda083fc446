"""`cardembed export onnx`: write artefacts that runtimes execute."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from cardembed._commands._output import emit, json_option
from cardembed._io import sha256_file
from cardembed.errors import UsageError

__all__ = ["command"]


@click.group("export")
def command() -> None:
    """Write a target's artefact.

    \b
    Example:
      cardembed export onnx --target android --out android.onnx
    """


@command.command("onnx")
@click.option("--release", "directory", type=click.Path(path_type=Path), help="A release; the shipped one.")
@click.option("--target", help="A target of the release: teacher, server, android, ios or hailo8l.")
@click.option(
    "--weights", type=click.Path(path_type=Path), help="A weight file, in place of release and target."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A folder, or a .onnx file.")
@json_option
def onnx(directory: Path | None, target: str | None, weights: Path | None, out: Path, as_json: bool) -> None:
    """Write an ONNX file: opset 17, dynamic batch, checked against PyTorch before it gets its name.

    In a folder it is called after its architecture.

    \b
    Example:
      cardembed export onnx --target android --out android.onnx
    """
    if (weights is None) == (target is None) or (weights is not None and directory is not None):
        raise UsageError(
            "export onnx",
            expected="--target (with or without --release), or --weights",
            found="both" if weights is not None else "neither",
            action="give one of them",
        )
    if out.suffix != ".onnx":
        path = _export(directory, target, weights, out)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
            path = _export(directory, target, weights, Path(folder)).replace(out)
    digest, size = sha256_file(path), path.stat().st_size
    emit(
        {"path": str(path), "sha256": digest, "bytes": size},
        f"{path}  {size / 1e6:.1f} MB  SHA-256 {digest}",
        as_json=as_json,
    )


def _export(directory: Path | None, target: str | None, weights: Path | None, folder: Path) -> Path:
    from cardembed.export.onnx import export_target_onnx, export_to_onnx
    from cardembed.release import Release, default_release_dir

    if weights is None:
        return export_target_onnx(Release.load(directory or default_release_dir()), str(target), folder)
    from cardembed._imports import require

    require("torch", extra="train")
    from cardembed.models.weights import load_weights

    return export_to_onnx(load_weights(weights), folder)
