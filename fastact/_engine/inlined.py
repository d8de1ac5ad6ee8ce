"""Functions that kernels call, as part of them or apart from them."""

import functools

from numba.extending import overload, register_jitable

# Python does not call them: wrappers for it would take a third of a kernel's compile time.
FROM_KERNELS = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
# A call in a loop would keep it from being vectorised.
_ALWAYS = {"forceinline": True, **FROM_KERNELS}


@functools.cache
def inlined(function):
    """Make a plain function callable from compiled code, always inlined; each function once."""
    return register_jitable(**_ALWAYS)(function)


def overloaded(function):
    """As `numba.extending.overload`, always inlined."""
    return overload(function, jit_options=_ALWAYS)


def apart(function):
    """Make a plain function callable from compiled code, inlined only where LLVM sees fit.

    What a loop in one keeps in registers, the loop in another need not make room for.
    """
    return register_jitable(forceinline=False, **FROM_KERNELS)(function)  # else it would be inherited from callers
