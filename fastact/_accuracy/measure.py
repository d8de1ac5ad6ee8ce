"""Measure cases: every number of a narrow format against the float64 kernel, float64 against mpmath."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

import fastact
from fastact._accuracy.cases import Array, Case, numpy_dtype
from fastact._accuracy.points import numbers, sample
from fastact._accuracy.ulps import FORMATS, ulp_errors
from fastact._definition import SECOND_DERIVATIVE_NEIGHBOURS

CHUNK = 1 << 15  # numbers whose results and references stay in a core's own cache
EXACT_CHUNK = 250  # points of mpmath, some 20 ms
SAMPLED = 500_000
OURS = "fastact"

Evaluate = Callable[[Array], Array]
Advance = Callable[[int], None]


@dataclass
class Measurement:
    """The worst that was found.

    Attributes
    ----------
    case : Case
        What was measured.
    points : int
        At how many inputs.
    every : bool
        Whether those are all there are.
    ulp : float
        The worst error; NaN where a result is NaN and should not be, or the other way round.
    x, got, expected : float
        Where, what came out and what should have; `expected` has float64's digits.
    broken : dict
        Other promises that results break, each with an example: ``"range"``, ``"monotone"``, ``"odd"``.
    library : str
        Whose results they are.
    """

    case: Case
    points: int = 0
    every: bool = False
    ulp: float = 0.0
    x: float = 0.0
    got: float = 0.0
    expected: float = 0.0
    broken: dict[str, str] = field(default_factory=dict)
    library: str = OURS

    @property
    def holds(self) -> bool:
        """Whether all promises hold."""
        return self.ulp <= self.case.bound and not self.broken

    def join(self, other: Measurement) -> None:
        """Take in what was found elsewhere."""
        self.points += other.points
        self.broken = other.broken | self.broken
        if not other.ulp <= self.ulp and self.ulp == self.ulp:  # NaN is worst
            self.ulp, self.x, self.got, self.expected = other.ulp, other.x, other.got, other.expected


# --- what to measure at -----------------------------------------------------------------------------


class EveryNumber:
    """All bit patterns of a format, NaNs included, in ascending order.

    Parameters
    ----------
    dtype : str
        Of 16 or 32 bits.
    """

    def __init__(self, dtype: str) -> None:
        self._dtype = numpy_dtype(dtype)
        self._half = 1 << (8 * self._dtype.itemsize - 1)

    def __len__(self) -> int:
        return 2 * self._half

    def part(self, start: int, stop: int) -> Array:
        """Give the numbers of these places."""
        return numbers(np.arange(start - self._half, min(stop, len(self)) - self._half), self._dtype)


class Chosen:
    """Some numbers, in ascending order; infinities and a NaN are added.

    Parameters
    ----------
    x : ndarray
        The numbers.
    """

    def __init__(self, x: Array) -> None:
        ends = np.array([-np.inf, np.inf, np.nan], x.dtype)
        self._x = np.concatenate([ends[:1], x, ends[1:]])

    def __len__(self) -> int:
        return self._x.size

    def part(self, start: int, stop: int) -> Array:
        """Give the numbers of these places."""
        return self._x[start:stop]


def points_of(case: Case, exhaustive: bool, seed: int = 1) -> EveryNumber | Chosen:
    """Choose points for a case in a narrow format: all of them in 16 bits, and in 32 if asked for."""
    if exhaustive or numpy_dtype(case.dtype).itemsize == 2:
        return EveryNumber(case.dtype)
    return Chosen(sample(case.evaluate, numpy_dtype(case.dtype), SAMPLED, seed))


# --- narrow formats, against float64 ----------------------------------------------------------------


def measure_narrow(
    case: Case,
    points: EveryNumber | Chosen,
    advance: Advance = lambda amount: None,
    evaluate: Evaluate | None = None,
    chunk: int = CHUNK,
) -> Measurement:
    """Measure a case in at most 32 bits against the float64 kernel, whose own error is 2**-28 of these ULP.

    Parameters
    ----------
    case : Case
        What to measure.
    points : EveryNumber or Chosen
        Where; neighbours are compared where the results must not fall.
    advance : callable
        Told how many points are done, now and then.
    evaluate : callable, optional
        What to measure in place of the case's own kernel; it runs on this thread alone.
    chunk : int
        How many points to do at a time.
    """
    total = Measurement(case, every=isinstance(points, EveryNumber))

    def measure_part(start: int) -> Measurement:
        x = points.part(start, start + chunk + 1)  # one more: it is compared with its neighbour
        with np.errstate(all="ignore"):  # signalling NaNs
            return _measure_chunk(case, x, evaluate)

    starts = range(0, len(points), chunk)
    with _own_threads(1 if evaluate else fastact.get_num_threads()) as pool:
        for part in _in_order(pool, measure_part, starts):
            total.join(part)
            advance(chunk)
    total.points = len(points)
    return total


def _measure_chunk(case: Case, x: Array, evaluate: Evaluate | None) -> Measurement:
    y = (evaluate or case.evaluate)(x)
    exact, scale = reference(case, x)
    errors = ulp_errors(y, exact, scale)
    worst = int(errors.argmax())
    found = Measurement(case, x.size, False, float(errors[worst]), float(x[worst]), float(y[worst]))
    found.expected = float(exact[worst])
    if evaluate is None:
        found.broken = dict(_broken_promises(case, x, y))
    return found


def reference(case: Case, x: Array) -> tuple[Array, Array | None]:
    """Give the float64 kernel's results at `x`, and the numbers whose spacing is the unit, where it is another."""
    wide = x.astype(np.float64)
    exact = case.evaluate(wide)
    if case.direction != "second_derivative":
        return exact, None
    around = [abs(case.evaluate(factor * wide)) for factor in SECOND_DERIVATIVE_NEIGHBOURS]
    return exact, np.maximum(abs(exact), np.minimum(*around))


def _in_order(pool: Executor, function: Callable[[int], Measurement], starts: range) -> Iterator[Measurement]:
    """Map with few results waiting: a hundred thousand futures at once would be slow."""
    step = 64
    for first in range(0, len(starts), step):
        yield from pool.map(function, starts[first : first + step])


@contextmanager
def _own_threads(count: int) -> Iterator[Executor]:
    """Give a pool whose threads call kernels that stay on one thread each."""
    before = fastact.get_num_threads()
    fastact.set_num_threads(1)
    try:
        with ThreadPoolExecutor(count) as pool:
            yield pool
    finally:
        fastact.set_num_threads(before)


# --- promises other than accuracy -------------------------------------------------------------------


def _broken_promises(case: Case, x: Array, y: Array) -> Iterator[tuple[str, str]]:
    """Look at results at ascending `x`, all of one sign; tell of the first that breaks each promise."""
    low, high = permitted_range(case)
    outside = (y < low) | (y > high)
    if outside.any():
        first = int(outside.argmax())
        yield "range", f"outside its range: {float(y[first])!r} at {float(x[first])!r}"
    if case.is_monotone:
        falls = y[1:] < y[:-1]
        if falls.any():
            first = int(falls.argmax())
            yield "monotone", f"falls from {float(y[first])!r} to {float(y[first + 1])!r} at {float(x[first])!r}"
    if case.is_odd and x[-1] >= 0:  # numbers below zero are the others' mirror images
        differs = (case.evaluate(-x) != -y) & (y == y)
        if differs.any():
            first = int(differs.argmax())
            yield "odd", f"not odd: {float(y[first])!r} at {float(x[first])!r}, but not its negative at the negative"


def permitted_range(case: Case) -> tuple[float, float]:
    """Give the bounds of results: those of few digits are exact, others may be rounded, and missed by the accuracy."""
    precision, lowest, _ = FORMATS[case.dtype]
    bounds = []
    for sign, bound in zip((-1, 1), case.range, strict=True):
        if float(np.float16(bound)) != bound:
            ulp = 2.0 ** (max(int(np.frexp(bound)[1]) - 1, lowest) - precision + 1)
            bound += sign * (case.bound + 0.5) * ulp
        bounds.append(bound)
    return bounds[0], bounds[1]


# --- float64, against mpmath ------------------------------------------------------------------------


def measure_exactly(
    case: Case,
    count: int,
    seed: int,
    pool: Executor | None,
    others: Sequence[Evaluate] = (),
    advance: Advance = lambda amount: None,
) -> list[Measurement]:
    """Measure a float64 case, and what others compute in its place, against mpmath.

    Parameters
    ----------
    case : Case
        What to measure.
    count, seed : int
        About how many points to take, and which.
    pool : Executor or None
        Processes to share the work.
    others : sequence of callable
        More to measure, at the same points.
    advance : callable
        Told how many points are done, now and then.
    """
    from fastact._accuracy.exact_errors import worst_errors

    x = sample(case.evaluate, np.float64, count, seed)
    results = [evaluate(x) for evaluate in (case.evaluate, *others)]
    totals = [Measurement(case, x.size, False) for _ in results]
    for side in (x < 0, x >= 0):
        totals[0].broken |= _broken_promises(case, x[side], results[0][side])
    parts = [slice(start, start + EXACT_CHUNK) for start in range(0, x.size, EXACT_CHUNK)]
    arguments = (case.name, case.exact_parameters, case.order, case.bound)
    jobs = [(*arguments, x[part].tolist(), [result[part].tolist() for result in results]) for part in parts]
    columns = zip(*jobs, strict=True)
    done = map(worst_errors, *columns) if pool is None else pool.map(worst_errors, *columns)
    for part, found in zip(parts, done, strict=True):
        for total, result, (error, index, expected) in zip(totals, results, found, strict=True):
            if error > total.ulp:
                place = part.start + index
                total.ulp, total.x, total.got, total.expected = error, x[place], result[place], float(expected)
        advance(EXACT_CHUNK)
    return totals


@contextmanager
def exact_pool() -> Iterator[Executor]:
    """Start processes for `measure_exactly`."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    from fastact._accuracy.exact_errors import leave_interruptions_to_parent

    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(os.cpu_count(), context, leave_interruptions_to_parent)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
