"""Numbers of the fields in a HEF's description that are read here."""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "ARCHITECTURES",
    "BOUNDARY",
    "DEVICE_TO_HOST",
    "ORDERS",
    "Base",
    "Connection",
    "Context",
    "ContextMetadata",
    "CoreOpField",
    "Edge",
    "Extension",
    "Group",
    "Header",
    "Layer",
    "Metadata",
    "Numeric",
    "Op",
    "Partial",
    "Root",
]

ARCHITECTURES = {0: "hailo8", 3: "hailo8l", 4: "hailo15m", 103: "hailo15h"}
"""Chips by their number."""

ORDERS = {0: "NHWC", 1: "NHCW", 2: "NC"}
"""Layouts of a stream by their number."""

BOUNDARY = 0
"""The connection of a layer that goes to or comes from the host, not from another context."""

DEVICE_TO_HOST = 1
"""The direction of an output."""


class Root(IntEnum):
    """The outermost message."""

    HEADER = 1
    NETWORK_GROUPS = 2
    EXTENSIONS = 5


class Header(IntEnum):
    """What it was compiled for, when and by what."""

    ARCHITECTURE = 1
    TIMESTAMP = 2
    SDK_VERSION = 3


class Extension(IntEnum):
    """A feature that the runtime must know."""

    NAME = 2


class Group(IntEnum):
    """A network. Older compilers write its core op's fields (1, 3) into it and no ops."""

    METADATA = 1
    CONTEXTS = 3
    PARTIAL = 7
    OPS = 8
    NAME = 10


class Op(IntEnum):
    """A part of the network: on the chip, or a step after it."""

    CORE_OP = 4


class CoreOpField(IntEnum):
    """What runs on the chip; a group of an older compiler has the same numbers."""

    METADATA = 1
    CONTEXTS = 3
    PARTIAL = 7


class Partial(IntEnum):
    """A placement of a core op."""

    CORE_OP = 1


class Metadata(IntEnum):
    """A core op's name and estimates."""

    NAME = 1
    BOTTLENECK_FPS = 4
    SIMULATED_LATENCY = 6


class Context(IntEnum):
    """A configuration of the chip."""

    METADATA = 3


class ContextMetadata(IntEnum):
    """What a context is connected to."""

    EDGE_LAYERS = 2


class Edge(IntEnum):
    """A connection of a context."""

    DIRECTION = 1
    LAYER = 3
    CONNECTION = 5


class Connection(IntEnum):
    """Where a connection leads."""

    KIND = 3


class Layer(IntEnum):
    """A stream."""

    NAME = 1
    BASE = 2
    NUMERIC = 3
    ORIGINAL_NAMES = 5


class Base(IntEnum):
    """A stream's shape and format."""

    HEIGHT = 1
    PADDED_HEIGHT = 2
    WIDTH = 3
    PADDED_WIDTH = 4
    FEATURES = 5
    PADDED_FEATURES = 6
    FORMAT = 7
    DATA_BYTES = 12


class Numeric(IntEnum):
    """A stream's quantisation: floats for the stream, doubles by channel."""

    ZERO_POINT = 1
    SCALE = 2
    MINIMUM = 3
    MAXIMUM = 4
    ZERO_POINTS = 5
    SCALES = 6
