import sys
from pathlib import Path

# `conformance_parts` is shared by this folder's tests; pytest's importlib mode puts no folder on the path.
sys.path.append(str(Path(__file__).parent))
