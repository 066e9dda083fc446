"""Every result that is rounded has its cost, in the network's order, and 16 bits cost less."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("timm")

from cardembed.export.hailo.cost import layer_costs
from cardembed.export.hailo.network import ChipNetwork, write_chip_onnx


def test_costs(student, like, tmp_path):
    network = ChipNetwork(student, like, raw=True)
    source = write_chip_onnx(network, like.size, tmp_path / "float.onnx", batch=None)
    images = np.random.default_rng(0).integers(0, 256, (12, like.size, like.size, 3), dtype=np.uint8)
    costs = layer_costs(source, images[:8], images[8:])
    names = [cost.layer for cost in costs]
    assert costs[0].rounding > 200  # pixels are 8-bit numbers already
    stem, pool = (next(n for n in names if word in n) for word in ("stem", "global_pool"))
    assert names.index(stem) < names.index(pool)
    assert all(cost.accumulated <= cost.rounding + 1 for cost in costs[1:])
    assert all(15 < cost.rounding < 70 for cost in costs[1:])
    assert {cost.layer for cost in layer_costs(source, images[:8], images[8:], per_channel=False)} == set(
        names
    )
