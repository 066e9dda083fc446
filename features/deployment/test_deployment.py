"""Binds the features of this folder."""

from pathlib import Path

from cardembed.conformance.recorder.binding import bind_features

bind_features(globals(), Path(__file__).parent)
