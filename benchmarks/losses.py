"""The losses and their gradients, on batches of several shapes."""

from __future__ import annotations

from functools import partial

import fastact
from fastact._command_line.operands import LOSS_SHAPES, loss_operands

DTYPES = ("float32", "float64")


class Loss:
    """One loss; asv takes the parameters' product from `params`."""

    param_names = ("name", "shape", "dtype")
    params = (fastact.names("loss"), LOSS_SHAPES, DTYPES)

    def setup(self, name: str, shape: tuple[int, int], dtype: str) -> None:
        loss = fastact.get(name)
        given = loss_operands(name, shape, dtype)
        self.value, self.both = partial(loss, *given), partial(loss.value_and_gradient, *given)
        self.backward = partial(loss.backward, 1.0, *given)
        for call in (self.value, self.both, self.backward):
            call()

    def time_value(self, name: str, shape: tuple[int, int], dtype: str) -> None:
        self.value()

    def time_value_and_gradient(self, name: str, shape: tuple[int, int], dtype: str) -> None:
        self.both()

    def time_backward(self, name: str, shape: tuple[int, int], dtype: str) -> None:
        self.backward()
