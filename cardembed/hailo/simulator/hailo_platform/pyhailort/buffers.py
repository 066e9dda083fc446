"""From users' buffers to the chip's integers and back, with HailoRT's silent conversions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.hailo.simulator.container import SimulatedHef
from cardembed.hailo.simulator.hailo_platform.pyhailort import _pyhailort

__all__ = ["dtype_of", "entry_frame", "exit_values"]

_DTYPES = {"UINT8": np.uint8, "UINT16": np.uint16, "FLOAT32": np.float32}


def dtype_of(format_type: Any, own: Any) -> np.dtype[Any]:  # noqa: ANN401 - HailoRT's enumeration
    """The array type of a format; AUTO is the chip's own."""
    chosen = own if format_type.name == "AUTO" else format_type
    return np.dtype(_DTYPES[chosen.name])


def entry_frame(hef: SimulatedHef, buffer: NDArray[Any], format_type: Any) -> NDArray[np.uint8]:  # noqa: ANN401
    """A buffer of the right number of bytes as the chip gets it: reinterpreted, whatever its shape.

    Float32 is quantised: clipped to what the integers can say, divided, rounded half to even.
    """
    dtype = dtype_of(format_type, _pyhailort.__getattr__("FormatType").UINT8)
    frame = np.frombuffer(buffer.tobytes(), dtype=dtype).reshape(hef.size, hef.size, 3)
    if dtype == np.uint8:
        return frame.view(np.uint8)
    quant = hef.input
    if dtype == np.float32:
        steps = np.rint(np.nan_to_num(frame.astype(np.float64)) / quant.scale + quant.zero_point)
        return np.clip(steps, 0, 255).astype(np.uint8)
    raise _pyhailort.HailoRTStatusException(6)  # HailoRT does not narrow integers


def exit_values(hef: SimulatedHef, raw: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The chip's integers in the type that was asked for; float32 is dequantised."""
    if dtype == np.float32:
        zeros = np.array([quant.zero_point for quant in hef.output], dtype=np.float32)
        scales = np.array([quant.scale for quant in hef.output], dtype=np.float32)
        wide: NDArray[Any] = (raw.astype(np.float32) - zeros) * scales
        return wide
    if dtype == raw.dtype:
        return raw
    raise _pyhailort.HailoRTStatusException(6)
