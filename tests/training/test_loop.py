"""The loop that all stages share: logs, checkpoints, and a run that was cut off."""

import json

import pytest
import torch
from counted_run import Tally

from cardembed.training.loop import EVERY, LoopOptions, run_steps


def dice(until=None):
    """A run that throws dice."""
    return Tally(lambda: torch.rand(()), until)


@pytest.fixture
def often(monkeypatch):
    """Checkpoints at every step but the last before the interruption."""
    from cardembed.training.run_state import Checkpoint

    save = Checkpoint.save

    def saved(self, state, *, now=False):
        return save(self, state, now=now or state()["step"] <= EVERY + 3)

    monkeypatch.setattr(Checkpoint, "save", saved)


def records(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_that_was_cut_off_throws_what_it_would_have_thrown(tmp_path, often):
    steps, settings = 3 * EVERY, {"what": str(tmp_path)}
    whole, cut, resumed = dice(), dice(until=2 * EVERY + 5), dice()
    run_steps(whole, {"what": "whole"}, steps, LoopOptions(tmp_path / "whole.jsonl"))
    assert float(whole.total) != 0

    log = LoopOptions(tmp_path / "cut.jsonl", resume=True)
    with pytest.raises(KeyboardInterrupt):
        run_steps(cut, settings, steps, log)
    assert [record["step"] for record in records(log.log_path)] == [EVERY, 2 * EVERY]
    run_steps(resumed, settings, steps, log)
    assert resumed.begun == EVERY + 3
    # The second record was written again, not twice.
    assert [record["step"] for record in records(log.log_path)] == [EVERY, 2 * EVERY, 3 * EVERY]

    again = dice()
    run_steps(again, settings, steps, LoopOptions(tmp_path / "again.jsonl"))
    assert float(resumed.total) == float(again.total)
    figures = [
        [record["loss"] for record in records(tmp_path / f"{name}.jsonl")] for name in ("cut", "again")
    ]
    assert figures[0] == figures[1]
    assert float(again.total) != float(whole.total)  # another run throws otherwise


def test_a_folder_of_its_own_begins_anew_and_a_run_whose_weights_are_written_is_forgotten(tmp_path):
    settings, begun = {"what": str(tmp_path)}, []

    def run(folder, *, written=False):
        thrown, options = dice(), LoopOptions(tmp_path / folder / "log.jsonl", resume=True)
        run_steps(thrown, settings, 5, options)
        begun.append((folder, thrown.begun))
        if written:
            options.discard_checkpoint()

    run("one")
    run("one")  # cut off before its weights were written: nothing is left to do
    run("two")
    run("two", written=True)
    run("two")
    assert begun == [("one", 0), ("one", 5), ("two", 0), ("two", 5), ("two", 0)]
    assert [record["step"] for record in records(tmp_path / "two" / "log.jsonl")] == [5]
