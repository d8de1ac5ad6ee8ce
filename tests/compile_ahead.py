"""Compile kernels into the cache of the tests' run, in a process beside it and from the other end.

Most of the run's time goes into compiling, one kernel after the other: whoever comes second to one takes it from the
cache.
"""

import numpy as np

import fastact as fa

OFTEN = ("value", "derivative", "second_derivative")
OTHERS = ("backward", "value_and_derivative", "derivative_from_output", "backward_from_output")


def compile_kernels(name: str, direction: str, dtype: str) -> None:
    activation, x = fa.get(name), np.zeros(1, dtype)
    function = activation if direction == "value" else getattr(activation, direction)
    operands = (x, x) if direction.startswith("backward") else (x,)
    function(*operands)
    if direction in ("value", "backward"):  # with parameters as operands, too
        function(*operands, *(np.array(parameter.default, dtype) for parameter in activation.info.parameters))


if __name__ == "__main__":
    for dtype, wanted in (("float64", OFTEN), ("float32", OFTEN), ("float32", OTHERS)):
        for name in reversed(fa.names("elementwise")):
            for direction in fa.get(name).info.directions:
                if direction in wanted:
                    compile_kernels(name, direction, dtype)
