"""What an artefact may ask for: everything else is an error before memory or time is spent on it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


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
