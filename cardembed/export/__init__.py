"""From weights to artefacts."""
