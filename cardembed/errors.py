"""Every exception that cardembed raises on purpose.

The tree::

    CardembedError
    ├── InputError                    what the user gave cannot be used (CLI exit code 2)
    │   ├── ImageError                an image file: unreadable, empty, too large, too small, wrong kind
    │   ├── CatalogueError            a catalogue: empty, duplicate ids, missing files, bad metadata
    │   ├── PhotoSetError             a photo set: manifest, missing files, wrong digest
    │   ├── ReleaseError              a release directory or its release.json
    │   │   └── DigestMismatchError   bytes differ from the digest that was promised for them
    │   ├── ArtefactError             an artefact file: not parseable, points outside of itself, unknown op
    │   ├── EmbeddingError            arrays: NaN, wrong shape, wrong dtype, zero vectors
    │   ├── DatabaseError             a reference database: unreadable, empty, wrong dimension
    │   ├── UnknownTargetError        a target, profile or architecture that no table knows
    │   ├── EvidenceError             an evidence bundle: unreadable, wrong schema, inconsistent
    │   │   └── SignatureError        the bundle's signature: missing, wrong, or by an unknown key
    │   ├── FeatureError              a feature file: not Gherkin, untagged, a phrase that nobody knows
    │   ├── PolicyError               a gate policy
    │   └── UsageError                options that contradict each other
    ├── UnavailableError              this machine cannot do it: a package, a device, a platform is missing
    │   └── FellBackError             it can, but by something else than what was asked for
    ├── TrainingError                 a training run that cannot go on (collapse, diverged loss)
    ├── ExportError                   a model that could not be exported, or differs from its source
    ├── WrongAnswerError              a device answered, and differently on the same input: a failure
    └── InfrastructureError           no answer from a runtime or device: says nothing about the model
        ├── DeviceBusyError           another process owns the device
        ├── DeviceLostError           the device was there and is not any more
        ├── DeviceMissingError        no device is attached, or its driver is not installed
        ├── DeviceTimeoutError        no answer within the deadline
        ├── DriverMismatchError       library, driver and firmware are of different versions
        └── WrongArchitectureError    the program was compiled for another chip

Every message names the thing, what was expected, what was found and what to do about it.
The four parts are also attributes, so that programs need not parse the text.
"""

from __future__ import annotations

__all__ = [
    "ArtefactError",
    "CardembedError",
    "CatalogueError",
    "DatabaseError",
    "DeviceBusyError",
    "DeviceLostError",
    "DeviceMissingError",
    "DeviceTimeoutError",
    "DigestMismatchError",
    "DriverMismatchError",
    "EmbeddingError",
    "EvidenceError",
    "ExportError",
    "FeatureError",
    "FellBackError",
    "ImageError",
    "InfrastructureError",
    "InputError",
    "PhotoSetError",
    "PolicyError",
    "ReleaseError",
    "SignatureError",
    "TrainingError",
    "UnavailableError",
    "UnknownTargetError",
    "UsageError",
    "WrongAnswerError",
    "WrongArchitectureError",
]


class CardembedError(Exception):
    """Base of all errors raised on purpose.

    Args:
        thing: What the error is about, such as a file or an option.
        expected: What would have been right.
        found: What was there instead.
        action: What the user can do about it.
    """

    def __init__(self, thing: object, *, expected: str, found: str, action: str) -> None:
        self.thing = str(thing)
        self.expected = expected
        self.found = found
        self.action = action
        super().__init__(thing, expected, found, action)

    def __str__(self) -> str:
        text = f"{self.thing}: expected {self.expected}, found {self.found}; {self.action}"
        return " ".join(text.split())  # one line, whatever a library put into `found`

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive Exception's own pickling (xdist, process pools).
        return (_rebuild, (type(self), self.thing, self.expected, self.found, self.action))


def _rebuild(
    kind: type[CardembedError], thing: str, expected: str, found: str, action: str
) -> CardembedError:
    return kind(thing, expected=expected, found=found, action=action)


class InputError(CardembedError):
    """What the user gave cannot be used."""


class ImageError(InputError):
    """An image file that is unreadable, empty, too large, too small or of the wrong kind."""


class CatalogueError(InputError):
    """A catalogue that is empty, has duplicate ids, missing files or bad metadata."""


class PhotoSetError(InputError):
    """A photo set whose manifest, files or digests do not fit together."""


class ReleaseError(InputError):
    """A release directory that is incomplete or whose release.json is wrong."""


class DigestMismatchError(ReleaseError):
    """Bytes that differ from the SHA-256 digest that was promised for them."""


class ArtefactError(InputError):
    """An artefact file: not parseable, points outside of itself, an unknown op, absurd shapes."""


class EmbeddingError(InputError):
    """An array that is no embedding or no image batch: NaN, wrong shape, wrong dtype, zero vector."""


class DatabaseError(InputError):
    """A reference database that is unreadable, empty or of another dimension."""


class UnknownTargetError(InputError):
    """A target, profile or architecture that no table knows."""


class EvidenceError(InputError):
    """An evidence bundle that is unreadable, of another schema or inconsistent."""


class SignatureError(EvidenceError):
    """A bundle's signature that is missing, wrong or by a key that the policy does not name."""


class FeatureError(InputError):
    """A feature file that is no Gherkin, has no criterion, or holds a phrase that nobody knows."""


class PolicyError(InputError):
    """A gate policy that is unreadable or contradicts itself."""


class UsageError(InputError):
    """Options that contradict each other."""


class UnavailableError(CardembedError):
    """This machine cannot do what was asked: a package, a device or a platform is missing.

    A feature step that meets it makes its cell "not run", with this message as the reason.
    """


class FellBackError(UnavailableError):
    """A runtime that would execute an artefact by something else than what it was asked for.

    What it computes would be no result of what was asked for: a cell is "not run", and the parity gate fails.
    """


class TrainingError(CardembedError):
    """A training run that cannot go on: collapsed embeddings, a diverged loss."""


class ExportError(CardembedError):
    """A model that could not be exported, or whose exported form differs from it."""


class WrongAnswerError(CardembedError):
    """A device that answered, and gave different answers to the same input: the cell becomes "fail"."""


class InfrastructureError(CardembedError):
    """No answer from a runtime or device.

    It says nothing about the model: the cell becomes "error", never "fail".
    """


class DeviceBusyError(InfrastructureError):
    """Another process, or another embedder of this one, owns the device."""


class DeviceLostError(InfrastructureError):
    """The device was there and is not any more: unplugged, reset, or its driver gave up."""


class DeviceMissingError(InfrastructureError):
    """No device is attached, or its kernel driver is not installed."""


class DeviceTimeoutError(InfrastructureError):
    """No answer from the device within the deadline."""


class DriverMismatchError(InfrastructureError):
    """Library, kernel driver and firmware are of versions that do not work together."""


class WrongArchitectureError(InfrastructureError):
    """The program was compiled for another chip than the one that is attached."""
