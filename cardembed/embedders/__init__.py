"""Runtimes bound to artefacts: images in, unit vectors out."""
