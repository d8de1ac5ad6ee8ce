"""What other libraries call things, and what differs: for those who come from them.

Names that `fastact.get` knows, and defaults that `fastact.compat` has, are not written here again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import fastact
from fastact.compat import PRESETS, Parameter


@dataclass(frozen=True)
class Elsewhere:
    """Another library: its functions, and what differs here.

    Attributes
    ----------
    title : str
        The library's name.
    places : tuple of str
        The modules that its functions are in.
    functions : mapping
        Its names of each function, in one text, to what differs; empty where nothing does.
    called : mapping
        What they are called here, where `fastact.get` does not know the first of these names.
    absent : tuple of str
        What these modules have besides, that is no activation or not here.
    remarks : tuple of str
        What differs for all of them.
    """

    title: str
    places: tuple[str, ...]
    functions: Mapping[str, str]
    called: Mapping[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One function: what it is called there and here, and what differs."""

    theirs: tuple[str, ...]
    ours: str
    differs: str


_DIM = "`axis` is -1 unless given; PyTorch guesses `dim` where it is None, and warns"
_ALL = "`axis` is -1 unless given, {0}'s None: give `axis=None` for the whole array"
_LOSS = 'logits come first, then labels; `reduction="none"` gives the losses one by one, as there'

ELSEWHERE: Mapping[str, Elsewhere] = {
    "torch": Elsewhere(
        "PyTorch",
        ("torch.nn.functional", "torch.nn", "torch"),
        {
            "relu ReLU": "",
            "relu6 ReLU6": "",
            "leaky_relu LeakyReLU": "",
            "prelu PReLU": "`alpha` broadcasts as all does in NumPy: for channels along axis 1 of (N, C, H, W) it has "
            "the shape (C, 1, 1), not (C,)",
            "rrelu RReLU": "`rng=` stands for `training=True`; `return_slopes=True` gives the slopes that were drawn",
            "elu ELU": "",
            "selu SELU": "",
            "celu CELU": "",
            "gelu GELU": "",
            "silu SiLU": "",
            "mish Mish": "",
            "hardswish Hardswish": "",
            "hardsigmoid Hardsigmoid": "",
            "hardtanh Hardtanh": "`minimum`, `maximum` for `min_val`, `max_val`",
            "hardshrink Hardshrink": "",
            "softshrink Softshrink": "",
            "tanhshrink Tanhshrink": "",
            "softsign Softsign": "",
            "softplus Softplus": "no `threshold`: accurate everywhere, where PyTorch returns x for beta x > 20",
            "threshold Threshold": "both parameters are 0 unless given; PyTorch has no defaults",
            "sigmoid Sigmoid": "",
            "logsigmoid LogSigmoid": "",
            "tanh Tanh": "",
            "glu GLU": "two arrays are taken, too, and halves interleaved or in the other order",
            "softmax Softmax": _DIM,
            "softmin Softmin": _DIM,
            "log_softmax LogSoftmax": _DIM,
            "Softmax2d": "softmax with `axis=-3`",
            "gumbel_softmax": "noise comes from `rng=`; gradients take the relaxed sample; there is no `eps`",
            "cross_entropy CrossEntropyLoss": "classes are along the last axis unless `axis=1`, PyTorch's, is given; "
            "`class_weights` for `weight`; no label is ignored unless `ignore_index` names it (PyTorch: -100)",
            "binary_cross_entropy_with_logits BCEWithLogitsLoss": "",
            "Identity": "",
            "exp": "",
            "sin": "",
            "logit": "no `eps`",
            "logsumexp": "`axis` is -1 unless given",
        },
        called={"Softmax2d": "softmax", "gumbel_softmax": "gumbel_softmax"},
        absent=("MultiheadAttention",),
        remarks=(
            "`dim` is `axis`, `input` goes by position, `inplace=True` is `out=x`.",
            "There is no tape: keep x (or y, where that suffices) and call `backward(grad, x)`.",
            "Derivatives at kinks are PyTorch's. That of NaN is NaN, where PyTorch's relu has 1, leaky_relu its slope.",
            "Integers give floats. PyTorch refuses most, and keeps them in relu, relu6 and hardtanh.",
            "Limits at infinities are those of mathematics: silu(-inf) is 0, in PyTorch NaN.",
        ),
    ),
    "jax": Elsewhere(
        "JAX",
        ("jax.nn",),
        {
            "relu": "",
            "relu6": "",
            "leaky_relu": "the derivative at 0 is the slope; JAX: 1",
            "elu": "",
            "selu": "",
            "celu": "",
            "gelu": "",
            "silu swish": "",
            "mish": "",
            "hard_silu hard_swish": "",
            "hard_sigmoid": "",
            "hard_tanh": "the derivative at -1 and 1 is 0; JAX: 1",
            "identity": "",
            "sigmoid": "",
            "log_sigmoid": "",
            "tanh": "",
            "soft_sign": "",
            "softplus": "",
            "sparse_plus": "",
            "sparse_sigmoid": "",
            "squareplus": "",
            "glu": "",
            "softmax": 'a row of which `where` takes nothing is NaN unless `empty="zero"`, which JAX gives',
            "log_softmax": 'a row of which `where` takes nothing is NaN unless `empty="zero"`, which JAX gives',
            "logsumexp": _ALL.format("JAX") + "; no `b`, no `return_sign`",
        },
        absent=(
            "dot_product_attention",
            "get_scaled_dot_general_config",
            "initializers",
            "log1mexp",
            "logmeanexp",
            "one_hot",
            "scaled_dot_general",
            "scaled_matmul",
            "standardize",
        ),
        remarks=(
            "There is no tracing: `derivative`, `second_derivative` and `backward` stand for `jax.grad` and `jax.vjp`.",
            "Subnormal numbers are kept; JAX makes them 0.",
            "8- and 16-bit integers give float32, wider ones float64; JAX gives float32, and refuses them in sigmoid, "
            "silu and glu.",
        ),
    ),
    "keras": Elsewhere(
        "Keras 3",
        ("keras.activations", "keras"),
        {
            "relu": "",
            "relu6": "",
            "leaky_relu": "",
            "elu": "",
            "selu": "",
            "celu": "",
            "gelu": "",
            "silu swish": "",
            "mish": "",
            "hard_silu hard_swish": "",
            "hard_sigmoid": "as Keras 3; Keras 2 had `slope=0.2`",
            "hard_tanh": "",
            "hard_shrink": "`lambd` for `threshold`",
            "soft_shrink": "`lambd` for `threshold`",
            "tanh_shrink": "",
            "threshold": "`value` for `default_value`; both parameters are 0 unless given, Keras has no defaults",
            "linear": "",
            "exponential": "",
            "sigmoid": "",
            "log_sigmoid": "",
            "tanh": "",
            "softsign": "",
            "softplus": "",
            "sparse_plus": "",
            "sparse_sigmoid": "",
            "squareplus": "",
            "glu": "",
            "softmax": "",
            "log_softmax": "",
            "sparsemax": "rows add up to 1; Keras 3.15 gives zeros for [1, 2, 2.5]",
            "ops.gelu": "",
            "ops.leaky_relu": "",
            "layers.ReLU": "",
            "layers.LeakyReLU": "",
            "layers.ELU": "",
            "layers.PReLU": "`shared_axes`: give `alpha` length 1 there",
            "layers.Softmax": "`where=` for `mask`",
            "ops.categorical_crossentropy ops.sparse_categorical_crossentropy": _LOSS + "; logits only",
            "ops.binary_crossentropy": _LOSS + "; logits only",
        },
        called={
            "ops.categorical_crossentropy": "softmax_cross_entropy",
            "ops.binary_crossentropy": "sigmoid_binary_cross_entropy",
        },
        absent=("deserialize", "get", "serialize"),
        remarks=(
            "One name may have three defaults there: `keras.activations`, `keras.ops` and `keras.layers` differ.",
            "Integers give floats; on the NumPy backend, Keras' gelu of integers is rounded to integers.",
        ),
    ),
    "tensorflow": Elsewhere(
        "TensorFlow",
        ("tensorflow.nn", "tensorflow.math"),
        {
            "relu": "",
            "relu6": "",
            "leaky_relu": "",
            "elu": "small x keep their digits; TensorFlow: elu(-1e-8) is 0",
            "selu": "the derivative at 0 is 1.758, from the left; TensorFlow: 1.0507",
            "gelu": "",
            "silu swish": "with a `beta` it is called swish",
            "crelu": "",
            "sigmoid": "",
            "log_sigmoid": "",
            "tanh": "",
            "softsign": "",
            "softplus": "",
            "softmax": "",
            "log_softmax": "",
            "reduce_logsumexp": _ALL.format("TensorFlow"),
            "sigmoid_cross_entropy_with_logits": _LOSS,
            "softmax_cross_entropy_with_logits sparse_softmax_cross_entropy_with_logits": _LOSS,
        },
        remarks=("Most functions there refuse integers, which give floats here.",),
    ),
    "onnx": Elsewhere(
        "ONNX",
        ("onnx",),
        {
            "Relu": "",
            "LeakyRelu": "`negative_slope` for `alpha`",
            "PRelu": "`alpha` for `slope`",
            "Elu": "",
            "Selu": "constants are float64; ONNX rounds them to float32",
            "Celu": "",
            "Gelu": "",
            "Swish": "`beta` for `alpha`",
            "Mish": "",
            "HardSwish": "",
            "HardSigmoid": "",
            "Sigmoid": "",
            "Tanh": "",
            "Softsign": "",
            "Softplus": "",
            "ThresholdedRelu": "`theta` for `alpha`",
            "Shrink": "",
            "Clip": "`minimum` and `maximum` are -1 and 1 unless given; ONNX has no bounds then",
            "Identity": "",
            "Exp": "",
            "Softmax": "up to opset 12 ONNX' axis is 1, and takes all after it as well",
            "LogSoftmax": "up to opset 12 ONNX' axis is 1, and takes all after it as well",
            "Hardmax": "up to opset 12 ONNX' axis is 1, and takes all after it as well",
            "ReduceLogSumExp": _ALL.format("ONNX") + "; `keepdims` is False unless given",
            "SoftmaxCrossEntropyLoss": "classes are along the last axis unless `axis=1`, ONNX', is given; "
            "`class_weights` for the input `weights`",
        },
        called={"Clip": "hard_tanh", "ReduceLogSumExp": "logsumexp"},
    ),
    "scipy": Elsewhere(
        "SciPy",
        ("scipy.special",),
        {
            "expit": "",
            "log_expit": "",
            "logit": "",
            "softplus": "",
            "softmax": _ALL.format("SciPy") + "; empty arrays give empty ones, in SciPy an error",
            "log_softmax": _ALL.format("SciPy") + "; empty arrays give empty ones, in SciPy an error",
            "logsumexp": _ALL.format("SciPy") + "; no `b`, no `return_sign`",
        },
        remarks=(
            "float16 and bfloat16 keep their dtype; SciPy's expit gives float64.",
            "SciPy has values only; derivatives are attributes here: `fa.sigmoid.derivative`.",
        ),
    ),
}


def rows(library: str) -> Iterator[Row]:
    """Go through a library's functions; where it has another default, the preset that has it is named first."""
    elsewhere = ELSEWHERE[library]
    for names, differs in elsewhere.functions.items():
        theirs = tuple(names.split())
        place, _, name = theirs[0].rpartition(".")
        ours = elsewhere.called.get(theirs[0]) or fastact.get(name).name
        presets = [
            f"`fastact.compat.{preset.library}.{preset.name}` has {_defaults(preset.parameters)}"
            for preset in PRESETS
            if (preset.library, preset.name) == ("_".join(filter(None, (library, place))), ours)
        ]
        yield Row(theirs, ours, "; ".join(filter(None, [*presets, differs])))


def _defaults(parameters: Mapping[str, Parameter]) -> str:
    return ", ".join(f"`{name}={parameter.default!r}`" for name, parameter in parameters.items())
