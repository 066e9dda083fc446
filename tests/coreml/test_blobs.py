import struct

import numpy as np
import pytest

from cardembed.coreml.blobs import check_storage, read_blob
from cardembed.coreml.dtypes import unpack_bits
from cardembed.errors import ArtefactError


def write_blob(path, data: bytes, *, kind=2, sentinel=0xDEADBEEF, size=None, start=128):
    header = struct.pack("<IIQQQ", sentinel, kind, len(data) if size is None else size, start, 0)
    path.write_bytes(struct.pack("<II", 1, 2).ljust(64, b"\0") + header.ljust(64, b"\0") + data)
    return path


def test_a_float_record(tmp_path):
    values = np.arange(6, dtype="<f4").reshape(2, 3)
    assert (read_blob(write_blob(tmp_path / "w", values.tobytes()), 64, "FLOAT32", (2, 3)) == values).all()


@pytest.mark.parametrize(
    ("dtype", "kind", "data", "values"),
    [
        ("UINT4", 11, b"\x21\x43", [1, 2, 3, 4]),
        ("INT4", 8, b"\x8f\x07", [-1, -8, 7]),
        ("UINT1", 9, b"\x05", [1, 0, 1]),
        ("UINT2", 10, b"\xe4", [0, 1, 2, 3]),
        ("UINT3", 12, bytes([0b10_001_000, 0b1]), [0, 1, 6]),
        ("UINT6", 13, bytes([0b01_000001, 0b0000]), [1, 1]),
        ("BOOL", 3, b"\x01\x00\x02", [1, 0, 1]),
    ],
)
def test_types_below_a_byte_start_with_the_least_significant_bit(tmp_path, dtype, kind, data, values):
    found = read_blob(write_blob(tmp_path / "w", data, kind=kind), 64, dtype, (len(values),))
    assert found.tolist() == values


@pytest.mark.parametrize("width", [1, 2, 3, 4, 6])
def test_packing_is_undone(width):
    values = np.random.default_rng(width).integers(0, 1 << width, 37)
    bits = ((values[:, None] >> np.arange(width)) & 1).astype(np.uint8).ravel()
    packed = np.packbits(bits, bitorder="little").tobytes()
    assert (unpack_bits(packed, f"UINT{width}", 37) == values).all()


@pytest.mark.parametrize(
    "bad",
    [
        {"sentinel": 0xDEADBEEE}, {"kind": 1}, {"kind": 99}, {"size": 28}, {"size": 2**63}, {"size": 0},
        {"start": 2**63}, {"start": 0}, {"start": 130},
    ],
)  # fmt: skip
def test_records_that_lie(tmp_path, bad):
    with pytest.raises(ArtefactError):
        read_blob(write_blob(tmp_path / "w", b"\0" * 24, **bad), 64, "FLOAT32", (2, 3))


@pytest.mark.parametrize("offset", [0, 63, 65, 90, 1000, 2**62, 2**64 - 1])
def test_offsets_outside_of_the_file(tmp_path, offset):
    with pytest.raises(ArtefactError):
        read_blob(write_blob(tmp_path / "w", b"\0" * 24), offset, "FLOAT32", (2, 3))


def test_absurd_shapes_cost_nothing(tmp_path):
    with pytest.raises(ArtefactError):
        read_blob(write_blob(tmp_path / "w", b"\0" * 24, size=2**48), 64, "FLOAT32", (2**23, 2**23))


def write_storage(path, *lengths, count=None, version=2):
    """A file of records with so many bytes each, as coremltools writes them."""
    content = bytearray(
        struct.pack("<II", len(lengths) if count is None else count, version).ljust(64, b"\0")
    )
    for length in lengths:
        start = len(content) + 64
        content += struct.pack("<IIQQQ", 0xDEADBEEF, 3, length, start, 0).ljust(64, b"\0")
        content += bytes(-(-length // 64) * 64)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("lengths", [(), (1,), (64, 65, 3), (0, 0, 128)])
def test_a_storage_has_the_records_that_it_says(tmp_path, lengths):
    check_storage(write_storage(tmp_path / "w", *lengths), 3)
    for count in {len(lengths) + 1, len(lengths) - 1} - {-1}:
        with pytest.raises(ArtefactError, match=f"{count} records, as it says"):
            check_storage(write_storage(tmp_path / "w", *lengths, count=count), 4)


@pytest.mark.parametrize("version", [0, 1, 3, 2 << 8, 2 << 24])
def test_a_storage_of_another_version(tmp_path, version):
    with pytest.raises(ArtefactError, match="version 2"):
        check_storage(write_storage(tmp_path / "w", 5, version=version), 3)


def test_a_storage_with_too_many_records_or_none_at_all(tmp_path):
    with pytest.raises(ArtefactError, match="at most 3 records"):
        check_storage(write_storage(tmp_path / "w", 5, count=2**32 - 1), 3)
    (tmp_path / "w").write_bytes(b"\2\0\0")
    with pytest.raises(ArtefactError, match="header"):
        check_storage(tmp_path / "w", 3)
