"""`python -m benchmarks.fuzz_hef --count 100000 --seed 0`: read damaged HEFs; exit 1 where one gets through.

Each is a sample with seeded damage. Reading has to end within 2 seconds of the processor and within four
times the file and 16 MiB of memory, with a HEF or an ArtefactError; what is read is judged and written as
JSON too.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import struct
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from pathlib import Path

from benchmarks._hef_files import HEADER_BYTES, mutate
from cardembed.errors import ArtefactError
from cardembed.hef import judge_hef, read_hef, requirement

__all__ = ["MAX_SECONDS", "Fuzzing", "allowed_bytes", "fuzz", "main"]

MAX_SECONDS = 2.0
"""Longest that a file may take."""

SAMPLE = Path(__file__).resolve().parents[1] / "fixtures" / "hef" / "valid_v3.hef"


def allowed_bytes(size: int) -> int:
    """Most memory that reading a file of `size` bytes may take."""
    return 4 * size + 16 * 2**20


@dataclasses.dataclass
class Fuzzing:
    """What came of it."""

    outcomes: Counter[tuple[str, str]]
    """Files by what was done to them and what came of that."""
    slowest: float
    """Seconds of the slowest file."""
    hungriest: int
    """Most bytes that reading took at once, less what it was allowed: negative where none took too much."""
    failures: list[str]
    """What must not happen, with the number of the file."""


def fuzz(count: int, seed: int, sample: Path = SAMPLE) -> Fuzzing:
    """Read `count` damaged copies of a sample."""
    whole = sample.read_bytes()
    version, message_bytes = struct.unpack_from(">II", whole, 4)
    message = whole[HEADER_BYTES[version] :][:message_bytes]
    found = Fuzzing(Counter(), 0.0, -(2**62), [])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "damaged.hef"
        for number in range(count):
            # A generator of its own for each: file n is the same whatever came before.
            damage, data = mutate(random.Random(f"{seed}/{number}"), message)
            file.write_bytes(data)
            _one(file, len(data), number, damage, found)
    return found


def _one(file: Path, size: int, number: int, damage: str, found: Fuzzing) -> None:
    # The processor's seconds: nothing waits here, and a busy machine is not this file's fault. Tracing memory
    # makes everything several times slower, so that time is taken without.
    start = time.process_time()
    outcome = _outcome(file, number, found)
    seconds = time.process_time() - start
    tracemalloc.start()
    _outcome(file, number, found)
    surplus = tracemalloc.get_traced_memory()[1] - allowed_bytes(size)
    tracemalloc.stop()
    if seconds > MAX_SECONDS:
        found.failures.append(f"file {number}: {seconds:.2f} s")
    if surplus > 0:
        found.failures.append(f"file {number}: {surplus} bytes of memory too many")
    found.slowest = max(found.slowest, seconds)
    found.hungriest = max(found.hungriest, surplus)
    found.outcomes[damage, outcome] += 1


def _outcome(file: Path, number: int, found: Fuzzing) -> str:
    try:
        return _read(file)
    except Exception as error:
        found.failures.append(f"file {number}: {type(error).__name__}: {error}")
        return "CRASH"


def _read(file: Path) -> str:
    try:
        hef = read_hef(file)
    except ArtefactError as error:
        str(error)
        return (
            "refused: description" if "description of a network" in error.expected else "refused: container"
        )
    findings = judge_hef(hef, requirement("hailo8l"))
    json.dumps([dataclasses.asdict(hef), *map(dataclasses.asdict, findings)], allow_nan=False)
    return "read: misfit" if any(finding.kind == "misfit" for finding in findings) else "read: fits"


def main(arguments: list[str] | None = None) -> int:
    """Print a table by damage and outcome."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz_hef", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    found = fuzz(options.count, options.seed)
    outcomes = sorted({outcome for _, outcome in found.outcomes})
    print(f"{'damage':<12}" + "".join(f"{outcome:>22}" for outcome in outcomes))
    for damage in sorted({damage for damage, _ in found.outcomes}):
        counts = "".join(f"{found.outcomes[damage, outcome]:>22}" for outcome in outcomes)
        print(f"{damage:<12}{counts}")
    total = "".join(
        f"{sum(n for (_, o), n in found.outcomes.items() if o == outcome):>22}" for outcome in outcomes
    )
    print(f"{'all':<12}{total}")
    print(f"{options.count} files, seed {options.seed}; slowest {found.slowest * 1e3:.0f} ms, memory at most")
    print(f"{-found.hungriest / 2**20:.1f} MiB below what is allowed; {len(found.failures)} failures")
    for failure in found.failures[:20]:
        print(f"  {failure}")
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
