"""Elementary functions on pairs of float64: the working precision of float64 kernels.

A pair is an unevaluated sum ``hi + lo``, given and returned as two numbers. Leading terms go in pair arithmetic, and
the rest, small against them, in plain float64: that leaves some 58 bits, hence 0.52 units in the last place after the
one rounding at a kernel's end. The stated relative errors hold where neither part of the result underflows. NaN gives
NaN. ``coefficients.sollya`` finds the polynomials, which go in pairs of terms as in ``float64.py``.
"""

import numpy as np

from fastact._math.arithmetic import add, divide, fast_two_sum, fma, multiply, two_sum

LOG2_E = 1.4426950408889634
LN2 = 0.6931471805599453
LN2_LO = 2.3190468138462996e-17
THIRD = 0.3333333333333333
THIRD_LO = 1.850371707708594e-17
SIXTH = 0.16666666666666666
SIXTH_LO = 9.25185853854297e-18
HALF_PI = 1.5707963267948966
HALF_PI_LO = 6.123233995736766e-17
SQRT_2 = 1.4142135623730951
SQRT_2_LO = -9.667293313452913e-17
TWO_OVER_SQRT_PI = 1.1283791670955126
TWO_OVER_SQRT_PI_LO = 1.533545961316588e-17
SIX_FIFTHS = 1.2
SIX_FIFTHS_LO = 4.4408920985006264e-17
# As in float64.py.
ROUND_BIASED = 6755399441055744.0 + 1023.0
# From here on e**x is 0 and infinite.
EXP_SMALLEST = -746.0
EXP_LARGEST = 710.0

# P in e**r - 1 = r + r**2 / 2 + r**3 / 6 + (r**2 / 2)**2 P(r), |r| <= log(2) / 2, degree 8: relative error of the
# whole 2**-60.9
EXP_REST = (
    0.16666666666666632,
    0.03333333333331383,
    0.005555555555578988,
    0.0007936507948256912,
    9.92063487056312e-05,
    1.1022903394034859e-05,
    1.102296555317185e-06,
    1.0041765696778479e-07,
    8.347464145194031e-09,
)
# P in 2 atanh(s) = 2 s + s**3 P(s**2), |s| <= 0.1716, degree 7: relative error of the whole 2**-61.6
LOG1P_REST = (
    0.6666666666666666,
    0.40000000000006236,
    0.28571428569088453,
    0.22222222646518433,
    0.181817756812184,
    0.1538709029559947,
    0.13250124437246566,
    0.13251302903633333,
)
# P in x - tanh(x) = x z / (3 + 6/5 z + z**2 P(z)), z = x**2 in [0, 1], degree 7: relative error of the whole
# 2**-62.8
X_MINUS_TANH_REST = (
    -0.0057142857142852615,
    0.0002539682539581586,
    -1.2203669259933071e-05,
    5.987659280223295e-07,
    -2.9564135208792248e-08,
    1.461269590341963e-09,
    -7.099249527178722e-11,
    2.8422414824833227e-12,
)
# P in e**r - 1 = r + r**2 / 2 + r**3 / 6 + r**4 P(r), |r| <= log(2) / 32, degree 4: relative error 2**-68.4
SHARP_REST = (
    0.04166666666666664,
    0.008333333332982997,
    0.0013888888890618838,
    0.00019841471358967523,
    2.4801480940513944e-05,
)
# P in atan(s) = s + s z P(z), z = s**2, |s| <= 0.4142, degree 10: relative error of the whole 2**-57.3
ARCTANGENT_REST = (
    -0.333333333333332,
    0.1999999999995318,
    -0.1428571428015952,
    0.11111110781787507,
    -0.09090897714286812,
    0.07692059515975562,
    -0.06663096847007642,
    0.05847841675319327,
    -0.05039109245416337,
    0.03806003243074223,
    -0.017902685281759766,
)
# P in erf(s) = s (2 / sqrt(pi) + z P(z)), z = s**2, |s| <= 1 / 2, degree 9: relative error of the whole 2**-58.2
ERF_REST = (
    -0.37612638903183754,
    0.11283791670955125,
    -0.02686617064513016,
    0.0052239776254058515,
    -0.0008548327016499435,
    0.00012055332158501384,
    -1.4925587947582266e-05,
    1.6459077581929066e-06,
    -1.6273894467057062e-07,
    1.3220043713745769e-08,
)
# Both tail ratios are polynomials in u = (t - 4) / (t + 4), t in [0, 40].
TAIL_LARGEST = 40.0
# (t + 4) times the ratio, degree 23: relative error 2**-58.7
NORMAL_TAIL_RATIO_LEADING = (
    0.7512322068214417,
    -0.609658420085907,
    0.43354180455207825,
    -0.19447104632854462,
)
NORMAL_TAIL_RATIO_REST = (
    0.004052923594309843,
    0.001761778114014893,
    -0.046404403809863555,
    0.007949188368885423,
    0.06039657489092736,
    -0.007540188966666367,
    -0.0034796923671806287,
    0.0016308184567401245,
    0.00013334430987613953,
    -0.00023109492873756956,
    -1.9082407761782372e-06,
    3.514465757907926e-05,
    7.165886673267807e-07,
    -5.9200983992200084e-06,
    -6.29476546800876e-07,
    1.0214438457167512e-06,
    2.7140240135497736e-07,
    -1.5490158988960343e-07,
    -8.495067536294103e-08,
    1.3327216463760941e-08,
    1.932458825490193e-08,
    1.8299084928776466e-09,
    -2.4398949187089025e-09,
    -6.88992816617595e-10,
)
# The ratio itself, degree 22: relative error 2**-59.4
GELU_TAIL_RATIO_LEADING = (
    1.1536298990249634,
    -0.3040606677532196,
    0.18869994580745697,
)
GELU_TAIL_RATIO_REST = (
    0.004961874162071862,
    0.04496078388544358,
    -0.037141838937934664,
    -0.07039454410494506,
    0.02382537735915678,
    -0.004482504435233741,
    -0.00038755810107308445,
    0.0004656708117276895,
    -4.380888416338193e-05,
    -4.520690378593416e-05,
    8.870729490827542e-06,
    5.5566001418225925e-06,
    -1.2337369681514999e-06,
    -8.758784444696552e-07,
    1.3141022593267328e-07,
    1.5876378130283024e-07,
    -1.909988070588912e-09,
    -2.8582428665308803e-08,
    -4.420328773468796e-09,
    4.240986069400216e-09,
    1.3882497085510858e-09,
    -3.59434764750373e-10,
    -1.7521910235449854e-10,
)
# The leading terms of both polynomials' derivatives, for a first-order correction.
NORMAL_TAIL_RATIO_SLOPE = (
    NORMAL_TAIL_RATIO_LEADING[1] + NORMAL_TAIL_RATIO_REST[1],
    2.0 * (NORMAL_TAIL_RATIO_LEADING[2] + NORMAL_TAIL_RATIO_REST[2]),
    3.0 * (NORMAL_TAIL_RATIO_LEADING[3] + NORMAL_TAIL_RATIO_REST[3]),
    4.0 * NORMAL_TAIL_RATIO_REST[4],
)
GELU_TAIL_RATIO_SLOPE = (
    GELU_TAIL_RATIO_LEADING[1] + GELU_TAIL_RATIO_REST[1],
    2.0 * (GELU_TAIL_RATIO_LEADING[2] + GELU_TAIL_RATIO_REST[2]),
    3.0 * GELU_TAIL_RATIO_REST[3],
    4.0 * GELU_TAIL_RATIO_REST[4],
)


def _clamped(hi, lo):
    """The pair brought into the range where e**x is neither 0 nor infinite; NaN stays."""
    low, high = hi < EXP_SMALLEST, hi > EXP_LARGEST
    lo = 0.0 if low else lo
    lo = 0.0 if high else lo
    hi = EXP_SMALLEST if low else hi
    return (EXP_LARGEST if high else hi), lo


def _power_of_two(biased):
    """2.0**n, given n + ROUND_BIASED for an n in [-1022, 1023]."""
    return float(np.int64(np.float64(biased).view(np.int64) << 52).view(np.float64))


def _reduced(hi, lo):
    """``(n, e**r - 1)`` with ``hi + lo == n * log(2) + r`` and n an integer; the second as two numbers to be added."""
    n = fma(hi, LOG2_E, ROUND_BIASED) - ROUND_BIASED
    r, r_lo = fast_two_sum(fma(n, -LN2, hi), fma(n, -LN2_LO, lo))  # the first fma is exact
    half = 0.5 * r
    square = half * r
    square_lo = fma(half, r, -square)
    cube = square * r
    cube_lo = fma(square_lo, r, fma(square, r, -cube))
    sixth = cube * THIRD
    sixth_lo = fma(cube, THIRD, -sixth) + fma(cube, THIRD_LO, cube_lo * THIRD)
    r2 = r * r
    p = fma(EXP_REST[8], r2, fma(EXP_REST[7], r, EXP_REST[6]))
    p = fma(p, r2, fma(EXP_REST[5], r, EXP_REST[4]))
    p = fma(p, r2, fma(EXP_REST[3], r, EXP_REST[2]))
    p = fma(p, r2, fma(EXP_REST[1], r, EXP_REST[0]))
    m, m_lo = fast_two_sum(r, square)
    m, sixth_error = fast_two_sum(m, sixth)
    small = ((m_lo + sixth_error) + (square_lo + sixth_lo)) + fma(r_lo, m, r_lo)
    return n, m, fma(square * square, p, small)


def _halves(n):
    """Two powers of two whose product is 2.0**n, which may overflow or underflow, and the second one's reciprocal."""
    rounded = fma(n, 0.5, ROUND_BIASED)
    rest = n - (rounded - ROUND_BIASED)
    return _power_of_two(rounded), _power_of_two(ROUND_BIASED + rest), _power_of_two(ROUND_BIASED - rest)


def _plus_one(m, m_lo):
    hi, lo = fast_two_sum(1.0, m)
    return fast_two_sum(hi, lo + m_lo)


def exp(hi, lo):
    """e**x; relative error 2**-58, absolute error one unit in the last place where the result is subnormal."""
    n, m, m_lo = _reduced(*_clamped(hi, lo))
    first, second, _ = _halves(n)
    e, e_lo = _plus_one(m, m_lo)
    return e * first * second, e_lo * first * second


def exp_at_most_1(hi, lo):
    """e**x for `x` of at most 0; errors as those of `exp`."""
    return exp(hi, lo)


def exp_bounded(hi, lo):
    """e**x for ``abs(x) <= 708``; relative error 2**-58."""
    n, m, m_lo = _reduced(hi, lo)
    scale = _power_of_two(n + ROUND_BIASED)
    hi, lo = _plus_one(m, m_lo)
    return hi * scale, lo * scale


def exp_and_expm1(hi, lo):
    """e**x and e**x - 1, as four numbers; relative errors 2**-58."""
    n, m, m_lo = _reduced(*_clamped(hi, lo))
    first, second, one = _halves(n)
    e, e_lo = _plus_one(m, m_lo)
    # 2**n (1 + m) - 1 == second (first m + (first - 1 / second)), without overflow
    scale, scale_lo = two_sum(first, -one)
    m, m_lo = add(scale, scale_lo, first * m, first * m_lo)
    m = hi if hi == 0.0 else m * second  # -0.0 gives -0.0
    return e * first * second, e_lo * first * second, m, m_lo * second


def expm1(hi, lo):
    """e**x - 1; relative error 2**-58."""
    _, _, m, m_lo = exp_and_expm1(hi, lo)
    return m, m_lo


def log1p(hi, lo):
    """log(1 + u) for `u` in [0, 1]; relative error 2**-58."""
    # Above sqrt(2) - 1 it is log(2) + log(1 + v) with v = (u - 1) / 2, for s = v / (2 + v) to stay below 0.1716.
    large = hi > 0.41421356237309503
    half = 0.5 * hi
    v, v_lo = fast_two_sum(-0.5, half)
    v = v if large else hi
    v_lo = fma(0.5, lo, v_lo) if large else lo
    d, d_lo = fast_two_sum(2.0, v)
    s, s_lo = divide(v, v_lo, d, d_lo + v_lo)
    z = s * s
    z2 = z * z
    p = fma(LOG1P_REST[7], z2, fma(LOG1P_REST[6], z, LOG1P_REST[5]))
    p = fma(p, z2, fma(LOG1P_REST[4], z, LOG1P_REST[3]))
    p = fma(p, z2, fma(LOG1P_REST[2], z, LOG1P_REST[1]))
    p = fma(p, z, LOG1P_REST[0])  # the constant last, and so rounded once
    m, m_lo = fast_two_sum(LN2 if large else 0.0, s + s)
    small = fma(fma(2.0, z, 2.0), s_lo, LN2_LO if large else 0.0) + m_lo
    return fast_two_sum(m, fma(s * z, p, small))


def x_minus_tanh(hi, lo):
    """Compute x - tanh(x); relative error 2**-58."""
    square, square_lo = multiply(hi, lo, hi, lo)
    z2 = square * square
    p = fma(X_MINUS_TANH_REST[7], square, X_MINUS_TANH_REST[6])
    p = fma(p, z2, fma(X_MINUS_TANH_REST[5], square, X_MINUS_TANH_REST[4]))
    p = fma(p, z2, fma(X_MINUS_TANH_REST[3], square, X_MINUS_TANH_REST[2]))
    p = fma(p, z2, fma(X_MINUS_TANH_REST[1], square, X_MINUS_TANH_REST[0]))
    w, w_lo = multiply(square, square_lo, SIX_FIFTHS, SIX_FIFTHS_LO)
    near_d, near_d_lo = fast_two_sum(3.0, w)
    near_d, near_d_lo = fast_two_sum(near_d, near_d_lo + fma(z2, p, w_lo))
    near_n, near_n_lo = multiply(hi, lo, square, square_lo)
    # Else a - tanh(a), a = |x|, times 1 + e**-2a; e**-2a is lost beyond a = 50.
    negative = hi < 0.0
    a, a_lo = (-hi if negative else hi), (-lo if negative else lo)
    far = a > 50.0
    e, e_lo = exp_bounded(-100.0 if far else -2.0 * a, 0.0 if far else -2.0 * a_lo)
    far_d, far_d_lo = fast_two_sum(1.0, e)
    plus, plus_lo = add(a, a_lo, 1.0, 0.0)
    product, product_lo = multiply(e, e_lo, plus, plus_lo)
    minus, minus_lo = add(a, a_lo, -1.0, 0.0)
    far_n, far_n_lo = add(minus, minus_lo, product, product_lo)
    far_n, far_n_lo = (-far_n if negative else far_n), (-far_n_lo if negative else far_n_lo)
    near = a < 1.0
    n, n_lo = (near_n if near else far_n), (near_n_lo if near else far_n_lo)
    d, d_lo = (near_d if near else far_d), (near_d_lo if near else far_d_lo + e_lo)
    return divide(n, n_lo, d, d_lo)


def _tail_variable(t, t_lo):
    """1 / (t + 4) and (t - 4) / (t + 4), as four numbers; `t` beyond 40 is taken for 40."""
    far = t > TAIL_LARGEST
    t, t_lo = (TAIL_LARGEST if far else t), (0.0 if far else t_lo)
    d, d_lo = two_sum(t, 4.0)
    d_lo = d_lo + t_lo
    i = 1.0 / d
    i_lo = i * fma(-i, d_lo, fma(-i, d, 1.0))
    u = fma(-8.0, i, 1.0)
    return i, i_lo, u, fma(-8.0, i_lo, fma(-8.0, i, 1.0 - u))


def _times_plus(hi, lo, u, constant):
    """(hi + lo) * u + constant, for a constant of 24 bits, so that its sum with the product splits exactly."""
    product = hi * u
    product_lo = fma(lo, u, fma(hi, u, -product))
    total, error = fast_two_sum(constant, product)
    return total, error + product_lo


def normal_tail_ratio(hi, lo):
    """exp(t**2 / 2) times the standard normal distribution's upper tail, `t` in [0, 40]; relative error 2**-55.

    Beyond 40 it keeps its value at 40.
    """
    i, i_lo, u, u_lo = _tail_variable(hi, lo)
    u2 = u * u
    p = fma(NORMAL_TAIL_RATIO_REST[23], u, NORMAL_TAIL_RATIO_REST[22])
    p = fma(p, u2, fma(NORMAL_TAIL_RATIO_REST[21], u, NORMAL_TAIL_RATIO_REST[20]))
    p = fma(p, u2, fma(NORMAL_TAIL_RATIO_REST[19], u, NORMAL_TAIL_RATIO_REST[18]))
    p = fma(p, u2, fma(NORMAL_TAIL_RATIO_REST[17], u, NORMAL_TAIL_RATIO_REST[16]))
    p = fma(p, u2, fma(NORMAL_TAIL_RATIO_REST[15], u, NORMAL_TAIL_RATIO_REST[14]))
    p = fma(p, u2, fma(NORMAL_TAIL_RATIO_REST[13], u, NORMAL_TAIL_RATIO_REST[12]))
    p = fma(p, u2, fma(NORMAL_TAIL_RATIO_REST[11], u, NORMAL_TAIL_RATIO_REST[10]))
    p = fma(p, u2, fma(NORMAL_TAIL_RATIO_REST[9], u, NORMAL_TAIL_RATIO_REST[8]))
    p = fma(p, u2, fma(NORMAL_TAIL_RATIO_REST[7], u, NORMAL_TAIL_RATIO_REST[6]))
    p = fma(p, u2, fma(NORMAL_TAIL_RATIO_REST[5], u, NORMAL_TAIL_RATIO_REST[4]))
    p = fma(p, u2, fma(NORMAL_TAIL_RATIO_REST[3], u, NORMAL_TAIL_RATIO_REST[2]))
    p = fma(p, u2, fma(NORMAL_TAIL_RATIO_REST[1], u, NORMAL_TAIL_RATIO_REST[0]))
    slope = fma(NORMAL_TAIL_RATIO_SLOPE[3], u, NORMAL_TAIL_RATIO_SLOPE[2])
    slope = fma(slope, u2, fma(NORMAL_TAIL_RATIO_SLOPE[1], u, NORMAL_TAIL_RATIO_SLOPE[0]))
    h, h_lo = _times_plus(NORMAL_TAIL_RATIO_LEADING[3], 0.0, u, NORMAL_TAIL_RATIO_LEADING[2])
    h, h_lo = _times_plus(h, h_lo, u, NORMAL_TAIL_RATIO_LEADING[1])
    h, h_lo = _times_plus(h, h_lo, u, NORMAL_TAIL_RATIO_LEADING[0])
    h, h_lo = fast_two_sum(h, p + fma(slope, u_lo, h_lo))
    return multiply(h, h_lo, i, i_lo)


def gelu_tail_ratio(hi, lo):
    """(t - M(t)) / (t - r), `t` in [0, 40], with M and r as in ``float64.gelu_tail_ratio``; relative error 2**-55.

    Beyond 40 it keeps its value at 40.
    """
    _, _, u, u_lo = _tail_variable(hi, lo)
    u2 = u * u
    p = fma(GELU_TAIL_RATIO_REST[22], u2, fma(GELU_TAIL_RATIO_REST[21], u, GELU_TAIL_RATIO_REST[20]))
    p = fma(p, u2, fma(GELU_TAIL_RATIO_REST[19], u, GELU_TAIL_RATIO_REST[18]))
    p = fma(p, u2, fma(GELU_TAIL_RATIO_REST[17], u, GELU_TAIL_RATIO_REST[16]))
    p = fma(p, u2, fma(GELU_TAIL_RATIO_REST[15], u, GELU_TAIL_RATIO_REST[14]))
    p = fma(p, u2, fma(GELU_TAIL_RATIO_REST[13], u, GELU_TAIL_RATIO_REST[12]))
    p = fma(p, u2, fma(GELU_TAIL_RATIO_REST[11], u, GELU_TAIL_RATIO_REST[10]))
    p = fma(p, u2, fma(GELU_TAIL_RATIO_REST[9], u, GELU_TAIL_RATIO_REST[8]))
    p = fma(p, u2, fma(GELU_TAIL_RATIO_REST[7], u, GELU_TAIL_RATIO_REST[6]))
    p = fma(p, u2, fma(GELU_TAIL_RATIO_REST[5], u, GELU_TAIL_RATIO_REST[4]))
    p = fma(p, u2, fma(GELU_TAIL_RATIO_REST[3], u, GELU_TAIL_RATIO_REST[2]))
    p = fma(p, u2, fma(GELU_TAIL_RATIO_REST[1], u, GELU_TAIL_RATIO_REST[0]))
    slope = fma(GELU_TAIL_RATIO_SLOPE[3], u, GELU_TAIL_RATIO_SLOPE[2])
    slope = fma(slope, u2, fma(GELU_TAIL_RATIO_SLOPE[1], u, GELU_TAIL_RATIO_SLOPE[0]))
    h, h_lo = _times_plus(GELU_TAIL_RATIO_LEADING[2], 0.0, u, GELU_TAIL_RATIO_LEADING[1])
    h, h_lo = _times_plus(h, h_lo, u, GELU_TAIL_RATIO_LEADING[0])
    return fast_two_sum(h, p + fma(slope, u_lo, h_lo))


def exp_sharp(hi, lo):
    """e**x; relative error 2**-68: to be an exponent, whose size multiplies it, or to cancel."""
    hi, lo = _clamped(hi, lo)
    n = fma(hi, LOG2_E, ROUND_BIASED) - ROUND_BIASED
    r, r_lo = two_sum(fma(n, -LN2, hi), fma(n, -LN2_LO, lo))  # the first fma is exact
    r, r_lo = 0.0625 * r, 0.0625 * r_lo
    square, square_lo = multiply(r, r_lo, r, r_lo)
    slope, slope_lo = multiply(r, r_lo, SIXTH, SIXTH_LO)
    slope, slope_lo = add(0.5, 0.0, slope, slope_lo)
    bend, bend_lo = multiply(square, square_lo, slope, slope_lo)
    p = fma(SHARP_REST[4], r, SHARP_REST[3])
    p = fma(p, square, fma(SHARP_REST[2], r, SHARP_REST[1]))
    p = fma(p, r, SHARP_REST[0])
    m, m_lo = add(r, r_lo, bend, bend_lo)
    e, e_lo = add(1.0, 0.0, m, fma(square * square, p, m_lo))
    for _ in range(4):  # to the 16th power
        e, e_lo = multiply(e, e_lo, e, e_lo)
    first, second, _ = _halves(n)
    return e * first * second, e_lo * first * second


def arctangent(hi, lo):
    """The arctangent; relative error 2**-55."""
    # As in float64.py.
    a, a_lo = (-hi, -lo) if hi < 0.0 else (hi, lo)
    far = a > 1e300
    a, a_lo = 1e300 if far else a, 0.0 if far else a_lo
    middle, large = a > 0.41421356237309503, a > 2.414213562373095
    minus, minus_lo = add(a, a_lo, -1.0, 0.0)
    plus, plus_lo = add(a, a_lo, 1.0, 0.0)
    numerator, numerator_lo = minus if middle else a, minus_lo if middle else a_lo
    numerator, numerator_lo = -1.0 if large else numerator, 0.0 if large else numerator_lo
    divisor, divisor_lo = plus if middle else 1.0, plus_lo if middle else 0.0
    divisor, divisor_lo = a if large else divisor, a_lo if large else divisor_lo
    s, s_lo = divide(numerator, numerator_lo, divisor, divisor_lo)
    z = s * s
    z2 = z * z
    p = fma(ARCTANGENT_REST[10], z2, fma(ARCTANGENT_REST[9], z, ARCTANGENT_REST[8]))
    p = fma(p, z2, fma(ARCTANGENT_REST[7], z, ARCTANGENT_REST[6]))
    p = fma(p, z2, fma(ARCTANGENT_REST[5], z, ARCTANGENT_REST[4]))
    p = fma(p, z2, fma(ARCTANGENT_REST[3], z, ARCTANGENT_REST[2]))
    p = fma(p, z2, fma(ARCTANGENT_REST[1], z, ARCTANGENT_REST[0]))
    turn = HALF_PI if large else (0.5 * HALF_PI if middle else 0.0)
    turn_lo = HALF_PI_LO if large else (0.5 * HALF_PI_LO if middle else 0.0)
    y, y_lo = two_sum(turn, s)
    y, y_lo = fast_two_sum(y, fma(s * z, p, (y_lo + turn_lo) + fma(-z, s_lo, s_lo)))
    y, y_lo = y if a > 0.0 else a, y_lo if a > 0.0 else 0.0
    return (-y, -y_lo) if hi < 0.0 else (y if a > 0.0 else hi, y_lo)


def erf(hi, lo):
    """The error function for `x` of at least 0; relative error 2**-55."""
    z = hi * hi
    z2 = z * z
    p = fma(ERF_REST[9], z, ERF_REST[8])
    p = fma(p, z2, fma(ERF_REST[7], z, ERF_REST[6]))
    p = fma(p, z2, fma(ERF_REST[5], z, ERF_REST[4]))
    p = fma(p, z2, fma(ERF_REST[3], z, ERF_REST[2]))
    p = fma(p, z2, fma(ERF_REST[1], z, ERF_REST[0]))
    w, w_lo = fast_two_sum(TWO_OVER_SQRT_PI, z * p)
    near, near_lo = multiply(hi, lo, w, w_lo + TWO_OVER_SQRT_PI_LO)
    far = hi > 20.0
    t, t_lo = 20.0 if far else hi, 0.0 if far else lo
    square, square_lo = multiply(t, t_lo, t, t_lo)
    argument, argument_lo = multiply(t, t_lo, SQRT_2, SQRT_2_LO)
    tail, tail_lo = normal_tail_ratio(argument, argument_lo)
    e, e_lo = exp_bounded(-square, -square_lo)
    tail, tail_lo = multiply(tail, tail_lo, e, e_lo)
    y, y_lo = add(1.0, 0.0, -2.0 * tail, -2.0 * tail_lo)
    small = hi < 0.5
    return near if small else y, near_lo if small else y_lo
