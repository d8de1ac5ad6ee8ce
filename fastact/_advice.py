"""What a diagnosis suggests: alternatives that the registry's facts offer, tried on a sample of the data itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import fastact
from fastact._definition import Definition
from fastact._report import share, where
from fastact._streaming import SAMPLE, Sample, Subject

if TYPE_CHECKING:
    from fastact.diagnostics import Diagnosis

Array = NDArray[Any]

#: From these shares on there is advice. Of inputs around 0 a rectifier leaves half of the derivatives 0 by design.
DEAD, SATURATED = 0.6, 0.25
#: What scaled inputs are to bring the saturated share down to.
SATURATED_AFTER_SCALING = 0.05
#: A gradient that is this many times as long is worth a word.
GROWS = 2.0
#: What alternatives to a flat side are tried with.
SLOPES = (0.01, 0.1, 0.3)
_ALTERNATIVES = 2
_DIRECTIONS = ("value", "derivative")


def advice(subject: Subject, diagnosis: Diagnosis, sample: Sample) -> tuple[str, ...]:
    """Go through what can be wrong."""
    total = diagnosis.total
    if not total.count:
        return ()
    trial = _Trial(*sample.joined(), subject, diagnosis)
    found = [*_not_finite(total), *_dead(trial), *_saturated(trial), *_off_centre(trial)]
    if -total.gradient_lost > GROWS - 1:
        found.append(f"The gradient grows by a factor of {1 - total.gradient_lost:.3g}: through layers it explodes.")
    return tuple(found)


@dataclass
class _Trial:
    """The sample, or of it what belongs to the index at which a figure is worst."""

    x: Array
    grad: Array
    place: Array
    subject: Subject
    diagnosis: Diagnosis
    where: str = ""

    def at_worst(self, figure: str) -> tuple[float, _Trial]:
        """The highest of a figure's values, and a trial of that place alone."""
        values = np.asarray(getattr(self.diagnosis, figure))
        if np.isnan(values).all():
            return np.nan, self
        flat = int(np.nanargmax(values))
        if not self.diagnosis.axis:
            return float(values), self
        taken = self.place == flat
        index = np.unravel_index(flat, values.shape)
        text = f" at {where(self.diagnosis.axis, [int(i) for i in index])}"
        x, grad, place = (array[taken] for array in (self.x, self.grad, self.place))
        return float(values.flat[flat]), _Trial(x, grad, place, self.subject, self.diagnosis, text)

    def kept(self, other: Subject) -> float:
        """The share of the gradient's norm that an activation leaves; NaN where that is not known."""
        if other.constants is None:
            return np.nan
        grad = self.grad.astype(np.float64)
        with np.errstate(all="ignore"):
            product = grad * _derivative(other, self.x)
        finite = np.isfinite(product)
        whole = np.linalg.norm(grad[finite])
        return float(np.linalg.norm(product[finite]) / whole) if whole else np.nan

    def tried(self, candidates: list[Subject], at_least: float = 0.0) -> list[str]:
        """What candidates leave of the gradient, of those that leave more than that."""
        found = [(other, self.kept(other)) for other in candidates]
        least = 0.0 if np.isnan(at_least) else at_least
        return [f"{kept:.1%} by {_named(other)}" for other, kept in found if kept > least]

    def left_by(self, alternatives: list[str], layer: str = "") -> str:
        """A sentence about alternatives, if there are any."""
        if not alternatives:
            return ""
        kept = self.kept(self.subject)
        own = "" if np.isnan(kept) else f"{kept:.1%} by {self.subject.name}; "
        return f". Of the gradient's norm there is left{layer} {own}{', '.join(alternatives)}{self.on}"

    @property
    def on(self) -> str:
        """What all this is of, where it is not of everything."""
        return f" (on {len(self.x):,} random elements)" if self.diagnosis.total.count > SAMPLE else ""


def _derivative(subject: Subject, x: Array) -> Array:
    slope = fastact.get(subject.name).derivative(x, *subject.parameters)
    return np.asarray(slope, np.float64)


def _named(subject: Subject) -> str:
    """The activation with all its parameters: advice leaves no default to guess."""
    names = [parameter.name for parameter in subject.definition.parameters]
    given = ", ".join(f"{name}={value:.4g}" for name, value in zip(names, subject.parameters, strict=True))
    return f"{subject.name}({given})" if given else subject.name


# --- what there is to choose from -------------------------------------------------------------------


def _candidates(fits: Callable[[Definition], bool]) -> list[Subject]:
    """The element-wise activations that fit, with their defaults; none that is random or straight.

    What most libraries have comes first, and of equal ones the cheapest.
    """
    found = [
        info
        for info in (fastact.get(name).info for name in fastact.names("elementwise"))
        if info.draw is None and info.derivative_range[0] < info.derivative_range[1] and fits(info)
    ]
    found.sort(key=lambda info: (-len(info.aliases), info.cost))
    return [Subject(info.name, tuple(parameter.default for parameter in info.parameters)) for info in found]


def _of_each_family(candidates: list[Subject]) -> list[Subject]:
    """The first candidates, no two of one family: those are much alike."""
    first: dict[str, Subject] = {}
    for each in candidates:
        first.setdefault(each.definition.family, each)
    return list(first.values())[:_ALTERNATIVES]


def _never_flat(like: Definition) -> list[Subject]:
    """What ends on the right as another does and has a slope on the left, with some slopes."""

    def fits(other: Definition) -> bool:
        slopes = tuple(parameter.default for parameter in other.parameters)
        on_the_right = all(other.limits[direction][1] == like.limits[direction][1] for direction in _DIRECTIONS)
        return on_the_right and slopes == (other.limits["derivative"][0],) and other.derivative_range[0] > 0

    return [replace(each, parameters=(slope,)) for each in _candidates(fits)[:1] for slope in SLOPES]


def _smooth(like: Definition) -> list[Subject]:
    """What tends to the same limits as another, without corners."""

    def fits(other: Definition) -> bool:
        same_limits = all(other.limits[direction] == like.limits[direction] for direction in _DIRECTIONS)
        return not other.kinks and other.name != like.name and same_limits

    return _of_each_family(_candidates(fits))


def _hidden() -> list[Subject]:
    """What passes the gradient on for large inputs, without corners."""
    return _of_each_family(_candidates(lambda other: not other.kinks and other.limits["derivative"] == (0.0, 1.0)))


def _centred() -> list[Subject]:
    """What is bounded, rises and is odd, without corners."""
    return _candidates(
        lambda other: other.odd and other.monotone and not other.kinks and bool(np.isfinite(other.range).all())
    )


# --- rules ------------------------------------------------------------------------------------------


def _not_finite(total: Diagnosis) -> Iterator[str]:
    inputs, outputs = total.inputs, total.outputs
    if inputs.nan or inputs.inf:
        yield (
            f"{inputs.nan:,} inputs are NaN and {inputs.inf:,} infinite: find where they come from first. Means, "
            "spreads and extremes are of the others."
        )
    more = outputs.nan + outputs.inf - inputs.nan - inputs.inf
    if more > 0:
        yield (
            f"{more:,} outputs more than inputs are NaN or infinite: inputs lie outside of the activation's domain, "
            "or it overflows."
        )


def _dead(trial: _Trial) -> Iterator[str]:
    dead, worst = trial.at_worst("dead")
    definition = trial.subject.definition
    if not dead >= DEAD:
        return
    one_sided = definition.limits["derivative"][1] > 0 and not definition.odd
    sloped = worst.tried(_never_flat(definition) if one_sided else [])
    better = worst.tried(_smooth(definition), at_least=worst.kept(trial.subject))
    yield f"{share(dead)} of the derivatives{worst.where} are 0" + worst.left_by([*sloped, *better]) + "."


def _saturated(trial: _Trial) -> Iterator[str]:
    saturated, worst = trial.at_worst("saturated")
    flat_on_both_sides = trial.subject.definition.limits["derivative"] == (0.0, 0.0)
    if not (flat_on_both_sides and saturated >= SATURATED and trial.diagnosis.threshold > 0):
        return
    text = f"{share(saturated)} of the derivatives{worst.where} are saturated, below {trial.diagnosis.threshold:.3g}"
    better = worst.tried(_hidden(), at_least=worst.kept(trial.subject))
    yield text + _rescaled(worst) + worst.left_by(better, " in a hidden layer") + "."


def _rescaled(trial: _Trial) -> str:
    """What to do to the inputs, in words: the least that brings the saturated share down, if anything does."""
    x = trial.x.astype(np.float64)
    x = x[np.isfinite(x)]
    if not x.size or trial.subject.constants is None:
        return ""
    mean, spread = x.mean(), x.std()
    shift = mean if abs(mean) > spread else 0.0

    def saturated(scale: float) -> float:
        slope = np.abs(_derivative(trial.subject, (x - shift) * scale))
        return float(np.mean((slope == 0) | (slope < trial.diagnosis.threshold)))

    enough, too_much = 0.0, 2.0
    for _ in range(12):
        scale = (enough + too_much) / 2
        enough, too_much = (scale, too_much) if saturated(scale) <= SATURATED_AFTER_SCALING else (enough, scale)
    if not enough:
        return ""
    scale = min(enough, 1.0)
    what = [f"less their mean of {mean:.3g}"] * bool(shift) + [f"times {scale:.3g}"] * (scale < 1)
    now = f"{' and '.join(what)}, {share(saturated(scale))} are{trial.on}"
    return f": the inputs have a standard deviation of {spread:.3g}; {now}"


def _off_centre(trial: _Trial) -> Iterator[str]:
    total = trial.diagnosis.total
    definition, inputs, outputs = trial.subject.definition, total.inputs, total.outputs
    if not (np.isfinite(definition.range).all() and abs(outputs.mean) > outputs.std):
        return
    text = f"Outputs have a mean of {outputs.mean:.3g}, and a standard deviation of only {outputs.std:.3g}"
    if definition.odd:
        yield f"{text}: the inputs, with {inputs.mean:.3g} and {inputs.std:.3g}, are not centred."
        return
    found = []
    for other in _centred():
        y = np.asarray(fastact.get(other.name)(trial.x, *other.parameters), np.float64)
        y = y[np.isfinite(y)]
        if y.size:
            mean, spread = y.mean(), y.std()
            found.append((abs(mean) / (spread or 1), f"{mean:.3g} and {spread:.3g} with {_named(other)}"))
    best = ", ".join(words for _, words in sorted(found)[:_ALTERNATIVES])
    yield f"{text}. Odd functions are zero-centred: {best}." if best else f"{text}."
