"""Activations whose negative side decays like an exponential."""

import numpy as np

from fastact._definition import Parameter, define
from fastact._math import float32
from fastact._math.arithmetic import fma
from fastact._math.float32 import ONE, ZERO
from fastact._math.float64 import EXP_LARGEST, rough_exp_bounded
from fastact._math.working import (
    at_least,
    exp,
    exp_and_expm1,
    expm1,
    log_of_one_plus,
    precise,
    where,
    zero_or_nan,
)
from fastact.activations.sigmoids import _log_of_one_plus_ratio

INFINITY = float("inf")
OUTSIDE = float("nan")
SELU_SCALE = 1.0507009873554805
# lambda times alpha, in two parts.
SELU_SLOPE = (1.7580993408473766, 5.75014648756476e-17)
# lambda in two float32, the first rounded down: of infinity their products have one sign.
SELU_SCALE_FLOAT32 = np.float32(1.0507009029388428), np.float32(8.441664078873146e-08)


def _scaled_exp(scale, x):
    # In halves: a subnormal e**x has lost digits that a scale above 1 would bring to light.
    half = exp(0.5 * x)
    return (scale * half) * half


def _on_the_left(x):
    """`x` where exp is wanted of it in float32, whose kernels have float64's range; above 0 nobody asks what it is."""
    return at_least(x, -EXP_LARGEST)


# From there down e**x is 0 in float32, times the largest number too; and e**x - 1 is -1.
FARTHEST, FLAT = np.float32(-194.0), np.float32(-80.0)
TINY = np.float32(2.0**-30)


def _elu_at_1(x):
    """In float32, elu and celu with an alpha of 1."""
    m, m_lo = float32.expm1(*float32.bounded(x, FLAT, ZERO))
    return where(x >= ZERO, x, m + m_lo)


def _elu_derivative_at_1(x):
    return where(x > ZERO, ONE, float32.exp(x))


@define(
    formula=r"f(x) = x \text{ for } x > 0, \quad \alpha (e^x - 1) \text{ otherwise}",
    parameters=(Parameter("alpha", 1.0, "Minus the limit at -inf; the output form needs it to be 0 or more."),),
    limits={"value": (-1.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(-1.0, INFINITY),
    derivative_range=(0.0, 1.0),
    kinks=lambda alpha: (0.0,) if alpha != 1.0 else (),
    bends=(0.0,),
    monotone=True,
    saturation="For x well below 0 the gradient decays like e^x: slow learning, but never exactly 0 before underflow.",
    use="Deep networks without normalisation: outputs are close to zero-centred and smooth for alpha = 1.",
    avoid="Where an exponential per element is too dear, or sparsity is wanted.",
    papers=("Clevert, Unterthiner & Hochreiter, Exponential Linear Units, ICLR 2016, arXiv:1511.07289",),
    aliases=("ELU", "Elu"),
    cost=0.3,
)
class elu:
    """Exponential linear unit."""

    def value(x, alpha):
        return where(x > 0.0, x, alpha * expm1(x))

    def derivative(x, alpha):
        return where(x > 0.0, 1.0, _scaled_exp(alpha, x))

    def derivative_float32(x, alpha):
        return where(x > 0.0, 1.0, alpha * rough_exp_bounded(_on_the_left(x)))

    def value_single(x, alpha):
        return where(x >= ZERO, x, float32.times(alpha, *float32.expm1(*float32.bounded(x, FLAT, ZERO))))

    def value_single_at_defaults(x, alpha):
        return _elu_at_1(x)

    def derivative_single(x, alpha):
        return where(x > ZERO, ONE, float32.number_times_exp(alpha, *float32.bounded(x, FARTHEST, ZERO)))

    def derivative_single_at_defaults(x, alpha):
        return _elu_derivative_at_1(x)

    def second_derivative(x, alpha):
        return where(x > 0.0, 0.0, _scaled_exp(alpha, x))

    def derivative_from_output(y, alpha):
        return where(y > 0.0, 1.0, y + alpha)

    def alpha_derivative(x, alpha):
        return where(x > 0.0, 0.0, expm1(x))


@define(
    formula=r"f(x) = \lambda x \text{ for } x > 0, \quad \lambda \alpha (e^x - 1) \text{ otherwise}",
    limits={
        "value": (-SELU_SLOPE[0], INFINITY),
        "derivative": (0.0, SELU_SCALE),
        "second_derivative": (0.0, 0.0),
    },
    range=(-SELU_SLOPE[0], INFINITY),
    derivative_range=(0.0, SELU_SLOPE[0]),
    kinks=(0.0,),
    derivative_at_kinks=(SELU_SLOPE[0],),
    monotone=True,
    saturation="For x well below 0 the gradient decays like e^x.",
    use="Fully connected networks that normalise themselves, with LeCun initialisation and alpha dropout.",
    avoid="With batch normalisation, residual connections or plain dropout, which break its fixed point.",
    papers=("Klambauer et al., Self-Normalizing Neural Networks, NeurIPS 2017, arXiv:1706.02515",),
    aliases=("SELU", "Selu"),
    cost=0.3,
)
class selu:
    """Scaled exponential linear unit, with lambda = 1.0507009873554805 and alpha = 1.6732632423543772."""

    def value(x):
        return where(x > 0.0, SELU_SCALE * x, precise(SELU_SLOPE, x) * expm1(x))

    def derivative(x):
        return where(x > 0.0, SELU_SCALE, _scaled_exp(precise(SELU_SLOPE, x), x))

    def derivative_float32(x):
        return where(x > 0.0, SELU_SCALE, SELU_SLOPE[0] * rough_exp_bounded(_on_the_left(x)))

    def value_single(x):
        right = fma(x, SELU_SCALE_FLOAT32[0], x * SELU_SCALE_FLOAT32[1])
        left = float32.times(SELU_SLOPE[0], *float32.expm1(*float32.bounded(x, FLAT, ZERO)))
        return where(x >= ZERO, right, left)

    def derivative_single(x):
        left = float32.number_times_exp(SELU_SLOPE[0], *float32.bounded(x, FARTHEST, ZERO))
        return where(x > ZERO, np.float32(SELU_SCALE), left)

    def second_derivative(x):
        return where(x > 0.0, 0.0, _scaled_exp(precise(SELU_SLOPE, x), x))

    def derivative_from_output(y):
        return where(y > 0.0, SELU_SCALE, y + precise(SELU_SLOPE, y))


@define(
    formula=r"f(x) = x \text{ for } x > 0, \quad \alpha (e^{x / \alpha} - 1) \text{ otherwise}",
    parameters=(Parameter("alpha", 1.0, "Minus the limit at -inf, and the width of the bend.", above=0.0),),
    limits={"value": (-1.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(-1.0, INFINITY),
    derivative_range=(0.0, 1.0),
    bends=(0.0,),
    monotone=True,
    saturation="For x well below -alpha the gradient decays like e^(x/alpha).",
    use="As elu, where alpha is varied: the derivative stays continuous at 0 for every alpha.",
    avoid="Where an exponential per element is too dear, or sparsity is wanted.",
    papers=("Barron, Continuously Differentiable Exponential Linear Units, 2017, arXiv:1704.07483",),
    aliases=("CELU", "Celu"),
    cost=0.3,
)
class celu:
    """Continuously differentiable exponential linear unit."""

    def value(x, alpha):
        return where(x > 0.0, x, alpha * expm1(x / alpha))

    def value_single(x, alpha):
        hi, lo = float32.bounded_product(x, 1.0 / alpha, FLAT, ONE)
        return where(hi > -TINY, x, float32.times(alpha, *float32.expm1(hi, lo)))

    def value_single_at_defaults(x, alpha):
        return _elu_at_1(x)

    def derivative(x, alpha):
        return where(x > 0.0, 1.0, exp(x / alpha))

    def derivative_float32(x, alpha):
        return where(x > 0.0, 1.0, rough_exp_bounded(_on_the_left(x * (1.0 / alpha))))

    def derivative_single(x, alpha):
        t = float32.bounded_product(x, 1.0 / alpha, FARTHEST, ZERO)
        return where(x > ZERO, ONE, float32.number_times_exp(1.0, *t))

    def derivative_single_at_defaults(x, alpha):
        return _elu_derivative_at_1(x)

    def second_derivative(x, alpha):
        return where(x > 0.0, 0.0, _scaled_exp(1.0 / alpha, x / alpha))

    def derivative_from_output(y, alpha):
        return where(y > 0.0, 1.0, y / alpha + 1.0)

    def alpha_derivative(x, alpha):
        # t e**t is 0 long before t is -inf.
        t = where(x / alpha < -800.0, -800.0, x / alpha)
        e, m = exp_and_expm1(t)
        return where(x > 0.0, 0.0, m - t * e)


@define(
    formula=r"f(x) = e^x",
    limits={"value": (0.0, INFINITY), "derivative": (0.0, INFINITY), "second_derivative": (0.0, INFINITY)},
    range=(0.0, INFINITY),
    derivative_range=(0.0, INFINITY),
    monotone=True,
    saturation="Vanishes like e^x on the left, and explodes like e^x on the right.",
    use="Positive outputs on a logarithmic scale: rates, scales.",
    avoid="Hidden layers: values and gradients explode; softplus is the tame positive output.",
    aliases=("exp", "Exp"),
    cost=0.3,
)
class exponential:
    """Exponential function."""

    def value(x):
        return exp(x)

    def derivative(x):
        return exp(x)

    def second_derivative(x):
        return exp(x)

    def derivative_from_output(y):
        return y


def _unless_zero(alpha):
    """A divisor: the parameter, or 1 where it is 0 and another form is chosen."""
    return where(abs(alpha) > 0.0, alpha, 1.0)


def _remaining(x, alpha):
    """1 - alpha (x + alpha), which is exactly x for alpha = -1."""
    return (1.0 - alpha * alpha) - alpha * x


def _logarithm_of_remaining(x, alpha):
    """Its logarithm, from log(1 + v) for a v of at least 0."""
    remaining, taken = _remaining(x, alpha), alpha * (x + alpha)
    inside = where(remaining > 0.0, remaining, 1.0)
    less = -_log_of_one_plus_ratio(where(taken > 0.0, taken, 0.0), where(taken > 0.0, inside, 1.0))
    more = log_of_one_plus(where(taken < 0.0, -taken, 0.0))
    outside = where(remaining >= 0.0, -INFINITY, OUTSIDE)
    return where(remaining > 0.0, where(taken > 0.0, less, more), outside)


@define(
    formula=r"f(x) = \frac{e^{\alpha x} - 1}{\alpha} + \alpha \text{ for } \alpha > 0, \quad"
    r" x \text{ for } \alpha = 0, \quad -\frac{\log(1 - \alpha (x + \alpha))}{\alpha} \text{ for } \alpha < 0",
    parameters=(
        Parameter("alpha", 0.0, "From the logarithm at -1 by the identity at 0 to the exponential at 1; learned."),
    ),
    limits={"value": (-INFINITY, INFINITY), "derivative": (1.0, 1.0), "second_derivative": (0.0, 0.0)},
    derivative_range=(1.0, 1.0),
    monotone=True,
    saturation="For alpha > 0 gradients vanish on the left and explode on the right.",
    use="Where the network is to choose between adding, multiplying and taking powers.",
    avoid="With alpha far from 0 and unbounded inputs.",
    papers=(
        "Godfrey & Gashler, A Continuum among Logarithmic, Linear, and Exponential Functions, 2016, arXiv:1602.01321",
    ),
    aliases=("soft_exponential", "SoftExponential"),
    cost=1.0,
)
class softexponential:
    """Soft exponential: logarithm, identity or exponential, by its parameter.

    For alpha < 0 it is NaN where the logarithm has no argument. For 0 < alpha < 1 it crosses zero at
    ``log(1 - alpha**2) / alpha``, next to which the accuracy is relative to alpha, not to the result.
    """

    def value(x, alpha):
        divisor = _unless_zero(alpha)
        square = alpha * alpha
        t = alpha * x
        # Of e**t that overflows, the quotient may not.
        half = exp(0.5 * t)
        # e**t - (1 - alpha**2) where e**t is the smaller, e**t - 1 + alpha**2 elsewhere: alpha = 1 cancels nothing.
        e, m = exp_and_expm1(t)
        grown = where(t < -0.5, e - (1.0 - square), m + square) / divisor
        grown = where(t > 700.0, (half / divisor) * half, grown)
        shrunk = -_logarithm_of_remaining(x, alpha) / divisor
        return where(alpha > 0.0, grown, where(alpha < 0.0, shrunk, x))

    def derivative(x, alpha):
        remaining = _remaining(x, alpha)
        inverse = where(remaining > 0.0, 1.0 / remaining, OUTSIDE)
        inside = where(x <= x, 1.0, x)
        return where(alpha > 0.0, exp(alpha * x), where(alpha < 0.0, where(x <= x, inverse, x), inside))

    def second_derivative(x, alpha):
        remaining = _remaining(x, alpha)
        inverse = where(remaining > 0.0, 1.0 / remaining, OUTSIDE)
        inside = zero_or_nan(x)
        bent = where(x <= x, alpha * inverse * inverse, x)
        return where(alpha > 0.0, _scaled_exp(alpha, alpha * x), where(alpha < 0.0, bent, inside))

    def derivative_from_output(y, alpha):
        grown = alpha * (y - alpha) + 1.0
        return where(alpha > 0.0, grown, where(alpha < 0.0, exp(alpha * y), where(y <= y, 1.0, y)))

    def alpha_derivative(x, alpha):
        divisor = _unless_zero(alpha)
        t = alpha * x
        e, m = exp_and_expm1(t)
        grown = (t * e - m) / (divisor * divisor) + 1.0
        taken = alpha * (x + alpha)
        slope = (taken + alpha * alpha) / _remaining(x, alpha)
        shrunk = (_logarithm_of_remaining(x, alpha) + slope) / (divisor * divisor)
        return where(alpha > 0.0, grown, where(alpha < 0.0, shrunk, 0.5 * x * x + 1.0))
