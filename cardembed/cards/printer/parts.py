"""Parts of creatures: faces, crowns of ears or horns, wings, tails, markings, spikes."""

from __future__ import annotations

import math

import numpy as np

from cardembed.cards.printer.colours import BLACK, WHITE, Colour, Palette, mix
from cardembed.cards.printer.dice import Dice
from cardembed.cards.printer.shapes import Brush, Outline, blob, circle, curve, limb, petal, star

__all__ = [
    "draw_crown",
    "draw_face",
    "draw_markings",
    "draw_spikes",
    "draw_tail",
    "draw_wings",
    "outline",
]


def _eye(
    brush: Brush, dice: Dice, at: complex, *, size: float, kind: int, iris: Colour, look: complex
) -> None:
    if kind == 0:  # round
        brush.fill(circle(at, size * 1.15), BLACK)
        brush.fill(circle(at, size), WHITE)
        brush.fill(circle(at + look * size * 0.3, size * 0.62), iris)
        brush.fill(circle(at + look * size * 0.35, size * 0.34), BLACK)
        brush.fill(circle(at - (0.3 + 0.35j) * size, size * 0.25), WHITE)
    elif kind == 1:  # dark bead
        brush.fill(circle(at, size * 0.8, size), BLACK)
        brush.fill(circle(at - (0.2 + 0.4j) * size, size * 0.33), WHITE)
    elif kind == 2:  # slit
        brush.fill(circle(at, size * 1.1, size), BLACK)
        brush.fill(circle(at, size * 0.95, size * 0.85), iris)
        brush.fill(circle(at, size * 0.22, size * 0.8), BLACK)
    elif kind == 3:  # glowing
        brush.fill(circle(at, size * 1.3, size * 0.9), mix(iris, BLACK, 0.3))
        brush.fill(circle(at, size, size * 0.6), mix(iris, WHITE, 0.75))
    else:  # closed and content
        brush.stroke(circle(at, size, size * 0.8)[:12], BLACK, 4)


def draw_face(
    brush: Brush, dice: Dice, palette: Palette, at: complex, size: float, *, side: bool = False
) -> None:
    """Eyes and a mouth on a head of that size; seen from the front, or (`side`) looking to the right."""
    kind, iris = dice.below(5), dice.pick((palette.accent, palette.second, (200, 40, 40), (40, 160, 90)))
    eye = size * dice.between(0.16, 0.34)
    look = complex(dice.between(-1, 1), dice.between(-0.6, 0.8))
    lift = at - 0.12j * size
    if side:
        spots = [lift + size * 0.3]
    else:
        count = dice.weighted(((2, 8.0), (1, 1.2), (3, 0.8)))
        gap = size * dice.between(0.3, 0.5)
        spots = {1: [lift], 2: [lift - gap, lift + gap], 3: [lift - gap, lift + gap, lift - 0.5j * size]}[
            count
        ]
        eye *= 1.5 if count == 1 else 1.0
    for spot in spots:
        _eye(brush, dice, spot, size=eye, kind=kind, iris=iris, look=look)
        if kind in (0, 2) and not side and dice.chance(0.4) and len(spots) == 2:  # an angry lid
            inner = 1 if spot.real < at.real else -1
            lid = spot - 1j * eye
            brush.stroke(circle(lid, eye * 1.4, eye * 0.5, 0.5 * inner)[10:14], BLACK, 5)
    mouth = at + 0.38j * size + (size * 0.35 if side else 0)
    shape = dice.below(5)
    if shape == 0:
        brush.stroke(circle(mouth, size * 0.28, size * 0.2)[1:11], BLACK, 3)
    elif shape == 1:
        brush.fill(circle(mouth, size * 0.2, size * 0.24), BLACK)
        brush.fill(circle(mouth + 0.1j * size, size * 0.13, size * 0.1), (220, 80, 90))
    elif shape == 2:  # fangs
        brush.fill(circle(mouth, size * 0.32, size * 0.12), BLACK)
        for x in (-0.18, 0.18):
            brush.fill(petal(mouth + x * size - 0.08j * size, mouth + x * size + 0.22j * size, 0.3), WHITE)
    elif shape == 3:  # beak
        brush.part(
            petal(mouth - 0.2j * size, mouth + (0.55 if side else 0) * size + 0.3j * size, 0.5),
            palette.accent,
        )
    if not side and dice.chance(0.3):
        for x in (-0.62, 0.62):
            brush.fill(circle(at + x * size + 0.22j * size, size * 0.15), palette.accent)


def draw_crown(brush: Brush, dice: Dice, palette: Palette, at: complex, size: float) -> None:
    """Ears, horns, antennae, a crest or leaves behind a head."""
    kind, length = dice.below(7), dice.between(0.7, 1.7) * size
    colour = dice.pick((palette.body, palette.second, palette.accent))
    if kind == 6:
        return
    spread = dice.between(0.35, 0.75)
    for side in (-1, 1):
        root = at + complex(side * size * spread, -size * 0.5)
        tip = root + complex(side * length * dice.between(0.15, 0.8), -length)
        if kind == 0:
            brush.part(petal(root + 0.2j * size, tip, 0.28), palette.body)
            brush.fill(petal(root + 0.1j * size, (root + tip * 2) / 3, 0.2), palette.second)
        elif kind == 1:
            brush.part(limb(root, tip, size * 0.2, size * 0.02), colour)
        elif kind == 2:
            brush.part(
                curve(root, -math.pi / 2, length * 1.2, side * 1.8, thick=size * 0.16, thin=0.01), colour
            )
        elif kind == 3:
            brush.part(limb(root, tip, size * 0.05, size * 0.05), palette.line, shaded=False)
            brush.part(circle(tip, size * 0.17), palette.accent)
        elif kind == 4:
            brush.part(circle((root + tip) / 2, size * 0.38), palette.body)
            brush.fill(circle((root + tip) / 2, size * 0.2), palette.second)
    if kind == 5:
        for step in range(-2, 3):
            tip = at + length * 1.2 * complex(math.sin(step * 0.45), -math.cos(step * 0.45))
            brush.part(petal(at, tip, 0.2), colour)


def draw_wings(brush: Brush, dice: Dice, palette: Palette, at: complex, reach: float) -> None:
    """A pair of wings behind the body."""
    kind, colour = dice.below(4), dice.pick((palette.second, palette.accent, palette.body))
    lift = dice.between(0.1, 1.1)
    for side in (-1, 1):
        root = at + 0.1 * side
        tip = root + reach * complex(side * math.cos(lift), -math.sin(lift))
        if kind == 0:  # feathers
            for feather in range(4):
                turn = lift - 0.38 * feather
                end = root + reach * (1 - 0.12 * feather) * complex(side * math.cos(turn), -math.sin(turn))
                brush.part(petal(root, end, 0.16), mix(colour, WHITE, 0.15 * feather))
        elif kind == 1:  # skin
            elbow = root + reach * 0.55 * complex(side * 0.3, -1.1)
            low = root + reach * complex(side * 0.75, 0.35)
            points = [root, elbow, tip, (tip + low) / 2 + 0.12 * (root - tip), low, (low + root) / 2 - 0.1j]
            brush.part(outline(points), colour)
            for end in (tip, low):
                brush.stroke(outline([root, end]), palette.line, 3)
        elif kind == 2:  # insect
            brush.part(
                circle((root + tip) / 2, reach * 0.52, reach * 0.2, -side * lift), mix(colour, WHITE, 0.4)
            )
            low = root + reach * 0.8 * complex(side, 0.25)
            brush.part(
                circle((root + low) / 2, reach * 0.4, reach * 0.15, side * 0.25), mix(colour, WHITE, 0.2)
            )
        else:  # butterfly
            brush.part(
                blob(dice, root + reach * 0.5 * complex(side, -0.6), reach * 0.45, reach * 0.5), colour
            )
            brush.part(
                blob(dice, root + reach * 0.4 * complex(side, 0.6), reach * 0.32, reach * 0.36), colour
            )
            brush.fill(circle(root + reach * 0.5 * complex(side, -0.6), reach * 0.2), palette.accent)


def draw_tail(brush: Brush, dice: Dice, palette: Palette, at: complex, heading: float) -> None:
    """A tail that bends, with a flame, ball, star or tuft at its end."""
    length, bend = dice.between(0.7, 1.3), dice.between(-2.6, 2.6)
    brush.part(curve(at, heading, length, bend, thick=dice.between(0.08, 0.2), thin=0.04), palette.body)
    steps = 10
    tip = at + sum(
        length / steps * complex(math.cos(heading + bend * s / steps), math.sin(heading + bend * s / steps))
        for s in range(steps)
    )
    kind = dice.below(6)
    if kind == 0:  # flame
        brush.part(petal(tip + 0.1j, tip - 0.5j, 0.45), (240, 110, 30))
        brush.fill(petal(tip + 0.05j, tip - 0.28j, 0.4), (255, 220, 90))
    elif kind == 1:
        brush.part(circle(tip, 0.16), palette.accent)
    elif kind == 2:
        brush.part(star(tip, 0.26, 5, 0.5), palette.accent)
    elif kind == 3:
        for turn in (-0.6, 0.0, 0.6):
            along = complex(math.cos(heading + bend + turn), math.sin(heading + bend + turn))
            brush.part(petal(tip, tip + 0.38 * along, 0.22), palette.second)


def draw_markings(
    brush: Brush, dice: Dice, palette: Palette, at: complex, *, width: float, height: float
) -> None:
    """A belly, spots, stripes, a star or scales on a body with these half axes."""
    kind = dice.below(6)
    colour = dice.pick((palette.second, palette.accent, mix(palette.body, BLACK, 0.5)))
    if kind == 0:
        brush.fill(circle(at + 0.25j * height, width * 0.6, height * 0.6), mix(palette.body, WHITE, 0.55))
    elif kind == 1:
        for _ in range(dice.whole(3, 7)):
            spot = at + complex(dice.between(-0.6, 0.6) * width, dice.between(-0.6, 0.6) * height)
            brush.fill(circle(spot, dice.between(0.08, 0.2) * width), colour)
    elif kind == 2:
        for step in range(-2, 3):
            x = at.real + step * 0.3 * width
            tall = height * math.sqrt(max(0.0, 1 - (step * 0.3) ** 2)) * 0.75
            brush.fill(
                petal(complex(x, at.imag - tall), complex(x + 0.05, at.imag + tall * 0.4), 0.09), colour
            )
    elif kind == 3:
        brush.fill(star(at, min(width, height) * 0.55, dice.whole(4, 7), 0.45), colour)
    elif kind == 4:
        for step in range(3):
            brush.stroke(
                circle(at + 1j * height * (0.15 + 0.22 * step), width * (0.6 - 0.1 * step), 0.06)[1:11],
                colour,
                4,
            )


def draw_spikes(
    brush: Brush, dice: Dice, palette: Palette, at: complex, *, width: float, height: float
) -> None:
    """Spikes along the upper side of a body with these half axes."""
    count, length = dice.whole(4, 8), dice.between(0.2, 0.5)
    for step in range(count):
        turn = math.pi * (1.1 + 0.8 * step / (count - 1))
        out = complex(math.cos(turn), math.sin(turn))
        root = at + complex(out.real * width, out.imag * height) * 0.85
        brush.part(petal(root, root + out * length, 0.32), palette.accent)


def outline(points: list[complex]) -> Outline:
    """An outline of these points."""
    return np.array(points, dtype=np.complex128)
