"""What every activation is, in mpmath: one line per activation; and the ULP that errors are counted in."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from itertools import accumulate

import numpy as np
from mpmath import exp as mp_exp
from mpmath import isinf, isnan, ldexp, log, mag, mp, mpf, pi
from mpmath import sqrt as mp_sqrt

from fastact._accuracy.jet import Jet, atan, clip, erf, erfc, exp, expm1, jet, log1p, sin, sqrt, tanh
from fastact._accuracy.jet import log as jet_log
from fastact._accuracy.ulps import FORMATS

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def sigmoid(x):
    return 1 / (1 + exp(-x))


def softplus(x):
    return max(x, 0) + log1p(exp(-abs(x)))


def gelu(x):
    return x * erfc(-x / sqrt(Jet(2))) / 2


def shrink(x, lambd, bias):
    return x + bias if x < -lambd else x - bias if x > lambd else 0 * x


def isru(x, alpha):
    return x / sqrt(1 + alpha * x * x)


def smelu(x, beta):
    return 0 * x if x < -beta else x if x > beta else (x + beta) * (x + beta) / (4 * beta)


def softexponential(x, alpha):
    if alpha > 0:
        return expm1(alpha * x) / alpha + alpha
    return -jet_log((1 - alpha * alpha) - alpha * x) / alpha if alpha < 0 else _soft_identity(x, alpha)


def _soft_identity(x, alpha):
    """The limit at 0, where the derivative in alpha is x**2 / 2 + 1."""
    return x + alpha * (x * x / 2 + 1)


REFERENCE: dict[str, Callable] = {
    "identity": lambda x: x,
    "sigmoid": sigmoid,
    "log_sigmoid": lambda x: -softplus(-x),
    "tanh": tanh,
    "relu": lambda x: max(x, 0),
    "relu6": lambda x: clip(x, 0, 6),
    "leaky_relu": lambda x, negative_slope: x if x > 0 else negative_slope * x,
    "prelu": lambda x, alpha: x if x > 0 else alpha * x,
    "elu": lambda x, alpha: x if x > 0 else alpha * expm1(x),
    "selu": lambda x: SELU_SCALE * (x if x > 0 else SELU_ALPHA * expm1(x)),
    "celu": lambda x, alpha: x if x > 0 else alpha * expm1(x / alpha),
    "softplus": lambda x, beta: softplus(beta * x) / beta,
    "silu": lambda x: x * sigmoid(x),
    "swish": lambda x, beta: x * sigmoid(beta * x),
    "mish": lambda x: x * tanh(softplus(x)),
    "gelu": gelu,
    "gelu_tanh": lambda x: x * sigmoid(sqrt(8 / jet(pi)) * (x + mpf("0.044715") * x * x * x)),
    "softsign": lambda x: x / (1 + abs(x)),
    "hard_sigmoid": lambda x, slope, offset: clip(slope * x + offset, 0, 1),
    "hard_tanh": lambda x, minimum, maximum: clip(x, minimum, maximum),
    "hard_swish": lambda x: x * clip(x + 3, 0, 6) / 6,
    "tanhshrink": lambda x: x - tanh(x),
    "squareplus": lambda x, b: (x + sqrt(x * x + b)) / 2,
    "exponential": exp,
    "softexponential": softexponential,
    "rrelu": lambda x, lower, upper: x if x > 0 else x * (lower + upper) / 2,
    "threshold": lambda x, threshold, value: x if x > threshold else 0 * x + value,
    "thresholded_relu": lambda x, theta: x if x > theta else 0 * x,
    "general_relu": lambda x, negative_slope, max_value, threshold: (
        min(x, max_value) if x > threshold else negative_slope * (x - threshold)
    ),
    "relu_squared": lambda x: max(x, 0) * max(x, 0),
    "star_relu": lambda x, scale, bias: scale * max(x, 0) * max(x, 0) + bias,
    "binary_step": lambda x: 0 * x + (0 if x < 0 else 1),
    "sparse_sigmoid": lambda x: clip((x + 1) / 2, 0, 1),
    "hard_mish": lambda x: x if x > 0 else x * clip(x + 2, 0, 2) / 2,
    "shrink": shrink,
    "softshrink": lambda x, lambd: shrink(x, lambd, lambd),
    "hardshrink": lambda x, lambd: shrink(x, lambd, 0),
    "smelu": smelu,
    "sparse_plus": lambda x: smelu(x, 1),
    "bent_identity": lambda x: x + (sqrt(x * x + 1) - 1) / 2,
    "isru": isru,
    "isrlu": lambda x, alpha: x if not x < 0 else isru(x, alpha),
    "arctan": atan,
    "cloglog": lambda x: -expm1(-exp(x)),
    "log_log": lambda x: exp(-exp(-x)),
    "logit": lambda x: jet_log(x) - jet_log(1 - x),
    "sine": lambda x, omega: sin(omega * x),
    "snake": lambda x, alpha: x + sin(alpha * x) * sin(alpha * x) / alpha,
    "gaussian": lambda x: exp(-x * x),
    "serf": lambda x: x * erf(softplus(x)),
    "logish": lambda x: x * log1p(sigmoid(x)),
    "tanhexp": lambda x: x * tanh(exp(x)),
    "phish": lambda x: x * tanh(gelu(x)),
    "quick_gelu": lambda x, alpha: x * sigmoid(alpha * x),
    "aptx": lambda x, alpha, beta, gamma: (alpha - 1 + 2 * sigmoid(2 * beta * x)) * gamma * x,
}


def log_softmax(row):
    shifted = [x - max(row) for x in row]
    logarithm = log(sum(map(mp_exp, shifted)))
    return [x - logarithm for x in shifted]


def logsumexp(row):
    largest = max(row)
    return [largest + log(sum(mp_exp(x - largest) for x in row))]


def hardmax(row):
    winner = row.index(max(row))
    return [mpf(i == winner) for i in range(len(row))]


def sparsemax(row):
    """As Martins & Astudillo find it: as many of the largest elements have parts as all get one."""
    largest = sorted(row, reverse=True)
    thresholds = [(total - 1) / count for count, total in enumerate(accumulate(largest), 1)]
    threshold = [t for x, t in zip(largest, thresholds, strict=True) if x > t][-1]
    return [max(x - threshold, mpf(0)) for x in row]


def entmax15(row):
    """As Peters, Niculae & Martins find it: the same, with the root of a quadratic equation for a threshold."""
    largest = sorted((x / 2 for x in row), reverse=True)
    sums = zip(accumulate(largest), accumulate(x * x for x in largest), strict=True)
    for count, (x, (total, squares)) in enumerate(zip(largest, sums, strict=True), 1):
        room = 1 - (squares - total * total / count)
        if room < 0 or x <= (next_threshold := total / count - mp_sqrt(room / count)):
            break
        threshold = next_threshold
    return [max(x / 2 - threshold, mpf(0)) ** 2 for x in row]


AXISWISE_REFERENCE: dict[str, Callable] = {
    "softmax": lambda row: [mp_exp(x) for x in log_softmax(row)],
    "softmin": lambda row: [mp_exp(x) for x in log_softmax([-x for x in row])],
    "log_softmax": log_softmax,
    "logsumexp": logsumexp,
    "hardmax": hardmax,
    "sparsemax": sparsemax,
    "entmax15": entmax15,
    "maxout": lambda row, pieces: [max(row[i : i + pieces]) for i in range(0, len(row), pieces)],
}

PRECISIONS = (100, 160, 480, 1440, 4320, 6480)  # bits
TINY = ldexp(mpf(1), -1150)  # 2**-76 of the smallest float64: counts as zero


@cache
def exact(name: str, x: float, parameters: tuple[float, ...] = (), order: int = 0, index: int = 0) -> mpf:
    """The exact value (order 0), derivative or second derivative of activation `name` at `x`.

    `index` 0 differentiates in x, `index` i in the i-th parameter; numbers are floats or Fractions.
    """
    return compute(name, (x, *parameters), order, index)


def compute(name: str, numbers: Sequence[float | Fraction], order: int, index: int = 0) -> mpf:
    """As `exact`, remembering nothing.

    Whatever the formula cancels, the precision grows until two of them agree (Ziv's strategy). A zero
    is believed at the last precision only.
    """
    previous = None
    for precision in PRECISIONS:
        result = _at_precision(precision, name, numbers, order, index)
        if isnan(result) or isinf(result):
            return result
        if result == 0:
            result = _at_precision(PRECISIONS[-1], name, numbers, order, index)
            if result == 0:
                return result
        if previous is not None and abs(result - previous) <= ldexp(abs(result), -80):
            return result if abs(result) >= TINY else mpf(0)
        previous = result
    raise ArithmeticError(f"{name} at {numbers!r}: no two of the precisions {PRECISIONS} agree")


def _at_precision(precision: int, name: str, numbers: Sequence[float | Fraction], order: int, index: int) -> mpf:
    with mp.workprec(precision):
        arguments = [
            Jet(_mpf(number), None if order < 1 else int(i == index), None if order < 2 else 0)
            for i, number in enumerate(numbers)
        ]
        result = jet(REFERENCE[name](*arguments))
        return (result.value, result.first, result.second)[order]


def _mpf(number: float | Fraction) -> mpf:
    return mpf(number.numerator) / number.denominator if isinstance(number, Fraction) else mpf(number)


def exact_row(name: str, row, *parameters) -> list[mpf]:
    """The exact result of an axis-wise activation for one row."""
    with mp.workprec(640):
        return AXISWISE_REFERENCE[name]([mpf(float(x)) for x in row], *parameters)


def ulp_error(got: float, exact_result: mpf, dtype, scale: mpf | None = None) -> float:
    """The distance of `got` from the exact result, in spacings of `dtype` at `scale`: the exact result, if not given.

    Infinity counts as what would follow the largest number, in either, unless both are infinite. NaN is right
    outside the domain.
    """
    if isnan(exact_result) or np.isnan(got):
        return 0.0 if isnan(exact_result) and np.isnan(got) else np.inf
    precision, lowest, highest = FORMATS[np.dtype(dtype).name]
    got, scale = float(got), exact_result if scale is None else scale
    if isinf(exact_result):
        return 0.0 if got == exact_result else np.inf
    exponent = clip(int(mag(scale)) - 1, lowest, highest) if scale else lowest
    overflow = ldexp(mpf(1), highest + 1)
    with mp.workprec(2300):
        distance = abs(clip(mpf(got), -overflow, overflow) - clip(exact_result, -overflow, overflow))
        return float(ldexp(distance, precision - 1 - exponent))
