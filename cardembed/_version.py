"""The version, read by the build and by `cardembed --version`."""

__version__ = "0.1.0"
