"""Activations that work along an axis: importing this package registers them all."""

from fastact.axiswise import concatenated, gated_linear, maxout, softmax, sparsemax

__all__ = ["concatenated", "gated_linear", "maxout", "softmax", "sparsemax"]
