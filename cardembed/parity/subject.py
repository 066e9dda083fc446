"""What artefacts of a target are compared with: its weights, executed by PyTorch on the same inputs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cardembed._imports import require
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import PhotoSetError
from cardembed.parity.check import Candidate, ParityResult, Searched, check_parity
from cardembed.parity.inputs import default_pictures
from cardembed.parity.retrieval import SearchInputs, search_inputs
from cardembed.parity.rounded import rounded_model
from cardembed.parity.routes import Route
from cardembed.parity.saved_inputs import SavedInputs
from cardembed.release import Release

if TYPE_CHECKING:
    from cardembed.models.embedding import EmbeddingModel

__all__ = ["Subject"]


@dataclass(frozen=True)
class Subject:
    """A target of a release, and the inputs that all its artefacts are given."""

    release: Release
    """Whose weights."""
    target: str
    """Which of them."""
    cards: int = 256
    """Photos that a compressed artefact has to find, and scans that it finds them among."""
    replayed: SavedInputs | None = None
    """Inputs that were saved, in place of those that are made here; `cards` is theirs then."""

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """The target's."""
        return Preprocessing.of(self.release.preprocessing, self.release.target(self.target).input_size)

    @cached_property
    def batch(self) -> NDArray[np.float32]:
        """(4, 3, S, S) float32: what every artefact is given."""
        return self.preprocessing.batch(default_pictures()) if self.replayed is None else self.replayed.batch

    @cached_property
    def _references(self) -> dict[bool, NDArray[np.float64]]:
        return {}

    def embeddings(self, *, rounded: bool) -> NDArray[np.float64]:
        """(4, 768): the model's outputs; `rounded` has its numbers rounded to float16 and back.

        Raises:
            UnavailableError: PyTorch is not installed.
            ReleaseError: The release has no weights for the target, or other bytes than it promises.
        """
        if rounded not in self._references:
            self._references[rounded] = _run(self._model(rounded=rounded), self.batch)
        return self._references[rounded]

    @cached_property
    def searched(self) -> Searched:
        """Scans and photos, and how the model embeds them; errors as of `embeddings`."""
        inputs, model = self.search_inputs, self._model(rounded=False)
        return Searched(inputs, (_run(model, inputs.gallery), _run(model, inputs.queries)))

    @cached_property
    def search_inputs(self) -> SearchInputs:
        """Scans and photos, preprocessed.

        Raises:
            PhotoSetError: The inputs that were saved have none.
        """
        if self.replayed is None:
            return search_inputs(self.preprocessing, self.cards)
        if self.replayed.search is None:
            raise PhotoSetError(
                f"saved inputs of {self.target}",
                expected="scans and photos, which a compressed artefact is judged by",
                found="four pictures alone",
                action="save them again without --route, or with that of the compressed artefact",
            )
        return self.replayed.search

    def _model(self, *, rounded: bool) -> EmbeddingModel:
        require("torch", extra="train")
        from cardembed.models.weights import load_weights

        weights = self.release.weights(self.target)
        model = load_weights(self.release.path(weights), sha256=weights.sha256).eval()
        return rounded_model(model) if rounded else model

    def candidate(self, route: Route, path: Path | None = None, *, named: bool = False) -> Candidate:
        """A route's artefact, to be exported; or one that lies at `path`, maybe called by its name, too."""
        return Candidate(
            name=f"{self.target} {route.name}" + (f" {path.name}" if path is not None and named else ""),
            kind=route.kind,
            export=lambda folder: path or route.export(self.release, self.target, folder),
            open=lambda written: route.open(written, self.preprocessing),
            executed_by=route.executed_by,
        )

    def check(
        self, route: Route, folder: Path, path: Path | None = None, *, named: bool = False
    ) -> ParityResult:
        """Take the route's artefact through the parity gate.

        Args:
            route: One of the target's.
            folder: Where it is written.
            path: An artefact that is there already, in place of an export.
            named: Whether the result is to name that file.
        """
        reference = self.embeddings(rounded=route.rounded)
        candidate = self.candidate(route, path, named=named)
        return check_parity(candidate, reference, self.batch, folder, lambda: self.searched)


def _run(model: EmbeddingModel, images: NDArray[np.float32]) -> NDArray[np.float64]:
    """The bare model's outputs, 32 images at a time."""
    torch = require("torch", extra="train")
    with torch.inference_mode():
        parts = [
            model(torch.from_numpy(images[at : at + 32])).double().numpy() for at in range(0, len(images), 32)
        ]
    return np.concatenate(parts)
