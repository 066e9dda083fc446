"""Core ML programs, read from disk and executed without Apple's runtime."""
