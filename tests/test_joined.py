"""crelu: two halves joined along an axis, forward and backward."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fastact as fa


def sample(*shape, dtype="f4"):
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


LAYOUTS = {
    "C": lambda x: x,
    "Fortran": np.asfortranarray,
    "every second": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "reversed": lambda x: x[::-1].copy()[::-1],
    "byte-swapped": lambda x: x.astype(x.dtype.newbyteorder()),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_axes_and_layouts(axis, layout):
    x = sample(4, 6, 5)
    y = fa.crelu(LAYOUTS[layout](x), axis=axis)
    assert y.dtype == np.float32
    assert_array_equal(y, np.concatenate([fa.relu(x), fa.relu(-x)], axis))
    grad = np.cos(y)
    first, second = np.split(grad, 2, axis)
    expected = np.where(x > 0, first, -second)
    assert_array_equal(fa.crelu.backward(LAYOUTS[layout](grad), LAYOUTS[layout](x), axis=axis), expected)


def test_kink_zeros_infinities_and_nan():
    x = np.array([0.0, -0.0, np.nan, np.inf, -np.inf], "f4")
    with np.errstate(all="raise"):
        y, gradient = fa.crelu(x), fa.crelu.backward(np.arange(1, 11, dtype="f4"), x)
    assert_array_equal(y, [0, 0, np.nan, np.inf, 0, 0, 0, np.nan, 0, np.inf])
    assert_array_equal(np.signbit(y[:2]), np.signbit(x[:2]))  # as relu's own
    assert_array_equal(gradient, [0, 0, np.nan, 4, -10])


def test_gradient_against_finite_differences():
    x, grad, step = sample(3, 8, dtype="f8"), sample(3, 16, dtype="f8"), 1e-6
    for shift in np.eye(24).reshape(24, 3, 8):
        difference = np.sum(grad * (fa.crelu(x + step * shift) - fa.crelu(x - step * shift))) / (2 * step)
        assert np.sum(fa.crelu.backward(grad, x) * shift) == pytest.approx(difference, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("axis", [0, -1])
def test_dtypes_out_and_large_arrays(axis, threads):
    for dtype, expected in {"f2": "f2", "f4": "f4", "f8": "f8", "i1": "f4", "i8": "f8", "?": "f4"}.items():
        assert fa.crelu(np.arange(3).astype(dtype)).dtype == expected
        assert fa.crelu.backward(np.ones(6, dtype), np.arange(3).astype(dtype)).dtype == expected
    large = sample(400, 700)
    threads(1)
    one = fa.crelu(large, axis=axis)
    threads(2)
    out = np.empty_like(one)
    assert fa.crelu(large, axis=axis, out=out) is out
    assert_array_equal(out, one)
    assert_array_equal(out, np.concatenate([fa.relu(large), fa.relu(-large)], axis))
    gradient = fa.crelu.backward(out, large, axis=axis)
    assert_array_equal(gradient, large)
    assert fa.crelu.backward(out, large, axis=axis, out=large) is large
    assert_array_equal(large, gradient)
    first = np.take(out, range(large.shape[axis]), axis)  # the result over its own operand
    overlapping = np.moveaxis(out, axis, 0)[: large.shape[axis]]
    assert_array_equal(fa.crelu(np.moveaxis(overlapping, 0, axis), axis=axis, out=out), fa.crelu(first, axis=axis))
    assert fa.crelu(np.empty((3, 0), "f4")).shape == (3, 0)


def test_dask_stays_lazy():
    dask_array = pytest.importorskip("dask.array")
    x = sample(4, 6)
    lazy = fa.crelu(dask_array.from_array(x, chunks=2), axis=1)
    assert isinstance(lazy, dask_array.Array)
    assert_array_equal(lazy.compute(scheduler="synchronous"), fa.crelu(x, axis=1))
    gradient = fa.crelu.backward(lazy, dask_array.from_array(x, chunks=2), axis=1)
    assert_array_equal(gradient.compute(scheduler="synchronous"), x)


def test_errors():
    x = sample(2, 3)
    with pytest.raises(ValueError, match="crelu: axis 2 is out of range"):
        fa.crelu(x, axis=2)
    with pytest.raises(TypeError, match="crelu: axis must be an integer"):
        fa.crelu(x, axis="last")
    with pytest.raises(ValueError, match=r"crelu: out must be an array of the shape \(2, 6\)"):
        fa.crelu(x, out=np.empty_like(x))
    with pytest.raises(ValueError, match=r"crelu.backward: grad must have the output's shape \(2, 6\), got \(2, 3\)"):
        fa.crelu.backward(x, x)
    with pytest.raises(TypeError, match="crelu does not take complex64"):
        fa.crelu(x.astype("c8"))
    with pytest.raises(TypeError, match="unexpected keyword"):
        fa.crelu(x, gate=x)
