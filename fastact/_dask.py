"""Softmax and its kin along an axis that dask has cut into chunks.

Each chunk does its own softmax; what one chunk has to know of the others is, per row, the largest element and the sum
of exponentials. Those are small: they meet in one place, in long double, and go back as one number per row and chunk.
"""

from collections.abc import Callable
from typing import Any

import dask.array as da
import numpy as np


def is_cut(arrays: list, axis: int) -> bool:
    """Whether one of the arrays has more than one chunk along an axis."""
    return any(isinstance(array, da.Array) and array.ndim and len(array.chunks[axis]) > 1 for array in arrays)


def run(name: str, direction: str, whole: Callable[..., Any], arrays: list, axis: int) -> Any:
    """One direction of softmax or log_softmax, lazily.

    Parameters
    ----------
    name, direction : str
        What to compute.
    whole : callable
        The function itself, for arrays that have all of the axis.
    arrays : list
        As the direction takes them; at least one is a dask array cut along `axis`.
    axis : int
        Not negative.
    """
    *grad, x = map(da.asarray, arrays)
    if direction == "value":
        return _value(name, whole, x, axis)
    output = x if direction == "backward_from_output" else _value(name, whole, x, axis)
    return _backward(name, grad[0], output, axis)


def _value(name: str, whole: Callable[..., Any], x: Any, axis: int) -> Any:
    own = x.map_blocks(whole, axis=axis, dtype=whole(np.empty((1,) * x.ndim, x.dtype), axis=axis).dtype)
    ones = tuple((1,) * len(sizes) if i == axis else sizes for i, sizes in enumerate(x.chunks))
    largest = x.map_blocks(np.max, axis=axis, keepdims=True, chunks=ones, dtype=x.dtype)
    share = own.map_blocks(np.max, axis=axis, keepdims=True, chunks=ones, dtype=own.dtype)
    gathered = [part.rechunk({axis: -1}) for part in (largest, share)]
    correction = da.map_blocks(_corrections, name, *gathered, axis=axis, dtype=own.dtype).rechunk({axis: 1})
    return da.map_blocks(_CORRECTED[name], own, correction, dtype=own.dtype)


def _sums(largest: Any, share: Any, axis: int) -> tuple[Any, Any]:
    """Each chunk's sum of exponentials of what its elements are less than the largest of all, and the others' sum."""
    lead = _lead(largest, axis)
    # A chunk that is all -inf adds nothing to the others, and has no share of its own.
    sums = np.where(np.isneginf(lead), 0, np.exp(lead) / share)
    # Not the total less the own one, which cancels where a chunk dominates.
    before, after = (_sum_before(part, axis) for part in (sums, np.flip(sums, axis)))
    return sums, before + np.flip(after, axis)


def _lead(largest: Any, axis: int) -> Any:
    """How far each chunk's largest element is above the largest of all."""
    with np.errstate(invalid="ignore"):
        return largest.astype(np.longdouble) - largest.max(axis=axis, keepdims=True)


def _sum_before(sums: Any, axis: int) -> Any:
    shifted = np.roll(sums, 1, axis)
    shifted[(slice(None),) * axis + (0,)] = 0
    return shifted.cumsum(axis)


def _corrections(name: str, largest: Any, share: Any, axis: int) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        return _CORRECTIONS[name](largest, share, axis).astype(share.dtype)


def _factor(largest: Any, share: Any, axis: int) -> Any:
    own, others = _sums(largest, share, axis)
    return own / (own + others)


def _summand(largest: Any, logarithm: Any, axis: int) -> Any:
    logarithm = logarithm.astype(np.longdouble)
    own, others = _sums(largest, np.exp(logarithm), axis)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # A chunk far below the others has a sum that underflows, not a logarithm.
        lead = _lead(largest, axis)
        far = np.where(np.isneginf(lead), lead, lead - logarithm - np.log(own + others))
        return np.where(others < own, -np.log1p(others / own), far)


def _backward(name: str, grad: Any, y: Any, axis: int) -> Any:
    if name == "softmax":
        weighted = (grad.astype("f8") * y).sum(axis=axis, keepdims=True)
        return (y * (grad - weighted)).astype(y.dtype)
    total = grad.astype("f8").sum(axis=axis, keepdims=True)
    return (grad - np.exp(y.astype("f8")) * total).astype(y.dtype)


def _times(own: Any, factor: Any) -> Any:
    return np.where(factor == 0, factor, own * factor)


def _plus(own: Any, summand: Any) -> Any:
    return np.where(np.isneginf(summand), summand, own + summand)


_CORRECTIONS = {"softmax": _factor, "log_softmax": _summand}
_CORRECTED = {"softmax": _times, "log_softmax": _plus}
