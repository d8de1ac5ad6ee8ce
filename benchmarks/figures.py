"""Figures that mean the same on every machine, noisy ones included. For all of them less is better."""

from __future__ import annotations

import tracemalloc

import numpy as np

import fastact
from benchmarks.calls import names_with
from fastact._accuracy.cases import DIRECTIONS, Case
from fastact._accuracy.measure import Measurement, measure_exactly, measure_narrow, points_of
from fastact._command_line import plain
from fastact._command_line.bench import calls, no_warnings
from fastact._command_line.operands import operation
from fastact._command_line.timing import best_in_turns

SIZE = 1_000_000  # elements
SIZE_OF_PLAIN = 100_000  # whose many temporaries stay in the cache: beyond it, they cost now more, now less
SECONDS = 0.5  # for the fastest of calls that take turns to come out the same on a busy machine, within a few percent
TRAINING = ("value", "backward")
EXACT_POINTS = 400
SEED = 2  # a sample of its own, beside that of `fastact audit`, but one: the same code gives the same figure


def relative_time(name: str, direction: str, size: int, ours: str, theirs: str) -> float:
    """Time one call in turns with another, and return the ratio of the best of many times.

    On one thread, as NumPy: where other processes keep the cores busy, threads that wait for each other wait long.
    """
    fastact.set_num_threads(1)
    every = calls(name, direction, operation(name, direction, size, "float32"))
    with no_warnings():
        best = best_in_turns({label: every[label] for label in (ours, theirs)}, SECONDS)
    return best[ours] / best[theirs]


class Copying:
    """The time of a call with out=, relative to that of np.copyto: 1 is as fast as copying."""

    params = (names_with("value"), TRAINING)
    param_names = ("name", "direction")
    unit = "times np.copyto"

    def track_relative_time(self, name: str, direction: str) -> float:
        return relative_time(name, direction, SIZE, "out", "copyto")


class PlainFormula:
    """The time of a call for a new result, relative to that of the formula written in NumPy, where there is one."""

    params = ([name for name in names_with("value") if all(plain.formula(name, each) for each in TRAINING)], TRAINING)
    param_names = ("name", "direction")
    unit = "times plain NumPy"

    def track_relative_time(self, name: str, direction: str) -> float:
        return relative_time(name, direction, SIZE_OF_PLAIN, "new", "plain")


class Error:
    """The worst error in a sample: of float32 against the float64 kernel, of float64 against mpmath."""

    params = (fastact.names("elementwise"), DIRECTIONS, ("float32", "float64"))
    param_names = ("name", "direction", "dtype")
    unit = "ULP"

    def track_worst(self, name: str, direction: str, dtype: str) -> float:
        found = self._measured(Case(name, direction, dtype))
        if found.broken or np.isnan(found.ulp):
            raise ArithmeticError(f"{name} {direction} {dtype}: {found}")  # no figure would stand out as much
        return found.ulp

    def _measured(self, case: Case) -> Measurement:
        if case.dtype == "float64":
            return measure_exactly(case, EXACT_POINTS, SEED, None)[0]
        return measure_narrow(case, points_of(case, exhaustive=False, seed=SEED))


class Memory:
    """The memory that a call takes at its height, beside its operands and its result."""

    params = (names_with("value"), TRAINING)
    param_names = ("name", "direction")
    unit = "bytes"

    def track_temporary(self, name: str, direction: str) -> int:
        timed = operation(name, direction, SIZE, "float32")
        timed.into_result()  # compiles
        tracemalloc.start()
        timed.into_result()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak
