"""Makes the steps known to every feature."""

import sys
from pathlib import Path

sys.path.insert(
    0, str(Path(__file__).resolve().parents[1])
)  # steps/ belongs to the project, not to the wheel

pytest_plugins = ["steps.acceptance", "steps.deployment", "steps.device", "steps.models", "steps.reliability"]
