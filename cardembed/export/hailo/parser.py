"""The network as Hailo's parser takes it: written, checked, and compared with PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cardembed.embedders.sessions import open_session
from cardembed.export.hailo.network import INPUT, OUTPUT, ChipNetwork, write_chip_onnx
from cardembed.export.onnx import OPSET, describe, differs
from cardembed.export.source import Source

__all__ = ["KNOWN", "check_for_parser", "write_for_parser"]

KNOWN = frozenset(
    {
        "Add", "AveragePool", "BatchNormalization", "Clip", "Constant", "Conv", "Div", "Erf", "Flatten",
        "Gemm", "GlobalAveragePool", "LayerNormalization", "MaxPool", "Mul", "Relu", "Sigmoid", "Transpose",
    }
)  # fmt: skip
"""Operations that networks of Hailo's Model Zoo are made of, a GELU as Div, Erf, Add and Mul; no others are
written. A mean over axes with a reshape behind it (in place of a global average pool) and an L2 normalisation
are not among them: the first is parsed as something else, the second belongs to the host."""
_CLOSE = 1e-6
"""1 − cos to PyTorch, at the most."""


def write_for_parser(source: Source, path: Path) -> tuple[str, str]:
    """Write a student without its L2 normalisation: one normalised image (1, 3, S, S) to features (1, D).

    Args:
        source: The student.
        path: `.onnx`.

    Returns:
        The network's input, and the name of its last operation: what the parser is told.

    Raises:
        ExportError: It holds what the parser does not take, or computes something else than the student.
    """
    import torch

    size = source.preprocessing.size
    network = ChipNetwork(source.model, source.preprocessing, raw=False)
    write_chip_onnx(network, size, path, batch=1)
    _bypass_identities(path)
    last = check_for_parser(path, size, source.model.embedding_dim)
    describe(
        path, {**source.metadata("tensor"), "output_description": "Features of any length, not normalised"}
    )
    image = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        wanted = source.model(image).double().numpy()[0]
    found = open_session(str(path)).run([OUTPUT], {INPUT: image.numpy()})[0].astype(np.float64)[0]
    away = 1 - float(found @ wanted) / float(np.linalg.norm(found) * np.linalg.norm(wanted))
    if not away < _CLOSE:
        raise differs(path, f"1 − cos < {_CLOSE:g} to the student", f"{away:.3g}")
    return INPUT, last


def _bypass_identities(path: Path) -> None:
    """PyTorch writes equal weights once, and hands them on by Identity, which is no layer."""
    import onnx

    model: Any = onnx.load(str(path))
    nodes = model.graph.node
    origin = {node.output[0]: node.input[0] for node in nodes if node.op_type == "Identity"}
    kept = [node for node in nodes if node.op_type != "Identity"]
    for node in kept:
        for place, name in enumerate(node.input):
            node.input[place] = origin.get(name, name)
    del nodes[:]
    nodes.extend(kept)
    path.write_bytes(model.SerializeToString(deterministic=True))


def check_for_parser(path: Path, size: int, embedding_dim: int) -> str:
    """Assert what the parser needs; gives the name of the last operation.

    Raises:
        ExportError: Another opset, a shape that is not fixed, other ports, an operation besides `KNOWN`, a
            convolution that does not say its kernel's size, or operations without names.
    """
    import onnx

    model: Any = onnx.load(str(path))
    opset = {entry.domain or "ai.onnx": entry.version for entry in model.opset_import}
    if opset != {"ai.onnx": OPSET}:
        raise differs(path, f"opset {OPSET}", str(opset))
    ports = [
        (port.name, [int(axis.dim_value) for axis in port.type.tensor_type.shape.dim])
        for port in (*model.graph.input, *model.graph.output)
    ]
    expected = [(INPUT, [1, 3, size, size]), (OUTPUT, [1, embedding_dim])]
    if ports != expected:
        raise differs(path, f"fixed ports {expected}", str(ports))
    nodes = list(model.graph.node)
    if unknown := sorted({node.op_type for node in nodes} - KNOWN):
        raise differs(
            path, f"operations that Hailo's parser takes ({', '.join(sorted(KNOWN))})", ", ".join(unknown)
        )
    for node in nodes:
        attributes = {attribute.name for attribute in node.attribute}
        if not node.name or (node.op_type == "Conv" and "kernel_shape" not in attributes):
            raise differs(
                path, "named operations, and convolutions with kernel_shape", f"{node.op_type} {node.name!r}"
            )
    return str(next(node.name for node in nodes if OUTPUT in node.output))
