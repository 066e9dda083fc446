"""The shapes of all values of a graph, computed without data on PyTorch's meta device.

Whole numbers that shapes are computed from (shape, gather, concat …) are computed for real, as long as they
are few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from cardembed.coreml.arithmetic import Arithmetic, Mode
from cardembed.coreml.graph import Graph
from cardembed.coreml.limits import Limits
from cardembed.coreml.problems import artefact_error
from cardembed.coreml.values import tensor

if TYPE_CHECKING:
    from cardembed.coreml.executor import Bound

__all__ = ["ShapeCheck"]

_FEW = 64
_WORK = {"multiplications": "multiplications", "numbers": "numbers read and written"}
_DATA = frozenset(
    (
        "x",
        "y",
        "a",
        "b",
        "cond",
        "values",
        "weight",
        "bias",
        "query",
        "key",
        "value",
        "attn_mask",
        "gamma",
        "beta",
    )
)


class ShapeCheck:
    """One pass over a graph.

    Args:
        limits: What values may need.
        thing: How errors call the artefact.
    """

    def __init__(self, limits: Limits, thing: str) -> None:
        self.limits = limits
        self.thing = thing
        self.arithmetic = Arithmetic(Mode.FLOAT32, "meta")

    def run(
        self,
        steps: Sequence[Bound],
        constants: Mapping[str, Any],
        shapes: Mapping[str, tuple[int, ...]],
        graph: Graph,
    ) -> dict[str, tuple[int, ...]]:
        """The outputs' shapes by name; ArtefactError if a step's do not fit, or exceed a limit."""
        values: dict[str, Any] = dict(constants)
        live = 0
        for feature in graph.inputs:
            whole = feature.dtype.startswith("INT")
            kind = torch.int32 if whole else torch.float32
            values[feature.name] = torch.empty(shapes[feature.name], dtype=kind, device="meta")
            live += values[feature.name].numel()
        for item in steps:
            results = self._step(item, item.arguments(values))
            for (name, declared), result in zip(item.step.outputs, results, strict=True):
                self._fits(item, result, declared.shape)
                values[name] = result
                live += result.numel()
            if live > self.limits.live_elements:
                raise self._problem(item, f"at most {self.limits.live_elements} elements at a time", live)
            for what in ("multiplications", "numbers"):
                most = getattr(self.limits, what)
                if getattr(self.arithmetic, what) > most:
                    raise self._problem(
                        item, f"at most {most} {_WORK[what]} in all", "more by this operation"
                    )
            for name in item.last_uses:
                live -= values.pop(name).numel()
        return {feature.name: tuple(torch.as_tensor(values[feature.name]).shape) for feature in graph.outputs}

    def _step(self, item: Bound, arguments: dict[str, Any]) -> tuple[Tensor, ...]:
        real = not any(_has_data(value) for value in arguments.values())
        try:
            if item.op.on_shapes and real and all(_few(value) for value in arguments.values()):
                result = item.op.function(self.arithmetic, **arguments)
            else:
                bare = {
                    name: _bare(value) if name in _DATA or _is_large(value) else value
                    for name, value in arguments.items()
                }
                if not item.op.on_shapes:  # a number that the file holds would become a tensor with data
                    bare = {name: _spread(value) if name == "x" else value for name, value in bare.items()}
                # What is made on the way is measured, too: a result may be small, and a padded input not.
                with _Bounded(self.limits.live_elements) as made:
                    result = item.op.function(self.arithmetic, **bare)
                self.arithmetic.numbers += made.numbers
        except Exception as error:  # whatever PyTorch says to arguments that do not fit
            raise self._problem(item, "arguments that fit together", error) from error
        results: tuple[Tensor, ...] = result if isinstance(result, tuple) else (result,)
        if len(results) != len(item.outputs):
            raise self._problem(item, f"{len(results)} results", f"{len(item.outputs)} names")
        return results

    def _fits(self, item: Bound, result: Tensor, declared: tuple[int | None, ...] | None) -> None:
        if result.numel() > self.limits.tensor_elements or result.ndim > self.limits.rank:
            raise self._problem(
                item,
                f"values of at most {self.limits.tensor_elements} elements",
                f"a shape {list(result.shape)}",
            )
        if declared is None:
            return
        if len(declared) != result.ndim or any(
            size not in (None, found) for size, found in zip(declared, result.shape, strict=True)
        ):
            raise self._problem(item, f"the declared shape {list(declared)}", list(result.shape))

    def _problem(self, item: Bound, expected: str, found: object) -> Exception:
        return artefact_error(
            f"{self.thing}: {item.step.kind} {item.step.name}", expected=expected, found=found
        )


class _Bounded(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses every tensor of more elements, before one of that shape is made with data.

    Counts the numbers of all that PyTorch's operations take and give, for every one of them takes its time.
    """

    def __init__(self, elements: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.elements = elements
        self.numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401 - PyTorch's signature
        result = func(*args, **(kwargs or {}))
        for made in _tensors(result):
            if made.numel() > self.elements:
                raise ValueError(f"an intermediate shape {list(made.shape)}")
            self.numbers += made.numel()
        self.numbers += sum(taken.numel() for given in args for taken in _tensors(given))
        return result


def _tensors(value: Any) -> list[Tensor]:  # noqa: ANN401 - an argument or a result
    return [
        item for item in (value if isinstance(value, tuple | list) else (value,)) if isinstance(item, Tensor)
    ]


def _has_data(value: Any) -> bool:  # noqa: ANN401 - an argument
    if isinstance(value, tuple):
        return any(_has_data(item) for item in value)
    return isinstance(value, Tensor) and value.is_meta


def _is_large(value: Any) -> bool:  # noqa: ANN401 - an argument
    return isinstance(value, Tensor) and (value.numel() > _FEW or value.is_floating_point())


def _few(value: Any) -> bool:  # noqa: ANN401 - an argument
    if isinstance(value, tuple):
        return len(value) <= _FEW and all(_few(item) for item in value)
    return not isinstance(value, Tensor) or value.numel() <= _FEW


def _spread(value: Any) -> Any:  # noqa: ANN401 - an argument
    numbers = value if isinstance(value, tuple) else (value,)
    plain = bool(numbers) and all(isinstance(item, int | float) for item in numbers)
    return tensor(value).to("meta") if plain else value


def _bare(value: Any) -> Any:  # noqa: ANN401 - an argument
    if isinstance(value, tuple):
        return tuple(_bare(item) for item in value)
    return value.to("meta") if isinstance(value, Tensor) else value
