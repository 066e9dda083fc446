"""`python -m benchmarks [metrics|embedding|rendering …]`: print every ratio; exit 1 for a missed limit."""

from __future__ import annotations

import importlib
import platform
import sys

from benchmarks._timing import Comparison

ALL = ("metrics", "embedding", "rendering")


def main(names: list[str]) -> int:
    """Run the named benchmarks, all of them without a name."""
    unknown = set(names) - set(ALL)
    if unknown:
        print(
            f"benchmarks: unknown {', '.join(sorted(unknown))}; there are {', '.join(ALL)}", file=sys.stderr
        )
        return 2
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    print(f"{machine}; median seconds: ours, the peer's, peer/ours")
    results: list[Comparison] = []
    for name in names or ALL:
        for result in importlib.import_module(f"benchmarks.{name}").run():
            print(result.row(), flush=True)
            results.append(result)
    return 0 if all(result.met for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
