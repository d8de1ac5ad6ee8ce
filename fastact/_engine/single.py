"""Numbers of kernels in single precision, as types with operators.

A float32 kernel may work in float32 itself, with twice as many numbers to a vector as float64 has, where what one
rounding loses does not hurt. Differences hurt: a `SinglePair` is one of two elements, exactly, or a number that all
elements of a row share, to some 48 bits. Every other operation gives a `Single`, rounded to float32.
"""

import operator

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from fastact._engine import intrinsics
from fastact._engine.inlined import inlined, overloaded
from fastact._engine.precision import part_of
from fastact._math import float32
from fastact._math import working as w
from fastact._math.arithmetic import fma, two_sum


class SingleType(types.Type):
    """One float32."""

    def __init__(self):
        super().__init__("Single")


class ModerateType(SingleType):
    """One float32 of moderate size: neither infinite nor NaN."""

    def __init__(self):
        types.Type.__init__(self, "Moderate")


class SinglePairType(types.Type):
    """The sum of two float32."""

    def __init__(self):
        super().__init__("SinglePair")


single_type, moderate_type, single_pair_type = SingleType(), ModerateType(), SinglePairType()


@register_model(SingleType)
@register_model(ModerateType)
class _SingleModel(models.StructModel):
    def __init__(self, manager, numba_type):
        super().__init__(manager, numba_type, [("hi", types.float32)])


@register_model(SinglePairType)
class _SinglePairModel(models.StructModel):
    def __init__(self, manager, numba_type):
        super().__init__(manager, numba_type, [("hi", types.float32), ("lo", types.float32)])


def _maker(numba_type):
    """Make an intrinsic that makes a number of this type of a float32."""

    @intrinsic
    def make(typingctx, hi):
        def codegen(context, builder, signature, args):
            value = cgutils.create_struct_proxy(numba_type)(context, builder)
            value.hi = args[0]
            return value._getvalue()

        return numba_type(types.float32), codegen

    return make


_make_single, _make_moderate = _maker(single_type), _maker(moderate_type)


@intrinsic
def make_single_pair(typingctx, hi, lo):
    """The pair of two float32."""

    def codegen(context, builder, signature, args):
        value = cgutils.create_struct_proxy(single_pair_type)(context, builder)
        value.hi, value.lo = args
        return value._getvalue()

    return single_pair_type(types.float32, types.float32), codegen


_hi_part, _lo_part = part_of("hi", types.float32), part_of("lo", types.float32)


@inlined
def make_single(x):
    """Any number of one part, rounded to float32."""
    return _make_single(np.float32(x))


def make_moderate(x):
    """A number of one part that is known to be of moderate size."""
    raise NotImplementedError


@overloaded(make_moderate)
def _overload_make_moderate(x):
    part = _single_part(x)
    return lambda x: _make_moderate(part(x))


def _is_single(*values):
    return any(isinstance(value, SingleType | SinglePairType) for value in values)


def _single_part(value):
    """How to take the float32 out of a number of one part."""
    return _hi_part if isinstance(value, SingleType) else inlined(lambda x: np.float32(x))


@overloaded(operator.sub)
def _overload_sub(a, b):
    if not _is_single(a, b):
        return None
    if isinstance(a, SinglePairType) and isinstance(b, SinglePairType):

        def between_pairs(a, b):
            hi = _hi_part(a) - _hi_part(b)
            total = hi + (_lo_part(a) - _lo_part(b))
            return _make_single(intrinsics.select(total == total, total, hi))  # the error of an infinite one is NaN

        return between_pairs
    if isinstance(b, SinglePairType):
        a_part = _single_part(a)
        return lambda a, b: _make_single((a_part(a) - _hi_part(b)) - _lo_part(b))
    if isinstance(a, SinglePairType):
        return lambda a, b: -(b - a)
    a_part, b_part = _single_part(a), _single_part(b)

    def exactly(a, b):
        hi, lo = two_sum(a_part(a), -b_part(b))
        return make_single_pair(hi, lo)

    return exactly


@overloaded(operator.add)
def _overload_add(a, b):
    if _is_single(a, b):
        a_part, b_part = _single_part(a), _single_part(b)
        return lambda a, b: _make_single(a_part(a) + b_part(b))


@overloaded(operator.mul)
def _overload_mul(a, b):
    if not _is_single(a, b):
        return None
    if isinstance(b, SinglePairType):
        factor = _single_part(a)
        return lambda a, b: _make_single(fma(factor(a), _hi_part(b), factor(a) * _lo_part(b)))
    if isinstance(a, SinglePairType):
        return lambda a, b: b * a
    a_part, b_part = _single_part(a), _single_part(b)
    return lambda a, b: _make_single(a_part(a) * b_part(b))


@overloaded(operator.neg)
def _overload_neg(x):
    if isinstance(x, ModerateType):
        return lambda x: _make_moderate(-_hi_part(x))
    if isinstance(x, SingleType):
        return lambda x: _make_single(-_hi_part(x))
    if isinstance(x, SinglePairType):
        return lambda x: make_single_pair(-_hi_part(x), -_lo_part(x))


def _comparison(operation):
    @overloaded(operation)
    def choose(a, b):
        if not _is_single(a, b):
            return None
        a_part, b_part = (_hi_part if _is_single(value) else _single_part(value) for value in (a, b))
        return lambda a, b: operation(a_part(a), b_part(b))


for _operation in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne):
    _comparison(_operation)


@overloaded(w.where)
def _overload_where(condition, x, y):
    if not _is_single(x, y):
        return None
    if not any(isinstance(value, SinglePairType) for value in (x, y)):
        x_part, y_part = _single_part(x), _single_part(y)
        return lambda condition, x, y: _make_single(intrinsics.select(condition, x_part(x), y_part(y)))
    (x_hi, x_lo), (y_hi, y_lo) = _parts(x), _parts(y)

    def of_pairs(condition, x, y):
        hi = intrinsics.select(condition, x_hi(x), y_hi(y))
        return make_single_pair(hi, intrinsics.select(condition, x_lo(x), y_lo(y)))

    return of_pairs


@inlined
def _no_part(x):
    return np.float32(0)


def _parts(value):
    return (_hi_part, _lo_part) if isinstance(value, SinglePairType) else (_single_part(value), _no_part)


@overloaded(w.exp_at_most_1)
def _overload_exp_at_most_1(x):
    if _is_single(x):
        hi, lo = _parts(x)
        return lambda x: _make_single(float32.exp_at_most_1(hi(x), lo(x)))


@overloaded(w.lead)
def _overload_lead(x, largest):
    if isinstance(largest, ModerateType):
        return lambda x, largest: x - largest
    return w.lead


@overloaded(w.exp_of_lead)
def _overload_exp_of_lead(x, largest):
    if isinstance(largest, ModerateType):
        return lambda x, largest: _make_single(float32.exp_of_lead(_hi_part(x), _hi_part(largest)))
    return w.exp_of_lead


def leave_single(x):
    """A number as float32."""
    raise NotImplementedError


@overloaded(leave_single)
def _overload_leave_single(x):
    part = _hi_part if _is_single(x) else _single_part(x)
    return lambda x: part(x)
