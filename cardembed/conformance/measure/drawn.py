"""Whether simulated photos are those that the release determines: nobody chose which of them there are."""

from __future__ import annotations

from cardembed.cards.catalogue import Catalogue
from cardembed.cards.photo_conditions import PHOTO_SIZE
from cardembed.cards.photo_manifest import PhotoRecord
from cardembed.cards.photo_plan import PlannedPhoto
from cardembed.cards.photo_set import PhotoSet
from cardembed.errors import PhotoSetError
from cardembed.release import Release

__all__ = ["check_drawn"]


def check_drawn(photo_set: PhotoSet, release: Release, catalogue: Catalogue) -> None:
    """Whoever may choose seed, simulator or photos can draw until a set is easy enough.

    A plan may ask for other numbers of photos: whether there are as many as a feature fixes, its claims say.
    That the pictures are what the simulator makes of these seeds is not looked at; only rendering them again
    could tell.

    Args:
        photo_set: Of verdict photos; captured ones are nobody's draw.
        release: The one that is judged.
        catalogue: The cards that the set shows.

    Raises:
        PhotoSetError: Simulated photos that the release does not determine.
    """
    from cardembed.cards.photo_render import SIMULATOR_VERSION, planned_photos

    manifest = photo_set.manifest
    if manifest.provenance != "simulated":
        return
    if manifest.seed != release.digest or manifest.simulator != SIMULATOR_VERSION:
        raise _other(
            photo_set,
            f"photos by simulator {SIMULATOR_VERSION} from the release {release.digest[:16]}…",
            f"photos by simulator {manifest.simulator} from the seed {str(manifest.seed)[:16]!r}",
        )
    plan = manifest.plan
    if plan is None or plan.size != PHOTO_SIZE:
        size = "no plan" if plan is None else f"{plan.size[0]} × {plan.size[1]}"
        raise _other(photo_set, f"a plan of photos of {PHOTO_SIZE[0]} × {PHOTO_SIZE[1]} pixels", size)
    drawn, _ = planned_photos(catalogue, plan, split=manifest.split, seed=release.digest)
    wanted = [_key(photo) for photo in drawn]
    there = [_key(photo) for photo in manifest.photos]
    if there == wanted:
        return
    known = set(wanted)
    strange = next((str(one[0]) for one in there if one not in known), None)
    found = f"{len(there)} of its {len(wanted)}, or another order" if strange is None else f"also {strange!r}"
    raise _other(photo_set, "the photos that its plan draws from the release, all of them", found)


def _key(photo: PlannedPhoto | PhotoRecord) -> tuple[object, ...]:
    # A manifest keeps no id of a card that its catalogue lacks; the seed draws its picture all the same.
    card = None if photo.condition == "unknown-card" else photo.card
    return photo.id, photo.condition, photo.severity, photo.family, photo.seed, card


def _other(photo_set: PhotoSet, expected: str, found: str) -> PhotoSetError:
    return PhotoSetError(
        photo_set.root,
        expected=expected,
        found=found,
        action="make them for this release: cardembed photos make --release DIR --out PHOTOS",
    )
