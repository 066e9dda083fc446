"""Which cards belong to a release: those that it was trained on, and those that verdicts search."""

from __future__ import annotations

from cardembed.cards.catalogue import Catalogue, load_catalogue
from cardembed.cards.gallery import load_gallery
from cardembed.errors import ReleaseError
from cardembed.release import Release

__all__ = ["catalogue_of"]


def catalogue_of(release: Release, spec: str | None, *, searched: bool = False) -> Catalogue:
    """The catalogue that the user names, or the one that the release was trained on.

    Args:
        release: The release.
        spec: What the user names, as `load_catalogue` reads it. The cards that the release was trained on
            stand for its gallery, too, where that is `searched`.
        searched: The release's gallery in place of its catalogue: what verdicts and thresholds are about.

    Raises:
        ReleaseError: The release's own is a folder, which only the user can name.
        CatalogueError: It cannot be read.
    """
    if spec is not None:
        named = load_catalogue(spec)
        if searched and release.gallery is not None and named.digest == release.catalogue_digest:
            return load_gallery(release.gallery, learned=named)
        return named
    if release.catalogue.get("kind") == "folder":
        raise ReleaseError(
            release.root,
            expected="the folder of its catalogue",
            found="none given",
            action="pass --catalogue DIR",
        )
    return load_catalogue(release.searched if searched else release.catalogue)
