"""Optional packages are imported where they are used, and a missing one names its extra."""

from __future__ import annotations

import importlib
import logging
from types import ModuleType

from cardembed.errors import UnavailableError

__all__ = ["require"]


def require(name: str, *, extra: str) -> ModuleType:
    """Import the module `name`, which `pip install "cardembed[extra]"` brings.

    Raises:
        UnavailableError: It is not installed, or cannot be imported here.
    """
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # coremltools advises on versions, and away from Linux, at every import
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UnavailableError(
            name,
            expected="an importable package",
            found=str(error) or "nothing",
            action=f'run: pip install "cardembed[{extra}]"',
        ) from error
    finally:
        logging.disable(before)
