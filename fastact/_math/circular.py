"""Sine and cosine of a product, for every argument, however large.

The product is taken exactly, in two parts, and each part is brought into one quarter of a turn by multiplying its
significand, an integer, with 2**(e - 52) * 2 / pi, of which only what is left modulo 4 matters: a table has it for
every exponent e, to four times 53 bits (Payne and Hanek's reduction, without branches). Of a moderate product quarters
of a turn are subtracted instead, in parts of which the first leaves no rounding error (Cody and Waite's).
"""

import numpy as np

from fastact._math.arithmetic import add, fast_two_sum, fma, multiply, two_sum

HALF_PI = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33)
# The largest moderate product: its quarters, of which float32 takes two parts, are right to 2**-87.
MODERATE = 2.0**20
MINUS_SIXTH = (-0.16666666666666666, -9.25185853854297e-18)
TWO_OVER_PI = (0.6366197723675814, -3.935735335036497e-17)
# Adding it rounds to an integer in the low bits of the sum.
ROUND = 6755399441055744.0

# Below one half an argument is in the first quarter: the table starts there, at e = -1.
FIRST_EXPONENT = -1
# Products of up to 2**1024 * 2**64 have their exponents in it.
LARGEST_EXPONENT = 1087
# An argument beyond this is scaled down by 2**64, for its product with a parameter to stay finite.
SCALED_FROM = 2.0**900

# Polynomials in z = r**2 for |r| <= pi / 4.
# S in sin(r) = r + r z S(z), degree 3: relative error of the whole 2**-37.4
SINE = (-0.16666666640814767, 0.008333329306260134, -0.00019839312539334192, 2.7181229891894424e-06)
# C in cos(r) = 1 - z / 2 + z**2 C(z), degree 3: error 2**-43.2
COSINE = (0.04166666662283105, -0.001388888375348193, 2.4799520004484406e-05, -2.7210236428611455e-07)
# S in sin(r) = r - r z / 6 + r z**2 S(z), degree 6: relative error of the whole 2**-64.1
SINE_REST = (
    0.008333333333333333,
    -0.00019841269841269833,
    2.7557319223977435e-06,
    -2.5052108380855414e-08,
    1.6059042445350125e-10,
    -7.64692439572125e-13,
    2.7896277239708003e-15,
)
# C again, degree 7: error 2**-59.9
COSINE_REST = (
    0.041666666666666664,
    -0.001388888888888889,
    2.4801587301587288e-05,
    -2.755731922397541e-07,
    2.087675698359301e-09,
    -1.147074454845996e-11,
    4.7793244258644046e-14,
    -1.5497237888431185e-16,
)


def _arctangent_of_inverse(n, one):
    """The integer nearest to one * atan(1 / n)."""
    term, total, k = one // n, 0, 0
    while term:
        total += -term // (2 * k + 1) if k % 2 else term // (2 * k + 1)
        term //= n * n
        k += 1
    return total


def _table():
    """The four parts of 2**(e - 52) * 2 / pi modulo 4, one column per exponent e."""
    bits = LARGEST_EXPONENT + 260
    one = 1 << bits
    pi = 16 * _arctangent_of_inverse(5, one) - 4 * _arctangent_of_inverse(239, one)
    two_over_pi = (one << bits + 1) // pi
    unit, first = one << 52 - FIRST_EXPONENT, FIRST_EXPONENT
    rows = []
    for exponent in range(FIRST_EXPONENT, LARGEST_EXPONENT + 1):
        rest = (two_over_pi << exponent - first) % (4 * unit)
        row = []
        for _ in range(4):
            excess = max(rest.bit_length() - 53, 0)
            row.append((rest >> excess << excess) / unit)
            rest -= rest >> excess << excess
        rows.append(row)
    return np.ascontiguousarray(np.array(rows).T)


TURNS, TURNS_SECOND, TURNS_THIRD, TURNS_FOURTH = _table()


def entry(table, row):
    """One number of a table that nothing ever writes to, which is why compiled code can gather a vector of them."""
    return float(table[row])


def _quarters(x, scaling, half):
    """How many quarter turns x * 2.0**scaling is, modulo 4, plus `half`: an integer, and the rest, in two parts."""
    bits = np.float64(x).view(np.int64)
    row = (bits >> 52 & 2047) - 1023 + scaling - FIRST_EXPONENT
    near = row < 0
    row = 0 if near else row
    row = LARGEST_EXPONENT - FIRST_EXPONENT if row > LARGEST_EXPONENT - FIRST_EXPONENT else row
    significand = 2.0**52 * float(np.int64(bits & (1 << 52) - 1 | 1023 << 52).view(np.float64))
    u, u_second, u_third = entry(TURNS, row), entry(TURNS_SECOND, row), entry(TURNS_THIRD, row)
    first, second, third = significand * u, significand * u_second, significand * u_third
    first_lo = fma(significand, u, -first)
    second_lo = fma(significand, u_second, -second)
    rest = fma(significand, entry(TURNS_FOURTH, row), fma(significand, u_third, -third))
    f, a = two_sum(first - 4.0 * ((0.25 * first + ROUND) - ROUND), first_lo)
    f, b = two_sum(f, second)
    sign = -1.0 if x < 0.0 else 1.0
    f, c = two_sum(f, sign * half)
    n = (f + ROUND) - ROUND
    a, b = two_sum(a, b)
    a, c = two_sum(a, c)
    b = b + c
    f, a = two_sum(f - n, a)
    f, c = two_sum(f, second_lo)
    f, d = two_sum(f, third)
    f, f_lo = fast_two_sum(f, ((a + b) + (c + d)) + rest)
    # Below one half the product with 2 / pi is it.
    near_x = (x * 2.0**64 if scaling > 0 else x) if near else 0.0
    t, t_lo = multiply(near_x, 0.0, TWO_OVER_PI[0], TWO_OVER_PI[1])
    t, t_lo = add(half, 0.0, t, t_lo)
    return 0.0 if near else sign * n, t if near else sign * f, t_lo if near else sign * f_lo


def _rounded(f, f_lo):
    """The integer nearest to a pair, and what is left."""
    n = (f + ROUND) - ROUND
    f, f_lo = fast_two_sum(f - n, f_lo)
    return n, f, f_lo


def _reduced(a, a_lo, x, x_lo, eighths):
    """Quarter ``n`` and angle ``r``, in two parts, of ``a * x + eighths * pi / 4``; infinity is no number."""
    far = abs(x) > SCALED_FROM
    scaling = 64 if far else 0
    scaled = x * 2.0**-64 if far else x
    scaled_lo = x_lo * 2.0**-64 if far else x_lo
    t, t_lo = multiply(a, a_lo, scaled, scaled_lo)
    n, f, f_lo = _quarters(t, scaling, 0.5 * (eighths & 1))
    m, g, g_lo = _quarters(t_lo, scaling, 0.0)
    f, f_lo = add(f, f_lo, g, g_lo)
    k, f, f_lo = _rounded(f, f_lo)
    r, r_lo = fast_two_sum(*multiply(f, f_lo, HALF_PI[0], HALF_PI[1]))
    # Next to 0 the product is the angle, to every digit, subnormal or not.
    near = abs(t) < 0.5 and scaling == 0 and eighths & 1 == 0
    r, r_lo = t if near else r, t_lo if near else r_lo
    return _quarter((n + m + k) + ROUND, eighths), r - (t - t), r_lo  # so written, -0.0 stays


def _quarter(rounded, eighths):
    """The number of a quarter, modulo 4: a float's low bits, and those that come with `eighths`."""
    return np.float64(rounded).view(np.int64) + (eighths >> 1)


def _rounded_moderate(t, half):
    """A moderate `t` in quarters, plus `half`, rounded: with `ROUND` added, and without."""
    rounded = fma(t, TWO_OVER_PI[0], half) + ROUND
    return rounded, rounded - ROUND


def _reduced_moderate(a, x, eighths):
    """As `_reduced`, of a moderate product, with an angle in one part."""
    t, half = a * x, 0.5 * (eighths & 1)
    rounded, n = _rounded_moderate(t, half)
    n = n - half
    # In this order and with these signs -0.0 stays.
    return _quarter(rounded, eighths), fma(-n, HALF_PI[0], t) - fma(n, HALF_PI[1], fma(-a, x, t))


def _reduced_moderate_pair(a, a_lo, x, x_lo, eighths):
    """As `_reduced`, of a moderate product."""
    t, t_lo = multiply(a, a_lo, x, x_lo)
    rounded, n = _rounded_moderate(t, 0.0)
    # This is exact: half a quarter, with which it would round, comes next.
    quarter, r, lost = _quarter(rounded, eighths), fma(-n, HALF_PI[0], t), 0.0
    if eighths & 1:
        half = -0.5 if r > 0.0 else 0.5
        quarter, n = quarter + (1 if r > 0.0 else 0), n - half
        r, lost = two_sum(r, half * HALF_PI[0])
    second = n * HALF_PI[1]
    second_lo = fma(n, HALF_PI[2], fma(n, HALF_PI[1], -second))
    r, first_lost = two_sum(r, t_lo)
    r, second_lost = two_sum(r, -second)
    r, r_lo = fast_two_sum(r, ((first_lost + second_lost) + lost) - second_lo)
    return quarter, t if t == 0.0 and eighths & 1 == 0 else r, r_lo  # -0.0 stays


def circular(a, x, eighths):
    """sin(a x + eighths pi / 4) for finite `a` and `x`, NaN for infinite ones; relative error 2**-35."""
    far_quarter, r, r_lo = _reduced(a, 0.0, x, 0.0, eighths)
    far_r = r if r == 0.0 else r + r_lo
    quarter, r = _reduced_moderate(a, x, eighths)
    is_moderate = abs(a * x) <= MODERATE
    return _sine(quarter if is_moderate else far_quarter, r if is_moderate else far_r)


def circular_of_moderate(a, x, eighths):
    """As `circular`, its bits for a product of at most `MODERATE` either way."""
    return _sine(*_reduced_moderate(a, x, eighths))


def _sine(quarter, r):
    """sin(r + quarter pi / 2) for r in one quarter of a turn around 0."""
    z = r * r
    z2 = z * z
    s = fma(z2, fma(SINE[3], z, SINE[2]), fma(SINE[1], z, SINE[0]))
    c = fma(z2, fma(COSINE[3], z, COSINE[2]), fma(COSINE[1], z, COSINE[0]))
    y = fma(z2, c, fma(-0.5, z, 1.0)) if quarter & 1 else fma(r * z, s, r)
    y = r if r == 0.0 and quarter & 1 == 0 else y  # -0.0 stays
    return -y if quarter & 2 else y


def circular_pair(a, a_lo, x, x_lo, eighths):
    """sin(a x + eighths pi / 4) for finite `a` and `x`, NaN for infinite ones; relative error 2**-56.

    Where a x is no float64, there is an absolute error of 2**-105 too: it shows within 2**-50 of a zero.
    """
    far_quarter, far_r, far_lo = _reduced(a, a_lo, x, x_lo, eighths)
    quarter, r, r_lo = _reduced_moderate_pair(a, a_lo, x, x_lo, eighths)
    is_moderate = abs(a * x) <= MODERATE
    quarter = quarter if is_moderate else far_quarter
    return _sine_pair(quarter, r if is_moderate else far_r, r_lo if is_moderate else far_lo)


def circular_of_moderate_pair(a, a_lo, x, x_lo, eighths):
    """As `circular_pair`, its bits for a product of at most `MODERATE` either way."""
    return _sine_pair(*_reduced_moderate_pair(a, a_lo, x, x_lo, eighths))


def _sine_pair(quarter, r, r_lo):
    """As `_sine`, in pairs."""
    z, z_lo = fast_two_sum(*multiply(r, r_lo, r, r_lo))
    z2 = z * z
    z4 = z2 * z2
    s = fma(z2, SINE_REST[6], fma(SINE_REST[5], z, SINE_REST[4]))
    s = fma(z4, s, fma(z2, fma(SINE_REST[3], z, SINE_REST[2]), fma(SINE_REST[1], z, SINE_REST[0])))
    c = fma(z2, fma(COSINE_REST[7], z, COSINE_REST[6]), fma(COSINE_REST[5], z, COSINE_REST[4]))
    c = fma(z4, c, fma(z2, fma(COSINE_REST[3], z, COSINE_REST[2]), fma(COSINE_REST[1], z, COSINE_REST[0])))
    cube, cube_lo = multiply(*multiply(r, r_lo, z, z_lo), MINUS_SIXTH[0], MINUS_SIXTH[1])
    sine, sine_lo = fast_two_sum(r, cube)
    sine, sine_lo = fast_two_sum(sine, fma(r * z2, s, sine_lo + (cube_lo + r_lo)))
    cosine, cosine_lo = fast_two_sum(1.0, -0.5 * z)
    cosine, cosine_lo = fast_two_sum(cosine, fma(z2, c, fma(-0.5, z_lo, cosine_lo)))
    odd, negative = quarter & 1, quarter & 2
    sine = r if r == 0.0 else sine  # -0.0 stays
    y, y_lo = cosine if odd else sine, cosine_lo if odd else sine_lo
    return -y if negative else y, -y_lo if negative else y_lo
