"""Calls on a GPU with out=, in turns with a copy there, by the GPU's clock; without a GPU, asv leaves them out.

    asv run --environment existing:same --set-commit-hash "$(git rev-parse HEAD)" --bench '^cuda'

asv's own environments lack numba-cuda: the figures come from the one that asv itself runs in.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import fastact
from benchmarks.calls import names_with
from fastact._command_line.operands import LOSS_SHAPES, loss_operands, operation
from fastact._command_line.timing import best_in_turns

SIZE = 1 << 24  # elements
ROWS = ((1 << 20, 16), (65_536, 1024), (512, 131_072))
SECONDS = 0.2


def required_gpu() -> Any:
    """Give the module that times a GPU; asv leaves a benchmark out where there is none, or the commit knows of none."""
    try:
        from fastact._command_line import gpu

        gpu.require()
    except (ImportError, ValueError) as error:
        raise NotImplementedError(str(error)) from None
    return gpu


def relative_time(gpu: Any, call: Callable[[], Any], size: int) -> float:
    """Time a call in turns with a copy of as many bytes, and return the ratio of the best of many times."""
    best = best_in_turns({"call": call, "copy": gpu.copy_of(size)}, SECONDS, timer=gpu.timer)
    return best["call"] / best["copy"]


class _Operation:
    """One direction of one activation, which `setup` prepares."""

    unit = "times a copy"

    def prepare(self, name: str, direction: str, size: int, *row: int) -> None:
        self.gpu = required_gpu()
        self.operation = operation(name, direction, size, "float32", self.gpu.numba_arrays(), *row)

    def track_relative_time(self, *parameters: Any) -> float:
        timed = self.operation
        return relative_time(self.gpu, timed.into_result, self.gpu.moved(*timed.operands, timed.result))


class _Calls(_Operation):
    """One direction of all activations that have it."""

    direction: ClassVar[str]
    param_names = ("name",)

    def setup(self, name: str) -> None:
        self.prepare(name, self.direction, SIZE)


class Value(_Calls):
    """The activation itself."""

    direction = "value"
    params = (names_with("value"),)


class Derivative(_Calls):
    """The derivative."""

    direction = "derivative"
    params = (names_with("derivative"),)


class Backward(_Calls):
    """The gradient times the derivative."""

    direction = "backward"
    params = (names_with("backward"),)


class Rows(_Operation):
    """Functions along an axis, from many short rows to few long ones."""

    params = (fastact.names("axiswise"), ROWS, ("value", "backward"))
    param_names = ("name", "shape", "direction")

    def setup(self, name: str, shape: tuple[int, int], direction: str) -> None:
        rows, row = shape
        self.prepare(name, direction, rows * row, row)


class Loss:
    """The losses and their gradients; labels are on the GPU, too."""

    params = (fastact.names("loss"), LOSS_SHAPES, ("value", "value_and_gradient", "backward"))
    param_names = ("name", "shape", "direction")
    unit = "times a copy"

    def setup(self, name: str, shape: tuple[int, int], direction: str) -> None:
        self.gpu = required_gpu()
        logits, labels = map(self.gpu.numba_arrays().from_numpy, loss_operands(name, shape, "float32"))
        loss = fastact.get(name)
        function = loss if direction == "value" else getattr(loss, direction)
        self.call = partial(function, *[1.0] * (direction == "backward"), logits, labels)
        self.size = self.gpu.moved(logits, labels, *[logits] * (direction != "value"))

    def track_relative_time(self, *parameters: Any) -> float:
        return relative_time(self.gpu, self.call, self.size)
