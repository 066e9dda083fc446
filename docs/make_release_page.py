"""Write docs/RELEASE.md from the shipped release and its seal: `python docs/make_release_page.py`."""

from __future__ import annotations

from pathlib import Path

from cardembed.conformance.seal import SealedCell, SealedVerdict, read_seal
from cardembed.conformance.states import State
from cardembed.release import Release

ROOT = Path(__file__).resolve().parents[1]
ACCEPTANCE = ("AC-1", "AC-2", "AC-3", "AC-4", "AC-5", "AC-6", "AC-7", "AC-8")
BEGIN, END = "<!-- from docs/make_release_page.py -->", "<!-- until here -->"
BAD = (State.FAIL, State.INCONCLUSIVE, State.ERROR, State.NOT_RUN)


def matrix(release: Release, sealed: SealedVerdict, aspect: str = "") -> list[str]:
    """State and tightest figure of every criterion and target; criteria without such a cell are left out."""
    targets = list(release.targets)
    lines = ["| | " + " | ".join(targets) + " |", "|---" * (len(targets) + 1) + "|"]
    for criterion in ACCEPTANCE:
        name = f"{criterion}/{aspect}" if aspect else criterion
        cells = [sealed.cells.get(f"{name}/{target}") for target in targets]
        if any(cells):
            lines.append(f"| {criterion} | " + " | ".join(shown(cell) for cell in cells) + " |")
    return lines


def shown(cell: SealedCell | None) -> str:
    """A cell's state with the share that its reason begins with: the one nearest to what is asked."""
    if cell is None:
        return "–"
    figure = cell.reason.split(",")[0].split(" (")[0] if cell.state is not State.NOT_RUN else ""
    return f"{cell.state}: {figure}" if figure else str(cell.state)


def development(release: Release) -> list[str]:
    """The figures that training took on development views, by target."""
    entries = {t: e for t, e in release.training.items() if isinstance(e, dict) and "figures" in e}
    names = list(dict.fromkeys(name for entry in entries.values() for name in entry["figures"]))
    lines = ["| development views | " + " | ".join(entries) + " |", "|---" * (len(entries) + 1) + "|"]
    for name in names:
        row = [f"{e['figures'][name]:.3f}" if name in e["figures"] else "–" for e in entries.values()]
        lines.append(f"| {name} | " + " | ".join(row) + " |")
    return lines


def main() -> None:
    """Write the page, and the README's table."""
    release = Release.load(ROOT / "fixtures" / "release")
    sealed = read_seal(release)
    bad = {name: cell for name, cell in sealed.cells.items() if cell.state in BAD}
    lines = [
        "# The shipped release and its verdict",
        "",
        f"Written by `python docs/make_release_page.py` from `fixtures/release`: {release.name}, digest",
        f"`{release.digest}`, sealed {sealed.at:%Y-%m-%d}. `.ci/run` requires this verdict, cell by cell.",
        "",
        *matrix(release, sealed),
        "",
        "Cards that joined the gallery after training (reported, not required):",
        "",
        *matrix(release, sealed, "zero-shot"),
        "",
        "Cells that are red or not run:" if bad else "No cell is red or not run.",
        "",
        *(f"- `{name}` {cell.state}: {cell.reason}" for name, cell in sorted(bad.items())),
        "",
        "Development figures, which tuning saw:",
        "",
        *development(release),
        "",
    ]
    (ROOT / "docs" / "RELEASE.md").write_text("\n".join(lines), encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    table = "\n".join(matrix(release, sealed))
    (ROOT / "README.md").write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
