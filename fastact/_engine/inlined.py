"""Functions that kernels call, as part of them or apart from them."""

import functools
import os

from numba.extending import overload, register_jitable

from fastact._engine.compiler import Compiler

# Python does not call them: wrappers for it would take a third of a kernel's compile time.
FROM_KERNELS = {
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "pipeline_class": Compiler,
}
# A call in a loop would keep it from being vectorised.
_ALWAYS = {"forceinline": True, **FROM_KERNELS}


_PROCESS = os.urandom(6).hex()


def own_symbol(function):
    """The function, under a name that no other process gives to another one.

    Numba's symbols are a function's name and a number that counts from the start of the process. Kernels from the disk
    bring the symbols of the process that compiled them: of two functions made in the same place but from other parts,
    whose symbols are alike, the linker would take the first for both.
    """
    if "<locals>" in function.__qualname__ and not function.__qualname__.endswith(_PROCESS):
        function.__qualname__ += f"_{_PROCESS}"
    return function


@functools.cache
def inlined(function):
    """Make a plain function callable from compiled code, always inlined; each function once."""
    return register_jitable(**_ALWAYS)(own_symbol(function))


def overloaded(function):
    """As `numba.extending.overload`, always inlined."""
    return overload(function, jit_options=_ALWAYS)


def apart(function):
    """Make a plain function callable from compiled code, inlined only where LLVM sees fit.

    What a loop in one keeps in registers, the loop in another need not make room for.
    """
    return register_jitable(forceinline=False, **FROM_KERNELS)(
        own_symbol(function)
    )  # else it would be inherited from callers
