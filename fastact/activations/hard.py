"""Piecewise forms of smooth activations: no exponential, and gradients that are exactly zero."""

import math
from fractions import Fraction

import numpy as np

from fastact._definition import Parameter, define
from fastact._math import float32
from fastact._math.arithmetic import fast_two_sum, fma
from fastact._math.float32 import ZERO
from fastact._math.working import at_least, at_most, where, zero_or_nan

INFINITY = float("inf")
THREE, HALF_OF_THREE, THIRD, SIXTH = map(np.float32, (3, 1.5, 1 / 3, 1 / 6))
# Together with these not less than 1 / 3 and 1 / 6, so that -0.0 times half, or 1, and what that lacks stays -0.0.
THIRD_LO = np.nextafter(np.float32(1 / 3 - np.float64(THIRD)), np.float32(0))
SIXTH_LO = np.nextafter(np.float32(1 / 6 - np.float64(SIXTH)), np.float32(0))
# In float64 kernels parameters are known to 107 bits: a sum that is smaller than this share of its terms is rounding,
# and 0 is meant.
ROUNDING = 2.0**-90


def _between(x, low, high, inside):
    """`inside` strictly between the bounds, 0 elsewhere."""
    return where(x <= low, 0.0, where(x >= high, 0.0, where(x <= x, inside, x)))


def _ramp(x, slope, offset):
    ramp = slope * x + offset
    tiny = abs(offset) * ROUNDING
    near_one = where(abs(ramp - 1.0) <= tiny, 1.0, ramp)
    return where(abs(ramp) <= tiny, 0.0, near_one)


def _ends_of_ramp(slope, offset):
    """The largest and the smallest float32 outside of where a rising ramp is strictly between 0 and 1."""
    return float32.at_or_below(-offset / slope), float32.at_or_above((1.0 - offset) / slope)


def _is_usual(slope, offset):
    return float32.may_branch_on(slope) and float32.may_branch_on(offset) and slope > 2.0**-90 and slope < 2.0**90


def _ramp_slope(x, slope, offset):
    """In float32's kernels, the derivative in float64."""
    return _between(slope * x + offset, 0.0, 1.0, slope)


def _ramp_backward(grad, x, slope, offset):
    return np.float32(np.float64(grad) * _ramp_slope(np.float64(x), np.float64(slope), np.float64(offset)))


def _rise_backward(grad, x, slope, offset):
    low, high = _ends_of_ramp(slope, offset)
    outside = where(x <= x, ZERO, x) * grad
    return where((x > low) & (x < high), float32.scaled(grad, slope), outside)


@define(
    formula=r"f(x) = \min(\max(0, a x + b), 1)",
    parameters=(
        Parameter("slope", 1 / 6, "Slope a of the middle piece.", exact_default=Fraction(1, 6)),
        Parameter("offset", 0.5, "Value b at 0."),
    ),
    limits={"value": (0.0, 1.0), "derivative": (0.0, 0.0), "second_derivative": (0.0, 0.0)},
    range=(0.0, 1.0),
    derivative_range=(0.0, 1 / 6),
    kinks=lambda slope, offset: (-offset / slope, (1.0 - offset) / slope) if slope else (),
    derivative_at_kinks=(0.0, 0.0),
    monotone=True,
    saturation="The gradient is exactly 0 beyond +-3: a unit out there is dead until its inputs move.",
    use="Gates in networks for small devices, and quantised ones.",
    avoid="Where gradients must reach saturated units.",
    papers=("Courbariaux, Bengio & David, BinaryConnect, NeurIPS 2015, arXiv:1511.00363",),
    aliases=("hardsigmoid", "HardSigmoid", "Hardsigmoid", "hsigmoid"),
    cost=0.1,
)
class hard_sigmoid:
    """Piecewise linear sigmoid."""

    def value(x, slope, offset):
        ramp = _ramp(x, slope, offset)
        return where(ramp <= 0.0, 0.0, where(ramp >= 1.0, 1.0, ramp))

    def value_float32(x, slope, offset):
        ramp = slope * x + offset
        return where(ramp <= 0.0, 0.0, where(ramp >= 1.0, 1.0, ramp))

    def derivative(x, slope, offset):
        return _between(_ramp(x, slope, offset), 0.0, 1.0, slope)

    def value_single_at_defaults(x, slope, offset):
        rise, rise_lo = fast_two_sum(THREE, at_least(at_most(x, THREE), -THREE))
        return fma(rise, SIXTH, fma(rise, SIXTH_LO, rise_lo * SIXTH))

    derivative_float32 = _ramp_slope

    def backward_single(grad, x, slope, offset):
        is_usual = _is_usual(slope, offset)
        return _rise_backward(grad, x, slope, offset) if is_usual else _ramp_backward(grad, x, slope, offset)

    def second_derivative(x, slope, offset):
        return zero_or_nan(x)

    def derivative_from_output(y, slope, offset):
        return _between(y, 0.0, 1.0, slope)

    def slope_derivative(x, slope, offset):
        return _between(_ramp(x, slope, offset), 0.0, 1.0, x)

    def offset_derivative(x, slope, offset):
        return _between(_ramp(x, slope, offset), 0.0, 1.0, 1.0)


def _check_bounds(minimum, maximum):
    if not minimum < maximum:
        raise ValueError(f"hard_tanh: minimum must be less than maximum, got {minimum!r} and {maximum!r}")


@define(
    formula=r"f(x) = \min(\max(a, x), b)",
    parameters=(Parameter("minimum", -1.0, "Lower bound a."), Parameter("maximum", 1.0, "Upper bound b.")),
    check=_check_bounds,
    limits={"value": (-1.0, 1.0), "derivative": (0.0, 0.0), "second_derivative": (0.0, 0.0)},
    range=(-1.0, 1.0),
    derivative_range=(0.0, 1.0),
    kinks=lambda minimum, maximum: (minimum, maximum),
    derivative_at_kinks=(0.0, 0.0),
    odd=True,
    monotone=True,
    saturation="The gradient is exactly 0 at and beyond the bounds.",
    use="Bounded outputs at no cost; quantised networks.",
    avoid="Where gradients must reach saturated units.",
    papers=("Collobert, Large Scale Machine Learning, PhD thesis, Paris VI, 2004",),
    aliases=("hardtanh", "Hardtanh", "clip"),
    in_single_precision=("value", "derivative", "derivative_from_output"),
    cost=0.06,
)
class hard_tanh:
    """Piecewise linear hyperbolic tangent: the input, clipped."""

    def value(x, minimum, maximum):
        return at_least(at_most(x, maximum), minimum)

    def derivative(x, minimum, maximum):
        return _between(x, minimum, maximum, 1.0)

    def second_derivative(x, minimum, maximum):
        return zero_or_nan(x)

    def derivative_from_output(y, minimum, maximum):
        return _between(y, minimum, maximum, 1.0)

    def minimum_derivative(x, minimum, maximum):
        return where(x <= minimum, 1.0, where(x > minimum, 0.0, x))

    def maximum_derivative(x, minimum, maximum):
        return where(x >= maximum, 1.0, where(x < maximum, 0.0, x))


@define(
    formula=r"f(x) = x \, \min(\max(0, x / 6 + 1/2), 1)",
    limits={"value": (0.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(-0.375, INFINITY),
    derivative_range=(-0.5, 1.5),
    kinks=(-3.0, 3.0),
    derivative_at_kinks=(0.0, 1.0),
    saturation="The gradient is exactly 0 for x <= -3, and jumps at both ends of the bend.",
    use="In place of silu on small devices (MobileNetV3) and in quantised networks.",
    avoid="Where smoothness matters, or gradients must reach units far on the left.",
    papers=("Howard et al., Searching for MobileNetV3, ICCV 2019, arXiv:1905.02244",),
    aliases=("hardswish", "HardSwish", "Hardswish", "hswish", "hard_silu"),
    cost=0.1,
)
class hard_swish:
    """Piecewise polynomial swish."""

    def value(x):
        # (x + 3) x / 6: x / 6 + 1/2 would round before it cancels, and the product overflow before the division.
        inside = where(abs(x) < 3.0, x, 0.0)
        return where(x >= 3.0, x, where(x <= -3.0, 0.0, where(x <= x, inside * (inside + 3.0) / 6.0, x)))

    def value_single(x):
        # On the right the gate is 1, to less than any x's last digit and more than 0: infinity times 0 would be NaN.
        x = at_least(x, -THREE)
        moved, moved_lo = fast_two_sum(THREE, at_most(x, THREE))
        gate = moved * SIXTH
        excess = fma(-moved, SIXTH_LO, fma(-moved_lo, SIXTH, fma(-moved, SIXTH, gate)))
        return fma(x, gate, -(x * excess))

    def derivative(x):
        return where(x >= 3.0, 1.0, where(x <= -3.0, 0.0, (x + 1.5) / 3.0))

    def backward_single(grad, x):
        # At 3/2 the middle's slope is 1, and at -3/2 it is 0: there is where what lies outside is sent.
        moved, moved_lo = fast_two_sum(HALF_OF_THREE, where(abs(x) >= THREE, math.copysign(HALF_OF_THREE, x), x))
        slope = moved * THIRD
        slope_lo = fma(moved_lo, THIRD, fma(moved, THIRD_LO, fma(moved, THIRD, -slope)))
        return float32.multiply(grad, slope, slope_lo)

    def second_derivative(x):
        return _between(x, -3.0, 3.0, 1.0) / 3.0


@define(
    formula=r"f(x) = 1 \text{ for } x \ge 0, \quad 0 \text{ otherwise}",
    limits={"value": (0.0, 1.0), "derivative": (0.0, 0.0), "second_derivative": (0.0, 0.0)},
    range=(0.0, 1.0),
    derivative_range=(0.0, 0.0),
    kinks=(0.0,),
    derivative_at_kinks=(0.0,),
    monotone=True,
    saturation="Everywhere: the gradient is 0, and nothing is learned through it.",
    use="Decisions after training; perceptrons.",
    avoid="Layers that are trained by gradients, unless another activation's gradient takes its place.",
    papers=("McCulloch & Pitts, A Logical Calculus of the Ideas Immanent in Nervous Activity, 1943",),
    aliases=("heaviside", "BinaryStep", "unit_step"),
    in_single_precision=("value", "derivative"),
    cost=0.06,
)
class binary_step:
    """Binary step."""

    def value(x):
        return where(x >= 0.0, 1.0, where(x < 0.0, 0.0, x))

    def derivative(x):
        return zero_or_nan(x)

    def second_derivative(x):
        return zero_or_nan(x)


@define(
    formula=r"f(x) = \min(\max(0, (x + 1) / 2), 1)",
    limits={"value": (0.0, 1.0), "derivative": (0.0, 0.0), "second_derivative": (0.0, 0.0)},
    range=(0.0, 1.0),
    derivative_range=(0.0, 0.5),
    kinks=(-1.0, 1.0),
    derivative_at_kinks=(0.25, 0.25),
    monotone=True,
    saturation="The gradient is exactly 0 beyond +-1.",
    use="The gate of sparse_plus; probabilities that may be exactly 0 or 1.",
    avoid="Where gradients must reach saturated units.",
    papers=("Martins & Astudillo, From Softmax to Sparsemax, ICML 2016, arXiv:1602.02068",),
    aliases=("SparseSigmoid",),
    cost=0.06,
)
class sparse_sigmoid:
    """Sparse sigmoid: the derivative of `sparse_plus`.

    At its kinks the derivative is the mean of both sides, as in JAX.
    """

    def value(x):
        return where(x <= -1.0, 0.0, where(x >= 1.0, 1.0, 0.5 * x + 0.5))

    def derivative(x):
        return where(abs(x) < 1.0, 0.5, where(abs(x) > 1.0, 0.0, where(x <= x, 0.25, x)))

    def second_derivative(x):
        return zero_or_nan(x)

    def derivative_from_output(y):
        return _between(y, 0.0, 1.0, 0.5)


@define(
    formula=r"f(x) = \frac{x}{2} \min(\max(0, x + 2), 2)",
    limits={"value": (0.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(-0.5, INFINITY),
    derivative_range=(-1.0, 1.0),
    kinks=(-2.0,),
    derivative_at_kinks=(0.0,),
    bends=(0.0,),
    saturation="The gradient is exactly 0 for x <= -2.",
    use="In place of mish on small devices.",
    avoid="Where smoothness matters, or gradients must reach units far on the left.",
    papers=("Misra, H-Mish, 2020, github.com/digantamisra98/H-Mish",),
    aliases=("HardMish", "hardmish"),
    cost=0.1,
)
class hard_mish:
    """Piecewise polynomial mish."""

    def value(x):
        inside = where(x <= -2.0, 0.0, where(x > 0.0, 0.0, x))
        return where(x > 0.0, x, where(x <= -2.0, 0.0, 0.5 * (inside * (inside + 2.0))))

    def derivative(x):
        return where(x > 0.0, 1.0, where(x <= -2.0, 0.0, x + 1.0))

    def second_derivative(x):
        return where(x > 0.0, 0.0, where(x <= -2.0, 0.0, where(x <= x, 1.0, x)))
