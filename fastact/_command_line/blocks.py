"""Cutting an array that may be larger than memory into blocks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from math import prod

BLOCK_BYTES = 1 << 24


def blocks(
    shape: tuple[int, ...],
    itemsize: int,
    whole_axis: int | None,
    *,
    fortran: bool = False,
    grain: Sequence[int] | None = None,
) -> Iterator[tuple[slice, ...]]:
    """Cut an array into blocks, in the order of its memory: of at most BLOCK_BYTES, where the rest allows that.

    Parameters
    ----------
    shape, itemsize
        Of the array.
    whole_axis : int or None
        An axis that no block cuts.
    fortran : bool
        Whether the first axis is the innermost.
    grain : sequence of int, optional
        Cut at multiples of these alone.
    """
    grain = grain or (1,) * len(shape)
    innermost_first = range(len(shape)) if fortran else range(len(shape))[::-1]
    extents = {} if whole_axis is None else {whole_axis: shape[whole_axis]}
    least = dict(enumerate(grain)) | extents
    for axis in innermost_first:
        if axis not in extents:
            others = prod((least | extents).values()) // least[axis]
            room = BLOCK_BYTES // (itemsize * others)
            extents[axis] = min(shape[axis], max(room // grain[axis], 1) * grain[axis])
    cuts = [
        [slice(start, min(start + extents[axis], shape[axis])) for start in range(0, shape[axis], extents[axis])]
        for axis in innermost_first[::-1]
    ]
    for outermost_first in itertools.product(*cuts):
        yield outermost_first[::-1] if fortran else outermost_first
