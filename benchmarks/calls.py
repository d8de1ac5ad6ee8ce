"""Calls of every activation in every direction: the three of every training step at every size, the others at one."""

from __future__ import annotations

from typing import ClassVar

import numba

import fastact
from fastact._command_line.operands import operation

SIZES = (100, 10_000, 1_000_000, 16_000_000)
DTYPES = ("float32", "float64")


def names_with(direction: str) -> list[str]:
    """Return the activations that have a direction: a new activation is measured without being listed."""
    return [name for name in fastact.names() if direction == "value" or hasattr(fastact.get(name), direction)]


class _Calls:
    """One direction of all activations that have it; asv takes the parameters' product from `params`."""

    direction: ClassVar[str]
    param_names = ("name", "size", "dtype")

    def setup(self, name: str, size: int, dtype: str) -> None:
        self.operation = operation(name, self.direction, size, dtype)
        self.operation.new()

    def time_new_result(self, name: str, size: int, dtype: str) -> None:
        self.operation.new()


class _CallsBothWays(_Calls):
    """With and without a given result."""

    def setup(self, name: str, size: int, dtype: str) -> None:
        super().setup(name, size, dtype)
        self.operation.into_result()

    def time_out(self, name: str, size: int, dtype: str) -> None:
        self.operation.into_result()


class Value(_CallsBothWays):
    """The activation itself."""

    direction = "value"
    params = (names_with("value"), SIZES, DTYPES)


class Derivative(_CallsBothWays):
    """The derivative."""

    direction = "derivative"
    params = (names_with("derivative"), SIZES, DTYPES)


class Backward(_CallsBothWays):
    """The gradient times the derivative."""

    direction = "backward"
    params = (names_with("backward"), SIZES, DTYPES)


class AllThreads(_CallsBothWays):
    """The activation itself on all processors; the other suites may be confined to one thread."""

    direction = "value"
    params = (names_with("value"), (1_000_000, 16_000_000), ("float32",))

    def setup(self, name: str, size: int, dtype: str) -> None:
        fastact.set_num_threads(numba.config.NUMBA_NUM_THREADS)
        super().setup(name, size, dtype)


class SecondDerivative(_Calls):
    """The second derivative."""

    direction = "second_derivative"
    params = (names_with("second_derivative"), (1_000_000,), ("float32",))


class ValueAndDerivative(_Calls):
    """The value and the derivative in one pass."""

    direction = "value_and_derivative"
    params = (names_with("value_and_derivative"), (1_000_000,), ("float32",))


class DerivativeFromOutput(_Calls):
    """The derivative from the value."""

    direction = "derivative_from_output"
    params = (names_with("derivative_from_output"), (1_000_000,), ("float32",))


class BackwardFromOutput(_Calls):
    """The gradient times the derivative, from the value."""

    direction = "backward_from_output"
    params = (names_with("backward_from_output"), (1_000_000,), ("float32",))


class ParameterGradients(_Calls):
    """The gradients of the parameters."""

    direction = "parameter_gradients"
    params = (names_with("parameter_gradients"), (1_000_000,), ("float32",))
