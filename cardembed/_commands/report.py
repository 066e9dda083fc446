"""`cardembed report`: the HTML page of an evidence bundle."""

from __future__ import annotations

from pathlib import Path

import click

from cardembed._commands._output import emit, json_option

__all__ = ["command"]


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="The file; BUNDLE/report.html without."
)
@click.option(
    "--baseline", type=click.Path(path_type=Path), help="An earlier bundle, to show what changed since."
)
@json_option
def command(bundle: Path, out: Path | None, baseline: Path | None, as_json: bool) -> None:
    """Write the HTML report of an evidence BUNDLE: one file, readable without scripts.

    The report shows a run and decides nothing: only `cardembed gate` says that a release is releasable.

    \b
    Example:
      cardembed report reports/latest --out report.html --baseline reports/last-release
    """
    from cardembed.conformance.report import write_report

    path = write_report(bundle, out, baseline)
    size = path.stat().st_size
    emit({"report": str(path), "bytes": size}, f"{path} ({size / 1e6:.1f} MB)", as_json=as_json)
