"""Maxout: the largest of each group of linear pieces."""

import math

from fastact._definition import define
from fastact._math.working import where


@define(
    kind="axiswise",
    reduces=True,
    formula=r"f(x)_u = \max_{p < k} x_{k u + p}",
    left_out=(-math.inf,),
    derivative_range=(0.0, 1.0),
    saturation="Never: each unit passes its whole gradient to the piece that won.",
    use="With dropout: a unit learns its own convex activation from its pieces.",
    avoid="Where k times the weights are too many.",
    papers=("Goodfellow, Warde-Farley, Mirza, Courville & Bengio, Maxout Networks, ICML 2013, arXiv:1302.4389",),
    aliases=("Maxout", "max_out"),
    cost=0.4,
    accuracy={"float32": 0.0, "float64": 0.0, "float16": 0.0, "bfloat16": 0.0},
)
class maxout:
    """Largest of each group of adjacent channels."""

    def value_terms(x, largest):
        return ()

    def value_row(largest):
        return (largest,)

    def backward(grad, x, largest, won):
        """The gradient goes to the first of the largest pieces, and to it alone."""
        return where(won, grad, 0.0)
