"""Scenes of artworks: each function draws one layer on the doubled canvas."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw

from cardembed.cards.printer.colours import BLACK, WHITE, Palette, hsv, mix
from cardembed.cards.printer.dice import Dice
from cardembed.cards.printer.shapes import circle, petal, polygon, star

__all__ = ["SCENES", "Stage"]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a scene is drawn: canvas, chance, colours, size in canvas pixels, height of the horizon."""

    draw: ImageDraw.ImageDraw
    dice: Dice
    palette: Palette
    size: tuple[int, int]
    horizon: float


Layer = Callable[[Stage], None]


def _flat(points: NDArray[np.complex128]) -> list[float]:
    values: list[float] = np.ascontiguousarray(points).view(np.float64).tolist()
    return values


def _ridge(dice: Dice, width: int, level: float, height: float, *, steps: int, rough: float) -> list[float]:
    waves = [(dice.between(0.5, 3.5), dice.between(0, 6.3), height / (n + 1)) for n in range(3)]
    points: list[float] = []
    for step in range(steps + 1):
        at = step / steps
        rise = sum(size * math.sin(math.tau * rate * at + phase) for rate, phase, size in waves)
        points += [at * width, level + rise * 0.5 + rough * height * (dice.unit() - 0.5)]
    return points


def hills(stage: Stage) -> None:
    """Soft hills or dunes in up to three layers."""
    count = stage.dice.whole(1, 3)
    for layer in range(count):
        level = stage.horizon + layer * stage.dice.between(14, 40)
        ridge = _ridge(stage.dice, stage.size[0], level, stage.dice.between(8, 44), steps=14, rough=0.0)
        stage.draw.polygon(
            [*ridge, stage.size[0], stage.size[1], 0, stage.size[1]], fill=stage.palette.ground[min(layer, 2)]
        )


def peaks(stage: Stage) -> None:
    """Jagged mountains, some with snow."""
    snow = stage.dice.chance(0.5)
    for layer in range(stage.dice.whole(1, 2)):
        for _ in range(stage.dice.whole(2, 4)):
            x, half = stage.dice.between(0, stage.size[0]), stage.dice.between(50, 130)
            top, foot = stage.horizon - stage.dice.between(30, 150) + 30 * layer, stage.horizon + 60
            stage.draw.polygon([x, top, x + half, foot, x - half, foot], fill=stage.palette.ground[layer])
            stage.draw.polygon(
                [x, top, x + half, foot, x + half * 0.1, foot],
                fill=mix(stage.palette.ground[layer], BLACK, 0.25),
            )
            if snow:
                cap = (foot - top) * 0.25
                share = half * 0.25
                stage.draw.polygon(
                    [x, top, x + share, top + cap, x, top + cap * 0.7, x - share, top + cap], fill=WHITE
                )
    ridge = _ridge(stage.dice, stage.size[0], stage.horizon + 40, 20, steps=12, rough=0.6)
    stage.draw.polygon([*ridge, stage.size[0], stage.size[1], 0, stage.size[1]], fill=stage.palette.ground[2])


def floor(stage: Stage) -> None:
    """A flat ground with lines that run to the stage.horizon."""
    stage.draw.rectangle([0, stage.horizon + 20, *stage.size], fill=stage.palette.ground[stage.dice.below(3)])
    colour = stage.palette.ground[stage.dice.below(3)]
    middle = stage.size[0] * stage.dice.between(0.3, 0.7)
    for step in range(-5, 6):
        stage.draw.line(
            [middle + step * 12, stage.horizon + 20, middle + step * 120, stage.size[1]], fill=colour, width=2
        )
    for step in range(1, 7):
        y = stage.horizon + 20 + 5 * step * step
        stage.draw.line([0, y, stage.size[0], y], fill=colour, width=2)


def sun(stage: Stage) -> None:
    """A sun or moon with a halo, maybe ringed or crescent."""
    centre = complex(
        stage.dice.between(0.08, 0.92) * stage.size[0], stage.dice.between(0.02, 0.3) * stage.size[1]
    )
    radius = stage.dice.between(14, 58)
    colour = mix(stage.palette.sky[0], stage.dice.pick((WHITE, (255, 226, 120), stage.palette.accent)), 0.8)
    for step in (2.0, 1.6, 1.25):
        stage.draw.polygon(
            _flat(circle(centre, radius * step)), fill=mix(stage.palette.sky[0], colour, 0.55 / step)
        )
    stage.draw.polygon(_flat(circle(centre, radius)), fill=colour)
    kind = stage.dice.below(4)
    if kind == 0:
        stage.draw.polygon(_flat(circle(centre + radius * 0.4, radius * 0.85)), fill=stage.palette.sky[0])
    elif kind == 1:
        stage.draw.line(
            _flat(circle(centre, radius * 1.7, radius * 0.35, 0.4)), fill=stage.palette.accent, width=3
        )


def rays(stage: Stage) -> None:
    """Beams out of one point."""
    centre = complex(
        stage.dice.between(0.2, 0.8) * stage.size[0], stage.dice.between(0.1, 0.45) * stage.size[1]
    )
    count, turn = stage.dice.whole(7, 22), stage.dice.between(0, 6.3)
    colour = mix(
        stage.palette.sky[stage.dice.below(3)],
        stage.dice.pick((WHITE, BLACK, stage.palette.accent)),
        stage.dice.between(0.15, 0.55),
    )
    for beam in range(count):
        angle = turn + math.tau * beam / count
        half = math.pi / count * stage.dice.between(0.3, 0.6)
        far = [centre + 700 * complex(math.cos(angle + d), math.sin(angle + d)) for d in (-half, half)]
        stage.draw.polygon(
            [centre.real, centre.imag, far[0].real, far[0].imag, far[1].real, far[1].imag], fill=colour
        )


def stars(stage: Stage) -> None:
    """A sprinkling of dots and four-pointed stars."""
    colour = mix(stage.palette.accent, WHITE, 0.7)
    for _ in range(stage.dice.whole(14, 40)):
        x, y, radius = (
            stage.dice.unit() * stage.size[0],
            stage.dice.unit() * stage.size[1],
            stage.dice.between(1, 4),
        )
        stage.draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colour)
    for _ in range(stage.dice.below(6)):
        at = complex(stage.dice.unit() * stage.size[0], stage.dice.unit() * stage.size[1] * 0.6)
        stage.draw.polygon(_flat(star(at, stage.dice.between(6, 22), 4, 0.2)), fill=WHITE)


def bubbles(stage: Stage) -> None:
    """Rings and discs that float."""
    for _ in range(stage.dice.whole(8, 22)):
        x, y, radius = (
            stage.dice.unit() * stage.size[0],
            stage.dice.unit() * stage.size[1],
            stage.dice.between(4, 26),
        )
        colour = mix(
            stage.palette.sky[stage.dice.below(3)],
            stage.dice.pick((WHITE, stage.palette.accent, stage.palette.second)),
            0.5,
        )
        if stage.dice.chance(0.6):
            stage.draw.ellipse([x - radius, y - radius, x + radius, y + radius], outline=colour, width=3)
        else:
            stage.draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colour)


def shafts(stage: Stage) -> None:
    """Light falling through water, and weeds."""
    light = mix(stage.palette.sky[0], WHITE, 0.4)
    lean = stage.dice.between(-90, 90)
    for _ in range(stage.dice.whole(2, 5)):
        x, width = stage.dice.between(-40, stage.size[0]), stage.dice.between(14, 50)
        stage.draw.polygon(
            [x, 0, x + width, 0, x + width + lean, stage.size[1], x + lean - 20, stage.size[1]], fill=light
        )
    for _ in range(stage.dice.whole(3, 9)):
        x, height = stage.dice.unit() * stage.size[0], stage.dice.between(90, 260)
        base = complex(x, stage.dice.between(0.55, 0.75) * stage.size[1])
        tip = base + complex(stage.dice.between(-40, 40), -height)
        stage.draw.polygon(
            _flat(petal(base, tip, stage.dice.between(0.04, 0.12))),
            fill=stage.palette.ground[stage.dice.below(3)],
        )


def trunks(stage: Stage) -> None:
    """A forest: trunks with crowns, round or pointed."""
    stage.draw.rectangle([0, stage.horizon + 60, *stage.size], fill=stage.palette.ground[1])
    pointed, bark = stage.dice.chance(0.5), mix(stage.palette.ground[2], (70, 44, 28), 0.5)
    for _ in range(stage.dice.whole(4, 9)):
        x, width, foot = (
            stage.dice.unit() * stage.size[0],
            stage.dice.between(6, 20),
            stage.horizon + stage.dice.between(50, 120),
        )
        top = stage.horizon - stage.dice.between(10, 150)
        stage.draw.rectangle([x - width / 2, top, x + width / 2, foot], fill=bark)
        crown = stage.palette.ground[stage.dice.below(3)]
        reach = width * stage.dice.between(2, 4)
        if pointed:
            for tier in range(3):
                y = top - reach + tier * reach * 0.8
                stage.draw.polygon(
                    [
                        x,
                        y,
                        x + reach * (0.6 + tier * 0.25),
                        y + reach * 1.2,
                        x - reach * (0.6 + tier * 0.25),
                        y + reach * 1.2,
                    ],
                    fill=crown,
                )
        else:
            stage.draw.ellipse([x - reach, top - reach, x + reach, top + reach * 0.8], fill=crown)


def city(stage: Stage) -> None:
    """Towers with lit windows."""
    x = -10.0
    lit = mix(stage.palette.accent, WHITE, 0.4)
    while x < stage.size[0]:
        width, top = stage.dice.between(24, 60), stage.horizon - stage.dice.between(-30, 140)
        colour = stage.palette.ground[stage.dice.below(3)]
        stage.draw.rectangle([x, top, x + width, stage.size[1]], fill=colour)
        if stage.dice.chance(0.3):
            stage.draw.polygon([x, top, x + width / 2, top - width, x + width, top], fill=colour)
        for row in range(stage.dice.whole(2, 7)):
            if stage.dice.chance(0.7):
                stage.draw.rectangle(
                    [
                        x + 6,
                        top + 10 + row * 18,
                        x + width * stage.dice.between(0.3, 0.8),
                        top + 17 + row * 18,
                    ],
                    fill=lit,
                )
        x += width + stage.dice.between(0, 10)
    stage.draw.rectangle([0, stage.horizon + 90, *stage.size], fill=stage.palette.ground[2])


def cave(stage: Stage) -> None:
    """Spikes from above and below."""
    for side in (0, 1):
        x = -20.0
        while x < stage.size[0]:
            width, length = stage.dice.between(20, 70), stage.dice.between(20, 130)
            foot = 0 if side == 0 else stage.horizon + 190
            tip = foot + length if side == 0 else foot - length
            stage.draw.polygon(
                [x, foot, x + width, foot, x + width / 2 + stage.dice.between(-8, 8), tip],
                fill=stage.palette.ground[1 + side],
            )
            x += width * stage.dice.between(0.6, 1.1)
    stage.draw.rectangle([0, stage.horizon + 188, *stage.size], fill=stage.palette.ground[2])


def shards(stage: Stage) -> None:
    """Crystals or facets of many colours."""
    for _ in range(stage.dice.whole(8, 18)):
        at = complex(stage.dice.unit() * stage.size[0], stage.dice.unit() * stage.size[1])
        radius = stage.dice.between(18, 90)
        colour = mix(
            stage.palette.sky[stage.dice.below(3)],
            stage.dice.pick((*stage.palette.ground, stage.palette.accent, WHITE)),
            stage.dice.between(0.2, 0.7),
        )
        points = polygon(at, radius, stage.dice.whole(3, 5), stage.dice.between(0, 6.3))
        stage.draw.polygon(_flat(points), fill=colour)


def tiles(stage: Stage) -> None:
    """A printed pattern: checks, stripes, dots or chevrons."""
    step = stage.dice.whole(22, 64)
    colour = mix(
        stage.palette.sky[1],
        stage.dice.pick((stage.palette.accent, stage.palette.ground[1], WHITE, BLACK)),
        stage.dice.between(0.2, 0.7),
    )
    kind = stage.dice.below(4)
    if kind == 1:
        lean = stage.dice.whole(-200, 200)
        for x in range(-200, stage.size[0] + 200, step):
            stage.draw.polygon(
                [x, 0, x + step / 2, 0, x + step / 2 + lean, stage.size[1], x + lean, stage.size[1]],
                fill=colour,
            )
        return
    for row, y in enumerate(range(0, stage.size[1], step)):
        for x in range(-step if row % 2 else 0, stage.size[0], 2 * step if kind == 0 else step):
            left = x + (step if row % 2 and kind == 0 else 0) * (1 if kind == 0 else 0)
            if kind == 0:
                stage.draw.rectangle([left, y, left + step, y + step], fill=colour)
            elif kind == 2:
                stage.draw.ellipse(
                    [
                        x + step * 0.2 + (row % 2) * step / 2,
                        y,
                        x + step * 0.75 + (row % 2) * step / 2,
                        y + step * 0.55,
                    ],
                    fill=colour,
                )
            else:
                stage.draw.polygon(
                    [
                        x,
                        y,
                        x + step / 2,
                        y + step / 2,
                        x + step,
                        y,
                        x + step,
                        y + step / 3,
                        x + step / 2,
                        y + step * 0.83,
                        x,
                        y + step / 3,
                    ],
                    fill=colour,
                )


def water(stage: Stage) -> None:
    """A sea with waves."""
    base = hsv(stage.dice.between(0.45, 0.68), stage.dice.between(0.4, 0.9), stage.dice.between(0.35, 0.9))
    for layer in range(5):
        level = stage.horizon + layer * layer * 12
        ridge = _ridge(stage.dice, stage.size[0], level, 14 + 4 * layer, steps=26, rough=0.5)
        stage.draw.polygon(
            [*ridge, stage.size[0], stage.size[1], 0, stage.size[1]],
            fill=mix(base, WHITE if layer % 2 else BLACK, 0.12 + 0.04 * layer),
        )


def bolts(stage: Stage) -> None:
    """Lightning."""
    for _ in range(stage.dice.whole(1, 4)):
        x, y = stage.dice.unit() * stage.size[0], 0.0
        points = [x, y]
        while y < stage.horizon + 80:
            x, y = x + stage.dice.between(-50, 50), y + stage.dice.between(20, 60)
            points += [x, y]
        stage.draw.line(points, fill=stage.palette.accent, width=9, joint="curve")
        stage.draw.line(points, fill=WHITE, width=4)


def clouds(stage: Stage) -> None:
    """Puffs of cloud or smoke."""
    colour = mix(
        stage.palette.sky[0],
        stage.dice.pick((WHITE, WHITE, BLACK, stage.palette.second)),
        stage.dice.between(0.4, 0.8),
    )
    for _ in range(stage.dice.whole(2, 5)):
        x, y = stage.dice.unit() * stage.size[0], stage.dice.between(0, stage.horizon)
        for puff in range(4):
            radius = stage.dice.between(12, 34)
            left = x + puff * 22 - radius
            stage.draw.ellipse([left, y - radius, left + 2 * radius, y + radius * 0.7], fill=colour)


SCENES: tuple[tuple[Layer, ...], ...] = (
    (sun, hills),
    (clouds, hills),
    (sun, clouds, peaks),
    (stars, peaks),
    (sun, water),
    (clouds, bolts, water),
    (shafts, bubbles),
    (shafts, cave),
    (trunks,),
    (sun, trunks),
    (sun, city),
    (stars, city),
    (cave, bubbles),
    (rays,),
    (rays, stars),
    (rays, floor),
    (stars, sun),
    (stars, bubbles),
    (shards,),
    (shards, stars),
    (tiles,),
    (tiles, rays),
    (tiles, floor),
    (bolts, hills),
    (bubbles,),
    (clouds, floor),
    (rays, hills),
    (),
)
"""What stands on the field of colour, layer by layer."""
