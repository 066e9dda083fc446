"""What a machine says of itself; a Mac's commands are answered here."""

import subprocess
from types import SimpleNamespace

import pytest

from cardembed.devices.hardware import thermal_state, this_hardware

NOTES = """Note: No thermal warning level has been recorded
Note: No performance warning level has been recorded
Note: No CPU power status has been recorded
"""
POWER = (
    "CPU Power notify\n\tCPU_Scheduler_Limit \t= 100\n\tCPU_Available_CPUs \t= 8\n\tCPU_Speed_Limit \t= {}\n"
)


@pytest.fixture
def mac(monkeypatch):
    """A Mac whose commands say what they are told to; what is not told fails."""
    said = {}

    def run(command, **_):
        if command[0] not in said:
            raise FileNotFoundError(command[0])
        return subprocess.CompletedProcess(command, 0, stdout=said[command[0]])

    fake = SimpleNamespace(
        machine=lambda: "arm64",
        system=lambda: "Darwin",
        release=lambda: "24.5.0",
        mac_ver=lambda: ("15.5", ("", "", ""), "arm64"),
    )
    monkeypatch.setattr("cardembed.devices.hardware.platform", fake)
    monkeypatch.setattr("cardembed.devices.hardware.subprocess.run", run)
    return said


def test_a_mac_has_its_models_name_and_macos_version(mac):
    mac["sysctl"] = "MacBookPro18,3\n"
    found = this_hardware()
    assert (found.model, found.os, found.os_version, found.physical) == (
        "MacBookPro18,3", "macOS", "15.5", True,
    )  # fmt: skip
    del mac["sysctl"]
    assert this_hardware().model == "arm64"


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (NOTES, "nominal"),
        (POWER.format(100), "nominal"),
        (NOTES + POWER.format(70), "serious"),
        ("Thermal Warning Level = 0\n", "nominal"),
        ("Thermal Warning Level = 1\n", "fair"),
        ("Thermal Warning Level = 5\n", "serious"),
        ("Thermal Warning Level = 10\n", "critical"),
        ("Thermal Warning Level = 255\n", "unknown"),
        ("something new\n", "unknown"),
        ("", "unknown"),
    ],
)
def test_how_hot_a_mac_is(mac, text, state):
    mac["pmset"] = text
    assert thermal_state() == state


def test_a_mac_without_the_command_says_nothing(mac):
    assert thermal_state() == "unknown"


def test_elsewhere_no_command_is_run(monkeypatch):
    monkeypatch.setattr("cardembed.devices.hardware.subprocess.run", lambda *_, **__: pytest.fail("run"))
    monkeypatch.setattr("cardembed.devices.hardware.platform.system", lambda: "Linux")
    assert thermal_state() == "unknown"
    assert this_hardware().os == "Linux"
