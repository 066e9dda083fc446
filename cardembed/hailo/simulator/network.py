"""A simulated HEF's network on ONNX Runtime: integers in, integers out, as on the chip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.embedders.onnx_safety import parse_checked
from cardembed.embedders.sessions import open_session
from cardembed.errors import ArtefactError
from cardembed.hailo.simulator.container import SimulatedHef

__all__ = ["Network"]


class Network:
    """The compiled network.

    Args:
        hef: The manifest.
        onnx: The network's bytes.

    Raises:
        ValueError: It is none that may be run, ONNX Runtime refuses it, or its ports are not the manifest's.
    """

    def __init__(self, hef: SimulatedHef, onnx: bytes) -> None:
        try:
            parse_checked(Path("network.onnx"), onnx)
        except ArtefactError as error:
            raise ValueError(str(error)) from error
        self._session = open_session(onnx, as_written=True)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ValueError(f"{len(inputs)} inputs, {len(outputs)} outputs")
        shape = list(inputs[0].shape)[1:]
        self._nchw = shape == [3, hef.size, hef.size]
        if not self._nchw and shape != [hef.size, hef.size, 3]:
            raise ValueError(f"input {inputs[0].shape}")
        self._dtype: type[Any] = np.uint8 if inputs[0].type == "tensor(uint8)" else np.float32
        self._name, self._hef = inputs[0].name, hef
        self._zeros = np.array([quant.zero_point for quant in hef.output])
        self._scales = np.array([quant.scale for quant in hef.output])

    def run(self, frame: NDArray[np.uint8]) -> NDArray[Any]:
        """(S, S, 3) uint8 to (features,) uint8 or uint16."""
        hef = self._hef
        values = frame.astype(np.float32)
        if hef.input.scale != 1 or hef.input.zero_point != 0:
            values = (values - np.float32(hef.input.zero_point)) * np.float32(hef.input.scale)
        if hef.normalisation is not None:
            mean = np.asarray(hef.normalisation.mean, dtype=np.float32)
            std = np.asarray(hef.normalisation.std, dtype=np.float32)
            values = (values - mean) / std
        if self._nchw:
            values = values.transpose(2, 0, 1)
        feed = np.ascontiguousarray(values[None]).astype(self._dtype)
        out = self._session.run(None, {self._name: feed})[0].reshape(-1)
        if out.shape != (hef.features,):
            raise ValueError(f"output {out.shape}")
        steps = np.rint(out.astype(np.float64) / self._scales + self._zeros)  # half to even
        whole: NDArray[Any] = np.clip(np.nan_to_num(steps), 0, 2**hef.output_bits - 1)
        return whole.astype(np.uint8 if hef.output_bits == 8 else np.uint16)
