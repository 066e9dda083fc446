"""Operations that make much of little are refused by their shapes alone, before there is any data."""

import resource
import time

import numpy as np
import pytest

pytest.importorskip("torch")

from cardembed.coreml.arithmetic import Mode
from cardembed.coreml.executor import Executor
from cardembed.coreml.graph import Feature, Graph, Name, Step, ValueType
from cardembed.coreml.limits import Limits
from cardembed.errors import ArtefactError

SHAPE = (1, 4, 7, 9)
KERNEL = {"weight": (4, 5, 3, 3)}


def shape_of(kind, arguments, shape=SHAPE, limits=None):
    """The result's shape of one operation on an input; `weight` is given as a shape."""
    constants = {}
    given = {"x": Name("x"), **arguments}
    if "weight" in given:
        constants["w"] = np.zeros(given["weight"], np.float32)
        given["weight"] = Name("w")
    unknown = ValueType("FLOAT32", None)
    graph = Graph(
        [Feature("x", "FLOAT32", shape)], [Feature("y", "FLOAT32", ())], {}, constants, set(),
        [Step(kind, "y", given, (("y", unknown),))],
    )  # fmt: skip
    executor = Executor(graph, Mode.FLOAT32, limits or Limits(), "artefact")
    before, memory = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        executor.check({"x": shape})
    finally:
        assert time.process_time() - before < 2
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 300_000  # KiB
    return executor.graph.outputs[0].shape


@pytest.mark.parametrize(
    "reps",
    [
        (2**20,) * 4, (1, 1, 1, 2**29), (2**31,) * 4, (2**40, 2**40, 1, 1), (2**62, 4, 1, 1),
        (1, 1, 1, 2**63 - 1), (-1, 1, 1, 1), (2, 2), (2,) * 9, (2.5, 1, 1, "x"), Name("x"),
    ],
)  # fmt: skip
def test_absurd_tiles(reps):
    with pytest.raises(ArtefactError, match="tile y"):
        shape_of("tile", {"reps": reps})


@pytest.mark.parametrize(
    "arguments",
    [
        {"strides": (2**16, 2**16)}, {"strides": (2**31, 2**31)}, {"strides": (2**62, 2**62)},
        {"strides": (1, 2**63 - 1)}, {"strides": (0, 1)}, {"strides": (-2, 1)}, {"strides": (2,) * 3},
        {"dilations": (2**20, 2**20)}, {"dilations": (2**62, 1)}, {"dilations": (0, 0)},
        {"groups": 0}, {"groups": -1}, {"groups": 3}, {"groups": 2**62},
        {"pad_type": "custom", "pad": (2**30, 0, 0, 0)}, {"pad_type": "custom", "pad": (-1, 0, 0, 0)},
        {"pad_type": "custom", "pad": (1, 1)}, {"pad_type": "same"},
        {"output_shape": (2**20, 2**20)}, {"output_shape": (-1, -1)},
        # Cut off again, the result would be small; what it is cut from is not.
        {"strides": (2**20, 2**20), "output_shape": (4, 4)},
        {"strides": (2**24, 1), "pad_type": "custom", "pad": (3 * 2**24, 3 * 2**24, 0, 0)},
        {"weight": (3, 5, 3, 3)}, {"weight": (4, 5, 3)}, {"weight": (4, 5)},
        {"bias": (1.0, 2.0)},
    ],
)  # fmt: skip
def test_absurd_transposed_convolutions(arguments):
    with pytest.raises(ArtefactError, match="conv_transpose y"):
        shape_of("conv_transpose", {**KERNEL, **arguments})


@pytest.mark.parametrize("shape", [(4,), (1, 4), (1, 4, 2, 2, 2, 2)])
def test_transposed_convolutions_of_other_ranks(shape):
    with pytest.raises(ArtefactError, match="conv_transpose y"):
        shape_of("conv_transpose", KERNEL, shape)


@pytest.mark.parametrize(
    "arguments",
    [
        {"groups": 0}, {"groups": -1}, {"groups": 3}, {"groups": 2**62}, {"bias": (1.0, 2.0)},
        {"weight": (5, 3, 3, 3)}, {"strides": (0, 1)}, {"dilations": (2**62, 1)}, {"dilations": (4, 1)},
    ],
)  # fmt: skip
def test_absurd_convolutions(arguments):
    with pytest.raises(ArtefactError, match="conv y"):
        shape_of("conv", {"weight": (5, 4, 3, 3), **arguments})


def test_products_of_a_transposed_convolution_are_counted():
    needed = 4 * 7 * 9 * 5 * 3 * 3  # of every number that goes in, one with each of its kernel's
    assert shape_of("conv_transpose", KERNEL, limits=Limits(multiplications=needed)) == (1, 5, 9, 11)
    with pytest.raises(ArtefactError, match="multiplications"):
        shape_of("conv_transpose", KERNEL, limits=Limits(multiplications=needed - 1))


def test_what_is_not_absurd_passes():
    assert shape_of("tile", {"reps": (2, 1, 1, 3)}) == (2, 4, 7, 27)
    assert shape_of("conv_transpose", {**KERNEL, "strides": (2, 2)}) == (1, 5, 15, 19)
    assert shape_of("conv_transpose", {**KERNEL, "output_shape": (1, 5, 8, 8)}) == (1, 5, 8, 8)
