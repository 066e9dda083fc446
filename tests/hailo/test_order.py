"""HailoRT's order of calls: what a driver must do first, who may, and after what it must begin anew."""

import functools
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from backends import DTYPES, RULES
from hailo_parts import pictures, write_hef

from cardembed.hailo.resource import simulated_platform
from cardembed.hailo.simulator.chip import CHIP, DEVICE_ID
from cardembed.hailo.simulator.faults import inject
from cardembed.hailo.simulator.hailo_platform.pyhailort import _pyhailort, pyhailort
from cardembed.hailo.status import status_of

hp = simulated_platform()


@pytest.fixture
def vdevice():
    params = hp.VDevice.create_params()
    params.scheduling_algorithm = hp.HailoSchedulingAlgorithm.ROUND_ROBIN
    with hp.VDevice(params) as opened:
        yield opened


def bound(configured, frame=None):
    """Bindings of one frame, as the chip's integers."""
    bindings, out = configured.create_bindings(), np.empty(768, np.uint8)
    bindings.input().set_buffer(pictures(1)[0] if frame is None else frame)
    bindings.output().set_buffer(out)
    return bindings


@RULES
def test_a_path_is_a_str(backend, scheduled):
    for refused in (Path(backend.hef), 7, None):
        with pytest.raises((TypeError, backend.inner.HailoRTException)):
            scheduled.create_infer_model(refused)
    for taken in (str(backend.hef), backend.hef.read_bytes()):
        assert scheduled.create_infer_model(taken).input().name.endswith("/input_layer1")


@RULES
def test_a_device_that_is_named_is_in_use_and_one_that_is_not_is_out_of(backend, scheduled):
    (name,) = backend.platform.Device.scan()
    for options, status in (
        ({}, "74"),
        ({"device_ids": [name]}, "73"),
        ({"device_ids": ["0000:09:00.0"]}, "INVALID_ARGUMENT"),
    ):
        with pytest.raises(backend.inner.HailoRTException, match=status):
            backend.platform.VDevice(**options)


def opening(**fields):
    params = hp.VDevice.create_params()
    for name, value in fields.items():
        setattr(params, name, value)
    return params


ROUND_ROBIN = hp.HailoSchedulingAlgorithm.ROUND_ROBIN


@pytest.mark.parametrize(
    ("fields", "architecture", "status"),
    [
        ({"device_count": 0}, "HAILO8L", 2),
        ({"device_ids": []}, "HAILO8L", 2),
        ({"device_count": 3}, "HAILO8L", 6),  # it is not used in numbers, however many there are
        ({"device_count": 3}, "HAILO8", 74),
        ({"device_ids": [DEVICE_ID, DEVICE_ID]}, "HAILO8L", 6),
        ({"multi_process_service": True}, "HAILO8L", 2),
        ({"multi_process_service": True, "scheduling_algorithm": ROUND_ROBIN}, "HAILO8L", 77),
    ],
)
def test_what_a_vdevice_is_not_opened_with(fields, architecture, status):
    with inject(architecture=architecture), pytest.raises(hp.HailoRTException) as error:
        hp.VDevice(opening(**fields))
    assert status_of(error.value) == status
    hp.VDevice().release()  # nobody has the device


def test_more_devices_than_none_are_too_many():
    with inject(no_device=True), pytest.raises(hp.HailoRTException, match="74"):
        hp.VDevice(opening(device_count=3))


def test_ids_bring_their_number_with_them():
    params = hp.VDevice.create_params()
    assert (params.device_ids, params.device_count) == ([], 1)
    params.device_ids = ["a", "b"]
    assert params.device_count == 2


def test_ids_are_in_the_parameters_or_beside_them(hef):
    with pytest.raises(pyhailort.HailoRTInvalidOperationException):
        hp.VDevice(opening(device_ids=[DEVICE_ID]), device_ids=[DEVICE_ID])
    # Ids beside parameters take their place, the scheduler's too.
    with hp.VDevice(opening(scheduling_algorithm=ROUND_ROBIN), device_ids=[DEVICE_ID]) as device:
        assert device.get_physical_devices_ids() == [DEVICE_ID]
        with device.configure(hp.HEF(str(hef)))[0].activate():
            pass


def test_a_group_shares_the_device_until_its_last_gave_it_back(hef):
    first = hp.VDevice(opening(group_id="shared", scheduling_algorithm=ROUND_ROBIN))
    for refused, status in (
        ({}, 74),
        ({"group_id": "another"}, 74),
        ({"group_id": "shared", "device_count": 2}, 6),
        ({"group_id": "shared", "device_ids": ["0000:09:00.0"]}, 6),
    ):
        with pytest.raises(hp.HailoRTException) as error:
            hp.VDevice(opening(**refused))
        assert status_of(error.value) == status
    with hp.VDevice(opening(group_id="shared")) as second:
        first.release()
        # Under the first one's scheduler.
        with second.create_infer_model(str(hef)).configure() as configured:
            configured.run([bound(configured)], 1000)
        with pytest.raises(hp.HailoRTException, match="74"):
            hp.VDevice()
    hp.VDevice().release()


@RULES
def test_a_vdevice_belongs_to_its_process(backend, scheduled, monkeypatch):
    source = backend.platform.HEF(str(backend.hef))
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: -1)
        with pytest.raises(backend.inner.HailoRTException, match="process VDevice was created in"):
            scheduled.create_infer_model(str(backend.hef))
        with pytest.raises(backend.inner.HailoRTException, match="process it was created in"):
            scheduled.configure(source)


def test_what_is_for_another_chip_is_refused_when_it_is_configured_and_not_before(vdevice, tmp_path):
    path = str(write_hef(tmp_path / "other.simhef", architecture="hailo15h"))
    model, source = vdevice.create_infer_model(path), hp.HEF(path)
    for configure in (model.configure, lambda: vdevice.configure(source)):
        with pytest.raises(pyhailort.HailoRTHEFNotCompatibleWithDevice):
            configure()
        with inject(older_library=True), pytest.raises(pyhailort.HailoRTInvalidHEFException):
            configure()


def test_calls_about_streams_do_not_map_their_statuses(hef):
    source = hp.HEF(str(hef))
    for ask in (
        source.get_input_vstream_infos,
        source.get_output_vstream_infos,
        source.get_all_vstream_infos,
    ):
        with pytest.raises(_pyhailort.HailoRTStatusException) as error:
            ask("another")
        assert int(error.value.args[0]) == 61
        assert ask("network") == ask("network/network") == ask()


@RULES
@pytest.mark.parametrize("after", ["shutdown", "leaving"])
def test_a_pipeline_that_was_shut_down_stays_so(backend, scheduled, after):
    model = scheduled.create_infer_model(str(backend.hef))
    configured = model.configure()
    configured.run([backend.bound(model, configured)], 1000)
    if after == "leaving":
        with configured:
            pass
    else:
        configured.shutdown()
    for _ in range(2):
        with pytest.raises(backend.inner.HailoRTStreamAborted):
            configured.run([backend.bound(model, configured)], 1000)
    with model.configure() as anew:
        anew.run([backend.bound(model, anew)], 1000)


def test_an_error_shuts_a_pipeline_down_too(vdevice, hef):
    model = vdevice.create_infer_model(str(hef))
    configured = model.configure()
    with inject(timeout_after=0), pytest.raises(pyhailort.HailoRTTimeout):
        configured.run([bound(configured)], 50)
    with pytest.raises(pyhailort.HailoRTStreamAborted):
        configured.run([bound(configured)], 1000)
    with model.configure() as anew:
        anew.run([bound(anew)], 1000)


def test_a_callback_is_told_by_keyword_what_went_wrong(vdevice, hef):
    heard = []

    def listen(*, completion_info):
        heard.append(completion_info.exception)

    with vdevice.create_infer_model(str(hef)).configure() as configured:
        configured.wait_for_async_ready()
        configured.run_async([bound(configured)], listen).wait(1000)
        with inject(lost_after=0), pytest.raises(pyhailort.HailoRTDriverOperationFailedException):
            configured.run_async([bound(configured)], listen).wait(1000)
    assert [type(told) for told in heard] == [type(None), pyhailort.HailoRTDriverOperationFailedException]


@pytest.mark.parametrize(("each", "in_time"), [(0.4, True), (0.9, False)])
def test_a_job_and_its_callback_have_the_timeout_each(vdevice, hef, each, in_time):
    told = threading.Event()

    def listen(*, completion_info):
        time.sleep(each)
        told.set()

    configured = vdevice.create_infer_model(str(hef)).configure()
    run = CHIP.run

    def slow(*arguments):
        time.sleep(0.4)
        return run(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CHIP, "run", slow)
        job = configured.run_async([bound(configured)], listen)
        before = time.monotonic()
        if in_time:  # 0.8 s with a timeout of 0.6
            job.wait(600)
            assert told.is_set()
        else:
            with pytest.raises(pyhailort.HailoRTTimeout):
                job.wait(600)
            assert not told.is_set()
        assert 0.7 < time.monotonic() - before < 2
    assert told.wait(5)
    configured.shutdown()


def test_a_callback_that_never_comes_costs_a_second_timeout(vdevice, hef):
    heard = []
    with inject(late_callback_after=0), vdevice.create_infer_model(str(hef)).configure() as configured:
        binding, before = bound(configured), time.monotonic()
        job = configured.run_async([binding], lambda completion_info: heard.append(completion_info))
        with pytest.raises(pyhailort.HailoRTTimeout):
            job.wait(300)
        assert 0.5 < time.monotonic() - before < 1.5  # 0.24 s for the frame, and 0.3
        assert binding.output().get_buffer().any()  # it ended


def test_a_read_has_a_timeout_of_its_own(hef):
    source = hp.HEF(str(hef))
    with inject(late_callback_after=0), hp.VDevice() as device:
        group = device.configure(source)[0]
        params = (
            hp.InputVStreamParams.make(group, timeout_ms=300),
            hp.OutputVStreamParams.make(group, timeout_ms=100),
        )
        with hp.InferVStreams(group, *params) as streams, group.activate():
            before = time.monotonic()
            with pytest.raises(pyhailort.HailoRTTimeout):
                streams.infer(pictures(1))
            assert 0.33 < time.monotonic() - before < 1.2  # 0.24 s for the write, and 0.1


@RULES
def test_frames_run_whether_somebody_waits_or_not(backend, scheduled):
    heard, told = [], threading.Event()

    def listen(*, completion_info):
        heard.append(completion_info.exception)
        told.set()

    model = scheduled.create_infer_model(str(backend.hef))
    with model.configure() as configured:
        binding = backend.bound(model, configured)
        configured.run_async([binding], listen)
        assert told.wait(5)
        assert binding.output().get_buffer().any()
    assert heard == [None]


@RULES
def test_frames_end_in_the_order_in_which_they_came(backend, scheduled):
    heard = []
    model = scheduled.create_infer_model(str(backend.hef))
    with model.configure() as configured:
        for _ in range(3):
            jobs = []
            for number in range(4):
                configured.wait_for_async_ready(1000, 1)
                listen = functools.partial(lambda number, **_: heard.append(number), number)
                jobs.append(configured.run_async([backend.bound(model, configured)], listen))
            jobs[-1].wait(1000)
    assert heard == [0, 1, 2, 3] * 3


def test_a_queue_that_is_full_takes_no_more(vdevice, hef):
    heard = []
    with inject(timeout_after=0), vdevice.create_infer_model(str(hef)).configure() as configured:
        room = configured.get_async_queue_size()
        for _ in range(room):
            configured.wait_for_async_ready(1000, 1)
            job = configured.run_async(
                [bound(configured)], lambda completion_info: heard.append(completion_info)
            )
        with pytest.raises(hp.HailoRTException, match="82"):
            configured.run_async([bound(configured)])
        with pytest.raises(pyhailort.HailoRTTimeout):
            configured.wait_for_async_ready(10, 1)
        configured.shutdown()
        with pytest.raises(hp.HailoRTException):
            job.wait(1000)
    # The one that ran is late, and the others are aborted.
    assert [type(one.exception) for one in heard] == [
        pyhailort.HailoRTTimeout, *[pyhailort.HailoRTStreamAborted] * (room - 1)
    ]  # fmt: skip


def params(backend, group):
    hp = backend.platform
    return hp.InputVStreamParams.make(group), hp.OutputVStreamParams.make(group)


@RULES
def test_virtual_streams_are_entered_and_then_activated(backend):
    hp, refused = backend.platform, backend.inner.HailoRTException
    source = hp.HEF(str(backend.hef))
    frames = backend.frame(source.get_input_vstream_infos()[0])[None]
    (told,) = source.get_output_vstream_infos()
    with hp.VDevice() as device:
        group = device.configure(source)[0]
        streams = hp.InferVStreams(group, *params(backend, group))
        with group.activate(), pytest.raises(refused, match="70"):
            streams.infer(frames)
        with streams, pytest.raises(backend.inner.HailoRTNetworkGroupNotActivatedException):
            streams.infer(frames)
        with streams, group.activate(group.create_params()):
            (given,) = streams.infer(frames).values()
            with pytest.raises(refused), group.activate():
                pass
        assert given.dtype == DTYPES[told.format.type.name]  # AUTO is the chip's own
        with pytest.raises(refused, match="70"):
            streams.infer(frames)
    with pytest.raises(refused), streams:
        pass  # the device was released


@RULES
def test_streams_under_a_scheduler_are_not_activated_by_hand(backend, scheduled):
    source = backend.platform.HEF(str(backend.hef))
    group = scheduled.configure(source)[0]
    with pytest.raises(backend.inner.HailoRTInvalidOperationException):
        group.activate()
    frame = backend.frame(source.get_input_vstream_infos()[0])
    with backend.platform.InferVStreams(group, *params(backend, group)) as streams:
        assert len(next(iter(streams.infer(np.stack([frame, frame])).values()))) == 2
