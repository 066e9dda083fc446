"""Our reading of the wire format against Google's: the same bytes say the same."""

from enum import IntEnum
from functools import cache

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from cardembed.hef.wire import Document, WireError

FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(categories=("L", "N")), max_size=20)


class Field(IntEnum):
    COUNT = 1
    SINGLE = 2
    DOUBLE = 3
    NAME = 4
    NAMES = 5
    NUMBERS = 6
    INNER = 7
    MANY = 8


@cache
def peer():
    """A message class with these fields, and one more that ours passes over."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="peer.proto", package="peer", syntax="proto3")
    message = file.message_type.add(name="Peer")
    rows = (
        (Field.COUNT, kinds.TYPE_UINT64, False),
        (Field.SINGLE, kinds.TYPE_FLOAT, False),
        (Field.DOUBLE, kinds.TYPE_DOUBLE, False),
        (Field.NAME, kinds.TYPE_STRING, False),
        (Field.NAMES, kinds.TYPE_STRING, True),
        (Field.NUMBERS, kinds.TYPE_DOUBLE, True),
        (Field.INNER, kinds.TYPE_MESSAGE, False),
        (Field.MANY, kinds.TYPE_MESSAGE, True),
    )
    for field, kind, repeated in rows:
        label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
        row = message.field.add(name=field.name.lower(), number=int(field), type=kind, label=label)
        if kind == kinds.TYPE_MESSAGE:
            row.type_name = ".peer.Peer"
    message.field.add(name="other", number=1000, type=kinds.TYPE_BYTES, label=kinds.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("peer.Peer"))


def flat(**inner):
    return st.fixed_dictionaries(
        {
            "count": st.integers(0, 2**64 - 1),
            "single": st.floats(allow_nan=False, allow_infinity=False, width=32),
            "double": FINITE,
            "name": TEXT,
            "names": st.lists(TEXT, max_size=3),
            "numbers": st.lists(FINITE, max_size=5),
            "other": st.binary(max_size=5),
            **inner,
        }
    )


MESSAGES = flat(inner=flat(), many=st.lists(flat(), max_size=3))


def said(message):
    inner = message.message(Field.INNER, Field)
    return {
        "count": message.uint(Field.COUNT),
        "single": message.float32(Field.SINGLE),
        "double": message.float64(Field.DOUBLE),
        "name": message.name(Field.NAME),
        "names": list(message.names(Field.NAMES)),
        "numbers": list(message.doubles(Field.NUMBERS)),
        "inner": inner and said(inner),
        "many": [said(one) for one in message.messages(Field.MANY, Field)],
    }


def peer_said(message):
    return {
        "count": message.count,
        "single": message.single,
        "double": message.double,
        "name": message.name,
        "names": list(message.names),
        "numbers": list(message.numbers),
        "inner": peer_said(message.inner) if message.HasField("inner") else None,
        "many": [peer_said(one) for one in message.many],
    }


@given(MESSAGES)
@settings(max_examples=100, deadline=None)
def test_what_the_peer_writes_is_read_as_it_was_meant(values):
    message = peer()(**values)
    assert said(Document(message.SerializeToString()).open(Field)) == peer_said(message)


@given(MESSAGES, st.data())
@settings(max_examples=300, deadline=None)
def test_what_is_read_from_damaged_bytes_is_what_the_peer_reads(values, draw):
    data = bytearray(peer()(**values).SerializeToString())
    for _ in range(draw.draw(st.integers(1, 3))):
        place = draw.draw(st.integers(0, max(0, len(data) - 1)))
        data[place : place + 1] = draw.draw(st.binary(max_size=2))
    try:
        ours = said(Document(bytes(data)).open(Field))
    except WireError:
        return  # ours is stricter: numbers are finite, names can be printed, messages that occur once do
    try:
        message = peer().FromString(bytes(data))
    except DecodeError:
        pytest.fail(f"Google's protobuf refuses {bytes(data).hex()}")
    assert ours == peer_said(message)
