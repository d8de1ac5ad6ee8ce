"""What the tests are parametrised over: the registry's names, and parameter values besides the defaults."""

import inspect

from reference import REFERENCE

import fastact as fa

ELEMENTWISE = fa.names(kind="elementwise")
AXISWISE = fa.names(kind="axiswise")
DIRECTIONS = ("value", "derivative", "second_derivative")
EVERY_DIRECTION = sorted({(n, d) for n in ELEMENTWISE for d in fa.get(n).info.directions})
FROM_OUTPUT = [n for n in ELEMENTWISE if "derivative_from_output" in fa.get(n).info.directions]
PARAMETRIC = [n for n in ELEMENTWISE if len(inspect.signature(REFERENCE[n]).parameters) > 1]
OTHER_PARAMETERS = {
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
OTHER_CASES = [(name, parameters) for name, values in OTHER_PARAMETERS.items() for parameters in values]


def direction_of(name: str, direction: str):
    """The callable of one direction of an activation."""
    activation = fa.get(name)
    return activation if direction == "value" else getattr(activation, direction)


def default_parameters(name: str) -> dict[str, float]:
    """The numeric parameters of `name`, which are those of its reference line, with their defaults."""
    numeric = list(inspect.signature(REFERENCE[name]).parameters)[1:]
    defaults = {parameter.name: parameter.default for parameter in fa.get(name).info.parameters}
    return {parameter: defaults[parameter] for parameter in numeric}


def exact_parameters(name: str, parameters: dict[str, float]) -> tuple:
    """What `parameters` stand for: the numbers they are, but for a default that float64 can only approach."""
    stated = {parameter.name: parameter for parameter in fa.get(name).info.parameters}
    return tuple(
        stated[key].exact_default if stated[key].exact_default and value == stated[key].default else value
        for key, value in parameters.items()
    )


def operands(name: str, direction: str, x):
    """What `direction` takes to be evaluated at `x`: the gradient, where it wants one, is 1.5."""
    return (x.dtype.type(1.5), x) if direction.startswith("backward") else (x,)


def kinks(name: str, parameters: dict[str, float]) -> tuple[float, ...]:
    """Where the value, the derivative or the second derivative jumps."""
    return fa.get(name).info.not_smooth_at(*parameters.values())
