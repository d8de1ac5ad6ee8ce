"""Gated linear units: accuracy, the one-array and the two-array form, layouts, gradients, errors."""

import pickle

import numba
import numpy as np
import pytest
from mpmath import mpf, workprec
from numpy.testing import assert_array_equal

import fastact as fa
from fastact._accuracy.points import few
from fastact._accuracy.reference import compute, ulp_error
from fastact._accuracy.ulps import ulp_errors

GATED = fa.names("gated")
X = np.random.default_rng(0).normal(0, 2, (6, 8, 10)).astype("f4")
BOUNDS = {"float32": 1, "float64": 1.5}


def halves(x):
    return x[..., :5], x[..., 5:]


def any_magnitude(random, dtype, size):
    """Numbers of every exponent of a dtype, subnormal ones and nearly the largest included."""
    limits = np.finfo(dtype)
    exponents = random.uniform(limits.minexp - limits.nmant, limits.maxexp, size)
    return (np.exp2(exponents) * random.choice([-1.0, 1.0], size)).astype(dtype)


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("name", GATED)
def test_against_mpmath(name, dtype):
    # Far on the left gates underflow, and large factors bring back what underflowed.
    random = np.random.default_rng(0)
    activation = fa.get(name).info.gate
    gate = np.concatenate([few(dtype, 100), -np.exp2(random.uniform(1, 11.1, 60)).astype(dtype)])
    gate = gate[~np.isin(gate, fa.get(activation).info.kinks)]
    plain, wide = random.normal(size=(2, gate.size)).astype(dtype), any_magnitude(random, dtype, (2, gate.size))
    values, slopes = ([compute(activation, (float(g),), order) for g in gate] for order in (0, 1))
    for grad, x in (plain, wide):
        results = fa.get(name)(x, gate), *fa.get(name).backward(grad, x, gate)
        assert all(result.dtype == dtype for result in results)
        for i in range(gate.size):
            with workprec(300):
                grad_i, x_i = mpf(float(grad[i])), mpf(float(x[i]))
                exact = x_i * values[i], grad_i * values[i], grad_i * x_i * slopes[i]
            errors = [ulp_error(result[i], right, dtype) for result, right in zip(results, exact, strict=True)]
            assert max(errors) <= BOUNDS[dtype], (grad[i], x[i], gate[i])


@pytest.mark.parametrize("name", GATED)
def test_values_of_float32_against_float64(name):
    """Whose kernel the test above proves."""
    random = np.random.default_rng(1)
    special = np.array([0, -0.0, 1, -1, 3e38, -3e38, 1e-45, -1e-45, -88, -104, -200, np.inf, -np.inf, np.nan], "f4")
    x, gate = any_magnitude(random, "float32", (2, 200_000))
    gate[::2] = random.uniform(-210, 210, 100_000)
    gate[1::4] = random.uniform(4, 20, 50_000)  # from where what gates lack of 1 is less than float32 has digits
    x, gate = (
        np.concatenate(both) for both in ((x, np.repeat(special, special.size)), (gate, np.tile(special, special.size)))
    )
    errors = ulp_errors(fa.get(name)(x, gate), fa.get(name)(x.astype("f8"), gate.astype("f8")))
    worst = np.argmax(errors)  # NaN, if there is one
    assert errors[worst] <= BOUNDS["float32"], (x[worst], gate[worst])


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("name", ["geglu", "geglu_tanh", "glu", "swiglu"])
def test_infinities(name, dtype):
    """A gate that is 0 in the limit only lets an infinity through; at the limit it is 0, and 0 times infinity NaN."""
    x, gate = np.array([[np.inf, np.inf, np.inf, 2, np.nan], [-1e9, -np.inf, np.inf, -np.inf, -1e9]], dtype)
    with np.errstate(all="raise"):
        y = fa.get(name)(x, gate)
        to_x, to_gate = fa.get(name).backward(np.ones(5, dtype), x, gate)
    assert_array_equal(abs(y), [np.inf, np.nan, np.inf, 0, np.nan])
    assert_array_equal(abs(to_x[:2]), [0, 0])
    assert_array_equal(abs(to_gate[:2]), [np.inf, np.nan])


@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("name", GATED)
def test_one_array_is_split_along_an_axis(name, axis):
    function = fa.get(name)
    first, second = np.split(X, 2, axis)
    expected = function(first, second)
    assert_array_equal(function(X, axis=axis), expected)
    assert_array_equal(function(np.concatenate([second, first], axis), axis=axis, gate_first=True), expected)
    mixed = np.stack([first, second], axis % 3 + 1).reshape(X.shape)
    assert_array_equal(function(mixed, axis=axis, interleaved=True), expected)


@pytest.mark.parametrize("options", [{}, {"gate_first": True}, {"interleaved": True}])
@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("name", GATED)
def test_backward_fills_the_shape_of_x(name, axis, options):
    function, x, random = fa.get(name), X.astype("f8"), np.random.default_rng(1)
    grad = random.normal(size=function(x, axis=axis).shape)
    gradient = function.backward(grad, x, axis=axis, **options)
    assert gradient.shape == x.shape
    step = 1e-6
    for _ in range(5):
        shift = random.normal(size=x.shape)
        difference = function(x + step * shift, axis=axis, **options) - function(x - step * shift, axis=axis, **options)
        assert np.sum(gradient * shift) == pytest.approx(np.sum(grad * difference) / (2 * step), rel=1e-6)
    out = np.empty_like(x)
    assert function.backward(grad, x, axis=axis, out=out, **options) is out
    assert_array_equal(out, gradient)
    in_place = x.copy()
    function.backward(grad, in_place, axis=axis, out=in_place, **options)
    assert_array_equal(in_place, gradient)


@pytest.mark.parametrize("name", GATED)
def test_dtypes_out_where_and_large_arrays(name):
    function, random = fa.get(name), np.random.default_rng(2)
    for dtype, expected in {"f2": "f2", "f4": "f4", "f8": "f8", "i1": "f4", "i8": "f8"}.items():
        x = np.arange(6).reshape(1, 6).astype(dtype)
        assert function(x).dtype == expected
        assert function.backward(1.0, x).dtype == fa.sigmoid.backward(1.0, x).dtype
        assert function.backward(np.ones((1, 3), dtype), x).dtype == expected
    out = np.full((6, 8, 5), -7, "f4")
    mask = random.random(out.shape) < 0.5
    assert function(X, out=out, where=mask) is out
    assert_array_equal(out, np.where(mask, function(X), -7))
    large = random.normal(size=(300, 1000)).astype("f4")
    first, second = np.ascontiguousarray(large[:, :500]), np.ascontiguousarray(large[:, 500:])
    assert_array_equal(function(large), function(first, second))
    assert_array_equal(function(large, axis=0), function(large[:150].copy(), large[150:].copy()))


def test_geglu_variants():
    assert_array_equal(fa.geglu(X, approximate="tanh"), fa.geglu_tanh(X))
    assert_array_equal(fa.geglu.backward(1.0, X, approximate="tanh"), fa.geglu_tanh.backward(1.0, X))


@pytest.mark.parametrize("name", GATED)
def test_empty_scalars_pickling_and_dask(name):
    dask_array = pytest.importorskip("dask.array")
    function = fa.get(name)
    assert function(np.empty((3, 0), "f4")).shape == (3, 0)
    assert function(1.0, 2.0) == fa.get(function.info.gate)(2.0)
    for item in (function, function.backward, function.ufunc):
        assert pickle.loads(pickle.dumps(item)) is item or isinstance(item, type(function.backward))
    lazy = dask_array.from_array(X, chunks=(2, 8, 10))
    assert_array_equal(function(lazy).compute(scheduler="synchronous"), function(X))


@pytest.mark.parametrize("name", GATED)
def test_in_compiled_code(name):
    function = fa.get(name)
    first, second = (np.ascontiguousarray(half) for half in halves(X))

    @numba.njit
    def compiled(grad, x, gate):
        return function(x, gate), function.backward(grad, x, gate)

    value, gradients = compiled(first, first, second)
    assert_array_equal(value, function(X))
    for got, expected in zip(gradients, function.backward(first, first, second), strict=True):
        assert_array_equal(got, expected)


@pytest.mark.parametrize("name", GATED)
def test_errors(name):
    function = fa.get(name)
    with pytest.raises(ValueError, match=f"{name}.*even length.*got 5"):
        function(np.ones((2, 5)))
    with pytest.raises(ValueError, match=f"{name}.*axis 3 is out of range"):
        function(X, axis=3)
    with pytest.raises(TypeError, match=f"{name} does not take complex64"):
        function(np.ones(4, "c8"))
    with pytest.raises(ValueError, match=f"{name}.*shapes"):
        function(np.ones(3), np.ones(4))
    with pytest.raises(ValueError, match=rf"{name}.backward: out must be an array of the shape \(2, 4\)"):
        function.backward(1.0, np.ones((2, 4)), out=np.ones(4))
    with pytest.raises(TypeError, match="unexpected keyword"):
        function(X, axes=1)
