"""Operations that make much of little are refused by their shapes alone, before there is any data."""

from itertools import pairwise

import numpy as np
import pytest
from cost_parts import MIB, costs_at_most

pytest.importorskip("torch")

from cardembed.coreml.arithmetic import Mode
from cardembed.coreml.executor import Executor
from cardembed.coreml.graph import Feature, Graph, Name, Step, ValueType
from cardembed.coreml.limits import Limits
from cardembed.errors import ArtefactError

SHAPE = (1, 4, 7, 9)
KERNEL = {"weight": (4, 5, 3, 3)}
LITTLE = 100 * MIB


@pytest.fixture(scope="module", autouse=True)
def _warm():
    """What PyTorch imports at its first look at shapes takes two seconds that are nobody's fault."""
    graph = Graph(
        [Feature("x", "FLOAT32", SHAPE)], [Feature("y", "FLOAT32", ())], {}, {}, set(),
        [Step("exp", "y", {"x": Name("x")}, (("y", ValueType("FLOAT32", None)),))],
    )  # fmt: skip
    Executor(graph, Mode.FLOAT32, Limits(), "artefact").check({"x": SHAPE})


def shape_of(kind, arguments, shape=SHAPE, limits=None):
    """The result's shape of one operation on an input; `weight` is given as a shape."""
    constants = {}
    given = {"x": Name("x"), **arguments}
    if "weight" in given:
        constants["w"] = np.zeros(given["weight"], np.float32)
        given["weight"] = Name("w")
    return shape_after([(kind, "y", given)], constants, shape, limits)


def shape_after(steps, constants, shape, limits=None):
    """The last result's shape of several operations: (kind, name, arguments) of each."""
    unknown = ValueType("FLOAT32", None)
    graph = Graph(
        [Feature("x", "FLOAT32", shape)], [Feature(steps[-1][1], "FLOAT32", ())], {}, dict(constants), set(),
        [Step(kind, name, given, ((name, unknown),)) for kind, name, given in steps],
    )  # fmt: skip
    executor = Executor(graph, Mode.FLOAT32, limits or Limits(), "artefact")
    with costs_at_most(memory=LITTLE):
        executor.check({"x": shape})
    return executor.graph.outputs[0].shape


def test_memory_is_counted_though_the_process_had_more_before():
    def use(size):
        np.ones(size * MIB, np.uint8)

    use(400)
    with costs_at_most(memory=LITTLE):
        use(50)
    with pytest.raises(AssertionError, match="MiB"), costs_at_most(memory=LITTLE):
        use(200)


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


def test_numbers_that_are_read_and_written_are_counted():
    needed = 2 * 4 * 7 * 9
    assert shape_of("exp", {}, limits=Limits(numbers=needed)) == SHAPE
    with pytest.raises(ArtefactError, match=f"exp y: expected at most {needed - 1} numbers read and written"):
        shape_of("exp", {}, limits=Limits(numbers=needed - 1))


def test_a_reduction_is_counted_by_what_it_reads():
    arguments = {"axes": (0, 1, 2, 3), "keep_dims": True}
    with pytest.raises(ArtefactError, match="numbers read and written"):
        shape_of("reduce_sum", arguments, limits=Limits(numbers=4 * 7 * 9))


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("max_pool", {"kernel_sizes": (7, 9)}),
        ("avg_pool", {"kernel_sizes": (7, 9)}),
        ("conv", {"weight": (4, 1, 7, 9), "groups": 4}),
    ],
)
def test_windows_over_one_channel_are_counted_by_what_they_read(kind, arguments):
    most = Limits(numbers=2 * 4 * 1000 * 1000 * 7 * 9)
    shape_of(kind, arguments, (1, 4, 1006, 1008), most)
    with pytest.raises(ArtefactError, match="numbers read and written"):
        shape_of(kind, arguments, (1, 4, 1006, 1008), Limits(numbers=4 * 1000 * 1000 * 7 * 9))


@pytest.mark.parametrize("kind", ["exp", "relu", "erf", "softmax"])
def test_ten_thousand_operations_on_a_quarter_of_a_billion_numbers(kind):
    steps = [("tile", "0", {"x": Name("x"), "reps": (2**22,)})]
    more = {"axis": -1} if kind == "softmax" else {}
    steps += [(kind, str(number + 1), {"x": Name(str(number)), **more}) for number in range(10_000)]
    with pytest.raises(ArtefactError, match="numbers read and written"):
        shape_after(steps, {}, (64,))


def test_a_thousand_on_few_numbers_pass():
    steps = [("exp", "0", {"x": Name("x")})]
    steps += [("exp", str(number + 1), {"x": Name(str(number))}) for number in range(999)]
    assert shape_after(steps, {}, (1, 768)) == (1, 768)


VIT = {
    "wide": np.zeros((1024, 1024), np.float32), "up": np.zeros((4096, 1024), np.float32),
    "down": np.zeros((1024, 4096), np.float32), "scale": np.ones(1024, np.float32),
}  # fmt: skip


def vit_block(x, name):
    """A block of ViT-Large as coremltools writes it; `name` is what it gives."""
    norm = {"axes": (-1,), "gamma": Name("scale"), "beta": Name("scale"), "epsilon": 1e-6}
    steps = [("layer_norm", f"{name}n", {"x": Name(x), **norm})]
    for part in "qkv":
        steps += [
            ("linear", f"{name}{part}0", {"x": Name(f"{name}n"), "weight": Name("wide")}),
            ("reshape", f"{name}{part}1", {"x": Name(f"{name}{part}0"), "shape": (-1, 1370, 16, 64)}),
            ("transpose", f"{name}{part}", {"x": Name(f"{name}{part}1"), "perm": (0, 2, 1, 3)}),
        ]
    q, k, v = (Name(f"{name}{part}") for part in "qkv")
    return [
        *steps,
        ("mul", f"{name}q2", {"x": q, "y": 0.125}),
        ("matmul", f"{name}s", {"x": Name(f"{name}q2"), "y": k, "transpose_y": True}),
        ("softmax", f"{name}p", {"x": Name(f"{name}s"), "axis": -1}),
        ("matmul", f"{name}o", {"x": Name(f"{name}p"), "y": v}),
        ("transpose", f"{name}o1", {"x": Name(f"{name}o"), "perm": (0, 2, 1, 3)}),
        ("reshape", f"{name}o2", {"x": Name(f"{name}o1"), "shape": (-1, 1370, 1024)}),
        ("linear", f"{name}o3", {"x": Name(f"{name}o2"), "weight": Name("wide")}),
        ("add", f"{name}a", {"x": Name(x), "y": Name(f"{name}o3")}),
        ("layer_norm", f"{name}m", {"x": Name(f"{name}a"), **norm}),
        ("linear", f"{name}u", {"x": Name(f"{name}m"), "weight": Name("up")}),
        ("gelu", f"{name}g", {"x": Name(f"{name}u"), "mode": "EXACT"}),
        ("linear", f"{name}d", {"x": Name(f"{name}g"), "weight": Name("down")}),
        ("add", name, {"x": Name(f"{name}a"), "y": Name(f"{name}d")}),
    ]


def test_a_vit_large_at_518_pixels_passes_in_batches_of_sixteen():
    names = ["x", *(f"b{number}" for number in range(24))]
    steps = [step for x, name in pairwise(names) for step in vit_block(x, name)]
    assert shape_after(steps, VIT, (16, 1370, 1024)) == (16, 1370, 1024)
    # Its work alone would allow a batch of 64, which needs too much memory at a time.
    assert shape_after(steps, VIT, (64, 1370, 1024), Limits(tensor_elements=1 << 31, live_elements=1 << 33))


def test_a_convnext_base_at_384_pixels_passes_in_batches_of_sixty_four():
    steps, x, constants = [], "x", {}
    for stage, (depth, width) in enumerate(((3, 128), (3, 256), (27, 512), (3, 1024))):
        constants[f"k{stage}"] = np.zeros((width, 1, 7, 7), np.float32)
        constants[f"u{stage}"] = np.zeros((4 * width, width), np.float32)
        constants[f"d{stage}"] = np.zeros((width, 4 * width), np.float32)
        constants[f"h{stage}"] = np.zeros((2 * width, width, 2, 2), np.float32)
        depthwise = {"groups": width, "pad_type": "same"}
        for block in range(depth):
            name = f"{stage}.{block}"
            steps += [
                ("conv", f"{name}c", {"x": Name(x), "weight": Name(f"k{stage}"), **depthwise}),
                ("transpose", f"{name}t", {"x": Name(f"{name}c"), "perm": (0, 2, 3, 1)}),
                ("layer_norm", f"{name}n", {"x": Name(f"{name}t"), "axes": (-1,), "epsilon": 1e-6}),
                ("linear", f"{name}u", {"x": Name(f"{name}n"), "weight": Name(f"u{stage}")}),
                ("gelu", f"{name}g", {"x": Name(f"{name}u"), "mode": "EXACT"}),
                ("linear", f"{name}d", {"x": Name(f"{name}g"), "weight": Name(f"d{stage}")}),
                ("transpose", f"{name}b", {"x": Name(f"{name}d"), "perm": (0, 3, 1, 2)}),
                ("add", name, {"x": Name(x), "y": Name(f"{name}b")}),
            ]
            x = name
        if stage < 3:
            halve = {"x": Name(x), "weight": Name(f"h{stage}"), "strides": (2, 2)}
            steps.append(("conv", f"{stage}h", halve))
            x = f"{stage}h"
    assert shape_after(steps, constants, (64, 128, 96, 96)) == (64, 1024, 12, 12)
