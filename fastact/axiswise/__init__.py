"""Activations that work along an axis: importing this package registers them all."""

from fastact.axiswise import maxout, softmax

__all__ = ["maxout", "softmax"]
