"""Ed25519 keys and DSSE envelopes: one key a machine, made when it first signs.

A policy names a key as text: `ed25519:` and the 32 bytes of the public key in base64. DSSE:
https://github.com/secure-systems-lab/dsse; the envelope's `payloadType` is part of what is signed, and
whoever reads one has to check it.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]

from cardembed._io import config_root
from cardembed.errors import SignatureError

__all__ = [
    "PAYLOAD_TYPE",
    "PublicKey",
    "SigningKey",
    "generate_key",
    "load_key",
    "load_or_create_key",
    "open_envelope",
    "seal_envelope",
    "signing_key_path",
]

PAYLOAD_TYPE = "application/vnd.in-toto+json"
"""The only kind of payload that is signed and accepted."""
KEY_VARIABLE = "CARDEMBED_SIGNING_KEY"
_PREFIX = "ed25519:"


def _error(thing: object, expected: str, found: str, action: str) -> SignatureError:
    return SignatureError(thing, expected=expected, found=found, action=action)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Who signed."""

    text: str
    """As a policy names it: "ed25519:…"."""

    @staticmethod
    def parse(text: str) -> PublicKey:
        """Check the text.

        Raises:
            SignatureError: It is no ed25519 public key.
        """
        text = text.strip()
        try:
            raw = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
            if not text.startswith(_PREFIX) or len(raw) != 32:
                raise ValueError("not 32 bytes")
            Ed25519PublicKey.from_public_bytes(raw)
        except (binascii.Error, ValueError) as error:
            raise _error(
                "public key",
                f'"{_PREFIX}" and 32 bytes in base64',
                text[:60] or "nothing",
                "copy it from `cardembed doctor` on the machine that signs",
            ) from error
        return PublicKey(f"{_PREFIX}{base64.b64encode(raw).decode()}")

    @property
    def verifier(self) -> SSlibKey:
        """The key as securesystemslib takes it; its keyid is the digest of its content."""
        raw = base64.b64decode(self.text.removeprefix(_PREFIX))
        return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(raw))

    @property
    def key_id(self) -> str:
        """64 hex digits."""
        return str(self.verifier.keyid)


class SigningKey:
    """A private key."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._signer = CryptoSigner(private)
        raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = PublicKey(f"{_PREFIX}{base64.b64encode(raw).decode()}")

    @property
    def public_text(self) -> str:
        """The public key as a policy names it."""
        return self.public.text

    @property
    def key_id(self) -> str:
        """64 hex digits."""
        return self.public.key_id

    @property
    def pem(self) -> bytes:
        """The private key, PKCS #8 PEM without a passphrase: as the key file holds it."""
        return bytes(self._signer.private_bytes)

    def sign(self, envelope: Envelope) -> None:
        """Add this key's signature."""
        envelope.sign(self._signer)


def generate_key() -> SigningKey:
    """A new key, nowhere written."""
    return SigningKey(Ed25519PrivateKey.generate())


def signing_key_path() -> Path:
    """The key file: CARDEMBED_SIGNING_KEY, or `signing_key` in the user's configuration folder."""
    chosen = os.environ.get(KEY_VARIABLE)
    return Path(chosen) if chosen else config_root() / "signing_key"


def load_key(path: Path | str) -> SigningKey:
    """Read a private key.

    Raises:
        SignatureError: There is none, it is no ed25519 key in PEM, or others may read the file.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except OSError as error:
        raise _error(
            path,
            "a signing key",
            error.strerror or str(error),
            f"run pytest features/, whose first run makes one, or set {KEY_VARIABLE} to one",
        ) from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        found = f"mode {stat.S_IMODE(mode):o}"
        raise _error(path, "a signing key that only its owner may read", found, f"run: chmod 600 {path}")
    try:
        private = load_pem_private_key(data, password=None)
    except (ValueError, TypeError) as error:
        raise _error(path, "an ed25519 private key in PEM", str(error), "give another key file") from error
    if not isinstance(private, Ed25519PrivateKey):
        found = type(private).__name__
        raise _error(path, "an ed25519 private key in PEM", found, "give another key file")
    return SigningKey(private)


def load_or_create_key() -> SigningKey:
    """This machine's key; the first call makes it, readable for its owner alone. Safe to call at once twice.

    Raises:
        SignatureError: CARDEMBED_SIGNING_KEY names no key, or see `load_key`.
    """
    path = signing_key_path()
    if path.exists() or os.environ.get(KEY_VARIABLE):
        return load_key(path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".signing_key.")  # mode 0600
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(generate_key().pem)
        try:
            os.link(temporary, path)  # refuses where another process was faster; its key is then read
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return load_key(path)


def seal_envelope(payload: bytes, key: SigningKey) -> bytes:
    """A DSSE envelope of `payload` (an in-toto statement as JSON), signed, as JSON."""
    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    key.sign(envelope)
    return json.dumps(envelope.to_dict(), indent=1, sort_keys=True).encode() + b"\n"


def open_envelope(
    data: bytes, keys: Sequence[PublicKey] | None, thing: object = "evidence"
) -> tuple[bytes, PublicKey | None]:
    """The payload of a DSSE envelope, and who signed it.

    Args:
        data: The envelope as JSON.
        keys: Who may have signed it; None looks at no signature, and then nobody vouches for the payload.
        thing: What errors name.

    Returns:
        The payload and the key; None for the key where `keys` is None.

    Raises:
        SignatureError: It is no envelope, holds something other than an in-toto statement, has not exactly
            one signature, or that is wrong or by a key that is not among `keys`.
    """

    def refuse(found: str, action: str = "fetch the bundle again from the machine that made it") -> NoReturn:
        raise _error(thing, "a DSSE envelope of an in-toto statement with one valid signature", found, action)

    try:
        value = json.loads(data)
        if not isinstance(value, dict) or set(value) != {"payload", "payloadType", "signatures"}:
            refuse("other fields than payload, payloadType and signatures")
        if value["payloadType"] != PAYLOAD_TYPE:
            refuse(f"the payload type {str(value['payloadType'])[:80]!r}")
        if not isinstance(value["signatures"], list) or len(value["signatures"]) != 1:
            refuse("not exactly one signature")
        envelope = Envelope.from_dict(value)
    except SignatureError:
        raise
    except Exception as error:  # the library raises whatever a hostile envelope provokes
        refuse(f"{type(error).__name__}: {error}")
    if keys is None:
        return envelope.payload, None
    key_id = next(iter(envelope.signatures))
    signer = next((key for key in keys if key.key_id == key_id), None)
    if signer is None:
        refuse(f"a signature by the unknown key {key_id[:16]}…", "name the runner's public key in the policy")
    try:
        envelope.verify([signer.verifier], 1)
    except VerificationError:
        refuse("a signature that does not fit the payload")
    return envelope.payload, signer
