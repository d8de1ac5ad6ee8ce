"""Several axes taken as one: which they are, and arrays whose last axis they become."""

import itertools
import operator
from math import prod
from typing import Any


def normalized(name: str, axis: Any, dimensions: int) -> tuple[int, ...]:
    """The axes that `axis`, an integer, a tuple of them or None, stands for: sorted, and counted from the first.

    Sorted, since a row has the same bits in whatever order its axes are named.
    """
    if axis is None:
        return tuple(range(dimensions))
    axes = axis if isinstance(axis, tuple) else (axis,)
    try:
        axes = tuple(map(operator.index, axes))
    except TypeError:
        raise TypeError(f"{name}: axis must be an integer, a tuple of integers or None, got {axis!r}") from None
    if axes and not dimensions:
        raise ValueError(f"{name} needs an array of at least one dimension, got a scalar; axis=None takes it")
    for one in axes:
        if not -dimensions <= one < dimensions:
            raise ValueError(
                f"{name}: axis {one} is out of range for an array of {dimensions} "
                f"dimension{'s' if dimensions > 1 else ''}; use {-dimensions} to {dimensions - 1}"
            )
    axes = tuple(sorted(one % dimensions for one in axes))
    for one, following in itertools.pairwise(axes):
        if one == following:
            raise ValueError(f"{name}: axis {axis} names axis {one} twice; name each axis once")
    return axes


def others(dimensions: int, axes: tuple[int, ...]) -> tuple[int, ...]:
    """The axes that are not among `axes`."""
    return tuple(i for i in range(dimensions) if i not in axes)


def joined(array: Any, axes: tuple[int, ...]) -> Any:
    """The array with these axes made one, its last: a view where its memory allows, otherwise a copy."""
    rest = others(array.ndim, axes)
    length = prod(array.shape[i] for i in axes)
    return array.transpose(*rest, *axes).reshape(*(array.shape[i] for i in rest), length)


def split(array: Any, axes: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """The array of the given shape that `joined` makes this one of."""
    moved = (*others(len(shape), axes), *axes)
    return array.reshape(tuple(shape[i] for i in moved)).transpose(*(moved.index(i) for i in range(len(shape))))
