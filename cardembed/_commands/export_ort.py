"""`cardembed export ort`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from cardembed._commands._exporting import destination, find_source, finish, input_option, source_options
from cardembed._commands._output import json_option

__all__ = ["ort"]


@click.command("ort")
@source_options
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A folder, or a .ort file.")
@input_option("Normalised numbers, or RGB bytes that the model normalises.")
@json_option
def ort(
    *,
    directory: Path | None,
    target: str | None,
    weights: Path | None,
    out: Path,
    kind: Literal["tensor", "image"],
    as_json: bool,
) -> None:
    """Write a file in ONNX Runtime's own format, for phones, and the operators that it needs.

    It is compared with the ONNX file that it is made from. A record stands beside it.

    \b
    Example:
      cardembed export ort --target android --out android.ort
    """
    source = find_source("export ort", directory, target, weights)
    from cardembed.export.onnx_variants import OnnxOptions
    from cardembed.export.ort import export_ort

    path = destination(out, source.name, ".ort")
    finish(export_ort(source, path, OnnxOptions(input=kind)), path, as_json=as_json)
