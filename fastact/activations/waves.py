"""Activations that come back: waves and a bump."""

from fastact._definition import Parameter, define
from fastact._math.working import MODERATE_PRODUCT, circular, exp, where

INFINITY = float("inf")
NAN = float("nan")


@define(
    formula=r"f(x) = \sin(\omega x)",
    parameters=(Parameter("omega", 1.0, "Frequency; 30 in the first layer of a SIREN."),),
    limits={"value": (NAN, NAN), "derivative": (NAN, NAN), "second_derivative": (NAN, NAN)},
    range=(-1.0, 1.0),
    derivative_range=(-1.0, 1.0),
    odd=True,
    saturation="Never for good: the gradient crosses zero again and again.",
    use="Implicit representations of images, sounds and fields (SIREN), with their own initialisation.",
    avoid="Unbounded inputs: neighbouring inputs then have unrelated outputs.",
    papers=("Sitzmann et al., Implicit Neural Representations with Periodic Activation Functions, NeurIPS 2020",),
    aliases=("sin", "Sine", "siren"),
    cost=2.0,
)
class sine:
    """Sine of a multiple of the input, accurate for every input, however large."""

    def is_moderate(x, omega):
        return abs(omega * x) <= MODERATE_PRODUCT

    def value(x, omega):
        return circular(omega, x, 0)

    def derivative(x, omega):
        return omega * circular(omega, x, 2)

    def second_derivative(x, omega):
        return -omega * (omega * circular(omega, x, 0))

    def omega_derivative(x, omega):
        return x * circular(omega, x, 2)


def _sine_squared(x, alpha):
    """sin(alpha x)**2, taken for 0 where x is infinite."""
    s = where(abs(x) < INFINITY, circular(alpha, x, 0), 0.0)
    return s * s


@define(
    formula=r"f(x) = x + \frac{\sin^2(\alpha x)}{\alpha}",
    parameters=(Parameter("alpha", 1.0, "Frequency of the wave along the line.", above=0.0),),
    limits={"value": (-INFINITY, INFINITY), "derivative": (NAN, NAN), "second_derivative": (NAN, NAN)},
    derivative_range=(0.0, 2.0),
    monotone=True,
    saturation="Never for good: the gradient touches 0 once in every period.",
    use="Periodic signals, beyond the range seen in training too: audio (vocoders), seasons.",
    avoid="Data without periods.",
    papers=("Ziyin, Hartwig & Ueda, Neural Networks Fail to Learn Periodic Functions, NeurIPS 2020, arXiv:2006.08195",),
    aliases=("Snake",),
    cost=2.0,
)
class snake:
    """Snake: a wave along the identity."""

    def is_moderate(x, alpha):
        return abs(2.0 * alpha * x) <= MODERATE_PRODUCT

    def value(x, alpha):
        return where(abs(x) > 0.0, x + _sine_squared(x, alpha) / alpha, x)  # -0.0 stays

    def derivative(x, alpha):
        # 1 + sin(2 t) = 2 sin(t + pi / 4)**2, which does not cancel where it touches 0.
        s = circular(alpha, x, 1)
        return 2.0 * s * s

    def second_derivative(x, alpha):
        twice = 2.0 * alpha
        return twice * circular(twice, x, 2)

    def alpha_derivative(x, alpha):
        return (x * circular(2.0 * alpha, x, 0) - _sine_squared(x, alpha) / alpha) / alpha


@define(
    formula=r"f(x) = e^{-x^2}",
    limits={"value": (0.0, 0.0), "derivative": (0.0, 0.0), "second_derivative": (0.0, 0.0)},
    range=(0.0, 1.0),
    derivative_range=(-0.8577638849607068, 0.8577638849607068),
    saturation="On both sides, like e^(-x^2).",
    use="Radial basis functions; implicit representations, as a local alternative to sine.",
    avoid="Deep networks: gradients vanish a few units away from 0.",
    papers=("Ramasinghe & Lucey, Beyond Periodicity, ECCV 2022, arXiv:2111.15135",),
    aliases=("Gaussian", "gaussian_rbf"),
    cost=0.35,
)
class gaussian:
    """Gaussian bump."""

    def value(x):
        t = _nearer(x)
        return exp(-(t * t))

    def derivative(x):
        t = _nearer(x)
        half = exp(-0.5 * (t * t))
        return (half * (-2.0 * t)) * half

    def second_derivative(x):
        t = _nearer(x)
        half = exp(-0.5 * (t * t))
        return (half * (4.0 * (t * t) - 2.0)) * half


def _nearer(x):
    """`x` itself, or where the bump is 0 in every format, so that squares stay finite."""
    return where(x > 40.0, 40.0, where(x < -40.0, -40.0, x))
