"""From a straight-line program to code: LLVM's for a device or a processor, Python's for the simulator.

Every operation is one of IEEE 754's, rounded once, and none is contracted with its neighbour or rearranged: a GPU, a
processor and Python give the same bits.
"""

import functools

import numpy as np
from llvmlite import ir

from fastact._math import arithmetic
from fastact.cuda.tracing import FLOATS, INTEGERS

LLVM_TYPE = {
    "float32": ir.FloatType(),
    "float64": ir.DoubleType(),
    "int32": ir.IntType(32),
    "int64": ir.IntType(64),
    "bool": ir.IntType(1),
}
_COMPARISONS = {
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
}
#: What keeps tables on a device: its global memory.
DEVICE_ADDRESS_SPACE = 1


class _Emitter:
    """Writes the instructions of a program, once for each set of arguments."""

    def __init__(self, builder, program, on_device):
        self.builder, self.program, self.on_device = builder, program, on_device

    def run(self, arguments):
        self.values, self.arguments = [], arguments
        for operation in self.program.operations:
            self.values.append(self._emit(operation))
        return [self.values[place] for place in self.program.results]

    def _emit(self, operation):
        name, kind, operands = operation
        if name == "input":
            return self.arguments[operands[0]]
        if name == "constant":
            return ir.Constant(LLVM_TYPE[kind], operands[0])
        if name == "entry":
            return self._entry(kind, *operands)
        values = [self.values[place] for place in operands]
        from_type = self.program.operations[operands[0]].type
        if name in _COMPARISONS:
            return self._compare(_COMPARISONS[name], from_type, values)
        return getattr(self, f"_{name}")(kind, from_type, *values)

    def _compare(self, sign, kind, values):
        if kind in INTEGERS:
            return self.builder.icmp_signed(sign, *values)
        if sign == "!=":
            return self.builder.fcmp_unordered(sign, *values)
        return self.builder.fcmp_ordered(sign, *values)

    def _add(self, kind, _, a, b):
        return self.builder.fadd(a, b) if kind in FLOATS else self.builder.add(a, b)

    def _subtract(self, kind, _, a, b):
        return self.builder.fsub(a, b) if kind in FLOATS else self.builder.sub(a, b)

    def _multiply(self, kind, _, a, b):
        if not self.on_device or kind in INTEGERS:
            return self.builder.fmul(a, b) if kind in FLOATS else self.builder.mul(a, b)
        # A plain product would be contracted with the sum that takes it, which pairs do not survive.
        return self._nvvm("mul.rn", kind, a, b)

    def _divide(self, kind, _, a, b):
        return self.builder.fdiv(a, b)

    def _negate(self, kind, _, a):
        if kind in INTEGERS:
            return self.builder.neg(a)
        # NVVM's LLVM is older than the instruction fneg.
        return self.builder.fsub(ir.Constant(LLVM_TYPE[kind], -0.0), a) if self.on_device else self.builder.fneg(a)

    def _absolute(self, kind, _, a):
        if self.on_device:
            return self._nvvm("fabs", kind, a)
        return self._intrinsic("llvm.fabs", kind, a)

    def _fma(self, kind, _, a, b, c):
        return self._intrinsic("llvm.fma", kind, a, b, c)

    def _sqrt(self, kind, _, a):
        return self._intrinsic("llvm.sqrt", kind, a)

    def _copysign(self, kind, _, a, b):
        if not self.on_device:
            return self._intrinsic("llvm.copysign", kind, a, b)
        # NVVM has no llvm.copysign.
        bits = LLVM_TYPE["int32" if kind == "float32" else "int64"]
        sign = ir.Constant(bits, 1 << bits.width - 1)
        rest = ir.Constant(bits, (1 << bits.width - 1) - 1)
        a, b = (self.builder.bitcast(each, bits) for each in (a, b))
        joined = self.builder.or_(self.builder.and_(a, rest), self.builder.and_(b, sign))
        return self.builder.bitcast(joined, LLVM_TYPE[kind])

    def _and(self, kind, _, a, b):
        return self.builder.and_(a, b)

    def _or(self, kind, _, a, b):
        return self.builder.or_(a, b)

    def _shift_left(self, kind, _, a, b):
        return self.builder.shl(a, b)

    def _shift_right(self, kind, _, a, b):
        return self.builder.ashr(a, b)

    def _select(self, kind, _, condition, a, b):
        return self.builder.select(condition, a, b)

    def _bits(self, kind, _, a):
        return self.builder.bitcast(a, LLVM_TYPE[kind])

    def _convert(self, kind, from_type, a):
        return convert(self.builder, a, from_type, kind)

    def _intrinsic(self, name, kind, *values):
        return self._call(f"{name}.{'f32' if kind == 'float32' else 'f64'}", kind, *values)

    def _nvvm(self, name, kind, *values):
        return self._call(f"llvm.nvvm.{name}.{'f' if kind == 'float32' else 'd'}", kind, *values)

    def _call(self, name, kind, *values):
        function_type = ir.FunctionType(LLVM_TYPE[kind], [LLVM_TYPE[kind]] * len(values))
        module = self.builder.module
        function = module.globals.get(name) or ir.Function(module, function_type, name)
        return self.builder.call(function, values)

    def _entry(self, kind, table, row):
        array, module = self.program.tables[table], self.builder.module
        space = DEVICE_ADDRESS_SPACE if self.on_device else 0
        name = f"fastact_table_{id(array)}"
        constant = module.globals.get(name)
        if constant is None:
            table_type = ir.ArrayType(LLVM_TYPE[kind], len(array))
            constant = ir.GlobalVariable(module, table_type, name, space)
            constant.global_constant, constant.linkage = True, "internal"
            constant.initializer = ir.Constant(table_type, [float(item) for item in array])
        zero = ir.Constant(LLVM_TYPE["int64"], 0)
        return self.builder.load(self.builder.gep(constant, [zero, self.values[row]]))


def convert(builder, value, from_type, to_type):
    """A number in another type; `from_type` may also be an unsigned integer's name."""
    if from_type == to_type:
        return value
    target = LLVM_TYPE[to_type]
    if to_type in FLOATS:
        if from_type == "bool" or from_type.startswith("uint"):
            return builder.uitofp(value, target)
        if from_type not in FLOATS:
            return builder.sitofp(value, target)
        return builder.fpext(value, target) if to_type == "float64" else builder.fptrunc(value, target)
    if from_type in FLOATS:
        return builder.fptosi(value, target)
    if from_type == "bool":
        return builder.zext(value, target)
    return builder.sext(value, target) if to_type == "int64" else builder.trunc(value, target)


def emit(builder, program, arguments, on_device):
    """Write a program's instructions, and return its results."""
    return _Emitter(builder, program, on_device).run(arguments)


# --- Python ----------------------------------------------------------------------------------------


def _fma(kind):
    if kind == "float64":
        return lambda a, b, c: np.float64(arithmetic.fma(float(a), float(b), float(c)))

    def fma(a, b, c):
        # The product is exact in float64. Where the sum is not, rounding it to odd makes the second rounding right.
        product, c = float(a) * float(b), float(c)
        total = product + c
        error = (product - (total - (total - product))) + (c - (total - product)) if np.isfinite(total) else 0.0
        if error and not np.float64(total).view(np.int64) & 1:
            total = float(np.nextafter(total, np.inf if error > 0.0 else -np.inf))
        return np.float32(total)

    return fma


def _to_integer(kind):
    convert = np.dtype(kind).type
    return lambda a: convert(a) if np.isfinite(a) else convert(0)


_PYTHON = {
    "add": "{} + {}",
    "subtract": "{} - {}",
    "multiply": "{} * {}",
    "divide": "{} / {}",
    "negate": "-{}",
    "absolute": "abs({})",
    "and": "{} & {}",
    "or": "{} | {}",
    "shift_left": "{} << {}",
    "shift_right": "{} >> {}",
    "select": "{1} if {0} else {2}",
    "sqrt": "np.sqrt({})",
    "copysign": "np.copysign({}, {})",
    **{name: "{} " + sign + " {}" for name, sign in _COMPARISONS.items()},
}


@functools.cache
def python_function(program):
    """A function of NumPy's scalars that gives a tuple of them: the program as it is, for where there is no device."""
    names = {"np": np, "fma_float32": _fma("float32"), "fma_float64": _fma("float64")}
    names |= {f"to_{kind}": _to_integer(kind) for kind in INTEGERS}
    names |= {f"table{i}": table for i, table in enumerate(program.tables)}
    lines = []
    for place, (name, kind, operands) in enumerate(program.operations):
        given = [f"v{each}" for each in operands]
        if name == "input":
            text = f"np.{'bool' if kind == 'bool' else kind}(arguments[{operands[0]}])"
        elif name == "constant":
            names[f"v{place}"] = np.dtype(kind).type(operands[0])
            continue
        elif name == "entry":
            text = f"table{operands[0]}[v{operands[1]}]"
        elif name == "fma":
            text = f"fma_{kind}({', '.join(given)})"
        elif name == "bits":
            text = f"{given[0]}.view(np.{kind})"
        elif name == "convert":
            is_float = kind in FLOATS or program.operations[operands[0]].type not in FLOATS
            text = f"{'np' if is_float else 'to'}{'.' if is_float else '_'}{kind}({given[0]})"
        else:
            text = _PYTHON[name].format(*given)
        lines.append(f"        v{place} = {text}")
    results = ", ".join(f"v{place}" for place in program.results)
    header = ["def run(*arguments):", "    with np.errstate(all='ignore'):"]
    exec("\n".join([*header, *(lines or ["        pass"]), f"    return ({results},)"]), names)
    return names["run"]
