"""What the workflow files may do, and that the commands in them exist. `tox -e workflows` runs actionlint."""

import re
import shlex
from pathlib import Path

import click
import pytest

from cardembed.cli import cli

yaml = pytest.importorskip("yaml")

FOLDER = Path(__file__).resolve().parents[1] / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))

pytestmark = pytest.mark.skipif(not FILES, reason="not a checkout")


def parsed(file):
    content = yaml.safe_load(file.read_text())
    content["on"] = content.pop(True)  # YAML 1.1 reads the key `on` as a truth value
    return content


def jobs():
    return [(file.stem, name, job) for file in FILES for name, job in parsed(file)["jobs"].items()]


def scripts():
    return [
        (f"{file}/{name}", step["run"])
        for file, name, job in jobs()
        for step in job.get("steps", ())
        if "run" in step
    ]


def test_there_is_one_a_machine_and_the_gate():
    assert [file.stem for file in FILES] == ["developer", "gate", "mac", "raspberry-pi"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_may_read_the_contents_and_nothing_else(file):
    content = parsed(file)
    assert content["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in content["on"]
    assert all("permissions" not in job for job in content["jobs"].values())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_actions_are_pinned_by_their_commit(file):
    used = re.findall(r"uses: (\S+)(.*)", file.read_text())
    assert used
    for action, comment in used:
        if not action.startswith("./"):
            assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action)
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment)


def test_checkouts_leave_no_token_and_jobs_end():
    for _, name, job in jobs():
        assert "uses" in job or job["timeout-minutes"] <= 120, name
        for step in job.get("steps", ()):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_secrets_come_from_the_repository_and_stand_in_no_script():
    for file in FILES:
        text = file.read_text()
        assert not re.search(r"BEGIN [A-Z ]*PRIVATE KEY|ed25519:", text)
        assert set(re.findall(r"secrets\.(\w+)", text)) <= {
            f"CARDEMBED_{of}_KEY" for of in ("DESK", "PI", "MAC")
        }
    for name, script in scripts():
        assert "${{" not in script, name  # an expression in a script is a script that somebody else writes


def test_the_chip_is_driven_by_a_process_of_its_own():
    # docs/HAILO.md promises what a run says where HailoRT takes the process down.
    judges = [script for name, script in scripts() if "--device" in script]
    assert len(judges) == 2
    assert all("features/ -n 1 " in script for script in judges)


def test_the_pis_job_is_rehearsed_without_the_extras():
    jobs = parsed(FOLDER / "developer.yml")["jobs"]
    rehearsal = [step["run"] for step in jobs["rehearsal"]["steps"] if "run" in step]
    assert rehearsal[0] == "pip install -e ."
    assert "--device simulator" in rehearsal[-1]
    assert jobs["rehearsal"]["needs"] == "rehearsal-inputs"
    # Nothing of it goes to the gate, which takes every bundle that is named so.
    names = {step["with"].get("name", "") for step in jobs["rehearsal"]["steps"] if "with" in step}
    assert not any(name.startswith("bundle-") for name in names)


def test_a_strangers_code_does_not_run_on_the_pi():
    content = parsed(FOLDER / "raspberry-pi.yml")
    assert set(content["on"]) == {"workflow_dispatch", "workflow_call"}
    assert "self-hosted" in content["jobs"]["features"]["runs-on"]
    assert all("self-hosted" not in str(job) for file, _, job in jobs() if file != "raspberry-pi")


def test_the_gate_takes_the_bundle_of_every_machine():
    gate = parsed(FOLDER / "gate.yml")["jobs"]
    called = {Path(job["uses"]).stem for job in gate.values() if "uses" in job}
    assert called == {"developer", "raspberry-pi", "mac"}
    assert {"desk", "raspberry-pi", "mac"} <= set(gate["gate"]["needs"])
    uploaded = {
        step["with"]["name"]
        for _, _, job in jobs()
        for step in job.get("steps", ())
        if step.get("uses", "").startswith("actions/upload-artifact@")
    }
    assert {"bundle-desk", "bundle-raspberry-pi", "bundle-mac"} <= uploaded
    (pattern,) = [
        step["with"]["pattern"]
        for step in gate["gate"]["steps"]
        if step.get("uses", "").startswith("actions/download-artifact@")
    ]
    assert pattern == "bundle-*"


def cardembed_commands():
    for name, script in scripts():
        for line in script.replace("\\\n", " ").splitlines():
            words = shlex.split(line.split("|")[0])
            if words and Path(words[0]).name == "cardembed":
                yield pytest.param(words[1:], id=f"{name}: {words[1]}")


@pytest.mark.parametrize("words", list(cardembed_commands()))
def test_commands_and_their_options_exist(words):
    command, context, rest = cli, click.Context(cli), list(words)
    while isinstance(command, click.Group):
        command = command.get_command(context, rest.pop(0))
        assert command is not None, words
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= known
