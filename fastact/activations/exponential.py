"""Activations whose negative side decays like an exponential."""

from fastact._definition import Parameter, define
from fastact._math.float64 import EXP_LARGEST, exp_bounded, expm1_bounded
from fastact._math.working import exp, exp_and_expm1, expm1, precise, where

INFINITY = float("inf")
SELU_SCALE = 1.0507009873554805
# lambda times alpha, in two parts.
SELU_SLOPE = (1.7580993408473766, 5.75014648756476e-17)


def _scaled_exp(scale, x):
    # In halves: a subnormal e**x has lost digits that a scale above 1 would bring to light.
    half = exp(0.5 * x)
    return (scale * half) * half


def _on_the_left(x):
    """`x` where exp is wanted of it in float32, whose kernels have float64's range: not above 0."""
    x = where(x > 0.0, 0.0, x)
    return where(x < -EXP_LARGEST, -EXP_LARGEST, x)


@define(
    formula=r"f(x) = x \text{ for } x > 0, \quad \alpha (e^x - 1) \text{ otherwise}",
    parameters=(Parameter("alpha", 1.0, "Minus the limit at -inf; the output form needs it to be 0 or more."),),
    limits={"value": (-1.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(-1.0, INFINITY),
    derivative_range=(0.0, 1.0),
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
        return where(x > 0.0, 1.0, alpha * exp_bounded(_on_the_left(x)))

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
        return where(x > 0.0, SELU_SCALE, SELU_SLOPE[0] * exp_bounded(_on_the_left(x)))

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

    def value_float32(x, alpha):
        return where(x > 0.0, x, alpha * expm1_bounded(_on_the_left(x * (1.0 / alpha))))

    def derivative(x, alpha):
        return where(x > 0.0, 1.0, exp(x / alpha))

    def derivative_float32(x, alpha):
        return where(x > 0.0, 1.0, exp_bounded(_on_the_left(x * (1.0 / alpha))))

    def second_derivative(x, alpha):
        return where(x > 0.0, 0.0, _scaled_exp(1.0 / alpha, x / alpha))

    def derivative_from_output(y, alpha):
        return where(y > 0.0, 1.0, y / alpha + 1.0)

    def alpha_derivative(x, alpha):
        # t e**t is 0 long before t is -inf.
        t = where(x / alpha < -800.0, -800.0, x / alpha)
        e, m = exp_and_expm1(t)
        return where(x > 0.0, 0.0, m - t * e)
