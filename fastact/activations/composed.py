"""The input times a composition of other activations: smooth, and not monotone.

Their derivatives cross zero where several terms cancel. There each is ``h P(h)``, with h the distance from the zero's
exact place and P a polynomial that ``_math/coefficients.sollya`` finds: one tool for all of them.
"""

from fastact._definition import define
from fastact._math.working import (
    at_least,
    at_most,
    erf,
    exp,
    exp_and_expm1,
    exp_sharp,
    expm1,
    log1p,
    normal_tail_ratio,
    polynomial,
    precise,
    where,
)

INFINITY = float("inf")
TWO_OVER_SQRT_PI = (1.1283791670955126, 1.533545961316588e-17)
NORMAL_DENSITY_AT_0 = (0.3989422804014327, -2.49232720227773e-17)  # 1 / sqrt(2 pi)
LN2 = 0.6931471805599453

# From here to the left each is a multiple of x e**x, to every digit.
LEFT = -45.0
# Where phish is x**2 Phi(x), to every digit.
PHISH_LEFT = -12.0

# How far from a derivative's zero P holds.
NEAR = 0.375
# degree 15: relative error 2**-60.4
SERF_ZERO = (-1.193059968928188, 3.096701676302884e-17)
SERF_NEAR_ZERO = (
    (0.30150488936299114, -5.074150330796142e-18),
    (0.23161220121136644, 3.0761001790134594e-18),
    (0.04754569104272765, -5.555613382391896e-19),
    (-0.023334206031377352, 0.0),
    (-0.01871308403684665, 0.0),
    (-0.004524531631024126, 0.0),
    (0.0008716960637312802, 0.0),
    (0.001048148868774489, 0.0),
    (0.000332102926412055, 0.0),
    (-1.2015414447231659e-06, 0.0),
    (-4.460518942671293e-05, 0.0),
    (-1.8354315555033788e-05, 0.0),
    (-1.8846977948989747e-06, 0.0),
    (1.490267605293124e-06, 0.0),
    (7.892322652802286e-07, 0.0),
    (1.2514215014078321e-07, 0.0),
)
# degree 15: relative error 2**-62.7
LOGISH_ZERO = (-1.3724541370256922, 7.791774027651745e-17)
LOGISH_NEAR_ZERO = (
    (0.18341467184783952, 7.482956137928129e-18),
    (0.1086792851437427, -5.685414303900121e-18),
    (0.0031532229721794405, 1.197658174453789e-19),
    (-0.014993584924528866, 0.0),
    (-0.0036799106328476473, 0.0),
    (0.0010926871777778716, 0.0),
    (0.0006480649194471265, 0.0),
    (2.620241360314418e-06, 0.0),
    (-6.97777041055502e-05, 0.0),
    (-1.3134747475499977e-05, 0.0),
    (4.806787943881967e-06, 0.0),
    (2.171399803450883e-06, 0.0),
    (-9.973294656762104e-08, 0.0),
    (-2.2744072504221727e-07, 0.0),
    (-2.5403621383777223e-08, 0.0),
    (1.6211492644752685e-08, 0.0),
)
# degree 17: relative error 2**-62.4
TANHEXP_ZERO = (-1.078860058464624, -9.55786742622646e-17)
TANHEXP_NEAR_ZERO = (
    (0.3525036331603062, -1.1599981165056518e-17),
    (0.3252269138875309, 2.1042736020505464e-18),
    (0.10786032936442333, 6.1679719015762196e-18),
    (-0.022875972060732393, 0.0),
    (-0.045645387693473614, 0.0),
    (-0.025487703563914964, 0.0),
    (-0.005629789964902656, 0.0),
    (0.002771592899239292, 0.0),
    (0.0034002744299934115, 0.0),
    (0.0016641688742186436, 0.0),
    (0.00030229781213231624, 0.0),
    (-0.00020187277485480786, 0.0),
    (-0.00021190760556377878, 0.0),
    (-9.606528781963744e-05, 0.0),
    (-1.4847383377813969e-05, 0.0),
    (1.2830918301883581e-05, 0.0),
    (1.2251070220630802e-05, 0.0),
    (4.526319052623378e-06, 0.0),
)
# degree 17: relative error 2**-56.3
PHISH_ZERO = (-1.1954312013879125, 2.1854420556614362e-17)
PHISH_NEAR_ZERO = (
    (-0.3656367174811648, 4.968345673722579e-19),
    (-0.17768507124280664, -1.3873842568640771e-17),
    (0.2528680835995529, -5.609295080018285e-18),
    (0.19250781077582618, 0.0),
    (-0.024839753725672906, 0.0),
    (-0.04413474106286726, 0.0),
    (0.011101373019121088, 0.0),
    (0.015185900535766609, 0.0),
    (-0.0033783237402256676, 0.0),
    (-0.006663079702122144, 0.0),
    (-0.000625692709991153, 0.0),
    (0.0017682994605662883, 0.0),
    (0.00043369989206978914, 0.0),
    (-0.00045730366139509114, 0.0),
    (-0.0001639723463797474, 0.0),
    (0.00013618678960479846, 0.0),
    (6.235476886018272e-05, 0.0),
    (-2.6205766837242537e-05, 0.0),
)


def _next_to_zero(x, zero, coefficients, elsewhere):
    """A derivative next to its zero from the polynomial, and as it is `elsewhere`."""
    h = x - precise(zero, x)
    near = abs(h) < NEAR
    h = where(near, h, 0.0)
    return where(near, h * polynomial(coefficients, h), elsewhere)


def _between(x, low, high):
    return at_most(at_least(x, low), high)


def _left_tail(x, scale, plus):
    """Scale times (x + plus) e**x, in halves: a subnormal e**x has lost digits that x would bring to light."""
    t = where(x < -800.0, -800.0, x)
    half = exp(0.5 * t)
    return (half * ((t + plus) * scale)) * half


def _softplus(t):
    return where(t > 0.0, t, 0.0) + log1p(exp(-abs(t)))


def _sigmoid(t):
    e = exp(-abs(t))
    return where(t >= 0.0, 1.0, e) / (1.0 + e)


@define(
    formula=r"f(x) = x \operatorname{erf}(\log(1 + e^x))",
    limits={"value": (0.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(-0.3484374587596064, INFINITY),
    derivative_range=(-0.1269685890579054, 1.086125444150997),
    saturation="Far on the left the gradient decays like |x| e^x; around -1.19 it changes sign, so units seldom die.",
    use="As mish, which it resembles; reported a little better on image classification.",
    avoid="Where speed matters: it needs two exponentials, a logarithm and an error function.",
    papers=("Nag & Bhattacharyya, SERF, 2021, arXiv:2108.09598",),
    aliases=("Serf", "SERF"),
    cost=2.0,
)
class serf:
    """Log-softplus error activation: x erf(softplus(x))."""

    def value(x):
        t = _between(x, LEFT, 50.0)
        right = where(x > 50.0, x, t * erf(_softplus(t)))
        return where(x < LEFT, _left_tail(x, precise(TWO_OVER_SQRT_PI, x), 0.0), right)

    def derivative(x):
        t = _between(x, LEFT, 50.0)
        s = _softplus(t)
        slope = precise(TWO_OVER_SQRT_PI, x) * exp(-(s * s)) * _sigmoid(t)
        plain = _next_to_zero(t, SERF_ZERO, SERF_NEAR_ZERO, erf(s) + t * slope)
        return where(x < LEFT, _left_tail(x, precise(TWO_OVER_SQRT_PI, x), 1.0), plain)

    def second_derivative(x):
        t = _between(x, LEFT, 50.0)
        s = _softplus(t)
        sigma = _sigmoid(t)
        half = exp(-0.5 * (s * s))
        bend = 2.0 + t * (_sigmoid(-t) - 2.0 * s * sigma)
        plain = (half * (precise(TWO_OVER_SQRT_PI, x) * sigma * bend)) * half
        return where(x < LEFT, _left_tail(x, precise(TWO_OVER_SQRT_PI, x), 2.0), plain)


@define(
    formula=r"f(x) = x \log(1 + \sigma(x))",
    limits={"value": (0.0, INFINITY), "derivative": (0.0, LN2), "second_derivative": (0.0, 0.0)},
    range=(-0.25276881678944035, INFINITY),
    derivative_range=(-0.08982878552089006, 0.7463111804127397),
    saturation="Far on the left the gradient decays like |x| e^x; around -1.37 it changes sign, so units seldom die.",
    use="As silu, with a slope of log 2 on the right.",
    avoid="Where speed matters, or a slope of 1 does.",
    papers=("Zhu et al., Logish, Neurocomputing 458, 2021",),
    aliases=("Logish",),
    cost=1.0,
)
class logish:
    """Logish: x log(1 + sigmoid(x))."""

    def value(x):
        t = at_least(x, LEFT)
        return where(x < LEFT, _left_tail(x, 1.0, 0.0), t * log1p(_sigmoid(t)))

    def derivative(x):
        t = _between(x, LEFT, 800.0)
        sigma = _sigmoid(t)
        slope = sigma * _sigmoid(-t) / (1.0 + sigma)
        plain = _next_to_zero(t, LOGISH_ZERO, LOGISH_NEAR_ZERO, log1p(sigma) + t * slope)
        return where(x < LEFT, _left_tail(x, 1.0, 1.0), plain)

    def second_derivative(x):
        t = _between(x, -800.0, 800.0)
        sigma = _sigmoid(t)
        half = exp(-0.5 * abs(t))
        s = 1.0 + half * half
        plus = 1.0 + sigma
        bend = 2.0 + t * (1.0 - sigma * (2.0 + sigma)) / plus
        return (half * bend) * (half / (s * s * plus))


def _tanh_and_sech_squared(e):
    """tanh(e) and 1 / cosh(e)**2 for an `e` in [-300, 300]."""
    grown, m = exp_and_expm1(2.0 * e)
    return m / (m + 2.0), (4.0 * grown) / ((m + 2.0) * (m + 2.0))


@define(
    formula=r"f(x) = x \tanh(e^x)",
    limits={"value": (0.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(-0.35328577784821125, INFINITY),
    derivative_range=(-0.13157003618971583, 1.061975308717916),
    saturation="Far on the left the gradient decays like |x| e^x; around -1.08 it changes sign, so units seldom die.",
    use="As mish, nearer to the identity on the right.",
    avoid="Where speed matters.",
    papers=("Liu & Di, TanhExp, IET Computer Vision 15, 2021, arXiv:2003.09855",),
    aliases=("TanhExp", "tanh_exp"),
    cost=1.0,
)
class tanhexp:
    """TanhExp: x tanh(e**x)."""

    def value(x):
        t = _between(x, LEFT, 4.0)
        tanh, _ = _tanh_and_sech_squared(exp(t))
        return where(x < LEFT, _left_tail(x, 1.0, 0.0), where(x > 4.0, x, t * tanh))

    def derivative(x):
        t = _between(x, LEFT, 4.0)
        e = exp(t)
        tanh, sech_squared = _tanh_and_sech_squared(e)
        plain = _next_to_zero(t, TANHEXP_ZERO, TANHEXP_NEAR_ZERO, tanh + t * e * sech_squared)
        return where(x < LEFT, _left_tail(x, 1.0, 1.0), plain)

    def second_derivative(x):
        # 1 / cosh(e)**2 is 4 q**2 / (1 + q**2)**2, with q = e**-e: e**x is an exponent, and so it is taken sharp.
        t = _between(x, LEFT, 7.0)
        e = exp_sharp(t)
        q = exp(-e)
        s = 1.0 + q * q
        tanh = -expm1(-2.0 * e) / s
        plain = (q * (4.0 * e * (2.0 + t * (1.0 - 2.0 * e * tanh)) / (s * s))) * q
        return where(x < LEFT, _left_tail(x, 1.0, 2.0), plain)


def _normal(t):
    """Phi(t), and its density without the factor 1 / sqrt(2 pi), for abs(t) <= 40."""
    density = exp(-0.5 * (t * t))
    tail = normal_tail_ratio(abs(t)) * density
    return where(t > 0.0, 1.0 - tail, tail), density


def _phish_left_tail(x, order):
    """The left tail of x**2 Phi(x) and its derivatives, in halves."""
    a = -_between(x, -40.0, PHISH_LEFT)
    half = exp(-0.25 * (a * a))
    density, ratio = precise(NORMAL_DENSITY_AT_0, x), normal_tail_ratio(a)
    if order == 0:
        factor = a * a * ratio
    elif order == 1:
        factor = a * (a * density - 2.0 * ratio)
    else:
        factor = 2.0 * ratio + a * density * (a * a - 4.0)
    return (half * factor) * half


@define(
    formula=r"f(x) = x \tanh(x \, \Phi(x))",
    limits={"value": (0.0, INFINITY), "derivative": (0.0, 1.0), "second_derivative": (0.0, 0.0)},
    range=(0.0, INFINITY),
    derivative_range=(-0.2184242658289875, 1.2983066733058115),
    saturation="Far on the left the gradient decays like x^2 e^(-x^2 / 2); it is 0 at 0 and at -1.2.",
    use="Image classification, as an alternative to gelu and mish.",
    avoid="Where the gradient must not vanish at 0, or speed matters.",
    papers=("Naveen, Phish: A Novel Hyper-Optimizable Activation Function, 2022",),
    aliases=("Phish",),
    cost=2.0,
)
class phish:
    """Phish: x tanh(gelu(x))."""

    def value(x):
        t = _between(x, PHISH_LEFT, 40.0)
        phi, _ = _normal(t)
        tanh, _ = _tanh_and_sech_squared(t * phi)
        return where(x < PHISH_LEFT, _phish_left_tail(x, 0), where(x > 40.0, x, t * tanh))

    def derivative(x):
        t = _between(x, PHISH_LEFT, 40.0)
        phi, density = _normal(t)
        slope = phi + t * density * precise(NORMAL_DENSITY_AT_0, x)
        tanh, sech_squared = _tanh_and_sech_squared(t * phi)
        plain = _next_to_zero(t, PHISH_ZERO, PHISH_NEAR_ZERO, tanh + t * slope * sech_squared)
        return where(x < PHISH_LEFT, _phish_left_tail(x, 1), plain)

    def second_derivative(x):
        t = _between(x, PHISH_LEFT, 400.0)
        u = _between(x, PHISH_LEFT, 40.0)
        phi, density = _normal(u)
        density = density * precise(NORMAL_DENSITY_AT_0, x)
        slope = phi + u * density
        g = t * phi
        q, m = exp_and_expm1(-abs(g))
        s = 1.0 + q * q
        tanh = where(g > 0.0, -1.0, 1.0) * (m * (q + 1.0)) / s
        bend = 2.0 * slope + t * (density * (2.0 - u * u) - 2.0 * slope * slope * tanh)
        plain = (q * (4.0 * bend / (s * s))) * q
        return where(x < PHISH_LEFT, _phish_left_tail(x, 2), plain)
