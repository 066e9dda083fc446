"""A catalogue of invented cards, any number of them, from a seed."""

from __future__ import annotations

import bisect
from collections.abc import Iterator

from cardembed.cards.card import Card
from cardembed.cards.printer.colours import Colour
from cardembed.cards.printer.dice import Dice
from cardembed.cards.printer.sets import series_prefix, series_sizes, set_style
from cardembed.cards.printer.words import ELEMENTS, creature_name, thing_name

__all__ = ["deal"]

_REPRINT_EVERY = 7
_REACH = 600
"""A reprint repeats an artwork that first appeared at most so many cards earlier."""


def deal(seed: int, count: int) -> list[Card]:
    """The first `count` cards of the endless catalogue `seed`.

    A longer catalogue of the same seed begins with the same cards. One card in each seven, never among a
    catalogue's first three, is a reprint: another set with another border, the same artwork.
    """
    cards: list[Card] = []
    originals: list[tuple[int, Card]] = []
    borders: dict[str, set[Colour]] = {}  # of an original's reprints
    places = _places(seed)
    dice = Dice("deal", seed)
    reprint_at = -1
    for index in range(count):
        if index % _REPRINT_EVERY == 0:
            reprint_at = index + dice.whole(3, _REPRINT_EVERY - 1)
        code, number = next(places)
        draw = Dice("card", seed, index)
        source = None
        if index == reprint_at:
            source = _to_reprint(seed, code, index, originals=originals, borders=borders, draw=draw)
        if source is None:
            card = _original(seed, code, number, index, draw)
            originals.append((index, card))
        else:
            card = _reprint(seed, code, number, source, draw)
            borders.setdefault(source.id, set()).add(set_style(seed, code).border)
        cards.append(card)
    return cards


def _places(seed: int) -> Iterator[tuple[str, str]]:
    series = 0
    while True:
        sizes = series_sizes(seed, series)
        prefix = series_prefix(series)
        order = Dice("rounds", seed, series)
        for turn in range(max(sizes)):
            for member in order.shuffled([i for i, size in enumerate(sizes) if size > turn]):
                yield f"{prefix}{'ABCDEFGHIJKL'[member]}", f"{turn + 1:03d}/{sizes[member]:03d}"
        series += 1


def _to_reprint(
    seed: int,
    code: str,
    index: int,
    *,
    originals: list[tuple[int, Card]],
    borders: dict[str, set[Colour]],
    draw: Dice,
) -> Card | None:
    """An earlier card none of whose printings has this set's border, preferring one without a reprint."""
    border = set_style(seed, code).border
    first = bisect.bisect_left(originals, index - _REACH, key=lambda entry: entry[0])
    near = [card for _, card in originals[first:]]
    other = [card for card in near if set_style(seed, card.set_code).border != border]
    fresh = [card for card in other if card.id not in borders]
    if fresh and (draw.chance(0.85) or len(other) == len(fresh)):
        return draw.pick(fresh)
    chosen = draw.pick(other) if other else None
    if chosen is not None and border in borders.get(chosen.id, ()):
        left = [card for card in other if border not in borders.get(card.id, ())]
        chosen = draw.pick(left) if left else None
    return chosen


def _original(seed: int, code: str, number: str, index: int, draw: Dice) -> Card:
    element = draw.weighted((("creature", 84.0), ("item", 6.0), ("ally", 6.0), ("place", 4.0)))
    if element == "creature":
        element = draw.pick(ELEMENTS)
        name, hp = creature_name(draw), 30 + 10 * int(30 * draw.unit() * draw.unit())
    else:
        name, hp = thing_name(draw, element), None
    finish = draw.weighted((("plain", 60.0), ("holo", 30.0), ("gold", 10.0)))
    return _card(
        seed,
        code,
        number,
        name=name,
        hp=hp,
        finish=finish,
        element=element,
        artwork=f"art-{index:06d}",
        draw=draw,
    )


def _reprint(seed: int, code: str, number: str, source: Card, draw: Dice) -> Card:
    finish = draw.weighted((("plain", 60.0), ("holo", 30.0), ("gold", 10.0)))
    if finish == source.finish == "gold":  # two golden borders would hide that the sets differ
        finish = "plain"
    hp = source.hp if source.hp is None or draw.chance(0.5) else max(30, source.hp + 10 * draw.whole(-3, 3))
    return _card(
        seed, code, number,
        name=source.name, hp=hp, finish=finish, element=source.element, artwork=source.artwork, draw=draw,
    )  # fmt: skip


def _card(
    seed: int,
    code: str,
    number: str,
    *,
    name: str,
    hp: int | None,
    finish: str,
    element: str,
    artwork: str,
    draw: Dice,
) -> Card:
    full = draw.chance({"plain": 0.05, "holo": 0.35, "gold": 0.5}[finish])
    if full:
        layout = "full"
    elif hp is None:
        layout = "support"
    else:
        layout = set_style(seed, code).layout
    rarity = {
        "plain": draw.weighted((("common", 50.0), ("uncommon", 35.0), ("rare", 15.0))),
        "holo": "ultra rare" if full else "rare holo",
        "gold": "secret rare",
    }[finish]
    return Card(
        id=f"{code.lower()}-{number[:3]}",
        name=name,
        set_code=code,
        number=number,
        finish=finish,
        artwork=artwork,
        hp=hp,
        rarity=rarity,
        element=element,
        layout=layout,
    )
