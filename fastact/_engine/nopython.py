"""Activations inside the user's own ``@njit`` functions: on scalars and arrays, every direction, by any spelling."""

import functools
from types import FunctionType

import numba
import numpy as np
from numba import types
from numba.core.imputils import lower_constant, lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import models, register_model

from fastact._definition import registry
from fastact._engine import precision
from fastact._engine.blocks import scalar_formula_of
from fastact._engine.inlined import FROM_KERNELS, inlined, overloaded
from fastact._engine.programs import input_count


class DirectionType(types.Callable, types.Opaque):
    """The type of a direction in compiled code: what its calls mean is asked of a compiled function."""

    def __init__(self, name, direction):
        self.activation, self.direction = name, direction
        super().__init__(f"fastact.{name}.{direction}")

    @property
    def dispatcher_type(self):
        """The type of the compiled function behind it."""
        return types.Dispatcher(compiled(self.activation, self.direction))

    def get_call_type(self, context, args, kws):
        """Delegate."""
        return self.dispatcher_type.get_call_type(context, args, kws)

    def get_call_signatures(self):
        """Delegate."""
        return self.dispatcher_type.get_call_signatures()

    def get_impl_key(self, sig):
        """Delegate."""
        return self.dispatcher_type.get_impl_key(sig)


register_model(DirectionType)(models.OpaqueModel)


@lower_constant(DirectionType)
def _lower_constant(context, builder, numba_type, value):
    return context.get_dummy_value()


@infer_getattr
class _Directions(AttributeTemplate):
    key = DirectionType

    def generic_resolve(self, direction_type, attribute):
        definition = registry[direction_type.activation]
        if direction_type.direction == "value" and attribute in definition.directions:
            return DirectionType(direction_type.activation, attribute)
        return None


@lower_getattr_generic(DirectionType)
def _lower_direction(context, builder, numba_type, value, attribute):
    return context.get_dummy_value()


@functools.cache
def direction_type(name, direction):
    """The type of one direction of one activation."""
    return DirectionType(name, direction)


# --- the compiled function behind a direction ------------------------------------------------------


@functools.cache
def _enter_parameter(parameter):
    hi, lo = parameter.parts(parameter.default)

    @inlined
    def enter(value):
        value = float(value)
        return precision.make_pair(value, lo if value == hi else 0.0)

    return enter


@inlined
def _nothing(items):
    return ()


@functools.cache
def _map(functions):
    """A compiled function that applies the n-th function to the n-th of a tuple's items."""
    if not functions:
        return _nothing
    *firsts, last = functions
    mapped, index = _map(tuple(firsts)), len(firsts)

    @inlined
    def apply(items):
        return mapped(items) + (last(items[index]),)

    return apply


@inlined
def _identity(value):
    return value


@inlined
def _double(value):
    return np.float64(value)


@inlined
def _exact(value):
    return precision.exact(np.float64(value))


@functools.cache
def _formula32(name, direction):
    """The formula for float32, which at the default parameters is the one that arrays get there."""
    general = scalar_formula_of(name, direction, "float32")
    if not registry[name].has_form_at_defaults(direction):
        return general
    at_defaults, arrays = scalar_formula_of(name, direction, "float32", at_defaults=True), input_count(name, direction)
    defaults = tuple(parameter.default for parameter in registry[name].parameters)

    @inlined
    def choose(*args):
        return at_defaults(*args) if args[arrays:] == defaults else general(*args)

    return choose


@functools.cache
def _scalar(name, direction, part=None):
    """A function of scalars that compiled code may call: in float32 where the last array operand is, else float64.

    Of two results it gives the `part`-th.
    """
    pick = _identity if part is None else inlined(lambda results: results[part])
    formula32, formula64 = _formula32(name, direction), scalar_formula_of(name, direction, "float64")
    parameters = registry[name].parameters
    arrays = input_count(name, direction)
    doubles = _map((_double,) * (arrays + len(parameters)))
    pairs = _map((_exact,) * arrays + tuple(map(_enter_parameter, parameters)))

    def scalar(*args):
        raise NotImplementedError("for compiled code only")

    def in_float32(*args):
        return np.float32(pick(formula32(*doubles(args))))

    def in_float64(*args):
        return precision.float64_of(pick(formula64(*pairs(args))))

    @overloaded(scalar)
    def choose(*args):
        operands = args[0] if len(args) == 1 and isinstance(args[0], types.BaseTuple) else args
        narrow = all(numba_type == types.float32 for numba_type in operands[:arrays])
        return in_float32 if narrow else in_float64

    return scalar


def _of_arity(function, count):
    """`function` with a fixed number of arguments, which Numba's ufuncs need."""
    return {
        1: lambda a: function(a),
        2: lambda a, b: function(a, b),
        3: lambda a, b, c: function(a, b, c),
        4: lambda a, b, c, d: function(a, b, c, d),
        5: lambda a, b, c, d, e: function(a, b, c, d, e),
        6: lambda a, b, c, d, e, f: function(a, b, c, d, e, f),
    }[count]


@functools.cache
def compiled(name, direction):
    """The compiled function behind a direction, with the public signature."""
    definition = registry[name]
    count = input_count(name, direction) + len(definition.parameters)
    if definition.results(direction) == 2:
        first, second = (numba.vectorize(_of_arity(_scalar(name, direction, part), count)) for part in (0, 1))

        def both(*args):
            return first(*args), second(*args)

        function = _of_arity(inlined(both), count)
    else:
        ufunc = numba.vectorize(_of_arity(_scalar(name, direction), count))
        function = _of_arity(ufunc, count)
    names = (*definition.operands(direction), *(parameter.name for parameter in definition.parameters))
    defaults = tuple(parameter.default for parameter in definition.parameters)
    return numba.njit(_with_signature(function, names, defaults), **FROM_KERNELS)


def _with_signature(function, names, defaults):
    """The function with its arguments renamed: Numba reads names and defaults off the code object."""
    code = function.__code__.replace(co_varnames=names)
    return FunctionType(code, function.__globals__, function.__name__, defaults, function.__closure__)
