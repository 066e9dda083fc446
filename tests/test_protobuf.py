"""Fields are counted by a table that may contain itself."""

import pytest

from cardembed._protobuf import ProtobufError, count_fields

BLOCK = {2: None}
BLOCK[1] = BLOCK
NESTED = b"\x0a\x08\x0a\x02\x0a\x00\x12\x02\x0a\x00"
"""Three blocks, one in the other, and a text whose bytes look like a block: four fields."""


def test_fields_of_all_depths_are_counted_and_texts_are_not_opened():
    count_fields(NESTED, BLOCK, fields=4, other=0)
    with pytest.raises(ProtobufError, match="more fields"):
        count_fields(NESTED, BLOCK, fields=3, other=0)


def test_what_the_table_leaves_out_is_counted_by_bytes():
    count_fields(b"\x1a\x03abc", BLOCK, fields=1, other=3)
    with pytest.raises(ProtobufError, match="unknown ones"):
        count_fields(b"\x1a\x03abc", BLOCK, fields=1, other=2)


@pytest.mark.parametrize("data", [b"\x0a\x05\x12\x00", b"\x0a\x01\x12", b"\x11\x00", b"\x0a"])
def test_what_ends_outside_of_its_message_is_cut_off(data):
    with pytest.raises(ProtobufError, match="cut off"):
        count_fields(data, BLOCK, fields=9, other=9)


def test_messages_in_messages_are_counted_on_the_way_down():
    data = b""
    for _ in range(100):
        length = len(data)
        data = b"\x0a" + bytes([length] if length < 128 else [length & 127 | 128, length >> 7]) + data
    count_fields(data, BLOCK, fields=100, other=0)
    with pytest.raises(ProtobufError, match="more fields"):
        count_fields(data, BLOCK, fields=99, other=0)
