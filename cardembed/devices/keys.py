"""A signing key a phone. It lies on the host: what is signed is that the host asked, and what it got."""

from __future__ import annotations

from pathlib import Path

from cardembed._io import atomic_write_bytes
from cardembed.conformance.signing import SigningKey, generate_key, load_key

__all__ = ["phone_key"]


def phone_key(path: Path) -> SigningKey:
    """The key in a file, which is made, readable for its owner alone, where there is none.

    Raises:
        SignatureError: The file holds something else, or others may read it.
    """
    if not path.exists():
        atomic_write_bytes(path, generate_key().pem, mode=0o600)
    return load_key(path)
