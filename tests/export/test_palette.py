"""A palette stands for weights as well as clustering all of them does."""

import numpy as np
import pytest

cluster = pytest.importorskip("sklearn.cluster")

from cardembed.export.palette import palette  # noqa: E402 - after what may be missing


def drawn(count=4000, seed=1):
    """As trained weights are: most near 0, a few far away."""
    return (0.1 * np.random.default_rng(seed).standard_t(4, (count // 40, 40))).astype(np.float16)


def squared_error(weights, table, places):
    return float(((table[places].astype(np.float64) - weights.reshape(-1).astype(np.float64)) ** 2).mean())


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_every_weight_gets_the_nearest_number(bits):
    weights = drawn()
    table, places = palette(weights, bits)
    assert (table.shape, table.dtype) == ((1 << bits,), np.float16)
    assert (places.shape, places.dtype) == ((weights.size,), np.uint8)
    assert (np.diff(table) >= 0).all()
    away = np.abs(table[None].astype(np.float64) - weights.reshape(-1, 1).astype(np.float64))
    assert np.allclose(away.min(1), away[np.arange(weights.size), places])


@pytest.mark.parametrize("bits", [4, 6])
def test_the_error_is_that_of_clustering_all_weights(bits):
    weights = drawn()
    rows = weights.reshape(-1, 1).astype(np.float64)
    peer = cluster.KMeans(1 << bits, n_init=3, random_state=0).fit(rows)
    # 64 numbers for 4,000 weights: what the cells take away is less than what clustering leaves to chance.
    assert squared_error(weights, *palette(weights, bits)) < 1.05 * peer.inertia_ / weights.size


def test_equal_weights_give_equal_palettes():
    one, other = (palette(drawn(), 8) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    "weights",
    [np.full(3000, 0.5, np.float16), np.array([1, 2, 3] * 1000, np.float16), np.zeros((2, 3), np.float32)],
)
def test_few_different_weights_are_kept_as_they_are(weights):
    table, places = palette(weights, 4)
    assert table.shape == (16,)
    assert np.array_equal(table[places], weights.reshape(-1))
