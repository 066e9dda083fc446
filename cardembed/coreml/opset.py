"""What an ML Program needs of the system: its specification version and its opset, which have to agree.

Core ML looks at both. A file with the specification of iOS 16 and the opset of iOS 18 loads on no iPhone with
iOS 16. Source: `_OPSET` in coremltools' `__init__.py`, and its registry of operations by opset.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cardembed.coreml.problems import artefact_error

__all__ = ["NEWER", "SYSTEMS", "check_opset", "main_function"]

Message = Any  # generated protobuf classes

SYSTEMS = {
    4: ("iOS 13", "CoreML3"), 5: ("iOS 14", "CoreML4"), 6: ("iOS 15", "CoreML5"), 7: ("iOS 16", "CoreML6"),
    8: ("iOS 17", "CoreML7"), 9: ("iOS 18", "CoreML8"), 10: ("iOS 26", "CoreML9"),
}  # fmt: skip
"""By specification version, the oldest system that it runs on, and the opset of its programs."""
_PROGRAMS = 6
"""The first specification version with ML Programs."""
NEWER = {
    "constexpr_affine_dequantize": 7, "constexpr_cast": 7, "constexpr_lut_to_dense": 7,
    "constexpr_sparse_to_dense": 7, "fill_like": 7, "pixel_unshuffle": 7, "reshape_like": 7,
    "constexpr_blockwise_shift_scale": 9, "scaled_dot_product_attention": 9,
}  # fmt: skip
"""Operations that we execute and that the first opset lacks, with the specification version that has them."""


def main_function(path: Path, model: Message) -> Message:
    """The function of an ML Program that callers get; it has a block for its opset.

    Raises:
        ArtefactError: There is none.
    """
    name = model.description.defaultFunctionName or "main"
    functions = model.mlProgram.functions
    if name not in functions:
        raise artefact_error(path, expected=f"a function {name!r}", found=sorted(functions)[:9])
    function = functions[name]
    if function.opset not in function.block_specializations:
        raise artefact_error(path, expected=f"a block for {function.opset!r}", found="none")
    return function


def check_opset(path: Path, model: Message) -> str:
    """The opset of an ML Program, such as "CoreML6", after it was compared with the specification version.

    Raises:
        ArtefactError: The specification version has another opset, has no programs, or is unknown; or an
            operation came with a later one.
    """
    version, function = int(model.specificationVersion), main_function(path, model)
    if version not in SYSTEMS or version < _PROGRAMS:
        raise artefact_error(
            path, expected=f"an ML Program of specification {_PROGRAMS} to {max(SYSTEMS)}", found=version
        )
    system, opset = SYSTEMS[version]
    if function.opset != opset:
        raise artefact_error(
            path,
            expected=f"the opset {opset}, which specification {version} ({system}) has",
            found=function.opset,
            action="convert it again for that system",
        )
    for operation in function.block_specializations[opset].operations:
        needed = NEWER.get(operation.type, version)
        if needed > version:
            raise artefact_error(
                path,
                expected=f"operations that {system} has",
                found=f"{operation.type}, which came with {SYSTEMS[needed][0]}",
                action="convert it again for that system",
            )
    return opset
