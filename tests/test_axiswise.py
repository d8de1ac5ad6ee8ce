"""softmax, log_softmax and maxout along any axis, forward and backward."""

import math
import pickle

import numpy as np
import pytest
from cases import AXISWISE
from numpy.testing import assert_allclose, assert_array_equal

import fastact as fa
from fastact._accuracy.reference import exact_row, ulp_error
from fastact._accuracy.ulps import ulp_errors

SOFT = ["softmax", "log_softmax"]
random = np.random.default_rng(0)
ROWS = {
    "plain": random.normal(0, 3, 9),
    "one": np.array([3.7]),
    "wide": np.array([-80.0, -3, 0.25, 80, 79.5]),
    "large": np.array([3e38, 2.9e38, -3e38, 0, 1]),
    "equal": np.full(6, -7.25),
    "long": random.normal(0, 2, 300),
    "nearly certain": np.array([20.0, 0.0, -1.0]),
}
ROWS = {key: row.astype("f4") for key, row in ROWS.items()}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("name", SOFT)
def test_values_against_mpmath(name, row, dtype):
    x = ROWS[row].astype(dtype)
    got = fa.get(name)(x)
    assert got.dtype == dtype
    errors = [ulp_error(y, value, dtype) for y, value in zip(got, exact_row(name, x), strict=True)]
    assert max(errors) <= fa.get(name).info.accuracy[dtype]


@pytest.mark.parametrize("name", SOFT)
def test_float16_and_integers(name):
    x = random.normal(0, 3, (5, 7)).astype("f2")
    got = fa.get(name)(x)
    assert got.dtype == np.float16
    expected = fa.get(name)(x.astype("f8"))
    spacing = np.spacing(np.abs(expected).astype("f2")).astype("f8")
    assert np.all(np.abs(got - expected) <= 0.51 * spacing)
    assert fa.get(name)(np.array([0, 1], "i1")).dtype == np.float32
    assert fa.get(name)([0, 1]).dtype == np.float64


def plain(name, x, axis, pieces=None):
    """NumPy's formula in float64."""
    if name == "maxout":
        moved = np.moveaxis(x, axis, -1)
        return np.moveaxis(moved.reshape(*moved.shape[:-1], -1, pieces).max(-1), -1, axis)
    shifted = x - x.max(axis=axis, keepdims=True)
    total = np.exp(shifted).sum(axis=axis, keepdims=True)
    return np.exp(shifted) / total if name == "softmax" else shifted - np.log(total)


def plain_backward(name, grad, x, axis, pieces=None):
    """NumPy's formula in float64."""
    if name == "maxout":
        winners = np.repeat(plain(name, x, axis, pieces), pieces, axis) == x
        return np.where(winners, np.repeat(grad, pieces, axis), 0)
    y = plain("softmax", x, axis)
    if name == "softmax":
        return y * (grad - (grad * y).sum(axis=axis, keepdims=True))
    return grad - y * grad.sum(axis=axis, keepdims=True)


LAYOUTS = {
    "C": lambda x: x,
    "Fortran": np.asfortranarray,
    "transposed": lambda x: np.ascontiguousarray(x.transpose(2, 0, 1)).transpose(1, 2, 0),
    "every second": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "reversed": lambda x: x[:, ::-1].copy()[:, ::-1],
    "byte-swapped": lambda x: x.astype(x.dtype.newbyteorder()),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2])
@pytest.mark.parametrize("name", AXISWISE)
def test_axes_and_layouts(name, axis, layout):
    pieces = (2,) if name == "maxout" else ()
    x = random.normal(0, 3, (4, 6, 8)).astype("f4")
    y = fa.get(name)(LAYOUTS[layout](x), *pieces, axis=axis)
    assert_array_equal(y, fa.get(name)(x, *pieces, axis=axis))
    assert_allclose(y, plain(name, x.astype("f8"), axis, *pieces), rtol=1e-6)
    grad = random.normal(size=y.shape).astype("f4")
    backward = fa.get(name).backward(grad, LAYOUTS[layout](x), *pieces, axis=axis)
    assert_array_equal(backward, fa.get(name).backward(grad, x, *pieces, axis=axis))
    expected = plain_backward(name, grad.astype("f8"), x.astype("f8"), axis, *pieces)
    assert_allclose(backward, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", SOFT)
@pytest.mark.parametrize("axis", [0, -1])
def test_backward_from_output(name, axis):
    activation = fa.get(name)
    x, grad = random.normal(0, 3, (2, 30, 40))
    y = activation(x, axis=axis)
    expected = plain_backward(name, grad, x, axis)
    assert_allclose(activation.backward_from_output(grad, y, axis=axis), expected, rtol=1e-11, atol=1e-14)
    assert_allclose(activation.backward(grad, x, axis=axis), expected, rtol=1e-11, atol=1e-14)
    narrow = activation.backward_from_output(grad.astype("f4"), y.astype("f4"), axis=axis)
    assert narrow.dtype == np.float32
    assert_allclose(narrow, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", SOFT)
def test_backward_against_finite_differences(name):
    x, grad = random.normal(0, 1, (2, 6))
    step = 1e-6 * np.eye(6)
    differences = (fa.get(name)(x + step) - fa.get(name)(x - step)) @ grad / 2e-6
    assert_allclose(fa.get(name).backward(grad, x), differences, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", AXISWISE)
def test_same_bits_for_any_thread_count_and_place(name, axis, threads):
    pieces = (2,) if name == "maxout" else ()
    x = random.normal(0, 3, (1000, 512)).astype("f4")
    threads(1)
    one = fa.get(name)(x, *pieces, axis=axis)
    threads(2)
    assert_array_equal(fa.get(name)(x, *pieces, axis=axis), one)
    some = np.take(x, [3, 997] if axis else [3, 511], axis=1 - axis)
    expected = np.take(one, [3, 997] if axis else [3, 511], axis=1 - axis)
    assert_array_equal(fa.get(name)(some, *pieces, axis=axis), expected)


LONG = 2**19 + 77  # longer than what threads share, and no whole number of blocks


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SOFT)
def test_long_rows_have_the_same_bits_in_any_form(name, dtype, threads):
    activation = fa.get(name)
    x, grad = random.normal(0, 3, (2, 9, LONG)).astype(dtype)
    threads(1)
    y = activation(x)
    gradients = activation.backward(grad, x), activation.backward_from_output(grad, y)
    for count in (1, 2):
        threads(count)
        for rows in (slice(0, 1), slice(0, 9)):  # one row, which threads share; and rows side by side
            sides = [np.ascontiguousarray(array[rows].T) for array in (grad, x, y)]
            assert_array_equal(activation(x[rows]), y[rows])
            assert_array_equal(activation(sides[1], axis=0), y[rows].T)
            assert_array_equal(activation.backward(grad[rows], x[rows]), gradients[0][rows])
            assert_array_equal(activation.backward(sides[0], sides[1], axis=0), gradients[0][rows].T)
            assert_array_equal(activation.backward_from_output(grad[rows], y[rows]), gradients[1][rows])
            assert_array_equal(activation.backward_from_output(sides[0], sides[2], axis=0), gradients[1][rows].T)


@pytest.mark.parametrize("length", [2, 3, 16, 31, 32, 63, 64, 65, 129, 1000, 2048, 2049, 40_000, 10**6])
@pytest.mark.parametrize("name", SOFT)
def test_rows_of_any_length(name, length):
    x = random.normal(0, 3, (40 if length < 3000 else 1, length)).astype("f4")
    shifted = x.astype("f8") - x.max(-1, keepdims=True).astype("f8")
    totals = np.array([[math.fsum(row)] for row in np.exp(shifted)])
    expected = np.exp(shifted) / totals if name == "softmax" else shifted - np.log(totals)
    y = fa.get(name)(x)
    assert ulp_errors(y, expected).max() <= 1
    assert_array_equal(fa.get(name)(x[:1]), y[:1])  # rows alone and in company
    assert_array_equal(fa.get(name)(np.repeat(x, 2, axis=1)[:, ::2]), y)


@pytest.mark.parametrize("name", AXISWISE)
@pytest.mark.parametrize(("shape", "axis"), [((0,), 0), ((3, 0), 1), ((3, 0), 0), ((0, 4), 1), ((2, 0, 4), -1)])
def test_empty(name, shape, axis):
    pieces = (2,) if name == "maxout" and shape[axis] % 2 == 0 else (1,) if name == "maxout" else ()
    y = fa.get(name)(np.empty(shape, "f4"), *pieces, axis=axis)
    expected = list(shape)
    expected[axis] //= pieces[0] if pieces else 1
    assert y.shape == tuple(expected)
    assert y.dtype == np.float32
    assert fa.get(name).backward(y, np.empty(shape, "f4"), *pieces, axis=axis).shape == shape


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SOFT)
def test_infinities_and_nan(name, dtype):
    rows = np.array([[-np.inf, 0, 0], [np.nan, 1, 2], [np.finfo(dtype).max, 0, -np.finfo(dtype).max]], dtype)
    with np.errstate(all="raise"):
        y = fa.get(name)(rows)
        fa.get(name).backward(rows, rows)
        fa.get(name).backward_from_output(y, y)
    assert np.isnan(y[1]).all()
    half, certain = (0.5, [1, 0, 0]) if name == "softmax" else (-np.log(2), [0, -np.inf, -np.inf])
    assert_allclose(y[0], [0 if name == "softmax" else -np.inf, half, half], rtol=1e-6)
    if name == "softmax":
        assert_array_equal(y[2], certain)


@pytest.mark.parametrize("name", SOFT)
def test_out(name):
    x = random.normal(size=(20, 30)).astype("f4")
    for axis in (0, 1):
        expected, out = fa.get(name)(x, axis=axis), np.empty_like(x)
        assert fa.get(name)(x, axis=axis, out=out) is out
        assert_array_equal(out, expected)
        in_place = x.copy()
        fa.get(name)(in_place, axis=axis, out=in_place)
        assert_array_equal(in_place, expected)
        shifted = np.concatenate([x, x])
        fa.get(name)(shifted[:20], axis=axis, out=shifted[5:25])
        assert_array_equal(shifted[5:25], expected)
    with pytest.raises(ValueError, match=r"out|broadcast"):
        fa.get(name)(x, out=np.empty((20, 31), "f4"))


def test_maxout_values_ties_and_nan():
    x = np.array([[1.0, 5, 3, 3, np.nan, 0], [-1, -2, -np.inf, -np.inf, 2, np.nan]])
    assert_array_equal(fa.maxout(x, 2), [[5, 3, np.nan], [-1, -np.inf, np.nan]])
    assert_array_equal(fa.maxout(x[:, :4], 4), [[5], [-1]])
    assert_array_equal(fa.maxout(x[0, :4], 1), x[0, :4])
    gradient = fa.maxout.backward(np.array([[10.0, 20], [30, 40]]), x[:, :4], 2)
    assert_array_equal(gradient, [[0, 10, 20, 0], [30, 0, 40, 0]])  # the first of equals wins
    for row, pieces in ((ROWS["plain"], 3), (ROWS["long"], 50)):
        assert_array_equal(fa.maxout(row, pieces), np.array(exact_row("maxout", row, pieces), "f4"))


@pytest.mark.parametrize("name", AXISWISE)
def test_public_object(name):
    activation = fa.get(name)
    assert pickle.loads(pickle.dumps(activation)) is activation
    assert name in repr(activation)
    assert "Parameters\n" in activation.__doc__
    with pytest.raises(TypeError, match=r"axis|integer"):
        activation(np.ones((2, 2)), *((1,) if name == "maxout" else ()), axis="last")
