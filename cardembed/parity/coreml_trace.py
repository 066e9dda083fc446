"""Every result of a Core ML artefact, in float32: what rounding does is no difference of the graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cardembed.coreml.model import CoreMLModel
from cardembed.parity.trace import Recorder, Trace

__all__ = ["trace_coreml"]


def trace_coreml(model: CoreMLModel, batch: NDArray[np.float32], *, source: str) -> Trace:
    """Run a program on one image after the other and keep a summary of every result.

    Args:
        model: In mode "float32", with one input (1, 3, S, S), numbers or a picture, and one output (1, D).
        batch: (N, 3, S, S) float32; of a picture RGB from 0 to 255.
        source: For people.
    """
    (entry,), (exit_,) = model.inputs, model.outputs
    parts: dict[str, list[NDArray[np.floating]]] = {}
    steps: list[tuple[str, str, tuple[str, ...]]] = []
    for row in range(len(batch)):
        for step, results in model.trace({entry.name: batch[row : row + 1]}):
            for name, value in results.items():
                if value.dtype != np.float32:
                    continue
                if not row:
                    steps.append((name, step.kind, step.reads))
                parts.setdefault(name, []).append(value.copy())
    recorder = Recorder()
    recorder.add(entry.name, "input", (), batch)
    for name, kind, inputs in steps:
        held = [one for one in inputs if one in parts or one == entry.name]
        recorder.add(name, kind, held, np.stack(parts[name]))
    embeddings = np.concatenate(parts[exit_.name]).astype(np.float64)
    return Trace(source, tuple(recorder.values), embeddings)
