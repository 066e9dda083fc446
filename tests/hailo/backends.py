"""What the driver's tests run on: the simulator, or HailoRT with a chip and a compiled network at hand."""

import importlib.util
import os
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hailo_parts import SIZE, write_hef

from cardembed.embedders.hailo import HailoEmbedder
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import DeviceMissingError
from cardembed.hailo.driver import attached_devices
from cardembed.hailo.pipelines import _DTYPES as DTYPES
from cardembed.hailo.resource import ChipResource, hailo_platform, simulated_platform
from cardembed.hef import read_hef

VARIABLE = "CARDEMBED_TEST_HEF"
"""Names a compiled network of 768 features, by which the chip's frames are tested."""
BACKENDS = ("simulator", "simulator, the host normalises", "on-chip")
RULES = pytest.mark.parametrize("backend", ["simulator", "on-chip"], indirect=True)
"""Of tests about HailoRT itself, for which it does not matter who normalises."""


@dataclass
class Backend:
    """A module, a network that it runs, and the embedders that a test opened."""

    platform: ModuleType
    hef: Path
    size: int
    normalised: str
    opened: list[HailoEmbedder] = field(default_factory=list)

    @property
    def newer(self):
        """Whether this HailoRT has the InferModel (4.18 and later)."""
        return hasattr(self.platform.VDevice, "create_infer_model")

    @property
    def other(self):
        """Who does not normalise for this network."""
        return "host" if self.normalised == "chip" else "chip"

    @property
    def inner(self):
        """HailoRT's own Python layer, where its exceptions are."""
        return importlib.import_module(f"{self.platform.__name__}.pyhailort.pyhailort")

    @property
    def preprocessing(self):
        return Preprocessing(self.size)

    def open(self, path=None, **options):
        """An embedder, which is closed after the test."""
        usual = {"preprocessing": self.preprocessing, "normalised": self.normalised, "open_timeout": 10.0}
        embedder = HailoEmbedder(path or self.hef, **(usual | options))
        self.opened.append(embedder)
        return embedder

    @property
    def source(self):
        """Python that opens it in a process of its own."""
        return (
            "from cardembed import HailoEmbedder\n"
            "from cardembed.embedders.preprocessing import Preprocessing\n"
            f"options = dict(preprocessing=Preprocessing({self.size}), normalised={self.normalised!r})\n"
            f"embedder = HailoEmbedder({str(self.hef)!r}, **options)\n"
        )

    def frame(self, stream, fill=None):
        """A buffer of what one of HailoRT's streams takes or gives: noise from 0 to 255, or all `fill`."""
        dtype = DTYPES[stream.format.type.name]
        shape = tuple(stream.shape)
        if fill is not None:
            return np.full(shape, fill, dtype)
        return np.random.default_rng(3).integers(0, 256, shape).astype(dtype)

    def bound(self, model, configured):
        """Bindings of one frame, as the chip's integers."""
        bindings = configured.create_bindings()
        bindings.input().set_buffer(self.frame(model.input()))
        bindings.output().set_buffer(self.frame(model.output(), 0))
        return bindings

    def pixels(self, count=4, seed=3):
        shape = (count, self.size, self.size, 3)
        return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)

    def batch(self, count=4, seed=3):
        return self.preprocessing.batch(list(self.pixels(count, seed)))

    def close(self):
        for embedder in self.opened:
            embedder.close()


def real_module():
    """HailoRT's own module; the test is skipped where it is missing."""
    if importlib.util.find_spec("hailo_platform") is None:
        pytest.skip("hailo_platform is not installed: sudo apt install hailo-all on a Raspberry Pi")
    return hailo_platform()


def on_the_chip():
    """The chip at hand with the network that the variable names; skipped, with the reason, without either."""
    platform = real_module()
    try:
        attached_devices(ChipResource(platform))
    except DeviceMissingError as error:
        pytest.skip(str(error))
    if not (named := os.environ.get(VARIABLE)):
        pytest.skip(f"{VARIABLE} names no compiled network of 768 features")
    hef = Path(named)
    (entry,) = read_hef(hef).network_groups[0].core_ops[0].inputs
    quant = entry.quantisation
    pixels = (quant.scale, quant.zero_point, entry.data_bytes) == (1, 0, 1)
    return Backend(platform, hef, entry.shape[0], "chip" if pixels else "host")


def simulated(folder, normalised="chip"):
    hef = write_hef(folder / "small.simhef", normalised=normalised)
    return Backend(simulated_platform(), hef, SIZE, normalised)


def make(name, folder):
    """The backend of that name in `BACKENDS`."""
    if name == "on-chip":
        return on_the_chip()
    return simulated(folder, "host" if "host" in name else "chip")
