"""The straight-line programs of formulas: from elements of a dtype to elements of it, working precision between.

A float32 kernel works in float64, as the processor's does, unless its formula needs no arithmetic to speak of: that is
the same in float32, and the one the GPU has most of.
"""

import functools

import numpy as np

from fastact._definition import registry
from fastact._engine import blocks
from fastact._math import arithmetic, working
from fastact.cuda import single  # noqa: F401 - formulas in float32 itself, as symbols
from fastact.cuda.tracing import Number, pair, trace, traced

#: What a number of the host's, such as a parameter, arrives as: two float64.
NUMBER_PARTS = ("float64", "float64")
_SIMPLE = {
    *("input", "constant", "select", "negate", "absolute", "multiply", "convert", "and", "or"),
    *("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
}


def _rounded(x, dtype):
    """A number in working precision, rounded once."""
    if dtype == "float32":
        return x.to("float32") if isinstance(x, Number) else np.float32(x)
    return traced(arithmetic.rounded)(*traced(working.parts)(x))


def _as_tuple(results):
    return results if isinstance(results, tuple) else (results,)


def program_of(formula, dtype, is_number):
    """The program of a formula: inputs are elements of a dtype or, where they say so, numbers in two parts.

    Parameters
    ----------
    formula : callable
        In working precision.
    dtype : {"float32", "float64"}
        Of elements and results.
    is_number : tuple of bool
        Of each of the formula's arguments, whether it is a number of the host's.
    """
    run = traced(formula)
    kinds = tuple(kind for number in is_number for kind in (NUMBER_PARTS if number else (dtype,)))

    def whole(*inputs):
        given, left = [], list(inputs)
        for number in is_number:
            hi = left.pop(0)
            lo = left.pop(0) if number else 0.0
            given.append(pair(hi, lo) if dtype == "float64" else hi.to("float64"))
        return [_rounded(result, dtype) for result in _as_tuple(run(*given))]

    return trace(whole, kinds, "float64")


def _single_program(formula, is_number):
    """The program in float32 alone, or None where it would not say the same."""
    run = traced(formula)
    kinds = tuple(kind for number in is_number for kind in (NUMBER_PARTS if number else ("float32",)))

    def whole(*inputs):
        given, left = [], list(inputs)
        for number in is_number:
            given.append(left.pop(0).to("float32"))
            if number:
                left.pop(0)
        return _as_tuple(run(*given))

    program = trace(whole, kinds, "float32")
    return program if _is_simple(program) else None


def _is_simple(program):
    """Whether float32 loses nothing: at most one rounding to a result, and no comparison with a rounded number."""
    depth, is_rounded = [], []
    for name, kind, operands in program.operations:
        if name not in _SIMPLE:
            return False
        places = operands if name not in ("input", "constant") else ()
        if kind == "bool" and name not in ("and", "or") and any(is_rounded[place] for place in places):
            return False
        depth.append(max((depth[place] for place in places), default=0) + (name in ("multiply", "convert")))
        is_rounded.append(name == "convert" or any(is_rounded[place] for place in places))
    return all(depth[place] <= 1 for place in program.results)


def _without_float32_form(name, direction):
    """The formula that serves every working precision."""
    return blocks.formula_of(name, direction, "float64")


@functools.cache
def elementwise_program(name, direction, dtype, is_number, at_defaults=False):
    """The program of an element-wise activation's direction; the arguments are its arrays, then its parameters."""
    if dtype == "float32" and not registry[name].gate and not at_defaults:
        simple = _try_single(name, direction, is_number)
        if simple is not None:
            return simple
    return program_of(blocks.formula_of(name, direction, dtype, at_defaults), dtype, is_number)


def _try_single(name, direction, is_number):
    try:
        return _single_program(_without_float32_form(name, direction), is_number)
    except TypeError:  # elementary functions are of float64
        return None


def arithmetic_of(name, direction):
    """What a GPU computes in where a direction of an element-wise function is given float32 arrays."""
    definition = registry[name]
    arrays = len(definition.operands(direction))
    is_number = (False,) * arrays + (True,) * len(definition.parameters)
    at_defaults = definition.has_form_at_defaults(direction)
    program = elementwise_program(name, direction, "float32", is_number, at_defaults)
    return "float64" if uses_float64(program) else "float32"


def uses_float64(program):
    """Whether a program computes in float64."""
    return any(kind == "float64" and name not in ("input", "constant") for name, kind, _ in program.operations)
