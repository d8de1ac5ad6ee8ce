"""What the tests are parametrised over: the registry's names, and parameter values besides the defaults."""

import inspect

import fastact as fa
from fastact._accuracy.cases import OTHER_PARAMETERS
from fastact._accuracy.reference import REFERENCE
from fastact._definition import registry

ELEMENTWISE = fa.names(kind="elementwise")
AXISWISE = fa.names(kind="axiswise")
EVERY_DIRECTION = sorted({(n, d) for n in ELEMENTWISE for d in fa.get(n).info.directions})
FROM_OUTPUT = [n for n in ELEMENTWISE if "derivative_from_output" in fa.get(n).info.directions]
HAVE_MODERATE_NUMBERS = [n for n in ELEMENTWISE if "is_moderate" in registry[n].formulas]
PARAMETRIC = [n for n in ELEMENTWISE if len(inspect.signature(REFERENCE[n]).parameters) > 1]
OTHER_CASES = [(name, parameters) for name, values in OTHER_PARAMETERS.items() for parameters in values]


def operands(name: str, direction: str, x):
    """What `direction` takes to be evaluated at `x`: the gradient, where it wants one, is 1.5."""
    return (x.dtype.type(1.5), x) if direction.startswith("backward") else (x,)
