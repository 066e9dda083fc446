"""Core ML's operations on PyTorch: one module a family, one function an operation."""
