"""What a HEF states, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CoreOp", "Hef", "NetworkGroup", "Quantisation", "Stream"]


@dataclass(frozen=True, slots=True)
class Quantisation:
    """How a stream's integers q become numbers: (q − zero_point) · scale."""

    scale: float
    """Scale of the whole stream; 0 where the compiler states none."""
    zero_point: float
    """Zero-point of the whole stream."""
    minimum: float
    """Smallest number that the stream can carry."""
    maximum: float
    """Largest number that the stream can carry."""
    scales: tuple[float, ...]
    """Scales by channel, empty where there is only the stream's."""
    zero_points: tuple[float, ...]
    """Zero-points by channel, empty where there is only the stream's."""


@dataclass(frozen=True, slots=True)
class Stream:
    """An input or an output of the chip."""

    name: str
    """As HailoRT calls it."""
    original_names: tuple[str, ...]
    """What it was called in the model that was compiled."""
    shape: tuple[int, int, int]
    """Height, width, channels of a frame."""
    padded_shape: tuple[int, int, int]
    """The same with the chip's padding."""
    order: str
    """Layout on the chip: "NHWC", "NHCW", "NC", or "format N" for others. HailoRT converts it on the host."""
    data_bytes: int
    """Bytes of one number: 1 for 8 bits, 2 for 16 bits."""
    quantisation: Quantisation
    """How its integers become numbers."""


@dataclass(frozen=True, slots=True)
class CoreOp:
    """What runs on the chip in one go."""

    name: str
    """As the compiler calls it."""
    contexts: int
    """Configurations that the chip goes through for one frame; 1 where the whole network fits on it."""
    bottleneck_fps: float | None
    """Frames a second of the slowest part, by the compiler's estimate; None where it states none."""
    simulated_latency: float | None
    """The compiler's estimate of latency, in the unit it wrote it in (it documents none); None without."""
    inputs: tuple[Stream, ...]
    """What the host sends."""
    outputs: tuple[Stream, ...]
    """What the host receives."""
    closed: int
    """Streams to or from the host of a kind that is not read here: several layers in one, or image planes."""


@dataclass(frozen=True, slots=True)
class NetworkGroup:
    """A network as HailoRT configures it."""

    name: str
    """As HailoRT calls it."""
    core_ops: tuple[CoreOp, ...]
    """What runs on the chip. Placements that state the same are one entry."""
    placements: int
    """How often the file holds core ops, for instance one for each half of the chip."""


@dataclass(frozen=True, slots=True)
class Hef:
    """A HEF."""

    file: str
    """The file's name."""
    size: int
    """Bytes of the file."""
    container: int
    """Version of the container, 0 to 3."""
    checksum: str
    """The verified checksum in hex."""
    checksum_kind: str
    """Its kind: "MD5", "CRC-32" or "XXH3-64"."""
    minimum_hailort: str | None
    """The first HailoRT that opens this container; None where all do."""
    architecture: str
    """The chip it was compiled for: "hailo8", "hailo8l", "hailo15m", "hailo15h", or "architecture N"."""
    sdk_version: str
    """Version of the compiler, empty where it states none."""
    timestamp: int
    """When it was compiled, in seconds since 1970; 0 where it states none."""
    extensions: tuple[str, ...]
    """Names of the features that HailoRT must know to run it."""
    network_groups: tuple[NetworkGroup, ...]
    """The networks."""
