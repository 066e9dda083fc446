"""`pytest features/` with options that name paths: pytest seeks settings above every path that it sees."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXTS = [
    ROOT / "README.md",
    ROOT / ".ci" / "run",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / ".github" / "workflows").glob("*.yml")),
]


def judge(*options):
    command = [sys.executable, "-m", "pytest", "features/", "--collect-only", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def test_a_path_behind_an_equals_sign_is_no_test():
    found = judge("--target", "hailo8l", "--photos=fixtures", "--release=fixtures/release")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "test_acceptance.py" in found.stdout


def test_a_path_behind_a_space_costs_one_line_that_says_what_to_write():
    found = judge("--photos", "fixtures")
    assert found.returncode == 4
    assert "--photos=DIR" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: file.name)
def test_commands_in_documents_can_be_copied(file):
    text = file.read_text(encoding="utf-8").replace("\\\n", " ")
    commands = re.findall(r'pytest"? features/[^\n`#]*', text)
    assert not [
        command for command in commands if re.search(r"--(photos|release|report|hef|catalogue) ", command)
    ]
