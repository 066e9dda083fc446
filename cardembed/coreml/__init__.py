"""Core ML artefacts read back from disk and executed with PyTorch, on any machine."""
