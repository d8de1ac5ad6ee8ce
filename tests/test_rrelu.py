"""rrelu's training form: slopes drawn from a generator, and given back for the gradient."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fastact as fa

X = np.random.default_rng(0).normal(size=(50, 40)).astype("f4")


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_slopes_are_drawn_for_every_element(dtype):
    x = X.astype(dtype)
    y, slopes = fa.rrelu(x, rng=np.random.default_rng(1), return_slopes=True)
    assert y.dtype == slopes.dtype == x.dtype
    assert slopes.shape == x.shape
    assert slopes.min() >= 1 / 8
    assert slopes.max() <= np.array(1 / 3, dtype)
    assert abs(slopes.astype("f8").mean() - 11 / 48) < 0.01
    assert_array_equal(y, fa.prelu(x, slopes))
    assert_array_equal(y, fa.rrelu(x, rng=1))
    assert np.any(y != fa.rrelu(x, rng=2))


def test_generator_moves_on():
    rng = np.random.default_rng(1)
    assert np.any(fa.rrelu(X, rng=rng) != fa.rrelu(X, rng=rng))


def test_backward_with_the_slopes():
    y, slopes = fa.rrelu(X, 0.1, 0.5, rng=3, return_slopes=True)
    gradient = fa.prelu.backward(np.float32(2), X, slopes)
    assert_array_equal(gradient, np.where(X > 0, np.float32(2), 2 * slopes))
    assert np.all((y == X) | (X < 0))
    assert slopes.max() > 1 / 3


def test_parameters_out_integers_and_scalars():
    out = np.empty_like(X)
    assert fa.rrelu(X, lower=0.25, upper=0.25, rng=0, out=out) is out
    assert_array_equal(out, fa.leaky_relu(X, 0.25))
    assert_array_equal(fa.rrelu(X, np.full(40, 0.25, "f4"), np.float32(0.25), rng=0), fa.leaky_relu(X, 0.25))
    y, slopes = fa.rrelu(np.arange(-3, 3), rng=0, return_slopes=True)
    assert y.dtype == slopes.dtype == np.float64
    assert fa.rrelu(np.int8(-3), rng=0).dtype == np.float32
    assert fa.rrelu(-1.0, rng=0) == -np.random.default_rng(0).uniform(1 / 8, 1 / 3)


def test_without_generator_it_is_the_evaluation_form():
    assert_array_equal(fa.rrelu(X, rng=None), fa.rrelu(X))
    assert_array_equal(fa.rrelu(X, 0.25, 0.5), fa.leaky_relu(X, 0.375))


def test_errors_and_signature():
    with pytest.raises(ValueError, match="return_slopes needs rng"):
        fa.rrelu(X, return_slopes=True)
    with pytest.raises(ValueError, match="lower must be at most upper"):
        fa.rrelu(X, 0.5, 0.1, rng=0)
    with pytest.raises(TypeError, match="rng"):
        fa.leaky_relu(X, rng=0)
    assert {"rng", "return_slopes"} <= inspect.signature(fa.rrelu).parameters.keys()
    assert "rng" not in inspect.signature(fa.rrelu.derivative).parameters
    assert "return_slopes : bool" in inspect.getdoc(fa.rrelu)
