"""HailoRT's conversions of buffers on the host."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.hailo.simulator.hailo_platform.pyhailort import _pyhailort
from cardembed.hailo.simulator.hailo_platform.pyhailort.exceptions import (
    HailoRTException,
    HailoRTInvalidOperationException,
)
from cardembed.hailo.simulator.hailo_platform.pyhailort.unsupported import unsupported

__all__ = ["HailoRTTransformUtils"]


def _valid(quant_info: _pyhailort.QuantInfo) -> None:
    if quant_info.qp_scale == 0:
        raise HailoRTInvalidOperationException("the model has several quant_infos")


class HailoRTTransformUtils:
    """Quantising and dequantising; boxes are not for embeddings."""

    @staticmethod
    def get_dtype(data_bytes: int) -> type[Any]:
        """The array type of so many bytes."""
        kinds: dict[int, type[Any]] = {1: np.uint8, 2: np.uint16, 4: np.float32}
        if data_bytes not in kinds:
            raise HailoRTException("unsupported data bytes value")
        return kinds[data_bytes]

    @staticmethod
    def dequantize_output_buffer(
        src_buffer: NDArray[Any],
        dst_buffer: NDArray[Any],
        elements_count: int,
        quant_info: _pyhailort.QuantInfo,
    ) -> None:
        """`(q − zp) · scale` into `dst_buffer`."""
        _valid(quant_info)
        values = src_buffer.reshape(-1)[:elements_count].astype(np.float32)
        dst_buffer.reshape(-1)[:elements_count] = (values - quant_info.qp_zp) * quant_info.qp_scale

    @staticmethod
    def quantize_input_buffer(
        src_buffer: NDArray[Any],
        dst_buffer: NDArray[Any],
        elements_count: int,
        quant_info: _pyhailort.QuantInfo,
    ) -> None:
        """Clipped to the limits, divided, rounded half to even, into `dst_buffer`."""
        _valid(quant_info)
        values = src_buffer.reshape(-1)[:elements_count].clip(quant_info.limvals_min, quant_info.limvals_max)
        dst_buffer.reshape(-1)[:elements_count] = np.rint(values / quant_info.qp_scale + quant_info.qp_zp)

    dequantize_output_buffer_in_place = staticmethod(
        unsupported("dequantize_output_buffer_in_place", "raw_buffer, dst_dtype, elements_count, quant_info")
    )
    output_raw_buffer_to_nms_tf_format = staticmethod(
        unsupported(
            "output_raw_buffer_to_nms_tf_format", "raw_output_buffer, shape, dtype, quantized_empty_bbox"
        )
    )
    output_raw_buffer_to_nms_tf_format_single_frame = staticmethod(
        unsupported(
            "output_raw_buffer_to_nms_tf_format_single_frame",
            "raw_output_buffer, converted_output_frame, number_of_classes, max_bboxes_per_class, "
            "quantized_empty_bbox, offset=0",
        )
    )
    output_raw_buffer_to_nms_format = staticmethod(
        unsupported("output_raw_buffer_to_nms_format", "raw_output_buffer, number_of_classes")
    )
    output_raw_buffer_to_nms_format_single_frame = staticmethod(
        unsupported(
            "output_raw_buffer_to_nms_format_single_frame",
            "raw_output_buffer, number_of_classes, offset=0",
        )
    )
