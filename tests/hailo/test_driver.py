"""What the driver gives of any network: on the simulator, and on a chip where one is at hand.

On a chip: CARDEMBED_TEST_HEF=x.hef pytest tests/hailo, see docs/HAILO.md.
"""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

from cardembed import errors
from cardembed._io import sha256_file
from cardembed.embedders.base import Embedder
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.hailo.deadline import Deadline
from cardembed.hailo.driver import attached_devices
from cardembed.hailo.enquiry import ask_chip
from cardembed.hailo.pipelines import InferModelPipeline, VStreamsPipeline
from cardembed.hailo.resource import ChipResource

APIS = ["infer_model", "vstreams"]


@pytest.fixture(params=APIS)
def api(request, backend):
    if request.param == "infer_model" and not backend.newer:
        pytest.skip("a HailoRT before 4.18: it has virtual streams alone")
    return request.param


def test_the_prds_signature(backend):
    embedder = backend.open()
    embedding = embedder.embed(backend.batch(1))
    assert (embedding.shape, embedding.dtype) == ((768,), np.float32)
    assert np.isclose(np.linalg.norm(embedding), 1.0, atol=1e-6)
    assert isinstance(embedder, Embedder)
    resource = ChipResource(backend.platform)
    assert embedder.fidelity is resource.fidelity
    assert embedder.runtime["name"] == resource.runtime["name"]


def test_the_networks_size_is_found(backend):
    assert backend.open(preprocessing=None).preprocessing.size == backend.size


def test_a_batch_is_its_images_one_by_one_and_they_differ(backend, api):
    embedder, batch = backend.open(api=api), backend.batch(4)
    rows = embedder.embed_preprocessed(batch)
    assert (rows.shape, rows.dtype) == ((4, 768), np.float32)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    for row, image in zip(rows, batch, strict=True):
        assert (embedder.embed(image[None]) == row).all()
    assert (embedder.embed_preprocessed(batch[::-1].copy()) == rows[::-1]).all()
    assert len(np.unique(rows, axis=0)) == 4


def test_the_same_input_gives_the_same_bytes(backend, api):
    embedder = backend.open(api=api)
    embedder.check_repeatable(backend.batch(), times=4)
    rows = embedder.embed_pixels(backend.pixels())
    embedder.close()
    assert (backend.open(api=api).embed_pixels(backend.pixels()) == rows).all()  # opened anew, too


def test_every_way_gives_the_same_embedding(backend):
    ways = [{"api": "vstreams"}]
    if backend.newer:
        ways += [{"api": "infer_model", "output": output} for output in ("float32", "quantised")]
    rows = []
    for way in ways:
        embedder = backend.open(**way)
        rows.append(embedder.embed_preprocessed(backend.batch()))
        embedder.close()
    for other in rows[1:]:
        assert np.abs(other - rows[0]).max() < 1e-5


def test_pictures_pixels_and_preprocessed_arrays_are_the_same(backend):
    embedder, pixels = backend.open(), backend.pixels()
    expected = embedder.embed_preprocessed(backend.batch())
    assert (embedder.embed_pixels(pixels) == expected).all()
    assert (embedder.embed(pixels) == expected).all()
    assert (embedder.embed([Image.fromarray(row) for row in pixels]) == expected).all()
    frozen = pixels.copy()
    frozen.flags.writeable = False
    assert (embedder.embed_pixels(frozen) == expected).all()
    assert embedder.embed([]).shape == (0, 768)
    large = [Image.fromarray(row).resize((backend.size + 29, backend.size + 47)) for row in pixels]
    resized = embedder.embed_preprocessed(backend.preprocessing.batch(large))
    assert (embedder.embed(large) == resized).all()


def test_values_that_no_pixel_has_are_refused(backend):
    embedder, batch = backend.open(), backend.batch(1)
    good = embedder.embed(batch)
    levels = backend.pixels(1).transpose(0, 3, 1, 2).astype(np.float32)
    for spoilt in (batch * 2, batch * np.float32(255), levels, np.full_like(batch, np.nan)):
        with pytest.raises(errors.EmbeddingError, match=r"out of range|finite"):
            embedder.embed(spoilt)
    assert (embedder.embed(batch) == good).all()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda batch: batch[0],
        lambda batch: np.concatenate([batch, batch]),
        lambda batch: batch.transpose(0, 2, 3, 1),
        lambda batch: batch.astype(np.float64),
        lambda batch: batch[:, :, 1:],
    ],
)
def test_other_arrays_are_refused(backend, spoil):
    embedder = backend.open()
    with pytest.raises(errors.EmbeddingError):
        embedder.embed(spoil(backend.batch(1)))
    with pytest.raises(errors.EmbeddingError):
        embedder.embed_pixels(backend.pixels(1)[:, 1:])


def test_the_file_must_have_its_digest(backend):
    digest = sha256_file(backend.hef)
    assert backend.open(sha256=digest).artefact_digest == digest
    with pytest.raises(errors.DigestMismatchError):
        backend.open(sha256="0" * 64)


def test_the_network_must_have_the_targets_size(backend):
    with pytest.raises(errors.ReleaseError, match="a network from"):
        backend.open(preprocessing=Preprocessing(backend.size + 1))
    backend.open()  # the chip was given back


def test_a_network_that_somebody_else_has_to_normalise_for_is_refused(backend, api):
    with pytest.raises(errors.ReleaseError, match=f'open it with normalised="{backend.normalised}"'):
        backend.open(normalised=backend.other, api=api)
    backend.open(api=api)


def test_virtual_streams_do_not_pass_for_quantised_output(backend):
    with pytest.raises(errors.UsageError, match=r"virtual streams.*quantised"):
        backend.open(output="quantised", api="vstreams")
    backend.open(output="float32")


def test_time_in_the_chip_is_counted(backend):
    embedder = backend.open()
    embedder.embed_pixels(backend.pixels())
    first = embedder.inference_seconds
    assert first > 0
    embedder.embed_preprocessed(backend.batch())
    assert embedder.inference_seconds > first


def test_threads_share_an_embedder(backend):
    embedder = backend.open()
    batches = [backend.batch(3, seed=seed) for seed in range(8)]
    expected = [embedder.embed_preprocessed(batch) for batch in batches]
    wrong, finished = [], []

    def work(number):
        same = [(embedder.embed_preprocessed(batches[number]) == expected[number]).all() for _ in range(5)]
        wrong.extend(number for good in same if not good)
        finished.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert sorted(finished) == list(range(len(batches)))


def test_after_closing_it_is_of_no_use_and_says_so(backend):
    embedder = backend.open()
    embedder.close()
    embedder.close()
    with pytest.raises(errors.UsageError, match="closed"):
        embedder.embed(backend.batch(1))


def opened_within(backend, api, seconds):
    """An embedder, once a call that nobody waits for any more has let go of the chip."""
    end = time.monotonic() + seconds
    while True:
        try:
            return backend.open(api=api)
        except errors.DeviceBusyError:
            assert time.monotonic() < end, "the chip is not free"
            time.sleep(0.05)


def test_a_call_that_takes_too_long_costs_its_deadline_and_the_chip_is_free_afterwards(
    backend, api, monkeypatch
):
    first = backend.open(api=api)
    good = first.embed_preprocessed(backend.batch())
    first.close()
    slow = backend.open(api=api, timeout=0.2)
    with monkeypatch.context() as patch:
        for kind in (InferModelPipeline, VStreamsPipeline):
            patch.setattr(kind, "run", late(kind.run, 0.8))
        before = time.monotonic()
        with pytest.raises(errors.DeviceTimeoutError):
            slow.embed_preprocessed(backend.batch(1))
        slow.close()
        assert time.monotonic() - before < 0.7
    assert (opened_within(backend, api, 10).embed_preprocessed(backend.batch()) == good).all()


def late(run, seconds):
    """The frame, answered as ever, after a while."""

    def answer(pipeline, frame, deadline):
        time.sleep(seconds)
        return run(pipeline, frame, Deadline.after(5))

    return answer


def test_no_frame_of_a_batch_is_begun_after_its_deadline(backend, api):
    embedder = backend.open(timeout=1e-4, api=api)
    before = time.monotonic()
    with pytest.raises(errors.DeviceTimeoutError):
        embedder.embed_preprocessed(backend.batch(32))
    assert time.monotonic() - before < 1.0  # each frame may be 50 ms late


def test_a_second_embedder_finds_the_chip_busy_until_the_first_is_closed(backend):
    first = backend.open()
    before = time.monotonic()
    with pytest.raises(errors.DeviceBusyError, match="another owner"):
        backend.open(open_timeout=0.3)
    assert time.monotonic() - before < 1.0
    with pytest.raises(errors.DeviceBusyError, match="another owner"):
        ask_chip(ChipResource(backend.platform), 0.1)
    first.close()
    backend.open()


def test_a_chip_has_one_owner_whatever_it_is_called(backend):
    first = backend.open()
    name = first.identify().device_id
    with pytest.raises(errors.DeviceBusyError, match="another owner"):
        backend.open(device_id=name, open_timeout=0.3)
    first.close()
    named = backend.open(device_id=name)
    with pytest.raises(errors.DeviceBusyError, match="another owner"):
        backend.open(open_timeout=0.3)
    assert named.embed_preprocessed(backend.batch()).shape == (4, 768)


def test_a_device_of_another_name_is_not_opened(backend):
    with pytest.raises(errors.InfrastructureError):
        backend.open(device_id="0000:09:00.0")
    backend.open()


def test_the_chip_says_what_it_is_and_a_scan_opens_nothing(backend):
    embedder, resource = backend.open(), ChipResource(backend.platform)
    identity = embedder.identify()
    assert identity.architecture.startswith("HAILO")
    assert identity.simulated == resource.simulated
    assert identity.device_id in attached_devices(resource)
    temperature = embedder.health().temperature
    assert temperature is None or -40 < temperature < 130
    embedder.close()
    asked, _ = ask_chip(resource, 10.0)  # without a network
    assert asked == identity
    backend.open()  # and it was given back


def test_the_lock_dies_with_its_process(backend):
    code = backend.source + "import time\nprint('open', flush=True)\ntime.sleep(60)\n"
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert owner.stdout.readline() == "open\n"
        with pytest.raises(errors.DeviceBusyError, match="another owner"):
            backend.open(open_timeout=0.2)
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait(10)
        assert backend.open(open_timeout=5.0).embed_preprocessed(backend.batch()).shape == (4, 768)
    finally:
        owner.kill()
        owner.wait(10)
        owner.stdout.close()


def test_nothing_of_torch_is_imported(backend):
    code = (
        "import sys\n"
        "for name in ('torch', 'torchvision', 'timm', 'coremltools'): sys.modules[name] = None\n"
        f"{backend.source}"
        "import numpy as np\n"
        f"print(embedder.embed([np.full(({backend.size}, {backend.size}, 3), 9, np.uint8)]).shape)\n"
        "embedder.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "(1, 768)", done.stderr
