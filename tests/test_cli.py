import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cardembed import __version__
from cardembed.cli import COMMANDS, cli

FIXTURES = Path(__file__).parents[1] / "fixtures"
RELEASE, PHOTO = FIXTURES / "release", FIXTURES / "photos" / "card.jpg"


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


def test_misuse_says_where_to_look(run):
    assert run("cards", "nonsense")[2].endswith(" See: cardembed cards --help\n")
    assert run("nonsense")[2].endswith(" See: cardembed --help\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("embed", RELEASE, PHOTO, "--target", "android", "--out"),
        ("index", "build", "--out"),
        ("export", "onnx", "--target", "android", "--out"),
        ("export", "ort", "--target", "android", "--out"),
        ("export", "coreml", "--target", "ios", "--out"),
    ],
    ids=lambda arguments: " ".join(map(str, arguments[:2])),
)
def test_a_place_that_nothing_can_be_written_to_is_refused_first(run, tmp_path, arguments):
    (tmp_path / "file").touch()
    suffix = ".json" if arguments[0] in ("embed", "index") else ""
    out = tmp_path / "file" / f"made{suffix}"
    code, printed, err = run(*arguments, out)
    assert (code, printed) == (2, "")
    assert f"expected a place to write to, found {tmp_path / 'file'}, which is a file" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("kind", "name", "wanted"),
    [
        ("onnx", "a.foo", ".onnx"),
        ("ort", "a.onnx", ".ort"),
        ("coreml", "a.onnx", ".mlpackage or .mlmodel"),
    ],
)
def test_an_export_is_called_what_it_is(run, tmp_path, kind, name, wanted):
    code, _, err = run("export", kind, "--target", "ios", "--out", tmp_path / name)
    assert code == 2
    assert f"expected a folder, or a file {wanted}, found '{name[1:]}'" in err
    assert not (tmp_path / name).exists()


def test_what_the_system_refuses_is_one_line(run, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "made.json")

    monkeypatch.setattr("cardembed._commands.doctor.emit", full)
    code, _, err = run("doctor")
    assert code == 2
    assert err.startswith("cardembed: error: made.json: expected")
    assert "No space left on device" in err


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
