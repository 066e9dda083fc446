import sys
from pathlib import Path

# pytest's importlib mode leaves out the helpers beside the tests and the checkout's benchmarks.
sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[2])]
