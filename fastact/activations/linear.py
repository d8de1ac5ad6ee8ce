"""Activations that pass their input on."""

from fastact._definition import define
from fastact._math.working import where, zero_or_nan


@define(
    formula=r"f(x) = x",
    limits={"value": (-float("inf"), float("inf")), "derivative": (1.0, 1.0), "second_derivative": (0.0, 0.0)},
    derivative_range=(1.0, 1.0),
    odd=True,
    monotone=True,
    saturation="Never: gradients pass unchanged.",
    use="Regression outputs, and as the neutral choice in a search over activations.",
    avoid="Hidden layers: without a nonlinearity they collapse into one.",
    aliases=("linear", "Identity"),
    in_single_precision=("value", "derivative", "derivative_from_output"),
    cost=0.05,
)
class identity:
    """The input itself."""

    def value(x):
        return x

    def times_value_single(x, gate):
        return x * gate

    def derivative(x):
        return where(x <= x, 1.0, x)

    def second_derivative(x):
        return zero_or_nan(x)
