"""From a formula to a block kernel: a compiled loop over contiguous operands of one dtype.

A kernel exists per activation, direction, dtype and way of passing the parameters: as *constants*, loaded once before
the loop, or as *operands*, which vary along it. Constants that are the defaults have a kernel of their own where a
formula makes something of that.
"""

import functools
import sys

import numba

from fastact._definition import registry
from fastact._engine import intrinsics as llvm
from fastact._engine import precision, single
from fastact._engine.cache import compile_function
from fastact._engine.conversions import to_float32, to_float64
from fastact._engine.inlined import apart, inlined
from fastact._engine.moderate import make_moderate_number
from fastact._lock import once
from fastact._math.working import balanced, where

KERNEL_SIGNATURE = "void(intp, intp, intp)"
INFINITY = float("inf")
WEIGHTED = "weighted_"  # a derivative with respect to a parameter, times grad
# So many elements are looked at for one that is not moderate.
STRETCH = 512
CONSTANT_BYTES = 16  # two float64: a parameter in working precision


@inlined
def _constant(address, index, i):
    return llvm.load(address, CONSTANT_BYTES * index, numba.float64)


@inlined
def _pair_constant(address, index, i):
    hi = llvm.load(address, CONSTANT_BYTES * index, numba.float64)
    return precision.make_pair(hi, llvm.load(address, CONSTANT_BYTES * index + 8, numba.float64))


# Per dtype: its elements' type, how they enter and leave working precision, how a constant is loaded.
ELEMENT = {"float32": numba.float32, "float64": numba.float64}
ENTER = {"float32": to_float64, "float64": precision.exact}
LEAVE = {"float32": to_float32, "float64": precision.float64_of}
LOAD_CONSTANT = {"float32": _constant, "float64": _pair_constant}


# What kernels are put together from is made once for each dtype, not once for each kernel: Numba compiles every
# function by itself before it becomes part of another, which takes longer than a typical formula does.


@inlined
def nothing(source, i):
    """No items: an empty tuple."""
    return ()


@functools.cache
def tuple_of(item, count):
    """A compiled function of (source, i) that gives the tuple item(source, 0, i) ... item(source, count - 1, i)."""
    if count == 0:
        return nothing
    others, last = tuple_of(item, count - 1), count - 1

    @inlined
    def items(source, i):
        return others(source, i) + (item(source, last, i),)

    return items


# --- formulas per direction ------------------------------------------------------------------------


def _backward_of(derivative):
    @inlined
    def backward(grad, x, *parameters):
        return grad * derivative(x, *parameters)

    return backward


def _without_scale(formula):
    @inlined
    def factors(x):
        return formula(x), 1.0

    return factors


def _tail(gate, direction, dtype):
    """A gate's value or derivative at g as a pair (c, q): it is ``c * q**4``, and neither underflows where that would.

    What the gate is multiplied by may be large enough to bring the lost digits back. At infinity it is exactly 0
    where that is its limit.
    """
    definition = registry[gate]
    low, high = definition.limits[direction]
    tail = definition.formulas.get(f"{direction}_tail_{dtype}")
    factors = inlined(tail) if tail else _without_scale(unrounded_formula_of(gate, direction, dtype))
    if low != 0.0 and high != 0.0:
        return factors

    @inlined
    def with_limits(g):
        c, q = factors(g)
        return where(abs(g) < INFINITY, c, where(g < 0.0, low, where(g > 0.0, high, g))), q

    return with_limits


@inlined
def _gate_times(x, c, q):
    # In this order nothing overflows or underflows before the result does: q is at most 1, as is c q**2 where q < 1.
    return (((x * q) * q) * c) * q * q


def _gated(gate):
    @inlined
    def value(x, gate_input):
        c, q = gate(gate_input)
        return _gate_times(x, c, q)

    return value


def _gated_backward(gate, slope):
    @inlined
    def backward(grad, x, gate_input):
        c, q = gate(gate_input)
        slope_c, slope_q = slope(gate_input)
        (grad_c, grad_q), (x_c, x_q) = balanced(grad), balanced(x)
        root = grad_q * x_q * slope_q
        return _gate_times(grad, c, q), ((((grad_c * x_c) * slope_c) * root) * root) * root * root

    return backward


def _both(value, derivative):
    @inlined
    def value_and_derivative(x, *parameters):
        return value(x, *parameters), derivative(x, *parameters)

    return value_and_derivative


def _between(enter, formula, leave, arrays):
    """A formula whose arrays, one or two, enter what it computes in, and whose result leaves it."""

    @inlined
    def of_one(x, *parameters):
        return leave(formula(enter(x), *parameters))

    @inlined
    def of_two(first, second, *parameters):
        return leave(formula(enter(first), enter(second), *parameters))

    return of_two if arrays == 2 else of_one


def _has_grad(direction):
    return direction.startswith(("backward", WEIGHTED))


def _of_moderate(formula, direction):
    """A formula that is told that `x` is a moderate number."""

    @inlined
    def of_one(x, *parameters):
        return formula(make_moderate_number(x), *parameters)

    @inlined
    def of_two(grad, x, *parameters):
        return formula(grad, make_moderate_number(x), *parameters)

    return of_two if _has_grad(direction) else of_one


def moderates_of(definition_name, direction):
    """A compiled function that tells of a direction's operands whether `x` is a moderate number, or None.

    A definition says which numbers are (``is_moderate``) where its formulas have less to do for these.
    """
    formula = registry[definition_name].formulas.get("is_moderate")
    if not (formula and _has_grad(direction)):
        return formula and inlined(formula)
    is_moderate = inlined(formula)
    return inlined(lambda grad, x, *parameters: is_moderate(x, *parameters))


@functools.cache
def formula_of(definition_name, direction, dtype, at_defaults=False):
    """The compiled-code form of a direction's formula, made of those that the definition gives.

    For float32 a definition may have the same function in fewer operations: in float64 (``value_float32``), or in
    float32 itself (``value_single``), where what it gives needs no other rounding; and, for the default parameters
    alone, in float32 (``value_single_at_defaults``).
    """
    in_float32 = single_formula_of(definition_name, direction, dtype, at_defaults)
    if in_float32:
        return _between(to_float32, in_float32, to_float64, len(registry[definition_name].operands(direction)))
    return unrounded_formula_of(definition_name, direction, dtype, at_defaults)


@functools.cache
def single_formula_of(definition_name, direction, dtype, at_defaults=False):
    """The compiled-code form of a direction's formula from float32 to float32, or None where there is none.

    It is written for float32 (``value_single``), or the one for every precision, where that is as good in float32. A
    gated unit's is its gate's (``times_value_single``): the value at one array times another.
    """
    definition = registry[definition_name]
    if dtype != "float32" or definition.kind not in ("elementwise", "gated"):
        return None
    register_helpers()
    if definition.gate:
        formula = registry[definition.gate].formulas.get(f"times_{direction}_single")
        return formula and inlined(formula)
    for name in (f"{direction}_single_at_defaults",) * at_defaults + (f"{direction}_single",):
        if name in definition.formulas:
            return inlined(definition.formulas[name])
    name = direction.replace("backward", "derivative", 1)
    if name not in definition.in_single_precision:
        return None
    formula = inlined(definition.formulas[name])
    formula = formula if name == direction else _backward_of(formula)
    return _between(single.make_single, formula, single.leave_single, len(definition.operands(direction)))


@functools.cache
def unrounded_formula_of(definition_name, direction, dtype, at_defaults=False):
    """As `formula_of`, but what it gives is in working precision, for others to go on with."""
    register_helpers()
    formulas, gate = registry[definition_name].formulas, registry[definition_name].gate
    if gate:
        value = _tail(gate, "value", dtype)
        return _gated(value) if direction == "value" else _gated_backward(value, _tail(gate, "derivative", dtype))
    if direction in formulas:
        return inlined(formulas.get(f"{direction}_{dtype}", formulas[direction]))
    if direction == "value_and_derivative":
        return _both(*(formula_of(definition_name, part, dtype, at_defaults) for part in ("value", "derivative")))
    if direction.startswith(WEIGHTED):
        return _backward_of(unrounded_formula_of(definition_name, direction.removeprefix(WEIGHTED), dtype))
    derivative = direction.replace("backward", "derivative", 1)
    return _backward_of(unrounded_formula_of(definition_name, derivative, dtype))


@functools.cache
def scalar_formula_of(definition_name, direction, dtype, at_defaults=False):
    """As `formula_of`, for one number at a time: where that is moderate, what it saves is not computed."""
    formula = formula_of(definition_name, direction, dtype, at_defaults)
    is_moderate = moderates_of(definition_name, direction)
    if not is_moderate:
        return formula
    of_moderate = _of_moderate(formula, direction)
    return inlined(lambda *operands: of_moderate(*operands) if is_moderate(*operands) else formula(*operands))


@once
def register_helpers():
    """Make the private helpers of all families callable from compiled code."""
    modules = {formula.__module__ for definition in registry.values() for formula in definition.formulas.values()}
    for module in modules:
        for name, value in vars(sys.modules[module]).items():
            if name.startswith("_") and getattr(value, "__module__", None) == module:
                inlined(value)


# --- kernels ---------------------------------------------------------------------------------------


@inlined
def _address(source, index, offset):
    return llvm.load_word(source, index + offset)


@functools.cache
def operand_of(element, enter):
    """A compiled function of (places, index, i) that loads element i of an operand and has it enter."""
    size = element.bitwidth // 8
    return inlined(lambda places, index, i: enter(llvm.load_operand(places[index], size * i, element)))


class _Loops:
    """The loops of one kernel, from what its formula's operands, parameters and results are."""

    def __init__(self, enter, dtype, operands, constants, results):
        element, self.operands, self.results = ELEMENT[dtype], operands, results
        self.size, self.leave = element.bitwidth // 8, LEAVE[dtype]
        self.operand_addresses, self.result_addresses = tuple_of(_address, operands), tuple_of(_address, results)
        self.load_operands = tuple_of(operand_of(element, enter), operands)
        self.load_constants = tuple_of(LOAD_CONSTANT[dtype], constants)

    def write(self, formula):
        """A function that writes a formula's results for a stretch of a block."""
        operands, size, leave = self.operands, self.size, self.leave
        operand_addresses, result_addresses = self.operand_addresses, self.result_addresses
        load_operands, load_constants = self.load_operands, self.load_constants

        def one_result(begin, end, places, constants):
            llvm.fit_for_vectors()
            llvm.interleave()
            sources, result = operand_addresses(places, 0), llvm.load_word(places, operands)
            parameters = load_constants(constants, 0)
            for i in range(begin, end):
                y = formula(*(load_operands(sources, i) + parameters))
                llvm.store_result(result, size * i, leave(y))

        def two_results(begin, end, places, constants):
            llvm.fit_for_vectors()
            llvm.interleave()
            sources, (first, second) = operand_addresses(places, 0), result_addresses(places, operands)
            parameters = load_constants(constants, 0)
            for i in range(begin, end):
                y, d = formula(*(load_operands(sources, i) + parameters))
                llvm.store_result(first, size * i, leave(y))
                llvm.store_result(second, size * i, leave(d))

        return one_result if self.results == 1 else two_results

    def count_others(self, condition):
        """A function that counts the elements of a stretch for which a condition does not hold."""
        operand_addresses = self.operand_addresses
        load_operands, load_constants = self.load_operands, self.load_constants

        def count(begin, end, places, constants):
            llvm.fit_for_vectors()
            sources, parameters, others = operand_addresses(places, 0), load_constants(constants, 0), 0
            for i in range(begin, end):
                others += not condition(*(load_operands(sources, i) + parameters))
            return others

        return count


def _whole(loop):
    """A kernel of one loop."""
    loop = inlined(loop)

    def kernel(length, places, constants):
        llvm.fit_for_vectors()
        loop(0, length, places, constants)

    return kernel


def _by_size(count, of_moderate, of_any):
    """A kernel of two loops, one for stretches of moderate numbers alone."""
    count, of_moderate, of_any = apart(count), apart(of_moderate), apart(of_any)

    def kernel(length, places, constants):
        llvm.fit_for_vectors()
        for begin in range(0, length, STRETCH):
            end = min(begin + STRETCH, length)
            if count(begin, end, places, constants) == 0:
                of_moderate(begin, end, places, constants)
            else:
                of_any(begin, end, places, constants)

    return kernel


def block_kernel(definition_name, direction, dtype, operands, constants, results=1, at_defaults=False):
    """Compile the kernel of one direction of one activation.

    Parameters
    ----------
    definition_name, direction : str
        What to compute.
    dtype : {"float32", "float64"}
        Of all operands and results.
    operands, constants, results : int
        How many arrays it reads, how many parameters it takes as constants, how many arrays it writes.
    at_defaults : bool
        Whether these constants are the defaults, and a formula makes something of that.
    """
    # What is in float32 goes without `formula_of`: LLVM turns comparisons of what has been converted there and back
    # into ones of float64.
    in_float32 = single_formula_of(definition_name, direction, dtype, at_defaults)
    formula = in_float32 or unrounded_formula_of(definition_name, direction, dtype, at_defaults)
    enter = to_float32 if in_float32 else ENTER[dtype]
    loops, is_moderate = _Loops(enter, dtype, operands, constants, results), moderates_of(definition_name, direction)
    if is_moderate:
        of_moderate = loops.write(_of_moderate(formula, direction))
        kernel = _by_size(loops.count_others(is_moderate), of_moderate, loops.write(formula))
    else:
        kernel = _whole(loops.write(formula))
    name = f"{definition_name}-{direction}-{dtype}-{operands}-{constants}" + "-defaults" * at_defaults
    return compile_function(kernel, KERNEL_SIGNATURE, name)
