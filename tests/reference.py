"""What every activation is, in mpmath: one line per activation; and the ULP that errors are counted in."""

from collections.abc import Callable
from functools import cache

import numpy as np
from jet import Jet, clip, erfc, exp, expm1, jet, log1p, sqrt, tanh
from mpmath import exp as mp_exp
from mpmath import ldexp, log, mag, mp, mpf, pi

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def sigmoid(x):
    return 1 / (1 + exp(-x))


def softplus(x):
    return max(x, 0) + log1p(exp(-abs(x)))


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
    "gelu": lambda x: x * erfc(-x / sqrt(Jet(2))) / 2,
    "gelu_tanh": lambda x: x * sigmoid(sqrt(8 / jet(pi)) * (x + mpf("0.044715") * x * x * x)),
    "softsign": lambda x: x / (1 + abs(x)),
    "hard_sigmoid": lambda x, slope, offset: clip(slope * x + offset, 0, 1),
    "hard_tanh": lambda x, minimum, maximum: clip(x, minimum, maximum),
    "hard_swish": lambda x: x * clip(x + 3, 0, 6) / 6,
    "tanhshrink": lambda x: x - tanh(x),
    "squareplus": lambda x, b: (x + sqrt(x * x + b)) / 2,
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
            ratios = [argument.as_integer_ratio() for argument in (x, *parameters)]
            arguments = [Jet(mpf(p) / q, i == index) for i, (p, q) in enumerate(ratios)]
            y = jet(REFERENCE[name](*arguments))
            result = (y.value, y.first, y.second)[order]
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

    Infinity is right where rounding overflows, and otherwise counts as what would follow the largest number.
    """
    precision, lowest, highest = FORMATS[np.dtype(dtype).name]
    got = float(got)
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
    return np.where(right_infinity, 0.0, error)
