"""From a formula to a straight-line program: what a GPU runs is what the formula says, operation by operation.

Formulas and the elementary functions under them are plain Python without branches: assignments, calls, conditional
expressions. So one run on symbols writes down every operation that they will ever need. The program that comes of it
knows nothing of Python, classes or calls: see `lowering` for what is made of it.

A conditional expression on a symbol cannot choose; it must compute both sides and select. `_source_of` says how a
function's own source is turned into one that does.
"""

import ast
import builtins
import functools
import math
import types
from typing import NamedTuple

import numpy as np

from fastact._math import arithmetic, circular, float32, working

FLOATS, INTEGERS = ("float32", "float64"), ("int32", "int64")
BITS_OF = {"float32": "int32", "float64": "int64", "int32": "float32", "int64": "float64"}


class Operation(NamedTuple):
    """One step of a program.

    Attributes
    ----------
    name : str
        ``"input"``, ``"constant"``, ``"add"``, ``"select"`` and so on: `lowering` has them all.
    type : str
        Of its result: a dtype's name, ``"bool"`` for what comparisons give.
    operands : tuple
        The steps whose results it takes, by their places in the program; what a constant is.
    """

    name: str
    type: str
    operands: tuple

    @property
    def places(self):
        """The steps among the operands: an entry's first is a table."""
        return () if self.name in ("input", "constant") else self.operands[self.name == "entry" :]

    def moved(self, to):
        """The same operation on steps that have got other places."""
        others = self.operands[: len(self.operands) - len(self.places)]
        return self._replace(operands=(*others, *(to[place] for place in self.places)))


class Program:
    """Steps in their order, each distinct one once, and which of them are results."""

    def __init__(self, inputs):
        self.operations, self._places, self.tables = [], {}, []
        self.inputs = [self.step("input", kind, i) for i, kind in enumerate(inputs)]
        self.results = ()

    def step(self, name, kind, *operands):
        """The number that an operation gives; an operation that is there already is not done twice."""
        operation = Operation(name, kind, operands)
        # Both zeros are equal, and NaN is not equal to itself.
        key = (name, kind, *((repr(item) if name == "constant" else item) for item in operands))
        if key not in self._places:
            self._places[key] = len(self.operations)
            self.operations.append(operation)
        return Number(self, self._places[key], kind)

    def drop_unused(self):
        """Leave out the steps that no result needs, but for the inputs."""
        needed = {*self.results, *(number.place for number in self.inputs)}
        for place in reversed(range(len(self.operations))):
            if place in needed:
                needed.update(self.operations[place].places)
        moved = {old: new for new, old in enumerate(sorted(needed))}
        self.operations = [self.operations[old].moved(moved) for old in moved]
        self.inputs = [Number(self, moved[number.place], number.type) for number in self.inputs]
        self.results, self._places = tuple(moved[place] for place in self.results), {}

    def constant(self, value, kind):
        """A number that is known."""
        if kind == "bool":
            return self.step("constant", kind, bool(value))
        with np.errstate(over="ignore", under="ignore"):
            rounded = np.dtype(kind).type(value)
        return self.step("constant", kind, rounded.item())

    def table(self, array):
        """The place of a table among those of the program."""
        for place, known in enumerate(self.tables):
            if known is array:
                return place
        self.tables.append(array)
        return len(self.tables) - 1


class Number:
    """The result of a step, with the operators that formulas use."""

    __slots__ = ("place", "program", "type")

    def __init__(self, program, place, kind):
        self.program, self.place, self.type = program, place, kind

    def __bool__(self):
        raise TypeError("a formula that is traced must not branch on its input: use a conditional expression")

    def number(self, other, kind=None):
        """Another operand of an operation with this one."""
        return other if isinstance(other, Number) else self.program.constant(other, kind or self.type)

    def _step(self, name, *others, kind=None):
        places = [self.number(other).place for other in others]
        return self.program.step(name, kind or self.type, self.place, *places)

    def _swapped(self, name, other):
        other = self.number(other)
        return other._step(name, self)

    def __add__(self, other):
        return NotImplemented if _is_pair(other) else self._step("add", other)

    def __sub__(self, other):
        return NotImplemented if _is_pair(other) else self._step("subtract", other)

    def __mul__(self, other):
        return NotImplemented if _is_pair(other) else self._step("multiply", other)

    def __truediv__(self, other):
        return NotImplemented if _is_pair(other) else self._step("divide", other)

    def __radd__(self, other):
        return self._swapped("add", other)

    def __rsub__(self, other):
        return self._swapped("subtract", other)

    def __rmul__(self, other):
        return self._swapped("multiply", other)

    def __rtruediv__(self, other):
        return self._swapped("divide", other)

    def __neg__(self):
        return self._step("negate")

    def __abs__(self):
        return self._step("absolute")

    def __lt__(self, other):
        return NotImplemented if _is_pair(other) else self._step("less", other, kind="bool")

    def __le__(self, other):
        return NotImplemented if _is_pair(other) else self._step("less_equal", other, kind="bool")

    def __gt__(self, other):
        return NotImplemented if _is_pair(other) else self._step("greater", other, kind="bool")

    def __ge__(self, other):
        return NotImplemented if _is_pair(other) else self._step("greater_equal", other, kind="bool")

    def __eq__(self, other):
        return self._step("equal", other, kind="bool")

    def __ne__(self, other):
        return self._step("not_equal", other, kind="bool")

    __hash__ = None

    def __and__(self, other):
        return self._step("and", other)

    def __or__(self, other):
        return self._step("or", other)

    def __lshift__(self, other):
        return self._step("shift_left", other)

    def __rshift__(self, other):
        return self._step("shift_right", other)

    def fma(self, b, c):
        """Compute the number times `b`, plus `c`, with one rounding."""
        return self._step("fma", b, c)

    def sqrt(self):
        """The square root."""
        return self._step("sqrt")

    def copysign(self, sign):
        """The magnitude, with another's sign."""
        return self._step("copysign", sign)

    def to(self, kind):
        """The same number in another type."""
        if kind == self.type:
            return self
        name, _, operands = self.program.operations[self.place]
        if (name, self.type) == ("convert", "float64") and self.program.operations[operands[0]].type == kind:
            return Number(self.program, operands[0], kind)  # there and back
        return self._step("convert", kind=kind)

    def view(self, dtype):
        """The same bits, read as another type."""
        if dtype.kind != BITS_OF[self.type]:
            raise TypeError(f"{self.type} has not the bits of {dtype.kind}")
        return self._step("bits", kind=dtype.kind)

    def entry_of(self, table):
        """The table's number at this place."""
        return self.program.step("entry", table.dtype.name, self.program.table(table), self.place)


# --- what takes the place of Python's own ----------------------------------------------------------


def _first_number(*values):
    return next((value for value in values if isinstance(value, Number)), None)


def _fma(a, b, c):
    like = _first_number(a, b, c)
    return arithmetic.fma(a, b, c) if like is None else like.number(a).fma(b, c)


def _sqrt(x):
    return x.sqrt() if isinstance(x, Number) else math.sqrt(x)


def _copysign(x, sign):
    like = _first_number(x, sign)
    return math.copysign(x, sign) if like is None else like.number(x).copysign(sign)


def _entry(table, row):
    return row.entry_of(table) if isinstance(row, Number) else circular.entry(table, row)


def _float(x):
    if not isinstance(x, Number):
        return float(x)
    return x if x.type in FLOATS else x.to("float64")


class _Type:
    """What stands for ``np.float64`` and its like."""

    def __init__(self, kind):
        self.kind = kind

    def __call__(self, x):
        return x.to(self.kind) if isinstance(x, Number) else np.dtype(self.kind).type(x)


def choose(condition, yes, no):
    """What a conditional expression gives: both sides are functions of nothing."""
    if not isinstance(condition, Number):
        return yes() if condition else no()
    if condition.type in INTEGERS:
        condition = condition != 0
    return select(condition, yes(), no())


class Chosen:
    """A kind of number of its own, which knows how one of two is selected."""

    def chosen(self, condition, yes, no):
        """One of two by a symbol."""
        raise NotImplementedError


_KIND_OF = {bool: "bool", int: "int64"}


def select(condition, yes, no):
    """One of two numbers, pairs or tuples of them, by a symbol."""
    if isinstance(yes, tuple) or isinstance(no, tuple):
        return tuple(select(condition, *both) for both in zip(yes, no, strict=True))
    for value in (yes, no):
        if isinstance(value, Chosen):
            return value.chosen(condition, yes, no)
    if _is_pair(yes) or _is_pair(no):
        (yes_hi, yes_lo), (no_hi, no_lo) = traced(working.parts)(yes), traced(working.parts)(no)
        return _pair_class()(select(condition, yes_hi, no_hi), select(condition, yes_lo, no_lo))
    like = _first_number(yes, no)
    if like is None:
        if type(yes) is type(no) and repr(yes) == repr(no):
            return yes
        kind = yes.dtype.name if isinstance(yes, np.generic) else _KIND_OF.get(type(yes), condition.program.float_type)
        like = yes = condition.program.constant(yes, kind)
    yes, no = like.number(yes), like.number(no)
    if yes.place == no.place:
        return yes
    return condition.program.step("select", like.type, condition.place, yes.place, no.place)


def both(first, second):
    """What ``first and second`` gives; the second is a function of nothing."""
    return first & second() if isinstance(first, Number) else first and second()


class _Names:
    """A module as a traced function sees it: its functions are traced ones."""

    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        return _in_place_of(getattr(self._module, name))


_MATH = types.SimpleNamespace(
    **{name: getattr(math, name) for name in ("inf", "nan", "pi", "e")}, sqrt=_sqrt, copysign=_copysign
)
_NUMPY = types.SimpleNamespace(**{kind: _Type(kind) for kind in (*FLOATS, *INTEGERS)})


@functools.cache
def _pair_class():
    """`working.Pair` with traced methods."""
    pair = type("Pair", (), {})
    for name, method in vars(working.Pair).items():
        if isinstance(method, types.FunctionType):
            setattr(pair, name, _rewritten(method, {"Pair": pair}))
    pair.__abs__ = _absolute_pair
    return pair


def _absolute_pair(x):
    """As the processor's kernels have it: of -0.0 it is 0.0, which a comparison with 0 would not see."""
    return pair(abs(x.hi), choose(x.hi < 0.0, lambda: -x.lo, lambda: x.lo))


def _is_pair(value):
    return type(value) is _pair_class()


def pair(hi, lo=0.0):
    """A number in two parts."""
    return _pair_class()(hi, lo)


def _is_number(parameter):
    # An array's elements are float32, converted.
    return parameter.type == "float64" and parameter.program.operations[parameter.place].name == "input"


_STAND_INS = {
    arithmetic.fma: _fma,
    circular.entry: _entry,
    float32.is_number: _is_number,
    # Both ways would be computed, for every element.
    float32.may_branch_on: lambda parameter: False,
}


def stand_in(function, kind, other):
    """Let `other` do what a function does, where its first argument is of this kind."""
    usual = _STAND_INS.get(function) or traced(function)

    def by_kind(x, *others):
        return other(x, *others) if isinstance(x, kind) else usual(x, *others)

    _STAND_INS[function] = by_kind


def _in_place_of(value):
    """What a traced function finds in the place of a global name's value."""
    if value is working.Pair:
        return _pair_class()
    if value is math:
        return _MATH
    if value is np:
        return _NUMPY
    if isinstance(value, types.ModuleType):
        return _Names(value)
    if isinstance(value, types.FunctionType):
        return _STAND_INS.get(value) or traced(value)
    return _float if value is float else value


# --- functions, rewritten --------------------------------------------------------------------------


class _Selecting(ast.NodeTransformer):
    """Writes conditional expressions as calls of `choose`, and ``and`` as one of `both`."""

    def visit_IfExp(self, node):
        self.generic_visit(node)
        return _call("_choose", node.test, _later(node.body), _later(node.orelse))

    def visit_BoolOp(self, node):
        self.generic_visit(node)
        if not isinstance(node.op, ast.And):
            raise TypeError("a formula that is traced must not use 'or'")
        first, *others = node.values
        for other in others:
            first = _call("_both", first, _later(other))
        return first


def _call(name, *arguments):
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _later(expression):
    nothing = ast.arguments([], [], None, [], [], None, [])
    return ast.Lambda(nothing, expression)


@functools.cache
def _functions_of(path):
    """The functions of a source file, nested ones too, by the line of their ``def`` or first decorator."""
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {min([node.lineno, *(each.lineno for each in node.decorator_list)]): node for node in functions}


@functools.cache
def _code_of(code):
    """A function's code with conditional expressions that select."""
    node = _functions_of(code.co_filename)[code.co_firstlineno]
    function = ast.FunctionDef(node.name, node.args, node.body, [], node.returns)
    if "type_params" in ast.FunctionDef._fields:
        function.type_params = []
    tree = ast.Module([_Selecting().visit(function)], [])
    return compile(ast.fix_missing_locations(tree), code.co_filename, "exec")


class _Globals(dict):
    """The names that a traced function sees, which are not the original's."""

    def __init__(self, function, own):
        super().__init__(own)
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        self._given = vars(builtins) | function.__globals__ | {name: cell.cell_contents for name, cell in cells}
        self["_choose"], self["_both"] = choose, both

    def fill(self, code):
        """Find all names that a function's code has."""
        node = _functions_of(code.co_filename)[code.co_firstlineno]
        used = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        for name in used & self._given.keys() - self.keys():
            self[name] = _in_place_of(self._given[name])


@functools.cache
def traced(function):
    """The function, for symbols."""
    return _rewritten(function, {})


def _rewritten(function, own):
    names = _Globals(function, own)

    def run(*args, **keywords):
        # Compiled with the first call and not before: functions may name each other.
        if "_rewritten" not in names:
            names.fill(function.__code__)
            exec(_code_of(function.__code__), names)
            names["_rewritten"] = names[function.__name__]
        return names["_rewritten"](*args, **keywords)

    return run


def trace(function, inputs, working_in):
    """Run a function on symbols and write down what it does.

    Parameters
    ----------
    function : callable
        Takes as many numbers as there are inputs, as `Number`, and gives a tuple of them.
    inputs : tuple of str
        The types of the program's inputs.
    working_in : {"float32", "float64"}
        What constants are that meet no other number.
    """
    program = Program(inputs)
    program.float_type = working_in
    results = function(*program.inputs)
    program.results = tuple(
        each.place if isinstance(each, Number) else program.constant(each, working_in).place for each in results
    )
    program.drop_unused()
    return program
