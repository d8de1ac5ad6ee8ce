"""Activations are NumPy ufuncs to all that meet them: out=, where=, order=, casting, overlap."""

import ml_dtypes
import numpy as np
import pytest
from cases import ELEMENTWISE
from numpy.testing import assert_array_equal

import fastact as fa
from fastact._engine import arrays
from fastact._engine.arrays import run_arrays

X = np.random.default_rng(0).normal(0, 3, (50, 40)).astype("f4")
LARGE = np.random.default_rng(0).normal(0, 3, 2**20).astype("f4")


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_out(name):
    function, out = fa.get(name), np.empty_like(X)
    y = function(X)
    assert function(X, out=out) is out
    assert_array_equal(out, y)
    assert function(X, out=(out,)) is out
    in_place = X.copy()
    assert function(in_place, out=in_place) is in_place
    assert_array_equal(in_place, y)
    fortran = np.empty_like(X, order="F")
    assert_array_equal(function(X, out=fortran), y)


@pytest.mark.parametrize("x", [X.ravel(), LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    ("source", "target"),
    [
        (np.s_[1:], np.s_[:-1]),
        (np.s_[:-1], np.s_[1:]),
        (np.s_[::-1], np.s_[:]),
        (np.s_[: 2**9], np.s_[1 : 2**10 : 2]),
    ],
)
def test_overlapping_out(x, source, target):
    work = x.copy()
    expected = fa.gelu(x[source])
    fa.gelu(work[source], out=work[target])
    assert_array_equal(work[target], expected)


def test_overlapping_parameter():
    work = X[0].copy()
    expected = fa.prelu(X[0], X[0])
    assert_array_equal(fa.prelu(work, work, out=work), expected)


@pytest.mark.parametrize("x", [X.ravel(), LARGE], ids=["small", "large"])
def test_where(x):
    mask = x > 0.3
    out = np.full_like(x, 7)
    assert fa.gelu(x, out=out, where=mask) is out
    assert_array_equal(out, np.where(mask, fa.gelu(x), np.float32(7)))
    fa.gelu(x, out=out, where=False)
    assert_array_equal(out, np.where(mask, fa.gelu(x), np.float32(7)))
    backward = fa.gelu.backward(x, x, out=np.zeros_like(x), where=mask)
    assert_array_equal(backward, np.where(mask, fa.gelu.backward(x, x), np.float32(0)))


@pytest.mark.parametrize("name", ["relu", "gelu", "swiglu"])
def test_threads_get_arrays_with_gaps_where_the_work_is_worth_it(name, monkeypatch):
    """Where it takes one thread some microseconds, describing them to others would take as long."""
    activation, shared = fa.get(name), []

    def run(*given):
        shared.append(given)
        return run_arrays(*given)

    monkeypatch.setattr(arrays, "run_arrays", run)
    enough = int(15_000 / activation.info.cost)
    for size, times in ((enough // 2, 0), (2 * enough, 1)):
        x = LARGE[: size // 20 * 40].reshape(-1, 40)
        operands = (x[:, :20], x[:, 20:])[: activation.ufunc.nin]
        y = activation(*operands)
        assert len(shared) == times
        assert_array_equal(activation(*map(np.ascontiguousarray, operands)), y)  # one run: NumPy has it whole
        assert len(shared) == times


@pytest.mark.parametrize("order", "CFAK")
def test_order(order):
    for x in (X, X.T, X[::2]):
        y, expected = fa.gelu(x, order=order), np.negative(x, order=order)
        assert y.strides == expected.strides


def test_dtype_and_casting():
    assert fa.gelu(X, dtype=np.float64).dtype == np.float64
    assert_array_equal(fa.gelu(X, dtype=np.float64), fa.gelu(X.astype("f8")))
    assert fa.gelu(X.astype("f8"), dtype=np.float32).dtype == np.float32
    out = np.empty_like(X)
    assert_array_equal(fa.gelu(X.astype("f8"), out=out), fa.gelu(X.astype("f8")).astype("f4"))
    with pytest.raises(TypeError):
        fa.gelu(X.astype("f8"), dtype=np.float32, casting="safe")
    with pytest.raises(TypeError):
        fa.gelu(X.astype("f8"), out=out, casting="safe")
    with pytest.raises(TypeError):
        fa.gelu(X, out=np.empty(X.shape, "i4"))


@pytest.mark.parametrize("narrow", ["float16", "bfloat16", "float32", "int8"])
def test_operands_of_two_dtypes_that_no_iterator_has_cast(narrow):
    random = np.random.default_rng(3)
    x = random.integers(-9, 9, (300, 200)).astype(np.dtype(getattr(ml_dtypes, narrow, narrow)))
    grad = random.normal(size=(200, 300))
    assert_array_equal(fa.tanh.backward(grad, x.T), fa.tanh.backward(grad, x.T.astype("f8")))


def test_parameters_broadcast_as_operands():
    images = np.random.default_rng(1).normal(size=(2, 3, 5, 7)).astype("f4")
    slopes = np.array([0.1, 0.2, -0.3], "f4")[:, None, None]
    expected = np.where(images > 0, images, images * slopes)
    assert_array_equal(fa.prelu(images, slopes), expected)
    assert fa.prelu(np.float32(1), slopes).shape == (3, 1, 1)
    gradient = fa.prelu.backward(np.float32(2), images, slopes)
    assert_array_equal(gradient, np.where(images > 0, np.float32(2), 2 * slopes))
    with pytest.raises(ValueError, match="broadcast"):
        fa.prelu(images, np.ones(2, "f4"))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_scalars_0d_and_empty(name):
    function = fa.get(name)
    for call in (function, function.derivative):
        assert isinstance(call(np.float32(1)), np.float32)
        assert isinstance(call(np.array(1, "f4")), np.float32)
        assert call(np.float32(1)) == call(np.ones(1, "f4"))[0]
        for shape in ((0,), (3, 0, 2)):
            assert call(np.empty(shape, "f4")).shape == shape
            assert call(np.empty(shape, "f4")).dtype == np.float32
    out = np.empty((), "f4")
    assert function(np.float32(1), out=out) is out


def test_the_real_ufunc_is_there():
    for ufunc, inputs in ((fa.gelu.ufunc, 1), (fa.gelu.derivative.ufunc, 1), (fa.gelu.backward.ufunc, 2)):
        assert isinstance(ufunc, np.ufunc)
        assert (ufunc.nin, ufunc.nout) == (inputs, 1)
    assert_array_equal(fa.gelu.ufunc(X), fa.gelu(X))
    x = X[0].copy()
    fa.gelu.ufunc.at(x, [0, 3])
    assert_array_equal(x, np.concatenate([fa.gelu(X[0, :1]), X[0, 1:3], fa.gelu(X[0, 3:4]), X[0, 4:]]))


def test_gelu_approximations():
    assert_array_equal(fa.gelu(X, approximate="tanh"), fa.gelu_tanh(X))
    assert_array_equal(fa.gelu(X, approximate="none"), fa.gelu(X))
    assert_array_equal(fa.gelu.derivative(X, approximate="tanh"), fa.gelu_tanh.derivative(X))
    assert_array_equal(fa.gelu.backward(X, X, approximate="tanh"), fa.gelu_tanh.backward(X, X))
    assert np.any(fa.gelu(X) != fa.gelu_tanh(X))
