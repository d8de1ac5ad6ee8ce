"""Cross-entropy of the logistic sigmoid, from logits, element by element."""

from fastact._definition import Parameter, define
from fastact._math.working import at_least, exp, log1p, vanishing_product, where

INFINITY = float("inf")


def _loss(x, target, weight, pos_weight, e):
    near = log1p(e)
    positive = vanishing_product(pos_weight * target, at_least(-x, 0.0) + near)
    return vanishing_product(weight, positive + vanishing_product(1.0 - target, at_least(x, 0.0) + near))


def _gradient(x, target, weight, pos_weight, e):
    # The sigmoid and what it lacks of 1 are one and e, in this order on the right, over 1 + e.
    sigmoid, lack = where(x >= 0.0, 1.0, e), where(x >= 0.0, e, 1.0)
    return weight * (((1.0 - target) * sigmoid - (pos_weight * target) * lack) / (1.0 + e))


@define(
    kind="loss",
    formula=r"L(x, t) = -w \left(p \, t \log \sigma(x) + (1 - t) \log(1 - \sigma(x))\right)",
    parameters=(
        Parameter("weight", 1.0, "What the element's loss is multiplied by."),
        Parameter("pos_weight", 1.0, "What positive targets count, in negative ones.", least=0.0),
        Parameter("scale", 1.0, "What the gradient alone is multiplied by."),
    ),
    inputs=dict.fromkeys(("value", "value_and_gradient", "gradient"), ("x", "target")),
    range=(0.0, INFINITY),
    derivative_range=(-1.0, 1.0),
    saturation="Never where the prediction is wrong: the gradient is the probability less the target.",
    use="Two classes, or labels that do not exclude each other.",
    avoid="Exclusive classes: softmax_cross_entropy.",
    papers=("Good, Rational Decisions, Journal of the Royal Statistical Society B 14, 1952",),
    aliases=(
        "binary_cross_entropy_with_logits",
        "BCEWithLogitsLoss",
        "sigmoid_cross_entropy_with_logits",
        "sigmoid_binary_cross_entropy_with_logits",
    ),
    cost=0.6,
    accuracy={"float32": 1.0, "float64": 2.0, "float16": 0.51, "bfloat16": 0.51},
)
class sigmoid_binary_cross_entropy:
    """Cross-entropy of the logistic sigmoid of logits, with targets between 0 and 1."""

    def value(x, target, weight, pos_weight, scale):
        return _loss(x, target, weight, pos_weight, exp(-abs(x)))

    def value_and_gradient(x, target, weight, pos_weight, scale):
        e = exp(-abs(x))
        loss = _loss(x, target, weight, pos_weight, e)
        return loss, scale * _gradient(x, target, weight, pos_weight, e)

    def gradient(x, target, weight, pos_weight, scale):
        return scale * _gradient(x, target, weight, pos_weight, exp(-abs(x)))
