"""Whether an array lives on a GPU, found out without importing anything."""

from typing import Any


def is_device_array(value: Any) -> bool:
    """Whether a value is an array of a CUDA device."""
    kind = type(value)
    if kind.__module__.partition(".")[0] == "torch":  # whose interface refuses bfloat16 and gradients
        return bool(getattr(value, "is_cuda", False))
    return hasattr(kind, "__cuda_array_interface__") or kind.__name__ == "FakeCUDAArray"
