"""Softmax and its logarithm.

A direction is up to two formulas of scalars in working precision. ``*_terms`` gives, for one element, what is to be
summed along the axis; the direction itself gives one result, from the element, the largest element of its row (0 where
the output is given) and those sums. The largest element adds exactly 1 to the sum of exponentials: it is
counted apart, so that what the others add is not lost beside it.
"""

from fastact._definition import define
from fastact._math.working import exp, log_of_one_plus, where

BRIDLE = "Bridle, Probabilistic Interpretation of Feedforward Classification Network Outputs, 1990"


def _exponential_terms(x, largest):
    return where(x < largest, exp(x - largest), 0.0), where(x < largest, 0.0, 1.0)


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
    cost=1.0,
    accuracy={"float32": 2.0, "float64": 2.0, "float16": 0.51, "bfloat16": 0.51},
)
class softmax:
    """Exponentials along an axis, divided by their sum."""

    def value_terms(x, largest):
        return _exponential_terms(x, largest)

    def value(x, largest, others, ties):
        return exp(x - largest) / (others + ties)

    def backward_terms(grad, x, largest):
        others, ties = _exponential_terms(x, largest)
        return others, ties, grad * (others + ties)

    def backward(grad, x, largest, others, ties, weighted):
        total = others + ties
        return (exp(x - largest) / total) * (grad - weighted / total)

    def backward_from_output_terms(grad, y, largest):
        return grad * y, 0.0 * y

    def backward_from_output(grad, y, largest, weighted, nothing):
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
    cost=1.2,
    accuracy={"float32": 2.0, "float64": 2.0, "float16": 0.51, "bfloat16": 0.51},
)
class log_softmax:
    """Logarithm of softmax."""

    def value_terms(x, largest):
        return _exponential_terms(x, largest)

    def value(x, largest, others, ties):
        return (x - largest) - log_of_one_plus(others + (ties - 1.0))

    def backward_terms(grad, x, largest):
        others, ties = _exponential_terms(x, largest)
        return others, ties, grad

    def backward(grad, x, largest, others, ties, total_grad):
        return grad - (exp(x - largest) / (others + ties)) * total_grad

    def backward_from_output_terms(grad, y, largest):
        return grad, 0.0 * y

    def backward_from_output(grad, y, largest, total_grad, nothing):
        return grad - exp(y) * total_grad
