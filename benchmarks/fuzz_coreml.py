"""Mutated Core ML artefacts: each must end in a prediction or in an ArtefactError, within two seconds.

Memory is bounded for all of them together: the process may not have grown by more than 1 GiB.

    python -m benchmarks.fuzz_coreml --count 50000 --seed 1

Small artefacts are made with coremltools, then bits are flipped, pieces cut out, doubled, moved or
overwritten with extreme numbers, in the manifest, the program and the weights. Prints how many ended how; the
exit code is 1 if one ended otherwise, or memory grew.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

from cardembed.coreml.fuzz_samples import make_samples
from cardembed.coreml.fuzzing import outcome, run

__all__ = ["main"]

MEMORY = 1024
"""MiB that the process may have grown by at its largest. The limits allow 8 M numbers at a time, 32 MiB."""


def _largest() -> int:
    """Most memory that the process had so far, in MiB."""
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="mutate small Core ML artefacts and execute them")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        samples = make_samples(folder)
        for sample in samples:
            if outcome(sample) != "prediction":
                raise RuntimeError(f"{sample.name} unchanged: {outcome(sample)}")
        before, memory = time.perf_counter(), _largest()
        ends = run(samples, chosen.count, chosen.seed, folder)
        seconds = time.perf_counter() - before
    print(f"{chosen.count} mutants, seed {chosen.seed}, {seconds:.0f} s")
    for (file, end), times in sorted(ends.items()):
        print(f"{times:8} {file:16} {end}")
    bad = sum(times for (_, end), times in ends.items() if end not in ("prediction", "read", "ArtefactError"))
    print(f"{bad:8} ended otherwise")
    grown = _largest() - memory
    print(f"{grown:8} MiB more at the largest, {MEMORY} allowed")
    return 1 if bad or grown > MEMORY else 0


if __name__ == "__main__":
    sys.exit(main())
