"""`cardembed export onnx`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cardembed._commands._exporting import find_source, finish, source_options
from cardembed._commands._output import json_option

__all__ = ["onnx"]


@click.command("onnx")
@source_options
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A folder, or a .onnx file.")
@click.option(
    "--exporter",
    type=click.Choice(["trace", "dynamo"]),
    default="trace",
    show_default=True,
    help="By tracing, opset 17; or PyTorch's modern one, with the opset that it writes.",
)
@click.option(
    "--input",
    "kind",
    type=click.Choice(["tensor", "image"]),
    default="tensor",
    show_default=True,
    help="Normalised numbers, or RGB bytes that the model normalises.",
)
@click.option("--external-data", is_flag=True, help="Weights in a file beside it (with --exporter dynamo).")
@json_option
def onnx(
    *,
    directory: Path | None,
    target: str | None,
    weights: Path | None,
    out: Path,
    exporter: Any,  # noqa: ANN401 - one of the choices
    kind: Any,  # noqa: ANN401
    external_data: bool,
    as_json: bool,
) -> None:
    """Write an ONNX file: opset 17, dynamic batch, checked against PyTorch before it gets its name.

    In a folder it is called after its architecture. A record stands beside it.

    \b
    Example:
      cardembed export onnx --target android --out android.onnx
    """
    source = find_source("export onnx", directory, target, weights)
    from cardembed.export.onnx_variants import OnnxOptions, export_onnx

    path = out if out.suffix == ".onnx" else out / f"{source.name}.onnx"
    options = OnnxOptions(exporter=exporter, input=kind, external_data=external_data)
    finish(export_onnx(source, path, options), path, as_json=as_json)
