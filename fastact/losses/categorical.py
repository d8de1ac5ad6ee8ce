"""Cross-entropy of softmax, from logits, in the formulas that `_engine.row_kernels` explains.

There is a form for labels, one for labels smoothed over all classes, and one for distributions; each gives the loss
alone, or the loss and the gradient. With p the softmax, t a row's weighted targets and T their sum, all of them are

    loss = T log(sum of e^(x - largest)) + sum of t_j (largest - x_j),    gradient_j = p_j (T - t_j) - t_j (1 - p_j),

in which nothing cancels but the gradient's two parts, whose difference is the result. Where one class leads, 1 - p_j of
the leader and the logarithm are those of what the others add, which is summed apart.
"""

from fastact._definition import define
from fastact._math.working import exp_at_most_1, log_of_sum, rest_of, vanishing_product, where

INFINITY, NAN = float("inf"), float("nan")


def _lead(x, largest):
    """How far the largest element is above `x`: 0 for itself, be it infinite."""
    return where(x >= largest, 0.0, largest - x)


def _other(x, largest):
    """What an element adds to the exponentials of others than the largest."""
    return where(x < largest, exp_at_most_1(x - largest), 0.0)


def _exponential(x, other, largest):
    """An element's exponential, of what it adds to those of the others."""
    return where(x >= largest, 1.0, other)


def _factor(scale, largest, rest):
    """What exponentials are multiplied by to be gradients."""
    return where(largest > -INFINITY, scale / (1.0 + rest), NAN)


def _without(e, rest):
    """The sum of exponentials less one of them."""
    return where(e >= 1.0, rest, (1.0 + rest) - e)


@define(
    kind="loss",
    formula=r"L(x, t) = -\sum_j w_j t_j \log \frac{e^{x_j}}{\sum_k e^{x_k}}",
    inputs={
        "labelled": ("label", "weight", "x"),
        "labelled_and_gradient": ("label", "weight", "scale", "x"),
        "smoothed": ("label", "on", "off", "whole", "class_weight", "x"),
        "smoothed_and_gradient": ("label", "on", "off", "whole", "scale", "class_weight", "x"),
        "distributed": ("on", "off", "target", "class_weight", "x"),
        "distributed_and_gradient": ("on", "off", "scale", "target", "class_weight", "x"),
    },
    cores={
        "labelled": "(i),(d),(n)->(d)",
        "labelled_and_gradient": "(i),(d),(d),(n)->(n),(d)",
        "smoothed": "(i),(d),(d),(d),(n),(n)->(d)",
        "smoothed_and_gradient": "(i),(d),(d),(d),(d),(n),(n)->(n),(d)",
        "distributed": "(d),(d),(n),(n),(n)->(d)",
        "distributed_and_gradient": "(d),(d),(d),(n),(n),(n)->(n),(d)",
    },
    range=(0.0, INFINITY),
    derivative_range=(-1.0, 1.0),
    saturation="Never where the prediction is wrong: the gradient is the probabilities less the targets.",
    use="Classification into exclusive classes.",
    avoid="Labels that do not exclude each other: sigmoid_binary_cross_entropy.",
    papers=(
        "Bridle, Probabilistic Interpretation of Feedforward Classification Network Outputs, 1990",
        "Szegedy, Vanhoucke, Ioffe, Shlens & Wojna, Rethinking the Inception Architecture, 2015, arXiv:1512.00567",
    ),
    aliases=("cross_entropy", "CrossEntropyLoss", "softmax_cross_entropy_with_logits", "SoftmaxCrossEntropyLoss"),
    cost=0.6,
    accuracy={"float32": 1.0, "float64": 2.0, "float16": 0.51, "bfloat16": 0.51},
)
class softmax_cross_entropy:
    """Cross-entropy of the softmax of logits, with labels or distributions."""

    # --- labels ---

    def labelled_terms(x, largest):
        return (_other(x, largest),)

    def labelled_row(weight, at_label, largest, others, ties):
        return (vanishing_product(weight, log_of_sum(largest, rest_of(others, ties)) + _lead(at_label, largest)),)

    labelled_and_gradient_terms = labelled_terms

    def labelled_and_gradient_row(weight, scale, at_label, largest, others, ties):
        rest, lead = rest_of(others, ties), _lead(at_label, largest)
        factor = _factor(weight * scale, largest, rest)
        at_gradient = -(factor * _without(exp_at_most_1(-lead), rest))
        return vanishing_product(weight, log_of_sum(largest, rest) + lead), largest, factor, at_gradient

    def labelled_and_gradient(x, kept, is_label, largest, factor, at_gradient):
        return where(is_label, at_gradient, _exponential(x, kept, largest) * factor)

    # --- labels, smoothed: targets are `on` at the label, and `off` times the class's weight in addition everywhere ---

    def smoothed_terms(class_weight, x, largest):
        return _other(x, largest), vanishing_product(class_weight, _lead(x, largest))

    def smoothed_row(on, off, whole, at_label, largest, others, distance, ties):
        log_sum = log_of_sum(largest, rest_of(others, ties))
        everywhere = vanishing_product(off, whole * log_sum + distance)
        return (vanishing_product(on, log_sum + _lead(at_label, largest)) + everywhere,)

    smoothed_and_gradient_terms = smoothed_terms

    def smoothed_and_gradient_row(on, off, whole, scale, at_label, largest, others, distance, ties):
        rest = rest_of(others, ties)
        log_sum = log_of_sum(largest, rest)
        everywhere = vanishing_product(off, whole * log_sum + distance)
        loss = vanishing_product(on, log_sum + _lead(at_label, largest)) + everywhere
        return loss, largest, _factor(scale, largest, rest), rest

    def smoothed_and_gradient(on, off, whole, class_weight, x, kept, is_label, largest, factor, rest):
        e, target = _exponential(x, kept, largest), where(is_label, on, 0.0) + off * class_weight
        others = where(is_label, 0.0, on) + off * (whole - class_weight)
        return (e * others - target * _without(e, rest)) * factor

    # --- distributions: targets are the class's weight times `on` times what is given plus `off` ---

    def distributed_terms(on, off, target, class_weight, x, largest):
        weighted = (on * target + off) * class_weight
        return _other(x, largest), weighted, vanishing_product(weighted, _lead(x, largest))

    def distributed_row(largest, others, whole, distance, ties):
        return (vanishing_product(whole, log_of_sum(largest, rest_of(others, ties))) + distance,)

    distributed_and_gradient_terms = distributed_terms

    def distributed_and_gradient_row(scale, largest, others, whole, distance, ties):
        rest = rest_of(others, ties)
        loss = vanishing_product(whole, log_of_sum(largest, rest)) + distance
        return loss, largest, _factor(scale, largest, rest), rest, whole

    def distributed_and_gradient(on, off, target, class_weight, x, kept, largest, factor, rest, whole):
        e, weighted = _exponential(x, kept, largest), (on * target + off) * class_weight
        return (e * (whole - weighted) - weighted * _without(e, rest)) * factor
