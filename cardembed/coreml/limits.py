"""What an artefact may ask for: everything else is an error before memory or time is spent on it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]

_ROOM = 8
"""How many times what a network needs its artefact may ask for."""
_PIXELS_A_PATCH = 14 * 14
"""Of the smallest patches here: a weight is used once a patch, on average."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on an artefact; the defaults let a ViT-Large at 518 pixels through in batches of 16."""

    program_bytes: int = 64 << 20
    """Of an ML Program's protobuf, which holds no weights."""
    network_bytes: int = (1 << 31) - 1
    """Of a NeuralNetwork's protobuf, which holds the weights; protobuf itself ends there."""
    manifest_bytes: int = 1 << 20
    """Of Manifest.json."""
    operations: int = 20_000
    """Operations or layers of a model, constants included: their shapes are reckoned in a second or two."""
    rank: int = 8
    """Dimensions of a tensor."""
    constant_elements: int = 1 << 30
    """Of all constants together, after decompression."""
    tensor_elements: int = 1 << 29
    """Of one value."""
    live_elements: int = 1 << 30
    """Of all values that exist at the same time."""
    multiplications: int = 1 << 45
    """Of one prediction, in products of matrices and convolutions: 96 images of ViT-Large at 518 pixels."""
    numbers: int = 1 << 40
    """That the operations of one prediction read and write: 100 images of ViT-Large at 518 pixels."""

    @classmethod
    def for_network(cls, size: int, parameters: int, batch: int = 1) -> Limits:
        """Bounds on an artefact of a network that is known, some eight times what it needs and more.

        By the ML Programs of the architectures here, a picture takes parameters · size² / 235 multiplications
        (vit_small) down to / 795 (regnetx_002), and / 222 of ViT-Large at 518 pixels by the bounds above. It
        reads and writes less than a tenth of parameters · size² / 196 numbers, and at most 72 · size² exist
        at a time (convnext_base), 250 · size² of ViT-Large.

        Args:
            size: Side of the square input in pixels.
            parameters: The network's, or those of the largest that it may be.
            batch: Pictures at once.

        Returns:
            Limits of which none is above the usual one.
        """
        usual, pixels = cls(), batch * size * size
        products = parameters * pixels // _PIXELS_A_PATCH
        live = _ROOM * 256 * pixels
        return cls(
            constant_elements=min(usual.constant_elements, _ROOM * parameters),
            tensor_elements=min(usual.tensor_elements, live // 2),
            live_elements=min(usual.live_elements, live),
            multiplications=min(usual.multiplications, _ROOM * products),
            numbers=min(usual.numbers, products),
        )
