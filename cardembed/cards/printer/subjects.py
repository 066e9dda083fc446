"""What cards without a creature show: things and people. Places are backdrops alone, with a building."""

from __future__ import annotations

import math

from cardembed.cards.printer.colours import BLACK, WHITE, Palette, hsv, mix
from cardembed.cards.printer.dice import Dice
from cardembed.cards.printer.parts import draw_face, outline
from cardembed.cards.printer.shapes import Brush, blob, circle, curve, limb, petal, polygon, star

__all__ = ["draw_building", "draw_person", "draw_thing"]


def draw_thing(brush: Brush, dice: Dice, palette: Palette) -> None:
    """A flask, gem, machine, scroll, ring, tool or the like, about 1 unit in each direction."""
    dice.pick(_THINGS)(brush, dice, palette)


def _flask(brush: Brush, dice: Dice, palette: Palette) -> None:
    neck = dice.between(0.1, 0.2)
    brush.part(limb(-0.8j, 0.2j, neck, neck), mix(palette.body, WHITE, 0.5))
    brush.part(blob(dice, 0.35j, dice.between(0.4, 0.65), 0.5, 0.06), mix(palette.body, WHITE, 0.5))
    brush.part(circle(0.45j, 0.42, 0.32), palette.body)
    brush.part(limb(-0.95j, -0.75j, neck * 1.4, neck * 1.2), palette.second)
    for _ in range(4):
        brush.fill(
            circle(complex(dice.between(-0.3, 0.3), dice.between(0.2, 0.7)), dice.between(0.03, 0.08)),
            WHITE,
        )


def _gem(brush: Brush, dice: Dice, palette: Palette) -> None:
    corners = dice.whole(5, 9)
    rim = polygon(0j, 0.85, corners, dice.unit())
    brush.part(rim, palette.body)
    for step in range(corners):
        facet = outline([0j, complex(rim[step]), complex(rim[(step + 1) % corners])])
        brush.fill(facet, mix(palette.body, WHITE if step % 2 else palette.second, dice.between(0.1, 0.6)))
    brush.fill(polygon(0j, 0.4, corners, dice.unit()), mix(palette.body, WHITE, 0.5))


def _machine(brush: Brush, dice: Dice, palette: Palette) -> None:
    brush.part(outline([-0.8 - 0.4j, 0.8 - 0.4j, 0.7 + 0.7j, -0.7 + 0.7j]), palette.body)
    brush.part(circle(complex(dice.between(-0.4, 0.4), 0.1), dice.between(0.2, 0.35)), palette.second)
    for step in range(dice.whole(2, 5)):
        brush.part(circle(complex(-0.6 + 0.3 * step, 0.52), 0.08), hsv(dice.unit(), 0.8, 0.95))
    for side in (-1, 1):
        if dice.chance(0.7):
            brush.part(
                curve(complex(side * 0.5, -0.4), -math.pi / 2, 0.5, side, thick=0.06, thin=0.04),
                palette.second,
            )
            brush.part(circle(complex(side * 0.7, -0.85), 0.12), palette.accent)


def _scroll(brush: Brush, dice: Dice, palette: Palette) -> None:
    lean = dice.between(-0.3, 0.3)
    sheet = outline([-0.5 - 0.8j, 0.5 - 0.8j, 0.5 + 0.8j, -0.5 + 0.8j]) * complex(
        math.cos(lean), math.sin(lean)
    )
    brush.part(sheet, mix(palette.body, (250, 240, 210), 0.7))
    for step in range(5):
        y = -0.5 + 0.25 * step
        line = outline([complex(-0.35, y), complex(dice.between(0.0, 0.35), y)])
        brush.stroke(line * complex(math.cos(lean), math.sin(lean)), palette.second, 5)
    brush.part(star(0.55 + 0.6j, 0.25, 8, 0.7), palette.accent)


def _ring(brush: Brush, dice: Dice, palette: Palette) -> None:
    brush.part(circle(0.15j, 0.65), palette.body)
    brush.fill(circle(0.15j, 0.45), mix(palette.sky[1], BLACK, 0.3))
    brush.part(polygon(-0.55j, dice.between(0.25, 0.4), dice.whole(4, 8), dice.unit()), palette.accent)


def _tool(brush: Brush, dice: Dice, palette: Palette) -> None:
    lean = complex(math.cos(0.7), math.sin(0.7))
    brush.part(limb(-0.1j * lean, 1.0j * lean, 0.09, 0.11), mix(palette.second, (120, 80, 40), 0.5))
    if dice.chance(0.5):
        brush.part(outline([-0.5 - 0.7j, 0.5 - 0.7j, 0.5 - 0.15j, -0.5 - 0.15j]) * lean, palette.body)
    else:
        brush.part(petal(-0.1j * lean, -1.0j * lean, 0.35), palette.body)
    brush.part(circle(0j, 0.16), palette.accent)


def _chest(brush: Brush, dice: Dice, palette: Palette) -> None:
    brush.part(outline([-0.8 - 0.05j, 0.8 - 0.05j, 0.75 + 0.7j, -0.75 + 0.7j]), palette.body)
    brush.part(circle(-0.1j, 0.8, 0.5)[11:], mix(palette.body, BLACK, 0.15))
    for x in (-0.5, 0.5):
        brush.part(limb(complex(x, -0.4), complex(x, 0.7), 0.06, 0.06), palette.second)
    brush.part(polygon(0.05j, 0.17, dice.whole(4, 6), 0.8), palette.accent)


_THINGS = (_flask, _gem, _machine, _scroll, _ring, _tool, _chest)


def draw_person(brush: Brush, dice: Dice, palette: Palette) -> None:
    """Head and shoulders, with hair, clothes and maybe a hat."""
    skin = dice.pick(((250, 220, 190), (236, 190, 150), (200, 145, 105), (150, 100, 70), (105, 70, 50)))
    hair = dice.pick(
        (palette.accent, palette.second, (40, 30, 28), (90, 60, 30), (230, 200, 110), (200, 200, 210))
    )
    long = dice.chance(0.5)
    head = dice.between(0.4, 0.5)
    top = -0.3j
    if long:
        brush.part(blob(dice, 0.05j, head * 1.35, head * 1.6, 0.12), hair)
    brush.part(
        outline([-0.85 + 1.1j, -0.7 + 0.5j, -0.2 + 0.25j, 0.2 + 0.25j, 0.7 + 0.5j, 0.85 + 1.1j]), palette.body
    )
    brush.part(outline([-0.2 + 0.25j, 0.2 + 0.25j, 0.8j]), mix(palette.second, WHITE, 0.3))
    brush.part(limb(0j, 0.25j, 0.14, 0.14), skin)
    brush.part(circle(top, head * 0.9, head), skin)
    draw_face(brush, dice, palette, top + 0.05j, head * 0.75)
    for step in range(dice.whole(3, 7)):
        angle = math.pi * (1.0 + step / 6)
        root = top + head * complex(math.cos(angle) * 0.8, math.sin(angle) * 0.9)
        tip = top + head * complex(
            math.cos(angle + 0.3) * dice.between(0.8, 1.5), math.sin(angle) * dice.between(0.6, 1.5) - 0.1
        )
        brush.part(petal(root, tip, 0.5), hair)
    brush.part(circle(top - 0.75j * head, head * 0.85, head * 0.4), hair)
    hat = dice.below(4)
    if hat == 0:
        brush.part(circle(top - 0.75j * head, head * 1.3, head * 0.25), palette.accent)
        brush.part(
            outline(
                [
                    top - head * 0.7 - 0.8j * head,
                    top + head * 0.7 - 0.8j * head,
                    top + head * 0.5 - 1.7j * head,
                    top - head * 0.5 - 1.7j * head,
                ]
            ),
            palette.accent,
        )
    elif hat == 1:
        brush.part(
            petal(top - 0.5j * head, top + complex(dice.between(-0.4, 0.4), -2.2 * head), 0.45),
            palette.second,
        )
    elif hat == 2:
        brush.part(
            limb(top - 0.55j * head - head * 0.9, top - 0.55j * head + head * 0.9, 0.09, 0.09), palette.accent
        )


def draw_building(brush: Brush, dice: Dice, palette: Palette) -> None:
    """A tower, temple, dome or gate for places."""
    kind = dice.below(4)
    main, roof = palette.body, palette.second
    if kind == 0:
        width = dice.between(0.25, 0.4)
        brush.part(outline([-width - 0.8j, width - 0.8j, width + 0.1 + 1j, -width - 0.1 + 1j]), main)
        brush.part(outline([-width - 0.15 - 0.75j, width + 0.15 - 0.75j, -1.4j]), roof)
        for step in range(4):
            brush.fill(circle(complex(0, -0.5 + 0.38 * step), 0.1, 0.14), palette.accent)
    elif kind == 1:
        brush.part(outline([-0.9 + 0.9j, -0.9 + 0.7j, 0.9 + 0.7j, 0.9 + 0.9j]), main)
        for x in (-0.65, -0.22, 0.22, 0.65):
            brush.part(limb(complex(x, -0.3), complex(x, 0.75), 0.1, 0.12), mix(main, WHITE, 0.3))
        brush.part(outline([-0.95 - 0.3j, 0.95 - 0.3j, dice.between(-0.1, 0.1) - 1j]), roof)
        brush.part(circle(-0.55j, 0.14), palette.accent)
    elif kind == 2:
        brush.part(circle(0.3j, 0.9, dice.between(0.7, 1.1))[10:22], roof)
        brush.part(outline([-0.95 + 0.25j, 0.95 + 0.25j, 0.9 + 0.95j, -0.9 + 0.95j]), main)
        for x in (-0.55, 0.0, 0.55):
            brush.fill(circle(complex(x, 0.65), 0.14, 0.28), palette.accent)
    else:
        for side in (-1, 1):
            brush.part(limb(complex(side * 0.6, -0.7), complex(side * 0.65, 1), 0.14, 0.18), main)
        brush.part(outline([-1 - 0.85j, 1 - 0.85j, 0.9 - 0.55j, -0.9 - 0.55j]), roof)
        brush.part(outline([-0.75 - 0.3j, 0.75 - 0.3j, 0.75 - 0.1j, -0.75 - 0.1j]), roof)
        brush.part(star(-0.15j, 0.3, dice.whole(4, 8), 0.5), palette.accent)
