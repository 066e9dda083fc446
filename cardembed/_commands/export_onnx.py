"""`cardembed export onnx`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from cardembed._commands._exporting import destination, find_source, finish, input_option, source_options
from cardembed._commands._output import json_option
from cardembed.errors import UsageError

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
@input_option("Normalised numbers, or RGB bytes that the model normalises.")
@click.option("--external-data", is_flag=True, help="Weights in a file beside it (with --exporter dynamo).")
@click.option("--quantize", type=click.Choice(["int8"]), help="Weights and activations.")
@click.option(
    "--photos",
    type=click.Path(path_type=Path, file_okay=False),
    help="Training or development photos to calibrate INT8 on.",
)
@json_option
def onnx(
    *,
    directory: Path | None,
    target: str | None,
    weights: Path | None,
    out: Path,
    exporter: Literal["trace", "dynamo"],
    kind: Literal["tensor", "image"],
    external_data: bool,
    quantize: str | None,
    photos: Path | None,
    as_json: bool,
) -> None:
    """Write an ONNX file: opset 17, dynamic batch, checked against PyTorch before it gets its name.

    In a folder it is called after its architecture. A record stands beside it.

    \b
    Example:
      cardembed export onnx --target android --out android.onnx
    """
    if (quantize is None) != (photos is None) or (
        quantize is not None and (exporter, kind, external_data) != ("trace", "tensor", False)
    ):
        raise UsageError(
            "export onnx",
            expected="--quantize together with --photos, and without other options of the file",
            found="one of them alone, or others",
            action="make photos with `cardembed photos`, or leave --quantize out",
        )
    source = find_source("export onnx", directory, target, weights)
    from cardembed.export.onnx_variants import OnnxOptions, export_onnx

    path = destination(out, source.name, ".onnx")
    if photos is not None:
        from cardembed.cards.photo_set import PhotoSet
        from cardembed.export.int8 import export_int8

        finish(export_int8(source, path, PhotoSet.load(photos)), path, as_json=as_json)
        return
    options = OnnxOptions(exporter=exporter, input=kind, external_data=external_data)
    finish(export_onnx(source, path, options), path, as_json=as_json)
