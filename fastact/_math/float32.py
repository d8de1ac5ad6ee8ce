"""Elementary functions in float32: for kernels in single precision, whose arguments are exact in two float32.

A kernel in float32 has twice as many numbers to a vector as one in float64 has. What it must not lose is digits before
its last rounding: so e**x comes as a power of two, exactly, and a rest in two parts, to some 2**-28, for a formula to
put together with one rounding at its end. ``coefficients.sollya`` finds the polynomial.
"""

import math

import numpy as np

from fastact._math.arithmetic import fast_two_sum, fma, root, two_sum
from fastact._math.working import at_least, at_most, where

LOG2_E = np.float32(1.4426950408889634)
# log(2) in two parts, the first so short that its product with the exponent of any result is exact.
LN2, LN2_LO = np.float32(0.693145751953125), np.float32(1.428606765330187e-06)
# Adding it rounds to an integer in the low bits, by this much more: shifted to the exponent's place these bits are
# 2**SCALED times the power of two, a normal number wherever the result is not 0.
ROUND_SCALED = np.float32(1.5 * 2**23 + 127 + 64)
SCALED_BACK = np.float32(2.0**-64)
# As that, for the power of two itself, and for two factors of it.
ROUND, ROUND_HALVES = np.float32(1.5 * 2**23 + 127), np.float32(1.5 * 2**23 + 2 * (127 + 16))
HALVES_BACK = np.float32(2.0**-16)
BIAS = np.int32(127)
RAISE, LOWER, RAISED = np.float32(2.0**32), np.float32(2.0**-32), np.int32(32)
LARGEST_BITS = np.float32(ROUND + np.float32(124)).view(np.int32)
# As ROUND_SCALED, without the bias: for bits that are added to an exponent's.
ROUND_BITS = np.float32(1.5 * 2**23 + 64)
# e**-FAR_BELOW is less than half of the smallest float32; what is so far below a moderate number is negative.
FAR_BELOW, MODERATE = np.float32(105), np.float32(100)
# As ROUND, times SHIFT: so shifted, 1 + e**x neither overflows nor has a subnormal reciprocal for x up to 110.
SHIFT, ROUND_SHIFTED = np.float32(2.0**-32), np.float32(1.5 * 2**23 + 127 - 32)
# From here down the power of two is exactly 0.
LOWEST = np.float32(-132.4)
HALF, ONE, TWO, THREE, TWENTY = map(np.float32, (0.5, 1, 2, 3, 20))
ZERO, NOTHING = np.float32(0), np.float32(-0.0)  # x + -0.0 is x, which a compiler knows
MOST, LEAST = float(np.finfo(np.float32).max), 2.0**-149
LARGEST, MINUS_SMALLEST, ONE_BIT = np.finfo(np.float32).max, np.float32(-(2.0**-149)), np.int32(1)
SIGN = np.int32(-(2**31))
ALMOST_ONE, MODEST = np.float32(1 - 2.0**-22), np.float32(2.0**16)
HALF_INVERSE_ROOT = np.int32(0x5EB759DF)
# (e**r - 1 - r) / r**2 for |r| <= log(2) / 2, degree 4: relative error of e**r 2**-28.2
EXP = tuple(map(np.float32, (0.4999999106, 0.16666519642, 0.041668955237, 0.0083688553423, 0.001378362067)))
LOG_2, LOG_2_LO = np.float32(0.6931471805599453), np.float32(-1.904654290582768e-09)
# (log(2 cosh(x / 2)) - log(2)) / z in z = x**2, |x| <= 1, degree 4: relative error of log(1 + e**x) 2**-29.9
LOG_COSH = tuple(map(np.float32, (0.125, -0.0052083232440, 3.4712275374e-4, -2.6043928301e-5, 1.7516858862e-6)))
# (u - log(1 + u)) / u**2 for u in [0, 1 / e], degree 6: relative error of log(1 + u) 2**-29.0
LOG1P = tuple(
    map(np.float32, (0.5, -0.33333257, 0.24995802343, -0.19922308624, 0.15990489721, -0.11170516163, 0.046130280941))
)
# F in x - tanh(x) = x z / (3 + z F(z)), z = x**2 in [0, 1], degree 3: relative error of the whole 2**-28.4
X_MINUS_TANH = tuple(map(np.float32, (1.2000000477, -0.0057145664468, 2.5411750539e-4, -1.1560860911e-5)))


def exp_at_most_1(hi, lo):
    """e**(hi + lo) for a sum of at most 0: within 0.7 * 2**-23 of it, exactly 1 for 0; subnormal results are right."""
    x = LOWEST if hi < LOWEST else hi
    x_lo = lo if hi > LOWEST else ZERO  # the error of an infinite difference is NaN
    rounded = np.float32(fma(x, LOG2_E, ROUND_SCALED))
    n = rounded - ROUND_SCALED
    scale = _power_of_two(rounded)
    return (_exp_reduced(fma(n, -LN2, x) + fma(n, -LN2_LO, x_lo)) * scale) * SCALED_BACK


def _exp_reduced(r):
    """e**r for |r| <= log(2) / 2."""
    p = fma(fma(EXP[4], r, EXP[3]), r, EXP[2])
    p = fma(fma(p, r, EXP[1]), r, EXP[0])
    return fma(fma(p, r, ONE), r, ONE)


def exp_of_lead(x, largest):
    """e**(x - largest) where `largest` is moderate: the bits of `exp_at_most_1` of the difference, for less.

    Nothing is infinite or NaN. Elements far below have a sign, and among numbers that have one the more bits are the
    less, so that integers say which of two is higher; and a power of two goes into the exponent as an integer, too.
    """
    lowest = np.float32(largest - FAR_BELOW).view(np.uint32)
    bits = np.float32(x).view(np.uint32)
    hi, lo = two_sum(np.uint32(min(bits, lowest)).view(np.float32), -largest)
    rounded = np.float32(fma(hi, LOG2_E, ROUND_BITS))
    n = rounded - ROUND_BITS
    p = np.float32(_exp_reduced(fma(n, -LN2, hi) + fma(n, -LN2_LO, lo)))
    return np.int32(p.view(np.int32) + _exponent_of_bits(rounded.view(np.int32))).view(np.float32) * SCALED_BACK


def is_number(parameter):
    """Whether a parameter is one number for all elements, and not an array's elements, which are float32."""
    return isinstance(parameter, float)


def may_branch_on(parameter):
    """Whether a loop may go one of two ways, of the same bits, for a parameter: a number, looked at once."""
    return isinstance(parameter, float)


def halves(x):
    """A float64 as the sum of two float32, as far as they can hold it."""
    hi = np.float32(x)
    lo = np.float32(x - np.float64(hi))
    return hi, lo if lo == lo else ZERO  # what is left of infinity is NaN


def halves_of_one_sign(number):
    """As `halves`; what overflows in the products with both has one sign."""
    hi = where(number < 0.0, -at_or_below(-number), at_or_below(number))
    return hi, np.float32(number - np.float64(hi))


def in_units(number):
    """A float64 as a unit, in float32, times a number of float32's range, which is 0 only for 0.

    The unit is 1 where float32 has the number to every digit; elsewhere infinity times 0 would become of a product.
    """
    size = abs(number)
    unit = where(size > 2.0**100, 2.0**127, where(size < 2.0**-100, 2.0**-100, 1.0))
    in_unit = at_most(size / unit, MOST)
    return np.float32(unit), math.copysign(where(size > 0.0, at_least(in_unit, LEAST), in_unit), number)


def at_or_below(number):
    """The largest float32 that is not above a float64."""
    nearest = np.float32(number)
    bits = nearest.view(np.int32)
    nearer_0, farther = np.int32(bits - ONE_BIT).view(np.float32), np.int32(bits + ONE_BIT).view(np.float32)
    below = where(nearest > ZERO, nearer_0, where(nearest < ZERO, farther, MINUS_SMALLEST))
    return where(np.float64(nearest) > number, below, nearest)


def at_or_above(number):
    """The smallest float32 that is not below a float64."""
    return -at_or_below(-number)


def _exponent_of_bits(bits):
    return np.int32(bits << np.int32(23))


def _power_of_bits(bits):
    return np.int32(_exponent_of_bits(bits)).view(np.float32)


def _power_of_two(rounded):
    return _power_of_bits(np.float32(rounded).view(np.int32))


def exponent_and_rest(x, x_lo, rounding):
    """(n, r, q) with e**(x + x_lo) = 2**n (1 + r + q), to 2**-27; r is at most log(2) / 2, and q a fifth of that.

    n is an integer in the low bits of a float, shifted as `rounding` says.
    """
    rounded = np.float32(fma(x, LOG2_E, rounding))
    n = rounded - rounding
    r, r_lo = fma(n, -LN2, x), fma(n, -LN2_LO, x_lo)
    whole = r + r_lo
    square = whole * whole
    p = fma(fma(EXP[4], whole, EXP[3]), square, fma(EXP[2], whole, EXP[1]))
    # r is exact: what rounding takes from the sum with the rest of it matters to the small term alone.
    return rounded, r, fma(square, fma(p, whole, EXP[0]), r_lo)


def scale_and_rest(x, x_lo, rounding):
    """As `exponent_and_rest`, with the power of two itself."""
    n, r, q = exponent_and_rest(x, x_lo, rounding)
    return _power_of_two(n), r, q


def multiply(x, hi, lo):
    """`x` times a finite number in two parts, rounded once."""
    finite, _ = bounded(x, -LARGEST, LARGEST)  # what infinity times `lo` is has a sign of its own
    return fma(x, hi, finite * lo)


def scaled(x, number):
    """`x` times a float64, rounded once."""
    unit, in_unit = in_units(number)
    hi, lo = halves_of_one_sign(in_unit)
    return (x * hi if lo == ZERO else fma(x, hi, x * lo)) * unit


def product(x, number):
    """`x` times a float64, in two parts."""
    unit, in_unit = in_units(number)
    factor, factor_lo = halves(in_unit)
    x = x * unit
    hi = x * factor
    return hi, fma(x, factor_lo, fma(x, factor, -hi))


def bounded(x, low, high):
    """`x` brought into [low, high], in two parts of which the second is nothing; NaN stays."""
    x = low if x < low else x
    return high if x > high else x, NOTHING


def bounded_product(x, number, low, high):
    """`x` times a float64, in two parts, brought into [low, high]; NaN stays."""
    hi, lo = product(x, number)
    return bounded(hi, low, high)[0], lo if (hi > low) & (hi < high) else ZERO


def times(number, hi, lo):
    """A float64 times a number in two parts, rounded once."""
    unit, in_unit = in_units(number)
    factor, factor_lo = halves(in_unit)
    return fma(factor, hi, fma(factor, lo, factor_lo * hi)) * unit


def exp(x):
    """e**x for a number of at most 0, rounded once."""
    scale, r, q = scale_and_rest(LOWEST if x < LOWEST else x, NOTHING, ROUND_SCALED)
    y, y_lo = _plus_scaled(scale, scale, r, q)
    return (y + y_lo) * SCALED_BACK


def number_times_exp(number, x, x_lo):
    """A float64 times e**(x + x_lo), for a sum in [-194, 0]: nothing is lost where e**x alone would underflow."""
    n, r, q = exponent_and_rest(x, x_lo, ROUND_HALVES)
    bits = np.float32(n).view(np.int32)
    half = np.int32(bits >> np.int32(1))
    first, second = _power_of_bits(half) * HALVES_BACK, _power_of_bits(np.int32(bits - half)) * HALVES_BACK
    unit, in_unit = in_units(number)
    hi, lo = halves(in_unit)
    hi, lo = hi * first, lo * first
    y, y_lo = _plus_scaled(hi, hi, r, q)
    return (y + (y_lo + lo)) * (second * unit)


def _plus_scaled(powers, scale, r, q):
    """`powers` + `scale` (r + q) in two parts; `powers` is `scale`, or that and another power of two."""
    hi = fma(r + q, scale, powers)
    return hi, fma(q, scale, fma(r, scale, powers - hi))


def plus_exp(addend, scale, r, q):
    """`addend` + `scale` (1 + r + q), in two parts; both of the first are powers of two."""
    powers = addend + scale
    powers_lo = addend - (powers - scale)  # exactly, unless `scale` is less than 2**-24 of `addend`
    hi, lo = _plus_scaled(powers, scale, r, q)
    return hi, lo + powers_lo


def _quotient(a, a_lo, b, b_lo):
    """(y, excess, inverse) with (a + a_lo) / (b + b_lo) = y - excess * inverse."""
    inverse = ONE / b
    y = a * inverse
    # What is too much, not what lacks: so a quotient of -0.0 stays one.
    return y, fma(y, b_lo, fma(y, b, -a)) - a_lo, inverse


def divide(a, a_lo, b, b_lo):
    """(a + a_lo) / (b + b_lo), rounded once."""
    y, excess, inverse = _quotient(a, a_lo, b, b_lo)
    return fma(-excess, inverse, y)


def quotient(a, a_lo, b, b_lo):
    """(a + a_lo) / (b + b_lo) in two parts."""
    y, excess, inverse = _quotient(a, a_lo, b, b_lo)
    return y, -excess * inverse


def divide_any(a, a_lo, b, b_lo):
    """As `divide`, where either may be infinite, whatever second part that has."""
    y, excess, inverse = _quotient(a, a_lo, b, b_lo)
    lack = -excess  # NaN, of infinite ones
    return fma(lack if lack > -LARGEST else -LARGEST, inverse, y)


def _half_inverse_root(x):
    """1 / (2 sqrt(x)) to some per cent: halving the bits halves the exponent."""
    return np.int32(HALF_INVERSE_ROOT - (np.float32(x).view(np.int32) >> np.int32(1))).view(np.float32)


def root_of_square_and(t, b, b_lo):
    """The square root of t**2 + b + b_lo in two parts, to 2**-24.8; t**2 + b is a normal number."""
    total = np.float32(fma(t, t, b))
    y = root(total)
    # The root's square less b is t**2 but for what rounding did: it is off by little of t**2, and the difference exact.
    return y, (fma(t, t, fma(-y, y, b)) + b_lo) * _half_inverse_root(total)


def sharp_root_of_square_and(t, b):
    """The square root of t**2 + b in two parts, to 2**-25.7; t**2 + b is a normal number."""
    square = t * t
    total = square + b
    y = root(total)
    # As above, of the larger one: what rounding does to the smaller one is less.
    larger, smaller = b if square < b else square, square if square < b else b
    excess = (smaller - fma(y, y, -larger)) + fma(t, t, -square)
    return y, excess * _half_inverse_root(total)


def expm1(x, x_lo):
    """e**(x + x_lo) - 1 in two parts, to 2**-27, for a sum in [-87, 20]."""
    scale, r, q = scale_and_rest(x, x_lo, ROUND)
    # What the difference loses is a change of x by far less than its own last digit.
    return _plus_scaled(scale - ONE, scale, r, q)


def logistic(t, t_lo):
    """1 / (1 + e**(t + t_lo)), the logistic function of a negated sum, for one in [-18, 106]."""
    e = scale_and_rest(t, t_lo, ROUND_SHIFTED)
    return divide(ONE, ZERO, *plus_exp(SHIFT, *e)) * SHIFT


def _one_plus_exp(t, t_lo):
    """(d, d_lo, above) with 1 + e**(t + t_lo) the sum of two parts times 2**above, for a sum of at most 200."""
    n, r, q = exponent_and_rest(t, t_lo, ROUND)
    bits = np.float32(n).view(np.int32)
    most = bits if bits < LARGEST_BITS else LARGEST_BITS
    scale = _power_of_bits(most)
    # Unlike `plus_exp` to the last digit, too, where the power of two is less than 2**-24.
    powers, powers_lo = sum_of_positive(ONE, scale)
    d, d_lo = _plus_scaled(powers, scale, r, q)
    return d, d_lo + powers_lo, np.int32(bits - most)


def _power_below_1(n):
    """2**-n."""
    return _power_of_bits(np.int32(BIAS - n))


def times_logistic(a, t, t_lo):
    """A / (1 + e**(t + t_lo)) for a sum in [-18, 194], with nothing lost where 1 / (1 + ...) would underflow."""
    # What the power of two is above 2**124 waits for the end, and so does 2**-32 where `a` is small: what a quotient
    # leaves of a number next to the smallest would be less than that.
    d, d_lo, above = _one_plus_exp(t, t_lo)
    half = np.int32(above >> np.int32(1))
    is_small = abs(a) < ONE
    rest = np.int32(above - half) + (RAISED if is_small else np.int32(0))
    y = divide_any(a * RAISE if is_small else a, ZERO, d, d_lo)
    return y * _power_below_1(half) * _power_below_1(rest)


def product_times_logistic(x, a, t, t_lo):
    """As `times_logistic`, of x times a number that is not -inf, for a sum in [-18, 200]."""
    d, d_lo, above = _one_plus_exp(t, t_lo)
    whole, is_small = x * a, abs(a) < ONE
    raised_a = RAISED if is_small else np.int32(0)
    raised = RAISED if abs(whole) < MODEST else np.int32(0)
    number = a * RAISE if is_small else a
    half = np.int32(above >> np.int32(1))
    # Raised, too, is what x and the quotient make, where that is small; what is left to do for it falls to x, which has
    # the room for it.
    x = x * _power_below_1(np.int32(half + np.int32(raised_a - raised)))
    inverse = ALMOST_ONE / d
    # Always too little: what lacks has its sign, then, and no infinity meets another one of the other sign.
    y = number * inverse
    lack = fma(-y, d_lo, fma(-y, d, number))
    y_lo = (lack if lack == lack else y) * inverse  # infinity lacks NaN
    product = fma(x, y, x * y_lo) * _power_below_1(np.int32(np.int32(above - half) + raised))
    # The sum of two zeros may have lost its sign.
    sign = np.int32(np.float32(whole).view(np.int32) & SIGN)
    return np.int32(np.float32(product).view(np.int32) | sign).view(np.float32)


def sum_of_positive(a, b):
    """The sum of two numbers, neither negative, and what rounding took from it."""
    larger, smaller = b if a < b else a, a if a < b else b
    hi = a + b
    return hi, smaller - (hi - larger)


def _log1p_exp(x):
    """(near, v, scale): log(1 + e**x) is `near` for x in [-1, 1], else ``v * scale`` above the larger of x and 0."""
    # Next to 0: log(2) + x / 2, exactly, and a small even function.
    z = x * x
    p = fma(fma(fma(fma(LOG_COSH[4], z, LOG_COSH[3]), z, LOG_COSH[2]), z, LOG_COSH[1]), z, LOG_COSH[0])
    middle, middle_lo = fast_two_sum(LOG_2, HALF * x)
    near = middle + (middle_lo + fma(z, p, LOG_2_LO))
    # Elsewhere: log(1 + u) = u - u**2 R(u), with u = e**-|x|.
    t = -abs(x)
    scale, r, q = scale_and_rest(LOWEST if t < LOWEST else t, NOTHING, ROUND_SCALED)
    scale = scale * SCALED_BACK
    hi, lo = fast_two_sum(ONE, r)
    lo = lo + q
    u = (hi + lo) * scale
    p = fma(fma(fma(LOG1P[6], u, LOG1P[5]), u, LOG1P[4]), u, LOG1P[3])
    p = u * fma(fma(fma(p, u, LOG1P[2]), u, LOG1P[1]), u, LOG1P[0])
    return near, hi + fma(-hi, p, fma(-lo, p, lo)), scale


def log1p_exp(x):
    """log(1 + e**x), rounded once."""
    near, v, scale = _log1p_exp(x)
    return fma(v, scale, x if x > ZERO else ZERO) if x * x > ONE else near


def log_logistic(x):
    """-log(1 + e**-x), rounded once."""
    near, v, scale = _log1p_exp(-x)
    return fma(-v, scale, x if x < ZERO else ZERO) if x * x > ONE else -near


def x_minus_tanh(x):
    """X - tanh(x), rounded once."""
    # Next to 0, with z = x**2, x z / (3 + z F(z)).
    z = x * x
    is_near = z < ONE
    f = fma(fma(fma(X_MINUS_TANH[3], z, X_MINUS_TANH[2]), z, X_MINUS_TANH[1]), z, X_MINUS_TANH[0])
    z_lo, zf = fma(x, x, -z), z * f
    near, near_lo = fast_two_sum(THREE, zf)
    near_lo = near_lo + fma(z_lo, f, fma(z, f, -zf))
    # Elsewhere |x| - 1, exactly, and 2 / (1 + e**2|x|).
    a = abs(x)
    e = scale_and_rest(TWO * (a if a < TWENTY else TWENTY), NOTHING, ROUND)
    far, far_lo = plus_exp(ONE, *e)
    numerator, numerator_lo = z if is_near else TWO, z_lo if is_near else ZERO
    q, q_lo = quotient(numerator, numerator_lo, near if is_near else far, near_lo if is_near else far_lo)
    return math.copysign(fma(a, q, a * q_lo) if is_near else (a - ONE) + (q + q_lo), x)
