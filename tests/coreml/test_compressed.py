import numpy as np
import pytest

from cardembed.coreml.compressed import decompress

LIMIT = 10_000
HUGE, FOUR = np.array([2**31, 2**31]), np.array([4])
SQUARE, BYTE = np.ones((2, 2)), np.ones(1, np.uint8)


@pytest.fixture(scope="module")
def peer(tools):
    from coremltools.optimize import _utils

    return _utils


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_affine_dequantize(axis):
    rng = np.random.default_rng(1)
    data = rng.integers(-128, 128, (3, 3)).astype(np.int8)
    scale, zero = rng.random(3).astype(np.float16), rng.integers(-5, 5, 3).astype(np.int8)
    values = {"quantized_data": data, "scale": scale, "zero_point": zero, "axis": np.int32(axis)}
    found = decompress("constexpr_affine_dequantize", values, LIMIT)
    shape = (3, 1) if axis == 0 else (1, 3)
    expected = (data.astype(np.float64) - zero.reshape(shape)) * scale.reshape(shape).astype(np.float64)
    assert found.dtype == np.float16
    assert np.array_equal(found, expected.astype(np.float16))


def test_a_table_for_packed_indices():
    table = np.array([0.5, 1, 2, 4], np.float16)
    indices = np.array([0b11_10_01_00, 0b01], np.uint8)
    found = decompress(
        "constexpr_lut_to_dense",
        {"lut": table, "indices": indices, "shape": np.array([1, 5], np.uint32)},
        LIMIT,
    )
    assert found.tolist() == [[0.5, 1, 2, 4, 1]]


@pytest.mark.parametrize(
    ("groups", "width", "axis"), [((1, 1), 1, None), ((2, 1), 1, None), ((2, 2), 3, 1), ((1, 2), 2, 0)]
)
def test_tables_by_block_agree_with_coremltools(peer, groups, width, axis):
    rng = np.random.default_rng(2)
    table = rng.random((*groups, 4, width)).astype(np.float32)
    indices = rng.integers(0, 4, (4, 6)).astype(np.uint8)
    values = {"lut": table, "indices": indices}
    if axis is not None:
        values["vector_axis"] = np.int32(axis)
    found = decompress("constexpr_lut_to_dense", values, LIMIT)
    assert np.array_equal(found, peer.lut_to_dense(indices, table, axis))


def test_sparse_to_dense_in_both_forms():
    data = np.array([3, 5], np.float32)
    packed = {"nonzero_data": data, "mask": np.array([0b1001], np.uint8), "shape": np.array([2, 2])}
    assert decompress("constexpr_sparse_to_dense", packed, LIMIT).tolist() == [[3, 0], [0, 5]]
    plain = {"nonzero_data": data, "mask": np.array([[1, 0], [0, 1]], np.uint8)}
    assert decompress("constexpr_sparse_to_dense", plain, LIMIT).tolist() == [[3, 0], [0, 5]]


def test_blockwise_shift_scale():
    data = np.arange(8, dtype=np.int8).reshape(2, 4)
    scale, offset = np.array([[1, 2]], np.float32), np.array([[0, 1]], np.int8)
    found = decompress(
        "constexpr_blockwise_shift_scale", {"data": data, "scale": scale, "offset": offset}, LIMIT
    )
    assert found.tolist() == [[0, 1, 2, 4], [4, 5, 10, 12]]


@pytest.mark.parametrize(
    ("kind", "data"),
    [("constexpr_blockwise_shift_scale", "data"), ("constexpr_affine_dequantize", "quantized_data")],
)
def test_what_float16_does_not_hold_is_infinite_and_no_warning(kind, data):
    values = {data: np.full(2, 100, np.int8), "scale": np.full(1, 6e4, np.float16), "axis": np.int32(0)}
    values["scale"] = np.repeat(values["scale"], 2) if kind.endswith("dequantize") else values["scale"]
    assert decompress(kind, values, LIMIT).tolist() == [np.inf, np.inf]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("constexpr_lut_to_dense", {"lut": np.ones(4), "indices": np.ones(9, np.uint8), "shape": HUGE}),
        ("constexpr_lut_to_dense", {"lut": np.ones(5), "indices": np.ones(1, np.uint8), "shape": FOUR}),
        ("constexpr_lut_to_dense", {"lut": np.ones((1, 2, 1)), "indices": np.array([3], np.uint8)}),
        ("constexpr_sparse_to_dense", {"nonzero_data": np.ones(3), "mask": np.ones((2, 2), np.uint8)}),
        ("constexpr_sparse_to_dense", {"nonzero_data": np.ones(0), "mask": BYTE, "shape": -FOUR}),
        ("constexpr_blockwise_shift_scale", {"data": np.ones((4, 4)), "scale": np.ones((3, 1))}),
        ("constexpr_affine_dequantize", {"quantized_data": SQUARE, "scale": np.ones(3), "axis": np.int32(0)}),
        ("constexpr_affine_dequantize", {"quantized_data": SQUARE, "scale": np.ones(2), "axis": np.int32(7)}),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_a_value_error(kind, values):
    with pytest.raises(ValueError, match=r"shape|axis|table|values|blocks|reshape|bytes"):
        decompress(kind, values, LIMIT)


def test_an_unknown_kind_is_none():
    assert decompress("constexpr_new", {}, LIMIT) is None
