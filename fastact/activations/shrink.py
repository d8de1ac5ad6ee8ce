"""Activations that take something off their input."""

from fastact._definition import define
from fastact._math.working import x_minus_tanh
from fastact.activations.sigmoids import _sech, _tanh

INFINITY = float("inf")


@define(
    formula=r"f(x) = x - \tanh(x)",
    limits={"value": (-INFINITY, INFINITY), "derivative": (1.0, 1.0), "second_derivative": (0.0, 0.0)},
    derivative_range=(0.0, 1.0),
    odd=True,
    monotone=True,
    saturation="Around 0, where the gradient is x^2: small inputs teach nothing.",
    use="Sparse coding and denoising, as a smooth shrinkage.",
    avoid="Hidden layers with inputs near 0.",
    aliases=("tanh_shrink", "Tanhshrink"),
    cost=0.6,
)
class tanhshrink:
    """The input less its hyperbolic tangent."""

    def value(x):
        return x_minus_tanh(x)

    def derivative(x):
        t = _tanh(x)
        return t * t

    def second_derivative(x):
        sech = _sech(x)
        return (sech * (2.0 * _tanh(x))) * sech
