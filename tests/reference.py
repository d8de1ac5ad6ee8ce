"""What every activation is, in mpmath: one line per activation; and the ULP that errors are counted in."""

from collections.abc import Callable
from functools import cache

import numpy as np
from jet import Jet, atan, clip, erf, erfc, exp, expm1, jet, log1p, sin, sqrt, tanh
from jet import log as jet_log
from mpmath import exp as mp_exp
from mpmath import isinf, isnan, ldexp, log, mag, mp, mpf, pi

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


AXISWISE_REFERENCE: dict[str, Callable] = {
    "softmax": lambda row: [mp_exp(x) for x in log_softmax(row)],
    "log_softmax": log_softmax,
    "maxout": lambda row, pieces: [max(row[i : i + pieces]) for i in range(0, len(row), pieces)],
}

PRECISIONS = (160, 480, 1440, 4320, 6480)  # bits
TINY = ldexp(mpf(1), -1150)  # 2**-76 of the smallest float64: counts as zero
FORMATS = {  # bits of precision, lowest and highest exponent
    "float16": (11, -14, 15),
    "bfloat16": (8, -126, 127),
    "float32": (24, -126, 127),
    "float64": (53, -1022, 1023),
}


def _exactly(number) -> mpf:
    if number in (float("inf"), float("-inf")):
        return mpf(number)
    numerator, denominator = number.as_integer_ratio()
    return mpf(numerator) / denominator


@cache
def exact(name: str, x: float, parameters: tuple[float, ...] = (), order: int = 0, index: int = 0) -> mpf:
    """The exact value (order 0), derivative or second derivative of activation `name` at `x`.

    `index` 0 differentiates in x, `index` i in the i-th parameter; numbers are floats or Fractions.
    Whatever the formula cancels, the precision grows until two of them agree (Ziv's strategy). A zero
    is believed at the last precision only.
    """
    previous = None
    for precision in PRECISIONS:
        with mp.workprec(precision):
            arguments = [Jet(_exactly(argument), i == index) for i, argument in enumerate((x, *parameters))]
            y = jet(REFERENCE[name](*arguments))
            result = (y.value, y.first, y.second)[order]
            if isnan(result) or isinf(result):
                return result
            if abs(result) < TINY:
                result = mpf(0) if precision == PRECISIONS[-1] else None
            if None not in (result, previous) and abs(result - previous) <= ldexp(abs(result), -80):
                return result
            if result == 0:
                return result
            previous = result
    raise ArithmeticError(f"{name} at {x!r}: no two of the precisions {PRECISIONS} agree")


def exact_row(name: str, row, *parameters) -> list[mpf]:
    """The exact result of an axis-wise activation for one row."""
    with mp.workprec(640):
        return AXISWISE_REFERENCE[name]([mpf(float(x)) for x in row], *parameters)


def ulp_error(got, exact_result: mpf, dtype) -> float:
    """The distance of `got` from the exact result, in spacings of `dtype` at the exact result.

    Infinity is right where rounding overflows, and otherwise counts as what would follow the largest number. NaN is
    right outside the domain.
    """
    precision, lowest, highest = FORMATS[np.dtype(dtype).name]
    got = float(got)
    if isnan(exact_result) or np.isnan(got):
        return 0.0 if isnan(exact_result) and np.isnan(got) else np.inf
    if isinf(exact_result):
        return 0.0 if got == exact_result else np.inf
    exponent = clip(int(mag(exact_result)) - 1, lowest, highest) if exact_result else lowest
    ulp = ldexp(mpf(1), exponent - precision + 1)
    overflow = ldexp(mpf(1), highest + 1)
    if abs(got) == np.inf:
        if got * exact_result > 0 and abs(exact_result) >= overflow - ulp / 2:
            return 0.0
        got = overflow if got > 0 else -overflow
    with mp.workprec(2300):
        return float(abs(mpf(got) - exact_result) / ulp)


def ulp_errors(got: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """`ulp_error` for arrays, where `reference` is float64 and good enough to stand for the exact result."""
    precision, lowest, highest = FORMATS[got.dtype.name]
    exponent = np.clip(np.frexp(reference)[1] - 1, lowest, highest)
    ulp = np.ldexp(1.0, exponent - precision + 1)
    overflow = 2.0 ** (highest + 1)
    beyond = np.abs(reference) >= overflow - ulp / 2
    got = got.astype(np.float64)
    right_infinity = np.isinf(got) & beyond & (np.sign(got) == np.sign(reference))
    error = np.abs(np.clip(got, -overflow, overflow) - np.clip(reference, -overflow, overflow)) / ulp
    right_nan = np.isnan(got) & np.isnan(reference)
    return np.where(right_infinity | right_nan, 0.0, error)
