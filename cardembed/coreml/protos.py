"""Apple's protobuf schemas, taken from coremltools without importing coremltools itself.

`import coremltools` takes seconds, imports PyTorch and prints warnings; the generated modules need protobuf
alone. They register in protobuf's default pool, so that coremltools gets the same classes if it is imported.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from cardembed._protobuf import ProtobufError, count_fields
from cardembed.coreml.problems import artefact_error
from cardembed.errors import UnavailableError

__all__ = ["model_schema", "parse_model"]

_PACKAGE = "cardembed_coreml_protos"
_FIELDS = 500_000
"""Of all messages; a ConvNeXt-Base has 45,000."""
_OTHER = 1 << 20
"""Bytes of fields that the schemas do not have, and of packed whole numbers, each of which may take eight."""


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
        ArtefactError: No such message: truncated, nested too deep, or something else; or one that would
            become too many objects, which are counted first.
        UnavailableError: See `model_schema`.
    """
    from google.protobuf.message import DecodeError

    model = model_schema().Model()
    try:
        count_fields(data, _model_fields(), fields=_FIELDS, other=_OTHER)
        model.ParseFromString(data)
    except ProtobufError as problem:
        raise artefact_error(path, expected="a Core ML model", found=problem) from problem
    except (DecodeError, RecursionError, MemoryError, ValueError) as error:
        raise artefact_error(path, expected="a Core ML model", found=error) from error
    return model


@functools.cache
def _model_fields() -> Mapping[int, Any]:
    return _fields_of(model_schema().Model.DESCRIPTOR, {})


def _fields_of(descriptor: Any, seen: dict[str, dict[int, Any]]) -> dict[int, Any]:  # noqa: ANN401 - protobuf's
    """A message's fields for `count_fields`; messages may hold their own kind."""
    from google.protobuf.descriptor import FieldDescriptor as Field

    # In one field of bytes, numbers of variable length take more memory than bytes: they are left out.
    variable = {
        Field.TYPE_INT32, Field.TYPE_INT64, Field.TYPE_UINT32, Field.TYPE_UINT64, Field.TYPE_SINT32,
        Field.TYPE_SINT64, Field.TYPE_ENUM,
    }  # fmt: skip
    if descriptor.full_name not in seen:
        found = seen[descriptor.full_name] = {}
        for number, field in descriptor.fields_by_number.items():
            if field.message_type is not None:
                found[number] = _fields_of(field.message_type, seen)
            elif field.type not in variable:
                found[number] = None
    return seen[descriptor.full_name]
