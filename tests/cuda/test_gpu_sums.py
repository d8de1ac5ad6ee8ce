"""Gradients of parameters, and losses, on GPU arrays."""

import numpy as np
import pytest
from cases import PARAMETRIC
from device import Interface, assert_near, assert_same, normal, on_device, on_host, placed

import fastact as fa
from fastact.cuda import reductions

SHAPE = (3, 4, 5)


def exact(name, grad, x, parameters):
    """The sums in float64 of what each element's parameters contribute."""
    wide = [np.asarray(each, "f8") for each in (grad, x, *parameters)]
    return fa.get(name).parameter_gradients(*wide)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [None, (), (4, 1), (1, 4, 1), (5,), SHAPE], ids=str)
@pytest.mark.parametrize("name", ["prelu", "elu", "hard_tanh"])
def test_parameter_gradients(name, shape, dtype):
    grad, x = normal(*SHAPE, dtype=dtype), normal(*SHAPE, dtype=dtype, seed=1)
    parameters = [parameter.default for parameter in fa.get(name).info.parameters]
    if shape is not None:
        spread = np.random.default_rng(2).uniform(0.9, 1.1, shape)
        parameters = [np.asarray(value * spread, dtype) for value in parameters]
    got = fa.get(name).parameter_gradients(*on_device((grad, x, *parameters)))
    assert len(got) == len(parameters)
    for mine, theirs in zip(got, exact(name, grad, x, parameters), strict=True):
        assert mine.shape == theirs.shape
        assert mine.dtype == dtype
        np.testing.assert_allclose(on_host(mine), theirs, rtol=1e-6 if dtype == "float32" else 1e-13)


@pytest.mark.parametrize("name", PARAMETRIC)
def test_parameter_gradients_of_every_activation(name):
    grad, x = normal(4, 5), normal(4, 5, seed=1)
    values = [parameter.default for parameter in fa.get(name).info.parameters]
    got = fa.get(name).parameter_gradients(placed(grad), placed(x))
    for mine, theirs in zip(got, exact(name, grad, x, values), strict=True):
        np.testing.assert_allclose(on_host(mine), theirs, rtol=1e-6)


def test_parameter_gradients_of_several_chunks(monkeypatch):
    monkeypatch.setattr(reductions, "CHUNK", 16)
    for shape in ((7, 11), (5, 3, 8)):
        grad, x = normal(*shape), normal(*shape, seed=1)
        for alpha in (0.25, np.linspace(0.1, 0.5, shape[-1], dtype="f4")):
            (got,) = fa.prelu.parameter_gradients(*on_device((grad, x, alpha)))
            (expected,) = exact("prelu", grad, x, [alpha])
            np.testing.assert_allclose(on_host(got), expected, rtol=1e-6)


def test_parameter_gradients_in_other_layouts_and_dtypes():
    base = normal(6, 8)
    grad, x = base[::2, ::-1][:, :6], base.T[:3]
    for mine, given in (
        ((Interface(grad, base), Interface(x, base)), (grad, x)),
        ((1.0, placed(base)), (1.0, base)),
        ((placed(base[:1]), placed(base.astype("f8"))), (base[:1], base)),
    ):
        (got,) = fa.prelu.parameter_gradients(*mine, stream=0)
        np.testing.assert_allclose(on_host(got), exact("prelu", *given, [0.25])[0], rtol=1e-6)


# --- losses ----------------------------------------------------------------------------------------

LABELS = np.array([1, 3, 0, 6, 2])
WEIGHTS = np.linspace(0.5, 2, 7)
ENTROPY, BINARY = fa.softmax_cross_entropy, fa.sigmoid_binary_cross_entropy
LABELLED = [
    {},
    {"label_smoothing": 0.1},
    {"ignore_index": 3},
    {"class_weights": WEIGHTS},
    {"class_weights": WEIGHTS, "label_smoothing": 0.2, "ignore_index": 0},
]
REDUCTIONS = ["mean", "sum", "none"]


def assert_loss(call, logits, targets, **options):
    """Value, value and gradient, and backward, of a loss; sums and means are in the order of each."""
    moved = on_device(options)
    value = call(logits, targets, **options)
    assert_near(call(placed(logits), placed(targets), **moved), value, ulps=2)
    both = call.value_and_gradient(logits, targets, **options)
    assert_near(call.value_and_gradient(placed(logits), placed(targets), **moved), both, ulps=2)
    for grad in (2.0, normal(*np.shape(value))):
        expected = call.backward(grad, logits, targets, **options)
        assert_near(call.backward(*on_device([grad, logits, targets]), **moved), expected)
        assert_near(call.backward(grad, placed(logits), placed(targets), **moved), expected)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", LABELLED, ids=lambda options: ",".join(options))
def test_cross_entropy_of_labels(options, dtype, reduction):
    assert_loss(ENTROPY, normal(5, 7, dtype=dtype), LABELS, reduction=reduction, **options)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}, {"class_weights": WEIGHTS}], ids=",".join)
def test_cross_entropy_of_distributions(options, dtype, reduction):
    targets = fa.softmax(normal(5, 7, dtype=dtype, seed=1))
    assert_loss(ENTROPY, normal(5, 7, dtype=dtype), targets, reduction=reduction, **options)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_cross_entropy_along_an_axis(axis):
    logits = normal(2, 3, 18)
    rest = np.delete(logits.shape, axis)
    labels = np.random.default_rng(0).integers(0, logits.shape[axis], rest)
    assert_loss(ENTROPY, logits, labels, axis=axis)
    assert_loss(ENTROPY, logits, fa.softmax(normal(2, 3, 18, seed=1), axis=axis), axis=axis, reduction="none")


@pytest.mark.parametrize("classes", [1, 40])
def test_cross_entropy_of_few_and_many_classes(classes):
    assert_loss(ENTROPY, normal(3, classes), np.array([0, classes - 1, classes // 2]), label_smoothing=0.1)


@pytest.mark.parametrize("dtype", ["float16", "int32", "int8"])
def test_cross_entropy_of_other_dtypes(dtype):
    logits = normal(5, 7).astype(dtype)
    assert_near(ENTROPY(placed(logits), LABELS), ENTROPY(logits, LABELS))
    got = ENTROPY.value_and_gradient(placed(logits), placed(LABELS.astype("u1")))
    assert_near(got, ENTROPY.value_and_gradient(logits, LABELS))
    assert_near(BINARY(placed(logits), placed(logits > 0)), BINARY(logits, logits > 0))


def test_one_row_and_nothing():
    logits = normal(7)
    for reduction in REDUCTIONS:
        assert_loss(ENTROPY, logits, np.array(3), reduction=reduction)
    for reduction in REDUCTIONS:
        none, labels = np.zeros((0, 7), "f4"), np.zeros(0, int)
        assert_same(ENTROPY(placed(none), labels, reduction=reduction), ENTROPY(none, labels, reduction=reduction))
        assert_same(BINARY(placed(none), placed(none), reduction=reduction), BINARY(none, none, reduction=reduction))
    labels = np.full(5, 3)
    got = ENTROPY.value_and_gradient(placed(normal(5, 7)), placed(labels), ignore_index=3)
    assert_same(got, ENTROPY.value_and_gradient(normal(5, 7), labels, ignore_index=3))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("factors", [(), ("pos_weight",), ("weight",), ("weight", "pos_weight")], ids=",".join)
def test_binary_cross_entropy(factors, dtype, reduction):
    logits = normal(5, 7, dtype=dtype)
    targets = np.random.default_rng(1).uniform(size=(5, 7)).round(1).astype(dtype)
    numbers = dict(zip(factors, (0.5, 3.0), strict=False))
    assert_loss(BINARY, logits, targets, reduction=reduction, **numbers)
    arrays = {name: WEIGHTS.astype(dtype) for name in factors}
    assert_loss(BINARY, logits, targets, reduction=reduction, **arrays)


def test_what_comes_beside_the_logits_may_be_the_hosts():
    logits = normal(5, 7)
    assert_near(ENTROPY(placed(logits), LABELS.tolist()), ENTROPY(logits, LABELS))
    got = ENTROPY(placed(logits), placed(LABELS), class_weights=WEIGHTS)
    assert_near(got, ENTROPY(logits, LABELS, class_weights=WEIGHTS))
    got = BINARY(placed(logits), (logits > 0).tolist(), weight=WEIGHTS.astype("f4"))
    assert_near(got, BINARY(logits, logits > 0, weight=WEIGHTS.astype("f4")))


def test_losses_of_several_chunks(monkeypatch):
    monkeypatch.setattr(reductions, "CHUNK", 8)
    assert_loss(ENTROPY, normal(12, 3), np.arange(12) % 3)
    assert_loss(BINARY, normal(12, 3), (normal(12, 3, seed=1) > 0).astype("f4"))


def test_losses_in_other_layouts():
    base = normal(14, 5)
    logits = base.T[:, ::2]
    assert_near(ENTROPY(Interface(logits, base), LABELS), ENTROPY(logits, LABELS))
    assert_near(BINARY(Interface(logits, base), placed(logits > 0)), BINARY(logits, logits > 0))
