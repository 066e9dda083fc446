"""Where HailoRT keeps its classes: `pyhailort`, and `_pyhailort` of the C++ binding."""
