"""Apple's protobuf schemas, taken from coremltools without importing coremltools itself.

`import coremltools` takes seconds, imports PyTorch and prints warnings; the generated modules need protobuf
alone. They register in protobuf's default pool, so that coremltools gets the same classes if it is imported.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from cardembed.coreml.problems import artefact_error
from cardembed.errors import UnavailableError

__all__ = ["model_schema", "parse_model"]

_PACKAGE = "cardembed_coreml_protos"


def model_schema() -> Any:  # noqa: ANN401 - a generated module
    """The module of `Model.proto`; MIL and NeuralNetwork stand among its imports.

    Raises:
        UnavailableError: coremltools is not installed (extra `coreml`).
    """
    if _PACKAGE not in sys.modules:
        found = importlib.util.find_spec("coremltools")
        places = list(found.submodule_search_locations or ()) if found is not None else []
        if not places:
            raise UnavailableError(
                "coremltools",
                expected="Core ML's schemas",
                found="no such package",
                action='run: pip install "cardembed[coreml]"',
            )
        package = ModuleType(_PACKAGE, "Generated modules of coremltools.proto.")
        package.__path__ = [str(Path(place) / "proto") for place in places]
        sys.modules[_PACKAGE] = package
    return importlib.import_module(f"{_PACKAGE}.Model_pb2")


def parse_model(path: Path, data: bytes) -> Any:  # noqa: ANN401 - a generated message
    """The `Model` message in `data`; `path` is named in errors.

    Raises:
        ArtefactError: No such message: truncated, nested too deep, or something else.
        UnavailableError: See `model_schema`.
    """
    from google.protobuf.message import DecodeError

    model = model_schema().Model()
    try:
        model.ParseFromString(data)
    except (DecodeError, RecursionError, MemoryError, ValueError) as error:
        raise artefact_error(path, expected="a Core ML model", found=error) from error
    return model
