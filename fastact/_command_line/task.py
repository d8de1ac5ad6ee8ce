"""What ``fastact apply`` does to an array, whatever file that lies in."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

import fastact


@dataclass(frozen=True)
class Layout:
    """What the result of one array looks like.

    Attributes
    ----------
    shape, dtype
        Of the result.
    operand_dtype : dtype
        What the input is converted to first.
    axis : int or None
        The axis that must not be cut, not negative.
    reduced : bool
        Whether the result lacks it.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    operand_dtype: np.dtype[Any]
    axis: int | None
    reduced: bool

    @property
    def axis_keyword(self) -> dict[str, int]:
        """What a call is to be given."""
        return {} if self.axis is None else {"axis": self.axis}

    def of_result(self, block: tuple[slice, ...]) -> tuple[slice, ...]:
        """Where a block of the input, which has all of the axis, goes."""
        if self.axis is None:
            return block
        along = () if self.reduced else (slice(None),)
        return (*block[: self.axis], *along, *block[self.axis + 1 :])


@dataclass(frozen=True)
class Task:
    """A function with all but its array.

    Attributes
    ----------
    function : callable
        Takes an array, ``axis`` if the function works along one, and ``out``.
    axis : int or None
        As the user gave it, or -1; None for element-wise functions.
    dtype : dtype or None
        What to convert to first.
    description : dict
        The whole of it, as a journal keeps it.
    """

    function: Callable[..., Any]
    axis: int | None
    dtype: np.dtype[Any] | None
    description: dict[str, Any]

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Task:
        """Find what the command line asks for."""
        activation = fastact.get(arguments.name)
        info = activation.info
        if info.kind == "loss":
            raise ValueError(
                f"{info.name} is a loss, which takes labels or targets too: apply takes functions of one array"
            )
        if arguments.derivative and "derivative" not in info.directions:
            raise ValueError(f"{info.name} has no derivative, only {', '.join(info.directions)}")
        along_axis = info.kind != "elementwise"
        if arguments.axis is not None and not along_axis:
            raise ValueError(f"{info.name} works element by element: leave --axis out")
        axis = (-1 if arguments.axis is None else arguments.axis) if along_axis else None
        description = {
            "name": f"{info.name}.derivative" if arguments.derivative else info.name,
            "parameters": dict(arguments.parameters),
            "axis": axis,
            "dtype": arguments.dtype,
            "fastact": fastact.__version__,
        }
        function = activation.derivative if arguments.derivative else activation
        dtype = np.dtype(arguments.dtype) if arguments.dtype else None
        return cls(partial(function, **dict(arguments.parameters)), axis, dtype, description)

    def layout(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Layout:
        """Find what the result looks like, from an empty sample; raise what a call would raise."""
        operand_dtype = self.dtype or dtype
        if self.axis is None:
            return Layout(shape, self.function(np.empty(0, operand_dtype)).dtype, operand_dtype, None, False)
        axis = normalize_axis_index(self.axis, len(shape))
        sample = self.function(np.empty((0, shape[axis]), operand_dtype), axis=-1)  # maxout, for one, shortens the axis
        along = sample.shape[1:]
        return Layout((*shape[:axis], *along, *shape[axis + 1 :]), sample.dtype, operand_dtype, axis, not along)
