"""The report: one HTML file that shows a bundle, readable without scripts and the same bytes every time.

bundle → `run` (cells beside what the features ask) → `build` (view data) → `page` (templates) → HTML
"""

from __future__ import annotations

from pathlib import Path

from cardembed._io import atomic_write_text
from cardembed.conformance.evidence import OWN_KEY, REPORT, read_bundle
from cardembed.conformance.report.build import view_of
from cardembed.conformance.report.page import lay_out
from cardembed.conformance.report.run import open_run

__all__ = ["render_report", "write_report"]


def render_report(bundle: Path | str, baseline: Path | str | None = None) -> str:
    """The page for a bundle, as HTML.

    Nothing but the bundles' signed contents and this package's version goes into it: no time, no path.

    Args:
        bundle: The directory that a run wrote.
        baseline: Another one, to show what changed since.

    Raises:
        EvidenceError: A bundle that is missing, changed or of another schema.
        SignatureError: A bundle that changed since it was signed with the key that it names. Whether that
            key is trusted is the gate's to say.
    """
    run = open_run(read_bundle(bundle, keys=OWN_KEY))
    before = None if baseline is None else open_run(read_bundle(baseline, keys=OWN_KEY))
    return lay_out(view_of(run, before))


def write_report(
    bundle: Path | str, out: Path | str | None = None, baseline: Path | str | None = None
) -> Path:
    """Write the page to `out`, or as report.html into the bundle; see `render_report`.

    Returns:
        Where it was written.
    """
    path = Path(out) if out is not None else Path(bundle) / REPORT
    atomic_write_text(path, render_report(bundle, baseline))
    return path
