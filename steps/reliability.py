"""The phrases of bad input."""

from __future__ import annotations

from pathlib import Path

from pytest_bdd import given, parsers, then, when

from cardembed.conformance.bad_folders import write_bad_folder
from cardembed.conformance.bad_input import CommandLine, write_bad_image


@given(parsers.parse('the file "{name}"'), target_fixture="command_line")
def bad_image(name: str, tmp_path: Path) -> CommandLine:
    write_bad_image(tmp_path, name)
    return CommandLine(tmp_path)


@given(parsers.parse('the folder "{name}"'), target_fixture="command_line")
def bad_folder(name: str, tmp_path: Path) -> CommandLine:
    write_bad_folder(tmp_path, name)
    return CommandLine(tmp_path)


@when(parsers.parse("running: cardembed {arguments}"))
def run(command_line: CommandLine, arguments: str) -> None:
    command_line.run(arguments)


@then(parsers.parse("the exit code is {code:d}"))
def exits_with(command_line: CommandLine, code: int) -> None:
    command_line.exits_with(code)


@then(parsers.parse('standard error is one line that names "{name}"'))
def complains_about(command_line: CommandLine, name: str) -> None:
    command_line.complains_in_one_line_about(name)


@then("nothing was written")
def wrote_nothing(command_line: CommandLine) -> None:
    command_line.wrote_nothing()
