"""The command line. Each command lives in a file of its own under `_commands` and is imported when called."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import click

from cardembed._version import __version__
from cardembed.errors import CardembedError, UsageError

__all__ = ["COMMANDS", "cli", "main"]

COMMANDS: dict[str, tuple[str, str]] = {
    # name: (module under cardembed._commands, what it does in a line)
    "cards": ("cards", "Print synthetic cards; check a catalogue."),
    "photos": ("photos", "Make and check photo sets."),
    "train": ("train", "Train a teacher, distil a student."),
    "export": ("export", "Write a target's artefact."),
    "calibrate": ("calibrate", "Find a release's match thresholds on development photos."),
    "release": ("release", "Assemble a release, and verify one."),
    "embed": ("embed", "Embed images with an artefact."),
    "index": ("index", "Build a reference database."),
    "identify": ("identify", "Name the card on a photo."),
    "inspect": ("inspect", "Tell what a compiled artefact holds, and whether it fits its target."),
    "import-artefact": ("import_artefact", "Take a compiled artefact into a release."),
    "compare": ("compare", "Find the layer at which two artefacts part."),
    "parity": ("parity", "Compare a release's artefacts with its weights, and test that check."),
    "gate": ("gate", "Decide from evidence bundles whether a release may ship."),
    "device": ("device", "Ask a phone or a Mac, and take its answer as evidence."),
    "report": ("report", "Write the HTML report of a bundle."),
    "doctor": ("doctor", "Tell what this machine can and cannot judge."),
}
"""Every command. Its click object is the attribute `command` of its module."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"cardembed._commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):  # from the table: importing all of them would be slow
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cardembed")
def cli() -> None:
    """Judge card-embedding releases: cards, photos, embeddings, evidence, gate.

    \b
    Example:
      cardembed identify photo.jpg
    """


def _see(error: click.ClickException) -> str:
    """What to do about a misuse that click found."""
    context = getattr(error, "ctx", None)
    return "" if context is None else f" See: {context.command_path} --help"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exit code 0, 1 (the answer is no), 2 (misuse, bad input, not possible here)."""
    try:
        given = None if arguments is None else list(arguments)
        code = cli.main(args=given, prog_name="cardembed", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("cardembed: aborted", err=True)
        sys.exit(130)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else error.format_message(), err=True)
        sys.exit(2)
    except click.ClickException as error:
        click.echo(f"cardembed: error: {' '.join(error.format_message().split())}{_see(error)}", err=True)
        sys.exit(2)
    except CardembedError as error:
        click.echo(f"cardembed: error: {error}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:  # a full disk, a folder that turned out to be a file
        if error.errno is None:
            raise
        refused = UsageError(
            error.filename or "a file",
            expected="a file that can be read or written there",
            found=error.strerror or str(error),
            action="choose another place, or make room",
        )
        click.echo(f"cardembed: error: {refused}", err=True)
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)
