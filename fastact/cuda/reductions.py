"""Sums over arrays of a GPU: gradients of parameters, and losses.

Sums run in float64 (in two of them for float64 arrays), over chunks that depend on the shapes alone, so that they have
the same bits every time.
"""

import functools
import math

import numpy as np

from fastact import _ufuncs
from fastact._engine import blocks
from fastact._engine.cores import Cores
from fastact._engine.reductions import split_axes
from fastact.cuda import along
from fastact.cuda import arrays as a
from fastact.cuda.elementwise import COMPUTED_IN, argument, broadcast_shape, copy, loop_dtype, run
from fastact.cuda.row_programs import RowPrograms

#: Elements that a block of threads sums.
CHUNK = 16_384
#: Arguments before the parameters: the gradient and x.
ARRAYS = 2


class _SumFormulas:
    """What `RowPrograms` needs to know of formulas that only sum."""

    needs_threshold = in_order = needs_kept = counts_ties = False
    extreme, result = None, None
    label = compared_label = -1
    sum_count, threshold_term_count, constant_count = 1, 0, 0
    row_ask = result_ask = ()

    def __init__(self, term, numbers, inputs):
        self.numbers = self.terms_ask = tuple(f"number{i}" for i in range(numbers))
        self.inputs, self.terms, self.row = inputs, _without_known(term), _total
        # The results of a row, and no others.
        self.cores = Cores(",".join([*["()"] * numbers, *["(n)"] * inputs]) + "->(d)")


def _without_known(term):
    def terms(*given):
        return (term(*given[:-1]),)

    return terms


def _total(known, total):
    return (total,)


def _itself(x):
    return x


@functools.cache
def _programs(name, direction, dtype, is_number):
    """The programs that sum what a formula gives; those of its arguments that are numbers come first."""
    formula = blocks.formula_of(name, direction, dtype) if name else _itself
    order = sorted(range(len(is_number)), key=lambda i: not is_number[i])
    term = formula if order == list(range(len(order))) else _in_order(formula, order)
    formulas = _SumFormulas(term, sum(is_number), len(is_number) - sum(is_number))
    return RowPrograms(formulas, f"the sum of {name} {direction}", "value", dtype)


def _in_order(formula, order):
    places = [order.index(i) for i in range(len(order))]

    def reordered(*given):
        return formula(*[given[place] for place in places])

    return reordered


def summed(name, direction, loop, operands, kept, result, stream):
    """Write the sums over all but some axes of what a formula gives.

    Parameters
    ----------
    name, direction : str
        The formula; an empty name is for the elements themselves.
    loop : str
        The dtype that it is for.
    operands : list
        The formula's arguments: `Operand` of one shape, or floats.
    kept : tuple of int
        The axes that are not summed.
    result : Operand
        Of the kept axes' shape.
    stream : object
        Of Numba's.
    """
    is_number = tuple(isinstance(each, float) for each in operands)
    programs = _programs(name, direction, COMPUTED_IN[loop], is_number)
    numbers = [each for each in operands if isinstance(each, float)]
    sources = [each for each in operands if not isinstance(each, float)]
    axes = tuple(i for i in range(sources[0].ndim) if i not in kept)
    length = math.prod(sources[0].shape[i] for i in axes)
    chunks = max(1, -(-length // CHUNK))
    if chunks == 1:
        along.run(programs, numbers, sources, [], [result], axes, stream)
        return
    partial = a.empty_like(result, (*result.shape, chunks), "float64")
    along.run(programs, numbers, sources, [], [partial.without_last_axis()], axes, stream, chunks)
    summed("", "value", "float64", [partial], tuple(range(result.ndim)), result, stream)


def total(operand, result, stream):
    """Write the sum of all elements."""
    if not operand.size:
        zero = a.to_device(np.zeros(()), operand)
        copy(zero, result, stream)
        return
    summed("", "value", operand.dtype, [operand], (), result, stream)


def product(operand, factor, result, stream):
    """Write an array times a number."""
    at, numbers = ("bilinear_glu", "value"), (float(factor), 0.0)
    run(at, "float64", (False, True), [operand], [result], numbers, False, stream)


def parameter_gradients(gradients, grad, x, parameters, stream):
    """One gradient per parameter, each of its parameter's shape: as `ParameterGradients` gives NumPy's."""
    arrays = [argument(gradients.name, value) for value in (grad, x, *parameters)]
    like = next(each for each in arrays if isinstance(each, a.Operand))
    with a.queue(gradients.name, stream, like.owner) as queue:
        names = [parameter.name for parameter in gradients._definition.parameters]
        return tuple(_gradient(gradients, name, arrays, i, like, queue) for i, name in enumerate(names))


def _gradient(gradients, parameter, arrays, number, like, stream):
    """The gradient with respect to one parameter."""
    name, direction = gradients._definition.name, f"{blocks.WEIGHTED}{parameter}_derivative"
    shape = broadcast_shape(gradients.name, [each for each in arrays if isinstance(each, a.Operand)])
    loop = loop_dtype(gradients, _ufuncs.general(name, direction).ufunc, arrays)
    operands = [
        each.broadcast_to(shape) if isinstance(each, a.Operand) else _number(each, loop, i < ARRAYS)
        for i, each in enumerate(arrays)
    ]
    own = arrays[ARRAYS + number].shape if isinstance(arrays[ARRAYS + number], a.Operand) else ()
    result = a.empty_like(like, own, loop)
    summed(name, direction, loop, operands, tuple(split_axes(shape, own)[0]), result.squeezed(), stream)
    return result.owner


def _number(value, loop, is_array):
    return float(np.float32(value)) if is_array and loop != "float64" else float(value)
