import sys
from pathlib import Path

import pytest

# pytest's importlib mode leaves out the helpers beside the tests, of another folder, and the checkout's.
sys.path += [
    str(Path(__file__).parent),
    str(Path(__file__).parents[1] / "hef"),
    str(Path(__file__).parents[2]),
]

from backends import BACKENDS, make


@pytest.fixture(scope="session")
def hef(tmp_path_factory):
    from hailo_parts import write_hef

    return write_hef(tmp_path_factory.mktemp("hef") / "small.simhef")


@pytest.fixture
def open_hef(hef):
    """Opens embedders on the simulated chip, and closes them."""
    from hailo_parts import PREPROCESSING

    from cardembed.embedders.hailo import HailoEmbedder

    opened = []

    def open_hef(path=hef, **options):
        embedder = HailoEmbedder(path, **({"preprocessing": PREPROCESSING, "open_timeout": 10.0} | options))
        opened.append(embedder)
        return embedder

    yield open_hef
    for embedder in opened:
        embedder.close()


@pytest.fixture(params=BACKENDS)
def backend(request, tmp_path):
    """What `backends` says: each test that no fault is switched for runs on the simulator and on a chip."""
    made = make(request.param, tmp_path)
    yield made
    made.close()


@pytest.fixture
def scheduled(backend):
    """A device of HailoRT's own, under a scheduler, as InferModels want it."""
    if not backend.newer:
        pytest.skip("a HailoRT before 4.18: it has no InferModel")
    params = backend.platform.VDevice.create_params()
    params.scheduling_algorithm = backend.platform.HailoSchedulingAlgorithm.ROUND_ROBIN
    with backend.platform.VDevice(params) as vdevice:
        yield vdevice
