"""What this machine says of itself: model, system and thermal state."""

from __future__ import annotations

import platform
import re
import subprocess

from cardembed.devices.wire import Hardware, ThermalState

__all__ = ["thermal_state", "this_hardware"]

_SECONDS = 10
_NO_WARNING = "No thermal warning level has been recorded"
_WARNING = re.compile(r"Thermal Warning Level\s*=\s*(\d+)")
_SPEED = re.compile(r"CPU_Speed_Limit\s*=\s*(\d+)")
_DANGER, _CRITICAL, _UNKNOWN = 5, 10, 255
"""Of IOKit's IOPM.h: what may slow a Mac down, what may switch it off soon, and what says nothing."""


def this_hardware() -> Hardware:
    """The machine. On a Mac the model's identifier and macOS's version, elsewhere processor and kernel."""
    model, system, version = platform.machine(), platform.system(), platform.release()
    if system == "Darwin":
        model = _said("sysctl", "-n", "hw.model") or model
        system, version = "macOS", platform.mac_ver()[0]
    return Hardware(
        model=model[:200] or "unknown", os=system or "unknown", os_version=version or "unknown", physical=True
    )


def thermal_state() -> ThermalState:
    """How hot a Mac is, by `pmset -g therm`; "unknown" elsewhere, and where it says nothing.

    A processor that is slowed down counts as serious, as Android's "severe" does.
    """
    if platform.system() != "Darwin":
        return "unknown"
    text = _said("pmset", "-g", "therm")
    levels = [int(level) for level in _WARNING.findall(text)]
    speeds = [int(speed) for speed in _SPEED.findall(text)]
    level = max((one for one in levels if one != _UNKNOWN), default=None)
    if level == _CRITICAL:
        return "critical"
    if any(speed < 100 for speed in speeds) or (level is not None and level >= _DANGER):
        return "serious"
    if level is not None and level > 0:
        return "fair"
    return "nominal" if level == 0 or speeds or _NO_WARNING in text else "unknown"


def _said(*command: str) -> str:
    """What a command prints; "" where it fails or is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
