"""Logarithms of any number, from log(1 + u) for u in [0, 1]."""

import numpy as np

from fastact._math import float64, pair
from fastact._math.arithmetic import add, fma, two_product


def _exponent(total):
    """The exponent of a number of at least 1, and the power of two that takes it to [2, 4).

    That which takes it to [1, 2) is subnormal for the largest.
    """
    k = (np.int64(np.float64(total).view(np.int64)) >> 52) - 1023
    return k, float(np.int64((1024 - k) << 52).view(np.float64))


# 1 + x = 2**k (1 + f), with f in [0, 1): up to 1 it is x itself, whose digits 1 + x would lose.


def log_of_one_plus(x):
    """log(1 + x) for any finite `x` of at least 0; relative error 2**-30."""
    k, scale = _exponent(1.0 + x)
    f = x if x < 1.0 else fma(0.5 * (1.0 + x), scale, -1.0)
    return fma(float(0 if x < 1.0 else k), pair.LN2, float64.log1p(f))


def log_of_one_plus_pair(hi, lo):
    """log(1 + x) for any finite ``x = hi + lo`` of at least 0; relative error 2**-57."""
    small = hi < 1.0
    total, total_lo = add(1.0, 0.0, hi, lo)
    k, scale = _exponent(total)
    f, f_lo = add(0.5 * total * scale, 0.5 * total_lo * scale, -1.0, 0.0)
    m, m_lo = pair.log1p(hi if small else f, lo if small else f_lo)
    n = float(0 if small else k)
    n_log, n_log_lo = two_product(n, pair.LN2)
    return add(n_log, fma(n, pair.LN2_LO, n_log_lo), m, m_lo)
