"""Draws the README's pictures and the sample photos: `python docs/make_images.py [REPORT.html]`.

The pictures come from the printer and the simulator themselves, so they show what is judged. With a report of
`pytest features/`, its first screen is drawn, too, where Chromium is installed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from cardembed.cards.catalogue import Catalogue, load_catalogue
from cardembed.cards.photo_conditions import GLARES, OCCLUDERS, simulate_photo
from cardembed.cards.unknowns import UNKNOWNS, simulate_unknown
from cardembed.models.profiles import REFERENCE_CATALOGUE

ROOT = Path(__file__).resolve().parents[1]
IMAGES, SAMPLES = ROOT / "docs" / "images", ROOT / "fixtures" / "photos"
SEVERITY, SEED = 2, 4


def sheet(rows: Sequence[Sequence[Image.Image]], *, height: int = 180, gap: int = 8) -> Image.Image:
    """Pictures in rows on white, each `height` pixels high."""
    scaled = [
        [
            image.resize((round(image.width * height / image.height), height), Image.Resampling.LANCZOS)
            for image in row
        ]
        for row in rows
    ]
    width = max(sum(image.width + gap for image in row) for row in scaled) + gap
    page = Image.new("RGB", (width, (height + gap) * len(scaled) + gap), "white")
    for line, row in enumerate(scaled):
        left = gap
        for image in row:
            page.paste(image, (left, gap + line * (height + gap)))
            left += image.width + gap
    return page


def cards(catalogue: Catalogue) -> Image.Image:
    """Seven cards of each finish, and pairs that share artwork."""
    rows = [
        [catalogue.image(card.id) for card in [card for card in catalogue if card.finish == finish][:7]]
        for finish in ("plain", "holo", "gold")
    ]
    groups: dict[str, list[str]] = {}
    for card in catalogue:
        groups.setdefault(card.artwork, []).append(card.id)
    reprints = [card for ids in groups.values() if len(ids) > 1 for card in ids[:2]]
    return sheet([*rows, [catalogue.image(card) for card in reprints[:7]]])


def photos(catalogue: Catalogue) -> Image.Image:
    """A row each: clean, every occluder, every glare, every family of unknowns."""
    foil = next(card for card in catalogue if card.finish == "holo")
    scan = catalogue.image(foil.id)

    def photo(condition: str, seed: int, family: str | None = None) -> Image.Image:
        shot = simulate_photo(
            scan, finish=foil.finish, condition=condition, severity=SEVERITY, seed=seed, family=family
        )
        return shot.image

    strange = [simulate_unknown(family, severity=SEVERITY, seed=SEED).image for family in UNKNOWNS]
    return sheet(
        [
            [scan, *(photo("clean", seed) for seed in range(8))],
            [photo("occluded", SEED, family) for family in OCCLUDERS],
            [photo("glare", SEED, family) for family in GLARES],
            strange,
        ]
    )


def samples(catalogue: Catalogue) -> None:
    """Two photos to try `cardembed identify` on: a card and a table."""
    card = next(iter(catalogue))
    shot = simulate_photo(
        catalogue.image(card.id), finish=card.finish, condition="clean", severity=1, seed=SEED
    )
    SAMPLES.mkdir(parents=True, exist_ok=True)
    (SAMPLES / "card.jpg").write_bytes(shot.jpeg)
    (SAMPLES / "table.jpg").write_bytes(simulate_unknown("wood", severity=SEVERITY, seed=SEED).jpeg)


def report(page: Path, to: Path) -> None:
    """A report from its banner to its matrix."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("report: not drawn, Chromium is not installed", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as profile:
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-sync"]
        arguments += ["--no-first-run", "--disable-background-networking", "--window-size=1180,2560"]
        arguments += [f"--user-data-dir={profile}", f"--screenshot={to}", page.resolve().as_uri()]
        subprocess.run([chromium, *arguments], check=True, capture_output=True, timeout=120)
    with Image.open(to) as picture:
        small = picture.convert("RGB").resize(
            (picture.width * 2 // 3, picture.height * 2 // 3), Image.Resampling.LANCZOS
        )
    small.quantize(64).save(to, optimize=True)


def main(arguments: list[str]) -> None:
    """Write all pictures."""
    catalogue = load_catalogue(REFERENCE_CATALOGUE)
    IMAGES.mkdir(parents=True, exist_ok=True)
    cards(catalogue).save(IMAGES / "cards.jpg", quality=85)
    photos(catalogue).save(IMAGES / "photos.jpg", quality=85)
    samples(catalogue)
    for argument in arguments[:1]:
        report(Path(argument), IMAGES / "report.png")


if __name__ == "__main__":
    main(sys.argv[1:])
