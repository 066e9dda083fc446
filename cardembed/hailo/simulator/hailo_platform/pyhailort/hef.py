"""The compiled network as HailoRT reads it, and the parameters made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cardembed.errors import ReleaseError
from cardembed.hailo.simulator.container import MAGIC, SimulatedHef, read_simulated_hef
from cardembed.hailo.simulator.faults import current_faults
from cardembed.hailo.simulator.hailo_platform.pyhailort import _pyhailort
from cardembed.hailo.simulator.hailo_platform.pyhailort.exceptions import ExceptionWrapper
from cardembed.hailo.simulator.hailo_platform.pyhailort.unsupported import unsupported
from cardembed.hailo.simulator.network import Network

__all__ = ["HEF", "ConfigureParams", "load_hef", "quant_infos", "stream_format"]

INPUT, OUTPUT = "input_layer1", "output_layer1"

_MIPI = (
    "hef, output_interface, mipi_rx_id=0, data_type=MipiDataTypeRx.RAW_8, "
    "img_width_pixels=1920, img_height_pixels=1080, "
    "pixels_per_clock=MipiPixelsPerClock.PIXELS_PER_CLOCK_4, number_of_lanes=2, "
    "clock_selection=MipiClockSelection.SELECTION_AUTOMATIC, data_rate=260, "
    "virtual_channel_index=0, isp_enable=False, isp_img_in_order=MipiIspImageInOrder.GR_FIRST, "
    "isp_img_out_data_type=MipiIspImageOutDataType.RGB_888, isp_crop_enable=False, "
    "isp_crop_output_width_pixels=1920, isp_crop_output_height_pixels=1080, "
    "isp_crop_output_width_start_offset_pixels=0, isp_crop_output_height_start_offset_pixels=0, "
    "isp_test_pattern_enable=True, isp_configuration_bypass=False, isp_run_time_ae_enable=True, "
    "isp_run_time_awb_enable=True, isp_run_time_adt_enable=True, isp_run_time_af_enable=False, "
    "isp_run_time_calculations_interval_ms=0, "
    "isp_light_frequency=IspLightFrequency.LIGHT_FREQ_50_HZ"
)


def load_hef(source: str | bytes) -> tuple[SimulatedHef, Network]:
    """Manifest and network; statuses are bare.

    A missing file is status 13, something else than a simulated HEF 92, a damaged one 91.
    """
    if isinstance(source, bytes):
        data = source
    else:
        try:
            data = Path(source).read_bytes()
        except OSError as error:
            raise _pyhailort.HailoRTStatusException(13) from error
    if not data.startswith(MAGIC):
        raise _pyhailort.HailoRTStatusException(92)
    if current_faults().corrupt_hef:
        raise _pyhailort.HailoRTStatusException(91)
    try:
        hef, onnx = read_simulated_hef(data)
        return hef, Network(hef, onnx)
    except (ReleaseError, ValueError) as error:
        raise _pyhailort.HailoRTStatusException(91) from error


def quant_infos(hef: SimulatedHef) -> list[_pyhailort.QuantInfo]:
    """Of the output: one, or one a feature."""
    top = 2**hef.output_bits - 1
    return [
        _pyhailort.QuantInfo(q.zero_point, q.scale, -q.zero_point * q.scale, (top - q.zero_point) * q.scale)
        for q in hef.output
    ]


def stream_format(hef: SimulatedHef, direction: str) -> _pyhailort.HailoFormat:
    """The chip's own: uint8 NHWC in, integers NC out."""
    low: Any = _pyhailort
    wide = direction == OUTPUT and hef.output_bits == 16
    order = low.FormatOrder.NC if direction == OUTPUT else low.FormatOrder.NHWC
    return low.HailoFormat(  # type: ignore[no-any-return]
        low.FormatType.UINT16 if wide else low.FormatType.UINT8, order, low.FormatFlags.NONE
    )


class HEF:
    """A parsed compiled network.

    Args:
        hef_source: A path as str, or bytes; a pathlib.Path is refused.
    """

    def __init__(self, hef_source: str | bytes) -> None:
        if not isinstance(hef_source, str | bytes):
            raise TypeError("HEF can be created from a path (str) or from a buffer (bytes)")
        with ExceptionWrapper():
            self._hef, self._network = load_hef(hef_source)
        self._path = hef_source if isinstance(hef_source, str) else None

    @property
    def path(self) -> str | None:
        """Where it was read, None where it came as bytes."""
        return self._path

    def get_networks_names(self, network_group_name: str | None = None) -> list[str]:
        """One: a group of one network."""
        return [f"{self._hef.network}/{self._hef.network}"]

    def get_network_group_names(self) -> list[str]:
        """One."""
        return [self._hef.network]

    def get_input_vstream_infos(self, name: str | None = None) -> list[_pyhailort.VStreamInfo]:
        """The input (S, S, 3)."""
        self._named(name)
        quant = self._hef.input
        low, high = -quant.zero_point * quant.scale, (255 - quant.zero_point) * quant.scale
        info = _pyhailort.QuantInfo(quant.zero_point, quant.scale, low, high)
        return [self._info(INPUT, (self._hef.size, self._hef.size, 3), info)]

    def get_output_vstream_infos(self, name: str | None = None) -> list[_pyhailort.VStreamInfo]:
        """The output (features,); its quantisation is all zeros where there is one a feature."""
        self._named(name)
        infos = quant_infos(self._hef)
        return [self._info(OUTPUT, (self._hef.features,), infos[0] if len(infos) == 1 else _ZEROS)]

    def get_all_vstream_infos(self, name: str | None = None) -> list[_pyhailort.VStreamInfo]:
        """Inputs and outputs."""
        return [*self.get_input_vstream_infos(name), *self.get_output_vstream_infos(name)]

    def get_sorted_output_names(self, network_group_name: str | None = None) -> list[str]:
        """The output's name."""
        return [self.get_output_vstream_infos()[0].name]

    def bottleneck_fps(self, network_group_name: str | None = None) -> float:
        """The compiler's estimate; status 6 where there is none."""
        if not self._hef.bottleneck_fps:
            with ExceptionWrapper():
                raise _pyhailort.HailoRTStatusException(6)
        return self._hef.bottleneck_fps

    def _named(self, name: str | None) -> None:
        """Status 61 under another name, bare: HailoRT does not map the statuses of these calls."""
        if name not in (None, *self.get_network_group_names(), *self.get_networks_names()):
            raise _pyhailort.HailoRTStatusException(61)

    def _info(
        self, direction: str, shape: tuple[int, ...], quant: _pyhailort.QuantInfo
    ) -> _pyhailort.VStreamInfo:
        name, low = self._hef.network, _pyhailort.__getattr__("StreamDirection")
        way = low.H2D if direction == INPUT else low.D2H
        form = stream_format(self._hef, direction)
        return _pyhailort.VStreamInfo(f"{name}/{direction}", f"{name}/{name}", way, form, shape, quant)

    get_network_groups_infos = unsupported("get_network_groups_infos", "self")
    get_input_stream_infos = unsupported("get_input_stream_infos", "self, name=None")
    get_output_stream_infos = unsupported("get_output_stream_infos", "self, name=None")
    get_all_stream_infos = unsupported("get_all_stream_infos", "self, name=None")
    get_udp_rates_dict = unsupported(
        "get_udp_rates_dict", "self, fps, max_supported_rate_bytes, network_group_name=None"
    )
    get_vstream_name_from_original_name = unsupported(
        "get_vstream_name_from_original_name", "self, original_name, network_group_name=None"
    )
    get_original_names_from_vstream_name = unsupported(
        "get_original_names_from_vstream_name", "self, vstream_name, network_group_name=None"
    )
    get_vstream_names_from_stream_name = unsupported(
        "get_vstream_names_from_stream_name", "self, stream_name, network_group_name=None"
    )
    get_stream_names_from_vstream_name = unsupported(
        "get_stream_names_from_vstream_name", "self, vstream_name, network_group_name=None"
    )


_ZEROS = _pyhailort.QuantInfo()


class ConfigureParams:
    """Parameters to put a network onto a device."""

    @staticmethod
    def create_from_hef(hef: HEF, interface: Any) -> dict[str, _pyhailort.ConfigureParams]:  # noqa: ANN401
        """Defaults, by network group."""
        return {name: _pyhailort.ConfigureParams() for name in hef.get_network_group_names()}

    create_mipi_inputs_from_hef = staticmethod(unsupported("create_mipi_inputs_from_hef", _MIPI))
