"""The hook by which something else than a release on a photo set can be put before the features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from cardembed.conformance.predicate import PhotosInfo, ReleaseInfo
from cardembed.conformance.recorder.options import Options

__all__ = ["Prepared", "pytest_cardembed_prepare"]


class Prepared(BaseModel):
    """What is judged, checked and ready: made once, before any scenario, and sent to every worker."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    release: ReleaseInfo
    """The release."""
    catalogue_digest: str
    """Of the gallery."""
    photos: PhotosInfo
    """The photo set."""
    bench: dict[str, Any] = {}
    """What `cardembed.conformance.measure.bench.Bench` needs, as JSON can hold it."""


@pytest.hookspec(firstresult=True)
def pytest_cardembed_prepare(
    config: pytest.Config, options: Options, say: Callable[[str], None]
) -> Prepared | None:
    """Check what the options name and make what is missing (photos, the teacher's embeddings).

    Args:
        config: pytest's.
        options: The command line.
        say: Writes a line to the terminal, before work that takes a while.

    Raises:
        CardembedError: It cannot be judged; ends the run with one line.
    """
