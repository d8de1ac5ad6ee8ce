"""Calls of every activation in every direction, at every size."""

from __future__ import annotations

from typing import ClassVar

import numba

import fastact
from fastact._command_line.operands import directions, operation

SIZES = (100, 10_000, 1_000_000, 16_000_000)
DTYPES = ("float32", "float64")


def names_with(direction: str) -> list[str]:
    """Return the activations that have a direction: a new activation is measured without being listed."""
    return [name for name in fastact.names() if direction in directions(name)]


class _Calls:
    """One direction of one activation; asv takes the parameters' product from `params`."""

    direction: ClassVar[str]
    param_names = ("name", "size", "dtype")

    def setup(self, name: str, size: int, dtype: str) -> None:
        self.operation = operation(name, self.direction, size, dtype)
        self.operation.new()
        self.operation.into_result()

    def time_new_result(self, name: str, size: int, dtype: str) -> None:
        self.operation.new()

    def time_out(self, name: str, size: int, dtype: str) -> None:
        self.operation.into_result()


class Value(_Calls):
    """The activation itself."""

    direction = "value"
    params = (names_with("value"), SIZES, DTYPES)


class Derivative(_Calls):
    """The derivative."""

    direction = "derivative"
    params = (names_with("derivative"), SIZES, DTYPES)


class Backward(_Calls):
    """The gradient times the derivative."""

    direction = "backward"
    params = (names_with("backward"), SIZES, DTYPES)


class AllThreads(_Calls):
    """The activation itself on all processors; the other suites may be confined to one thread."""

    direction = "value"
    params = (names_with("value"), (1_000_000, 16_000_000), ("float32",))

    def setup(self, name: str, size: int, dtype: str) -> None:
        fastact.set_num_threads(numba.config.NUMBA_NUM_THREADS)
        super().setup(name, size, dtype)
