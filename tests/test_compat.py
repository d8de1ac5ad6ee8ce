"""Presets compute what the library that they are named after computes, where that is installed."""

import inspect
import pickle
import types

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fastact as fa
from fastact import compat

X = np.linspace(-7, 7, 141, dtype="f4")
IDS = [f"{preset.library}.{preset.name}" for preset in compat.PRESETS]


def of(preset):
    return getattr(getattr(fa.compat, preset.library), preset.name)


def onnx_hard_sigmoid(x, **attributes):
    helper, runtime = pytest.importorskip("onnx.helper"), pytest.importorskip("onnxruntime")
    x_info, y_info = (helper.make_tensor_value_info(name, 1, x.shape) for name in "xy")
    node = helper.make_node("HardSigmoid", ["x"], ["y"], **attributes)
    model = helper.make_model(
        helper.make_graph([node], "g", [x_info], [y_info]), opset_imports=[helper.make_opsetid("", 13)]
    )
    model.ir_version = 8
    return runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[
        0
    ]


def keras(path):
    def call(x, **parameters):
        function = pytest.importorskip("keras")
        for name in path.split("."):
            function = getattr(function, name)
        return np.asarray(function(**parameters)(x) if path.startswith("layers") else function(x, **parameters))

    return call


def tensorflow(name):
    return lambda x, **parameters: getattr(pytest.importorskip("tensorflow").nn, name)(x, **parameters).numpy()


# The library's own function, and parameters besides its defaults.
THEIRS = {
    "jax.gelu": (lambda x, **p: np.asarray(pytest.importorskip("jax").nn.gelu(x, **p)), {"approximate": False}),
    "keras.leaky_relu": (keras("activations.leaky_relu"), {"negative_slope": 0.4}),
    "keras.relu": (keras("activations.relu"), {"negative_slope": 0.2, "max_value": 5.0, "threshold": 1.5}),
    "keras_layers.leaky_relu": (keras("layers.LeakyReLU"), {"negative_slope": 0.4}),
    "keras_layers.prelu": (keras("layers.PReLU"), {}),
    "keras_layers.relu": (keras("layers.ReLU"), {"max_value": 5.0, "negative_slope": 0.2, "threshold": 1.5}),
    "keras_ops.gelu": (keras("ops.gelu"), {"approximate": False}),
    "keras_ops.leaky_relu": (keras("ops.leaky_relu"), {"negative_slope": 0.4}),
    "onnx.hard_sigmoid": (onnx_hard_sigmoid, {"alpha": 0.3, "beta": 0.4}),
    "tensorflow.gelu": (tensorflow("gelu"), {"approximate": True}),
    "tensorflow.leaky_relu": (tensorflow("leaky_relu"), {"alpha": 0.4}),
}


# What each library documents, so that something is checked where none is installed.
DOCUMENTED = {
    "jax.gelu": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "keras.leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "keras.relu": lambda x: np.maximum(x, 0),
    "keras_layers.leaky_relu": lambda x: np.where(x > 0, x, 0.3 * x),
    "keras_layers.prelu": lambda x: np.maximum(x, 0),
    "keras_layers.relu": lambda x: np.maximum(x, 0),
    "keras_ops.gelu": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "keras_ops.leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "onnx.hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "tensorflow.gelu": lambda x: fa.gelu(x),
    "tensorflow.leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
}


@pytest.mark.parametrize("preset", compat.PRESETS, ids=IDS)
def test_computes_what_is_documented(preset):
    x = X.astype(float)
    assert_allclose(of(preset)(x), DOCUMENTED[f"{preset.library}.{preset.name}"](x), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("preset", compat.PRESETS, ids=IDS)
def test_computes_what_the_library_computes(preset):
    function, parameters = THEIRS[f"{preset.library}.{preset.name}"]
    assert_allclose(of(preset)(X), function(X), rtol=2e-5, atol=1e-6)
    assert_allclose(of(preset)(X, **parameters), function(X, **parameters), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("preset", compat.PRESETS, ids=IDS)
def test_every_direction_takes_the_preset(preset):
    activation = of(preset)
    ours = {p.ours: p.convert(p.default) for p in preset.parameters.values()}
    own = fa.get(preset.activation)
    assert_array_equal(activation.derivative(X), own.derivative(X, **ours))
    assert_array_equal(activation.backward(X, X), own.backward(X, X, **ours))
    out = np.empty_like(X)
    assert activation(X, out=out) is out
    assert_array_equal(out, own(X, **ours))
    assert f"compat.{preset.library}.{preset.name}" in repr(activation)
    assert preset.library in inspect.getdoc(activation)
    signature = inspect.signature(activation.derivative)
    assert [signature.parameters[name].default for name in preset.parameters] == [
        p.default for p in preset.parameters.values()
    ]
    for function in (activation, activation.derivative):
        assert pickle.loads(pickle.dumps(function)) is function


def test_positions_and_names_are_the_librarys():
    assert_array_equal(fa.compat.onnx.hard_sigmoid(X, 0.3, 0.4), fa.hard_sigmoid(X, 0.3, 0.4))
    assert_array_equal(fa.compat.onnx.hard_sigmoid(X, beta=0.4), fa.hard_sigmoid(X, 0.2, 0.4))
    assert_array_equal(fa.compat.keras.relu(X, 0.1, 3.0), fa.general_relu(X, 0.1, 3.0))


def test_errors_help():
    with pytest.raises(TypeError, match="no keyword slope; it has alpha, beta"):
        fa.compat.onnx.hard_sigmoid(X, slope=0.1)
    with pytest.raises(TypeError, match="alpha twice"):
        fa.compat.onnx.hard_sigmoid(X, 0.1, alpha=0.1)
    with pytest.raises(TypeError, match="got 4 arguments"):
        fa.compat.onnx.hard_sigmoid(X, 0.1, 0.2, 0.3)
    with pytest.raises(AttributeError, match=r"has no 'silu'.*fastact.get"):
        fa.compat.jax.silu  # noqa: B018
    with pytest.raises(AttributeError, match="jax, keras"):
        fa.compat.theano  # noqa: B018


def test_only_differences_are_listed():
    for preset in compat.PRESETS:
        own = {p.name: p.default for p in fa.get(preset.activation).info.parameters}
        theirs = {p.ours: p.convert(p.default) for p in preset.parameters.values()}
        assert preset.name != preset.activation or theirs != own or set(preset.parameters) != set(own)
    assert isinstance(compat, types.ModuleType)
    assert dir(fa.compat.jax) == ["gelu"]
    assert "keras" in dir(compat)
