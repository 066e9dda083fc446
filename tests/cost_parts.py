"""What a call may take: the processor's time, and memory beyond what the process has."""

import ctypes
import gc
import os
import time
from contextlib import contextmanager
from pathlib import Path

MIB = 1 << 20
_PEAK = Path("/proc/self/clear_refs")
"""Linux's: "5" written into it starts the process's peak anew. `ru_maxrss` is that of its whole life, which a
test after a larger one never reaches."""


@contextmanager
def costs_at_most(*, seconds=2.0, memory):
    """Asserts both of what runs within it, whether it raises or not.

    Args:
        seconds: Of the processor.
        memory: Bytes, of the process's peak beyond what it holds before; looked at on Linux alone.
    """
    gc.collect()
    held = _start_peak()
    before = time.process_time()
    try:
        yield
    finally:
        took = time.process_time() - before
        grown = _status("VmHWM") - held if held is not None else 0
        assert took < seconds, f"{took:.2f} s"
        assert grown < memory, f"{grown / MIB:.0f} MiB"


def _start_peak():
    """Bytes that the process holds, from which its peak is counted now; None where no system tells."""
    if not os.access(_PEAK, os.W_OK):
        return None
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # what was freed and kept could be filled again, and would not show
        trim(0)
    _PEAK.write_text("5")
    return _status("VmRSS")


def _status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])
