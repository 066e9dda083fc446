"""What .ci/run takes from the README is what the README says."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RUN = ROOT / ".ci" / "run"

pytestmark = pytest.mark.skipif(not RUN.is_file(), reason="not a checkout")


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("install", 'pip install -e ".[all]"'),
        ("main_job", 'pip install -e ".[all]" && pytest features/ -n 2'),
        ("tests", "pytest tests/ -n 2"),
    ],
)
def test_commands_are_read_without_their_comments(name, command):
    lines = [
        line for line in RUN.read_text().splitlines() if line.startswith(("main_job=", "tests=", "install="))
    ]
    script = "\n".join(["set -euo pipefail", *lines, f'printf "%s" "${{{name}}}"'])
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == command
