"""HailoRT's rules of use, those that it breaks silently too: on the simulator, the real module, a chip."""

import importlib
import inspect
from pathlib import Path

import numpy as np
import pytest
from backends import RULES, real_module
from hailo_parts import write_hef

from cardembed.hailo.resource import ChipResource, simulated_platform

HEFS = Path(__file__).parents[2] / "fixtures" / "hef"


@pytest.fixture(params=["simulator", "hailo_platform"])
def hp(request):
    if request.param == "simulator":
        return simulated_platform()
    return real_module()


@pytest.fixture
def inner(hp):
    return importlib.import_module(f"{hp.__name__}.pyhailort.pyhailort")


@pytest.fixture
def low(hp):
    return importlib.import_module(f"{hp.__name__}.pyhailort._pyhailort")


@pytest.fixture
def intact(hp, hef):
    """A compiled network that the module reads: each its own, since neither takes the other's."""
    return str(hef) if hp is simulated_platform() else str(HEFS / "valid_v1.hef")


@pytest.fixture
def sim():
    return simulated_platform()


@pytest.fixture
def model(backend, scheduled):
    return scheduled.create_infer_model(str(backend.hef))


def test_defaults(hp):
    assert hp.VDevice.create_params().scheduling_algorithm.name == "NONE"


def test_files(hp, inner, tmp_path):
    with pytest.raises(inner.HailoRTException, match="13"):
        hp.HEF(str(tmp_path / "missing.hef"))
    no_hef = tmp_path / "no.hef"
    no_hef.write_bytes(b"no such magic" * 9)
    with pytest.raises(inner.HailoRTException, match="92"):
        hp.HEF(str(no_hef))


def test_a_file_is_named_by_a_str(hp, inner, intact):
    with pytest.raises((TypeError, inner.HailoRTException)):
        hp.HEF(Path(intact))
    names = hp.HEF(intact).get_network_group_names()
    assert names == hp.HEF(Path(intact).read_bytes()).get_network_group_names()
    assert len(names) == 1


def test_what_a_file_says_of_its_streams(hp, intact):
    source = hp.HEF(intact)
    (entry,), (exit_,) = source.get_input_vstream_infos(), source.get_output_vstream_infos()
    assert entry.name.endswith("/input_layer1")
    assert (len(entry.shape), entry.shape[-1], int(np.prod(exit_.shape))) == (3, 3, 768)
    assert entry.format.order == hp.FormatOrder.NHWC
    assert (entry.quant_info.qp_scale, entry.quant_info.qp_zp) == (1, 0)  # pixels as they are


def test_streams_of_another_name_raise_the_bare_exception(hp, inner, low, intact):
    with pytest.raises(low.HailoRTStatusException) as error:
        hp.HEF(intact).get_input_vstream_infos("no such network")
    assert not isinstance(error.value, inner.HailoRTException)
    assert int(error.value.args[0]) > 0


def test_a_device_that_is_not_there_raises_the_bare_exception(hp, inner, low):
    with pytest.raises(low.HailoRTStatusException) as error:
        hp.Device("0000:09:00.0")
    assert not isinstance(error.value, inner.HailoRTException)
    assert int(error.value.args[0]) == 74 or hp is not simulated_platform()  # a machine without the driver


# How the driver calls HailoRT: class, function, arguments by place (self included), arguments by name.
CALLS = [
    ("VDevice", "create_params", 0, ()),
    ("VDevice", "__init__", 2, ()),
    ("VDevice", "release", 1, ()),
    ("VDevice", "get_physical_devices", 1, ()),
    ("VDevice", "configure", 3, ()),
    ("VDevice", "create_infer_model", 2, ()),
    ("Device", "scan", 0, ()),
    ("HEF", "__init__", 2, ()),
    ("HEF", "get_input_vstream_infos", 1, ()),
    ("HEF", "get_output_vstream_infos", 1, ()),
    ("ConfigureParams", "create_from_hef", 1, ("interface",)),
    ("InputVStreamParams", "make", 1, ("format_type", "timeout_ms")),
    ("OutputVStreamParams", "make", 1, ("format_type", "timeout_ms")),
    ("InferVStreams", "__init__", 4, ()),
    ("InferVStreams", "infer", 2, ()),
    ("Control", "identify", 1, ()),
    ("Control", "get_chip_temperature", 1, ()),
    ("InferModel", "set_batch_size", 2, ()),
    ("InferModel", "input", 1, ()),
    ("InferModel", "output", 1, ()),
    ("InferModel", "configure", 1, ()),
    ("ConfiguredInferModel", "create_bindings", 1, ()),
    ("ConfiguredInferModel", "wait_for_async_ready", 3, ()),
    ("ConfiguredInferModel", "run_async", 3, ()),
    ("ConfiguredInferModel", "shutdown", 1, ()),
    ("AsyncInferJob", "wait", 2, ()),
]
NEWER = ("InferModel", "ConfiguredInferModel", "AsyncInferJob")
"""From HailoRT 4.18 on; the driver takes virtual streams before."""


def test_the_drivers_calls_fit_whatever_version_is_installed(inner):
    older = not hasattr(inner.VDevice, "create_infer_model")
    refused = []
    for kind, function, places, names in CALLS:
        if older and (kind in NEWER or function == "create_infer_model"):
            continue
        try:
            signature = inspect.signature(getattr(getattr(inner, kind), function))
            signature.bind(*[None] * places, **dict.fromkeys(names))
        except (AttributeError, TypeError) as error:
            refused.append(f"{kind}.{function}: {error}")
    assert refused == []


@RULES
def test_no_layout_is_checked_and_a_wrong_one_is_silently_wrong(backend, model):
    types = backend.platform.FormatType
    model.input().set_format_type(types.UINT8)
    model.output().set_format_type(types.FLOAT32)
    (picture,), rows = backend.pixels(1), []
    with model.configure() as configured:
        for frame in (picture, np.ascontiguousarray(picture.transpose(2, 0, 1))):
            bindings, out = configured.create_bindings(), backend.frame(model.output(), 0)
            bindings.input().set_buffer(frame)
            bindings.output().set_buffer(out)
            configured.run([bindings], 1000)
            rows.append(out.reshape(-1) / np.linalg.norm(out))
    assert not np.array_equal(*rows)
    if ChipResource(backend.platform).simulated:  # to another network, noise may be as good as noise
        assert rows[0] @ rows[1] < 0.9


@RULES
def test_buffers_are_checked_for_bytes_and_order_alone(backend, model):
    refused, size = backend.inner.HailoRTException, backend.size
    with model.configure() as configured:
        place = configured.create_bindings().input()
        for wrong in (np.zeros((size, size, 3), np.float32), np.zeros(size, np.uint8)):
            with pytest.raises(refused):
                place.set_buffer(wrong)
        with pytest.raises(refused):
            place.set_buffer(np.zeros((3, size, size), np.uint8).transpose(1, 2, 0))
        frozen = np.zeros((size, size, 3), np.uint8)
        frozen.flags.writeable = False
        with pytest.raises(ValueError, match="writeable"):
            place.set_buffer(frozen)
        place.set_buffer(np.zeros(size * size * 3, np.int8))


@RULES
def test_call_order(backend):
    if not backend.newer:
        pytest.skip("a HailoRT before 4.18: it has no InferModel")
    hp, inner = backend.platform, backend.inner
    with hp.VDevice() as vdevice:
        with pytest.raises(inner.HailoRTException, match="74"):
            hp.VDevice()
        model = vdevice.create_infer_model(str(backend.hef))
        with model.configure() as configured:
            bindings = configured.create_bindings()
            with pytest.raises(inner.HailoRTNetworkGroupNotActivatedException):
                configured.run([bindings], 1000)
            configured.activate()
            with pytest.raises(inner.HailoRTInvalidOperationException):
                configured.run([bindings], 1000)  # no buffers
            with pytest.raises(inner.HailoRTInvalidOperationException):
                configured.set_scheduler_threshold(1)
    with pytest.raises(inner.HailoRTException):
        vdevice.create_infer_model(str(backend.hef))


@RULES
def test_under_a_scheduler_nothing_is_activated_by_hand(backend, model):
    with model.configure() as configured, pytest.raises(backend.inner.HailoRTException):
        configured.activate()


def test_what_the_firmware_does_not_serve(sim):
    control = sim.Device().control
    with pytest.raises(sim.HailoRTException, match="79"):
        control.read_memory(0, 4)
    with pytest.raises(TypeError):
        control.read_memory(0)


@RULES
def test_virtual_streams_cast_silently(backend):
    hp = backend.platform
    source = hp.HEF(backend.hef.read_bytes())
    frames = backend.pixels(2)
    with hp.VDevice() as vdevice:
        config = hp.ConfigureParams.create_from_hef(source, interface=hp.HailoStreamInterface.PCIe)
        group = vdevice.configure(source, config)[0]
        ins = hp.InputVStreamParams.make(group, format_type=hp.FormatType.UINT8)
        outs = hp.OutputVStreamParams.make(group, format_type=hp.FormatType.FLOAT32)
        assert next(iter(ins.values())).timeout_ms == 10_000
        with hp.InferVStreams(group, ins, outs) as streams:
            with pytest.raises(backend.inner.HailoRTException):
                streams.infer(frames)
            with group.activate(group.create_params()):
                (given,) = streams.infer(frames).values()
                (cast,) = streams.infer(frames + np.float64(0.4)).values()
    assert given.reshape(2, -1).shape == (2, 768)
    assert (given == cast).all()


def test_scales_a_feature_hide_from_the_stream_info(sim, tmp_path):
    path = write_hef(tmp_path / "a.simhef", per_feature=True)
    info = sim.HEF(str(path)).get_output_vstream_infos()[0]
    assert (info.quant_info.qp_scale, info.quant_info.qp_zp) == (0, 0)
    with sim.VDevice() as vdevice:
        assert len(vdevice.create_infer_model(str(path)).output().quant_infos) == 768


def quant_info(low, **values):
    try:
        info = low.QuantInfo()
        for name, value in values.items():
            setattr(info, name, value)
    except (TypeError, AttributeError) as error:
        pytest.skip(f"this HailoRT's quantisation parameters are not made in Python: {error}")
    return info


def test_quantising_rounds_half_to_even_and_clips(hp, inner, low):
    info = quant_info(low, qp_zp=1.0, qp_scale=2.0, limvals_min=-2.0, limvals_max=508.0)
    out = np.empty(5, np.uint8)
    values = np.array([1.0, 3.0, 5.0, -99.0, 999.0], np.float32)
    inner.HailoRTTransformUtils.quantize_input_buffer(values, out, 5, info)
    assert out.tolist() == [2, 2, 4, 0, 255]
    back = np.empty(5, np.float32)
    inner.HailoRTTransformUtils.dequantize_output_buffer(out, back, 5, info)
    assert back.tolist() == [2.0, 2.0, 6.0, -2.0, 508.0]


def test_nothing_is_quantised_without_a_scale(sim):
    inner = importlib.import_module(f"{sim.__name__}.pyhailort.pyhailort")
    low = importlib.import_module(f"{sim.__name__}.pyhailort._pyhailort")
    values, out = np.ones(5, np.float32), np.empty(5, np.uint8)
    with pytest.raises(sim.HailoRTException):
        inner.HailoRTTransformUtils.quantize_input_buffer(values, out, 5, low.QuantInfo())
