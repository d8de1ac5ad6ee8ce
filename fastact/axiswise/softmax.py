"""Softmax and its logarithm, in the formulas that `_engine.row_kernels` explains.

The largest element adds exactly 1 to a sum of exponentials. The logarithm counts it apart, so that what the others add
is not lost beside it.
"""

from fastact._definition import define
from fastact._math.working import exp_at_most_1, log_of_one_plus, where

BRIDLE = "Bridle, Probabilistic Interpretation of Feedforward Classification Network Outputs, 1990"


@define(
    kind="axiswise",
    formula=r"f(x)_i = \frac{e^{x_i}}{\sum_j e^{x_j}}",
    range=(0.0, 1.0),
    derivative_range=(-0.25, 0.25),
    saturation="Where one element leads by much, all gradients vanish like e^-lead.",
    use="Probabilities of exclusive classes; attention weights.",
    avoid="With a loss that takes its logarithm: log_softmax keeps the digits.",
    papers=(BRIDLE,),
    aliases=("Softmax",),
    cost=0.5,
    in_single_precision=("value", "backward"),
    accuracy={"float32": 2.0, "float64": 2.0, "float16": 0.51, "bfloat16": 0.51},
)
class softmax:
    """Exponentials along an axis, divided by their sum."""

    def value_terms(x, largest):
        return (exp_at_most_1(x - largest),)

    def value_row(largest, total):
        return (1.0 / total,)

    def value(x, kept, inverse):
        return kept * inverse

    def backward_terms(grad, x, largest):
        e = exp_at_most_1(x - largest)
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
    formula=r"f(x)_i = x_i - \log \sum_j e^{x_j}",
    range=(-float("inf"), 0.0),
    derivative_range=(-1.0, 1.0),
    saturation="The gradient of the largest element vanishes like e^-lead; those of the others do not.",
    use="Log-likelihoods of exclusive classes.",
    avoid="Hidden layers: outputs are never positive.",
    papers=(BRIDLE,),
    aliases=("logsoftmax", "LogSoftmax"),
    cost=0.6,
    in_single_precision=("value", "backward", "backward_from_output"),
    accuracy={"float32": 2.0, "float64": 2.0, "float16": 0.51, "bfloat16": 0.51},
)
class log_softmax:
    """Logarithm of softmax."""

    def value_terms(x, largest):
        e = exp_at_most_1(x - largest)
        return where(x < largest, e, 0.0), where(x < largest, 0.0, 1.0)

    def value_row(largest, others, ties):
        return largest, log_of_one_plus(others + (ties - 1.0))

    def value(x, _, largest, log_sum):
        return (x - largest) - log_sum

    def backward_terms(grad, x, largest):
        return exp_at_most_1(x - largest), grad

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
