"""Errors of whole arrays in ULP, compiled: fast enough to go through every float32."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Bits of precision, lowest and highest exponent.
FORMATS = {
    "float16": (11, -14, 15),
    "bfloat16": (8, -126, 127),
    "float32": (24, -126, 127),
    "float64": (53, -1022, 1023),
}

_EXPONENT_BITS, _BIAS, _MANTISSA_BITS = 0x7FF, 1023, 52
_SIGNATURE = "void(CPointer(float32), CPointer(float64), CPointer(float64), CPointer(float64), intp, intp, intp, intp)"


def ulp_errors(
    got: NDArray[Any], reference: NDArray[np.float64], scale: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Measure how far each of `got` is from what it should be, in spacings of its dtype.

    Parameters
    ----------
    got : ndarray of float16, bfloat16 or float32
        Contiguous.
    reference : ndarray of float64
        Good enough to stand for the exact results.
    scale : ndarray of float64, optional
        The numbers whose spacing is the unit: `reference`, unless given.

    Returns
    -------
    ndarray of float64
        Infinity counts as what would follow the largest number, in `got` and in `reference`. NaN in one of the
        two is an error of NaN, in both none.
    """
    narrow, scale = np.ascontiguousarray(got, np.float32), reference if scale is None else scale
    errors = np.empty(narrow.size)
    arrays = [array.ctypes.data for array in (narrow, reference, scale, errors)]
    _compiled()(*arrays, narrow.size, *FORMATS[got.dtype.name])
    return errors


@functools.cache
def _compiled() -> Callable[..., None]:
    from numba import carray

    from fastact._engine.cache import compile_function
    from fastact._engine.intrinsics import fit_for_vectors, select

    def compare(got, reference, scale, errors, size, precision, lowest, highest):  # type: ignore[no-untyped-def]
        fit_for_vectors()
        y, exact = carray(got, size), carray(reference, size)
        units, result = carray(scale, size), carray(errors, size)
        overflow = np.int64((_BIAS + highest + 1) << _MANTISSA_BITS).view(np.float64)
        for i in range(size):
            bits = np.float64(units[i]).view(np.int64)
            exponent = ((bits >> _MANTISSA_BITS) & _EXPONENT_BITS) - _BIAS
            exponent = min(max(exponent, lowest), highest)
            per_ulp = np.int64((_BIAS + precision - 1 - exponent) << _MANTISSA_BITS).view(np.float64)
            a, b = np.float64(y[i]), exact[i]
            both_nan = (a != a) & (b != b)
            a = select(a > overflow, overflow, select(a < -overflow, -overflow, a))
            b = select(b > overflow, overflow, select(b < -overflow, -overflow, b))
            result[i] = select(both_nan, 0.0, abs(a - b) * per_ulp)

    compiled = compile_function(compare, _SIGNATURE, "ulp_errors")
    pointers, integers = [ctypes.c_void_p] * 4, [ctypes.c_ssize_t] * 4
    return ctypes.CFUNCTYPE(None, *pointers, *integers)(compiled.address)
