"""The process of `fuzz_onnx` that opens and runs damaged files, and prints a line of JSON about each.

python -m benchmarks._onnx_process FOLDER SEED FIRST BEHIND_LAST
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._onnx_files import SIDE
from benchmarks._onnx_mutants import damage
from cardembed._io import sha256_file
from cardembed.embedders.onnx import OnnxEmbedder
from cardembed.embedders.onnx_safety import check_onnx, check_ort
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.embedders.sessions import open_session
from cardembed.errors import ArtefactError, CardembedError
from cardembed.onnx_graph.limits import GraphLimits

__all__ = ["LIMITS", "MEMORY", "USUAL", "outcome"]

MEMORY = 1 << 30
"""Bytes by which the process may grow."""
LIMITS = GraphLimits(
    tensor_elements=1 << 21, live_elements=1 << 22, work=1 << 29, numbers=1 << 28, folded_work=1 << 28
)
"""In proportion to the samples, which are a few kilobytes."""
USUAL = 10
"""One file of so many is checked within everyday limits, and not run: that may take long."""
_SHORT = ("bad_alloc", "Failed to allocate", "out of memory", "MemoryError")


def outcome(path: Path, *, usual: bool = False) -> tuple[str, str]:
    """Open and run a file, or check it within everyday limits: how it ended, and what must not happen."""
    batch = np.random.default_rng(0).normal(size=(2, 3, SIDE, SIDE)).astype(np.float32)
    try:
        if usual and path.suffix == ".ort":
            check_ort(path, path.read_bytes())
        elif usual:
            check_onnx(path, external_data=path.name.startswith("outside"))
        elif path.name.startswith("outside"):
            _beside(path, batch)
        else:
            chosen = Preprocessing(SIDE)
            digest = sha256_file(path)
            with OnnxEmbedder(
                path, target="server", sha256=digest, preprocessing=chosen, threads=1, limits=LIMITS
            ) as embedder:
                embedder.embed_preprocessed(batch)
    except CardembedError as error:
        text = str(error)
        failed = "several lines" if "\n" in text else text if any(one in text for one in _SHORT) else ""
        return type(error).__name__, failed[:300]
    except Exception as error:  # what this program looks for
        return "CRASH", f"{type(error).__name__}: {error}"[:300]
    return "checked" if usual else "embeddings", ""


def _beside(path: Path, batch: NDArray[np.float32]) -> None:
    """A file whose weights lie beside it, as exports are checked and run."""
    check_onnx(path, external_data=True, limits=LIMITS)
    try:
        session = open_session(str(path), threads=1)
        session.run(None, {session.get_inputs()[0].name: batch})
    except Exception as error:  # ONNX Runtime's own classes
        raise ArtefactError(path, expected="a file that runs", found=str(error), action="none") from error


def main() -> None:
    """The command."""
    reports = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # native code prints as it likes
    folder, seed, first, behind = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    samples = sorted(path for path in folder.iterdir() if path.suffix in (".onnx", ".ort"))
    samples = [path for path in samples if "mutant" not in path.name]
    for sample in samples:
        if outcome(sample) != ("embeddings", ""):
            raise RuntimeError(f"{sample.name} unchanged: {outcome(sample)}")
    usual = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (usual + MEMORY, usual + MEMORY))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(first, behind):
        # A generator of its own for each: file n is the same whatever came before.
        dice = random.Random(f"{seed}/{number}")
        sample = dice.choice(samples)
        kind, data = damage(sample, samples, dice)
        path = folder / f"{sample.stem}-mutant{sample.suffix}"
        path.write_bytes(data)
        start = time.process_time()
        end, failure = outcome(path, usual=number % USUAL == USUAL - 1)
        report = {
            "number": number, "sample": sample.name, "damage": kind, "end": end, "failure": failure,
            "seconds": time.process_time() - start,
            "grown": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10,
        }  # fmt: skip
        print(json.dumps(report), file=reports, flush=True)


if __name__ == "__main__":
    main()
