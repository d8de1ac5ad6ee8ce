"""Dask, xarray, pandas, masked arrays, subclasses and duck arrays go through unharmed."""

import pickle

import dask.array
import numpy as np
import pandas
import pytest
import xarray
from cases import AXISWISE, ELEMENTWISE
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import fastact as fa

X = np.random.default_rng(0).normal(0, 3, (60, 40)).astype("f4")


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes, which can only receive what pickles."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        yield client


def assert_lazy_and_right(lazy, expected, chunks):
    assert isinstance(lazy, dask.array.Array)
    assert lazy.dtype == expected.dtype
    assert lazy.chunks == chunks
    assert_array_equal(lazy.compute(scheduler="synchronous"), expected)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_dask_is_lazy_and_keeps_dtype_and_chunks(name):
    lazy, function = dask.array.from_array(X, chunks=(25, 40)), fa.get(name)
    assert_lazy_and_right(function(lazy), function(X), lazy.chunks)
    assert_lazy_and_right(function.derivative(lazy), function.derivative(X), lazy.chunks)
    assert_lazy_and_right(function.backward(lazy, lazy), function.backward(X, X), lazy.chunks)


def test_dask_with_parameters_and_threads():
    lazy = dask.array.from_array(X, chunks=(25, 40))
    assert_lazy_and_right(fa.prelu(lazy, 0.3), fa.prelu(X, 0.3), lazy.chunks)
    assert_lazy_and_right(fa.prelu(lazy, X[0]), fa.prelu(X, X[0]), lazy.chunks)
    assert_lazy_and_right(fa.gelu(lazy, approximate="tanh"), fa.gelu_tanh(X), lazy.chunks)
    assert_array_equal(fa.gelu(lazy).compute(scheduler="threads", num_workers=8), fa.gelu(X))


@pytest.mark.parametrize(
    "function", [fa.gelu, fa.gelu.ufunc, fa.gelu.derivative], ids=["object", "ufunc", "derivative"]
)
def test_dask_distributed(cluster, function):
    lazy = dask.array.from_array(X, chunks=(25, 40))
    assert_array_equal(function(lazy).compute(scheduler=cluster), function(X))
    assert_array_equal(lazy.map_blocks(function).compute(scheduler=cluster), function(X))
    assert_array_equal(cluster.submit(function, X).result(), function(X))


@pytest.mark.parametrize("name", AXISWISE)
def test_dask_axiswise(name):
    lazy = dask.array.from_array(X, chunks=(25, 40))
    arguments = (4,) if name == "maxout" else ()
    chunks = (lazy.chunks[0], (10,)) if name == "maxout" else lazy.chunks
    layout = {"drop_axis": 1, "meta": X[:0, 0]} if name == "logsumexp" else {"chunks": chunks, "meta": X[:0]}
    mapped = lazy.map_blocks(fa.get(name), *arguments, dtype="f4", **layout)
    assert_array_equal(mapped.compute(scheduler="synchronous"), fa.get(name)(X, *arguments))


ROWS_OF_CHUNKS = {
    "plain": X,
    "far apart": X + np.repeat(np.arange(8) * 3000.0, 5),
    "one leads": np.where(np.arange(40) == 17, X + 40, X),
    "a chunk of -inf": np.where(np.arange(40) // 5 == 2, -np.inf, X),
    "NaN": np.where(X.max() == X, np.nan, X),
}


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("rows", ROWS_OF_CHUNKS)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_dask_axis_in_chunks(name, rows, dtype):
    x = ROWS_OF_CHUNKS[rows].astype(dtype)
    function, lazy = fa.get(name), dask.array.from_array(x, chunks=(25, 5))
    result = function(lazy, axis=1)
    assert isinstance(result, dask.array.Array)
    assert (result.chunks, result.dtype) == (lazy.chunks, x.dtype)
    assert_array_max_ulp_of_normals(result.compute(scheduler="synchronous"), function(x), 3)
    lazy_columns = dask.array.from_array(x, chunks=(7, 40))
    assert_array_max_ulp_of_normals(function(lazy_columns, axis=0).compute(scheduler="threads"), function(x, axis=0), 3)
    grad = np.cos(x, where=np.isfinite(x), out=np.zeros_like(x))
    tolerance = {"rtol": 20 * np.finfo(dtype).eps, "atol": 20 * np.finfo(dtype).eps}
    for backward in ("backward", "backward_from_output"):
        operand = x if backward == "backward" else function(x)
        given = dask.array.from_array(operand, chunks=(25, 5))
        got = getattr(function, backward)(grad, given, axis=1)
        assert got.dtype == dtype
        np.testing.assert_allclose(got.compute(), getattr(function, backward)(grad, operand, axis=1), **tolerance)


def assert_array_max_ulp_of_normals(got, expected, most):
    finite = np.isfinite(expected)
    assert_array_equal(got[~finite], expected[~finite])
    spacing = np.spacing(np.maximum(np.abs(expected[finite]), np.finfo(expected.dtype).smallest_normal))
    assert (np.abs(got[finite] - expected[finite]) <= most * spacing).all()


def test_dask_axis_in_chunks_on_a_cluster(cluster):
    lazy = dask.array.from_array(X, chunks=(25, 5))
    got = fa.softmax(lazy, axis=-1).compute(scheduler=cluster)
    assert_array_max_ulp_of_normals(got, fa.softmax(X, axis=-1), 3)


@pytest.mark.parametrize("call", [fa.gelu, fa.gelu.derivative, fa.prelu, lambda x: fa.silu.backward(x, x)])
def test_xarray_keeps_names_and_coordinates(call):
    array = xarray.DataArray(X, dims=("row", "column"), coords={"row": np.arange(60)}, name="x")
    result = call(array)
    assert isinstance(result, xarray.DataArray)
    assert result.dims == array.dims
    assert result.dtype == np.float32
    xarray.testing.assert_equal(result.row, array.row)
    assert_array_equal(result.values, call(X))
    dataset = call(xarray.Dataset({"a": array, "b": array * 2}))
    assert_array_equal(dataset.b.values, call(X * 2))


@pytest.mark.parametrize("call", [fa.gelu, fa.gelu.derivative, fa.prelu, lambda x: fa.silu.backward(x, x)])
def test_pandas(call):
    frame = pandas.DataFrame(X[:5, :3], columns=list("abc"), index=list("vwxyz"))
    result = call(frame)
    pandas.testing.assert_frame_equal(result, pandas.DataFrame(call(X[:5, :3]), frame.index, frame.columns))
    pandas.testing.assert_series_equal(call(frame.a), result.a)
    nullable = pandas.Series([0.5, None, -1.0], dtype="Float64", index=list("pqr"))
    result = call(nullable)
    assert result.dtype == "Float64"
    assert list(result.index) == ["p", "q", "r"]
    assert list(result.isna()) == [False, True, False]
    assert result["r"] == call(np.float64(-1.0))


def test_scikit_learn_pipeline():
    transformer = FunctionTransformer(fa.gelu, inverse_func=None)
    pipeline = make_pipeline(FunctionTransformer(fa.tanh), transformer)
    assert_array_equal(pipeline.fit_transform(X), fa.gelu(fa.tanh(X)))
    again = pickle.loads(pickle.dumps(clone(pipeline)))
    assert_array_equal(again.transform(X), fa.gelu(fa.tanh(X)))
    frame = pandas.DataFrame(X[:5, :3], columns=list("abc"))
    pandas.testing.assert_frame_equal(transformer.transform(frame), fa.gelu(frame))


def test_masked_arrays():
    masked = np.ma.masked_array(X, X > 1)
    for call in (fa.gelu, fa.gelu.derivative, fa.prelu):
        result = call(masked)
        assert isinstance(result, np.ma.MaskedArray)
        assert_array_equal(result.mask, masked.mask)
        assert_array_equal(result.compressed(), call(X)[X <= 1])


class Labelled(np.ndarray):
    """A subclass with an attribute, as in NumPy's guide."""

    def __array_finalize__(self, source):
        self.label = getattr(source, "label", None)


def test_subclasses():
    labelled = X.view(Labelled)
    labelled.label = "x"
    for call in (fa.gelu, fa.gelu.derivative):
        result = call(labelled)
        assert type(result) is Labelled
        assert result.label == "x"
        assert_array_equal(np.asarray(result), call(X))
    assert type(fa.gelu(labelled, subok=False)) is np.ndarray


class Duck:
    """Any object with __array_ufunc__ receives the ufunc."""

    def __init__(self, values):
        self.values = values

    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        plain = [value.values if isinstance(value, Duck) else value for value in inputs]
        return Duck(getattr(ufunc, method)(*plain, **keywords))


class NoUfunc:
    """An object that refuses ufuncs."""

    __array_ufunc__ = None


def test_objects_with_array_ufunc():
    for call in (fa.gelu, fa.gelu.derivative, fa.prelu, lambda x: fa.gelu.backward(x, x)):
        result = call(Duck(X))
        assert isinstance(result, Duck)
        assert_array_equal(result.values, call(X))
    with pytest.raises(TypeError):
        fa.gelu(NoUfunc())


class Array:
    """An object that only converts to an array."""

    def __array__(self, dtype=None, copy=None):
        return np.array(X, dtype=dtype, copy=True)


def test_objects_that_convert_to_arrays():
    assert_array_equal(fa.gelu(Array()), fa.gelu(X))
    assert_array_equal(fa.softmax(Array()), fa.softmax(X))
    assert_array_equal(fa.gelu(memoryview(X)), fa.gelu(X))
    assert_array_equal(fa.gelu(X.tolist()), fa.gelu(X.astype("f8")))
