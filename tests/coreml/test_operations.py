"""Single operations against PyTorch, above all where Core ML means something else than one would think."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch.nn import functional  # noqa: E402

from cardembed.coreml.arithmetic import Arithmetic, Mode  # noqa: E402
from cardembed.coreml.operations.registry import operations  # noqa: E402


def call(kind, mode=Mode.FLOAT32, /, **arguments):
    run = Arithmetic(mode)
    run.in_half = mode is not Mode.FLOAT32
    return operations()[kind].function(run, **arguments)


def rand(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


X, W = rand(1, 4, 7, 9), rand(6, 4, 3, 3, seed=1)

# ruff: noqa: E501 - a row is a case
CASES = {
    "conv pads [h0, h1, w0, w1]": (
        "conv", {"x": X, "weight": W, "pad_type": "custom", "pad": (1, 2, 0, 3)},
        lambda: functional.conv2d(functional.pad(X, (0, 3, 1, 2)), W),
    ),
    "conv with equal pads in one dimension": (
        "conv", {"x": X, "weight": W, "pad_type": "custom", "pad": (1, 1, 0, 2), "strides": (2, 1)},
        lambda: functional.conv2d(functional.pad(X, (0, 2, 1, 1)), W, stride=(2, 1)),
    ),
    "conv valid ignores pad": (
        "conv", {"x": X, "weight": W, "pad": (1, 1, 1, 1)}, lambda: functional.conv2d(X, W),
    ),
    "conv same is heavier at the end": (
        "conv", {"x": rand(1, 4, 8, 8), "weight": W, "pad_type": "same", "strides": (2, 2)},
        lambda: functional.conv2d(functional.pad(rand(1, 4, 8, 8), (0, 1, 0, 1)), W, stride=2),
    ),
    "conv same_lower is heavier at the start": (
        "conv", {"x": rand(1, 4, 8, 8), "weight": W, "pad_type": "same_lower", "strides": (2, 2)},
        lambda: functional.conv2d(functional.pad(rand(1, 4, 8, 8), (1, 0, 1, 0)), W, stride=2),
    ),
    "conv in groups, dilated": (
        "conv", {"x": X, "weight": W[:, :2], "groups": 2, "dilations": (2, 1)},
        lambda: functional.conv2d(X, W[:, :2], groups=2, dilation=(2, 1)),
    ),
    "conv over one dimension": (
        "conv", {"x": X[:, :, 0], "weight": W[:, :, 0]}, lambda: functional.conv1d(X[:, :, 0], W[:, :, 0]),
    ),
    "conv_transpose crops": (
        "conv_transpose",
        {"x": X, "weight": rand(4, 5, 3, 3), "strides": (2, 2), "pad_type": "custom", "pad": (1, 1, 1, 1)},
        lambda: functional.conv_transpose2d(X, rand(4, 5, 3, 3), stride=2, padding=1),
    ),
    "conv_transpose valid ignores pad": (
        "conv_transpose", {"x": X, "weight": rand(4, 5, 3, 3), "pad": (1, 1, 1, 1)},
        lambda: functional.conv_transpose2d(X, rand(4, 5, 3, 3)),
    ),
    "conv_transpose in groups, dilated, with a bias": (
        "conv_transpose",
        {"x": X, "weight": rand(4, 3, 3, 3), "bias": rand(6), "groups": 2, "strides": (2, 1), "dilations": (1, 2)},
        lambda: functional.conv_transpose2d(X, rand(4, 3, 3, 3), rand(6), (2, 1), groups=2, dilation=(1, 2)),
    ),
    "conv_transpose crops [h0, h1, w0, w1]": (
        "conv_transpose",
        {"x": X, "weight": rand(4, 5, 3, 3), "strides": (2, 2), "pad_type": "custom", "pad": (1, 0, 0, 2)},
        lambda: functional.conv_transpose2d(X, rand(4, 5, 3, 3), stride=2)[:, :, 1:, :-2],
    ),
    "conv_transpose with an output padding": (
        "conv_transpose",
        {"x": X, "weight": rand(4, 5, 3, 3), "strides": (2, 2), "pad_type": "custom", "pad": (1, 0, 1, 0),
         "output_shape": (1, 5, 14, 18)},
        lambda: functional.conv_transpose2d(X, rand(4, 5, 3, 3), stride=2, padding=1, output_padding=1),
    ),
    "conv_transpose over one dimension": (
        "conv_transpose", {"x": X[:, :, 0], "weight": rand(4, 5, 3), "strides": (3,)},
        lambda: functional.conv_transpose1d(X[:, :, 0], rand(4, 5, 3), stride=3),
    ),
    "reshape keeps a size for 0": ("reshape", {"x": X, "shape": (0, -1, 9)}, lambda: X.reshape(1, 28, 9)),
    "matmul transposes": (
        "matmul", {"x": X, "y": X, "transpose_y": True}, lambda: X @ X.transpose(-1, -2),
    ),
    "linear": ("linear", {"x": X, "weight": rand(5, 9), "bias": rand(5)},
               lambda: functional.linear(X, rand(5, 9), rand(5))),
    "layer_norm over the last axis": (
        "layer_norm", {"x": X, "axes": (-1,), "gamma": rand(9), "beta": rand(9, seed=3), "epsilon": 1e-6},
        lambda: functional.layer_norm(X, (9,), rand(9), rand(9, seed=3), 1e-6),
    ),
    "layer_norm over channels": (
        "layer_norm", {"x": X, "axes": (1,), "gamma": rand(4), "beta": rand(4, seed=3), "epsilon": 1e-6},
        lambda: functional.layer_norm(X.movedim(1, -1), (4,), rand(4), rand(4, seed=3), 1e-6).movedim(-1, 1),
    ),
    "batch_norm": (
        "batch_norm",
        {"x": X, "mean": rand(4), "variance": rand(4).abs(), "gamma": rand(4, seed=4), "epsilon": 1e-3},
        lambda: functional.batch_norm(X, rand(4), rand(4).abs(), rand(4, seed=4), None, False, 0.0, 1e-3),
    ),
    "instance_norm": ("instance_norm", {"x": X, "gamma": rand(4), "beta": rand(4, seed=1)},
                      lambda: functional.instance_norm(X, weight=rand(4), bias=rand(4, seed=1))),
    "gelu exact": ("gelu", {"x": X}, lambda: functional.gelu(X)),
    "gelu tanh": ("gelu", {"x": X, "mode": "TANH_APPROXIMATION"}, lambda: functional.gelu(X, approximate="tanh")),
    "hard sigmoid": ("sigmoid_hard", {"x": X, "alpha": 1 / 6, "beta": 0.5}, lambda: functional.hardsigmoid(X)),
    "thresholded_relu": ("thresholded_relu", {"x": X, "alpha": 0.5}, lambda: X * (X >= 0.5)),
    "softmax": ("softmax", {"x": X, "axis": 1}, lambda: X.softmax(1)),
    "prelu": ("prelu", {"x": X, "alpha": rand(4)}, lambda: functional.prelu(X, rand(4))),
    "max_pool pads with minus infinity": (
        "max_pool", {"x": X - 9, "kernel_sizes": (3, 3), "strides": (2, 2), "pad_type": "custom", "pad": (1, 1, 1, 1)},
        lambda: functional.max_pool2d(X - 9, 3, 2, 1),
    ),
    "max_pool, ceil_mode": (
        "max_pool", {"x": X, "kernel_sizes": (2, 2), "strides": (2, 2), "ceil_mode": True},
        lambda: functional.max_pool2d(X, 2, 2, ceil_mode=True),
    ),
    "avg_pool counts its zeros": (
        "avg_pool", {"x": X, "kernel_sizes": (3, 3), "strides": (2, 2), "pad_type": "custom", "pad": (1, 1, 1, 1)},
        lambda: functional.avg_pool2d(X, 3, 2, 1),
    ),
    "avg_pool without its zeros": (
        "avg_pool",
        {"x": X, "kernel_sizes": (3, 3), "strides": (2, 2), "pad_type": "custom", "pad": (1, 1, 1, 1),
         "exclude_padding_from_average": True},
        lambda: functional.avg_pool2d(X, 3, 2, 1, count_include_pad=False),
    ),
    "reduce_mean over all": ("reduce_mean", {"x": X}, lambda: X.mean()),
    "reduce_l2_norm": ("reduce_l2_norm", {"x": X, "axes": (1, 2), "keep_dims": True}, lambda: X.norm(dim=(1, 2), keepdim=True)),
    "reduce_prod": ("reduce_prod", {"x": X, "axes": (0, 2)}, lambda: X.prod(2).prod(0)),
    "slice_by_index masks": (
        "slice_by_index",
        {"x": X, "begin": (0, 1, 5, 2), "end": (0, -1, 0, 0), "stride": (1, 1, -2, 3), "end_mask": (True, False, True, True),
         "squeeze_mask": (False, False, False, False)},
        lambda: X[:, 1:-1].flip(2)[:, :, 1::2][:, :, :, 2::3],
    ),
    "slice_by_index drops an axis": (
        "slice_by_index",
        {"x": X, "begin": (0, -1, 0, 0), "end": (0, 0, 0, 0), "begin_mask": (True, False, True, True),
         "end_mask": (True, False, True, True), "squeeze_mask": (False, True, False, False)},
        lambda: X[:, -1],
    ),
    "gather": ("gather", {"x": X, "indices": (2, 0, -1), "axis": 1}, lambda: X[:, [2, 0, 3]]),
    "select": ("select", {"cond": X > 0, "a": X, "b": 1.0}, lambda: torch.where(X > 0, X, 1.0)),
    "tile": ("tile", {"x": X, "reps": (2, 1, 1, 3)}, lambda: X.repeat(2, 1, 1, 3)),
    "tile repeats a whole axis, not its entries": (
        "tile", {"x": X[:, :2, :1, :3], "reps": (1, 2, 1, 2)},
        lambda: torch.cat([torch.cat([X[:, :2, :1, :3]] * 2, 1)] * 2, 3),
    ),
    "tile of numbers in the file": ("tile", {"x": (1, 2, 3), "reps": (2,)}, lambda: torch.tensor([1, 2, 3, 1, 2, 3])),
    "pad, last dimensions": ("pad", {"x": X, "pad": (1, 0, 0, 2), "constant_val": 3.0},
                             lambda: functional.pad(X, (0, 2, 1, 0), value=3.0)),
    "pad, reflected": ("pad", {"x": X, "pad": (0, 0, 0, 0, 1, 2, 3, 4), "mode": "reflect"},
                       lambda: functional.pad(X, (3, 4, 1, 2), mode="reflect")),
    "concat interleaved": ("concat", {"values": (X, X + 1), "axis": 1, "interleave": True},
                           lambda: torch.stack([X, X + 1], 2).flatten(1, 2)),
    "expand_dims": ("expand_dims", {"x": X, "axes": (0, -1)}, lambda: X[None, ..., None]),
    "cumsum, exclusive and reversed": ("cumsum", {"x": X, "axis": 3, "exclusive": True, "reverse": True},
                                       lambda: X.flip(3).cumsum(3).sub(X.flip(3)).flip(3)),
    "rsqrt": ("rsqrt", {"x": X.abs(), "epsilon": 1e-3}, lambda: torch.rsqrt(X.abs() + 1e-3)),
    "real_div of whole numbers": ("real_div", {"x": (7, 8), "y": (2, 4)}, lambda: torch.tensor([3, 2])),
    "upsample_bilinear": ("upsample_bilinear", {"x": X, "scale_factor_height": 2, "scale_factor_width": 2.0, "align_corners": False},
                          lambda: functional.interpolate(X, scale_factor=2, mode="bilinear")),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_against_pytorch(case):
    kind, arguments, expected = CASES[case]
    found, right = call(kind, **arguments), expected()
    assert found.shape == right.shape
    assert torch.allclose(found.double(), right.double(), rtol=1e-5, atol=1e-6)


def test_split_with_and_without_sizes():
    assert [part.shape[1] for part in call("split", x=X, split_sizes=(1, 3), axis=1)] == [1, 3]
    assert [part.shape[1] for part in call("split", x=X, num_splits=2, axis=1)] == [2, 2]
    with pytest.raises(ValueError, match="parts"):
        call("split", x=X, num_splits=3, axis=1)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("side", [1, 3])
def test_pessimistic_sums_are_float16_after_every_64_terms(groups, side):
    x, weight = rand(1, 256, 5, 5), rand(8, 256 // groups, side, side, seed=1)
    exact = functional.conv2d(x.double(), weight.double(), groups=groups)
    common = {"x": x, "weight": weight, "groups": groups}
    error = (call("conv", Mode.PESSIMISTIC, **common) - exact).abs().mean()
    once = (call("conv", **common).half().float() - exact).abs().mean()
    assert once < error < 20 * once


def test_pessimistic_products_of_matrices():
    x, y = rand(4, 300), rand(300, 5, seed=1)
    total = torch.zeros(4, 5, dtype=torch.float16)
    for start in range(0, 300, 64):
        part = (x[:, start : start + 64] @ y[start : start + 64]).half()
        total = (total.float() + part.float()).half()
    found = call("matmul", Mode.PESSIMISTIC, x=x, y=y)
    assert np.array_equal(found.numpy(), total.float().numpy())
    assert torch.equal(call("linear", Mode.PESSIMISTIC, x=x, weight=y.T), found)
