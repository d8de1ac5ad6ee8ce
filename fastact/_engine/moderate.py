"""Numbers that a loop knows to be of moderate size, as a type: some functions have less to do for them.

In formulas they are as any others; what comes of them is a number in working precision.
"""

import operator

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from fastact._engine.inlined import inlined, overloaded
from fastact._math import working as w


class ModerateNumberType(types.Type):
    """A float64 or a `Pair` of moderate size."""

    def __init__(self, number):
        self.number = number
        super().__init__(f"ModerateNumber({number})")


@register_model(ModerateNumberType)
class _ModerateNumberModel(models.StructModel):
    def __init__(self, manager, numba_type):
        super().__init__(manager, numba_type, [("number", numba_type.number)])


@intrinsic
def make_moderate_number(typingctx, number):
    """A number that is known to be of moderate size."""
    moderate = ModerateNumberType(number)

    def codegen(context, builder, signature, args):
        value = cgutils.create_struct_proxy(moderate)(context, builder)
        value.number = args[0]
        return value._getvalue()

    return moderate(number), codegen


@intrinsic
def _number_of(typingctx, moderate):
    def codegen(context, builder, signature, args):
        return cgutils.create_struct_proxy(moderate)(context, builder, value=args[0]).number

    return moderate.number(moderate), codegen


def _is_moderate(*values):
    return any(isinstance(value, ModerateNumberType) for value in values)


def _number(value):
    """How to take the number out of what is one, moderate or not."""
    return _number_of if _is_moderate(value) else inlined(lambda number: number)


def _unary(operation):
    @overloaded(operation)
    def choose(x):
        if _is_moderate(x):
            return lambda x: operation(_number_of(x))


def _binary(operation):
    @overloaded(operation)
    def choose(a, b):
        if _is_moderate(a, b):
            a_number, b_number = _number(a), _number(b)
            return lambda a, b: operation(a_number(a), b_number(b))


for _operation in (operator.neg, abs):
    _unary(_operation)
for _operation in (operator.add, operator.sub, operator.mul, operator.truediv):
    _binary(_operation)
for _operation in (operator.lt, operator.le, operator.gt, operator.ge):
    _binary(_operation)


@overloaded(w.where)
def _overload_where(condition, x, y):
    if _is_moderate(x, y):
        x_number, y_number = _number(x), _number(y)
        return lambda condition, x, y: w.where(condition, x_number(x), y_number(y))


@overloaded(w.circular)
def _overload_circular(a, x, eighths):
    if _is_moderate(x):
        return lambda a, x, eighths: w.circular_of_moderate(a, _number_of(x), eighths)
