"""Functions that become part of whatever kernel calls them: a call in a loop would keep it from being vectorised."""

import functools

from numba.extending import overload, register_jitable

# Nobody calls them from outside: wrappers would take a third of a kernel's compile time.
_ALWAYS = {"forceinline": True, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


@functools.cache
def inlined(function):
    """Make a plain function callable from compiled code, always inlined; each function once."""
    return register_jitable(**_ALWAYS)(function)


def overloaded(function):
    """As `numba.extending.overload`, always inlined."""
    return overload(function, jit_options=_ALWAYS)
