"""What `_math` is to Numba: every function callable from kernels, `Pair` a type with operators."""

import inspect
import operator

from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic, models, register_model

from fastact._engine import intrinsics
from fastact._engine.inlined import inlined, overloaded
from fastact._math import arithmetic, circular, float32, float64, logarithm, pair
from fastact._math import working as w


class PairType(types.Type):
    """A `Pair` in two registers."""

    def __init__(self):
        super().__init__("Pair")


pair_type = PairType()


@register_model(PairType)
class _PairModel(models.StructModel):
    def __init__(self, manager, numba_type):
        super().__init__(manager, numba_type, [("hi", types.float64), ("lo", types.float64)])


@intrinsic
def make_pair(typingctx, hi, lo):
    """The pair of two float64."""

    def codegen(context, builder, signature, args):
        value = cgutils.create_struct_proxy(pair_type)(context, builder)
        value.hi, value.lo = args
        return value._getvalue()

    return pair_type(types.float64, types.float64), codegen


def part_of(name, part_type):
    """A compiled function that takes a part of a number that has parts."""

    @intrinsic
    def part(typingctx, value):
        def codegen(context, builder, signature, args):
            return getattr(cgutils.create_struct_proxy(value)(context, builder, value=args[0]), name)

        return part_type(value), codegen

    return part


hi_part, lo_part = part_of("hi", types.float64), part_of("lo", types.float64)


@inlined
def _zero(value):
    return 0.0


@inlined
def _float(value):
    return float(value)


def _parts(value):
    """The two functions that take a value apart: a `Pair`, or any number that float64 holds."""
    if isinstance(value, PairType):
        return hi_part, lo_part
    if isinstance(value, types.Number):
        return _float, _zero
    raise TypingError(f"working precision has floats and pairs, not {value}")


def _is_pair(*values):
    return any(isinstance(value, PairType) for value in values)


def _binary(operation, on_parts):
    @overloaded(operation)
    def choose(a, b):
        if not _is_pair(a, b):
            return None
        (a_hi, a_lo), (b_hi, b_lo) = _parts(a), _parts(b)

        def implementation(a, b):
            hi, lo = on_parts(a_hi(a), a_lo(a), b_hi(b), b_lo(b))
            return make_pair(hi, lo)

        return implementation


def _comparison(operation):
    @overloaded(operation)
    def choose(a, b):
        if not _is_pair(a, b):
            return None
        a_hi, b_hi = _parts(a)[0], _parts(b)[0]
        return lambda a, b: operation(a_hi(a), b_hi(b))


def _elementary(generic, on_parts, on_float=None):
    @overloaded(generic)
    def choose(x):
        if isinstance(x, types.Number):
            return on_float and (lambda x: on_float(x))
        if not _is_pair(x):
            return None

        def implementation(x):
            hi, lo = on_parts(hi_part(x), lo_part(x))
            return make_pair(hi, lo)

        return implementation


# Functions with a form of their own in compiled code, here or among the intrinsics.
_OF_THEIR_OWN = (*intrinsics.GIVEN, "is_number", "may_branch_on", "halves", "in_units", "scaled")


def _register_functions(*modules):
    """Make every function of these modules callable from compiled code."""
    for module in modules:
        for function in vars(module).values():
            if (
                inspect.isfunction(function)
                and function.__module__ == module.__name__
                and function.__name__ not in _OF_THEIR_OWN
            ):
                inlined(function)


@inlined
def _subtract(a_hi, a_lo, b_hi, b_lo):
    return arithmetic.add(a_hi, a_lo, -b_hi, -b_lo)


_register_functions(arithmetic, float32, float64, pair, logarithm, circular)


@overloaded(float32.is_number)
@overloaded(float32.may_branch_on)
def _overload_is_number(parameter):
    is_float64 = parameter == types.float64
    return lambda parameter: is_float64


@overloaded(float32.halves)
def _overload_halves(x):
    # A parameter that comes as an array has no second half.
    if x == types.float32:
        return lambda x: (x, float32.ZERO)
    return float32.halves


@overloaded(float32.in_units)
def _overload_in_units(number):
    if number == types.float32:
        return lambda number: (float32.ONE, number)
    return float32.in_units


@overloaded(float32.scaled)
def _overload_scaled(x, number):
    if number == types.float32:
        return lambda x, number: x * number
    return float32.scaled


for _function in (w.at_most, w.at_least, w.within, w.zero_or_nan, w.vanishing_product, w.rest_of, w.log_of_sum):
    inlined(_function)
for _operation, _on_parts in (
    (operator.add, arithmetic.add),
    (operator.sub, _subtract),
    (operator.mul, arithmetic.multiply),
    (operator.truediv, arithmetic.divide),
):
    _binary(_operation, _on_parts)
for _operation in (operator.lt, operator.le, operator.gt, operator.ge):
    _comparison(_operation)
for _function in (*w.ELEMENTARY, *w.IN_PAIRS):
    _elementary(_function, getattr(pair, _function.__name__), getattr(float64, _function.__name__, None))
_elementary(w.log_of_one_plus, logarithm.log_of_one_plus_pair, logarithm.log_of_one_plus)
_elementary(w.sqrt, arithmetic.square_root, arithmetic.root)


@overloaded(operator.neg)
def _overload_neg(x):
    if _is_pair(x):
        return lambda x: make_pair(-hi_part(x), -lo_part(x))


@overloaded(abs)
def _overload_abs(x):
    if _is_pair(x):

        def implementation(x):
            negative = hi_part(x) < 0.0
            lo = -lo_part(x) if negative else lo_part(x)
            return make_pair(abs(hi_part(x)), lo)

        return implementation


@overloaded(w.where)
def _overload_where(condition, x, y):
    if not all(isinstance(value, PairType | types.Number) for value in (x, y)):
        return None
    if x == y == types.float32:
        return lambda condition, x, y: intrinsics.select(condition, x, y)
    if not _is_pair(x, y):
        return lambda condition, x, y: intrinsics.select(condition, float(x), float(y))
    (x_hi, x_lo), (y_hi, y_lo) = _parts(x), _parts(y)

    def implementation(condition, x, y):
        hi = intrinsics.select(condition, x_hi(x), y_hi(y))
        lo = intrinsics.select(condition, x_lo(x), y_lo(y))
        return make_pair(hi, lo)

    return implementation


@overloaded(w.precise)
def _overload_precise(constant, like):
    if _is_pair(like):
        return lambda constant, like: make_pair(constant[0], constant[1])
    return lambda constant, like: constant[0]


def _horner(coefficient, first, last):
    """A compiled function of (coefficients, y, x): the terms from `last` down to `first`, unrolled."""
    if last < first:
        return inlined(lambda coefficients, y, x: y)
    others = _horner(coefficient, first + 1, last)

    @inlined
    def horner(coefficients, y, x):
        return others(coefficients, y, x) * x + coefficient(coefficients[first])

    return horner


@inlined
def _first_part(coefficient):
    return coefficient[0]


@inlined
def _both_parts(coefficient):
    return make_pair(coefficient[0], coefficient[1])


@overloaded(w.polynomial)
def _overload_polynomial(coefficients, x):
    last, leading = len(coefficients) - 1, w.LEADING_TERMS
    rest = _horner(_first_part, leading, last)
    if not _is_pair(x):
        whole = _horner(_first_part, 0, last)
        return lambda coefficients, x: whole(coefficients, 0.0, x)
    first_terms = _horner(_both_parts, 0, leading - 1)
    return lambda coefficients, x: first_terms(coefficients, rest(coefficients, 0.0, hi_part(x)), x)


def _circular(generic, on_floats, on_parts):
    @overloaded(generic)
    def choose(a, x, eighths):
        if not all(isinstance(value, PairType | types.Number) for value in (a, x)):
            return None
        if not _is_pair(a, x):
            return lambda a, x, eighths: on_floats(float(a), float(x), eighths)
        (a_hi, a_lo), (x_hi, x_lo) = _parts(a), _parts(x)

        def implementation(a, x, eighths):
            hi, lo = on_parts(a_hi(a), a_lo(a), x_hi(x), x_lo(x), eighths)
            return make_pair(hi, lo)

        return implementation


_circular(w.circular, circular.circular, circular.circular_pair)
_circular(w.circular_of_moderate, circular.circular_of_moderate, circular.circular_of_moderate_pair)


@overloaded(w.exp_and_expm1)
def _overload_exp_and_expm1(x):
    if not _is_pair(x):
        return lambda x: float64.exp_and_expm1(x)

    def implementation(x):
        e_hi, e_lo, m_hi, m_lo = pair.exp_and_expm1(hi_part(x), lo_part(x))
        return make_pair(e_hi, e_lo), make_pair(m_hi, m_lo)

    return implementation


@overloaded(w.balanced)
def _overload_balanced(x):
    if not _is_pair(x):
        return lambda x: (float(x), 1.0)

    def implementation(x):
        hi, lo, root = pair.balanced(hi_part(x), lo_part(x))
        return make_pair(hi, lo), root

    return implementation


def parts_of(x):
    """The two float64 of a number in working precision."""
    raise NotImplementedError


@overloaded(parts_of)
def _overload_parts_of(x):
    hi, lo = _parts(x)
    return lambda x: (hi(x), lo(x))


@inlined
def exact(x):
    """A float64 as a pair."""
    return make_pair(x, 0.0)


@inlined
def float64_of(x):
    """A pair, rounded once."""
    return arithmetic.rounded(hi_part(x), lo_part(x))
