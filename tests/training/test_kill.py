"""A training that is killed, not asked to stop: what it left goes on."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from counted_run import SETTINGS, STEPS, Tally, one

from cardembed.training.loop import LoopOptions, run_steps
from cardembed.training.run_state import Checkpoint


def steps_of(log):
    lines = log.read_text().splitlines() if log.is_file() else []
    return [int(json.loads(line)["step"]) for line in lines if line.endswith("}")]


def test_a_run_that_is_killed_goes_on_from_its_last_checkpoint(tmp_path):
    log, checkpoint = tmp_path / "log.jsonl", Checkpoint(SETTINGS)
    checkpoint.discard()
    program = Path(__file__).with_name("counted_run.py")
    running = subprocess.Popen([sys.executable, str(program), str(log)])
    try:
        deadline = time.monotonic() + 300
        while not (checkpoint.path.is_file() and len(steps_of(log)) > 50):
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        running.send_signal(signal.SIGKILL)
        assert running.wait() == -signal.SIGKILL
        kept = checkpoint.load()
        assert kept is not None
        assert 0 < kept["step"] <= steps_of(log)[-1]
        resumed = Tally(one, until=kept["step"] + 7)
        with pytest.raises(KeyboardInterrupt):
            run_steps(resumed, SETTINGS, STEPS, LoopOptions(log, resume=True))
        assert resumed.begun == kept["step"]
        assert int(resumed.total) == kept["step"] + 7  # none is counted twice, none is lost
    finally:
        running.kill()
        checkpoint.discard()


def test_less_than_a_minute_is_lost():
    assert Checkpoint(SETTINGS).interval <= 30
