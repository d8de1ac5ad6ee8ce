"""Going through arrays of any size once, block by block, for statistics of several activations and a sample."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastact._activation import explained_dtype
from fastact._command_line.blocks import blocks
from fastact._definition import Definition, registry
from fastact._statistics import WORDS, Partials, leave_out, merged, of_nothing

Array = NDArray[Any]

#: Elements that are kept for trying alternatives on: all of smaller data, as many random ones of larger.
SAMPLE = 1 << 18
# Rows of fewer elements than this are joined, by a copy of the block, where they can be.
_SHORT = 256


@dataclass(frozen=True)
class Subject:
    """An activation with all of its parameters.

    Attributes
    ----------
    name : str
        The activation's canonical name.
    parameters : tuple
        Numbers or arrays, in the activation's order.
    threshold : float
        What derivatives count as saturated below.
    """

    name: str
    parameters: tuple[Any, ...]
    threshold: float = 0.0

    @property
    def definition(self) -> Definition:
        """What is known of the activation."""
        return registry[self.name]

    @property
    def constants(self) -> tuple[float, ...] | None:
        """The parameters, where all are numbers."""
        numbers = all(type(value) in (float, int) for value in self.parameters)
        return tuple(map(float, self.parameters)) if numbers else None

    @property
    def operands(self) -> tuple[Array, ...]:
        """The parameters, where they are not all numbers."""
        return () if self.constants is not None else tuple(map(np.asarray, self.parameters))

    def dtypes(self, grad: Array, x: Array, masked: bool) -> tuple[np.dtype[Any], ...]:
        """The dtypes of gradient, input and parameters as they are read, and of both results."""
        from fastact import _ufuncs
        from fastact._engine.conversions import can_pack
        from fastact._engine.programs import FLOAT32, FLOAT64

        if self.constants is None:
            elementwise = _ufuncs.general(self.name, "backward")
        else:
            elementwise = _ufuncs.at(self.name, "backward", self.constants)
        operands = [grad, x, *self.operands]
        try:
            # Python's numbers leave the dtype to arrays.
            numbers = [type(value) in (float, int) for value in (grad, x, *self.parameters)]
            asked = [
                float if is_number else operand.dtype.newbyteorder("=")
                for operand, is_number in zip(operands, numbers, strict=False)
            ]
            result = elementwise.ufunc.resolve_dtypes((*asked, None))[-1]
        except TypeError as error:
            raise explained_dtype(self.name, error, operands, {}) from None
        working = FLOAT64 if result == FLOAT64 else FLOAT32
        read = [
            operand.dtype if operand.flags.aligned and can_pack(operand.dtype, working) else working
            for operand in operands
        ]
        if masked:
            read[1] = result  # which can be NaN
        return (*read, result, result)


@dataclass
class Sample:
    """Some elements, as they came.

    Attributes
    ----------
    x, grad, place : ndarray
        Inputs, gradients, and the index of each along the kept axes taken as one.
    """

    x: list[Array] = field(default_factory=list)
    grad: list[Array] = field(default_factory=list)
    place: list[Array] = field(default_factory=list)

    def add(self, other: Sample) -> None:
        """Take in another sample."""
        self.x += other.x
        self.grad += other.grad
        self.place += other.place

    def joined(self) -> tuple[Array, Array, Array]:
        """The three arrays."""
        x, grad, place = (np.concatenate(parts or [np.empty(0)]) for parts in (self.x, self.grad, self.place))
        return x, grad, place


@dataclass(frozen=True)
class Share:
    """How much of the data an array is, for its share of the sample.

    Attributes
    ----------
    total : int
        The elements of all data.
    seed : int
        Another one for each array.
    first : tuple of int
        The array's first index along each kept axis.
    extents : tuple of int
        The data's extent along each kept axis.
    """

    total: int
    seed: int
    first: tuple[int, ...]
    extents: tuple[int, ...]


def gather(
    subjects: Sequence[Subject], x: Any, grad: Any, kept: tuple[int, ...], share: Share
) -> tuple[list[Partials], Sample]:
    """Go once through arrays.

    Parameters
    ----------
    subjects : sequence of Subject
        What there are to be statistics of; parameters that are arrays have the shape of `x`.
    x, grad : ndarray
        Inputs and gradient, masked or not, of one shape.
    kept : tuple of int
        The axes whose every index has statistics of its own.
    share : Share
        How much of the sample to take.

    Returns
    -------
    partials : list of ndarray
        For each subject, of the kept axes' shape and `WORDS`.
    sample : Sample
        Some of the elements.
    """
    mask = _mask(x, grad)
    x, grad = np.ma.getdata(x), np.ma.getdata(grad)
    runs = [_Run(subject, grad, x, mask is not None) for subject in subjects]
    states = [of_nothing(tuple(x.shape[axis] for axis in kept)) for _ in subjects]
    sample = Sample()
    for number, block in enumerate(_cut(x) if x.size else ()):
        left_out = None if mask is None else mask[block]
        place = tuple(block[axis] for axis in kept)
        for state, run in zip(states, runs, strict=True):
            state[place] = merged(np.stack([state[place], run.partials(block, left_out, kept)], axis=-2))
        sample.add(_drawn(x, grad, block, left_out, kept, share, number))
    return states, sample


def _mask(x: Any, grad: Any) -> Array | None:
    masks = [np.ma.getmask(array) for array in (x, grad)]
    given = [mask for mask in masks if mask is not np.ma.nomask]
    return functools.reduce(np.logical_or, given) if given else None


def _cut(x: Array) -> Iterator[tuple[slice, ...]]:
    """Blocks of the array, in the order of its memory."""
    outermost_first = _outermost_first(x, range(x.ndim))
    for block in blocks(tuple(x.shape[axis] for axis in outermost_first), x.itemsize, None):
        by_axis = dict(zip(outermost_first, block, strict=True))
        yield tuple(by_axis[axis] for axis in range(x.ndim))


def _outermost_first(x: Array, axes: Iterable[int]) -> list[int]:
    return sorted(axes, key=lambda axis: abs(x.strides[axis]), reverse=True)


class _Run:
    """One subject's program for the dtypes of the data."""

    def __init__(self, subject: Subject, grad: Array, x: Array, masked: bool) -> None:
        from fastact._engine.programs import constants_of
        from fastact._engine.statistics import StatisticsProgram

        constants = None if subject.constants is None else constants_of(subject.name, subject.constants)
        self._program = StatisticsProgram(subject.name, subject.dtypes(grad, x, masked), constants)
        self._threshold = subject.threshold
        self._arrays = (grad, x, *(np.broadcast_to(operand, x.shape) for operand in subject.operands))

    def partials(self, block: tuple[slice, ...], left_out: Array | None, kept: tuple[int, ...]) -> Partials:
        """The statistics of one block, without what is to be left out."""
        from fastact._engine.statistics import partials

        arrays = [array[block] for array in self._arrays]
        arrays = [array.astype(dtype, copy=False) for array, dtype in zip(arrays, self._program.dtypes, strict=False)]
        summed = [axis for axis in _outermost_first(arrays[1], range(arrays[1].ndim)) if axis not in kept]
        if left_out is not None:
            arrays[1] = np.array(arrays[1])
            arrays[1][left_out] = np.nan  # which has no statistics but that it is one
        views = _as_rows([array.transpose(*kept, *summed) for array in arrays], len(kept))
        extents = arrays[1].transpose(*kept, *summed).shape[: len(kept)]
        found = partials(self._program, views, self._threshold)
        whole = merged(found.reshape(*extents, -1, WORDS))
        return whole if left_out is None else leave_out(whole, left_out.sum(axis=tuple(summed)))


def _as_rows(views: list[Array], kept: int) -> list[Array]:
    """The views with long rows: as they are where their memory allows, otherwise copies."""
    from fastact._engine.job import MAX_OUTER_DIMENSIONS
    from fastact._engine.reductions import coalesced

    shape = views[0].shape
    ones = tuple(axis for axis in range(kept, len(shape)) if shape[axis] == 1)
    views = [np.squeeze(view, ones) for view in views]
    if views[0].ndim == kept:
        views = [view[..., np.newaxis] for view in views]
    views = coalesced(views, kept)
    *_, length = views[0].shape
    joinable = views[0].ndim > kept + 1 and length < _SHORT
    if not joinable and views[0].ndim <= 1 + MAX_OUTER_DIMENSIONS:
        return views
    rows = (prod(shape[:kept]), prod(shape[kept:]))
    return [np.broadcast_to(view.flat[0], rows) if not any(view.strides) else view.reshape(rows) for view in views]


def _drawn(
    x: Array,
    grad: Array,
    block: tuple[slice, ...],
    left_out: Array | None,
    kept: tuple[int, ...],
    share: Share,
    number: int,
) -> Sample:
    """A block's part of the sample: all of small data, of larger data random elements, the same every time."""
    inner = x[block]
    if share.total <= SAMPLE:
        index = np.unravel_index(np.arange(inner.size), inner.shape)
    else:
        count = -(-SAMPLE * inner.size // share.total)
        random = np.random.default_rng((share.seed, number))
        index = np.unravel_index(random.integers(inner.size, size=count), inner.shape)
    if left_out is not None:
        taken = ~left_out[index]
        index = tuple(along[taken] for along in index)
    along_kept = tuple(index[axis] + block[axis].start + share.first[i] for i, axis in enumerate(kept))
    place = np.ravel_multi_index(along_kept, share.extents) if kept else np.zeros(index[0].shape, np.intp)
    return Sample([inner[index]], [grad[block][index]], [np.asarray(place)])
