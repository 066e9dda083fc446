"""`cardembed export`: write artefacts that runtimes execute."""

from __future__ import annotations

import click

from cardembed._commands.export_coreml import coreml
from cardembed._commands.export_hailo import hailo
from cardembed._commands.export_onnx import onnx
from cardembed._commands.export_ort import ort
from cardembed._commands.export_simhef import simhef

__all__ = ["command"]


@click.group("export")
def command() -> None:
    """Write a target's artefact, with a record of it beside it.

    \b
    Example:
      cardembed export onnx --target android --out android.onnx
      cardembed export coreml --target ios --out ios.mlpackage
      cardembed export hailo --target hailo8l --out kit
      cardembed export simhef --target hailo8l --out chip.simhef
    """


for subcommand in (onnx, ort, coreml, hailo, simhef):
    command.add_command(subcommand)
