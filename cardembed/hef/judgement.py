"""Whether a HEF is what a target needs, as far as its file tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from cardembed.errors import UnknownTargetError
from cardembed.hef.model import CoreOp, Hef, Stream
from cardembed.models.profiles import EMBEDDING_DIM, TARGETS, target_profile

__all__ = ["HEF_TARGETS", "LATENCY_MS", "Finding", "HefRequirement", "judge_hef", "requirement"]

LATENCY_MS = 25.0
"""AC-5: a frame takes less, in milliseconds."""

HEF_TARGETS = tuple(name for name in TARGETS if target_profile("prd", name).artefact_format == "hef")
"""Targets whose artefact is a HEF. Each is called as its chip is."""

_OLD_HAILORT = "Raspberry Pi OS Bookworm has 4.19 or 4.20, Trixie 4.23"


@dataclass(frozen=True, slots=True)
class HefRequirement:
    """What a target needs of a HEF."""

    architecture: str
    """The chip, as `Hef.architecture` is."""
    input_size: int
    """Side of the square RGB input in pixels."""
    embedding_dim: int
    """Length of the output."""
    latency_ms: float = LATENCY_MS
    """A frame has to take less, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a HEF that the target does not expect."""

    kind: Literal["misfit", "warning"]
    """What it means. "misfit": it cannot serve the target. "warning": it can, and somebody should know."""
    subject: str
    """What it is about, such as a stream's name."""
    message: str
    """What was expected and found."""


def requirement(
    target: str, *, profile: str = "prd", input_size: int | None = None, embedding_dim: int | None = None
) -> HefRequirement:
    """What a target of a profile needs.

    Args:
        target: One of `HEF_TARGETS`.
        profile: Whose input size it is.
        input_size: Another side of the square input in pixels.
        embedding_dim: Another length of the output.

    Raises:
        UnknownTargetError: An unknown profile or target, or one whose artefact is no HEF.
    """
    row = target_profile(profile, target)
    if row.artefact_format != "hef":
        raise UnknownTargetError(
            f"target {target!r}",
            expected="a target whose artefact is a HEF",
            found=row.artefact_format,
            action="choose one of " + ", ".join(HEF_TARGETS),
        )
    return HefRequirement(
        architecture=target,
        input_size=input_size or row.input_size,
        embedding_dim=embedding_dim or EMBEDDING_DIM,
    )


def judge_hef(hef: Hef, needed: HefRequirement) -> list[Finding]:
    """Hold what a HEF states against what a target needs; misfits first, empty where all is as expected."""
    found = list(_findings(hef, needed))
    return sorted(found, key=lambda finding: finding.kind != "misfit")


def _findings(hef: Hef, needed: HefRequirement) -> Iterator[Finding]:
    if hef.architecture != needed.architecture:
        text = f"compiled for {hef.architecture}; {needed.architecture} runs only what was compiled for it"
        yield Finding("misfit", "architecture", text)
    if len(hef.network_groups) != 1:
        yield Finding("misfit", "networks", f"expected 1, found {len(hef.network_groups)}")
    if hef.minimum_hailort is not None:
        text = f"version {hef.container} needs HailoRT {hef.minimum_hailort} or newer; {_OLD_HAILORT}"
        yield Finding("warning", "container", text)
    for group in hef.network_groups:
        for core_op in group.core_ops:
            yield from _core_op(core_op, needed)


def _core_op(core_op: CoreOp, needed: HefRequirement) -> Iterator[Finding]:
    subject = core_op.name or "core op"
    for streams, what in ((core_op.inputs, "input"), (core_op.outputs, "output")):
        if len(streams) != 1:
            yield Finding("misfit", subject, f"expected 1 {what}, found {len(streams)}")
    if core_op.closed:
        text = f"{core_op.closed} streams join several layers or image planes; expected plain ones"
        yield Finding("misfit", subject, text)
    for stream in core_op.inputs:
        yield from _input(stream, needed)
    for stream in core_op.outputs:
        yield from _output(stream, needed)
    if core_op.contexts > 1:
        text = f"{core_op.contexts} contexts: the chip is configured anew for parts of the network"
        yield Finding("warning", subject, text)
    if core_op.bottleneck_fps is None:
        text = f"no bottleneck_fps, so nothing tells whether a frame takes less than {needed.latency_ms:g} ms"
        yield Finding("warning", subject, text)
    elif (milliseconds := 1000 / core_op.bottleneck_fps) >= needed.latency_ms:
        text = (
            f"bottleneck of {core_op.bottleneck_fps:.4g} frames a second: a frame takes at least "
            f"{milliseconds:.3g} ms by the compiler's estimate, and AC-5 asks for less than "
            f"{needed.latency_ms:g} ms"
        )
        yield Finding("warning", subject, text)


def _input(stream: Stream, needed: HefRequirement) -> Iterator[Finding]:
    expected = (needed.input_size, needed.input_size, 3)
    if stream.shape != expected:
        yield Finding(
            "misfit", stream.name, f"expected an input of {_text(expected)}, found {_text(stream.shape)}"
        )
    if stream.data_bytes != 1:
        text = f"expected pixels of 1 byte, found {stream.data_bytes}"
        yield Finding("warning", stream.name, text)
    quantisation = stream.quantisation
    scales = quantisation.scales or (quantisation.scale,)
    zero_points = quantisation.zero_points or (quantisation.zero_point,)
    if any(scale != 1 for scale in scales) or any(zero_points):
        text = (
            "expected pixels of 0 to 255 as they are (scale 1, zero-point 0), found "
            f"scale {_spread(scales)}, zero-point {_spread(zero_points)}: "
            "the normalisation may not be on the chip"
        )
        yield Finding("warning", stream.name, text)


def _output(stream: Stream, needed: HefRequirement) -> Iterator[Finding]:
    expected = (1, 1, needed.embedding_dim)
    if stream.shape != expected:
        text = f"expected an output of {_text(expected)}, found {_text(stream.shape)}"
        yield Finding("misfit", stream.name, text)
    quantisation = stream.quantisation
    for values, what in ((quantisation.scales, "scales"), (quantisation.zero_points, "zero-points")):
        if len(values) not in (0, stream.shape[2]):
            text = f"{len(values)} {what} for {stream.shape[2]} channels"
            yield Finding("misfit", stream.name, text)
    scales = quantisation.scales or (quantisation.scale,)
    if min(scales) <= 0:
        text = f"expected positive scales, found {_spread(scales)}: the numbers cannot be dequantised"
        yield Finding("misfit", stream.name, text)


def _text(shape: tuple[int, ...]) -> str:
    return " × ".join(str(side) for side in shape)


def _spread(values: tuple[float, ...]) -> str:
    low, high = min(values), max(values)
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
