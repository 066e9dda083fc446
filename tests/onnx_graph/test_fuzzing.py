"""The program that damages ONNX and ORT files, on a few of them; `tox -e fuzz` does 50,000."""

import sys

import pytest

from benchmarks import fuzz_onnx


def test_damaged_files_end_in_embeddings_or_in_an_error_of_ours(capsys):
    assert fuzz_onnx.main(["--count", "150", "--seed", "9"]) == 0
    text = capsys.readouterr().out
    assert "150 files, seed 9" in text
    assert "0 failures" in text
    assert {"attention.ort", "quantised.onnx", "outside.onnx"} <= {*text.split()}


def test_a_process_that_dies_is_a_failure_and_the_next_goes_on(monkeypatch):
    code = (
        "import json, os, sys\n"
        "for number in range(*map(int, sys.argv[1:])):\n"
        "    if number == 3: os.abort()\n"
        "    print(json.dumps(dict(number=number, sample='s', damage='d', end='e', failure='', seconds=0.1,"
        " grown=7)), flush=True)\n"
    )
    command = lambda folder, seed, start, stop: [sys.executable, "-c", code, str(start), str(stop)]  # noqa: E731
    monkeypatch.setattr(fuzz_onnx, "_command", command)
    found = fuzz_onnx.fuzz(6, 1)
    assert found.ends == {("s", "d", "e"): 5, ("?", "?", "process died"): 1}
    assert found.failures == ["file 3: the process ended with -6"]
    assert (found.slowest, found.grown) == (0.1, 7)


def test_a_process_that_hangs_is_a_failure(monkeypatch):
    code = "import sys, time; time.sleep(100 * (sys.argv[1] == '0'))"
    command = lambda folder, seed, start, stop: [sys.executable, "-c", code, str(start)]  # noqa: E731
    monkeypatch.setattr(fuzz_onnx, "_command", command)
    monkeypatch.setattr(fuzz_onnx, "_HANGS", 0.5)
    assert fuzz_onnx.fuzz(1, 1).failures == ["file 0: no end"]


def test_a_mistake_of_the_program_itself_ends_it(monkeypatch):
    command = lambda folder, seed, start, stop: [sys.executable, "-c", "raise ValueError"]  # noqa: E731
    monkeypatch.setattr(fuzz_onnx, "_command", command)
    with pytest.raises(RuntimeError, match="ended with 1"):
        fuzz_onnx.fuzz(2, 1)
