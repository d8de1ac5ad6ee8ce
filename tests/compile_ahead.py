"""Compile the kernels that later tests need into their cache, in a process of its own, while the first tests run.

Most of the tests' time is the compiler's, which works on one core; this gives it a second one.
"""

import fastact as fa
from fastact._engine.blocks import WEIGHTED, block_kernel
from fastact._engine.programs import RESULTS, input_count

SECOND_KIND = ("backward", "value_and_derivative", "backward_from_output", "derivative_from_output")


def kernels():
    """Arguments of `block_kernel`, those that are needed last first: test_accuracy.py makes the rest itself."""
    names = fa.names(kind="elementwise")
    for name in names:
        info = fa.get(name).info
        count = len(info.parameters)
        for direction in SECOND_KIND:
            dtypes = ("float32", "float64") if direction.endswith("from_output") else ("float32",)
            for dtype in dtypes if direction in info.directions else ():
                yield name, direction, dtype, input_count(direction), count, RESULTS.get(direction, 1)
        if count:
            yield name, "value", "float64", 1 + count, 0, 1
            yield name, "value", "float32", 1 + count, 0, 1
        for parameter in info.parameters:
            yield name, f"{WEIGHTED}{parameter.name}_derivative", "float32", 2 + count, 0, 1
    for direction in ("second_derivative", "derivative"):
        for name in reversed(names):
            for dtype in ("float64", "float32"):
                yield name, direction, dtype, 1, len(fa.get(name).info.parameters), 1


if __name__ == "__main__":
    for arguments in kernels():
        block_kernel(*arguments)
