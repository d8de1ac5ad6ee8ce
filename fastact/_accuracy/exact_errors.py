"""Worst errors of float64 results against mpmath. Imports no Numba: processes that share the work start fast."""

from __future__ import annotations

import math
import signal
from collections.abc import Sequence
from fractions import Fraction

from mpmath import isfinite, mpf

from fastact._accuracy.reference import compute, ulp_error
from fastact._definition import SECOND_DERIVATIVE_NEIGHBOURS

Worst = tuple[float, int, str]  # error in ULP, index of its input (-1: none), the exact result


class Exact:
    """The exact results of one direction of one activation.

    Parameters
    ----------
    name, parameters, order
        As `reference.exact` takes them.
    """

    def __init__(self, name: str, parameters: Sequence[float | Fraction], order: int) -> None:
        self.name, self.parameters, self.order = name, tuple(parameters), order

    def at(self, x: float | Fraction) -> mpf:
        """The result at `x`."""
        return compute(self.name, (x, *self.parameters), self.order)

    def error(self, x: float, got: float, at_least: float, bound: float, dtype: str) -> tuple[float, mpf]:
        """The error of `got` in ULP, and the exact result; an error below `at_least` may come out too large.

        A derivative beside a kink is right on either side, at the kink itself it is a convention: no error above
        `bound` there.
        """
        expected = self.at(x)
        error = ulp_error(got, expected, dtype)
        if math.isnan(got):
            return error, expected
        if error > at_least and self.order == 2:
            around = [abs(self.at(Fraction(factor) * Fraction(x))) for factor in SECOND_DERIVATIVE_NEIGHBOURS]
            error = ulp_error(got, expected, dtype, max(abs(expected), min(around)))
        if error > bound and self.order and self.is_kink(x):
            error = 0.0
        return error, expected

    def is_kink(self, x: float) -> bool:
        """Whether the result jumps at `x`, or is not defined on one side.

        Where it jumps, the difference of its two sides does not shrink with their distance.
        """
        jumps = []
        for bits in (60, 120) if x else (600, 1100):
            step = Fraction(1, 2**bits)
            sides = [Fraction(x) * (1 + side) if x else side for side in (-step, step)]
            jumps.append(abs(self.at(sides[1]) - self.at(sides[0])))
        return not all(map(isfinite, jumps)) or bool(jumps[1] > jumps[0] / 2)


def leave_interruptions_to_parent() -> None:
    """Let Ctrl-C reach the process that has started this one, which then ends both."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def worst_errors(
    name: str,
    parameters: Sequence[float | Fraction],
    order: int,
    bound: float,
    x: Sequence[float],
    results: Sequence[Sequence[float]],
) -> list[Worst]:
    """Find the worst error in each of `results`, which several libraries got at `x` in float64."""
    exact, worst = Exact(name, parameters, order), [(-1.0, -1, "")] * len(results)
    for index, point in enumerate(x):
        for library, got in enumerate(results):
            error, expected = exact.error(point, got[index], worst[library][0], bound, "float64")
            if error > worst[library][0]:
                worst[library] = (error, index, str(expected))
    return worst
