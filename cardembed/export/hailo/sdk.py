"""Hailo's Dataflow Compiler on this machine, where it is installed. It has not been at hand: see the docs."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

from cardembed.errors import ExportError, UnavailableError
from cardembed.export.hailo import compiler
from cardembed.export.hailo.manifest import CompiledRecord, read_compiled

__all__ = ["compiler_installed", "run_compiler"]


def compiler_installed() -> bool:
    """Whether `hailo_sdk_client` can be imported; it is not."""
    try:
        return importlib.util.find_spec("hailo_sdk_client") is not None
    except ValueError:  # a module without a specification stands for it
        return True


def run_compiler(kit: Path, listener: Callable[[str], None]) -> CompiledRecord:
    """Compile a kit here: as its own `compile.py` does.

    Args:
        kit: The folder.
        listener: Told what comes next.

    Raises:
        UnavailableError: `hailo_sdk_client` is not installed.
        ExportError: The kit was changed, the compiler refuses the network, or understands another one.
    """
    try:
        compiler.compile_kit(kit, listener=listener)
    except ImportError as error:
        raise UnavailableError(
            "hailo_sdk_client",
            expected="Hailo's Dataflow Compiler",
            found=str(error),
            action=f"run python3 compile.py in {kit} on a machine that has it",
        ) from error
    except Exception as error:  # the compiler's own errors have no common class
        raise ExportError(
            kit,
            expected="a network that Hailo's compiler takes",
            found=f"{type(error).__name__}: {error}",
            action="see docs/HAILO_COMPILE.md, what to try when it does not compile",
        ) from error
    record = read_compiled(kit)
    if record is None:
        raise ExportError(
            kit, expected=compiler.COMPILED, found="none", action="run python3 compile.py in the folder"
        )
    return record
