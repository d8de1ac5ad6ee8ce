"""What every activation is, in mpmath: one line per activation; and the ULP that errors are counted in."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache

import numpy as np
from mpmath import exp as mp_exp
from mpmath import ldexp, log, mag, mp, mpf, pi

from fastact._accuracy.jet import Jet, clip, erfc, exp, expm1, jet, log1p, sqrt, tanh
from fastact._accuracy.ulps import FORMATS

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

    Infinity counts as what would follow the largest number, in either.
    """
    precision, lowest, highest = FORMATS[np.dtype(dtype).name]
    got, scale = float(got), exact_result if scale is None else scale
    exponent = clip(int(mag(scale)) - 1, lowest, highest) if scale else lowest
    overflow = ldexp(mpf(1), highest + 1)
    with mp.workprec(2300):
        distance = abs(clip(mpf(got), -overflow, overflow) - clip(exact_result, -overflow, overflow))
        return float(ldexp(distance, precision - 1 - exponent))
