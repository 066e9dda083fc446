"""What a release ships for the runtime of a target: it is executed, judged and sent to devices as it is."""

from __future__ import annotations

from cardembed.release import Artefact, Release

__all__ = ["COREML_FORMATS", "DEPLOYED", "ONNX_FORMATS", "PROMISED", "shipped_artefact"]

ONNX_FORMATS = ("onnx", "ort")
"""Of ONNX Runtime, the first one that a release has."""
COREML_FORMATS = ("mlpackage", "mlmodel")
"""Of Core ML, the first one that a release has."""
DEPLOYED = {"server": ("onnx",), "android": ONNX_FORMATS, "ios": COREML_FORMATS}
"""By target, the formats that it deploys. A HEF is compiled, and taken in by `cardembed import-artefact`."""
PROMISED = {"onnx": ("ONNX", "opset 17"), "mlpackage": ("ML Program", "iOS 16")}
"""By the first format of a row, the format and version that the file states: those of features/deployment."""


def shipped_artefact(release: Release, target: str, formats: tuple[str, ...]) -> Artefact | None:
    """The release's own artefact of the first of these formats that it has; None where it has none of them.

    Raises:
        UnknownTargetError: The release does not have the target.
    """
    found = (release.artefact(target, form) for form in formats)
    return next((one for one in found if one is not None), None)
