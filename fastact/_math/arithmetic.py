"""Exact and doubled arithmetic on float64, from fused multiply-add and nothing else.

A *pair* is an unevaluated sum ``hi + lo`` of two float64, given and returned as two numbers. ``lo`` may be a few
units in the last place of ``hi``: only a result that a caller sees needs more, and `rounded` does that.
"""

import math
import sys
from fractions import Fraction

if sys.version_info >= (3, 13):

    def fma(a, b, c):
        """Compute a * b + c with one rounding. In plain Python only: compiled code has the instruction."""
        try:
            return math.fma(a, b, c)
        except OverflowError:
            return math.copysign(math.inf, a) * math.copysign(1.0, b)
        except ValueError:
            return math.nan

else:

    def fma(a, b, c):
        """Compute a * b + c with one rounding. In plain Python only: compiled code has the instruction."""
        if not (math.isfinite(a) and math.isfinite(b) and math.isfinite(c)):
            # Where a and b are finite their product must not overflow here.
            return c if math.isfinite(a) and math.isfinite(b) else a * b + c
        exact = Fraction(a) * Fraction(b) + Fraction(c)
        if not exact:
            return a * b + c  # the sign of zero
        try:
            return float(exact)
        except OverflowError:
            return math.inf if exact > 0 else -math.inf


def two_sum(a, b):
    """The sum of two float64 as a pair, exactly."""
    hi = a + b
    b_rounded = hi - a
    return hi, (a - (hi - b_rounded)) + (b - b_rounded)


def fast_two_sum(a, b):
    """The sum of two float64 as a pair, exactly if ``abs(a) >= abs(b)``."""
    hi = a + b
    return hi, b - (hi - a)


def two_product(a, b):
    """The product of two float64 as a pair, exactly unless it underflows."""
    hi = a * b
    return hi, fma(a, b, -hi)


def add(a_hi, a_lo, b_hi, b_lo):
    """The sum of two pairs, renormalised; error 2**-104 relative to the larger of the two."""
    hi, lo = two_sum(a_hi, b_hi)
    lo = lo + (a_lo + b_lo)
    # An infinite sum has NaN for its error, which must not reach `hi`.
    return fast_two_sum(hi, lo if abs(lo) < math.inf else 0.0)


def multiply(a_hi, a_lo, b_hi, b_lo):
    """The product of two pairs; relative error 2**-102."""
    hi = a_hi * b_hi
    return hi, fma(a_hi, b_hi, -hi) + fma(a_hi, b_lo, a_lo * b_hi)


def divide(a_hi, a_lo, b_hi, b_lo):
    """The quotient of two pairs, for a divisor whose reciprocal is a normal number; relative error 2**-101."""
    inverse = 1.0 / b_hi
    hi = a_hi * inverse
    remainder = fma(-hi, b_lo, fma(-hi, b_hi, a_hi) + a_lo)
    return hi, remainder * inverse


def root(x):
    """The square root of a number. Compiled code has the instruction: not every Numba makes one of `math.sqrt`."""
    return math.sqrt(x)


def square_root(hi, lo):
    """The square root of a pair above 0; relative error 2**-101."""
    y = root(hi)
    return y, (fma(-y, y, hi) + lo) * (0.5 / y)


def rounded(hi, lo):
    """A pair as one float64: ``hi`` itself, infinite or -0.0, where the sum is not a number or zero."""
    total = hi + lo
    return total if abs(total) > 0.0 else hi
