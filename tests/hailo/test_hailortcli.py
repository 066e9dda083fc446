"""HailoRT's own tool: its table is read, and whatever goes wrong is said and never raised."""

import stat
import sys
from pathlib import Path

import pytest

from cardembed.errors import ArtefactError
from cardembed.hailo import hailortcli
from cardembed.hailo.deadline import Deadline
from cardembed.hailo.hailortcli import measure_hef, parse_run_csv
from cardembed.hailo.resource import ChipResource, Ownership

HEAD = (
    "net_name,status,status_description,fps,num_of_frames,send_rate,recv_rate,hw_latency,overall_latency,"
    "min_power,average_power,max_power,min_current,average_current,max_current,min_temp,average_temp,max_temp"
)
"""The columns of HailoRT 4.23."""
BARE = "net/net,0,HAILO_SUCCESS,54.3,815,65.4,0.33,17.9,18.6,,,,,,,,,"
FULL = "net/net,0,HAILO_SUCCESS,54.3,815,65.4,0.33,17.9,18.6,1.1,1.5,1.9,,,,50.2,51.4,52.6"
FAILED = "net/net,4,HAILO_TIMEOUT,,,,,,,,,,"


def test_the_figures_that_it_measured():
    assert parse_run_csv(f"{HEAD}\n{BARE}\n") == {
        "network": "net/net", "status": 0, "fps": 54.3, "frames": 815, "chip_latency_ms": 17.9,
        "overall_latency_ms": 18.6,
    }  # fmt: skip
    full = parse_run_csv(f"{HEAD}\r\n{FULL}\r\n{BARE}\r\n")
    assert (full["average_power_watt"], full["max_temperature_celsius"]) == (1.5, 52.6)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "0 lines"),
        (HEAD, "0 lines"),
        ("a,b\n1,2\n", "columns a, b"),
        (f"{HEAD}\n{FAILED}\n", "status 4 .HAILO_TIMEOUT"),
        (f"{HEAD}\n{BARE.replace('17.9', 'nan')}\n", "hw_latency 'nan'"),
        (f"{HEAD}\n{BARE.replace('17.9', '-1')}\n", "hw_latency '-1'"),
        (f"{HEAD}\n{BARE.replace('54.3', 'fast')}\n", "fps 'fast'"),
    ],
)
def test_other_tables_are_refused(text, found):
    with pytest.raises(ArtefactError, match=found):
        parse_run_csv(text)


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """Puts a program in the place of hailortcli, and locks in a folder of their own."""
    monkeypatch.setenv("CARDEMBED_LOCKS", str(tmp_path))

    def tool(body):
        program = tmp_path / "hailortcli"
        program.write_text(f"#!{sys.executable}\nimport sys, time\n{body}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return str(program)

    return tool


WRITES = f"""
arguments = sys.argv[1:]
assert arguments[0] == "run" and arguments[1].endswith("net.hef"), arguments
assert "--measure-latency" in arguments and "--measure-overall-latency" in arguments
open(arguments[arguments.index("--csv") + 1], "w").write({HEAD!r} + "\\n" + {BARE!r} + "\\n")
"""


def test_it_is_run_while_the_lock_is_held(tool, tmp_path):
    hef = tmp_path / "net.hef"
    assert measure_hef(hef, tool=tool(WRITES))["chip_latency_ms"] == 17.9
    owner = Ownership(ChipResource(None))
    owner.acquire(Deadline.after(0.2))  # it was given back
    owner.release()


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("sys.exit('no device')", "exit code 1: no device"),
        ("time.sleep(30)", "no end within 0.5 s"),
        ("open(sys.argv[sys.argv.index('--csv') + 1], 'w')", "0 lines"),
    ],
)
def test_what_it_cannot_is_said(tool, body, found, monkeypatch):
    monkeypatch.setattr(hailortcli, "SECONDS", 0)
    monkeypatch.setattr(hailortcli, "_MARGIN", 0.5 if "sleep" in body else 20)
    assert found in measure_hef(Path("net.hef"), tool=tool(body))["problem"]


def test_without_it_or_without_the_lock(tool, tmp_path):
    assert "not installed" in measure_hef(Path("net.hef"), tool=str(tmp_path / "nothing"))["problem"]
