import json
import subprocess
import sys

import pytest

from cardembed import __version__
from cardembed.cli import COMMANDS, cli


def leaves(command, path=()):
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from leaves(inner, (*path, name))
    else:
        yield path, command


def every_command():
    import click

    context = click.Context(cli)
    for name in COMMANDS:
        yield from leaves(cli.get_command(context, name), (name,))


def test_every_command_has_an_example_and_json():
    for path, command in every_command():
        assert "Example" in (command.help or ""), path
        assert any("--json" in parameter.opts for parameter in command.params), path


def test_help_lists_every_command(run):
    code, out, _ = run("--help")
    assert code == 0
    for name in COMMANDS:
        assert f"  {name} " in out


def test_version(run):
    assert run("--version")[:2] == (0, f"cardembed, version {__version__}\n")


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("cards", "nonsense"), ("gate", "--nonsense"), ("cards", "print", "--count")]
)
def test_misuse_is_one_line_and_exit_code_two(run, arguments):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("cardembed: error: ")
    assert err.count("\n") == 1


def test_doctor_tells_of_every_target(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "hailo_platform", None)  # this is no machine with a chip
    code, out, _ = run("doctor", "--json")
    assert code == 0
    found = json.loads(out)
    assert [target["target"] for target in found["targets"]] == [
        "teacher",
        "server",
        "android",
        "ios",
        "hailo8l",
    ]
    assert {target["fidelity"] for target in found["targets"]} <= {"reference", "emulated", "runtime"}


def test_importing_cardembed_and_asking_for_help_imports_no_heavy_library():
    code = (
        "import sys; from cardembed.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'timm', 'onnxruntime', 'faiss', 'coremltools', 'scipy'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"


def test_every_public_name_can_be_imported():
    import cardembed

    for name in cardembed.__all__:
        assert getattr(cardembed, name) is not None


@pytest.mark.parametrize("arguments", [[], ["cards"], ["release"]])
def test_without_a_command_the_help_is_shown_as_it_is(arguments, run):
    code, _, error = run(*arguments)
    assert code == 2
    assert error.startswith("Usage: ")
    assert "\nCommands:\n" in error
