"""Activations that are straight on either side of zero."""

from fastact._definition import Parameter, define
from fastact._math.working import where

INFINITY = float("inf")
KAIMING = "He, Zhang, Ren & Sun, Delving Deep into Rectifiers, ICCV 2015, arXiv:1502.01852"


@define(
    formula=r"f(x) = \max(0, x)",
    limits={"value": (0.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(0.0, INFINITY),
    derivative_range=(0.0, 1.0),
    kinks=(0.0,),
    derivative_at_kinks=(0.0,),
    monotone=True,
    saturation="The gradient is 0 for x < 0: a unit whose inputs are all negative is dead and stays so.",
    use="The default for deep networks that are wide enough to lose some units; cheap and sparse.",
    avoid="Where units die (high learning rates, no normalisation) or outputs must be zero-centred.",
    papers=("Nair & Hinton, Rectified Linear Units Improve Restricted Boltzmann Machines, ICML 2010",),
    aliases=("ReLU", "Relu", "rectifier"),
    cost=0.06,
)
class relu:
    """Rectified linear unit."""

    def value(x):
        return where(x < 0.0, 0.0, x)

    def derivative(x):
        return where(x > 0.0, 1.0, where(x <= 0.0, 0.0, x))

    def second_derivative(x):
        return where(x <= x, 0.0, x)

    def derivative_from_output(y):
        return where(y > 0.0, 1.0, where(y <= 0.0, 0.0, y))


@define(
    formula=r"f(x) = \min(\max(0, x), 6)",
    limits={"value": (0.0, 6.0), "derivative": (0.0, 0.0), "second_derivative": (0.0, 0.0)},
    range=(0.0, 6.0),
    derivative_range=(0.0, 1.0),
    kinks=(0.0, 6.0),
    derivative_at_kinks=(0.0, 0.0),
    monotone=True,
    saturation="The gradient is 0 for x < 0 and for x > 6: units die on either side.",
    use="Networks that will be quantised: the bounded range keeps fixed-point error small.",
    avoid="Deep networks without normalisation, whose inputs drift past 6.",
    papers=("Krizhevsky, Convolutional Deep Belief Networks on CIFAR-10, 2010",),
    aliases=("ReLU6",),
    cost=0.06,
)
class relu6:
    """Rectified linear unit, capped at 6."""

    def value(x):
        return where(x < 0.0, 0.0, where(x > 6.0, 6.0, x))

    def derivative(x):
        inside = where(x < 6.0, 1.0, where(x >= 6.0, 0.0, x))
        return where(x <= 0.0, 0.0, inside)

    def second_derivative(x):
        return where(x <= x, 0.0, x)

    def derivative_from_output(y):
        inside = where(y < 6.0, 1.0, where(y >= 6.0, 0.0, y))
        return where(y <= 0.0, 0.0, inside)


def _leaky(x, slope):
    return where(x > 0.0, x, slope * x)


def _leaky_derivative(x, slope):
    return where(x > 0.0, 1.0, where(x <= 0.0, slope, x))


def _leaky_slope_derivative(x):
    return where(x > 0.0, 0.0, x)


@define(
    formula=r"f(x) = x \text{ for } x > 0, \quad \lambda x \text{ otherwise}",
    parameters=(Parameter("negative_slope", 0.01, "Slope for x < 0; the output form needs it to be 0 or more."),),
    limits={"value": (-INFINITY, INFINITY), "derivative": (0.01, 1.0), "second_derivative": (0.0, 0.0)},
    derivative_range=(0.01, 1.0),
    kinks=(0.0,),
    derivative_at_kinks=(0.01,),
    monotone=True,
    saturation="Never 0: for x < 0 the gradient is scaled by the slope, so units do not die.",
    use="In place of relu where units die; generative adversarial networks (slope 0.2).",
    avoid="Where sparsity of activations is wanted.",
    papers=("Maas, Hannun & Ng, Rectifier Nonlinearities Improve Neural Network Acoustic Models, ICML 2013",),
    aliases=("LeakyReLU", "LeakyRelu", "leakyrelu"),
    cost=0.07,
)
class leaky_relu:
    """Rectified linear unit with a small slope on the negative side."""

    def value(x, negative_slope):
        return _leaky(x, negative_slope)

    def derivative(x, negative_slope):
        return _leaky_derivative(x, negative_slope)

    def second_derivative(x, negative_slope):
        return where(x <= x, 0.0, x)

    def derivative_from_output(y, negative_slope):
        return _leaky_derivative(y, negative_slope)

    def negative_slope_derivative(x, negative_slope):
        return _leaky_slope_derivative(x)


@define(
    formula=r"f(x) = x \text{ for } x > 0, \quad \alpha x \text{ otherwise}",
    parameters=(Parameter("alpha", 0.25, "Learned slope for x < 0, usually one per channel."),),
    limits={"value": (-INFINITY, INFINITY), "derivative": (0.25, 1.0), "second_derivative": (0.0, 0.0)},
    derivative_range=(0.25, 1.0),
    kinks=(0.0,),
    derivative_at_kinks=(0.25,),
    monotone=True,
    saturation="Never 0 as long as the learned slope is not.",
    use="Vision networks with data enough to learn a slope per channel; start at 0.25, without weight decay.",
    avoid="Small data sets, where the slopes overfit.",
    papers=(KAIMING,),
    aliases=("PReLU", "PRelu", "parametric_relu"),
    cost=0.07,
)
class prelu:
    """Parametric rectified linear unit: the negative slope is learned."""

    def value(x, alpha):
        return _leaky(x, alpha)

    def derivative(x, alpha):
        return _leaky_derivative(x, alpha)

    def second_derivative(x, alpha):
        return where(x <= x, 0.0, x)

    def derivative_from_output(y, alpha):
        return _leaky_derivative(y, alpha)

    def alpha_derivative(x, alpha):
        return _leaky_slope_derivative(x)
