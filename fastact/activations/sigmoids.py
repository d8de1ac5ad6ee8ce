"""S-shaped activations, and what is made of them."""

import math

import numpy as np

from fastact._definition import define
from fastact._math import float32
from fastact._math.arithmetic import fma
from fastact._math.float32 import LARGEST, LOWER, NOTHING, ONE, RAISE, TWO, ZERO
from fastact._math.float64 import exp_bounded
from fastact._math.working import (
    arctangent,
    at_least,
    at_most,
    circular_of_moderate,
    exp,
    exp_and_expm1,
    exp_sharp,
    expm1,
    log1p,
    log_of_one_plus,
    precise,
    sqrt,
    where,
    within,
)

INFINITY = float("inf")
# Beyond it e**-|x| is 0 in float32, times the largest gradient too.
FAR_FLOAT32 = 300.0
# Beyond it e**-|x| is 0 in float64, times the square of the largest number too.
FARTHEST = 2200.0
NAN = float("nan")
HALF_PI = 1.5707963267948966
LN2 = (0.6931471805599453, 2.3190468138462996e-17)
# For t from there down 1 / (1 + e**t) is 1 in float32; from there on it is 0, and 0 times the largest number.
ONE_TO, ZERO_FROM, ZERO_FROM_TIMES_ANY = np.float32(-18), np.float32(106), np.float32(194)
TANH_ONE_FROM, EXP_ZERO_FROM = np.float32(10), np.float32(-87)
LECUN = "LeCun, Bottou, Orr & Mueller, Efficient BackProp, 1998"


def _sigmoid_single(x):
    # The bound comes before the minus sign, which costs nothing then.
    t, _ = float32.bounded(x, -ZERO_FROM, -ONE_TO)
    return float32.logistic(-t, NOTHING)


@define(
    formula=r"\sigma(x) = \frac{1}{1 + e^{-x}}",
    limits={"value": (0.0, 1.0), "derivative": (0.0, 0.0), "second_derivative": (0.0, 0.0)},
    range=(0.0, 1.0),
    derivative_range=(0.0, 0.25),
    monotone=True,
    saturation="On both sides: the gradient is at most 1/4 and decays like e^-|x|, so it vanishes through layers.",
    use="Gates, and probabilities of binary outputs (with a loss on logits).",
    avoid="Hidden layers of deep networks: it saturates and is not zero-centred.",
    papers=(LECUN,),
    aliases=("logistic", "expit", "Sigmoid"),
    cost=0.35,
)
class sigmoid:
    """Logistic sigmoid."""

    def value(x):
        # e = e**-|x| cannot overflow, and e / (1 + e) keeps every digit of the left tail.
        e = exp(-abs(x))
        return where(x >= 0.0, 1.0, e) / (1.0 + e)

    def value_float32(x):
        return 1.0 / (1.0 + exp_bounded(-within(x, FAR_FLOAT32)))

    def value_single(x):
        return _sigmoid_single(x)

    def times_value_single(x, gate):
        # The value is tiny, not 0, at the lower bound, which infinity would show.
        x = x if gate > -INFINITY else x * ZERO
        return float32.times_logistic(x, *float32.bounded(-gate, ONE_TO, ZERO_FROM_TIMES_ANY))

    def value_tail_float64(x):
        q = exp(-0.25 * at_most(abs(x), FARTHEST))
        return 1.0 / (1.0 + (q * q) * (q * q)), where(x >= 0.0, 1.0, q)

    def derivative(x):
        # Not y (1 - y), which is 0 or noise from x = 17 on.
        e = exp(-abs(x))
        return e / ((1.0 + e) * (1.0 + e))

    def derivative_tail_float64(x):
        q = exp(-0.25 * at_most(abs(x), FARTHEST))
        s = 1.0 + (q * q) * (q * q)
        return 1.0 / (s * s), q

    def second_derivative(x):
        e, m = exp_and_expm1(-abs(x))
        s = 1.0 + e
        return where(x >= 0.0, e, -e) * (m / (s * s * s))

    def derivative_from_output(y):
        return y * (1.0 - y)

    def backward_from_output_single(grad, y):
        rest = ONE - y
        hi = grad * y
        lo = fma(hi, (ONE - rest) - y, fma(grad, y, -hi) * rest)
        gradient = fma(hi, rest, lo)
        return where(gradient <= gradient, gradient, hi * rest)  # infinity has no second part


@define(
    formula=r"f(x) = \log \sigma(x) = -\log(1 + e^{-x})",
    limits={"value": (-INFINITY, 0.0), "derivative": (1.0, 0.0), "second_derivative": (0.0, 0.0)},
    range=(-INFINITY, 0.0),
    derivative_range=(0.0, 1.0),
    monotone=True,
    saturation="For x > 0 the gradient decays like e^-x: examples that are already right stop teaching.",
    use="Log-likelihoods of binary outputs, contrastive losses.",
    avoid="Hidden layers: the output is never positive.",
    aliases=("logsigmoid", "log_expit", "LogSigmoid"),
    cost=0.5,
)
class log_sigmoid:
    """Logarithm of the logistic sigmoid."""

    def value(x):
        return where(x < 0.0, x, 0.0) - log1p(exp(-abs(x)))

    def value_single(x):
        return float32.log_logistic(x)

    def derivative(x):
        e = exp(-abs(x))
        return where(x >= 0.0, e, 1.0) / (1.0 + e)

    def derivative_single(x):
        return float32.logistic(*float32.bounded(x, ONE_TO, ZERO_FROM))

    def backward_single(grad, x):
        return float32.times_logistic(grad, *float32.bounded(x, ONE_TO, ZERO_FROM_TIMES_ANY))

    def second_derivative(x):
        e = exp(-abs(x))
        return -e / ((1.0 + e) * (1.0 + e))

    def derivative_from_output(y):
        return -expm1(y)

    def backward_from_output_single(grad, y):
        hi, lo = float32.expm1(at_least(y, EXP_ZERO_FROM), NOTHING)
        return float32.multiply(grad, -hi, -lo)


def _tanh(x):
    # (e**2x - 1) / (e**2x + 1): beyond 40 both are the same number in every precision. Of |x|, so that it is odd to the
    # last bit; -0.0 and NaN are x.
    m = expm1(2.0 * at_most(abs(x), 40.0))
    y = m / (m + 2.0)
    return where(x > 0.0, y, where(x < 0.0, -y, x))


def _sech(x):
    # A square root of the derivative: squared last, it loses nothing to subnormals.
    e = exp(-abs(x))
    return (2.0 * e) / (1.0 + e * e)


@define(
    formula=r"f(x) = \tanh(x)",
    limits={"value": (-1.0, 1.0), "derivative": (0.0, 0.0), "second_derivative": (0.0, 0.0)},
    range=(-1.0, 1.0),
    derivative_range=(0.0, 1.0),
    odd=True,
    monotone=True,
    saturation="On both sides: the gradient decays like 4 e^-2|x|.",
    use="Recurrent networks and bounded, zero-centred outputs.",
    avoid="Deep stacks without normalisation, where gradients vanish.",
    papers=(LECUN,),
    aliases=("Tanh",),
    cost=0.35,
)
class tanh:
    """Hyperbolic tangent."""

    def value(x):
        return _tanh(x)

    def value_single(x):
        m, m_lo = float32.expm1(TWO * at_most(abs(x), TANH_ONE_FROM), NOTHING)
        d, d_lo = float32.sum_of_positive(m, TWO)
        return math.copysign(float32.divide(m, m_lo, d, d_lo + m_lo), x)

    def derivative(x):
        # Not 1 - y**2, which is 0 from |x| = 9 on in float32.
        sech = _sech(x)
        return sech * sech

    def second_derivative(x):
        sech = _sech(x)
        return (sech * (-2.0 * _tanh(x))) * sech

    def derivative_from_output(y):
        return (1.0 - y) * (1.0 + y)

    def backward_from_output_single(grad, y):
        square = y * y
        slope = ONE - square
        return float32.multiply(grad, slope, ((ONE - slope) - square) - fma(y, y, -square))


@define(
    formula=r"f(x) = \frac{x}{1 + |x|}",
    limits={"value": (-1.0, 1.0), "derivative": (0.0, 0.0), "second_derivative": (0.0, 0.0)},
    range=(-1.0, 1.0),
    derivative_range=(0.0, 1.0),
    bends=(0.0,),
    odd=True,
    monotone=True,
    saturation="On both sides, but only like 1/x^2: far gentler than tanh.",
    use="As a cheap tanh whose units recover from saturation.",
    avoid="Where values close to +-1 must be reached.",
    papers=("Bergstra, Desjardins, Lamblin & Bengio, Quadratic Polynomials Learn Better Image Features, 2009",),
    aliases=("soft_sign", "Softsign"),
    cost=0.2,
)
class softsign:
    """Softsign."""

    def value(x):
        # Where |x| + 1 is |x| in every precision, a finite stand-in for infinity gives the limit.
        t = within(x, 1e300)
        return t / (1.0 + abs(t))

    def value_single(x):
        t = within(x, LARGEST)
        return float32.divide(t, ZERO, *float32.sum_of_positive(abs(t), ONE))

    def derivative(x):
        t = at_most(abs(x), 1e300)
        q = 1.0 / (1.0 + t)
        return q * q

    def backward_single(grad, x):
        s, s_lo = float32.sum_of_positive(abs(x), ONE)
        q = ONE / s
        error = fma(q, s_lo, fma(q, s, -ONE))
        error = where(error < ONE, error, ONE)  # that of 1 / infinity is NaN
        # What a product leaves of a number next to the smallest would be less than that.
        is_small = abs(grad) < ONE
        grad = where(is_small, grad * RAISE, grad)
        y = grad * q
        rest = fma(-TWO * error, y, fma(grad, q, -y)) * q
        gradient = fma(y, q, where(rest < LARGEST, rest, LARGEST))  # infinity's is NaN, too
        return where(is_small, gradient * LOWER, gradient)

    def second_derivative(x):
        t = at_most(abs(x), 1e300)
        q = 1.0 / (1.0 + t)
        sign = where(x > 0.0, -2.0, where(x < 0.0, 2.0, 0.0))
        return (sign * q) * (q * q)

    def derivative_from_output(y):
        return (1.0 - abs(y)) * (1.0 - abs(y))


@define(
    formula=r"f(x) = \arctan(x)",
    limits={"value": (-HALF_PI, HALF_PI), "derivative": (0.0, 0.0), "second_derivative": (0.0, 0.0)},
    range=(-HALF_PI, HALF_PI),
    derivative_range=(0.0, 1.0),
    odd=True,
    monotone=True,
    saturation="On both sides, but only like 1/x^2.",
    use="As tanh, with longer tails: angles, surrogate gradients of spiking networks.",
    avoid="Deep stacks without normalisation, where gradients vanish.",
    aliases=("atan", "ArcTan"),
    cost=0.5,
)
class arctan:
    """Arctangent."""

    def value(x):
        return arctangent(x)

    def derivative(x):
        root = _root(x)
        return (1.0 / root) / root

    def second_derivative(x):
        t = within(x, 1e160)
        q = 1.0 / _root(t)
        return -2.0 * (t * q) * q * (q * q)

    def derivative_from_output(y):
        cosine = circular_of_moderate(1.0, within(y, 2.0), 2)  # no output is above pi / 2
        return cosine * cosine


def _root(x):
    """sqrt(1 + x**2), without overflow."""
    a = abs(x)
    t = at_most(a, 1e150)
    return where(a > 1e150, a, sqrt(1.0 + t * t))


def _log_of_one_plus_ratio(numerator, divisor):
    """log(1 + numerator / divisor) for a divisor in (0, 1], however small, and a numerator in [0, 1]."""
    tiny = divisor < 2.0**-900
    scaled = where(tiny, divisor * 2.0**200, divisor)
    return log_of_one_plus(numerator / scaled) + where(tiny, 200.0 * precise(LN2, divisor), 0.0)


GOMES = "Gomes & Ludermir, Complementary Log-Log and Probit: Activation Functions Implemented in ANN, HIS 2008"


# e**x is the exponent of another exponential here, whose error its size multiplies: it is taken sharp.


def _rise(x):
    """e**((x - e**x) / 2), and e**x - 1."""
    t = at_most(x, 10.0)
    return exp(0.5 * (t - exp_sharp(t))), expm1(t)


@define(
    formula=r"f(x) = 1 - e^{-e^x}",
    limits={"value": (0.0, 1.0), "derivative": (0.0, 0.0), "second_derivative": (0.0, 0.0)},
    range=(0.0, 1.0),
    derivative_range=(0.0, 0.36787944117144233),
    monotone=True,
    saturation="Like e^x on the left, and doubly exponentially on the right.",
    use="Probabilities of rare events: the inverse of the complementary log-log link.",
    avoid="Hidden layers: gradients are lost on the right.",
    papers=(GOMES,),
    aliases=("complementary_log_log", "CLogLog"),
    cost=0.5,
)
class cloglog:
    """Complementary log-log: 1 minus the mirror image of `log_log`.

    Its output does not suffice for the derivative: on the right it is 1 long before the derivative is 0.
    """

    def value(x):
        return -expm1(-exp(at_most(x, 10.0)))

    def derivative(x):
        half, _ = _rise(x)
        return half * half

    def second_derivative(x):
        half, m = _rise(x)
        return (half * -m) * half


@define(
    formula=r"f(x) = e^{-e^{-x}}",
    limits={"value": (0.0, 1.0), "derivative": (0.0, 0.0), "second_derivative": (0.0, 0.0)},
    range=(0.0, 1.0),
    derivative_range=(0.0, 0.36787944117144233),
    monotone=True,
    saturation="Doubly exponentially on the left, and like e^-x on the right.",
    use="Probabilities of almost certain events; extreme values (Gumbel's distribution function).",
    avoid="Hidden layers: gradients are lost on the left.",
    papers=(GOMES,),
    aliases=("loglog", "LogLog", "gumbel_cdf"),
    cost=0.5,
)
class log_log:
    """Log-log."""

    def value(x):
        return exp(-exp_sharp(-where(x < -10.0, -10.0, x)))

    def derivative(x):
        half, _ = _rise(-x)
        return half * half

    def second_derivative(x):
        half, m = _rise(-x)
        return (half * m) * half

    def derivative_from_output(y):
        inside = where(y > 0.0, y, 1.0)
        return where(y > 0.0, inside * _log_of_one_plus_ratio(1.0 - inside, inside), y)


@define(
    formula=r"f(x) = \log \frac{x}{1 - x}",
    domain=(0.0, 1.0),
    limits={"value": (NAN, NAN), "derivative": (NAN, NAN), "second_derivative": (NAN, NAN)},
    derivative_range=(4.0, INFINITY),
    monotone=True,
    saturation="Never; gradients explode at 0 and 1.",
    use="From probabilities back to scores: the inverse of sigmoid.",
    avoid="Inputs that may be 0 or 1, where it is infinite.",
    aliases=("log_odds", "inverse_sigmoid"),
    cost=1.0,
)
class logit:
    """Logarithm of the odds, the inverse of `sigmoid`; NaN outside [0, 1]."""

    def value(x):
        # With m the smaller of x and 1 - x: log(1 + (1 - 2 m) / m), where no difference rounds.
        right = x > 0.5
        m = where(right, 1.0 - x, x)
        inside = where(m > 0.0, m, 0.5)
        y = _log_of_one_plus_ratio(1.0 - 2.0 * inside, inside)
        y = where(m > 0.0, y, where(m >= 0.0, INFINITY, NAN))
        return where(right, y, -y)

    def derivative(x):
        return _logit_derivative(x)

    def second_derivative(x):
        q = _logit_derivative(x)
        return where(q > 0.0, ((2.0 * x - 1.0) * q) * q, q)

    def derivative_from_output(y):
        e = exp(-abs(y))
        return (1.0 + e) * ((1.0 + e) / e)


def _logit_derivative(x):
    product = x * (1.0 - x)
    inside = where(product > 0.0, product, 1.0)
    return where(product > 0.0, 1.0 / inside, where(product >= 0.0, INFINITY, NAN))
