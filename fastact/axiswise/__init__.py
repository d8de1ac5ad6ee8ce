"""Activations that work along an axis: importing this package registers them all."""

from fastact.axiswise import gated_linear, maxout, softmax, sparsemax

__all__ = ["gated_linear", "maxout", "softmax", "sparsemax"]
