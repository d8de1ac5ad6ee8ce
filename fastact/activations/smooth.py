"""Smooth forms of the rectifier."""

from fastact._definition import Parameter, define
from fastact._math.working import exp, expm1, log1p, sqrt, where

INFINITY = float("inf")
# Squares of larger numbers overflow, and a**2 + b is a**2 long before.
HUGE = 1e150


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
        return where(x < 0.0, 0.0, x) + left

    def derivative(x, beta):
        e = exp(-abs(beta * x))
        return where(x >= 0.0, 1.0, e) / (1.0 + e)

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
        return -(where(a > 800.0, 800.0, a) * e / (1.0 + e) + log1p(e)) / (beta * beta)


def _root(x, b):
    """sqrt(x**2 + b), without overflow."""
    a = abs(x)
    t = where(a > HUGE, HUGE, a)
    return where(a > HUGE, a, sqrt(t * t + b))


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

    def derivative(x, b):
        root = _root(x, b)
        # Halved first: the sum of two numbers near the largest finite one is none.
        large = 0.5 * abs(x) + 0.5 * root
        right = where(root > 1e300, 1.0, large / root)
        return where(x >= 0.0, right, (0.25 * b / large) / root)

    def second_derivative(x, b):
        root = _root(x, b)
        return 0.5 * b / root / root / root

    def derivative_from_output(y, b):
        t = where(y > 1e300, 1e300, y)
        return t / (t + 0.25 * b / t)

    def b_derivative(x, b):
        return 0.25 / _root(x, b)
