"""Damaged ONNX and ORT files: each must end in embeddings or in an error of ours, within two seconds.

    python -m benchmarks.fuzz_onnx --count 50000 --seed 1

Small files are made, then bits are flipped, pieces cut out, moved or overwritten, fields of the protobuf
and words of the flatbuffer replaced, operators and shapes exchanged. ONNX Runtime is native code: files are
opened and run in a process of their own, which may not grow by more than 1 GiB. Where that one dies or hangs,
the file is a failure, and the next process goes on behind it. Prints how many ended how; the exit code is 1
if one failed.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks._onnx_files import make_samples

__all__ = ["SECONDS", "Fuzzing", "fuzz", "main"]

SECONDS = 2.0
"""Longest time of the processor that a file may take, opened and run; waiting is not its fault."""
_HANGS = 60.0
"""Seconds by the clock after which a process is given up."""
_AT_ONCE = 1000


@dataclass
class Fuzzing:
    """What came of it."""

    ends: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Files by sample, by what was done to them, and by what came of that."""
    slowest: float = 0.0
    """Seconds of the slowest file."""
    grown: int = 0
    """Most MiB by which a process grew."""
    failures: list[str] = field(default_factory=list)
    """What must not happen, with the number of the file."""


def fuzz(count: int, seed: int, *, first: int = 0) -> Fuzzing:
    """Damage, open and run `count` files, in processes of their own."""
    found = Fuzzing()
    with tempfile.TemporaryDirectory() as name:
        make_samples(Path(name))
        number = first
        while number < first + count:
            number = _some(Path(name), seed, number, min(number + _AT_ONCE, first + count), found)
    return found


def _command(folder: Path, seed: int, start: int, stop: int) -> list[str]:
    return [sys.executable, "-m", "benchmarks._onnx_process", str(folder), str(seed), str(start), str(stop)]


def _some(folder: Path, seed: int, start: int, stop: int, found: Fuzzing) -> int:
    """Have a process do files from `start` on; gives the number of the first that nobody did."""
    number = start
    command = _command(folder, seed, start, stop)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        for line in _lines(process):
            report: dict[str, Any] = json.loads(line)
            number = report["number"] + 1
            _count(report, found)
        code = process.wait()
    if number == stop and not code:
        return stop
    if code > 0:  # Python's own end, not native code's: a mistake in this program
        raise RuntimeError(f"{' '.join(command)} ended with {code}")
    found.failures.append(f"file {number}: {'no end' if code == -9 else f'the process ended with {code}'}")
    found.ends["?", "?", "process died"] += 1
    return number + 1


def _count(report: dict[str, Any], found: Fuzzing) -> None:
    found.ends[report["sample"], report["damage"], report["end"]] += 1
    found.slowest = max(found.slowest, report["seconds"])
    found.grown = max(found.grown, report["grown"])
    if report["failure"]:
        found.failures.append(f"file {report['number']} ({report['sample']}): {report['failure']}")
    elif report["seconds"] > SECONDS:
        found.failures.append(f"file {report['number']} ({report['sample']}): {report['seconds']:.1f} s")


def _lines(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """What a process prints, line by line; it is killed where it prints nothing for too long."""
    assert process.stdout is not None
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(_HANGS):
                process.kill()
                return
            read = os.read(process.stdout.fileno(), 1 << 16)  # what there is, without waiting for more
            if not read:
                return
            *whole, rest = (rest + read).split(b"\n")
            yield from whole


def main(arguments: list[str] | None = None) -> int:
    """Print tables of what was done and what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz_onnx", description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    chosen = parser.parse_args(arguments)
    before = time.perf_counter()
    found = fuzz(chosen.count, chosen.seed, first=chosen.first)
    for (sample, kind, end), times in sorted(found.ends.items()):
        print(f"{times:8} {sample:18} {kind:8} {end}")
    print(f"{chosen.count} files, seed {chosen.seed}, {time.perf_counter() - before:.0f} s; ", end="")
    print(f"slowest {found.slowest:.2f} s, {found.grown} MiB more at most; {len(found.failures)} failures")
    for failure in found.failures[:50]:
        print(f"  {failure}")
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
