"""S-shaped activations, and what is made of them."""

from fastact._definition import define
from fastact._math.float64 import exp_bounded, expm1_bounded
from fastact._math.working import exp, exp_and_expm1, expm1, log1p, where

INFINITY = float("inf")
# Beyond it nothing changes in float32.
FAR_FLOAT32 = 110.0
LECUN = "LeCun, Bottou, Orr & Mueller, Efficient BackProp, 1998"


def _within(x, bound):
    return where(x > bound, bound, where(x < -bound, -bound, x))


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
        return 1.0 / (1.0 + exp_bounded(-_within(x, FAR_FLOAT32)))

    def derivative(x):
        # Not y (1 - y), which is 0 or noise from x = 17 on.
        e = exp(-abs(x))
        return e / ((1.0 + e) * (1.0 + e))

    def second_derivative(x):
        e, m = exp_and_expm1(-abs(x))
        s = 1.0 + e
        return where(x >= 0.0, e, -e) * (m / (s * s * s))

    def derivative_from_output(y):
        return y * (1.0 - y)


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

    def derivative(x):
        e = exp(-abs(x))
        return where(x >= 0.0, e, 1.0) / (1.0 + e)

    def second_derivative(x):
        e = exp(-abs(x))
        return -e / ((1.0 + e) * (1.0 + e))

    def derivative_from_output(y):
        return -expm1(y)


def _tanh(x):
    # (e**2x - 1) / (e**2x + 1): beyond 40 both are the same number in every precision. Of |x|, so that it is odd to the
    # last bit; -0.0 and NaN are x.
    m = expm1(2.0 * _within(abs(x), 40.0))
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

    def value_float32(x):
        m = expm1_bounded(2.0 * _within(x, 20.0))
        return m / (m + 2.0)

    def derivative(x):
        # Not 1 - y**2, which is 0 from |x| = 9 on in float32.
        sech = _sech(x)
        return sech * sech

    def second_derivative(x):
        sech = _sech(x)
        return (sech * (-2.0 * _tanh(x))) * sech

    def derivative_from_output(y):
        return (1.0 - y) * (1.0 + y)


@define(
    formula=r"f(x) = \frac{x}{1 + |x|}",
    limits={"value": (-1.0, 1.0), "derivative": (0.0, 0.0), "second_derivative": (0.0, 0.0)},
    range=(-1.0, 1.0),
    derivative_range=(0.0, 1.0),
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
        t = _within(x, 1e300)
        return t / (1.0 + abs(t))

    def derivative(x):
        t = where(abs(x) > 1e300, 1e300, abs(x))
        q = 1.0 / (1.0 + t)
        return q * q

    def second_derivative(x):
        t = where(abs(x) > 1e300, 1e300, abs(x))
        q = 1.0 / (1.0 + t)
        sign = where(x > 0.0, -2.0, where(x < 0.0, 2.0, 0.0))
        return (sign * q) * (q * q)

    def derivative_from_output(y):
        return (1.0 - abs(y)) * (1.0 - abs(y))
