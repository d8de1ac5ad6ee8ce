"""Activations that take something off their input."""

from fastact._definition import Parameter, define
from fastact._math import float32
from fastact._math.float64 import tanh
from fastact._math.working import at_most, where, x_minus_tanh, zero_or_nan
from fastact.activations.sigmoids import _sech, _tanh

INFINITY = float("inf")


@define(
    formula=r"f(x) = x - \tanh(x)",
    limits={"value": (-INFINITY, INFINITY), "derivative": (1.0, 1.0), "second_derivative": (0.0, 0.0)},
    derivative_range=(0.0, 1.0),
    odd=True,
    monotone=True,
    saturation="Around 0, where the gradient is x^2: small inputs teach nothing.",
    use="Sparse coding and denoising, as a smooth shrinkage.",
    avoid="Hidden layers with inputs near 0.",
    aliases=("tanh_shrink", "Tanhshrink"),
    cost=0.6,
)
class tanhshrink:
    """The input less its hyperbolic tangent."""

    def value(x):
        return x_minus_tanh(x)

    def value_single(x):
        return float32.x_minus_tanh(x)

    def derivative(x):
        t = _tanh(x)
        return t * t

    def derivative_float32(x):
        # The square does not ask for tanh's sign.
        t = tanh(at_most(abs(x), 40.0))
        return t * t

    def second_derivative(x):
        sech = _sech(x)
        return (sech * (2.0 * _tanh(x))) * sech


def _shrink(x, lambd, bias):
    # 0 * x keeps the sign of a zero, and NaN.
    return where(x < -lambd, x + bias, where(x > lambd, x - bias, 0.0 * where(abs(x) > lambd, 0.0, x)))


def _shrink_derivative(x, lambd):
    return where(abs(x) > lambd, 1.0, where(abs(x) <= lambd, 0.0, x))


def _outward(x, lambd):
    """The sign of x where it is not shrunk to 0."""
    return where(x < -lambd, -1.0, where(x > lambd, 1.0, zero_or_nan(x)))


@define(
    formula=r"f(x) = x + b \text{ for } x < -\lambda, \quad x - b \text{ for } x > \lambda, \quad 0 \text{ otherwise}",
    parameters=(
        Parameter("lambd", 0.5, "Half the width of what becomes 0.", least=0.0),
        Parameter("bias", 0.0, "What is taken off outside; the output form needs it to be at most lambd."),
    ),
    limits={"value": (-INFINITY, INFINITY), "derivative": (1.0, 1.0), "second_derivative": (0.0, 0.0)},
    derivative_range=(0.0, 1.0),
    kinks=lambda lambd, bias: (-lambd, lambd),
    derivative_at_kinks=(0.0, 0.0),
    odd=True,
    monotone=True,
    saturation="The gradient is exactly 0 within +-lambd.",
    use="Models in ONNX that use it; softshrink and hardshrink are its two usual cases.",
    avoid="Hidden layers with small inputs, which all become 0.",
    aliases=("Shrink",),
    cost=0.1,
)
class shrink:
    """Shrinkage with its threshold and its bias apart."""

    def value(x, lambd, bias):
        return _shrink(x, lambd, bias)

    def derivative(x, lambd, bias):
        return _shrink_derivative(x, lambd)

    def second_derivative(x, lambd, bias):
        return zero_or_nan(x)

    def derivative_from_output(y, lambd, bias):
        return _shrink_derivative(y, 0.0)

    def lambd_derivative(x, lambd, bias):
        return zero_or_nan(x)

    def bias_derivative(x, lambd, bias):
        return -_outward(x, lambd)


@define(
    formula=r"f(x) = \operatorname{sign}(x) \max(|x| - \lambda, 0)",
    parameters=(Parameter("lambd", 0.5, "Half the width of what becomes 0.", least=0.0),),
    limits={"value": (-INFINITY, INFINITY), "derivative": (1.0, 1.0), "second_derivative": (0.0, 0.0)},
    derivative_range=(0.0, 1.0),
    kinks=lambda lambd: (-lambd, lambd),
    derivative_at_kinks=(0.0, 0.0),
    odd=True,
    monotone=True,
    saturation="The gradient is exactly 0 within +-lambd.",
    use="Sparse coding (the proximal step of an L1 penalty) and denoising.",
    avoid="Hidden layers with small inputs, which all become 0.",
    papers=("Donoho, De-Noising by Soft-Thresholding, 1995",),
    aliases=("soft_shrink", "Softshrink", "soft_threshold"),
    cost=0.1,
)
class softshrink:
    """Soft shrinkage: the input, brought nearer to 0."""

    def value(x, lambd):
        return _shrink(x, lambd, lambd)

    def derivative(x, lambd):
        return _shrink_derivative(x, lambd)

    def second_derivative(x, lambd):
        return zero_or_nan(x)

    def derivative_from_output(y, lambd):
        return _shrink_derivative(y, 0.0)

    def lambd_derivative(x, lambd):
        return -_outward(x, lambd)


@define(
    formula=r"f(x) = x \text{ for } |x| > \lambda, \quad 0 \text{ otherwise}",
    parameters=(Parameter("lambd", 0.5, "Half the width of what becomes 0.", least=0.0),),
    limits={"value": (-INFINITY, INFINITY), "derivative": (1.0, 1.0), "second_derivative": (0.0, 0.0)},
    derivative_range=(0.0, 1.0),
    kinks=lambda lambd: (-lambd, lambd),
    derivative_at_kinks=(0.0, 0.0),
    odd=True,
    monotone=True,
    saturation="The gradient is exactly 0 within +-lambd.",
    use="Sparse coding and denoising, where what is kept must not be biased.",
    avoid="Where jumps hurt: at +-lambd the value does, and gradients do not see it.",
    papers=("Donoho & Johnstone, Ideal Spatial Adaptation by Wavelet Shrinkage, 1994",),
    aliases=("hard_shrink", "Hardshrink", "hard_threshold"),
    cost=0.1,
)
class hardshrink:
    """Hard shrinkage: small inputs become 0."""

    def value(x, lambd):
        return _shrink(x, lambd, 0.0)

    def derivative(x, lambd):
        return _shrink_derivative(x, lambd)

    def second_derivative(x, lambd):
        return zero_or_nan(x)

    def derivative_from_output(y, lambd):
        return _shrink_derivative(y, 0.0)

    def lambd_derivative(x, lambd):
        return zero_or_nan(x)
