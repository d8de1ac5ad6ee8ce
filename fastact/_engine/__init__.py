"""From a formula to a NumPy ufunc that threads itself: everything here imports Numba, and is imported late."""
