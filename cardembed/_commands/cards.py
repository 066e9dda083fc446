"""`cardembed cards`: print synthetic cards, check a catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cardembed._commands._output import emit, json_option, progress

if TYPE_CHECKING:
    from cardembed.cards.card import Card
    from cardembed.cards.checks import CheckReport

__all__ = ["command"]

_SHOWN = 20


@click.group("cards")
def command() -> None:
    """Print synthetic cards; check a catalogue.

    \b
    Example:
      cardembed cards print --out my-cards --count 100
    """


@command.command("print")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Where to: a new or an empty folder."
)
@click.option("--count", type=int, default=256, show_default=True, help="How many cards.")
@click.option("--seed", type=int, default=1, show_default=True, help="Which catalogue.")
@click.option("--backs", is_flag=True, help="Add a card back of every design.")
@json_option
def print_(*, out: Path, count: int, seed: int, backs: bool, as_json: bool) -> None:
    """Print synthetic cards as PNG files, with their table in cards.csv.

    The folder is a catalogue: every command's --catalogue takes it. A higher count with the same seed begins
    with the same cards.

    \b
    Example:
      cardembed cards print --out my-cards --count 100 --seed 7 --backs
    """
    from cardembed.cards.catalogue import SyntheticCatalogue
    from cardembed.cards.press import write_catalogue

    catalogue = SyntheticCatalogue(seed, count)
    write_catalogue(catalogue, out, backs=backs, progress=_bar("printing"))
    finishes = {name: sum(card.finish == name for card in catalogue) for name in ("plain", "holo", "gold")}
    artworks = len(set(catalogue.artworks))
    data = {
        "out": str(out),
        "cards": count,
        "artworks": artworks,
        "finishes": finishes,
        "reference": catalogue.reference,
    }
    text = (
        f"{count} cards with {artworks} artworks in {out} "
        f"({', '.join(f'{number} {name}' for name, number in finishes.items())})"
    )
    emit(data, text, as_json=as_json)


@command.command("check")
@click.argument("catalogue", required=False)
@json_option
def check(*, catalogue: str | None, as_json: bool) -> None:
    """Find what is wrong with a catalogue: exit code 1 where something is.

    CATALOGUE is a folder with cards.csv or cards.json, or synthetic:SEED:COUNT; the catalogue of the shipped
    release without. Problems are duplicate ids, second scans of a card under another id, placeholder
    pictures, missing and unreadable files, bad values; reprints and images that no row names are information.

    \b
    Example:
      cardembed cards check my-scans
    """
    from cardembed._commands._embedding import release_of
    from cardembed.cards.checks import check_catalogue
    from cardembed.release_cards import catalogue_of

    source = catalogue if catalogue is not None else catalogue_of(release_of(None), None)
    report = check_catalogue(source, progress=_bar("checking"))
    emit(report.as_dict(), _text(report), as_json=as_json)
    if not report.ok:
        raise SystemExit(1)


def _bar(label: str) -> Callable[[Iterable[Card]], Iterable[Card]]:
    """A progress bar around an iteration over cards."""

    def wrapped(cards: Iterable[Card]) -> Iterable[Card]:
        listed = list(cards)
        return progress(listed, total=len(listed), label=label)

    return wrapped


def _text(report: CheckReport) -> str:
    lines = [f"{finding.kind}: {finding.text}" for finding in report.problems[:_SHOWN]]
    if len(report.problems) > _SHOWN:
        lines.append(f"… and {len(report.problems) - _SHOWN} more problems (--json lists all)")
    counts = report.counts()
    words = {"reprint": "artworks with reprints", "unlisted": "images without a row"}
    notes = [f"{counts[kind]} {word}" for kind, word in words.items() if kind in counts]
    verdict = "no problems" if report.ok else f"{len(report.problems)} problems"
    lines.append(
        f"{report.catalogue}: {report.cards} cards, {verdict}{''.join(f', {note}' for note in notes)}"
    )
    return "\n".join(lines)
