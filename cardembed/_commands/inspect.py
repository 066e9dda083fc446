"""`cardembed inspect`: what a compiled artefact holds, and whether it fits its target."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cardembed._commands._output import emit, json_option
from cardembed.models.profiles import PROFILES

if TYPE_CHECKING:
    from cardembed.hef import CoreOp, Finding, Hef, Stream

__all__ = ["command"]

_END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


@click.command("inspect")
@click.argument("artefact", type=click.Path(path_type=Path))
@click.option("--target", default="hailo8l", show_default=True, help="The target that it has to fit.")
@click.option(
    "--profile", type=click.Choice(list(PROFILES)), default="prd", show_default=True,
    help="Whose input size it has to have.",
)  # fmt: skip
@click.option("--input-size", type=click.IntRange(min=1), help="Another side of the square input in pixels.")
@click.option("--embedding-dim", type=click.IntRange(min=1), help="Another length of the embedding.")
@json_option
def command(
    *,
    artefact: Path,
    target: str,
    profile: str,
    input_size: int | None,
    embedding_dim: int | None,
    as_json: bool,
) -> None:
    """Read a HEF without any of Hailo's packages, and tell whether it fits the target.

    Its checksum is verified. Exit code 1 where it does not fit; warnings, such as a bottleneck that makes
    AC-5 unlikely, leave it 0. Exit code 2 where it is no intact HEF.

    \b
    Example:
      cardembed inspect convnext_tiny.hef
    """
    from cardembed.hef import judge_hef, read_hef, requirement

    needed = requirement(target, profile=profile, input_size=input_size, embedding_dim=embedding_dim)
    hef = read_hef(artefact)
    findings = judge_hef(hef, needed)
    fits = all(finding.kind != "misfit" for finding in findings)
    if as_json:  # one of the two is made: a file may hold much to say
        data = {
            "hef": dataclasses.asdict(hef),
            "target": target,
            "requirement": dataclasses.asdict(needed),
            "fits": fits,
            "findings": [dataclasses.asdict(finding) for finding in findings],
        }
        emit(data, "", as_json=True)
    else:
        emit(None, _text(hef, target, findings, fits=fits), as_json=False)
    if not fits:
        raise SystemExit(1)


def _text(hef: Hef, target: str, findings: list[Finding], *, fits: bool) -> str:
    compiled = f"by {hef.sdk_version or 'an unknown version'}"
    if 0 < hef.timestamp < _END_OF_TIME:
        compiled += f", {datetime.fromtimestamp(hef.timestamp, UTC):%Y-%m-%d %H:%M} UTC"
    lines = [
        f"{hef.file}: HEF, {hef.size} bytes",
        f"container     version {hef.container}, {hef.checksum_kind} {hef.checksum} verified",
        f"architecture  {hef.architecture}",
        f"compiled      {compiled}",
        f"features      {', '.join(hef.extensions) or 'none'}",
    ]
    for group in hef.network_groups:
        lines.append(f"network       {group.name}, {group.placements} placement(s) on the chip")
        for core_op in group.core_ops:
            lines += _core_op(core_op)
    lines.append(f"{'fits' if fits else 'does not fit'} {target}")
    lines += [f"  {finding.kind}: {finding.subject}: {finding.message}" for finding in findings]
    return "\n".join(lines)


def _core_op(core_op: CoreOp) -> list[str]:
    estimate = "no bottleneck stated"
    if core_op.bottleneck_fps is not None:
        fps = core_op.bottleneck_fps
        estimate = f"bottleneck {fps:.4g} frames a second ({1000 / fps:.3g} ms)"
    if core_op.simulated_latency is not None:
        estimate += (
            f", simulated latency {core_op.simulated_latency:.4g} (in what unit, the file does not say)"
        )
    lines = [f"  core op {core_op.name}: {core_op.contexts} context(s), {estimate}"]
    lines += [f"    input   {_stream(stream)}" for stream in core_op.inputs]
    lines += [f"    output  {_stream(stream)}" for stream in core_op.outputs]
    return lines


def _stream(stream: Stream) -> str:
    quantisation = stream.quantisation
    called = f" ({', '.join(stream.original_names)})" if stream.original_names else ""
    shape = " × ".join(str(side) for side in stream.shape)
    text = (
        f"{stream.name}{called}: {shape} {stream.order}, {8 * stream.data_bytes} bits, "
        f"scale {quantisation.scale:.4g}, zero-point {quantisation.zero_point:.4g}"
    )
    if quantisation.scales:
        low, high = min(quantisation.scales), max(quantisation.scales)
        text += f", {len(quantisation.scales)} scales by channel {low:.4g} to {high:.4g}"
    return text
