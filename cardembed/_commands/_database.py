"""Reference databases for `index` and `identify`: built through the embedding cache, checked before use."""

from __future__ import annotations

from cardembed._commands._output import progress
from cardembed.cards.catalogue import Catalogue
from cardembed.embedders.base import Embedder
from cardembed.embedders.cache import embed_cached
from cardembed.embedders.sources import GallerySource
from cardembed.errors import DatabaseError
from cardembed.retrieval.database import ReferenceDatabase

__all__ = ["build_database", "check_database"]


def build_database(embedder: Embedder, catalogue: Catalogue) -> ReferenceDatabase:
    """Embed the catalogue, or take its embeddings from the cache."""
    embeddings = embed_cached(embedder, GallerySource(catalogue), progress=progress)
    return ReferenceDatabase(
        catalogue.ids,
        embeddings,
        catalogue.artworks,
        metadata={
            "target": embedder.target,
            "artefact_digest": embedder.artefact_digest,
            "preprocessing_digest": embedder.preprocessing.digest,
            "catalogue_digest": catalogue.digest,
            "runtime": f"{embedder.runtime['name']} {embedder.runtime['version']}",
        },
    )


def check_database(database: ReferenceDatabase, embedder: Embedder, name: str) -> None:
    """Refuse a database of another artefact; one that does not say what it is of is taken as it is.

    Raises:
        DatabaseError: Its embeddings cannot be compared with this embedder's.
    """
    ours = {
        "artefact_digest": embedder.artefact_digest,
        "preprocessing_digest": embedder.preprocessing.digest,
    }
    for key, value in ours.items():
        theirs = database.metadata.get(key, value)
        if theirs != value:
            raise DatabaseError(
                name,
                expected=f"embeddings of the same artefact ({key} {value[:16]}…)",
                found=f"{theirs[:16]}…",
                action="build it anew: cardembed index build",
            )
