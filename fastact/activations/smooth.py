"""Smooth forms of the rectifier."""

import numpy as np

from fastact._definition import Parameter, define
from fastact._math import float32
from fastact._math.arithmetic import fast_two_sum, fma
from fastact._math.float32 import HALF, LOWER, NOTHING, ONE, RAISE, TWO, ZERO
from fastact._math.float64 import exp_bounded
from fastact._math.working import at_least, at_most, exp, expm1, log1p, sqrt, where, within
from fastact.activations.sigmoids import FAR_FLOAT32, ONE_TO, ZERO_FROM, ZERO_FROM_TIMES_ANY, _sigmoid_single

INFINITY = float("inf")
# Squares of larger numbers overflow, and a**2 + b is a**2 long before.
HUGE = 1e150
# As that, for float32 and a b of at most 2**10.
HUGE_FLOAT32 = np.float32(2.0**62)
# A smaller b is nothing beside any float32 that is not 0; with a larger one every value is infinite.
SMALLEST_B, LARGEST_B = 2.0**-350, 2.0**262
# Of the slope in float32: a unit for x, with 4 in it, and from where on the slope is 0.
SLOPE_UNIT, SLOPE_SQUARE, SLOPE_FAR = np.float32(2.0**-13), np.float32(2.0**-24), np.float32(1.5 * 2.0**62)
FAR_LEFT, FAR_UNIT = np.float32(-(2.0**62)), np.float32(2.0**-66)
MINUS_ONE, FOUR = np.float32(-1), np.float32(4)
BIAS, HALF_BIAS, LOWEST_HALF, HIGHEST_HALF = np.int64(1023), np.int64(512), np.int64(-120), np.int64(126)


def _log1p_exp(t):
    """log(1 + e**-|t|) in float32's kernels."""
    return log1p(exp_bounded(-at_most(abs(t), FAR_FLOAT32)))


@define(
    formula=r"f(x) = \frac{1}{\beta} \log(1 + e^{\beta x})",
    parameters=(Parameter("beta", 1.0, "Sharpness: large values near relu.", above=0.0),),
    limits={"value": (0.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(0.0, INFINITY),
    derivative_range=(0.0, 1.0),
    monotone=True,
    saturation="Far on the left the gradient decays like e^(beta x).",
    use="Positive outputs: scales, variances, rates.",
    avoid="Hidden layers: dearer than relu, not zero-centred, and seldom better.",
    papers=("Dugas et al., Incorporating Second-Order Functional Knowledge, NeurIPS 2000",),
    aliases=("Softplus", "soft_relu"),
    cost=0.5,
)
class softplus:
    """Softplus: a smooth rectifier, exact for every x (no threshold beyond which it is replaced)."""

    def value(x, beta):
        a, width = abs(beta * x), 1.0 / beta
        # In halves: a subnormal e**-a has lost digits that a width above 1 would bring to light.
        half = exp(-0.5 * a)
        left = where(a > 100.0, (half * width) * half, log1p(half * half) * width)
        return at_least(x, 0.0) + left

    def derivative(x, beta):
        e = exp(-abs(beta * x))
        return where(x >= 0.0, 1.0, e) / (1.0 + e)

    def value_float32(x, beta):
        return at_least(x, 0.0) + _log1p_exp(beta * x) * (1.0 / beta)

    def value_single_at_defaults(x, beta):
        return float32.log1p_exp(x)

    def derivative_single(x, beta):
        return float32.logistic(*float32.bounded_product(-x, beta, ONE_TO, ZERO_FROM))

    def backward_single(grad, x, beta):
        t = float32.bounded_product(-x, beta, ONE_TO, ZERO_FROM_TIMES_ANY)
        return float32.times_logistic(grad, *t)

    def derivative_single_at_defaults(x, beta):
        return _sigmoid_single(x)

    def backward_single_at_defaults(grad, x, beta):
        return float32.times_logistic(grad, *float32.bounded(-x, ONE_TO, ZERO_FROM_TIMES_ANY))

    def second_derivative(x, beta):
        half = exp(-0.5 * abs(beta * x))
        s = 1.0 + half * half
        return (beta * half) * (half / (s * s))

    def derivative_from_output(y, beta):
        return -expm1(-(beta * y))

    def beta_derivative(x, beta):
        # Even in x: the terms that would cancel on the right are gone.
        a = abs(beta * x)
        e = exp(-a)
        return -(at_most(a, 800.0) * e / (1.0 + e) + log1p(e)) / (beta * beta)


def _root(x, b):
    """sqrt(x**2 + b), without overflow."""
    a = abs(x)
    t = at_most(a, HUGE)
    return where(a > HUGE, a, sqrt(t * t + b))


def _unit(b):
    """A power of two next to b's root, as near as float32 has one."""
    half = (np.float64(b).view(np.int64) >> np.int64(53)) - HALF_BIAS
    half = LOWEST_HALF if half < LOWEST_HALF else half
    half = HIGHEST_HALF if half > HIGHEST_HALF else half
    return np.int64((half + BIAS) << np.int64(52)).view(np.float64)


def _bounded(b):
    """`b`, where a value depends on it in float32."""
    return at_least(at_most(b, LARGEST_B), SMALLEST_B)


def _left_and_right(a, b, b_lo, numerator, numerator_lo):
    """`numerator` / (sqrt(a**2 + b) + a), and sqrt(a**2 + b) + a; either number has two parts."""
    root, root_lo = float32.root_of_square_and(at_most(a, HUGE_FLOAT32), b, b_lo)
    total, total_lo = fast_two_sum(at_least(root, a), a)
    total_lo = total_lo + root_lo
    return float32.divide_any(numerator, numerator_lo, total, total_lo), total + total_lo


def _on_its_side(x, left, right):
    # What is lost of infinity, or of a sum next to the largest number, is x.
    return where(x < ZERO, left, where(right > x, right, x))


def _squareplus_single(x, b):
    # With a unit of its own, |x| in units of it would overflow where the value is not yet 0.
    unit = where((b > 2.0**-60) & (b < 16.0), 2.0, _unit(b))
    square, square_lo = float32.halves(_bounded(b) / (unit * unit))
    # That unit comes before the division: rounding to a subnormal number is the last step.
    most = at_least(at_most(unit, 4.0), 1.0)
    before, after = np.float32(0.5 * most), np.float32(unit / most)
    a = abs(x) * np.float32(1.0 / unit)
    left, right = _left_and_right(a, square, square_lo, square * before, square_lo * before)
    return _on_its_side(x, left * after, right * np.float32(0.5 * unit))


def _slope_on_the_left(t, square, half_square):
    """The slope at -t of (x + sqrt(x**2 + `square`)) / 2 in two parts, for a power of two or a negligible `square`."""
    # With R for the root, (1 - t / R) / 2 = (square / 2) / (R (R + t)), which does not cancel.
    root, root_lo = float32.sharp_root_of_square_and(t, square)
    total, total_lo = fast_two_sum(root, t)
    d = root * total
    d_lo = fma(root, total_lo + root_lo, fma(root_lo, total, fma(root, total, -d)))
    y = half_square / d
    excess = fma(y, d_lo, fma(y, d, -half_square))
    return y, excess * (MINUS_ONE / half_square) * y


def _squareplus_float32(x, b):
    # Squares of float32 numbers are far from float64's largest.
    large = 0.5 * (abs(x) + sqrt(x * x + b))
    return np.float32(where(x >= 0.0, large, 0.25 * b / large))


@define(
    formula=r"f(x) = \frac{x + \sqrt{x^2 + b}}{2}",
    parameters=(Parameter("b", 4.0, "Width of the bend: the value at 0 is half its square root.", above=0.0),),
    limits={"value": (0.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(0.0, INFINITY),
    derivative_range=(0.0, 1.0),
    monotone=True,
    saturation="Far on the left the gradient decays only like b / (4 x^2).",
    use="As softplus, where exponentials are dear: only a square root is needed.",
    avoid="Where the left tail must vanish quickly.",
    papers=("Barron, Squareplus: A Softplus-Like Algebraic Rectifier, 2021, arXiv:2112.11687",),
    aliases=("Squareplus", "square_plus"),
    cost=0.3,
)
class squareplus:
    """Squareplus: an algebraic smooth rectifier."""

    def value(x, b):
        # The two roots of y**2 - x y - b/4 multiply to -b/4: the small one is got without cancelling.
        large = 0.5 * abs(x) + 0.5 * _root(x, b)
        return where(x >= 0.0, large, 0.25 * b / large)

    def value_single(x, b):
        return _squareplus_single(x, b) if float32.is_number(b) else _squareplus_float32(np.float64(x), np.float64(b))

    def value_single_at_defaults(x, b):
        # In units of 2, where the square is 1.
        return _on_its_side(x, *_left_and_right(HALF * abs(x), ONE, NOTHING, ONE, ZERO))

    def derivative(x, b):
        root = _root(x, b)
        # Halved first: the sum of two numbers near the largest finite one is none.
        large = 0.5 * abs(x) + 0.5 * root
        right = where(root > 1e300, 1.0, large / root)
        return where(x >= 0.0, right, (0.25 * b / large) / root)

    def derivative_float32(x, b):
        a = at_most(abs(x), 1e60)
        root = sqrt(a * a + b)
        large = 0.5 * (a + root)
        return where(x >= 0.0, large, 0.25 * b) / where(x >= 0.0, root, large * root)

    def derivative_single_at_defaults(x, b):
        # In units so large that no square overflows where the slope is not yet 0.
        t = at_most(abs(x) * SLOPE_UNIT, SLOPE_FAR)
        left, left_lo = _slope_on_the_left(t, SLOPE_SQUARE, HALF * SLOPE_SQUARE)
        left = left + left_lo
        return where(x < ZERO, left, ONE - left)

    def backward_single_at_defaults(grad, x, b):
        # Far on the left 4 is nothing beside x**2, and a unit keeps the slope from underflowing before the result does;
        # what a quotient leaves of a small gradient would, too.
        is_left, is_near = x < ZERO, x >= FAR_LEFT
        is_small = (abs(grad) < ONE) & is_near
        unit = where(is_near, ONE, FAR_UNIT)
        left, left_lo = _slope_on_the_left(abs(x) * unit, where(is_near, FOUR, ZERO), TWO)
        right, right_lo = fast_two_sum(ONE, -left)
        slope, slope_lo = where(is_left, left, right), where(is_left, left_lo, right_lo - left_lo)
        raised = grad * where(is_small, RAISE, unit)
        gradient = fma(raised, slope, raised * slope_lo) * where(is_small, LOWER, unit)
        # An infinite gradient leaves NaN, and so does an x whose square overflows.
        return where(gradient == gradient, gradient, grad * where(x >= ZERO, ONE, left))

    def second_derivative(x, b):
        root = _root(x, b)
        return 0.5 * b / root / root / root

    def derivative_from_output(y, b):
        t = at_most(y, 1e300)
        return t / (t + 0.25 * b / t)

    def b_derivative(x, b):
        return 0.25 / _root(x, b)


def _parabola(x, width):
    """From 0 at -width to 1 at width, evenly."""
    inside = where(abs(x) < width, x, 0.0)
    return where(x >= width, 1.0, where(x <= -width, 0.0, where(x <= x, (inside + width) / (2.0 * width), x)))


def _smooth_relu(x, width):
    inside = where(abs(x) < width, x, 0.0)
    bend = (inside + width) * (inside + width) / (4.0 * width)
    return where(x >= width, x, where(x <= -width, 0.0, where(x <= x, bend, x)))


def _smooth_relu_second_derivative(x, width):
    return where(abs(x) < width, 0.5 / width, where(abs(x) >= width, 0.0, x))


@define(
    formula=r"f(x) = 0 \text{ for } x \le -\beta, \quad \frac{(x + \beta)^2}{4 \beta} \text{ for } |x| < \beta, \quad"
    r" x \text{ for } x \ge \beta",
    parameters=(Parameter("beta", 1.0, "Half the width of the bend.", above=0.0),),
    limits={"value": (0.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(0.0, INFINITY),
    derivative_range=(0.0, 1.0),
    bends=lambda beta: (-beta, beta),
    monotone=True,
    saturation="The gradient is exactly 0 for x <= -beta.",
    use="Recommenders and other models whose results must be reproducible: smooth as softplus, cheap as relu.",
    avoid="Where units die, as with relu.",
    papers=("Shamir, Lin & Coviello, Smooth Activations and Reproducibility in Deep Networks, 2020, arXiv:2010.09931",),
    aliases=("SmeLU", "smooth_relu"),
    cost=0.1,
)
class smelu:
    """Smooth rectified linear unit: a parabola joins the two lines."""

    def value(x, beta):
        return _smooth_relu(x, beta)

    def derivative(x, beta):
        return _parabola(x, beta)

    def second_derivative(x, beta):
        return _smooth_relu_second_derivative(x, beta)

    def derivative_from_output(y, beta):
        inside = where(y > 0.0, where(y < beta, y, beta), 1.0)
        return where(y > 0.0, sqrt(inside / beta), y)

    def beta_derivative(x, beta):
        rise = _parabola(x, beta)
        return rise * (1.0 - rise)


@define(
    formula=r"f(x) = 0 \text{ for } x \le -1, \quad \frac{(x + 1)^2}{4} \text{ for } |x| < 1, \quad"
    r" x \text{ for } x \ge 1",
    limits={"value": (0.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(0.0, INFINITY),
    derivative_range=(0.0, 1.0),
    bends=(-1.0, 1.0),
    monotone=True,
    saturation="The gradient is exactly 0 for x <= -1.",
    use="As softplus, where exact zeros and no exponential are wanted.",
    avoid="Where units die, as with relu.",
    papers=("Martins & Astudillo, From Softmax to Sparsemax, ICML 2016, arXiv:1602.02068",),
    aliases=("SparsePlus", "sparseplus"),
    cost=0.1,
)
class sparse_plus:
    """Sparse plus: `smelu` with a bend from -1 to 1."""

    def value(x):
        return _smooth_relu(x, 1.0)

    def derivative(x):
        return _parabola(x, 1.0)

    def second_derivative(x):
        return _smooth_relu_second_derivative(x, 1.0)

    def derivative_from_output(y):
        inside = where(y > 0.0, where(y < 1.0, y, 1.0), 1.0)
        return where(y > 0.0, sqrt(inside), y)


@define(
    formula=r"f(x) = x + \frac{\sqrt{x^2 + 1} - 1}{2}",
    limits={"value": (-INFINITY, INFINITY), "derivative": (0.5, 1.5), "second_derivative": (0.0, 0.0)},
    derivative_range=(0.5, 1.5),
    monotone=True,
    saturation="Never: the gradient stays between 1/2 and 3/2.",
    use="Regression outputs and shallow networks where the identity is to be bent a little.",
    avoid="Deep networks: a gradient of 3/2 per layer explodes.",
    aliases=("BentIdentity", "bent"),
    cost=0.25,
)
class bent_identity:
    """Bent identity."""

    def value(x):
        # One factor x, and the rest between 1/2 and 3/2: the difference root - 1 would cancel.
        t = within(x, 1e300)
        return x * (1.0 + 0.5 * (t / (_root(t, 1.0) + 1.0)))

    def derivative(x):
        t = within(x, 1e300)
        return 1.0 + 0.5 * (t / _root(t, 1.0))

    def second_derivative(x):
        root = _root(x, 1.0)
        return 0.5 / root / root / root

    def derivative_from_output(y):
        # With s = 2 y + 1, the input's root is (2 sqrt(s**2 + 3) - s) / 3, and the input (2 s - sqrt(s**2 + 3)) / 3.
        s = 2.0 * within(y, 1e300) + 1.0
        root = _root(s, 3.0)
        return 1.0 + 0.5 * ((2.0 * s - root) / (2.0 * root - s))


def _reciprocal_root(t):
    """1 / sqrt(1 + t**2)."""
    return 1.0 / _root(within(t, 1e300), 1.0)


def _isru(x, alpha):
    scale = sqrt(alpha)
    t = scale * x
    far = where(t > 0.0, 1.0, -1.0) / scale
    return where(abs(t) > HUGE, far, where(abs(t) > HUGE, 0.0, x) * _reciprocal_root(t))


def _isru_derivative(x, alpha):
    q = _reciprocal_root(sqrt(alpha) * x)
    return q * q * q


def _isru_second_derivative(x, alpha):
    scale = sqrt(alpha)
    t = within(scale * x, 1e300)
    q = _reciprocal_root(t)
    # Squares last: nothing is lost to subnormals before the end.
    return ((-3.0 * scale) * (t * q) * (q * q)) * (q * q)


def _isru_alpha_derivative(x, alpha):
    y = _isru(x, alpha)
    return -0.5 * y * y * y


def _isru_derivative_from_output(y, alpha):
    remaining = 1.0 - alpha * (y * y)
    positive = where(remaining > 0.0, remaining, 1.0)
    return where(remaining > 0.0, positive * sqrt(positive), where(y <= y, 0.0, y))


CARLILE = "Carlile, Delamarter, Kinney, Marti & Whitney, Improving Deep Learning by ISRLUs, 2017, arXiv:1710.09967"


@define(
    formula=r"f(x) = \frac{x}{\sqrt{1 + \alpha x^2}}",
    parameters=(Parameter("alpha", 1.0, "The limits are +-1 over its square root.", above=0.0),),
    limits={"value": (-1.0, 1.0), "derivative": (0.0, 0.0), "second_derivative": (0.0, 0.0)},
    range=(-1.0, 1.0),
    derivative_range=(0.0, 1.0),
    odd=True,
    monotone=True,
    saturation="On both sides, like 1/|x|^3.",
    use="As tanh, where exponentials are dear: recurrent networks.",
    avoid="Deep stacks without normalisation, where gradients vanish.",
    papers=(CARLILE,),
    aliases=("ISRU",),
    cost=0.3,
)
class isru:
    """Inverse square root unit."""

    def value(x, alpha):
        return _isru(x, alpha)

    def derivative(x, alpha):
        return _isru_derivative(x, alpha)

    def second_derivative(x, alpha):
        return _isru_second_derivative(x, alpha)

    def derivative_from_output(y, alpha):
        return _isru_derivative_from_output(y, alpha)

    def alpha_derivative(x, alpha):
        return _isru_alpha_derivative(x, alpha)


@define(
    formula=r"f(x) = x \text{ for } x \ge 0, \quad \frac{x}{\sqrt{1 + \alpha x^2}} \text{ otherwise}",
    parameters=(Parameter("alpha", 1.0, "The limit at -inf is -1 over its square root.", above=0.0),),
    limits={"value": (-1.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(-1.0, INFINITY),
    derivative_range=(0.0, 1.0),
    monotone=True,
    saturation="For x well below 0 the gradient decays like 1/|x|^3.",
    use="As elu, where exponentials are dear; first and second derivative are continuous.",
    avoid="Where sparsity is wanted.",
    papers=(CARLILE,),
    aliases=("ISRLU",),
    cost=0.3,
)
class isrlu:
    """Inverse square root linear unit."""

    def value(x, alpha):
        return where(x >= 0.0, x, _isru(x, alpha))

    def derivative(x, alpha):
        return where(x >= 0.0, 1.0, _isru_derivative(x, alpha))

    def second_derivative(x, alpha):
        return where(x >= 0.0, 0.0, _isru_second_derivative(x, alpha))

    def derivative_from_output(y, alpha):
        return where(y >= 0.0, 1.0, _isru_derivative_from_output(y, alpha))

    def alpha_derivative(x, alpha):
        return where(x >= 0.0, 0.0, _isru_alpha_derivative(x, alpha))
