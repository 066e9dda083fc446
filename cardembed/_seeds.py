"""Seeds by name: the same parts give the same numbers on every machine, other parts unrelated ones."""

from __future__ import annotations

import numpy as np

from cardembed._io import canonical_json, sha256_bytes

__all__ = ["derive_seed", "rng"]


def derive_seed(*parts: str | int | float | None) -> int:
    """A 63-bit seed from any number of parts; the order and the kind of the parts count."""
    return int(sha256_bytes(canonical_json(list(parts)))[:16], 16) >> 1


def rng(*parts: str | int | float | None) -> np.random.Generator:
    """A generator seeded by `derive_seed` of the parts."""
    return np.random.default_rng(derive_seed(*parts))
