"""Elementary functions in float32: for kernels in single precision, whose arguments are exact in two float32.

``coefficients.sollya`` finds the polynomial.
"""

import numpy as np

from fastact._math.arithmetic import fma

LOG2_E = np.float32(1.4426950408889634)
# log(2) in two parts, the first so short that its product with the exponent of any result is exact.
LN2, LN2_LO = np.float32(0.693145751953125), np.float32(1.428606765330187e-06)
# Adding it rounds to an integer in the low bits, by this much more: shifted to the exponent's place these bits are
# 2**SCALED times the power of two, a normal number wherever the result is not 0.
ROUND_SCALED = np.float32(1.5 * 2**23 + 127 + 64)
SCALED_BACK = np.float32(2.0**-64)
# From here down the power of two is exactly 0.
LOWEST = np.float32(-132.4)
ONE, ZERO = np.float32(1), np.float32(0)
# (e**r - 1 - r) / r**2 for |r| <= log(2) / 2, degree 4: relative error of e**r 2**-28.2
EXP = tuple(map(np.float32, (0.4999999106, 0.16666519642, 0.041668955237, 0.0083688553423, 0.001378362067)))


def exp_at_most_1(hi, lo):
    """e**(hi + lo) for a sum of at most 0: within 0.7 * 2**-23 of it, exactly 1 for 0; subnormal results are right."""
    x = LOWEST if hi < LOWEST else hi
    x_lo = lo if hi > LOWEST else ZERO  # the error of an infinite difference is NaN
    rounded = np.float32(fma(x, LOG2_E, ROUND_SCALED))
    n = rounded - ROUND_SCALED
    scale = np.int32(rounded.view(np.int32) << np.int32(23)).view(np.float32)
    r = fma(n, -LN2, x) + fma(n, -LN2_LO, x_lo)
    p = fma(fma(EXP[4], r, EXP[3]), r, EXP[2])
    p = fma(fma(p, r, EXP[1]), r, EXP[0])
    p = fma(fma(p, r, ONE), r, ONE)
    return (p * scale) * SCALED_BACK
