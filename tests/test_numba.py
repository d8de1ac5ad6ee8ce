"""Activations inside the user's own @njit code: scalars, arrays, derivatives, parameters, prange, caching."""

import numba
import numpy as np
import pytest
from cases import ELEMENTWISE, HAVE_MODERATE_NUMBERS, OTHER_CASES
from numpy.testing import assert_array_equal

import fastact as fa
from fastact import gelu, silu

X = np.linspace(-5, 5, 101, dtype="f4").reshape(1, 101)


def compiled_pair(name):
    """A function of the user's that calls an activation, and one that calls its derivative."""
    activation = fa.get(name)

    @numba.njit
    def value(x):
        return activation(x)

    @numba.njit
    def derivative(x):
        return activation.derivative(x)

    return (value, activation), (derivative, activation.derivative)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_arrays(name):
    for function, expected in compiled_pair(name):
        got = function(X)
        assert got.dtype == np.float32
        assert_array_equal(got, expected(X))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", HAVE_MODERATE_NUMBERS)
def test_numbers_of_any_size(name, dtype):
    x = (X * 10.0 ** np.arange(101)[::-1].clip(0, 30)).astype(dtype)
    for function, expected in compiled_pair(name):
        assert_array_equal(function(x), expected(x))
        assert [function(number) for number in x[0, ::10]] == list(expected(x)[0, ::10])


@pytest.mark.parametrize("name", ["sigmoid", "gelu", "elu", "hard_tanh"])
def test_scalars_and_other_dtypes(name):
    for function, expected in compiled_pair(name):
        assert function(0.3) == expected(0.3)
        assert function(np.float32(0.3)) == expected(np.float32(0.3))
        assert_array_equal(function(X.astype("f8")[:, ::2]), expected(X.astype("f8")[:, ::2]))
        assert_array_equal(function(X[:, :0]), X[:, :0])


@pytest.mark.parametrize(("name", "parameters"), OTHER_CASES[::2], ids=str)
def test_parameters(name, parameters):
    activation, values = fa.get(name), tuple(parameters.values())

    @numba.njit
    def given(x):
        return activation(x, *values), activation.derivative(x, *values)

    value, derivative = given(X.astype("f8"))
    assert_array_equal(value, activation(X.astype("f8"), **parameters))
    assert_array_equal(derivative, activation.derivative(X.astype("f8"), **parameters))


def test_backward_and_second_derivative():
    @numba.njit
    def user(grad, x):
        return fa.silu.backward(grad, x), fa.silu.second_derivative(x)

    backward, second = user(X, X)
    assert_array_equal(backward, fa.silu.backward(X, X))
    assert_array_equal(second, fa.silu.second_derivative(X))


def test_module_attribute_and_imported_name():
    @numba.njit
    def by_module(x):
        return fa.gelu(x) + fa.gelu.derivative(x)

    @numba.njit
    def by_name(x):
        return gelu(x) + gelu.derivative(x)

    expected = fa.gelu(X) + fa.gelu.derivative(X)
    assert_array_equal(by_module(X), expected)
    assert_array_equal(by_name(X), expected)
    assert by_module(0.25) == fa.gelu(0.25) + fa.gelu.derivative(0.25)


def test_prange_and_parallel():
    @numba.njit(parallel=True)
    def rows(x):
        out = np.empty_like(x)
        for row in numba.prange(x.shape[0]):
            for column in range(x.shape[1]):
                out[row, column] = silu(x[row, column])
        return out

    @numba.njit(parallel=True)
    def whole(x):
        return fa.silu(x) * 2

    x = np.random.default_rng(0).normal(size=(64, 100)).astype("f4")
    assert_array_equal(rows(x), fa.silu(x))
    assert_array_equal(whole(x), fa.silu(x) * 2)


def test_cached_user_functions(run_python, tmp_path):
    module = """
import numba
import numpy as np
import fastact as fa

@numba.njit(cache=True)
def user(x):
    return fa.mish(x) + fa.mish.derivative(x)

x = np.linspace(-2, 2, 9, dtype="f4")
assert np.array_equal(user(x), fa.mish(x) + fa.mish.derivative(x))
print(sum(user.stats.cache_hits.values()), sum(user.stats.cache_misses.values()))
"""
    path, folder = tmp_path / "user.py", str(tmp_path / "numba")
    path.write_text(module)
    script = f"import runpy; runpy.run_path({str(path)!r})"
    assert run_python(script, NUMBA_CACHE_DIR=folder) == "0 1"
    assert run_python(script, NUMBA_CACHE_DIR=folder) == "1 0"


def test_wrong_use_is_a_typing_error():
    @numba.njit
    def wrong(x):
        return fa.gelu(x)

    with pytest.raises(numba.TypingError):
        wrong("text")
