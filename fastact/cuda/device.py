"""Scalar forms of the functions, for kernels of your own.

Every element-wise activation and gated linear unit is here under its name, its directions with theirs behind it:
``device.gelu``, ``device.gelu_derivative``, ``device.elu_backward``, ``device.swiglu``. They take numbers, float32 or
float64, arrays' first and then parameters, and give a number of that dtype, or two.

Examples
--------
>>> from numba import cuda
>>> from fastact.cuda import device
>>> @cuda.jit
... def layer(x, y):
...     i = cuda.grid(1)
...     if i < x.size:
...         y[i] = device.gelu(x[i]) + device.elu(x[i], 0.5)
"""

import functools
from typing import Any

from fastact import _ufuncs
from fastact._definition import registry
from fastact.cuda import target

_KINDS = ("elementwise", "gated", "joined")


def __dir__() -> list[str]:
    return sorted(name for name, (activation, _) in _ufuncs.directions().items() if registry[activation].kind in _KINDS)


def __getattr__(name: str) -> Any:
    found = None if name.startswith("__") else _ufuncs.directions().get(name)
    if found is None or registry[found[0]].kind not in _KINDS:
        raise AttributeError(f"fastact.cuda.device has no {name!r}; dir(fastact.cuda.device) lists what it has")
    return _device_function(name, *found)


@functools.cache
def _device_function(name: str, activation: str, direction: str) -> Any:
    target.cuda()
    definition = registry[activation]
    arrays = definition.operands(direction)
    parameters = tuple(parameter.name for parameter in definition.parameters)
    scalar = _Scalar(activation, direction)
    # As text, since Numba asks a function for its arguments' names.
    declared = ", ".join((*arrays, *(f"{parameter}=None" for parameter in parameters)))
    text = f"def {name}({declared}): return simulated({', '.join((*arrays, *parameters))})"
    namespace: dict[str, Any] = {"simulated": scalar.simulated}
    exec(text, namespace)
    function = namespace[name]
    function.__module__, function.__doc__ = __name__, f"{definition.summary} ({direction.replace('_', ' ')}.)"
    return target.intrinsic(scalar.typing, scalar.codegen, function)


class _Scalar:
    """A direction of an activation as a function of scalars; a parameter that is None has its default."""

    def __init__(self, activation: str, direction: str) -> None:
        self._definition, self._direction = registry[activation], direction
        self._arrays = len(self._definition.operands(direction))
        self._is_number = (False,) * self._arrays + (True,) * len(self._definition.parameters)

    def _program(self, dtype: str, at_defaults: bool) -> Any:
        from fastact.cuda.formulas import elementwise_program

        at_defaults &= dtype == "float32" and self._definition.has_form_at_defaults(self._direction)
        return elementwise_program(self._definition.name, self._direction, dtype, self._is_number, at_defaults)

    def _results(self) -> int:
        return self._definition.results(self._direction)

    def typing(self, *types: Any) -> Any:
        """Numba's type of the result."""
        from numba.cuda import types as t

        dtype = getattr(t, self._dtype([str(each) for each in types[: self._arrays]]))
        return dtype if self._results() == 1 else t.UniTuple(dtype, self._results())

    @staticmethod
    def _dtype(kinds: list[str]) -> str:
        """What numbers of these types are computed in, as in NumPy."""
        narrow = {"float32", "float16", "bool", "int8", "uint8", "int16", "uint16"}
        return "float32" if narrow.issuperset(kinds) else "float64"

    def codegen(self, context: Any, builder: Any, signature: Any, args: Any) -> Any:
        """The result's LLVM value."""
        from llvmlite import ir
        from numba.cuda import types as t

        from fastact.cuda.lowering import emit

        dtype = signature.return_type if self._results() == 1 else signature.return_type.dtype
        given = [
            context.cast(builder, value, kind, dtype)
            for value, kind in zip(args[: self._arrays], signature.args, strict=False)
        ]
        own = zip(self._definition.parameters, args[self._arrays :], signature.args[self._arrays :], strict=True)
        left_out = [isinstance(kind, t.NoneType | t.Omitted) for kind in signature.args[self._arrays :]]
        for is_left_out, (parameter, value, kind) in zip(left_out, own, strict=True):
            if is_left_out:
                given += [ir.Constant(ir.DoubleType(), part) for part in parameter.parts(parameter.default)]
            else:
                given += [context.cast(builder, value, kind, t.float64), ir.Constant(ir.DoubleType(), 0.0)]
        results = emit(builder, self._program(str(dtype), all(left_out)), given, on_device=True)
        return results[0] if len(results) == 1 else context.make_tuple(builder, signature.return_type, results)

    def simulated(self, *values: Any) -> Any:
        """What the simulator calls."""
        import numpy as np

        from fastact.cuda.lowering import python_function

        given = list(values[: self._arrays])
        dtype = self._dtype([np.asarray(value).dtype.name for value in given])
        for parameter, value in zip(self._definition.parameters, values[self._arrays :], strict=True):
            given += parameter.parts(parameter.default) if value is None else (value, 0.0)
        at_defaults = all(value is None for value in values[self._arrays :])
        results = python_function(self._program(dtype, at_defaults))(*given)
        return results[0] if len(results) == 1 else results
