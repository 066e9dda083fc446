"""From a HEF's bytes to what it states."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from cardembed.hef.container import LAYOUTS, Container, read_container, refuse
from cardembed.hef.fields import (
    ARCHITECTURES,
    BOUNDARY,
    DEVICE_TO_HOST,
    ORDERS,
    Base,
    Connection,
    Context,
    ContextMetadata,
    CoreOpField,
    Edge,
    Extension,
    Group,
    Header,
    Layer,
    Metadata,
    Numeric,
    Op,
    Partial,
    Root,
)
from cardembed.hef.model import CoreOp, Hef, NetworkGroup, Quantisation, Stream
from cardembed.hef.wire import Document, Message, WireError

__all__ = ["MAX_NUMBERS", "MAX_SIDE", "MAX_STREAMS", "read_hef"]

MAX_SIDE = 2**20
"""Largest height, width or number of channels of a stream."""
MAX_NUMBERS = 2**31
"""Most numbers in a frame."""
MAX_STREAMS = 1024
"""Streams, core ops and networks that a file may have."""
Shape = tuple[int, int, int]
_RATES = (1e-6, 1e9)
"""Rates and durations outside of this are no estimate of anything."""


def read_hef(path: str | Path) -> Hef:
    """Read what a HEF states.

    Its size is checked before its checksum, and its checksum before its message. Reading takes no more memory
    than four times the file and 16 MiB, and no more time than its checksum and a second, whatever it holds.

    Args:
        path: A file of at most 512 MB.

    Raises:
        ArtefactError: It is no HEF, of an unknown version, cut off, changed since it was written, or
            describes no network that could exist (the reason says which).
    """
    path = Path(path)
    container = read_container(path)
    try:
        return _Reader(container).hef(path.name)
    except WireError as error:
        raise refuse(path, "a HEF's description of a network", str(error)) from None


class _Reader:
    def __init__(self, container: Container) -> None:
        self._container = container
        self._left = MAX_STREAMS

    def _take(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise WireError(f"more than {MAX_STREAMS} streams and core ops")

    def hef(self, file: str) -> Hef:
        container = self._container
        root = Document(container.message).open(Root)
        header = root.message(Root.HEADER, Header)
        if header is None:
            raise WireError("no header in the message")
        code = header.uint(Header.ARCHITECTURE)
        architecture = ARCHITECTURES.get(code, f"architecture {code}")
        # HailoRT reads a placement for the half of the chip that it has; only the 8L's are such placements.
        groups = [
            self._group(group, placed=architecture == "hailo8l")
            for group in root.messages(Root.NETWORK_GROUPS, Group)
        ]
        if not groups:
            raise WireError("no network")
        layout = LAYOUTS[container.version]
        return Hef(
            file=file,
            size=container.size,
            container=container.version,
            checksum=container.checksum,
            checksum_kind=layout.checksum_kind,
            minimum_hailort=layout.minimum_hailort,
            architecture=architecture,
            sdk_version=header.name(Header.SDK_VERSION),
            timestamp=header.uint(Header.TIMESTAMP),
            extensions=tuple(
                extension.name(Extension.NAME) for extension in root.messages(Root.EXTENSIONS, Extension)
            ),
            network_groups=tuple(groups),
        )

    def _group(self, group: Message, *, placed: bool) -> NetworkGroup:
        self._take()
        found: dict[CoreOp, None] = {}
        placements = 0
        for core_op in self._core_ops(group):
            for message in self._placements(core_op) if placed else (core_op,):
                placements += 1
                found[self._core_op(message)] = None
        if not found:
            raise WireError("a network without anything that runs on the chip")
        return NetworkGroup(self._name(group), tuple(found), placements)

    def _core_ops(self, group: Message) -> Iterator[Message]:
        if not group.count(Group.OPS):
            yield group
        for op in group.messages(Group.OPS, Op):
            core_op = op.message(Op.CORE_OP, CoreOpField)
            if core_op is not None:
                yield core_op

    def _placements(self, core_op: Message) -> Iterator[Message]:
        if not core_op.count(CoreOpField.PARTIAL):
            yield core_op
        for partial in core_op.messages(CoreOpField.PARTIAL, Partial):
            placement = partial.message(Partial.CORE_OP, CoreOpField)
            if placement is not None:
                yield placement

    def _name(self, group: Message) -> str:
        # As HailoRT does it: the first placement's name, or the group's own.
        named = group
        for partial in group.messages(Group.PARTIAL, Partial):
            named = partial.message(Partial.CORE_OP, CoreOpField) or group
            break
        metadata = named.message(CoreOpField.METADATA, Metadata)
        name = metadata.name(Metadata.NAME) if metadata else ""
        return name or group.name(Group.NAME)

    def _core_op(self, message: Message) -> CoreOp:
        self._take()
        # HailoRT knows streams by name, so what several contexts state alike is one stream.
        inputs: dict[Stream, None] = {}
        outputs: dict[Stream, None] = {}
        closed = 0
        for context in message.messages(CoreOpField.CONTEXTS, Context):
            metadata = context.message(Context.METADATA, ContextMetadata)
            for edge in metadata.messages(ContextMetadata.EDGE_LAYERS, Edge) if metadata else ():
                connection = edge.message(Edge.CONNECTION, Connection)
                if connection is not None and connection.uint(Connection.KIND) != BOUNDARY:
                    continue
                layer = edge.message(Edge.LAYER, Layer)
                if layer is None:
                    closed += 1
                    continue
                output = edge.uint(Edge.DIRECTION) == DEVICE_TO_HOST
                (outputs if output else inputs)[self._stream(layer)] = None
        about = message.message(CoreOpField.METADATA, Metadata)
        return CoreOp(
            name=about.name(Metadata.NAME) if about else "",
            contexts=message.count(CoreOpField.CONTEXTS),
            bottleneck_fps=_estimate(about, Metadata.BOTTLENECK_FPS),
            simulated_latency=_estimate(about, Metadata.SIMULATED_LATENCY),
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            closed=closed,
        )

    def _stream(self, layer: Message) -> Stream:
        self._take()
        name = layer.name(Layer.NAME)
        base = layer.message(Layer.BASE, Base)
        if not name or base is None:
            raise WireError("a stream without a name or a shape")
        order = base.uint(Base.FORMAT)
        shape = _shape(name, (base.uint(Base.HEIGHT), base.uint(Base.WIDTH), base.uint(Base.FEATURES)))
        return Stream(
            name=name,
            original_names=layer.names(Layer.ORIGINAL_NAMES),
            shape=shape,
            padded_shape=_padded(name, base, shape),
            order=ORDERS.get(order, f"format {order}"),
            data_bytes=base.uint(Base.DATA_BYTES),
            quantisation=_quantisation(layer.message(Layer.NUMERIC, Numeric)),
        )


def _estimate(about: Message | None, field: Metadata) -> float | None:
    value = about.float64(field) if about else 0.0
    if value and not _RATES[0] <= value <= _RATES[1]:
        raise WireError(f"an estimate of {value:g}")
    return value or None


def _padded(name: str, base: Message, shape: Shape) -> Shape:
    height, width, channels = shape
    return _shape(  # 0: not padded
        name,
        (
            base.uint(Base.PADDED_HEIGHT) or height,
            base.uint(Base.PADDED_WIDTH) or width,
            base.uint(Base.PADDED_FEATURES) or channels,
        ),
    )


def _shape(name: str, shape: Shape) -> Shape:
    if min(shape) < 1 or max(shape) > MAX_SIDE or math.prod(shape) > MAX_NUMBERS:
        raise WireError(f"the stream {name[:80]!r} with a shape of {' × '.join(map(str, shape))}")
    return shape


def _quantisation(numeric: Message | None) -> Quantisation:
    if numeric is None:
        return Quantisation(0.0, 0.0, 0.0, 0.0, (), ())
    return Quantisation(
        scale=numeric.float32(Numeric.SCALE),
        zero_point=numeric.float32(Numeric.ZERO_POINT),
        minimum=numeric.float32(Numeric.MINIMUM),
        maximum=numeric.float32(Numeric.MAXIMUM),
        scales=numeric.doubles(Numeric.SCALES),
        zero_points=numeric.doubles(Numeric.ZERO_POINTS),
    )
