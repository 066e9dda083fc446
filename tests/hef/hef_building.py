"""Writes messages by field number, to describe networks that no sample has."""

import struct


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def uint(number, value):
    return varint(number << 3) + varint(value)


def data(number, value):
    return varint(number << 3 | 2) + varint(len(value)) + value


def name(number, value):
    return data(number, value.encode())


def float32(number, value):
    return varint(number << 3 | 5) + struct.pack("<f", value)


def float64(number, value):
    return varint(number << 3 | 1) + struct.pack("<d", value)


def doubles(number, *values):
    return data(number, struct.pack(f"<{len(values)}d", *values))


def layer(stream, shape, order=0, numeric=None, *, data_bytes=1, extra=b""):
    base = b"".join(uint(number, side) for number, side in zip((1, 3, 5), shape, strict=True))
    base += uint(7, order) + uint(12, data_bytes)
    numeric = float32(1, 0.0) + float32(2, 1.0) if numeric is None else numeric
    return name(1, stream) + data(2, base) + data(3, numeric) + name(5, f"original {stream}") + extra


def edge(layer_message, output=False, connection=0):
    return uint(1, int(output)) + data(3, layer_message) + data(5, uint(3, connection))


def context(*edges):
    return data(3, b"".join(data(2, message) for message in edges))


def core_op(*contexts, fps=100.0, called="net"):
    about = name(1, called) + (float64(4, fps) if fps is not None else b"")
    return data(1, about) + b"".join(data(3, message) for message in contexts)


def group(*core_ops, called="net"):
    return b"".join(data(8, data(4, message)) for message in core_ops) + name(10, called)


def root(*groups, architecture=3, header=b""):
    about = uint(1, architecture) + uint(2, 1_700_000_000) + name(3, "3.31.0") + header
    return data(1, about) + b"".join(data(2, message) for message in groups)


def plain(
    input_shape=(224, 224, 3), output_shape=(1, 1, 768), fps=100.0, numeric=None, called="net", **other
):
    """A network with one input, quantised by `numeric`, and one output, that fits the target."""
    return root(
        group(
            core_op(
                context(
                    edge(layer("in", input_shape, numeric=numeric)),
                    edge(layer("out", output_shape, 2), output=True),
                ),
                fps=fps,
                called=called,
            ),
            called=called,
        ),
        **other,
    )
