"""Optional packages are imported where they are used, and a missing one names its extra."""

from __future__ import annotations

import importlib
from types import ModuleType

from cardembed.errors import UnavailableError

__all__ = ["require"]


def require(name: str, *, extra: str) -> ModuleType:
    """Import the module `name`, which `pip install "cardembed[extra]"` brings.

    Raises:
        UnavailableError: It is not installed, or cannot be imported here.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UnavailableError(
            name,
            expected="an importable package",
            found=str(error) or "nothing",
            action=f'run: pip install "cardembed[{extra}]"',
        ) from error
