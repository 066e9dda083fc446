"""The driver on the chip itself, and HailoRT's real surface; skipped, with a reason, where they are missing.

Name a compiled network of 768 features in CARDEMBED_TEST_HEF to run frames.
"""

import importlib
import importlib.util
import inspect
import json
import os
from pathlib import Path

import numpy as np
import pytest

from cardembed.embedders.hailo import HailoEmbedder
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import ArtefactError, DeviceBusyError, DeviceMissingError, UsageError
from cardembed.fidelity import Fidelity
from cardembed.hailo.driver import attached_devices
from cardembed.hailo.resource import ChipResource, hailo_platform
from cardembed.hailo.status import is_hailort_error
from cardembed.hef import read_hef

HEFS = Path(__file__).parents[2] / "fixtures" / "hef"
API = json.loads(Path(__file__).with_name("hailo_platform_api.json").read_text())


@pytest.fixture
def real():
    if importlib.util.find_spec("hailo_platform") is None:
        pytest.skip("hailo_platform is not installed: sudo apt install hailo-all on a Raspberry Pi")
    return hailo_platform()


@pytest.fixture
def compiled(real):
    try:
        attached_devices(ChipResource(real))
    except DeviceMissingError as error:
        pytest.skip(str(error))
    path = os.environ.get("CARDEMBED_TEST_HEF")
    if not path:
        pytest.skip("CARDEMBED_TEST_HEF names no compiled network")
    with HailoEmbedder(path) as embedder:
        size = embedder.preprocessing.size
    return path, Preprocessing(size)


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


@pytest.mark.parametrize("api", ["infer_model", "vstreams"])
def test_frames_on_the_chip(compiled, api):
    path, preprocessing = compiled
    rng = np.random.default_rng(4)
    pixels = rng.integers(0, 256, (4, preprocessing.size, preprocessing.size, 3), dtype=np.uint8)
    batch = preprocessing.batch(list(pixels))
    with HailoEmbedder(path, preprocessing=preprocessing, api=api) as embedder:
        assert embedder.fidelity is Fidelity.DEVICE
        assert embedder.identify().architecture.startswith("HAILO")
        rows = embedder.embed_preprocessed(batch)
        assert rows.shape == (4, 768)
        assert (embedder.embed_pixels(pixels) == rows).all()
        assert np.abs(embedder.embed(batch[:1]) - rows[0]).max() < 1e-5
        embedder.check_repeatable(batch, times=4)
        with pytest.raises(DeviceBusyError):
            HailoEmbedder(path, preprocessing=preprocessing, open_timeout=0.3)
    with pytest.raises(UsageError):
        embedder.embed(batch[:1])


def test_the_output_is_dequantised_by_us_as_by_hailort(compiled):
    if not hasattr(hailo_platform().VDevice, "create_infer_model"):
        pytest.skip("a HailoRT before 4.18: its virtual streams dequantise by themselves")
    path, preprocessing = compiled
    batch = preprocessing.batch([np.full((8, 8, 3), 90, np.uint8)])
    rows = []
    for output in ("float32", "quantised"):
        with HailoEmbedder(path, preprocessing=preprocessing, output=output) as embedder:
            rows.append(embedder.embed_preprocessed(batch)[0])
    assert np.abs(rows[0] - rows[1]).max() < 1e-5
