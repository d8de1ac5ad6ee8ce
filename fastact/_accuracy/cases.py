"""What there is to measure: directions of activations, with parameters, in a dtype."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastact
from fastact._definition import ACCURACY, SECOND_DERIVATIVE_ACCURACY

DIRECTIONS = ("value", "derivative", "second_derivative")
DTYPES = ("float16", "bfloat16", "float32", "float64")

Array = NDArray[Any]

# Parameter values, besides the defaults, that the bounds are proved for.
OTHER_PARAMETERS: dict[str, tuple[dict[str, float], ...]] = {
    "leaky_relu": ({"negative_slope": 0.2}, {"negative_slope": 2.0}),
    "prelu": ({"alpha": -0.5}, {"alpha": 1.25}),
    "elu": ({"alpha": 2.0}, {"alpha": 0.3}),
    "celu": ({"alpha": 2.0}, {"alpha": 0.3}),
    "softplus": ({"beta": 2.0}, {"beta": 0.1}),
    "swish": ({"beta": 1.702}, {"beta": 0.3}),
    "hard_sigmoid": ({"slope": 0.2, "offset": 0.5}, {"slope": 0.7, "offset": 0.25}),
    "hard_tanh": ({"minimum": -0.1, "maximum": 2.0}, {"minimum": 0.5, "maximum": 20.0}),
    "squareplus": ({"b": 1.0}, {"b": 0.01}),
    "softexponential": ({"alpha": 1.0}, {"alpha": 1.5}, {"alpha": -1.0}, {"alpha": -0.3}),
    "rrelu": ({"lower": 0.1, "upper": 0.3}, {"lower": -0.5, "upper": 2.0}),
    "threshold": ({"threshold": 0.1, "value": 20.0}, {"threshold": -2.0, "value": -0.3}),
    "thresholded_relu": ({"theta": 0.1}, {"theta": 2.5}),
    "general_relu": (
        {"negative_slope": 0.2, "max_value": 6.0, "threshold": 0.0},
        {"negative_slope": 0.1, "max_value": 2.5, "threshold": -0.7},
    ),
    "star_relu": ({"scale": 1.5, "bias": 0.3}, {"scale": 0.7, "bias": -2.0}),
    "shrink": ({"lambd": 1.5, "bias": 1.5}, {"lambd": 0.1, "bias": 0.05}),
    "softshrink": ({"lambd": 0.1}, {"lambd": 2.5}),
    "hardshrink": ({"lambd": 0.1}, {"lambd": 2.5}),
    "smelu": ({"beta": 2.0}, {"beta": 0.1}),
    "isru": ({"alpha": 3.0}, {"alpha": 0.1}),
    "isrlu": ({"alpha": 3.0}, {"alpha": 0.1}),
    "sine": ({"omega": 30.0}, {"omega": 0.3}),
    "snake": ({"alpha": 5.0}, {"alpha": 0.3}),
    "quick_gelu": ({"alpha": 1.0}, {"alpha": 0.3}),
    "aptx": ({"alpha": 1.0, "beta": 0.5, "gamma": 0.5}, {"alpha": 2.0, "beta": 0.3, "gamma": 0.7}),
}


def direction_of(name: str, direction: str) -> Callable[..., Any]:
    """Find the callable of one direction of an activation."""
    activation = fastact.get(name)
    return activation if direction == "value" else getattr(activation, direction)


def default_parameters(name: str) -> dict[str, float]:
    """Give the parameters of `name` with their defaults."""
    return {parameter.name: parameter.default for parameter in fastact.get(name).info.parameters}


def exact_parameters(name: str, parameters: dict[str, float]) -> tuple[float | Fraction, ...]:
    """Say what `parameters` stand for: the numbers they are, but for a default that float64 can only approach."""
    stated = {parameter.name: parameter for parameter in fastact.get(name).info.parameters}
    return tuple(stated[key].exact(value) for key, value in parameters.items())


def numpy_dtype(name: str) -> np.dtype[Any]:
    """Give the dtype of a name, bfloat16 among them."""
    if name != "bfloat16":
        return np.dtype(name)
    try:
        import ml_dtypes
    except ImportError:
        raise ValueError("bfloat16 needs ml_dtypes (pip install ml_dtypes)") from None
    return np.dtype(ml_dtypes.bfloat16)


@dataclass(frozen=True)
class Case:
    """One direction of one activation, in one dtype.

    Attributes
    ----------
    name, direction, dtype : str
        What to compute and in which dtype; `direction` is one of DIRECTIONS.
    other : tuple of (str, float)
        Values for all parameters; empty stands for the defaults.
    """

    name: str
    direction: str
    dtype: str
    other: tuple[tuple[str, float], ...] = ()

    @property
    def label(self) -> str:
        """The activation as one calls it, ``elu(alpha=2)``."""
        given = ", ".join(f"{key}={value:g}" for key, value in self.other)
        return f"{self.name}({given})" if given else self.name

    @property
    def parameters(self) -> dict[str, float]:
        """The value of every parameter."""
        return dict(self.other) or default_parameters(self.name)

    @property
    def exact_parameters(self) -> tuple[float | Fraction, ...]:
        """The same as the numbers they stand for."""
        return exact_parameters(self.name, self.parameters)

    @property
    def order(self) -> int:
        """How often the activation is differentiated."""
        return DIRECTIONS.index(self.direction)

    @property
    def bound(self) -> float:
        """The promise, in ULP."""
        if self.direction == "second_derivative":
            return SECOND_DERIVATIVE_ACCURACY
        accuracy = fastact.get(self.name).info.accuracy or ACCURACY
        return accuracy[self.dtype]

    @property
    def range(self) -> tuple[float, float]:
        """Where results are: infimum and supremum, as far as the definition says."""
        info = fastact.get(self.name).info
        if self.other or self.direction == "second_derivative":
            return (-np.inf, np.inf)
        return info.range if self.direction == "value" else info.derivative_range

    @property
    def is_monotone(self) -> bool:
        """Whether the definition says that results never fall; it does so for the default parameters."""
        return self.direction == "value" and not self.other and fastact.get(self.name).info.monotone

    @property
    def is_odd(self) -> bool:
        """Whether the definition says that f(-x) = -f(x); it does so for the default parameters."""
        return self.direction == "value" and not self.other and fastact.get(self.name).info.odd

    def evaluate(self, x: Array) -> Array:
        """Compute it at `x`, in the dtype of `x`."""
        return direction_of(self.name, self.direction)(x, **self.parameters)


def all_cases(
    names: Sequence[str], directions: Sequence[str], dtypes: Sequence[str], parameters: str = "all"
) -> Iterator[Case]:
    """Go through the cases of some activations; `parameters` is ``"default"`` or ``"all"`` that are to be proved."""
    for name in names:
        others = OTHER_PARAMETERS.get(name, ()) if parameters == "all" else ()
        for other in ({}, *others):
            for direction in directions:
                for dtype in dtypes:
                    yield Case(name, direction, dtype, tuple(other.items()))
