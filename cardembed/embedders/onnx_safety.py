"""What an ONNX or ORT file may hold, checked before ONNX Runtime sees it: a hostile file costs an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cardembed._sizes import check_size
from cardembed.embedders.onnx_tensors import check_tensors
from cardembed.errors import ArtefactError
from cardembed.onnx_graph.bounds import GraphBounds
from cardembed.onnx_graph.flatbuffer import FlatbufferProblem
from cardembed.onnx_graph.limits import GraphLimits
from cardembed.onnx_graph.ort_file import read_ort
from cardembed.onnx_graph.reading import Step
from cardembed.onnx_graph.schemas import check_node, opset_of
from cardembed.onnx_graph.values import ShapeProblem
from cardembed.onnx_graph.wire import check_messages

__all__ = [
    "CheckedGraph",
    "check_onnx",
    "check_ort",
    "check_ort_file",
    "parse_checked",
    "read_checked",
    "read_checked_ort",
]

_DOMAINS = ("", "ai.onnx", "com.microsoft")


class CheckedGraph:
    """What running a file needs, for any number of images; see `GraphBounds`.

    Args:
        path: The file, for errors.
        graph: Its `onnx.GraphProto`.
        limits: Per image.
        declared: See `GraphBounds`.

    Raises:
        ArtefactError: Operators that no export has; shapes that need too much, or cannot be known beforehand.
    """

    def __init__(
        self,
        path: Path,
        graph: Any,  # noqa: ANN401 - generated types
        limits: GraphLimits | None = None,
        *,
        declared: bool = False,
    ) -> None:
        self._path, self._form = path, "ort" if declared else "onnx"
        try:
            self._bounds = GraphBounds(graph, limits, declared=declared)
        except ShapeProblem as problem:
            raise _bad(path, str(problem), self._form) from problem

    @property
    def steps(self) -> list[Step]:
        """The operators, each after those that give its inputs."""
        return self._bounds.steps

    def check(self, batch: int) -> None:
        """Refuse a run with this many images: shapes may depend on their number in any way.

        Raises:
            ArtefactError: It would need too much, or what cannot be known beforehand.
        """
        try:
            self._bounds.check(batch)
        except ShapeProblem as problem:
            raise _bad(self._path, f"in a batch of {batch}, {problem}", self._form) from problem


def check_onnx(path: Path, *, external_data: bool = False, limits: GraphLimits | None = None) -> Any:  # noqa: ANN401
    """Read and check a file; gives its `onnx.ModelProto`, external data not loaded.

    Args:
        path: The file.
        external_data: Whether tensors may lie in other files, all of them in the same folder.
        limits: What it may ask for; the default lets all of ours through.

    Raises:
        ArtefactError: As `parse_checked`; or it is larger than protobuf allows.
    """
    if not path.is_file():
        raise _bad(path, "no file")
    check_size(path)
    return parse_checked(path, path.read_bytes(), external_data=external_data, limits=limits)


def parse_checked(
    path: Path, data: bytes, *, external_data: bool = False, limits: GraphLimits | None = None
) -> Any:  # noqa: ANN401
    """The model in a file's bytes, after its tensors and shapes were checked. Nothing is executed.

    Raises:
        ArtefactError: No ONNX; operators that no export has; a tensor whose bytes do not fit its shape, or
            which lies outside of its file or folder, behind a link or beyond a file's end; for one image,
            results that need too much, or whose shapes cannot be known beforehand.
    """
    return read_checked(path, data, external_data=external_data, limits=limits)[0]


def read_checked(
    path: Path, data: bytes, *, external_data: bool = False, limits: GraphLimits | None = None
) -> tuple[Any, CheckedGraph]:
    """As `parse_checked`, with what running the model needs."""
    import onnx

    try:
        check_messages(data)
        model = onnx.load_model_from_string(data)
    except ShapeProblem as problem:
        raise _bad(path, str(problem)) from problem
    except Exception as error:  # protobuf's DecodeError has moved between its versions
        raise _bad(path, f"no ONNX model ({error})") from error
    if not model.graph.node:
        raise _bad(path, "no ONNX model (it has no operators)")
    try:
        if model.functions or model.training_info:
            raise ShapeProblem("functions or a training of its own, which no export has")
        opset = opset_of(model)
        for node in model.graph.node:
            _check_domain(node)
            check_node(node, opset)
        check_tensors(path, model.graph, external_data=external_data)
    except ShapeProblem as problem:
        raise _bad(path, str(problem)) from problem
    except TypeError as error:  # protobuf gives bytes in place of text where it is no UTF-8
        raise _bad(path, f"names that are no text ({error})"[:200]) from error
    checked = CheckedGraph(path, model.graph, limits)
    checked.check(1)
    return model, checked


def check_ort(path: Path, data: bytes, *, limits: GraphLimits | None = None) -> CheckedGraph:
    """Read and check a file in ONNX Runtime's own format; gives what running it needs.

    Raises:
        ArtefactError: No such file; what it says about its operators, types and shapes is not so, or is what
            `parse_checked` refuses.
    """
    return read_checked_ort(path, data, limits=limits)[1]


def check_ort_file(path: Path) -> Any:  # noqa: ANN401 - onnx.ModelProto, whose types are generated
    """Read and check a file as `check_ort` does; gives what it says as an `onnx.ModelProto`.

    Raises:
        ArtefactError: As `check_ort`; or it is larger than any such file.
    """
    check_size(path)
    return read_checked_ort(path, path.read_bytes())[0]


def read_checked_ort(
    path: Path, data: bytes, *, limits: GraphLimits | None = None
) -> tuple[Any, CheckedGraph]:
    """As `check_ort_file`, of a file's bytes, with what running it needs."""
    if data[4:8] != b"ORTM":
        raise _bad(path, "no ORT file (its identifier is missing)", "ort")
    try:
        model = read_ort(data)
        for node in model.graph.node:
            _check_domain(node)
    except (FlatbufferProblem, ShapeProblem) as problem:
        raise _bad(path, f"no ORT file that can be run ({problem})", "ort") from problem
    checked = CheckedGraph(path, model.graph, limits, declared=True)
    checked.check(1)
    return model, checked


def _check_domain(node: Any) -> None:  # noqa: ANN401 - generated types
    if node.domain not in _DOMAINS:
        raise ShapeProblem(f"the operator {node.op_type} of the unknown domain {node.domain!r}")


def _bad(path: Path, found: str, form: str = "onnx") -> ArtefactError:
    return ArtefactError(
        path,
        expected=f"an {form.upper()} file as `cardembed export {form}` writes it",
        found=found,
        action="export it again",
    )
