"""Element-wise activations, one file per family: importing this package registers them all.

A block's functions are its formulas, in working precision (see `fastact._math.working`). They are written so that
nothing cancels: accuracy lives in the choice of the identity, and each comment says which and why. A last branch of
``x`` is where NaN goes.
"""

from fastact.activations import (
    composed,
    exponential,
    gated,
    hard,
    linear,
    rectifiers,
    shrink,
    sigmoids,
    smooth,
    waves,
)

__all__ = [
    "composed",
    "exponential",
    "gated",
    "hard",
    "linear",
    "rectifiers",
    "shrink",
    "sigmoids",
    "smooth",
    "waves",
]
