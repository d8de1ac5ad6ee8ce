"""Activations whose result is two of the input's shape, joined along an axis."""

from fastact._definition import define
from fastact._math.working import at_least, where, zero_or_nan

INFINITY = float("inf")


@define(
    kind="joined",
    formula=r"f(x) = [\max(0, x), \max(0, -x)]",
    range=(0.0, INFINITY),
    derivative_range=(-1.0, 1.0),
    kinks=(0.0,),
    derivative_at_kinks=(0.0,),
    saturation="Never: one half or the other passes the gradient on, but at 0 exactly.",
    use="Early layers of convolutional networks, whose filters come in pairs of opposite phase.",
    avoid="Where twice the channels are too many.",
    papers=(
        "Shang, Sohn, Almeida & Lee, Understanding and Improving Convolutional Neural Networks via Concatenated "
        "Rectified Linear Units, ICML 2016, arXiv:1603.05201",
    ),
    aliases=("CReLU", "concatenated_relu"),
    cost=0.1,
    accuracy={"float32": 0.0, "float64": 0.0, "float16": 0.0, "bfloat16": 0.0},
)
class crelu:
    """Concatenated rectified linear unit: relu of x, and then relu of -x."""

    def value(x):
        return at_least(x, 0.0), at_least(-x, 0.0)

    def backward(first_grad, second_grad, x):
        return where(x > 0.0, first_grad, where(x < 0.0, -second_grad, zero_or_nan(x)))
