"""Softmax and its kin, in the formulas that `_engine.row_kernels` explains.

The largest element adds exactly 1 to a sum of exponentials. The logarithm counts it apart, so that what the others add
is not lost beside it.
"""

import math

from fastact._definition import define
from fastact._math.working import (
    exp_at_most_1,
    exp_of_lead,
    exp_sharp,
    lead,
    log_of_one_plus,
    log_of_sum,
    rest_of,
    where,
)

BRIDLE = "Bridle, Probabilistic Interpretation of Feedforward Classification Network Outputs, 1990"
BLANCHARD = (
    "Blanchard, Higham & Higham, Accurately Computing the Log-Sum-Exp and Softmax Functions, "
    "IMA Journal of Numerical Analysis 41, 2021"
)
# All but what is found once in a row, where digits cancel.
IN_SINGLE_PRECISION = tuple(
    direction + of for direction in ("value", "backward", "backward_from_output") for of in ("_terms", "")
)


@define(
    kind="axiswise",
    formula=r"f(x)_i = \frac{e^{x_i}}{\sum_j e^{x_j}}",
    range=(0.0, 1.0),
    left_out=(-math.inf, 0.0),
    derivative_range=(-0.25, 0.25),
    saturation="Where one element leads by much, all gradients vanish like e^-lead.",
    use="Probabilities of exclusive classes; attention weights.",
    avoid="With a loss that takes its logarithm: log_softmax keeps the digits.",
    papers=(BRIDLE, BLANCHARD),
    aliases=("Softmax",),
    cost=0.5,
    in_single_precision=IN_SINGLE_PRECISION,
    accuracy={"float32": 2.0, "float64": 2.0, "float16": 0.51, "bfloat16": 0.51},
)
class softmax:
    """Exponentials along an axis, divided by their sum.

    Elements that are +inf share 1 evenly and leave 0 to the others: the limit where they grow together. A row that is
    -inf throughout is NaN, as is one with a NaN.
    """

    def value_terms(x, largest):
        return (exp_of_lead(x, largest),)

    def value_row(largest, total):
        return (1.0 / total,)

    def value(x, kept, inverse):
        return kept * inverse

    def backward_terms(grad, x, largest):
        e = exp_of_lead(x, largest)
        return e, grad * e

    def backward_row(largest, total, weighted):
        inverse = 1.0 / total
        return inverse, weighted * inverse

    def backward(grad, x, kept, inverse, mean):
        return (kept * inverse) * (grad - mean)

    def backward_from_output_terms(grad, y, _):
        return (grad * y,)

    def backward_from_output_row(_, weighted):
        return (weighted,)

    def backward_from_output(grad, y, _, weighted):
        return y * (grad - weighted)


@define(
    kind="axiswise",
    formula=r"f(x)_i = \frac{e^{-x_i}}{\sum_j e^{-x_j}}",
    range=(0.0, 1.0),
    left_out=(math.inf, 0.0),
    derivative_range=(-0.25, 0.25),
    saturation="Where one element is the smallest by much, all gradients vanish like e^-lead.",
    use="Weights that favour what is small, such as distances or costs.",
    avoid="With a loss that takes its logarithm: log_softmax(-x) keeps the digits.",
    papers=(BRIDLE, BLANCHARD),
    aliases=("Softmin",),
    cost=0.5,
    in_single_precision=IN_SINGLE_PRECISION,
    accuracy={"float32": 2.0, "float64": 2.0, "float16": 0.51, "bfloat16": 0.51},
)
class softmin:
    """Softmax of -x.

    Elements that are -inf share 1 evenly and leave 0 to the others: the limit where they fall together. A row that is
    +inf throughout is NaN, as is one with a NaN.
    """

    def value_terms(x, smallest):
        return (exp_of_lead(-x, -smallest),)

    value_row, value = softmax.formulas["value_row"], softmax.formulas["value"]

    def backward_terms(grad, x, smallest):
        e = exp_of_lead(-x, -smallest)
        return e, grad * e

    backward_row = softmax.formulas["backward_row"]

    def backward(grad, x, kept, inverse, mean):
        return (kept * inverse) * (mean - grad)

    backward_from_output_terms = softmax.formulas["backward_from_output_terms"]
    backward_from_output_row = softmax.formulas["backward_from_output_row"]

    def backward_from_output(grad, y, _, weighted):
        return y * (weighted - grad)


@define(
    kind="axiswise",
    formula=r"f(x)_i = x_i - \log \sum_j e^{x_j}",
    range=(-float("inf"), 0.0),
    left_out=(-math.inf, -math.inf),
    derivative_range=(-1.0, 1.0),
    saturation="The gradient of the largest element vanishes like e^-lead; those of the others do not.",
    use="Log-likelihoods of exclusive classes.",
    avoid="Hidden layers: outputs are never positive.",
    papers=(BRIDLE, BLANCHARD),
    aliases=("logsoftmax", "LogSoftmax"),
    cost=0.6,
    in_single_precision=IN_SINGLE_PRECISION,
    accuracy={"float32": 2.0, "float64": 2.0, "float16": 0.51, "bfloat16": 0.51},
)
class log_softmax:
    """Logarithm of softmax.

    k elements that are +inf have -log k and the others -inf: the limit where they grow together. A row that is -inf
    throughout is NaN, as is one with a NaN.
    """

    def value_terms(x, largest):
        return (where(x < largest, exp_of_lead(x, largest), 0.0),)

    def value_row(largest, others, ties):
        return largest, log_of_sum(largest, rest_of(others, ties))

    def value(x, _, largest, log_sum):
        return lead(x, largest) - log_sum

    def backward_terms(grad, x, largest):
        return exp_of_lead(x, largest), grad

    def backward_row(largest, total, total_grad):
        return (total_grad / total,)

    def backward(grad, x, kept, ratio):
        return grad - kept * ratio

    def backward_from_output_terms(grad, y, _):
        return (grad,)

    def backward_from_output_row(_, total_grad):
        return (total_grad,)

    def backward_from_output(grad, y, _, total_grad):
        return grad - exp_at_most_1(y) * total_grad


# Below this the logarithm's relative error is small beside any other number, and a step of Newton's, whose error is
# absolute, would do harm.
NEWTON_FROM = 1e-3


def _sharp_log_of_one_plus(x):
    """log(1 + x) to some digits more, for sums that cancel."""
    y = log_of_one_plus(x)
    return where(x < NEWTON_FROM, y, y + ((1.0 + x) * exp_sharp(-y) - 1.0))


@define(
    kind="axiswise",
    reduces=True,
    formula=r"f(x) = \log \sum_j e^{x_j}",
    left_out=(-math.inf,),
    derivative_range=(0.0, 1.0),
    saturation="Elements far below the largest have no gradient: theirs are softmax(x).",
    use="A smooth maximum; sums of probabilities given by their logarithms.",
    avoid="Where the maximum itself is wanted: it lies above that, by up to log n.",
    papers=(BLANCHARD,),
    aliases=("LogSumExp", "log_sum_exp", "reduce_logsumexp"),
    cost=0.7,
    accuracy={"float32": 2.0, "float64": 2.0, "float16": 0.51, "bfloat16": 0.51},
)
class logsumexp:
    """Logarithm of the sum of exponentials along an axis.

    Next to 0, where the largest element and the logarithm of the others' sum cancel, the error may be more ULP, but is
    then at most 1e-12 in float32 and 1e-20 in float64.

    +inf anywhere gives +inf; -inf throughout, or nothing at all, gives -inf; the gradient of -inf throughout is NaN.
    """

    def value_terms(x, largest):
        return (where(x < largest, exp_sharp(x - largest), 0.0),)

    def value_row(largest, others, ties):
        log_sum = _sharp_log_of_one_plus(rest_of(others, ties))
        return (where(largest > -math.inf, largest + log_sum, largest),)

    def backward_terms(grad, x, largest):
        return (exp_of_lead(x, largest),)

    def backward_row(largest, total):
        return (1.0 / total,)

    def backward(grad, x, kept, inverse):
        return grad * (kept * inverse)
