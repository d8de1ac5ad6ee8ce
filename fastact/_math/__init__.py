"""Scalar elementary functions: plain Python that Numba compiles and LLVM vectorises. No Numba in here."""
