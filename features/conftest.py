"""Makes the steps known to every feature."""

import sys
from pathlib import Path

import pytest

sys.path.insert(
    0, str(Path(__file__).resolve().parents[1])
)  # steps/ belongs to the project, not to the wheel

pytest_plugins = ["steps.acceptance", "steps.deployment", "steps.device", "steps.models", "steps.reliability"]


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Say what to write where pytest did not find the settings beside this file.

    pytest looks for settings above everything that it takes for a test, before it knows our options: an
    existing path behind `--photos` and a space is such a thing, and then it finds those of the unit tests.
    """
    if not pluginmanager.hasplugin("cardembed.conformance.recorder"):
        raise pytest.UsageError(
            "pytest read other settings than features/pytest.ini: it takes an option's path for one to test. "
            "Write options that name a path with an equals sign: --photos=DIR --release=DIR --report=DIR "
            "--hef=FILE"
        )
