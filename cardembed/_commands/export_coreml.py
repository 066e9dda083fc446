"""`cardembed export coreml`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from cardembed._commands._exporting import destination, find_source, finish, input_option, source_options
from cardembed._commands._output import json_option

__all__ = ["coreml"]


@click.command("coreml")
@source_options
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="A .mlpackage, or .mlmodel, or a folder."
)
@click.option(
    "--format", type=click.Choice(["mlpackage", "mlmodel"]), help="By --out; mlpackage for a folder."
)
@click.option("--precision", type=click.Choice(["float16", "float32"]), default="float16", show_default=True)
@input_option("Normalised numbers, or a picture that the model normalises.")
@click.option(
    "--max-batch",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Flexible from 1 to it (mlpackage).",
)
@click.option("--compress", type=click.Choice(["int8", "palette8", "palette4"]), help="Of the weights.")
@json_option
def coreml(
    *,
    directory: Path | None,
    target: str | None,
    weights: Path | None,
    out: Path,
    format: Literal["mlpackage", "mlmodel"] | None,  # noqa: A002 - the option's name
    precision: Literal["float16", "float32"],
    kind: Literal["tensor", "image"],
    max_batch: int,
    compress: Literal["int8", "palette8", "palette4"] | None,
    as_json: bool,
) -> None:
    """Write a Core ML artefact: an ML Program for iOS 16, or a NeuralNetwork (.mlmodel).

    Its contract is read back from disk and our executor compares it with the model before it gets its name.
    A record stands beside it.

    \b
    Example:
      cardembed export coreml --target ios --out ios.mlpackage
    """
    from cardembed.export.coreml import CoreMLOptions, export_coreml

    chosen = format or ("mlmodel" if out.suffix == ".mlmodel" else "mlpackage")
    options = CoreMLOptions(
        format=chosen, precision=precision, input=kind, max_batch=max_batch, compress=compress
    )
    options.check()
    source = find_source("export coreml", directory, target, weights)
    path = destination(out, source.name, *dict.fromkeys((f".{chosen}", ".mlpackage", ".mlmodel")))
    finish(export_coreml(source, path, options), path, as_json=as_json)
