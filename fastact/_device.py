"""Whether an array lives on a GPU, found out without importing anything of its library."""

from typing import Any

import numpy as np

# What most arguments are; to look for an attribute in vain takes longer.
_OFTEN = frozenset((np.ndarray, float, int, bool, type(None)))
INTERFACE = "__cuda_array_interface__"


def is_device_array(value: Any) -> bool:
    """Whether a value is an array of a CUDA device."""
    kind = type(value)
    if kind in _OFTEN:
        return False
    if not hasattr(kind, INTERFACE):
        return kind.__name__ == "FakeCUDAArray"  # the simulator's
    # A tensor's interface refuses bfloat16 and gradients; and a processor's array may have one that refuses all.
    is_cuda = getattr(value, "is_cuda", None)
    return hasattr(value, INTERFACE) if is_cuda is None else bool(is_cuda)
