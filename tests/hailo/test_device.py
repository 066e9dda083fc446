"""HailoRT's real surface, and its reader beside ours; skipped, with a reason, where it is missing.

The driver on a chip is tested by test_driver.py.
"""

import importlib
import importlib.util
import inspect
import json
from pathlib import Path

import numpy as np
import pytest
from backends import real_module

from cardembed.embedders.hailo import HailoEmbedder
from cardembed.errors import ArtefactError, DeviceMissingError
from cardembed.hailo.status import is_hailort_error
from cardembed.hef import read_hef

HEFS = Path(__file__).parents[2] / "fixtures" / "hef"
API = json.loads(Path(__file__).with_name("hailo_platform_api.json").read_text())


@pytest.fixture
def real():
    return real_module()


def test_the_written_surface_is_hailorts(real):
    # That the driver's own calls fit, test_rules.py checks of any version.
    if real.__version__ != API["version"]:
        pytest.skip(f"HailoRT {real.__version__} is installed, the data is of {API['version']}")
    assert set(real.__all__) == set(API["__all__"])
    module = importlib.import_module("hailo_platform.pyhailort.pyhailort")
    for name in ("VDevice", "InferModel", "ConfiguredInferModel", "AsyncInferJob", "InferVStreams", "HEF"):
        for method, says in API["classes"][name]["methods"].items():
            found = inspect.getattr_static(getattr(module, name), method)
            function = getattr(found, "__func__", found)
            expected = [part.split("=")[0].strip("*") for part in says["args"].split(", ")]
            assert list(inspect.signature(function).parameters) == [part for part in expected if part]


@pytest.mark.parametrize("name", ["valid_v1.hef", "valid_v3.hef"])
def test_our_reader_reads_what_hailort_does(real, name):
    ours = read_hef(HEFS / name)
    version = tuple(int(part) for part in real.__version__.split(".")[:2])
    if ours.minimum_hailort and version < tuple(int(part) for part in ours.minimum_hailort.split(".")):
        pytest.skip(f"HailoRT {real.__version__} opens no container of version {ours.container}")
    opened = real.HEF(str(HEFS / name))
    (group,) = ours.network_groups
    assert opened.get_network_group_names() == [group.name]
    (core_op,) = group.core_ops
    found = [*opened.get_input_vstream_infos(), *opened.get_output_vstream_infos()]
    for stream, info in zip([*core_op.inputs, *core_op.outputs], found, strict=True):
        assert info.name == stream.name
        assert np.prod(info.shape) == np.prod(stream.shape)
        quant = info.quant_info
        assert quant.qp_scale == pytest.approx(stream.quantisation.scale)
        assert quant.qp_zp == pytest.approx(stream.quantisation.zero_point)


def test_neither_takes_a_damaged_one(real):
    with pytest.raises(ArtefactError):
        read_hef(HEFS / "corrupt_v3.hef")
    with pytest.raises(Exception, match=r"\b(91|92|26)\b") as error:  # before 4.21 it is no HEF at all
        real.HEF(str(HEFS / "corrupt_v3.hef"))
    assert is_hailort_error(error.value)


def test_without_a_device_it_is_missing(real, tmp_path):
    if real.Device.scan():
        pytest.skip("a device is attached")
    hef = tmp_path / "any.hef"
    hef.write_bytes(b"\x01HEF" + bytes(60))
    with pytest.raises(DeviceMissingError):
        HailoEmbedder(hef)
