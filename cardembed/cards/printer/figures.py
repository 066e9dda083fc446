"""Creatures: body plans that put limbs, a head, extras and markings together at random."""

from __future__ import annotations

import math

from cardembed.cards.printer.colours import BLACK, WHITE, Palette, mix
from cardembed.cards.printer.dice import Dice
from cardembed.cards.printer.parts import (
    draw_crown,
    draw_face,
    draw_markings,
    draw_spikes,
    draw_tail,
    draw_wings,
    outline,
)
from cardembed.cards.printer.shapes import Brush, blob, circle, curve, limb, petal, polygon, star

__all__ = ["PLANS", "draw_creature"]


def draw_creature(brush: Brush, dice: Dice, palette: Palette) -> None:
    """Draw one creature around the brush's origin, about 1 unit in each direction."""
    dice.pick(PLANS)(brush, dice, palette)


def _quadruped(brush: Brush, dice: Dice, palette: Palette) -> None:
    long, tall = dice.between(0.45, 0.7), dice.between(0.24, 0.42)
    legs, thick = dice.between(0.35, 0.75), dice.between(0.08, 0.17)
    draw_tail(brush, dice, palette, complex(-long * 0.8, -0.05), math.pi + dice.between(-0.6, 0.9))
    if dice.chance(0.25):
        draw_wings(brush, dice, palette, -0.2j, dice.between(0.8, 1.2))
    far = mix(palette.body, BLACK, 0.3)
    for x in (-0.62, 0.62):
        brush.part(
            limb(
                complex(x * long + 0.1, 0.1), complex(x * long + 0.14, tall + legs - 0.06), thick, thick * 0.7
            ),
            far,
        )
    if dice.chance(0.3):
        draw_spikes(brush, dice, palette, 0j, width=long, height=tall)
    brush.part(blob(dice, 0j, long, tall, 0.08), palette.body)
    draw_markings(brush, dice, palette, 0j, width=long, height=tall)
    for x in (-0.7, 0.55):
        foot = complex(x * long, tall + legs)
        brush.part(limb(complex(x * long, 0.1), foot, thick * 1.1, thick * 0.8), palette.body)
        brush.part(circle(foot, thick * 1.2, thick * 0.8), palette.second)
    head, neck = dice.between(0.26, 0.42), complex(long * 0.85, -dice.between(0.3, 0.75))
    brush.part(limb(complex(long * 0.6, -0.05), neck, tall * 0.6, head * 0.6), palette.body)
    draw_crown(brush, dice, palette, neck, head)
    brush.part(blob(dice, neck, head * 1.1, head, 0.06), palette.body)
    if dice.chance(0.5):
        brush.part(
            circle(neck + complex(head * 0.8, head * 0.25), head * 0.5, head * 0.38),
            mix(palette.body, WHITE, 0.25),
        )
    draw_face(brush, dice, palette, neck, head, side=dice.chance(0.5))


def _biped(brush: Brush, dice: Dice, palette: Palette) -> None:
    wide, tall = dice.between(0.28, 0.55), dice.between(0.35, 0.55)
    head = dice.between(0.28, 0.5)
    if dice.chance(0.6):
        draw_tail(brush, dice, palette, complex(-wide * 0.5, 0.4), math.pi + dice.between(-1.2, 0.6))
    if dice.chance(0.35):
        draw_wings(brush, dice, palette, 0j, dice.between(0.8, 1.2))
    for side in (-1, 1):
        foot = complex(side * wide * dice.between(0.5, 0.9), 0.3 + tall * 0.8 + 0.2)
        brush.part(limb(complex(side * wide * 0.5, 0.3), foot, 0.17, 0.13), palette.body)
        brush.part(circle(foot + 0.06 * side, 0.22, 0.11), palette.second)
    if dice.chance(0.3):
        draw_spikes(brush, dice, palette, 0.1j, width=wide, height=tall)
    brush.part(blob(dice, 0.12j, wide, tall, 0.1), palette.body)
    draw_markings(brush, dice, palette, 0.15j, width=wide, height=tall)
    pose = dice.between(-1.0, 1.0)
    for side in (-1, 1):
        shoulder = complex(side * wide * 0.85, -0.1)
        hand = shoulder + dice.between(0.4, 0.65) * complex(
            side * math.cos(pose), math.sin(pose * side + 0.3)
        )
        brush.part(limb(shoulder, hand, 0.12, 0.1), palette.body)
        if dice.chance(0.5):
            for claw in (-0.4, 0.0, 0.4):
                brush.fill(
                    petal(hand, hand + 0.2 * complex(side * math.cos(claw), math.sin(claw)), 0.2), WHITE
                )
        else:
            brush.part(circle(hand, 0.13), palette.second)
    top = complex(dice.between(-0.1, 0.1), -tall - head * 0.35)
    draw_crown(brush, dice, palette, top, head)
    brush.part(blob(dice, top, head * dice.between(0.9, 1.3), head, 0.08), palette.body)
    draw_face(brush, dice, palette, top, head)


def _bird(brush: Brush, dice: Dice, palette: Palette) -> None:
    draw_wings(brush, dice, palette, -0.1j, dice.between(0.9, 1.3))
    for step in range(dice.whole(2, 5)):
        turn = 1.2 + 0.3 * step
        brush.part(
            petal(0.3j, complex(math.cos(turn) * 0.3, 0.3 + dice.between(0.6, 0.9)), 0.12), palette.second
        )
    brush.part(blob(dice, 0.1j, dice.between(0.3, 0.45), 0.5, 0.08), palette.body)
    draw_markings(brush, dice, palette, 0.15j, width=0.35, height=0.45)
    for side in (-1, 1):
        brush.part(limb(complex(side * 0.15, 0.5), complex(side * 0.2, 0.85), 0.05, 0.04), palette.accent)
    head = dice.between(0.24, 0.36)
    top = complex(dice.between(-0.15, 0.3), -0.5)
    draw_crown(brush, dice, palette, top, head)
    brush.part(circle(top, head), palette.body)
    beak = top + complex(head * 0.8, 0.05)
    brush.part(petal(beak - 0.15, beak + dice.between(0.25, 0.6) + 0.1j, 0.3), palette.accent)
    draw_face(brush, dice, palette, top, head * 0.9, side=True)


def _serpent(brush: Brush, dice: Dice, palette: Palette) -> None:
    turns, width = dice.between(1.2, 2.6), dice.between(0.12, 0.24)
    count = 14
    spine = [
        complex(0.75 * math.sin(math.tau * turns * t / count), 0.95 - 1.55 * t / count)
        for t in range(count + 1)
    ]
    for place in range(count):
        colour = palette.body if place % 2 or dice.chance(0.5) else palette.second
        brush.part(circle(spine[place], width * (0.5 + 0.6 * place / count)), colour)
        if place % 3 == 2 and dice.chance(0.6):
            brush.part(petal(spine[place], spine[place] - 0.35 - 0.15j, 0.3), palette.accent)
    if dice.chance(0.35):
        draw_wings(brush, dice, palette, spine[-4], dice.between(0.6, 1.0))
    head = width * dice.between(1.5, 2.2)
    draw_crown(brush, dice, palette, spine[-1], head)
    brush.part(blob(dice, spine[-1], head * 1.2, head, 0.06), palette.body)
    draw_face(brush, dice, palette, spine[-1], head)


def _fish(brush: Brush, dice: Dice, palette: Palette) -> None:
    long, tall = dice.between(0.55, 0.8), dice.between(0.25, 0.6)
    for turn in (-0.6, 0.0, 0.6):
        tip = complex(-long, 0) + 0.55 * complex(-math.cos(turn), math.sin(turn))
        brush.part(petal(complex(-long * 0.75, 0), tip, 0.25), palette.second)
    for x in (-0.3, 0.0, 0.3):
        brush.part(
            petal(complex(x, -tall * 0.7), complex(x - 0.25, -tall - dice.between(0.2, 0.5)), 0.3),
            palette.accent,
        )
    brush.part(blob(dice, 0j, long, tall, 0.06), palette.body)
    draw_markings(brush, dice, palette, -0.1 + 0j, width=long * 0.8, height=tall * 0.8)
    brush.part(petal(0.05 + 0.1j, -0.3 + complex(0, tall + 0.2), 0.35), palette.second)
    if dice.chance(0.4):
        brush.part(
            curve(complex(long * 0.6, -tall * 0.7), -1.2, 0.6, 1.8, thick=0.04, thin=0.03), palette.line
        )
        brush.part(circle(complex(long * 0.95, -tall - 0.25), 0.12), palette.accent)
    draw_face(brush, dice, palette, complex(long * 0.5, -0.02), min(tall, 0.45), side=True)


def _spirit(brush: Brush, dice: Dice, palette: Palette) -> None:
    wide, tall = dice.between(0.45, 0.75), dice.between(0.55, 0.8)
    count = dice.whole(3, 6)
    for step in range(count):
        x = wide * (-0.8 + 1.6 * step / (count - 1))
        brush.part(
            curve(
                complex(x, 0.2),
                math.pi / 2,
                dice.between(0.5, 0.9),
                dice.between(-1.2, 1.2),
                thick=0.14,
                thin=0.02,
            ),
            palette.body,
        )
    for side in (-1, 1):
        brush.part(
            curve(
                complex(side * wide * 0.8, 0),
                0.3 if side > 0 else math.pi - 0.3,
                0.6,
                dice.between(-1.5, 1.5),
                thick=0.12,
                thin=0.08,
            ),
            palette.body,
        )
    draw_crown(brush, dice, palette, -0.3j, wide * 0.7)
    brush.part(blob(dice, -0.1j, wide, tall, 0.12), palette.body)
    draw_markings(brush, dice, palette, 0.2j, width=wide * 0.7, height=tall * 0.5)
    draw_face(brush, dice, palette, -0.2j, wide * 0.8)


def _insect(brush: Brush, dice: Dice, palette: Palette) -> None:
    if dice.chance(0.75):
        draw_wings(brush, dice, palette, -0.1j, dice.between(0.8, 1.2))
    for side in (-1, 1):
        for leg in (-0.1, 0.2, 0.5):
            knee = complex(side * dice.between(0.5, 0.75), leg - 0.15)
            brush.part(limb(complex(side * 0.2, leg), knee, 0.06, 0.05), palette.line, shaded=False)
            brush.part(limb(knee, knee + complex(side * 0.15, 0.4), 0.05, 0.02), palette.line, shaded=False)
    count = dice.whole(2, 5)
    for step in range(count, 0, -1):
        size = dice.between(0.24, 0.38)
        brush.part(
            circle(complex(0, -0.25 + step * 0.28), size, 0.26), palette.body if step % 2 else palette.second
        )
    brush.part(blob(dice, -0.1j, dice.between(0.3, 0.45), 0.32, 0.08), palette.body)
    draw_markings(brush, dice, palette, -0.05j, width=0.32, height=0.28)
    head = dice.between(0.26, 0.38)
    draw_crown(brush, dice, palette, -0.55j, head)
    brush.part(circle(-0.55j, head * 1.1, head), palette.body)
    draw_face(brush, dice, palette, -0.55j, head)
    if dice.chance(0.4):
        for side in (-1, 1):
            brush.part(
                curve(
                    complex(side * 0.15, -0.45),
                    math.pi / 2 - side * 0.8,
                    0.45,
                    side * 1.4,
                    thick=0.07,
                    thin=0.01,
                ),
                palette.accent,
            )


def _golem(brush: Brush, dice: Dice, palette: Palette) -> None:
    corners = dice.whole(4, 8)
    for side in (-1, 1):
        brush.part(polygon(complex(side * 0.35, 0.75), 0.25, corners, dice.unit()), palette.second)
        elbow = complex(side * dice.between(0.65, 0.8), dice.between(-0.2, 0.2))
        brush.part(polygon(elbow, dice.between(0.18, 0.28), corners, dice.unit()), palette.body)
        brush.part(
            polygon(elbow + complex(side * 0.1, 0.38), dice.between(0.18, 0.34), corners, dice.unit()),
            palette.second,
        )
    if dice.chance(0.5):
        draw_spikes(brush, dice, palette, 0j, width=0.5, height=0.5)
    brush.part(polygon(0.1j, dice.between(0.5, 0.65), corners, dice.unit()), palette.body)
    draw_markings(brush, dice, palette, 0.15j, width=0.4, height=0.4)
    head = dice.between(0.24, 0.4)
    draw_crown(brush, dice, palette, -0.58j, head)
    brush.part(polygon(-0.58j, head * 1.15, dice.whole(4, 8), dice.unit()), palette.body)
    draw_face(brush, dice, palette, -0.58j, head)


def _plant(brush: Brush, dice: Dice, palette: Palette) -> None:
    stem = mix(palette.body, (60, 140, 60), 0.6)
    brush.part(curve(0.95j, -math.pi / 2, 0.9, dice.between(-0.8, 0.8), thick=0.12, thin=0.1), stem)
    for side in (-1, 1):
        brush.part(petal(0.7j, complex(side * dice.between(0.6, 0.95), dice.between(0.1, 0.6)), 0.22), stem)
    petals, reach = dice.whole(5, 12), dice.between(0.65, 0.95)
    centre, turn = complex(0, -0.2), dice.unit()
    for step in range(petals):
        angle = turn + math.tau * step / petals
        tip = centre + reach * complex(math.cos(angle), math.sin(angle) * 0.9)
        brush.part(
            petal(centre, tip, dice.pick((0.25, 0.35))), palette.second if step % 2 else palette.accent
        )
    head = dice.between(0.3, 0.48)
    brush.part(circle(centre, head), palette.body)
    draw_face(brush, dice, palette, centre, head)


def _jelly(brush: Brush, dice: Dice, palette: Palette) -> None:
    wide = dice.between(0.5, 0.75)
    for step in range(dice.whole(4, 8)):
        x = dice.between(-0.8, 0.8) * wide
        colour = palette.second if step % 2 else palette.accent
        brush.part(
            curve(
                complex(x, 0),
                math.pi / 2,
                dice.between(0.6, 1.1),
                dice.between(-1.4, 1.4),
                thick=0.07,
                thin=0.02,
            ),
            colour,
        )
    dome = circle(-0.15j, wide, dice.between(0.5, 0.7))
    brush.part(dome, palette.body)
    rim = [complex(wide * (-1 + step / 4), 0.05 + (0.12 if step % 2 else 0)) for step in range(9)]
    brush.stroke(outline(rim), palette.accent, 6)
    draw_markings(brush, dice, palette, -0.4j, width=wide * 0.7, height=0.25)
    draw_face(brush, dice, palette, -0.12j, wide * 0.6)


def _crab(brush: Brush, dice: Dice, palette: Palette) -> None:
    wide, tall = dice.between(0.55, 0.75), dice.between(0.3, 0.5)
    for side in (-1, 1):
        for leg in range(3):
            root = complex(side * wide * 0.7, 0.1 + 0.1 * leg)
            foot = complex(side * (wide + 0.25 - 0.1 * leg), 0.5 + 0.16 * leg)
            brush.part(limb(root, foot, 0.08, 0.03), palette.second)
        arm = complex(side * (wide + 0.15), -0.3)
        brush.part(limb(complex(side * wide * 0.8, 0), arm, 0.1, 0.1), palette.body)
        claw = dice.between(0.3, 0.5)
        for turn in (-0.5, 0.35):
            tip = arm + claw * complex(side * math.sin(turn), -math.cos(turn))
            brush.part(petal(arm, tip, 0.3), palette.body)
    if dice.chance(0.5):
        draw_spikes(brush, dice, palette, 0j, width=wide, height=tall)
    brush.part(blob(dice, 0.05j, wide, tall, 0.08), palette.body)
    draw_markings(brush, dice, palette, 0.1j, width=wide, height=tall * 0.8)
    draw_face(brush, dice, palette, -0.02j, dice.between(0.35, 0.5))


def _orb(brush: Brush, dice: Dice, palette: Palette) -> None:
    ring = dice.whole(3, 9)
    turn = dice.unit()
    for step in range(ring):
        angle = turn + math.tau * step / ring
        at = dice.between(0.8, 0.95) * complex(math.cos(angle), math.sin(angle))
        brush.part(polygon(at, dice.between(0.1, 0.2), dice.whole(3, 6), angle), palette.accent)
    shape = dice.below(3)
    if shape == 0:
        brush.part(star(0j, 0.8, dice.whole(5, 10), dice.between(0.5, 0.8), turn), palette.second)
    elif shape == 1:
        brush.part(polygon(0j, 0.72, dice.whole(3, 7), turn), palette.second)
    else:
        brush.part(blob(dice, 0j, 0.7, 0.65, 0.3), palette.second)
    brush.part(circle(0j, dice.between(0.4, 0.52)), palette.body)
    draw_face(brush, dice, palette, 0j, 0.42)


PLANS = (
    _quadruped,
    _quadruped,
    _biped,
    _biped,
    _bird,
    _serpent,
    _fish,
    _spirit,
    _insect,
    _golem,
    _plant,
    _jelly,
    _crab,
    _orb,
)
"""Body plans; the more varied ones twice."""
