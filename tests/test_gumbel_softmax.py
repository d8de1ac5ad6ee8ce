"""Gumbel softmax: samples of classes by their probabilities, relaxed or one-hot, and their gradients."""

import inspect
import pickle

import dask.array
import ml_dtypes
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fastact as fa

X = np.random.default_rng(0).normal(size=(50, 8)).astype("f4")


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ml_dtypes.bfloat16])
def test_relaxed_and_hard_samples(dtype):
    x = X.astype(dtype)
    y, soft = fa.gumbel_softmax(x, 0.7, hard=True, rng=np.random.default_rng(1), return_soft=True)
    assert y.dtype == soft.dtype == x.dtype
    assert_array_equal(np.sort(y.astype("f4"), axis=-1), np.broadcast_to([0.0] * 7 + [1.0], (50, 8)))
    assert_array_equal(y.astype("f4").argmax(-1), soft.astype("f4").argmax(-1))
    assert_allclose(soft.astype("f8").sum(-1), 1, atol=8 * float(ml_dtypes.finfo(x.dtype).eps))
    assert_array_equal(soft, fa.gumbel_softmax(x, tau=0.7, rng=1))
    assert np.any(soft != fa.gumbel_softmax(x, tau=0.7, rng=2))


def test_noise_is_what_the_generator_gives():
    noise = -np.log(np.random.default_rng(3).standard_exponential(X.shape))
    expected = fa.softmax((X + noise) / 0.5, axis=0)
    assert_allclose(fa.gumbel_softmax(X, 0.5, axis=0, rng=3), expected, rtol=1e-5)
    assert_array_equal(fa.gumbel_softmax(X, axis=(0, 1), rng=3), fa.gumbel_softmax(X, axis=None, rng=3))
    rng = np.random.default_rng(3)
    assert np.any(fa.gumbel_softmax(X, rng=rng) != fa.gumbel_softmax(X, rng=rng))
    assert np.any(fa.gumbel_softmax(X) != fa.gumbel_softmax(X))


@pytest.mark.parametrize("tau", [0.1, 5.0])
def test_classes_are_drawn_by_their_probabilities(tau):
    logits, count = np.array([-3.0, 0.0, 1.0, 0.5, -1.0]), 100_000
    drawn = fa.gumbel_softmax(np.broadcast_to(logits, (count, 5)), tau, hard=True, rng=4).sum(axis=0)
    expected = count * fa.softmax(logits)
    chi_square = np.sum((drawn - expected) ** 2 / expected)
    assert 0.2 < chi_square < 18.5  # 4 degrees of freedom: 99.8 % of samples


class Zeros(np.random.Generator):
    """A generator whose exponential deviates are all 0."""

    def standard_exponential(self, shape):
        return np.zeros(shape)


@pytest.mark.parametrize("hard", [False, True])
def test_limits(hard):
    x = np.array([[np.inf, 1, 2], [-np.inf, 1, -np.inf], [np.nan, 1, 2], [-np.inf] * 3, [3e38, -3e38, 0]], "f4")
    with np.errstate(all="raise"):
        for tau in (1e-300, 1.0, 1e300):
            y = fa.gumbel_softmax(x, tau, hard=hard, rng=5)
            assert_array_equal(y[:2], [[1, 0, 0], [0, 1, 0]])
            assert np.isnan(y[2:4]).all()
            assert np.isfinite(y[4]).all()
        assert_array_equal(fa.gumbel_softmax(x[4], 1e-3, hard=hard, rng=5), [1, 0, 0])
        finite = fa.gumbel_softmax(np.zeros((3, 4)), hard=hard, rng=Zeros(np.random.PCG64(0)))
    assert_array_equal(finite, np.eye(4)[[0, 0, 0]] if hard else np.full((3, 4), 0.25))
    assert fa.gumbel_softmax(np.empty((2, 0)), hard=hard).shape == (2, 0)
    assert fa.gumbel_softmax([1, 2], hard=hard).dtype == np.float64
    assert fa.gumbel_softmax(np.int8([1, 2]), hard=hard).dtype == np.float32


@pytest.mark.parametrize("axis", [0, -1, None])
def test_backward_is_the_relaxed_samples(axis):
    x, grad = np.random.default_rng(6).normal(size=(2, 3, 4))
    soft = fa.gumbel_softmax(x, 0.4, axis=axis, rng=7)
    gradient = fa.gumbel_softmax.backward_from_output(grad, soft, 0.4, axis=axis)
    step = 1e-6
    for place in np.ndindex(x.shape):
        moved = [
            fa.gumbel_softmax(
                x + sign * step * (np.arange(12).reshape(3, 4) == np.ravel_multi_index(place, (3, 4))),
                0.4,
                axis=axis,
                rng=7,
            )
            for sign in (1, -1)
        ]
        assert_allclose(gradient[place], np.sum(grad * (moved[0] - moved[1])) / (2 * step), rtol=1e-5, atol=1e-8)


def test_backward_of_narrow_dtypes_and_small_temperatures():
    grad, soft = np.array([1, 0], "f2"), np.array([0.5, 0.5], "f2")
    gradient = fa.gumbel_softmax.backward_from_output(grad, soft, tau=2.0)
    assert gradient.dtype == np.float16
    assert_array_equal(gradient, [0.125, -0.125])
    with np.errstate(all="raise"):
        overflowing = fa.gumbel_softmax.backward_from_output(grad.astype("f4"), soft.astype("f4"), tau=1e-50)
    assert_array_equal(overflowing, [np.inf, -np.inf])


@pytest.mark.parametrize("tau", [0.0, -1.0, np.nan, np.inf])
def test_temperature_out_of_range(tau):
    with pytest.raises(ValueError, match=r"gumbel_softmax: tau must be finite and greater than 0"):
        fa.gumbel_softmax(X, tau)
    with pytest.raises(ValueError, match=r"gumbel_softmax.backward_from_output: tau must be finite"):
        fa.gumbel_softmax.backward_from_output(X, X, tau)


def test_errors_and_public_object():
    with pytest.raises(TypeError, match="gumbel_softmax: tau must be a number, got 'low'"):
        fa.gumbel_softmax(X, "low")
    with pytest.raises(TypeError, match="gumbel_softmax does not take complex64"):
        fa.gumbel_softmax(X.astype("c8"))
    with pytest.raises(TypeError, match="gumbel_softmax does not take dask arrays"):
        fa.gumbel_softmax(dask.array.from_array(X))
    with pytest.raises(ValueError, match="gumbel_softmax: axis 2 is out of range"):
        fa.gumbel_softmax(X, axis=2)
    assert pickle.loads(pickle.dumps(fa.gumbel_softmax)) is fa.gumbel_softmax
    assert "gumbel_softmax" not in fa.names()
    assert list(inspect.signature(fa.gumbel_softmax).parameters) == ["x", "tau", "hard", "axis", "rng", "return_soft"]
    assert repr(fa.gumbel_softmax) == "<fastact gumbel_softmax>"
