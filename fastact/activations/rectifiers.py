"""Activations that are straight on either side of zero."""

from fractions import Fraction

import numpy as np

from fastact._definition import Parameter, define
from fastact._math import float32
from fastact._math.float32 import ZERO
from fastact._math.working import at_least, at_most, sqrt, where, zero_or_nan

INFINITY = float("inf")
KAIMING = "He, Zhang, Ren & Sun, Delving Deep into Rectifiers, ICCV 2015, arXiv:1502.01852"


def _draw_slopes(rng, shape, lower, upper):
    if np.any(np.greater(lower, upper)):
        raise ValueError(f"rrelu: lower must be at most upper, got {lower!r} and {upper!r}")
    return np.random.default_rng(rng).uniform(lower, upper, shape)


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
    in_single_precision=("value", "derivative", "derivative_from_output"),
    cost=0.06,
)
class relu:
    """Rectified linear unit."""

    def value(x):
        return at_least(x, 0.0)

    def times_value_single(x, gate):
        return x * (ZERO if gate < ZERO else gate)

    def derivative(x):
        return where(x > 0.0, 1.0, where(x <= 0.0, 0.0, x))

    def second_derivative(x):
        return zero_or_nan(x)

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
    in_single_precision=("value", "derivative", "derivative_from_output"),
    cost=0.06,
)
class relu6:
    """Rectified linear unit, capped at 6."""

    def value(x):
        return at_least(at_most(x, 6.0), 0.0)

    def derivative(x):
        inside = where(x < 6.0, 1.0, where(x >= 6.0, 0.0, x))
        return where(x <= 0.0, 0.0, inside)

    def second_derivative(x):
        return zero_or_nan(x)

    def derivative_from_output(y):
        inside = where(y < 6.0, 1.0, where(y >= 6.0, 0.0, y))
        return where(y <= 0.0, 0.0, inside)


def _leaky(x, slope):
    return where(x > 0.0, x, slope * x)


def _leaky_derivative(x, slope):
    return where(x > 0.0, 1.0, where(x <= 0.0, slope, x))


def _leaky_single(x, slope):
    return where(x > ZERO, x, float32.scaled(x, slope))


def _leaky_backward_single(grad, x, slope):
    return where(x > ZERO, grad, where(x <= ZERO, float32.scaled(grad, slope), x))


def _leaky_slope_derivative(x):
    return at_most(x, 0.0)


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

    def value_single(x, negative_slope):
        return _leaky_single(x, negative_slope)

    def backward_single(grad, x, negative_slope):
        return _leaky_backward_single(grad, x, negative_slope)

    def derivative(x, negative_slope):
        return _leaky_derivative(x, negative_slope)

    def second_derivative(x, negative_slope):
        return zero_or_nan(x)

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

    def value_single(x, alpha):
        return _leaky_single(x, alpha)

    def backward_single(grad, x, alpha):
        return _leaky_backward_single(grad, x, alpha)

    def derivative(x, alpha):
        return _leaky_derivative(x, alpha)

    def second_derivative(x, alpha):
        return zero_or_nan(x)

    def derivative_from_output(y, alpha):
        return _leaky_derivative(y, alpha)

    def alpha_derivative(x, alpha):
        return _leaky_slope_derivative(x)


@define(
    formula=r"f(x) = x \text{ for } x > 0, \quad \frac{l + u}{2} x \text{ otherwise}",
    parameters=(
        Parameter("lower", 1 / 8, "Least slope l for x < 0."),
        Parameter("upper", 1 / 3, "Greatest slope u for x < 0.", exact_default=Fraction(1, 3)),
    ),
    draw=_draw_slopes,
    drawn_for="prelu",
    limits={"value": (-INFINITY, INFINITY), "derivative": (11 / 48, 1.0), "second_derivative": (0.0, 0.0)},
    derivative_range=(11 / 48, 1.0),
    kinks=(0.0,),
    derivative_at_kinks=(11 / 48,),
    monotone=True,
    saturation="Never 0, as long as the slopes are not.",
    use="Small data sets: random slopes in training regularise.",
    avoid="Where results must not vary from call to call in training.",
    papers=("Xu, Wang, Chen & Li, Empirical Evaluation of Rectified Activations, 2015, arXiv:1505.00853",),
    aliases=("RReLU", "randomized_relu"),
    cost=0.07,
)
class rrelu:
    """Randomised leaky rectified linear unit.

    Without `rng` it is what is used after training: `leaky_relu` with the mean slope. With ``rng=``, a
    `numpy.random.Generator` or a seed for one, each element's slope is drawn from U(lower, upper): the training form.
    ``return_slopes=True`` then gives the slopes too, which ``prelu.backward(grad, x, slopes)`` takes.
    """

    def value(x, lower, upper):
        return _leaky(x, 0.5 * (lower + upper))

    def derivative(x, lower, upper):
        return _leaky_derivative(x, 0.5 * (lower + upper))

    def second_derivative(x, lower, upper):
        return zero_or_nan(x)

    def derivative_from_output(y, lower, upper):
        return _leaky_derivative(y, 0.5 * (lower + upper))

    def lower_derivative(x, lower, upper):
        return 0.5 * _leaky_slope_derivative(x)

    def upper_derivative(x, lower, upper):
        return 0.5 * _leaky_slope_derivative(x)


def _step(x, place):
    """1 beyond a place, 0 up to it."""
    return where(x > place, 1.0, where(x <= place, 0.0, x))


@define(
    formula=r"f(x) = x \text{ for } x > \theta, \quad v \text{ otherwise}",
    parameters=(
        Parameter("threshold", 0.0, "Place theta up to which the input is replaced."),
        Parameter("value", 0.0, "What replaces it."),
    ),
    limits={"value": (0.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(0.0, INFINITY),
    derivative_range=(0.0, 1.0),
    kinks=lambda threshold, value: (threshold,),
    derivative_at_kinks=(0.0,),
    monotone=True,
    saturation="The gradient is 0 up to the threshold: units die as with relu.",
    use="Models that were trained with it; relu with its place and its floor apart.",
    avoid="With a value far from the threshold: the function then jumps, which gradients do not see.",
    aliases=("Threshold",),
    cost=0.06,
)
class threshold:
    """The input beyond a threshold, a constant up to it."""

    def value(x, threshold, value):
        return where(x > threshold, x, where(x <= threshold, value, x))

    def derivative(x, threshold, value):
        return _step(x, threshold)

    def second_derivative(x, threshold, value):
        return zero_or_nan(x)

    def threshold_derivative(x, threshold, value):
        return zero_or_nan(x)

    def value_derivative(x, threshold, value):
        return where(x > threshold, 0.0, where(x <= threshold, 1.0, x))


@define(
    formula=r"f(x) = x \text{ for } x > \theta, \quad 0 \text{ otherwise}",
    parameters=(Parameter("theta", 1.0, "Place of the jump; the output form needs it to be 0 or more."),),
    limits={"value": (0.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(0.0, INFINITY),
    derivative_range=(0.0, 1.0),
    kinks=lambda theta: (theta,),
    derivative_at_kinks=(0.0,),
    monotone=True,
    saturation="The gradient is 0 up to the threshold.",
    use="Sparse autoencoders without a bias.",
    avoid="Elsewhere: it jumps, which gradients do not see.",
    papers=("Konda, Memisevic & Krueger, Zero-Bias Autoencoders, ICLR 2015, arXiv:1402.3337",),
    aliases=("ThresholdedRelu", "ThresholdedReLU", "trec"),
    cost=0.06,
)
class thresholded_relu:
    """The input beyond a threshold, 0 up to it."""

    def value(x, theta):
        return where(x > theta, x, zero_or_nan(x))

    def derivative(x, theta):
        return _step(x, theta)

    def second_derivative(x, theta):
        return zero_or_nan(x)

    def derivative_from_output(y, theta):
        return _step(y, 0.0)

    def theta_derivative(x, theta):
        return zero_or_nan(x)


@define(
    formula=r"f(x) = \min(x, m) \text{ for } x > \theta, \quad \lambda (x - \theta) \text{ otherwise}",
    parameters=(
        Parameter("negative_slope", 0.0, "Slope up to the threshold."),
        Parameter("max_value", INFINITY, "Upper bound m of the result."),
        Parameter("threshold", 0.0, "Place theta of the kink."),
    ),
    limits={"value": (0.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(0.0, INFINITY),
    derivative_range=(0.0, 1.0),
    kinks=lambda negative_slope, max_value, threshold: (threshold, *((max_value,) if max_value < INFINITY else ())),
    derivative_at_kinks=(0.0,),
    monotone=True,
    saturation="The gradient is the slope up to the threshold, and 0 from the maximum on.",
    use="Models from Keras, whose relu has these parameters; bounded rectifiers other than relu6.",
    avoid="Where relu, leaky_relu or relu6 will do, which are faster.",
    aliases=("GeneralReLU", "keras_relu"),
    cost=0.1,
)
class general_relu:
    """Rectified linear unit with a slope on the left, a bound on the right, and a threshold."""

    def value(x, negative_slope, max_value, threshold):
        # Where the slope is 0 an infinite x must not make it NaN.
        below = where(abs(negative_slope) > 0.0, negative_slope * (x - threshold), 0.0)
        return where(x > threshold, where(x >= max_value, max_value, x), where(x <= threshold, below, x))

    def derivative(x, negative_slope, max_value, threshold):
        inside = where(x > threshold, 1.0, where(x <= threshold, negative_slope, x))
        beyond = where(max_value < INFINITY, where(x <= threshold, negative_slope, 0.0), inside)
        return where(x >= max_value, beyond, inside)

    def second_derivative(x, negative_slope, max_value, threshold):
        return zero_or_nan(x)

    def negative_slope_derivative(x, negative_slope, max_value, threshold):
        return where(x > threshold, 0.0, x - threshold)

    def max_value_derivative(x, negative_slope, max_value, threshold):
        return where(x >= max_value, where(x > threshold, 1.0, 0.0), zero_or_nan(x))

    def threshold_derivative(x, negative_slope, max_value, threshold):
        return where(x > threshold, 0.0, where(x <= threshold, -negative_slope, x))


@define(
    formula=r"f(x) = \max(0, x)^2",
    limits={"value": (0.0, INFINITY), "derivative": (0.0, INFINITY), "second_derivative": (0.0, 2.0)},
    range=(0.0, INFINITY),
    derivative_range=(0.0, INFINITY),
    bends=(0.0,),
    monotone=True,
    saturation="The gradient is 0 for x < 0, and grows without bound on the right.",
    use="Feed-forward layers of large transformers: sparser than gelu, and cheap.",
    avoid="Without normalisation: values grow like squares through layers.",
    papers=("So et al., Primer: Searching for Efficient Transformers, NeurIPS 2021, arXiv:2109.08668",),
    aliases=("squared_relu", "relu2", "ReLUSquared"),
    cost=0.07,
)
class relu_squared:
    """Square of the rectified linear unit."""

    def value(x):
        positive = at_least(x, 0.0)
        return positive * positive

    def derivative(x):
        return where(x < 0.0, 0.0, x + x)

    def second_derivative(x):
        return where(x > 0.0, 2.0, zero_or_nan(x))

    def derivative_from_output(y):
        return where(y > 0.0, 2.0 * sqrt(y), y)


@define(
    formula=r"f(x) = s \max(0, x)^2 + b",
    parameters=(
        Parameter("scale", 0.8944, "Factor s; the output form needs it above 0."),
        Parameter("bias", -0.4472, "Value b for x < 0."),
    ),
    limits={"value": (-0.4472, INFINITY), "derivative": (0.0, INFINITY), "second_derivative": (0.0, 1.7888)},
    range=(-0.4472, INFINITY),
    derivative_range=(0.0, INFINITY),
    bends=(0.0,),
    monotone=True,
    saturation="The gradient is 0 for x < 0, and grows without bound on the right.",
    use="MetaFormer vision models: as relu_squared, with mean 0 and variance 1 for normal inputs.",
    avoid="Without normalisation: values grow like squares through layers.",
    papers=("Yu et al., MetaFormer Baselines for Vision, TPAMI 2024, arXiv:2210.13452",),
    aliases=("StarReLU", "starrelu"),
    cost=0.08,
)
class star_relu:
    """Scaled and shifted square of the rectified linear unit."""

    def value(x, scale, bias):
        positive = at_least(x, 0.0)
        return (scale * positive) * positive + bias

    def derivative(x, scale, bias):
        return where(x < 0.0, 0.0, 2.0 * scale * x)

    def second_derivative(x, scale, bias):
        return where(x > 0.0, 2.0 * scale, zero_or_nan(x))

    def derivative_from_output(y, scale, bias):
        square = (y - bias) * scale
        return where(square > 0.0, 2.0 * sqrt(where(square > 0.0, square, 1.0)), zero_or_nan(y))

    def scale_derivative(x, scale, bias):
        positive = at_least(x, 0.0)
        return positive * positive

    def bias_derivative(x, scale, bias):
        return where(x <= x, 1.0, x)
