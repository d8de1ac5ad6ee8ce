"""Gated linear units: one half of the features, times an activation of the other half."""

from fastact._definition import define

INFINITY = float("inf")
DAUPHIN = "Dauphin, Fan, Auli & Grangier, Language Modeling with Gated Convolutional Networks, 2016, arXiv:1612.08083"
SHAZEER = "Shazeer, GLU Variants Improve Transformer, 2020, arXiv:2002.05202"


@define(
    kind="gated",
    gate="sigmoid",
    formula=r"f(x, g) = x \, \sigma(g)",
    saturation="x keeps a gradient wherever the gate is open; the gate's own vanishes like e^-|g|.",
    use="Gated convolutions, speech models.",
    avoid="Transformers, where swiglu and geglu do better for the same cost.",
    papers=(DAUPHIN,),
    aliases=("GLU", "gated_linear_unit"),
    cost=0.5,
)
class glu:
    """Gated linear unit."""


@define(
    kind="gated",
    gate="identity",
    formula=r"f(x, g) = x \, g",
    saturation="Never; but a small half makes the other's gradient small.",
    use="As the simplest of the family: no activation at all, and often nearly as good.",
    avoid="Where inputs may be large: the output grows with their square.",
    papers=(SHAZEER,),
    aliases=("bilinear", "Bilinear"),
    cost=0.15,
)
class bilinear_glu:
    """Gated linear unit without an activation: the product of the halves."""


@define(
    kind="gated",
    gate="relu",
    formula=r"f(x, g) = x \, \max(g, 0)",
    saturation="Where the gate is shut nothing learns: such units may die, as with relu.",
    use="Transformers, where an exponential per element is too dear, or sparsity is wanted.",
    avoid="Where units die.",
    papers=(SHAZEER,),
    aliases=("ReGLU",),
    cost=0.15,
)
class reglu:
    """Gated linear unit with relu."""


@define(
    kind="gated",
    gate="gelu",
    formula=r"f(x, g) = x \, g \, \Phi(g)",
    saturation="Where the gate is far below 0, the gradients of both halves decay like e^(-g^2/2).",
    use="Transformers (T5 1.1, Gemma with the tanh form).",
    avoid="Where the cheaper swiglu does as well.",
    papers=(SHAZEER,),
    aliases=("GEGLU", "GeGLU"),
    cost=0.8,
    variants={"approximate": {"none": "geglu", "tanh": "geglu_tanh"}},
)
class geglu:
    """Gated linear unit with gelu; ``approximate="tanh"`` selects `geglu_tanh`."""


@define(
    kind="gated",
    gate="gelu_tanh",
    formula=r"f(x, g) = \frac{x \, g}{2} \left(1 + \tanh\left(\sqrt{2 / \pi} \, (g + 0.044715 g^3)\right)\right)",
    saturation="As geglu.",
    use="Networks that were trained with it (Gemma).",
    avoid="New networks: geglu is as fast and exact.",
    papers=(SHAZEER,),
    aliases=("geglu_approximate",),
    cost=0.7,
)
class geglu_tanh:
    """Gated linear unit with gelu's approximation by a hyperbolic tangent."""


@define(
    kind="gated",
    gate="silu",
    formula=r"f(x, g) = x \, g \, \sigma(g)",
    saturation="Where the gate is far below 0, the gradients of both halves decay like |g| e^g.",
    use="The default of transformers since LLaMA.",
    avoid="Where an exponential per element is too dear.",
    papers=(SHAZEER,),
    aliases=("SwiGLU", "silu_and_mul"),
    cost=0.5,
)
class swiglu:
    """Gated linear unit with silu."""
