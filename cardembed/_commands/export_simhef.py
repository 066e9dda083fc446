"""`cardembed export simhef`."""

from __future__ import annotations

from pathlib import Path

import click

from cardembed._commands._output import emit, json_option, refuse_unwritable

__all__ = ["simhef"]


@click.command("simhef")
@click.option("--release", "directory", type=click.Path(path_type=Path), help="A release; the shipped one.")
@click.option("--target", default="hailo8l", show_default=True, help="A target of the release.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="A .simhef file.")
@json_option
def simhef(*, directory: Path | None, target: str, out: Path, as_json: bool) -> None:
    """Write a simulated HEF: the target's INT8 network, for the simulated chip.

    It is no compiled network, and no chip runs it. It lets the Raspberry Pi's job be rehearsed on a machine
    without PyTorch: pytest features/ --target hailo8l --device simulator --hef=FILE

    \b
    Example:
      cardembed export simhef --out hailo8l.simhef
    """
    from cardembed._io import atomic_write_bytes
    from cardembed.embedders.exports import simulated_hef
    from cardembed.errors import UsageError
    from cardembed.release import Release, default_release_dir

    if out.suffix != ".simhef":
        raise UsageError(
            "--out",
            expected="a file .simhef, so that nobody takes it for a compiled network",
            found=repr(out.name),
            action="name another file",
        )
    refuse_unwritable(out)
    path, digest = simulated_hef(Release.load(directory or default_release_dir()), target)
    atomic_write_bytes(out, path.read_bytes())
    size = out.stat().st_size
    text = f"{out}  {size / 1e6:.1f} MB  SHA-256 {digest}"
    emit({"path": str(out), "target": target, "sha256": digest, "bytes": size}, text, as_json=as_json)
