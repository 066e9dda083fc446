"""Every result of a PyTorch module, functions between its layers included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from cardembed.parity.trace import Recorder, Trace

__all__ = ["trace_module"]

INPUT = "input"

Anything = Any
"""What passes through the dispatcher: its operations have no public type, their arguments and results any."""


class _Listener(TorchDispatchMode):  # type: ignore[no-untyped-call] # PyTorch types none of it
    """Records what every operation returns under the name of the module that it was called in."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # as above
        self.recorder = recorder
        self.names = WeakTensorKeyDictionary()
        self.modules: list[str] = []
        self._counted: Counter[str] = Counter()

    def __torch_dispatch__(
        self,
        func: Anything,
        types: Anything,
        args: tuple[Anything, ...] = (),
        kwargs: dict[str, Anything] | None = None,
    ) -> Anything:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        inputs = [self.names[leaf] for leaf in given if leaf in self.names]
        if inputs:  # what no image reaches is made of weights alone
            for leaf in tree_leaves(result):
                if isinstance(leaf, Tensor) and leaf.is_floating_point():
                    self.names[leaf] = self._record(func, inputs, leaf)
        return result

    def _record(self, func: Anything, inputs: list[str], result: Tensor) -> str:
        operation = str(func).removeprefix("aten.").partition(".")[0]
        place = self.modules[-1] if self.modules else ""
        name = f"{place}:{operation}" if place else operation
        self._counted[name] += 1
        if self._counted[name] > 1:
            name = f"{name}#{self._counted[name]}"
        return self.recorder.add(name, operation, inputs, result.detach().double().numpy())


@contextmanager
def _named(module: nn.Module, stack: list[str]) -> Iterator[None]:
    """While it lasts, the stack's last entry is the innermost module that is being called."""

    def entering(name: str) -> Callable[..., None]:
        return lambda *_: stack.append(name)

    def leaving(*_: object) -> None:
        stack.pop()

    handles = [
        handle
        for name, part in module.named_modules()
        for handle in (
            part.register_forward_pre_hook(entering(name)),
            part.register_forward_hook(leaving),
        )
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def trace_module(module: nn.Module, batch: NDArray[np.float32], *, source: str) -> Trace:
    """Run a module and keep a summary of every result.

    Args:
        module: Images (N, 3, S, S) to embeddings (N, D); put into evaluation mode.
        batch: (N, 3, S, S) float32.
        source: For people.
    """
    module.eval()
    recorder = Recorder()
    listener = _Listener(recorder)
    images = torch.from_numpy(np.ascontiguousarray(batch))
    listener.names[images] = recorder.add(INPUT, "input", (), batch)
    with torch.no_grad(), _named(module, listener.modules), listener:
        output = module(images)
    return Trace(source, tuple(recorder.values), output.double().numpy())
