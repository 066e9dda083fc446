"""What ONNX itself says about its operators: which inputs and attributes they have in which opset."""

from __future__ import annotations

from typing import Any

from cardembed.onnx_graph.values import ShapeProblem

__all__ = ["check_node", "opset_of"]

_OLDEST = 13
"""Opset. In older ones the same operators take other inputs, and some compute other shapes."""
_OURS = ("", "ai.onnx")


def opset_of(model: Any) -> int:  # noqa: ANN401 - onnx.ModelProto, whose types are generated
    """The opset of a model's own operators.

    Raises:
        ShapeProblem: None, several, one older than the rules, or one that the installed onnx does not know.
    """
    import onnx

    versions = [int(entry.version) for entry in model.opset_import if entry.domain in _OURS]
    newest = onnx.defs.onnx_opset_version()
    if len(versions) != 1 or not _OLDEST <= versions[0] <= newest:
        raise ShapeProblem(f"opset {versions}; {_OLDEST} to {newest} are known")
    return versions[0]


def check_node(node: Any, opset: int, *, since: int | None = None) -> None:  # noqa: ANN401 - generated types
    """Refuse inputs and attributes that an operator does not have in this opset: a runtime may skip them.

    Args:
        node: An `onnx.NodeProto`.
        opset: Of the model.
        since: The opset in which the operator got its form, where the file states it.

    Raises:
        ShapeProblem: It is another one.
    """
    import onnx

    names = (node.op_type, node.domain, *node.input, *node.output, *(one.name for one in node.attribute))
    if not all(isinstance(name, str) for name in names):  # protobuf's answer to what is no UTF-8
        raise ShapeProblem("names that are no text")
    if node.domain not in _OURS:
        if since not in (None, 1):
            raise ShapeProblem(f"{node.op_type} of version {since}")
        return
    try:
        schema = onnx.defs.get_schema(node.op_type, max_inclusive_version=opset, domain="")
    except onnx.defs.SchemaError as error:
        raise ShapeProblem(f"the operator {node.op_type}, which opset {opset} does not have") from error
    if since not in (None, schema.since_version):
        raise ShapeProblem(f"{node.op_type} of opset {since} in place of {schema.since_version}")
    if not schema.min_input <= len(node.input) <= schema.max_input or not (
        schema.min_output <= len(node.output) <= schema.max_output
    ):
        raise ShapeProblem(f"{node.op_type} with {len(node.input)} inputs and {len(node.output)} results")
    for attribute in node.attribute:
        stated: Any = schema.attributes.get(attribute.name)
        if stated is None or stated.type.value != attribute.type:
            raise ShapeProblem(f"{node.op_type} with the attribute {attribute.name}, which it does not have")
