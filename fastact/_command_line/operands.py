"""Operands to time an activation on, shared by ``fastact bench`` and the suites in benchmarks/."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

import fastact
from fastact._accuracy.cases import direction_of

DIRECTIONS = ("value", "derivative", "backward")
ROW = 1_000  # elements of an axis-wise activation's axis
RANDOM = 1_048_576  # numbers; in larger arrays they come again, because drawing more takes longer than timing
LOSS_SHAPES = ((1_000_000, 10), (1_000, 1_000), (32, 50_257), (1, 10_000_000))
PIECES = 2  # of maxout, whose `pieces` has no default


@dataclass(frozen=True)
class Library:
    """Whose arrays operands are."""

    from_numpy: Callable[[NDArray[Any]], Any]
    ones_like: Callable[[Any], Any]
    empty_like: Callable[[Any], Any]


NUMPY = Library(np.asarray, np.ones_like, np.empty_like)


@dataclass(frozen=True)
class Operation:
    """One direction of one activation with operands, ready to be called again and again."""

    function: Callable[..., Any]
    operands: tuple[Any, ...]  # grad, where the direction takes one, then x, or y where that suffices
    parameters: dict[str, Any]
    result: Any  # for out=: an array, or a tuple of two; None for parameter_gradients, which has no out=

    def new(self) -> Any:
        """Call the function for a new result."""
        return self.function(*self.operands, **self.parameters)

    def into_result(self) -> Any:
        """Call the function with ``out=``."""
        return self.function(*self.operands, **self.parameters, out=self.result)


def operation(
    name: str, direction: str, size: int, dtype: DTypeLike, library: Library = NUMPY, row: int = ROW
) -> Operation:
    """Prepare an operation on about `size` normal random numbers, along an axis of `row` where there is one."""
    activation = fastact.get(name)
    if activation.info.kind == "loss":
        raise ValueError(f"{activation.name} is a loss: benchmarks/peers.py --losses times those")
    parameters = required_parameters(activation)
    has_axis = activation.info.kind != "elementwise"
    x = library.from_numpy(normal((max(size // row, 1), min(size, row)) if has_axis else (size,), dtype))
    takes = activation.info.arrays(direction)
    y = activation(x, **parameters) if has_axis or "y" in takes else x  # maxout's is shorter than x
    arrays = {"grad": library.ones_like(y), "x": x, "y": y}
    operands = tuple(arrays[taken] for taken in takes if taken in arrays)
    return Operation(direction_of(name, direction), operands, parameters, _result(direction, x, y, library))


def normal(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Draw normal random numbers, standard deviation 2, the same each time."""
    size = math.prod(shape)
    numbers = 2 * np.random.default_rng(0).standard_normal(min(size, RANDOM), np.float32)
    return np.resize(numbers.astype(dtype), shape)


def _result(direction: str, x: Any, y: Any, library: Library) -> Any:
    """Make room for the result of a direction."""
    if direction == "parameter_gradients":
        return None
    if direction == "value_and_derivative":
        return library.empty_like(y), library.empty_like(x)
    return library.empty_like(y if direction == "value" else x)


def loss_operands(name: str, shape: tuple[int, int], dtype: DTypeLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Prepare normal random logits, and labels or targets, for a loss."""
    logits, random = normal(shape, dtype), np.random.default_rng(1)
    if name == "softmax_cross_entropy":
        return logits, random.integers(0, shape[1], shape[0])
    return logits, random.integers(0, 2, shape).astype(dtype)


def required_parameters(activation: Any) -> dict[str, int]:
    """Give a value to each parameter, other than the operand, that has no default."""
    _, *parameters = inspect.signature(activation).parameters.values()
    return {
        parameter.name: PIECES
        for parameter in parameters
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    }


def directions(name: str) -> tuple[str, ...]:
    """Say which of DIRECTIONS an activation has."""
    offered = fastact.get(name).info.directions
    return tuple(direction for direction in DIRECTIONS if direction in offered)
