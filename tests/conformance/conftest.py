import sys
from pathlib import Path

import pytest

# `conformance_parts` is shared by this folder's tests; pytest's importlib mode puts no folder on the path.
sys.path.append(str(Path(__file__).parent))


@pytest.fixture
def here(tmp_path):
    """A gate with features of its own."""
    from gate_parts import World

    return World(tmp_path)
