"""Curves of activations, sampled closely where they bend: what plots, notebooks and the gallery draw.

Formulas run as plain Python here, so that a sketch waits for no compiler.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fastact._command_line import plain
from fastact._definition import REQUIRED_FORMULAS as DIRECTIONS
from fastact._definition import Definition, registry
from fastact._subject import Subject

Point = tuple[float, float]
Interval = tuple[float, float]

_REACH = 4.0  # of the interval, on either side, unless kinks lie farther out
_KINK_MARGIN = 1.25
_LEAST_HEIGHT = 5.0  # what grows beyond this, or beyond most of the interval's length, runs out of the picture
_HEIGHT_PER_LENGTH = 0.75
_FIRST_CUTS = 32  # enough that a wave of some periods shows, and then is cut further
_MOST_HALVINGS = 6
_FLAT = 1e-4  # of the height: how far a curve may be from its chords
_STRAIGHT = 0.02  # of that: what is so near to a chord can go
_BESIDE = 1e-9  # of the interval's length: how near to a kink its sides are looked at
_JUMP = 1e-6  # of the height


@dataclass(frozen=True)
class Graph:
    """A function of one number, with its derivatives.

    Attributes
    ----------
    label : str
        What it is.
    directions : mapping
        ``"value"`` and derivatives to functions of a float.
    kinks, bends : tuple of float
        Where the value or the derivative, or only the second derivative, may jump.
    domain : tuple of float
        Where it is defined.
    """

    label: str
    directions: Mapping[str, Callable[[float], float]]
    kinks: tuple[float, ...] = ()
    bends: tuple[float, ...] = ()
    domain: Interval = (-math.inf, math.inf)


@dataclass(frozen=True)
class Curve:
    """A sampled curve.

    Attributes
    ----------
    pieces : tuple
        Runs of points without a jump.
    ends : tuple of (float, float)
        Where it comes to on either side of a jump.
    marks : tuple of (float, float)
        What it is at jumps, and at kinks of the value.
    """

    pieces: tuple[tuple[Point, ...], ...]
    ends: tuple[Point, ...]
    marks: tuple[Point, ...]


def graphs(subject: Subject) -> tuple[Graph, ...]:
    """Find what there is to draw of an activation: itself, or the halves that it gives, or what its gate goes through.

    Raises
    ------
    ValueError
        If it is no function of one number.
    """
    definition = subject.definition
    if definition.kind == "elementwise":
        return (_elementwise(definition, subject.parameters, subject.label),)
    if definition.kind == "gated":
        gate = registry[definition.gate]
        defaults = [parameter.default for parameter in gate.parameters]
        return (_elementwise(gate, defaults, f"{subject.label}'s gate, {gate.name}"),)
    if definition.kind == "joined":
        return tuple(_half(definition, half) for half in (0, 1))
    what = "a loss of logits and labels" if definition.kind == "loss" else "each result hangs on a whole row of x"
    raise ValueError(f"{definition.name} has no curve: it is no function of one number ({what})")


def row_graphs(definition: Definition) -> tuple[Graph, ...]:
    """Find what there is to draw of a function along an axis: its results for the row (x, 0), where NumPy has it."""
    formula = plain.VALUES.get(definition.name)
    if formula is None or definition.kind != "axiswise":
        return ()

    def result(index: int, x: float) -> float:
        return float(formula(np.array([[x, 0.0]])).flat[index])

    count = formula(np.zeros((1, 2))).size
    names = ("result",) if count == 1 else ("first result", "second result")
    return tuple(
        Graph(f"{name} for the row (x, 0)", {"value": functools.partial(result, index)})
        for index, name in enumerate(names)
    )


def _elementwise(definition: Definition, parameters: Sequence[float], label: str) -> Graph:
    def at(formula: Callable[..., float], x: float) -> float:
        try:
            return float(formula(x, *parameters))
        except (ArithmeticError, ValueError):  # what compiled code gives infinity or NaN for
            return math.nan

    directions = {name: functools.partial(at, definition.formulas[name]) for name in DIRECTIONS}
    return Graph(label, directions, definition.kinks_at(parameters), definition.bends_at(parameters), definition.domain)


def _half(definition: Definition, half: int) -> Graph:
    grads = (1.0, 0.0) if half == 0 else (0.0, 1.0)
    return Graph(
        f"{definition.name}, {('first', 'second')[half]} half",
        {
            "value": lambda x: float(definition.formulas["value"](x)[half]),
            "derivative": lambda x: float(definition.formulas["backward"](*grads, x)),
        },
        definition.kinks,
        definition.bends,
    )


def default_interval(shown: Sequence[Graph]) -> Interval:
    """Choose an interval that shows what is worth seeing of all graphs."""
    breaks = [place for graph in shown for place in (*graph.kinks, *graph.bends) if math.isfinite(place)]
    reach = max([_REACH, *(_KINK_MARGIN * abs(place) for place in breaks)])
    low = -reach if min(breaks, default=0.0) * _KINK_MARGIN < -_REACH else -_REACH
    high = reach if max(breaks, default=0.0) * _KINK_MARGIN > _REACH else _REACH
    return max(low, min(graph.domain[0] for graph in shown)), min(high, max(graph.domain[1] for graph in shown))


def height(interval: Interval) -> float:
    """Say how far up and down a picture goes at most."""
    return max(_LEAST_HEIGHT, _HEIGHT_PER_LENGTH * (interval[1] - interval[0]))


def view(curves: Sequence[Curve], interval: Interval) -> Interval:
    """Choose the vertical range of a picture of curves."""
    most = height(interval)
    inside = [y for curve in curves for piece in curve.pieces for _, y in piece if math.isfinite(y)]
    low, high = max(min(inside, default=0.0), -most), min(max(inside, default=0.0), most)
    margin = 0.06 * (high - low) if high > low else 1.0
    return low - margin, high + margin


def curve(graph: Graph, direction: str, interval: Interval) -> Curve:
    """Sample one direction of a graph on an interval."""
    function = graph.directions[direction]
    low, high = max(interval[0], graph.domain[0]), min(interval[1], graph.domain[1])
    if not low < high:
        return Curve((), (), ())
    beside, most = _BESIDE * (high - low), height(interval)
    tolerance = _FLAT * most
    breaks = sorted({place for place in (*graph.kinks, *graph.bends) if low < place < high})
    pieces: list[list[Point]] = []
    ends: list[Point] = []
    marks: list[Point] = []
    for start, stop in itertools.pairwise((low, *breaks, high)):
        left, right = start + beside, stop - beside
        run = list(_samples(function, left, right, most, tolerance))
        jumps = bool(pieces) and abs(run[0][1] - pieces[-1][-1][1]) > _JUMP * most
        if jumps:
            ends += [(start, pieces[-1][-1][1]), (start, run[0][1])]
        if jumps or (pieces and direction == "value" and start in graph.kinks):
            marks.append((start, function(start)))
        if pieces and not jumps:
            pieces[-1] += run
        else:
            pieces.append(run)
    whole = [tuple(_thinned(part, _STRAIGHT * tolerance)) for piece in pieces for part in _finite_parts(piece)]
    return Curve(tuple(whole), tuple(ends), tuple(marks))


def _samples(
    function: Callable[[float], float], low: float, high: float, most: float, tolerance: float
) -> Iterator[Point]:
    """Go along a smooth piece, in steps that are short where it bends."""
    step = (high - low) / _FIRST_CUTS
    before = (low, function(low))
    yield before
    for cut in range(1, _FIRST_CUTS + 1):
        x = high if cut == _FIRST_CUTS else low + cut * step
        after = (x, function(x))
        yield from _between(function, before, after, most, tolerance, _MOST_HALVINGS)
        before = after


def _between(
    function: Callable[[float], float], before: Point, after: Point, most: float, tolerance: float, halvings: int
) -> Iterator[Point]:
    """Give the points after one point, up to and with another."""
    x = 0.5 * (before[0] + after[0])
    middle = (x, function(x))
    out_of_sight = min(before[1], after[1]) > 2.0 * most or max(before[1], after[1]) < -2.0 * most
    flat = abs(middle[1] - 0.5 * (before[1] + after[1])) <= tolerance
    nowhere = all(math.isnan(y) for _, y in (before, middle, after))
    if flat or out_of_sight or nowhere or not halvings:
        yield after
    else:
        yield from _between(function, before, middle, most, tolerance, halvings - 1)
        yield from _between(function, middle, after, most, tolerance, halvings - 1)


def _finite_parts(piece: Sequence[Point]) -> Iterator[tuple[Point, ...]]:
    """Leave out what is not finite, and cut a piece there."""
    for finite, part in itertools.groupby(piece, key=lambda point: math.isfinite(point[1])):
        if finite:
            yield tuple(part)


def _thinned(part: Sequence[Point], tolerance: float) -> Iterator[Point]:
    """Leave out the points within straight stretches."""
    kept = part[0]
    yield kept
    for point, after in itertools.pairwise(part[1:]):
        if after[0] <= kept[0]:  # an interval of few floats
            continue
        share = (point[0] - kept[0]) / (after[0] - kept[0])
        if abs(kept[1] + share * (after[1] - kept[1]) - point[1]) > tolerance:
            kept = point
            yield kept
    if len(part) > 1:
        yield part[-1]
