"""Hardmax, and distributions that give most elements nothing, in the formulas that `_engine.row_kernels` explains.

Those are powers of what an element is above its row's threshold, which makes their sum 1. As a function of the
threshold the sum is convex and falls, so that Newton's steps from below approach it from below, each with at most half
the remaining height or half the slope: some log2(n) of them and a few more, without sorting. Elements count from the
largest one, whose own part alone is 1 where the threshold is -1.
"""

import math

from fastact._definition import define
from fastact._math.working import at_least, lead, sqrt, where

MARTINS = "Martins & Astudillo, From Softmax to Sparsemax, ICML 2016, arXiv:1602.02068"
PETERS = "Peters, Niculae & Martins, Sparse Sequence-to-Sequence Models, ACL 2019, arXiv:1905.05702"
MICHELOT = (
    "Michelot, A Finite Algorithm for Finding the Projection of a Point onto the Canonical Simplex, JOTA 50, 1986"
)
SHARP = {"float32": 1.0, "float64": 1.5, "float16": 0.51, "bfloat16": 0.51}


@define(
    kind="axiswise",
    formula=r"f(x)_i = 1 \text{ for the first } i \text{ with } x_i = \max_j x_j, \quad 0 \text{ otherwise}",
    range=(0.0, 1.0),
    left_out=(-math.inf, 0.0),
    derivative_range=(0.0, 0.0),
    saturation="Everywhere: the gradient is 0 wherever there is one.",
    use="Choosing a class; the hard half of a straight-through estimator.",
    avoid="Where gradients must flow: sparsemax has zeros and learns.",
    papers=("ONNX operator Hardmax",),
    aliases=("Hardmax", "one_hot_argmax"),
    cost=0.4,
    accuracy=dict.fromkeys(SHARP, 0.0),
)
class hardmax:
    """1 for the first of the largest elements along an axis, 0 for all others.

    A row with a NaN is NaN. The gradient is 0, the derivative where the largest element is the only one.
    """

    def value(x, largest, won):
        return where(largest <= math.inf, where(won, 1.0, 0.0), largest)

    def backward_terms(grad, x, largest):
        return ()

    def backward_row(largest):
        return (largest,)

    def backward(grad, x, _, largest):
        return where(largest <= math.inf, 0.0, largest)


def _is_positive(x):
    """1 for `x` above 0, else 0; NaN stays."""
    return where(x > 0.0, 1.0, where(x <= 0.0, 0.0, x))


def _above(x, largest, threshold):
    return at_least(lead(x, largest) - threshold, 0.0)


@define(
    kind="axiswise",
    formula=r"f(x)_i = \max(x_i - \tau, 0), \quad \tau \text{ such that } \sum_j f(x)_j = 1",
    range=(0.0, 1.0),
    left_out=(-math.inf, 0.0),
    derivative_range=(-0.5, 1.0),
    saturation="Elements that get nothing have no gradient; where one element leads by 1 or more, none has.",
    use="Attention, or probabilities of classes, that are to be exactly 0 for most.",
    avoid="Where every element must keep a gradient: softmax.",
    papers=(MARTINS, MICHELOT),
    aliases=("Sparsemax",),
    cost=3.0,
    accuracy=SHARP,
)
class sparsemax:
    """Euclidean projection onto the probability simplex: a softmax whose small elements are 0.

    Where an element is hardly above the threshold the error may be more ULP, but is then at most 1e-15 in float32 and
    1e-30 in float64.

    Elements that are +inf share 1 evenly. A row that is -inf throughout is NaN, as is one with a NaN.
    """

    def threshold_terms(x, largest, threshold):
        part = _above(x, largest, threshold)
        return part, _is_positive(part)

    def threshold_step(total, count):
        return (total - 1.0) / count

    def value_terms(x, largest, threshold):
        return ()

    def value_row(largest, threshold):
        return largest, threshold

    def value(x, _, largest, threshold):
        return _above(x, largest, threshold)

    def backward_terms(grad, x, largest, threshold):
        has_part = _is_positive(_above(x, largest, threshold))
        return has_part, grad * has_part

    def backward_row(largest, threshold, count, total_grad):
        return (total_grad / count,)

    def backward(grad, x, kept, mean):
        return kept * (grad - mean)

    def backward_from_output_terms(grad, y, _):
        has_part = _is_positive(y)
        return has_part, grad * has_part

    def backward_from_output_row(_, count, total_grad):
        return (total_grad / count,)

    def backward_from_output(grad, y, kept, mean):
        return kept * (grad - mean)


def _root(x, largest, threshold):
    """The square root of an element's part."""
    return at_least(0.5 * lead(x, largest) - threshold, 0.0)


def _root_of(y):
    return where(y > 0.0, sqrt(where(y > 0.0, y, 1.0)), y)


@define(
    kind="axiswise",
    formula=r"f(x)_i = \max(x_i / 2 - \tau, 0)^2, \quad \tau \text{ such that } \sum_j f(x)_j = 1",
    range=(0.0, 1.0),
    left_out=(-math.inf, 0.0),
    derivative_range=(-(0.5**1.5), 1.0),
    saturation="Elements that get nothing have no gradient; where one element leads by 2 or more, none has.",
    use="Attention between softmax and sparsemax: zeros, but a smooth way to them.",
    avoid="Where every element must keep a gradient: softmax.",
    papers=(PETERS,),
    aliases=("Entmax15", "entmax_15"),
    cost=4.0,
    accuracy=SHARP,
)
class entmax15:
    """1.5-entmax: halfway between softmax and sparsemax.

    Where an element is hardly above the threshold the error may be more ULP, but is then at most 1e-15 in float32 and
    1e-30 in float64.

    Elements that are +inf share 1 evenly. A row that is -inf throughout is NaN, as is one with a NaN.
    """

    def threshold_terms(x, largest, threshold):
        root = _root(x, largest, threshold)
        return root * root, root

    def threshold_step(total, total_root):
        return (total - 1.0) / (2.0 * total_root)

    value_terms, value_row = sparsemax.formulas["value_terms"], sparsemax.formulas["value_row"]

    def value(x, _, largest, threshold):
        root = _root(x, largest, threshold)
        return root * root

    def backward_terms(grad, x, largest, threshold):
        root = _root(x, largest, threshold)
        return root, grad * root

    # As sparsemax's: the mean of the gradient, with roots in the place of ones.
    backward_row, backward = sparsemax.formulas["backward_row"], sparsemax.formulas["backward"]

    def backward_from_output_terms(grad, y, _):
        root = _root_of(y)
        return root, grad * root

    backward_from_output_row = sparsemax.formulas["backward_from_output_row"]
    backward_from_output = sparsemax.formulas["backward_from_output"]
