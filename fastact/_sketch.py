"""Small drawings of activations in SVG, for notebooks and the gallery: they need nothing but a browser.

Curves are written in the coordinates of the functions, in a plane with a viewBox of its own. What shows them may draw
them into another plane, and styles them by their classes; attributes are for where there is no style sheet.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from html import escape

from fastact._curves import Curve, Graph, Interval, Point, curve, default_interval, graphs, row_graphs, view
from fastact._definition import Definition, registry
from fastact._subject import subject

_WIDTH, _HEIGHT = 320, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 26, 8, 8, 18  # what the plane leaves to numbers
_TICKS = 5  # at most about as many, on each axis
_STEPS = (1.0, 2.0, 5.0, 10.0)

# Colours that show on light and on dark; dashes tell the curves apart without them.
_STYLES = {
    "value": ("#2f7ed8", "none", 2.2),
    "derivative": ("#d9641e", "6 3", 1.8),
    "second_derivative": ("#3f9b6b", "1.5 3.5", 1.8),
    "value-2": ("#9a63c9", "9 3", 2.2),
    "derivative-2": ("#b08a1e", "4 2 1.5 2", 1.8),
}
_NAMES = {"value": "f", "derivative": "f′", "second_derivative": "f″"}


def drawn(definition: Definition) -> tuple[Graph, ...]:
    """Find what a sketch shows of an activation, its parameters being the defaults; nothing of a loss."""
    if definition.kind in ("axiswise", "loss"):
        return row_graphs(definition)
    return graphs(subject(definition.name))


def sketch(definition: Definition) -> str:
    """Draw an activation; return ``<svg>``, or nothing where there is no curve."""
    return _sketch(definition.name)


@functools.cache
def _sketch(name: str) -> str:
    definition = registry[name]
    shown = drawn(definition)
    if not shown:
        return ""
    interval = default_interval(shown)
    curves = {kind: curve(graph, name, interval) for kind, graph, name in _kinds(shown)}
    plane = _Plane(interval, view(list(curves.values()), interval))
    label = escape(f"curves of {definition.name}: " + ", ".join(text for _, text in legend(definition)), quote=True)
    return "".join(
        [
            f'<svg class="sketch" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
            f'role="img" aria-label="{label}" xmlns="http://www.w3.org/2000/svg">',
            *plane.grid(),
            plane.opening(),
            *(_path(kind, each) for kind, each in reversed(curves.items())),
            "</svg>",
            *(dot for kind, each in curves.items() for dot in plane.dots(kind, each)),
            "</svg>",
        ]
    )


def legend(definition: Definition) -> list[tuple[str, str]]:
    """Say what each kind of curve in a sketch is, in the order of importance."""
    shown = drawn(definition)
    entries = []
    for kind, graph, name in _kinds(shown):
        symbol = _NAMES[name] if len(graph.directions) > 1 else ""
        is_plain = graph.label == definition.name or (len(shown) == 1 and name != "value")
        entries.append((kind, symbol if is_plain else ": ".join(filter(None, (symbol, graph.label)))))
    return entries


def sample_of(kind: str) -> str:
    """Draw a short piece of a kind of curve, for a legend."""
    return f'<svg width="28" height="8" aria-hidden="true"><path {_style(kind)} d="M1,4H27"/></svg>'


def _kinds(shown: Sequence[Graph]) -> Iterator[tuple[str, Graph, str]]:
    """Go through the curves of all graphs, each of a kind that tells how it is drawn."""
    for number, graph in enumerate(shown):
        for name in graph.directions:
            yield (name if number == 0 else f"{name}-2"), graph, name


class _Plane:
    """The part of a sketch that curves are drawn in."""

    def __init__(self, x: Interval, y: Interval) -> None:
        self._x, self._y = x, y
        self._width, self._height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def opening(self) -> str:
        """Begin the inner ``<svg>``, whose coordinates are the functions', with y downwards."""
        box = f"{_number(self._x[0])} {_number(-self._y[1])} {_number(self._x[1] - self._x[0])} "
        return (
            f'<svg class="plane" x="{_LEFT}" y="{_TOP}" width="{self._width}" height="{self._height}" '
            f'viewBox="{box}{_number(self._y[1] - self._y[0])}" preserveAspectRatio="none">'
        )

    def grid(self) -> Iterator[str]:
        """Draw lines at round numbers, and the numbers."""
        low, right = _TOP + self._height, _LEFT + self._width
        for value in ticks(self._x):
            x, _ = self._place((value, 0.0))
            yield f'<path {_rule(value)} d="M{x:.1f},{_TOP}V{low}"/>'
            yield _text(value, x, low + 12, "middle")
        for value in ticks(self._y):
            _, y = self._place((0.0, value))
            yield f'<path {_rule(value)} d="M{_LEFT},{y:.1f}H{right}"/>'
            yield _text(value, _LEFT - 4, y + 3, "end")

    def dots(self, kind: str, drawn: Curve) -> Iterator[str]:
        """Mark what a curve is at its jumps and kinks, and the ends where it is not."""
        colour = _STYLES[kind][0]
        looks = ((drawn.ends, "end", f'fill="none" stroke="{colour}"'), (drawn.marks, "mark", f'fill="{colour}"'))
        for points, word, look in looks if not kind.startswith("second") else ():
            for point in points:
                if self._y[0] <= point[1] <= self._y[1]:
                    x, y = self._place(point)
                    data = f'data-x="{_number(point[0])}" data-y="{_number(point[1])}"'
                    yield f'<circle class="{kind} {word}" {look} cx="{x:.1f}" cy="{y:.1f}" r="2.6" {data}/>'

    def _place(self, point: Point) -> Point:
        x = _LEFT + self._width * (point[0] - self._x[0]) / (self._x[1] - self._x[0])
        return x, _TOP + self._height * (self._y[1] - point[1]) / (self._y[1] - self._y[0])


def ticks(bounds: Interval) -> list[float]:
    """Choose round numbers within bounds."""
    rough = (bounds[1] - bounds[0]) / _TICKS
    unit = 10.0 ** math.floor(math.log10(rough))
    step = unit * next(step for step in _STEPS if step * unit >= rough * (1.0 - 1e-9))
    return [index * step for index in range(math.ceil(bounds[0] / step), math.floor(bounds[1] / step) + 1)]


def _rule(value: float) -> str:
    look = 'class="axis" stroke-opacity=".55"' if value == 0.0 else 'class="rule" stroke-opacity=".15"'
    return f'{look} stroke="currentColor" fill="none"'


def _text(value: float, x: float, y: float, anchor: str) -> str:
    look = 'class="tick" fill="currentColor" fill-opacity=".7" font-size="10" font-family="sans-serif"'
    return f'<text {look} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{_number(value).replace("-", "−")}</text>'


def _path(kind: str, drawn: Curve) -> str:
    runs = ("M" + " ".join(f"{_number(x)},{_number(-y)}" for x, y in piece) for piece in drawn.pieces)
    return f'<path {_style(kind)} d="{"".join(runs)}"/>'


def _style(kind: str) -> str:
    colour, dashes, width = _STYLES[kind]
    return (
        f'class="{kind}" fill="none" stroke="{colour}" stroke-dasharray="{dashes}" stroke-width="{width}" '
        'stroke-linejoin="round" vector-effect="non-scaling-stroke"'
    )


def _number(value: float) -> str:
    """Write a coordinate, no finer than is seen."""
    return f"{value + 0.0:.4g}" if abs(value) >= 5e-5 else "0"
