"""Activations that multiply their input by a gate of it: smooth, and not monotone."""

import math

import numpy as np

from fastact._definition import Parameter, define
from fastact._math import float32
from fastact._math.arithmetic import fma
from fastact._math.float32 import NOTHING, ROUND_SHIFTED, SHIFT, ZERO
from fastact._math.float64 import (
    exp_bounded,
    expm1_bounded,
    rough_exp_bounded,
    rough_exp_bounded_times,
    rough_gelu_slope,
    rough_normal_tail,
)
from fastact._math.working import (
    at_least,
    at_most,
    exp,
    exp_and_expm1,
    gelu_tail_ratio,
    gelu_tail_ratio_unbounded,
    normal_tail_ratio,
    normal_tail_ratio_unbounded,
    precise,
    where,
    within,
)
from fastact.activations.sigmoids import ONE_TO, ZERO_FROM_TIMES_ANY

INFINITY = float("inf")
HENDRYCKS = "Hendrycks & Gimpel, Gaussian Error Linear Units, 2016, arXiv:1606.08415"
RAMACHANDRAN = "Ramachandran, Zoph & Le, Searching for Activation Functions, 2017, arXiv:1710.05941"
ELFWING = "Elfwing, Uchibe & Doya, Sigmoid-Weighted Linear Units, Neural Networks 107, 2018, arXiv:1702.03118"

# Beyond it e**-|x| underflows in float64, even times x.
FAR = 800.0

# Beyond it that is 0 times the square of the largest number, too: what gated linear units need, to which the forms
# named _tail belong. They give two numbers, c and q: the value, or the derivative, is c q**4, which may underflow.
FARTHEST = 2200.0
SMALL, HALF_OVER_SMALL_SQUARED, ROOT_OF_SMALL_SQUARED = 2.0**-300, 2.0**599, 2.0**-150

# Beyond it e**-|x| is 0 in float32, times the largest gradient too. Its kernels work in float64, whose range makes
# halves, mirror images and bounds on squares superfluous: forms named _float32 are the same identities without them.
FAR_FLOAT32 = 300.0
# From there on x e**-x is 0 in float32, and so is x e**(-beta x) for betas from STEEP on.
ZERO_FROM, STEEP = np.float32(110), 0.5
# From there on x e**-x is 0, times any number.
ZERO_FROM_TIMES_PRODUCT = np.float32(200)

# A derivative that crosses zero cancels there, in any precision that has no digits to spare. Each is therefore written
# in h = x - root, around the root's exact place, as a sum of terms of one sign. All constants are pairs: mpmath's
# 60 digits, cut in two.
SILU_ROOT = (-1.2784645427610737, -1.0946994183093437e-16)
SILU_EXP_ROOT = (0.2784645427610738, -1.5523606315812798e-18)

MISH_ROOT = (-1.1924312145154952, -4.8484829848031044e-17)
MISH_EXP_ROOT = (0.3034825352815289, 1.981117434764409e-17)
MISH_LINEAR = (4.303482535281529, -2.0223343057738722e-16)  # 4 + e**root
MISH_CONSTANT = (2.536306932285039, 2.0040087774557082e-16)  # 6 + 4 root + e**root (4 + e**root)

GELU_FARTHEST = 67.0
GELU_ROOT = (0.7517915246935645, -1.4956759177009883e-17)
NORMAL_DENSITY_AT_0 = (0.3989422804014327, -2.49232720227773e-17)  # 1 / sqrt(2 pi)

# gelu_tanh(x) = x sigmoid(v), with v = A x + B x**3, A = 2 sqrt(2 / pi), B = 0.044715 A.
GELU_TANH_A = (1.5957691216057308, -9.96930880911092e-17)
GELU_TANH_B = (0.07135481627260025, -6.175149918155315e-19)
GELU_TANH_3B = (0.21406444881780073, 1.2025242832367862e-17)
GELU_TANH_6B = (0.42812889763560147, 2.4050485664735725e-17)
# -A and -B as two float32 each: -A's first has so few digits that no number made of it and x**2 here loses one of them;
# x from which gelu_tanh(x) is 0, and x, in float32; and from which it is 0 times any number.
MINUS_GELU_TANH_A = np.float32(-1.5957679748535156), np.float32(-1.1467521972008399e-06)
MINUS_GELU_TANH_B = np.float32(-0.07135481387376785), np.float32(-2.3988324659995897e-09)
GELU_TANH_ZERO_FROM, GELU_TANH_ONE_FROM = np.float32(-10.9), np.float32(8)
GELU_TANH_ZERO_FROM_TIMES_PRODUCT = np.float32(-13.5)
GELU_TANH_FARTHEST = 32.0
GELU_TANH_ROOT = (-0.7524614220710163, 3.635560509207687e-17)
GELU_TANH_ROOT_SQUARED = (0.5661981917051361, -4.279036294789613e-18)
GELU_TANH_AT_ROOT = -1.2311548723318988  # v(root)
GELU_TANH_EXP_ROOT = (0.29195521191476714, -8.582607951729513e-18)  # e**v(root)


def _mirrored(x, left):
    """Give x gate(x), from x gate(-|x|), for gates with gate(x) + gate(-x) = 1."""
    return where(x > 0.0, x - left, left)


def _silu(x):
    """Silu, as x e / (1 + e) on the left and x minus that on the right: tails keep every digit, -inf is no 0 * inf."""
    t = within(x, FAR)
    # e**-a in halves: a subnormal has lost digits that the factor a would bring to light.
    half = exp(-0.5 * abs(t))
    return _mirrored(x, (t * half) * (half / (1.0 + half * half)))


def _gated_single(x, is_open, t, t_lo):
    """Give x / (1 + e**(t + t_lo)), for a t of at most ZERO_FROM and a finite x; where the gate is open, x."""
    e = float32.scale_and_rest(t, t_lo, ROUND_SHIFTED)
    return where(is_open, x, float32.divide(x, ZERO, *float32.plus_exp(SHIFT, *e)) * SHIFT)


def _times_gated_single(x, gate, finite, t, t_lo):
    """Give x times `finite` / (1 + e**(t + t_lo)), where the gate is -inf, x times 0."""
    x = x if gate > -INFINITY else x * ZERO  # which the value is, and not just tiny
    return float32.product_times_logistic(x, finite, at_least(t, ONE_TO), t_lo)


def _silu_single(x):
    finite = at_least(x, -ZERO_FROM)
    return _gated_single(finite, finite >= -ONE_TO, at_least(-finite, ONE_TO), NOTHING)


def _steep_swish(x, beta):
    t, t_lo = float32.bounded_product(-x, beta, ONE_TO, ZERO_FROM)
    return _gated_single(where(t < ZERO_FROM, x, math.copysign(ZERO, x)), t <= ONE_TO, t, t_lo)


def _any_swish(x, beta):
    t, t_lo = float32.bounded_product(-x, beta, ONE_TO, ZERO_FROM_TIMES_ANY)
    return float32.times_logistic(where(t < ZERO_FROM_TIMES_ANY, x, math.copysign(ZERO, x)), t, t_lo)


def _gated(x, t):
    """Give x sigmoid(t), for an x that is infinite only with t."""
    half = exp(-0.5 * at_most(abs(t), FAR))
    # Where the gate is 0 whatever x is, x must not be infinite.
    finite = where(abs(t) > FAR, 0.0, x)
    left = (finite * half) * (half / (1.0 + half * half))
    return where(t > 0.0, x - left, left)


def _value_tail(x, c, q):
    """Give (c, q) of a gate's value. Next to 0, where these gates are x / 2, the value itself underflows."""
    small = abs(x) < SMALL
    return where(small, HALF_OVER_SMALL_SQUARED * x, c), where(small, ROOT_OF_SMALL_SQUARED, q)


def _gated_tail(x, t, argument):
    """Give x sigmoid(argument), for a t that is x where the result is not x or 0."""
    q = exp(-0.25 * abs(argument))
    e = (q * q) * (q * q)
    left = t / (1.0 + e)
    return _value_tail(x, where(x > 0.0, x - left * e, left), where(x > 0.0, 1.0, q))


def _derivative_tail(x, rise, linear, c):
    """Give what `_silu_derivative` and gelu_tanh's derivative explain: `rise` and `linear` are what each has for h."""
    quarter, quarter_m = exp_and_expm1(0.25 * rise)
    half, half_m = quarter * quarter, quarter_m * (quarter + 1.0)
    e = c * (half * half)
    numerator = linear + c * (half_m * (half + 1.0))
    left = numerator * (c / ((1.0 + e) * (1.0 + e)))
    return where(x > 0.0, 1.0 - (left * half) * half, left), where(x > 0.0, 1.0, quarter)


def _silu_derivative_float32(x):
    # e**x as c e**h, which next to the root, where it cancels in 1 + x + e**x, has all of float64's digits.
    t = within(x, FAR_FLOAT32)
    e = rough_exp_bounded_times(SILU_EXP_ROOT[0], t - SILU_ROOT[0])
    s = 1.0 + e
    return e * (t + s) / (s * s)


def _silu_derivative(x):
    """On the left e (1 + e + x) / (1 + e)**2; on the right, 1 minus its mirror image."""
    h = -at_most(abs(x), FAR) - precise(SILU_ROOT, x)
    # With c = e**root = -(1 + root): e = c e**h and 1 + e + x = h + c (e**h - 1), whose terms have one sign.
    half, half_m = exp_and_expm1(0.5 * h)
    c = precise(SILU_EXP_ROOT, x)
    e = c * (half * half)
    numerator = h + c * (half_m * (half + 1.0))
    left = (half * numerator) * ((c * half) / ((1.0 + e) * (1.0 + e)))
    return where(x > 0.0, 1.0 - left, left)


def _silu_second_derivative(x):
    """Even in x: sigmoid'(x) (2 - x tanh(x / 2))."""
    a = at_most(abs(x), FAR)
    half, half_m = exp_and_expm1(-0.5 * a)
    e = half * half
    s = 1.0 + e
    return (half * (2.0 + a * (half_m * (half + 1.0)) / s)) * (half / (s * s))


@define(
    formula=r"f(x) = x \, \sigma(x)",
    limits={"value": (0.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(-0.2784645427610738, INFINITY),
    derivative_range=(-0.09983932012886691, 1.099839320128867),
    saturation="Far on the left the gradient decays like |x| e^x; around -1.28 it changes sign, so units seldom die.",
    use="A smooth default for deep convolutional networks and transformers (as half of swiglu).",
    avoid="Where monotonicity is needed, or an exponential per element is too dear.",
    papers=(ELFWING, RAMACHANDRAN),
    aliases=("SiLU", "swish1"),
    cost=0.4,
)
class silu:
    """Sigmoid linear unit."""

    def value(x):
        return _silu(x)

    def value_tail_float64(x):
        t = within(x, FARTHEST)
        return _gated_tail(x, t, t)

    def value_float32(x):
        t = at_least(x, -FAR_FLOAT32)
        return t / (1.0 + exp_bounded(-at_most(t, FAR_FLOAT32)))

    def value_single(x):
        return _silu_single(x)

    def times_value_single(x, gate):
        finite = at_least(gate, -ZERO_FROM_TIMES_PRODUCT)
        return _times_gated_single(x, gate, finite, -finite, NOTHING)

    def derivative(x):
        return _silu_derivative(x)

    def derivative_tail_float64(x):
        h = -at_most(abs(x), FARTHEST) - precise(SILU_ROOT, x)
        return _derivative_tail(x, h, h, precise(SILU_EXP_ROOT, x))

    def derivative_float32(x):
        return _silu_derivative_float32(x)

    def second_derivative(x):
        return _silu_second_derivative(x)


@define(
    formula=r"f(x) = x \, \sigma(\beta x)",
    parameters=(Parameter("beta", 1.0, "Steepness of the gate: 0 is x / 2, large values near relu."),),
    limits={"value": (0.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(-0.2784645427610738, INFINITY),
    derivative_range=(-0.09983932012886691, 1.099839320128867),
    saturation="Far on the left the gradient decays like |beta x| e^(beta x).",
    use="As silu, with a gate whose steepness is learned.",
    avoid="Where monotonicity is needed.",
    papers=(RAMACHANDRAN,),
    aliases=("Swish",),
    cost=0.4,
)
class swish:
    """Swish: the input times a sigmoid of learned steepness."""

    def value(x, beta):
        return _gated(x, beta * x)

    def value_single(x, beta):
        return _steep_swish(x, beta) if float32.may_branch_on(beta) and beta >= STEEP else _any_swish(x, beta)

    def value_single_at_defaults(x, beta):
        return _silu_single(x)

    def derivative(x, beta):
        return _silu_derivative(beta * x)

    def derivative_float32(x, beta):
        return _silu_derivative_float32(x) if beta == 1.0 else _silu_derivative_float32(beta * x)

    def second_derivative(x, beta):
        return beta * _silu_second_derivative(beta * x)

    def beta_derivative(x, beta):
        t = beta * x
        finite = where(abs(t) > FAR, 0.0, x)
        half = exp(-0.5 * at_most(abs(t), FAR))
        gate = (finite * half) / (1.0 + half * half)
        return gate * gate


@define(
    formula=r"f(x) = x \tanh(\log(1 + e^x))",
    limits={"value": (0.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(-0.30884341301725043, INFINITY),
    derivative_range=(-0.11252612238946255, 1.088498161251728),
    saturation="Far on the left the gradient decays like |x| e^x; around -1.19 it changes sign, so units seldom die.",
    use="As silu; a little smoother, often a little better in detection networks.",
    avoid="Where monotonicity is needed, or speed is all.",
    papers=("Misra, Mish: A Self Regularized Non-Monotonic Activation Function, BMVC 2020, arXiv:1908.08681",),
    aliases=("Mish",),
    cost=0.5,
)
class mish:
    """Mish."""

    def value(x):
        # tanh(log(1 + e)) = n / (n + 2), with n = e**2 + 2 e: one exponential, and no digit lost on the left.
        # Above 40 the quotient is 1 in every precision, and e**4 stays finite.
        t = at_least(at_most(x, 40.0), -FAR)
        half = exp(0.5 * t)
        e = half * half
        n = e * (e + 2.0)
        return where(x > 40.0, x, ((t * half) * (e + 2.0)) * (half / (n + 2.0)))

    def value_float32(x):
        t = at_least(x, -FAR_FLOAT32)
        e = rough_exp_bounded(at_most(t, 40.0))
        n = e * (e + 2.0)
        return t * n / (n + 2.0)

    def derivative_float32(x):
        h = at_least(at_most(x, 40.0), -FAR_FLOAT32) - MISH_ROOT[0]
        m = expm1_bounded(h)
        e = MISH_EXP_ROOT[0] * exp_bounded(h)
        w = 4.0 * h * (1.0 + e) + MISH_EXP_ROOT[0] * m * (e * (e + MISH_LINEAR[0]) + MISH_CONSTANT[0])
        d = e * (e + 2.0) + 2.0
        return e * w / (d * d)

    def derivative(x):
        h = at_least(at_most(x, 40.0), -FAR) - precise(MISH_ROOT, x)
        # e w / d**2, with w = 4 (x + 1) + 4 e**2 + e**3 + e (4 x + 6) and d = e**2 + 2 e + 2. Around the root, with
        # c = e**root, w = 4 h (1 + e) + (e - c) (e**2 + (4 + c) e + 6 + 4 root + c (4 + c)), and e - c = c (e**h - 1).
        half, half_m = exp_and_expm1(0.5 * h)
        c = precise(MISH_EXP_ROOT, x)
        e = c * (half * half)
        quadratic = e * (e + precise(MISH_LINEAR, x)) + precise(MISH_CONSTANT, x)
        w = 4.0 * h * (1.0 + e) + c * (half_m * (half + 1.0)) * quadratic
        d = e * (e + 2.0) + 2.0
        return ((half * w) / d) * ((c * half) / d)

    def second_derivative(x):
        # In p = e**-|x|, so that nothing overflows: on the right the quotient is divided by e**6x.
        a = at_most(abs(x), FAR)
        half = exp(-0.5 * a)
        p = half * half
        left = 2.0 * (1.0 + p) * (2.0 + p * (2.0 + p)) - a * (2.0 + p * (2.0 - p * (3.0 + 2.0 * p)))
        left_d = 2.0 + p * (2.0 + p)
        right = 2.0 * (1.0 + p) * (1.0 + p * (2.0 + 2.0 * p)) - a * (2.0 + p * (3.0 - p * (2.0 + 2.0 * p)))
        right_d = 1.0 + p * (2.0 + 2.0 * p)
        w = where(x > 0.0, p * right, left)
        d = where(x > 0.0, right_d, left_d)
        return ((4.0 * half) * w / d) * (half / (d * d))


def _gelu_tail(x, a, left, right):
    """Give left e**(-a**2/2) on the left, and on the right what that lacks of `right`."""
    q = exp(-0.125 * (a * a))
    return where(x > 0.0, right - ((left * q) * q) * (q * q), left), where(x > 0.0, 1.0, q)


def _gelu_float32(x, is_open):
    """Give gelu; where it is not to be open, 0 on the left, and not just tiny."""
    a = at_most(abs(x), 20.0)
    return at_least(x, 0.0) - where(is_open, a, 0.0) * rough_normal_tail(a)


def _gelu_left_derivative(a, x):
    """gelu'(-a) = -phi(a) (a - r) H(a): H has no zero, and a - r is exact."""
    quarter = exp(-0.25 * (a * a))
    factor = (precise(GELU_ROOT, x) - a) * gelu_tail_ratio(a)
    return (quarter * factor) * (quarter * precise(NORMAL_DENSITY_AT_0, x))


@define(
    formula=r"f(x) = x \, \Phi(x) = \frac{x}{2} \operatorname{erfc}\left(-\frac{x}{\sqrt 2}\right)",
    limits={"value": (0.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(-0.16997120747990369, INFINITY),
    derivative_range=(-0.12890414518515478, 1.1289041451851547),
    saturation="Far on the left the gradient decays like |x| e^(-x^2/2); around -0.75 it changes sign.",
    use="The default of transformers.",
    avoid="Where monotonicity is needed.",
    papers=(HENDRYCKS,),
    aliases=("GELU", "Gelu", "gelu_exact", "gelu_erf"),
    cost=0.5,
    variants={"approximate": {"none": "gelu", "tanh": "gelu_tanh"}},
)
class gelu:
    """Gaussian error linear unit, exact; ``approximate="tanh"`` selects `gelu_tanh`."""

    def value(x):
        # Phi(-a) = e**(-a**2/2) Q(a): not 1 + erf, which is 0 from x = -5.5 on in float32.
        t = within(x, 40.0)
        return _mirrored(x, (t * normal_tail_ratio(abs(t))) * exp(-0.5 * (t * t)))

    def value_float32(x):
        return _gelu_float32(x, True)

    def times_value_single(x, gate):
        g = np.float64(gate)
        return np.float32(np.float64(x) * _gelu_float32(g, g > -INFINITY))

    def value_tail_float64(x):
        t = within(x, GELU_FARTHEST)
        a = abs(t)
        return _value_tail(x, *_gelu_tail(x, a, t * normal_tail_ratio_unbounded(a), x))

    def derivative(x):
        left = _gelu_left_derivative(at_most(abs(x), 40.0), x)
        return where(x > 0.0, 1.0 - left, left)

    def derivative_float32(x):
        a = at_most(abs(x), 25.0)
        left = (GELU_ROOT[0] - a) * rough_gelu_slope(a)
        return where(x > 0.0, 1.0 - left, left)

    def derivative_tail_float64(x):
        a = at_most(abs(x), GELU_FARTHEST)
        factor = (precise(GELU_ROOT, x) - a) * gelu_tail_ratio_unbounded(a)
        return _gelu_tail(x, a, factor * precise(NORMAL_DENSITY_AT_0, x), 1.0)

    def second_derivative(x):
        a = at_most(abs(x), 40.0)
        quarter = exp(-0.25 * (a * a))
        return (quarter * (2.0 - a * a)) * (quarter * precise(NORMAL_DENSITY_AT_0, x))


def _gelu_tanh_argument(a):
    return a * (precise(GELU_TANH_A, a) + precise(GELU_TANH_B, a) * (a * a))


def _gelu_tanh_differences(t):
    """Give what v, and what t v'(t), rise by from the derivative's root to t."""
    root = precise(GELU_TANH_ROOT, t)
    h = t - root
    squares = t * t + t * root + precise(GELU_TANH_ROOT_SQUARED, t)
    a = precise(GELU_TANH_A, t)
    return h * (a + precise(GELU_TANH_B, t) * squares), h * (a + precise(GELU_TANH_3B, t) * squares)


def _minus_gelu_tanh_argument(x):
    a = at_most(x, GELU_TANH_ONE_FROM)
    # a (-A - B a**2): e**v is as exact as v is, so that v has two parts.
    (linear, linear_lo), (cubic, cubic_lo) = MINUS_GELU_TANH_A, MINUS_GELU_TANH_B
    square = a * a
    slope = fma(cubic, square, linear)
    rest = fma(cubic, fma(a, a, -square), fma(cubic_lo, square, linear_lo))
    slope_lo = fma(cubic, square, linear - slope) + rest
    v = a * slope
    return v, fma(a, slope_lo, fma(a, slope, -v))


@define(
    formula=r"f(x) = \frac{x}{2} \left(1 + \tanh\left(\sqrt{2 / \pi} \, (x + 0.044715 x^3)\right)\right)",
    limits={"value": (0.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(-0.17004075057125412, INFINITY),
    derivative_range=(-0.12899306865877178, 1.1289930686587717),
    saturation="Far on the left the gradient decays like |x|^3 e^(-0.07 |x|^3); around -0.75 it changes sign.",
    use="Networks that were trained with it (GPT-2, BERT variants); elsewhere gelu is as fast and exact.",
    avoid="New networks: it approximates gelu to 5e-4 for no gain.",
    papers=(HENDRYCKS,),
    aliases=("gelu_approximate", "gelu_new", "approximate_gelu"),
    cost=0.5,
)
class gelu_tanh:
    """Gaussian error linear unit, approximated by a hyperbolic tangent."""

    def value(x):
        # (1 + tanh u) / 2 = sigmoid(2 u), which does not cancel on the left.
        t = within(x, 40.0)
        half = exp(-0.5 * abs(_gelu_tanh_argument(t)))
        return _mirrored(x, (t * half) * (half / (1.0 + half * half)))

    def value_float32(x):
        t = at_least(x, -15.0)
        a = at_most(t, 15.0)
        return t / (1.0 + exp_bounded(a * fma(-GELU_TANH_B[0], a * a, -GELU_TANH_A[0])))

    def value_single(x):
        finite = at_least(x, GELU_TANH_ZERO_FROM)
        v, v_lo = _minus_gelu_tanh_argument(finite)
        return _gated_single(finite, v <= ONE_TO, v, v_lo)

    def times_value_single(x, gate):
        finite = at_least(gate, GELU_TANH_ZERO_FROM_TIMES_PRODUCT)
        return _times_gated_single(x, gate, finite, *_minus_gelu_tanh_argument(finite))

    def value_tail_float64(x):
        t = within(x, GELU_TANH_FARTHEST)
        return _gated_tail(x, t, _gelu_tanh_argument(t))

    def derivative_float32(x):
        t = at_least(at_most(x, 15.0), -20.0)
        square = t * t
        rise = fma(t, fma(GELU_TANH_B[0], square, GELU_TANH_A[0]), -GELU_TANH_AT_ROOT)
        e = rough_exp_bounded_times(GELU_TANH_EXP_ROOT[0], rise)
        numerator = fma(t, fma(GELU_TANH_3B[0], square, GELU_TANH_A[0]), 1.0 + e)
        return e * numerator / ((1.0 + e) * (1.0 + e))

    def derivative(x):
        # On the left e (1 + e + x v') / (1 + e)**2, with e = e**v. Around the root, with c = e**v(root):
        # v - v(root) = h (A + B (x**2 + x root + root**2)), x v' - (x v')(root) the same with 3 B.
        rise, slope = _gelu_tanh_differences(-at_most(abs(x), 40.0))
        half, half_m = exp_and_expm1(0.5 * rise)
        c = precise(GELU_TANH_EXP_ROOT, x)
        e = c * (half * half)
        numerator = slope + c * (half_m * (half + 1.0))
        left = (half * numerator) * ((c * half) / ((1.0 + e) * (1.0 + e)))
        return where(x > 0.0, 1.0 - left, left)

    def derivative_tail_float64(x):
        rise, slope = _gelu_tanh_differences(-at_most(abs(x), GELU_TANH_FARTHEST))
        return _derivative_tail(x, rise, slope, precise(GELU_TANH_EXP_ROOT, x))

    def second_derivative(x):
        # Even in x: s' (2 v' + x (v'' - v'**2 tanh(v / 2))), with s the sigmoid of v.
        a = at_most(abs(x), 40.0)
        half, half_m = exp_and_expm1(-0.5 * _gelu_tanh_argument(a))
        s = 1.0 + half * half
        slope = precise(GELU_TANH_A, x) + precise(GELU_TANH_3B, x) * (a * a)
        bend = precise(GELU_TANH_6B, x) * a
        tanh = (half_m * (half + 1.0)) / s
        return (half * (2.0 * slope + a * (bend + slope * slope * tanh))) * (half / (s * s))


@define(
    formula=r"f(x) = x \, \sigma(\alpha x)",
    parameters=(Parameter("alpha", 1.702, "Steepness of the gate; 1.702 comes nearest to gelu."),),
    limits={"value": (0.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(-0.1636101896363536, INFINITY),
    derivative_range=(-0.09983932012886691, 1.099839320128867),
    saturation="Far on the left the gradient decays like |alpha x| e^(alpha x).",
    use="Networks that were trained with it (CLIP).",
    avoid="New networks: gelu is as fast here, and exact.",
    papers=(HENDRYCKS,),
    aliases=("QuickGelu", "QuickGELU", "gelu_sigmoid"),
    cost=0.4,
)
class quick_gelu:
    """Gaussian error linear unit, approximated by a sigmoid: `swish` with another default."""

    value = swish.formulas["value"]
    value_single = swish.formulas["value_single"]
    derivative = swish.formulas["derivative"]
    derivative_float32 = swish.formulas["derivative_float32"]
    second_derivative = swish.formulas["second_derivative"]
    alpha_derivative = swish.formulas["beta_derivative"]


# tanh(t) = 2 sigmoid(2 t) - 1, so that aptx is (alpha - 1) gamma x + 2 gamma x sigmoid(2 beta x).


@define(
    formula=r"f(x) = (\alpha + \tanh(\beta x)) \, \gamma x",
    parameters=(
        Parameter("alpha", 1.0, "Added to the gate."),
        Parameter("beta", 1.0, "Steepness of the gate."),
        Parameter("gamma", 0.5, "Scale of the whole."),
    ),
    limits={"value": (0.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(-0.1392322713805369, INFINITY),
    derivative_range=(-0.09983932012886691, 1.099839320128867),
    saturation="Far on the left the gradient decays like |x| e^(2 beta x) for alpha = 1.",
    use="As mish, cheaper; with alpha = 1, beta = 1/2, gamma = 1/2 it is silu.",
    avoid="Where monotonicity is needed.",
    papers=("Kumar, APTx: Better Activation Function than MISH, SWISH, and ReLU's Variants, 2022, arXiv:2209.06119",),
    aliases=("APTx",),
    cost=0.5,
)
class aptx:
    """Alpha plus tanh times x.

    For alpha between -1.2 and 1.2, other than 1, value and derivative have zeros whose places depend on alpha: next
    to them the accuracy is relative to the terms that cancel, not to the result.
    """

    def value(x, alpha, beta, gamma):
        offset = alpha - 1.0
        gated = _gated(2.0 * gamma * x, 2.0 * beta * x)
        # 0 times infinity is not meant.
        return where(abs(offset) > 0.0, offset * gamma * x + gated, gated)

    def derivative(x, alpha, beta, gamma):
        return gamma * (alpha - 1.0) + 2.0 * gamma * _silu_derivative(2.0 * beta * x)

    def second_derivative(x, alpha, beta, gamma):
        return 4.0 * gamma * beta * _silu_second_derivative(2.0 * beta * x)

    def alpha_derivative(x, alpha, beta, gamma):
        return gamma * x

    def beta_derivative(x, alpha, beta, gamma):
        t = 2.0 * beta * x
        finite = where(abs(t) > FAR, 0.0, x)
        half = exp(-0.5 * at_most(abs(t), FAR))
        gate = (finite * half) / (1.0 + half * half)
        return 4.0 * gamma * (gate * gate)

    def gamma_derivative(x, alpha, beta, gamma):
        offset = alpha - 1.0
        gated = _gated(2.0 * x, 2.0 * beta * x)
        return where(abs(offset) > 0.0, offset * x + gated, gated)
