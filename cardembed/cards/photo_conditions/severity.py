"""How strong the nuisances of a photo are, by severity 1 (studio) to 5 (bad phone, bad light).

Every figure is the largest that a photo of that severity can have; a photo draws its own below it.
Severity 2, which decides, is a card in plain light before a phone: with less, the card's own pixels at
16 × 16 find it as well as a network does, and a verdict says nothing. The negative controls among the tests
hold it there.

| severity | corner error | white balance | exposure | light fall-off | haze | blur | motion | noise | JPEG |
|---|---|---|---|---|---|---|---|---|---|
| 1 | 3 % | ±5 % | ±.25 EV | 12 % | 2 % | .35 px | none | .004 | 90–96 |
| 2 | 5 % | ±10 % | ±.60 EV | 30 % | 6 % | .60 px | 1.5 px | .008 | 80–94 |
| 3 | 5 % | ±13 % | ±.75 EV | 36 % | 8 % | .90 px | 3 px | .014 | 65–88 |
| 4 | 5 % | ±16 % | ±.90 EV | 42 % | 10 % | 1.3 px | 4.5 px | .022 | 45–80 |
| 5 | 5 % | ±20 % | ±1.1 EV | 50 % | 13 % | 1.8 px | 6 px | .032 | 30–70 |
"""

from __future__ import annotations

from dataclasses import dataclass

from cardembed.errors import UsageError

__all__ = ["SEVERITIES", "Nuisance", "nuisance_limits"]


@dataclass(frozen=True, slots=True)
class Nuisance:
    """Upper limits of what a photo suffers.

    Attributes:
        corner: Distance of each corner from where it should be, over the card's width.
        white_balance: Gain of red and of blue, ± around 1.
        exposure: Exposure, ± stops.
        light: Darkening from the lightest to the darkest side.
        haze: Veil of stray light, share of white.
        blur: Standard deviation of the lens blur, in pixels of a photo 180 wide.
        motion: Length of the motion blur, in the same pixels.
        noise: Standard deviation of the sensor noise at white, over full scale.
        jpeg: Lowest and highest JPEG quality.
    """

    corner: float
    white_balance: float
    exposure: float
    light: float
    haze: float
    blur: float
    motion: float
    noise: float
    jpeg: tuple[int, int]


SEVERITIES: dict[int, Nuisance] = {
    1: Nuisance(0.03, 0.05, 0.25, 0.12, 0.02, 0.35, 0.0, 0.004, (90, 96)),
    2: Nuisance(0.05, 0.10, 0.60, 0.30, 0.06, 0.60, 1.5, 0.008, (80, 94)),
    3: Nuisance(0.05, 0.13, 0.75, 0.36, 0.08, 0.90, 3.0, 0.014, (65, 88)),
    4: Nuisance(0.05, 0.16, 0.90, 0.42, 0.10, 1.30, 4.5, 0.022, (45, 80)),
    5: Nuisance(0.05, 0.20, 1.10, 0.50, 0.13, 1.80, 6.0, 0.032, (30, 70)),
}
"""The table above."""


def nuisance_limits(severity: int) -> Nuisance:
    """The row of `severity`.

    Raises:
        UsageError: There is no such severity.
    """
    if severity not in SEVERITIES:
        raise UsageError("severity", expected="1 to 5", found=str(severity), action="choose one of them")
    return SEVERITIES[severity]
