"""HailoRT's own measurement of a HEF: `hailortcli run`, whose averages are shown beside ours.

It opens the device itself, so nobody else may have it open; the lock of this project is held meanwhile. Its
CSV has a line a network group: a status, frames a second, the latency on the chip and overall in
milliseconds, and power and temperature where the board measures them (HailoRT 4.23, infer_stats_printer.cpp).
"""

from __future__ import annotations

import csv
import io
import math
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from cardembed.errors import ArtefactError, CardembedError
from cardembed.hailo.deadline import Deadline
from cardembed.hailo.resource import ChipResource, Ownership

__all__ = ["SECONDS", "measure_hef", "parse_run_csv"]

SECONDS = 15
"""How long the tool measures."""
_MARGIN = 45.0
"""Seconds that it may need besides, for opening and closing the device."""
_LIMIT = 1 << 20
_FIGURES = {
    # column: what it is called here
    "fps": "fps",
    "num_of_frames": "frames",
    "hw_latency": "chip_latency_ms",
    "overall_latency": "overall_latency_ms",
    "average_power": "average_power_watt",
    "max_power": "max_power_watt",
    "average_temp": "average_temperature_celsius",
    "max_temp": "max_temperature_celsius",
}


def parse_run_csv(text: str) -> dict[str, Any]:
    """The figures of the first network group in what `hailortcli run --csv` writes.

    Returns:
        `network` and `status`, and of `fps`, `frames`, `chip_latency_ms`, `overall_latency_ms`,
        `average_power_watt`, `max_power_watt`, `average_temperature_celsius`, `max_temperature_celsius`
        those that it measured.

    Raises:
        ArtefactError: No such table, a number that is none, or a run that failed.
    """
    rows = list(csv.DictReader(io.StringIO(text)))
    if not rows or not {"net_name", "status", "fps", "hw_latency"} <= set(rows[0]):
        raise _bad(
            f"{len(rows)} lines below the columns {', '.join(rows[0]) if rows else 'that are missing'}"
        )
    row = rows[0]
    if row["status"] != "0":
        raise _bad(f"status {row['status']} ({row.get('status_description') or 'no description'})")
    found: dict[str, Any] = {"network": row["net_name"], "status": 0}
    for column, name in _FIGURES.items():
        value = row.get(column)
        if value in (None, ""):
            continue
        try:
            number = float(str(value))
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or (number < 0 and "temp" not in column):
            raise _bad(f"{column} {value!r}")
        found[name] = number
    return found


def measure_hef(
    hef: Path, *, resource: ChipResource | None = None, tool: str = "hailortcli"
) -> dict[str, Any]:
    """Let HailoRT's tool measure a HEF; what it cannot is said under `problem`, and raised never.

    Args:
        hef: The compiled network.
        resource: Whose lock is held meanwhile; the usual chip's without.
        tool: The program.
    """
    program = shutil.which(tool)
    if program is None:
        return {"problem": f"{tool} is not installed"}
    owner = Ownership(resource or ChipResource(None))
    try:
        owner.acquire(Deadline.after(5.0))
    except CardembedError as error:
        return {"problem": str(error)}
    try:
        with tempfile.TemporaryDirectory(prefix="hailortcli-") as folder:
            return parse_run_csv(_run(program, hef, Path(folder) / "run.csv"))
    except CardembedError as error:
        return {"problem": str(error)}
    finally:
        owner.release()


def _run(program: str, hef: Path, out: Path) -> str:
    command = [program, "run", str(hef.resolve()), "--measure-latency", "--measure-overall-latency"]
    command += ["--csv", str(out), "-t", str(SECONDS), "--batch-size", "1"]
    try:
        done = subprocess.run(
            command, cwd=out.parent, capture_output=True, text=True, errors="replace",
            timeout=SECONDS + _MARGIN, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise _bad(f"no end within {error.timeout:g} s") from error
    except OSError as error:
        raise _bad(str(error)) from error
    if not out.is_file():
        said = " ".join((done.stderr or done.stdout).split())[-300:]
        raise _bad(f"exit code {done.returncode}: {said or 'nothing said'}")
    with out.open(encoding="utf-8", errors="replace") as file:
        return file.read(_LIMIT)


def _bad(found: str) -> ArtefactError:
    return ArtefactError(
        "hailortcli run",
        expected="a table with the latency of a network",
        found=found,
        action="run it by hand: hailortcli run FILE --measure-latency --csv OUT",
    )
