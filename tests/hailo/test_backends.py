"""When the driver's tests run on a chip, and what they say where they do not."""

import sys
from types import ModuleType

import backends
import pytest
from hailo_parts import SIZE

from benchmarks._hef_files import seal
from cardembed.embedders import hailo
from cardembed.fidelity import Fidelity
from cardembed.hailo.resource import ChipResource, simulated_platform
from cardembed.hailo.simulator.faults import inject


@pytest.fixture
def disguised(monkeypatch, tmp_path):
    """The simulator in HailoRT's place."""
    module = simulated_platform()
    monkeypatch.setitem(sys.modules, "hailo_platform", module)
    monkeypatch.setattr(ChipResource, "simulated", property(lambda _: False))
    monkeypatch.setattr(hailo, "is_simulated", lambda _: False)
    monkeypatch.setenv("CARDEMBED_LOCKS", str(tmp_path))
    monkeypatch.delenv(backends.VARIABLE, raising=False)
    return module


def skipped(match):
    return pytest.raises(pytest.skip.Exception, match=match)


def test_the_reason_is_what_is_missing(disguised, monkeypatch):
    with skipped("CARDEMBED_TEST_HEF names no compiled network"):
        backends.on_the_chip()
    with inject(no_device=True), skipped("expected at least one, found none"):
        backends.on_the_chip()
    monkeypatch.setitem(sys.modules, "hailo_platform", None)
    with skipped("hailo_platform is not installed"):
        backends.on_the_chip()


@pytest.mark.parametrize("normalised", ["chip", "host"])
def test_the_named_network_is_run_at_its_size_and_normalised_as_it_says(
    disguised, monkeypatch, tmp_path, normalised
):
    from hef_building import float32, plain

    numeric = None if normalised == "chip" else float32(1, 114.0) + float32(2, 0.018)
    stated, run = tmp_path / "stated.hef", backends.simulated(tmp_path, normalised).hef
    stated.write_bytes(seal(3, plain((SIZE, SIZE, 3), numeric=numeric)))
    monkeypatch.setenv(backends.VARIABLE, str(stated))
    backend = backends.on_the_chip()
    assert (backend.platform, backend.size, backend.normalised) == (disguised, SIZE, normalised)
    embedder = backend.open(run)  # the simulator reads no HEF of the chip's format
    try:
        assert embedder.embed_preprocessed(backend.batch()).shape == (4, 768)
        assert embedder.fidelity is Fidelity.DEVICE
    finally:
        backend.close()


def test_a_module_that_is_there_is_taken(monkeypatch):
    module = ModuleType("hailo_platform")
    module.__spec__ = simulated_platform().__spec__
    monkeypatch.setitem(sys.modules, "hailo_platform", module)
    assert backends.real_module() is module
