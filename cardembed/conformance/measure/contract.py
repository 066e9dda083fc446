"""What an embedder must return whatever its weights are, and how large an architecture is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cardembed._imports import require
from cardembed.cards.photo_set import PhotoSet
from cardembed.embedders.base import Embedder
from cardembed.errors import PhotoSetError, UnavailableError, WrongAnswerError
from cardembed.fidelity import Fidelity

__all__ = [
    "ContractProbe",
    "ModelSize",
    "RepeatProbe",
    "model_size",
    "probe_contract",
    "probe_repeatable",
]


@dataclass(frozen=True, slots=True)
class ContractProbe:
    """The same photos, embedded as one batch and one by one."""

    together: NDArray[np.float32]
    """(N, D) float32."""
    alone: NDArray[np.float32]
    """(N, D) float32."""

    def has_dimensions(self, dimensions: int) -> None:
        """AssertionError unless D is `dimensions`."""
        found = self.together.shape[1]
        assert found == dimensions, f"embeddings have {found} dimensions, not {dimensions}"

    def has_unit_length(self, tolerance: float) -> None:
        """AssertionError unless each row's Euclidean norm is 1 within `tolerance`."""
        away = float(np.abs(np.linalg.norm(self.together.astype(np.float64), axis=1) - 1).max())
        assert away <= tolerance, f"an embedding's length is {away:.2g} away from 1"

    def is_same_alone(self, tolerance: float) -> None:
        """AssertionError unless no number of any row differs by more than `tolerance`."""
        away = float(np.abs(self.together - self.alone).max())
        assert away <= tolerance, f"a photo on its own is embedded {away:.2g} differently"


@dataclass(frozen=True, slots=True)
class ModelSize:
    """A model that was built without memory for its weights."""

    parameters: int
    """Of backbone and projection head."""
    dimensions: int
    """Of its embedding."""

    def has_million_parameters(self, millions: float, percent: float) -> None:
        """AssertionError unless the count is `millions` within `percent` %."""
        found = self.parameters / 1e6
        assert abs(found / millions - 1) * 100 <= percent, f"{found:.1f} million parameters, not {millions:g}"

    def has_dimensions(self, dimensions: int) -> None:
        """AssertionError unless the embedding has `dimensions` numbers."""
        assert self.dimensions == dimensions, f"{self.dimensions} dimensions, not {dimensions}"


@dataclass(frozen=True, slots=True)
class RepeatProbe:
    """The same photos, embedded over and over on the device."""

    target: str
    """Whose artefact it is."""
    photos: int
    """How many."""
    times: int
    """How often each was embedded."""
    simulated: bool
    """Whether no chip answered."""
    problem: WrongAnswerError | None
    """What differed; None where nothing did."""

    def is_identical(self) -> None:
        """WrongAnswerError where any time gave other bytes than the first.

        Raises:
            UnavailableError: Nothing differed, and no chip answered. That the simulator repeats itself says
                nothing of a chip; that it does not is a failure of what both have in common.
        """
        if self.problem is not None:
            raise self.problem
        if self.simulated:
            raise UnavailableError(
                f"repeatability of {self.target}",
                expected="a chip, since only a chip tells whether it repeats itself",
                found="the simulator",
                action=f"for information: {self.photos} photos gave the same bytes {self.times} times",
            )


def probe_repeatable(embedder: Embedder, photo_set: PhotoSet, n: int, times: int) -> RepeatProbe:
    """Run the first `n` photos of the set `times` times, and compare the bare outputs byte by byte.

    Raises:
        UnavailableError: The embedder drives no chip.
        PhotoSetError: The set has fewer photos.
        InfrastructureError: No answer.
    """
    from cardembed.embedders.hailo import HailoEmbedder

    if not isinstance(embedder, HailoEmbedder):
        raise UnavailableError(
            f"{embedder.target} on its device",
            expected="a chip that this run drives",
            found=str(embedder.runtime.get("name")),
            action="run it where the chip is: pytest features/ --target hailo8l --device",
        )
    batch = embedder.preprocessing.batch(_first(photo_set, n))
    problem: WrongAnswerError | None = None
    try:
        embedder.check_repeatable(batch, times)
    except WrongAnswerError as error:
        problem = error
    simulated = embedder.fidelity is not Fidelity.DEVICE
    return RepeatProbe(embedder.target, n, times, simulated, problem)


def _first(photo_set: PhotoSet, n: int) -> list[Image.Image]:
    if len(photo_set) < n:
        raise PhotoSetError(
            photo_set.root, expected=f"{n} photos", found=f"{len(photo_set)}", action="make a larger set"
        )
    return [photo_set.image(index) for index in range(n)]


def probe_contract(embedder: Embedder, photo_set: PhotoSet, n: int) -> ContractProbe:
    """Embed the first `n` photos of the set twice.

    Raises:
        PhotoSetError: It has fewer.
    """
    images = _first(photo_set, n)
    alone = np.concatenate([embedder.embed([image]) for image in images])
    return ContractProbe(together=embedder.embed(images), alone=alone)


def model_size(profile: str, target: str) -> ModelSize:
    """Count a target's parameters in a profile; its weights are never allocated.

    Raises:
        UnavailableError: PyTorch is not installed.
        UnknownTargetError: No such profile or target.
    """
    torch = require("torch", extra="train")
    from cardembed.models.weights import build_model

    with torch.device("meta"):
        model = build_model(profile, target)
    count = sum(parameter.numel() for parameter in model.parameters())
    return ModelSize(parameters=count, dimensions=model.embedding_dim)
