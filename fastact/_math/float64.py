"""Elementary functions in float64 to 2**-30: the working precision of float32 kernels.

The least work that leaves a float32 result within 0.52 units in the last place. The relative errors hold for an exact
float64 argument, next to zeros of the function too. NaN gives NaN. ``coefficients.sollya`` finds the polynomials.

Polynomials go in pairs of terms, ``(c0 + c1 x) + x**2 (c2 + c3 x) + ...``: kernels are long enough that LLVM does not
interleave iterations, and Horner's chain of dependent operations then costs more than the one multiplication it saves.
Those of a quotient do not: they are two chains, side by side.
"""

import numpy as np

from fastact._math.arithmetic import fma

LOG2_E = 1.4426950408889634
LN2 = 0.6931471805599453
LN2_LO = 2.3190468138462996e-17
HALF_PI = 1.5707963267948966
SQRT_2 = 1.4142135623730951
# Adding it rounds to an integer in the low bits; 1023 among them is the exponent's bias, so that shifting the sum's
# bits left by 52 gives 2.0 to that integer, ready to multiply by (and a NaN survives the multiplication).
ROUND = 6755399441055744.0
ROUND_BIASED = ROUND + 1023.0
# Results of exp stay normal numbers, so that the exponent arithmetic holds.
EXP_LARGEST = 708.0

# (e**r - 1) / r for |r| <= log(2) / 2, degree 6: relative error 2**-32.0
EXPM1 = (
    1.0000000000312013,
    0.5000000046649513,
    0.16666666248813303,
    0.04166635444324222,
    0.00833340304331558,
    0.001394100576840269,
    0.00019841187172418373,
)
# The same, degree 5, but for 1 + r times it: relative error of e**r 2**-28.9
ROUGH_EXPM1 = (
    1.000000032165089,
    0.4999999420908849,
    0.16666431262594886,
    0.04166800202409224,
    0.008374155312053383,
    0.0013843654195087021,
)
# tanh(r / 2) / r for |r| <= log(2) / 2, as (b0 + b1 z) / (a0 + z) in z = r**2: relative error 2**-30.7
HALF_TANH, HALF_TANH_Q = (5.001076659944666, 0.08324401380898262), 10.002153325243066
# log(1 + u) / u for u in [0, 1], degree 10: relative error 2**-30.3
LOG1P = (
    0.9999999992572478,
    -0.4999998143940805,
    0.3333255977101199,
    -0.2498727230729882,
    0.1989075525150975,
    -0.16105714927234832,
    0.12418481138119102,
    -0.08244229222923163,
    0.04147861598743595,
    -0.01340768332584033,
    0.002030266518178506,
)
# (e**r - 1) / r for |r| <= log(2) / 2, degree 11: relative error 2**-59.2
SHARP_EXPM1 = (
    1.0,
    0.5,
    0.1666666666666668,
    0.04166666666666649,
    0.008333333333319702,
    0.0013888888888965176,
    0.0001984126988981058,
    2.4801587172413337e-05,
    2.755724114351847e-06,
    2.7557399956302214e-07,
    2.510996280523546e-08,
    2.0876731480591777e-09,
)
# F in atan(s) = s + s z F(z), z = s**2, |s| <= 0.4142, degree 4: relative error of the whole 2**-30.4
ARCTANGENT = (-0.3333331518122009, 0.1999847101083437, -0.14243522222871619, 0.1059372017802724, -0.06077957884174106)
# erf(s) / s, in z = s**2, |s| <= 1 / 2, degree 5: relative error 2**-36.2
ERF = (
    1.1283791670820889,
    -0.3761263851916378,
    0.11283773806427938,
    -0.026863119988571275,
    0.005200308786616344,
    -0.0007692860050309008,
)
# Of a normal distribution's tail. A polynomial in 1 / (t + shift), with the shift that gives the smallest error.
TAIL_SHIFT = 4.3
# t in [0, 15], degree 10: relative error 2**-30.3
NORMAL_TAIL_RATIO = (
    4.559067195979405e-06,
    0.3984281910462274,
    1.7411596410941652,
    6.225636728075452,
    40.84163138233211,
    -90.71210121919943,
    1932.5111386863557,
    -9136.247253744888,
    40938.161309167495,
    -87514.09120202316,
    67834.74631634894,
)
# The same function as a quotient of polynomials in t, for t in [0, 20]: relative error 2**-26.5
ROUGH_TAIL = (44.869371119855735, 40.10100210246837, 17.019638075330604, 3.8424395274690482, 0.3989445182689947)
ROUGH_TAIL_Q = (89.73874133633807, 151.8032222765209, 110.29067581197641, 43.65245260699137, 9.631923622069019)
# (t - M(t)) / (t - r) / sqrt(2 pi), M being Mills' ratio, and r where t = M(t), for t in [0, 25]: error 2**-25.8
GELU_SLOPE = (23.356141699285427, 26.972333357731745, 13.765739635262394, 3.558600897583115, 0.3989430936152848)
GELU_SLOPE_Q = (35.11789931936291, 49.882885706215035, 28.796226735724467, 8.168426578114012)


def _clamped(x):
    """`x` brought into the range of `exp_bounded`; NaN stays."""
    x = -EXP_LARGEST if x < -EXP_LARGEST else x
    return EXP_LARGEST if x > EXP_LARGEST else x


def _reduced(x, log2_e, ln2):
    """(2**n, r) with ``x == n * ln2 + r`` and n an integer, for ``abs(x) <= 708 / log(2) * ln2``."""
    rounded = fma(x, log2_e, ROUND_BIASED)
    n = rounded - ROUND_BIASED
    scale = float(np.int64(np.float64(rounded).view(np.int64) << 52).view(np.float64))
    return scale, fma(n, -ln2, x)


def _times_power(y, rounded):
    """`y` times the power of two whose exponent is in the low bits of `rounded`; NaN stays."""
    bits = np.float64(y).view(np.int64) + (np.float64(rounded).view(np.int64) << 52)
    return float(np.int64(bits).view(np.float64))


def _tanh_as_quotient(r, factor):
    """(a, b) with tanh(`factor` r / 2) = a / b, for a power of two as the factor and |`factor` r| <= log(2) / 2."""
    z = r * r
    slope = fma(factor * HALF_TANH[1], z, HALF_TANH[0] / factor)
    return r * slope, z + HALF_TANH_Q / (factor * factor)


def _rough_polynomial(c, r):
    r2 = r * r
    return fma(fma(fma(c[5], r, c[4]), r2, fma(c[3], r, c[2])), r2, fma(c[1], r, c[0]))


def _scale_and_expm1(x):
    """``(2**n, e**r - 1)`` with ``x == n * log(2) + r`` and n an integer, for ``abs(x) <= 708``."""
    scale, r = _reduced(x, LOG2_E, LN2)
    r2 = r * r
    p = fma(EXPM1[6], r2, fma(EXPM1[5], r, EXPM1[4]))
    p = fma(p, r2, fma(EXPM1[3], r, EXPM1[2]))
    p = fma(p, r2, fma(EXPM1[1], r, EXPM1[0]))
    return scale, p * r


def exp_bounded(x):
    """e**x for ``abs(x) <= 708``; relative error 2**-30."""
    scale, m = _scale_and_expm1(x)
    return fma(scale, m, scale)


def rough_exp_bounded(x):
    """e**x for ``abs(x) <= 708``; relative error 2**-28: where no order needs to be kept."""
    scale, r = _reduced(x, LOG2_E, LN2)
    return fma(scale, _rough_polynomial(ROUGH_EXPM1, r) * r, scale)


def rough_exp_bounded_times(factor, x):
    """`factor`, a constant, times `rough_exp_bounded`; the error is that of float64 where `x` is next to 0."""
    scale, r = _reduced(x, LOG2_E, LN2)
    c = ROUGH_EXPM1
    c = (factor * c[0], factor * c[1], factor * c[2], factor * c[3], factor * c[4], factor * c[5])
    return scale * fma(_rough_polynomial(c, r), r, factor)


def expm1_bounded(x):
    """e**x - 1 for ``abs(x) <= 708``; relative error 2**-30."""
    scale, m = _scale_and_expm1(x)
    return fma(scale, m, -(1.0 - scale))  # so written, -0.0 gives -0.0


def exp(x):
    """e**x, with `x` clamped to [-708, 708]; relative error 2**-30."""
    return exp_bounded(_clamped(x))


def exp_at_most_1(x):
    """e**x for `x` of at most 0, clamped to -708 from below; relative error 2**-28: where no order needs to be kept."""
    x = -EXP_LARGEST if x < -EXP_LARGEST else x
    rounded = fma(x, LOG2_E, ROUND)
    r = fma(rounded - ROUND, -LN2, x)
    # Loops over rows have more elements at once than others, and are short of multiplications: Horner's chain has one
    # less, and the power of two goes into the exponent as an integer.
    c = ROUGH_EXPM1
    p = fma(fma(fma(c[5], r, c[4]), r, c[3]), r, c[2])
    return _times_power(fma(fma(fma(p, r, c[1]), r, c[0]), r, 1.0), rounded)


def expm1(x):
    """e**x - 1, with `x` clamped to [-708, 708]; relative error 2**-30."""
    return expm1_bounded(_clamped(x))


def exp_and_expm1(x):
    """e**x and e**x - 1, with `x` clamped to [-708, 708]; relative errors 2**-30."""
    scale, m = _scale_and_expm1(_clamped(x))
    return fma(scale, m, scale), fma(scale, m, -(1.0 - scale))


def tanh(x):
    """The hyperbolic tangent for ``abs(x) <= 350``; relative error 2**-30."""
    # With x = n log(2) / 2 + r and u = tanh(r), it is ((2**n - 1) + (2**n + 1) u) / ((2**n + 1) + (2**n - 1) u).
    scale, r = _reduced(x, 2.0 * LOG2_E, 0.5 * LN2)
    a, b = _tanh_as_quotient(r, 2.0)
    below, above = scale - 1.0, scale + 1.0
    return fma(above, a, below * b) / fma(below, a, above * b)


def log1p(u):
    """log(1 + u) for `u` in [0, 1]; relative error 2**-30."""
    u2 = u * u
    p = fma(LOG1P[10], u2, fma(LOG1P[9], u, LOG1P[8]))
    p = fma(p, u2, fma(LOG1P[7], u, LOG1P[6]))
    p = fma(p, u2, fma(LOG1P[5], u, LOG1P[4]))
    p = fma(p, u2, fma(LOG1P[3], u, LOG1P[2]))
    p = fma(p, u2, fma(LOG1P[1], u, LOG1P[0]))
    return p * u


def normal_tail_ratio(t):
    """exp(t**2 / 2) times the standard normal distribution's upper tail, for `t` in [0, 15]; relative error 2**-30.

    Beyond 15 it stays between 0 and the true value at 15.
    """
    i = 1.0 / (t + TAIL_SHIFT)
    i2 = i * i
    p = fma(NORMAL_TAIL_RATIO[10], i2, fma(NORMAL_TAIL_RATIO[9], i, NORMAL_TAIL_RATIO[8]))
    p = fma(p, i2, fma(NORMAL_TAIL_RATIO[7], i, NORMAL_TAIL_RATIO[6]))
    p = fma(p, i2, fma(NORMAL_TAIL_RATIO[5], i, NORMAL_TAIL_RATIO[4]))
    p = fma(p, i2, fma(NORMAL_TAIL_RATIO[3], i, NORMAL_TAIL_RATIO[2]))
    return fma(p, i2, fma(NORMAL_TAIL_RATIO[1], i, NORMAL_TAIL_RATIO[0]))


def rough_normal_tail(t):
    """The standard normal distribution's upper tail, for `t` in [0, 20]; relative error 2**-26: no order is kept."""
    d, square = ROUGH_TAIL_Q, t * t
    q = fma(fma(t + d[4], square, fma(d[3], t, d[2])), square, fma(d[1], t, d[0]))
    return _times_normal(ROUGH_TAIL, q, t, square)


def rough_gelu_slope(t):
    """Gelu's derivative at -t over r - t, for `t` in [0, 25]; relative error 2**-25.

    M is Mills' ratio, and r = 0.7518 is where t = M(t). The derivative is minus the normal density times ``t - M(t)``,
    and written with this function, which has no zero, nothing cancels.
    """
    d, square = GELU_SLOPE_Q, t * t
    q = fma(square + fma(d[3], t, d[2]), square, fma(d[1], t, d[0]))
    return _times_normal(GELU_SLOPE, q, t, square)


def _times_normal(c, q, t, square):
    """A polynomial of degree 4 in t, over q, times e**(-t**2 / 2)."""
    # e**(-r / 2) is (1 - u) / (1 + u), with u = tanh(r / 4): one division serves both.
    p = fma(fma(c[4], square, fma(c[3], t, c[2])), square, fma(c[1], t, c[0]))
    rounded = fma(square, -0.5 * LOG2_E, ROUND)
    r = fma(rounded - ROUND, 2.0 * LN2, square)
    a, b = _tanh_as_quotient(r, 0.5)
    return _times_power((p * (b - a)) / (q * (b + a)), rounded)


def exp_sharp(x):
    """e**x, with `x` clamped to [-708, 708]; relative error 2**-50: to be an exponent, whose size multiplies it."""
    x = _clamped(x)
    rounded = fma(x, LOG2_E, ROUND_BIASED)
    n = rounded - ROUND_BIASED
    scale = float(np.int64(np.float64(rounded).view(np.int64) << 52).view(np.float64))
    r = fma(n, -LN2_LO, fma(n, -LN2, x))
    r2 = r * r
    p = fma(SHARP_EXPM1[11], r, SHARP_EXPM1[10])
    p = fma(p, r2, fma(SHARP_EXPM1[9], r, SHARP_EXPM1[8]))
    p = fma(p, r2, fma(SHARP_EXPM1[7], r, SHARP_EXPM1[6]))
    p = fma(p, r2, fma(SHARP_EXPM1[5], r, SHARP_EXPM1[4]))
    p = fma(p, r2, fma(SHARP_EXPM1[3], r, SHARP_EXPM1[2]))
    p = fma(p, r2, fma(SHARP_EXPM1[1], r, SHARP_EXPM1[0]))
    return fma(scale, p * r, scale)


def arctangent(x):
    """The arctangent; relative error 2**-30."""
    # Of s = a up to tan(pi / 8), else of (a - 1) / (a + 1), whose arctangent is less by pi / 4, or -1 / a, by pi / 2.
    a = abs(x)
    a = 1e300 if a > 1e300 else a
    middle, large = a > 0.41421356237309503, a > 2.414213562373095
    numerator = -1.0 if large else (a - 1.0 if middle else a)
    s = numerator / (a if large else (a + 1.0 if middle else 1.0))
    z = s * s
    z2 = z * z
    p = fma(z2, fma(ARCTANGENT[3], z, ARCTANGENT[2]), fma(ARCTANGENT[1], z, ARCTANGENT[0]))
    p = fma(z2 * z2, ARCTANGENT[4], p)
    y = fma(s * z, p, s) + (HALF_PI if large else (0.5 * HALF_PI if middle else 0.0))
    return -y if x < 0.0 else (y if a > 0.0 else x)


def erf(x):
    """The error function for `x` of at least 0; relative error 2**-30."""
    z = x * x
    z2 = z * z
    p = fma(z2, fma(ERF[3], z, ERF[2]), fma(ERF[1], z, ERF[0]))
    small = x * fma(z2 * z2, fma(ERF[5], z, ERF[4]), p)
    t = 10.0 if x > 10.0 else x
    large = 1.0 - 2.0 * normal_tail_ratio(SQRT_2 * t) * exp_bounded(-t * t)
    return small if x < 0.5 else large
