"""What is known of an activation, in words: for the command line, notebooks and the gallery."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import fastact
from fastact._definition import Definition, Parameter, registry

_UFUNC_KEYWORDS = ("out", "where", "dtype", "casting", "order", "subok", "signature")
_INFINITY = math.inf
_STEPS = (1e-3, 1.0, 30.0, 1e3)  # from a kink into the unbounded piece beside it

Interval = tuple[float, float]


def call(name: str) -> str:
    """Spell the call with its defaults, such as ``elu(x, alpha=1)``, and without NumPy's own keywords."""
    activation = fastact.get(name)
    exact = {p.name: p.exact_default for p in activation.info.parameters if p.exact_default is not None}
    spelled = [
        keyword + _default(parameter.default, exact.get(keyword))
        for keyword, parameter in inspect.signature(activation).parameters.items()
        if keyword not in _UFUNC_KEYWORDS and parameter.kind is not parameter.VAR_KEYWORD
    ]
    return f"{name}({', '.join(spelled)})"


def _default(default: Any, exact: Fraction | None) -> str:
    if default is inspect.Parameter.empty:
        return ""
    if isinstance(default, float):
        return f"={exact or format(default, 'g')}"
    return f"={default!r}"


def interval(bounds: tuple[float, float] | None) -> str:
    """Write a range for people."""
    return f"{text(bounds[0])} … {text(bounds[1])}" if bounds else ""


def text(value: Any) -> str:
    """Write a field's value for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}".replace("inf", "∞").replace("-", "−")
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {text(entry)}" for key, entry in value.items())
    if isinstance(value, Parameter):
        return f"{value.name}: {value.meaning}"
    if isinstance(value, tuple):
        return ", ".join(text(entry) for entry in value)
    return str(value)


def facts(definition: Definition) -> Iterator[tuple[str, list[str]]]:
    """Go through what a person wants to know first: headings, and what there is to say under each."""
    for heading, lines in (
        ("Range", [interval(definition.range)]),
        ("Range of the derivative", [interval(definition.derivative_range)]),
        ("Domain", [] if definition.domain == (-_INFINITY, _INFINITY) else [interval(definition.domain)]),
        ("Limits", list(_limits(definition))),
        ("Kinks", _kinks(definition)),
        ("Saturation", [definition.saturation]),
        ("Gradient", list(_gradient(definition))),
        ("Shape", _shape(definition)),
        ("Parameters", [_parameter(parameter) for parameter in definition.parameters]),
        ("Use", [definition.use]),
        ("Avoid", [definition.avoid]),
        ("Papers", list(definition.papers)),
        ("Also called", [", ".join(definition.aliases)] if definition.aliases else []),
        ("Other defaults elsewhere", list(presets(definition))),
    ):
        if lines:
            yield heading, lines


def _limits(definition: Definition) -> Iterator[str]:
    for direction, symbol in (("value", "f"), ("derivative", "f′"), ("second_derivative", "f″")):
        ends = definition.limits.get(direction, (math.nan, math.nan))
        if not any(map(math.isnan, ends)):
            yield f"{symbol} → {text(ends[0])} at −∞, {text(ends[1])} at ∞"


def _kinks(definition: Definition) -> list[str]:
    places = zip(definition.kinks, definition.derivative_at_kinks, strict=True)
    lines = [f"at {text(kink)}, where f′ is taken to be {text(slope)}" for kink, slope in places]
    if definition.bends:
        lines.append(f"only f″ jumps at {text(definition.bends)}")
    if definition.kind == "elementwise" and not lines:
        lines.append("none: smooth")
    return lines


def _gradient(definition: Definition) -> Iterator[str]:
    """What follows from the formulas, for what works on each element."""
    if definition.kind != "elementwise":
        return
    dead = dead_intervals(definition)
    yield f"exactly 0 {_in_words(dead)}: units can die" if dead else "exactly 0 on no interval: units do not die"
    ends = zip(definition.limits["derivative"], (-_INFINITY, _INFINITY), strict=True)
    vanishing = [side for slope, side in ends if slope == 0.0 and not any(side in interval for interval in dead)]
    if vanishing:
        yield f"vanishes towards {' and '.join(map(text, vanishing))}"


def _in_words(intervals: Sequence[Interval]) -> str:
    if intervals == [(-_INFINITY, _INFINITY)]:
        return "everywhere"
    words = []
    for low, high in intervals:
        if low == -_INFINITY:
            words.append(f"for x < {text(high)}")
        elif high == _INFINITY:
            words.append(f"for x > {text(low)}")
        else:
            words.append(f"for {text(low)} < x < {text(high)}")
    return " and ".join(words)


def dead_intervals(definition: Definition) -> list[Interval]:
    """Find where the derivative is exactly 0 between kinks, bends and infinity, of an element-wise activation."""
    parameters = [parameter.default for parameter in definition.parameters]
    places = sorted({place for place in (*definition.kinks, *definition.bends) if math.isfinite(place)})
    if not places and definition.derivative_range != (0.0, 0.0):
        return []  # what is 0 far out then has but underflowed
    found: list[Interval] = []
    for low, high in itertools.pairwise((-_INFINITY, *places, _INFINITY)):
        if all(definition.formulas["derivative"](x, *parameters) == 0.0 for x in _within(low, high)):
            joins = bool(found) and found[-1][1] == low
            found[-1:] = [(found[-1][0], high)] if joins else [*found[-1:], (low, high)]
    return found


def _within(low: float, high: float) -> list[float]:
    """Points of an interval, of which at least one is no zero of a formula that has zeros there."""
    if math.isfinite(low) and math.isfinite(high):
        return [low + share * (high - low) for share in (0.01, 0.3, 0.55, 0.99)]
    start = low if math.isfinite(low) else high if math.isfinite(high) else 0.0
    return [start + (step if math.isinf(high) else -step) for step in _STEPS]


def _shape(definition: Definition) -> list[str]:
    if definition.kind != "elementwise":
        return []
    low, high = definition.range
    if definition.odd:
        centre = "odd, so zero-centred"
    elif low >= 0.0 or high <= 0.0:
        centre = f"never {'negative' if low >= 0.0 else 'positive'}, so not zero-centred"
    else:
        centre = "of both signs"
    return [f"{'monotone' if definition.monotone else 'not monotone'}; {centre}"]


def _parameter(parameter: Parameter) -> str:
    default = _default(parameter.default, parameter.exact_default)[1:]
    bound = f" ({parameter.bound})" if parameter.bound else ""
    return f"{parameter.name} = {default}{bound}: {parameter.meaning}"


def presets(definition: Definition) -> Iterator[str]:
    """What `fastact.compat` has of this activation, under other libraries' names and with their defaults."""
    from fastact.compat import PRESETS

    for preset in PRESETS:
        if registry[preset.activation] is definition:
            defaults = ", ".join(f"{name}={value.default!r}" for name, value in preset.parameters.items())
            yield f"compat.{preset.library}.{preset.name}: {defaults}"
