"""Dask, xarray, pandas, masked arrays, subclasses and duck arrays go through unharmed."""

import pickle

import dask.array
import distributed
import numpy as np
import pandas
import polars
import pytest
import xarray
import zarr
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import fastact as fa
from fastact._command_line.operands import required_parameters

X = np.random.default_rng(0).normal(0, 3, (60, 40)).astype("f4")


@pytest.fixture(scope="class")
def cluster():
    """Two worker processes, which can only receive what pickles; closed soon, since idle ones are busy, too."""
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        yield client


# --- dask --------------------------------------------------------------------------------------------

EVERY = [(name, direction) for name in fa.names() for direction in fa.get(name).info.directions]
EXCHANGED = ("softmax", "softmin", "log_softmax", "logsumexp")
LAZY = dask.array.from_array(X, chunks=(25, 11))


def call(name, direction, x):
    """Call a direction at `x`, along the first axis where it has one, and with what else it takes."""
    activation = fa.get(name)
    keywords = required_parameters(activation) | ({} if activation.info.kind == "elementwise" else {"axis": 0})
    arrays = [array for array in activation.info.arrays(direction) if array != "gate"]
    y = activation(x, **keywords) if arrays != ["x"] else None
    given = {"x": x, "y": y, "grad": y}
    function = activation if direction == "value" else getattr(activation, direction)
    results = function(*(given[array] for array in arrays), **keywords)
    return results if isinstance(results, tuple) else (results,)


def assert_lazy(array, dtype, chunks):
    assert isinstance(array, dask.array.Array)
    assert array.dtype == dtype
    assert array.chunks == chunks


def assert_lazy_and_right(lazy, expected, chunks, most=0):
    assert_lazy(lazy, expected.dtype, chunks)
    assert_array_max_ulp_of_normals(lazy.compute(scheduler="synchronous"), expected, most)


@pytest.mark.parametrize(("name", "direction"), EVERY)
def test_dask_is_lazy_and_keeps_dtype_and_chunks(name, direction):
    for lazy in call(name, direction, LAZY):
        assert_lazy(lazy, X.dtype, LAZY.chunks if lazy.shape == X.shape else (*lazy.chunks[:-1], LAZY.chunks[1]))


@pytest.mark.parametrize("name", fa.names())
def test_dask_computes_values(name):
    # A row's sum in chunks is as near the exact one as the sum in one go, but need not be the same.
    most, exact = (1, X.astype("f8")) if name in EXCHANGED else (0, X)
    (got,), (expected,) = call(name, "value", LAZY), call(name, "value", exact)
    assert_array_max_ulp_of_normals(got.compute(scheduler="synchronous"), expected.astype(X.dtype), most)


def test_dask_with_parameters_and_threads():
    lazy = dask.array.from_array(X, chunks=(25, 40))
    assert_lazy_and_right(fa.prelu(lazy, 0.3), fa.prelu(X, 0.3), lazy.chunks)
    assert_lazy_and_right(fa.prelu(lazy, X[0]), fa.prelu(X, X[0]), lazy.chunks)
    assert_lazy_and_right(fa.gelu(lazy, approximate="tanh"), fa.gelu_tanh(X), lazy.chunks)
    assert_array_equal(fa.gelu(lazy).compute(scheduler="threads", num_workers=8), fa.gelu(X))


@pytest.mark.parametrize("grid", [(60, 40), (25, 11)])
@pytest.mark.parametrize("axis", [0, 1])
def test_dask_splits_and_joins_and_groups_along_every_axis(axis, grid):
    x = dask.array.from_array(X, chunks=grid)
    for how in ({}, {"interleaved": True}, {"gate_first": True}):
        grad = np.cos(fa.swiglu(X, axis=axis, **how))
        lazy, expected = (fa.swiglu.backward(grad, array, axis=axis, **how) for array in (x, X))
        assert_lazy_and_right(lazy, expected, x.chunks)
    for lazy, expected in zip(fa.swiglu.backward(1.0, x, x), fa.swiglu.backward(1.0, X, X), strict=True):
        assert_lazy_and_right(lazy, expected, x.chunks)
    grad = np.cos(fa.maxout(X, 4, axis=axis))
    assert_array_equal(fa.maxout(x, 4, axis=axis).compute(scheduler="synchronous"), fa.maxout(X, 4, axis=axis))
    lazy, expected = (fa.maxout.backward(grad, array, 4, axis=axis) for array in (x, X))
    assert_lazy_and_right(lazy, expected, x.chunks)


@pytest.mark.parametrize("alpha", [0.2, X[0], X[:, :1]], ids=["number", "per column", "per row"])
def test_dask_parameter_gradients(alpha):
    lazy = dask.array.from_array(X, chunks=(25, 11))
    (got,), (expected,) = (fa.prelu.parameter_gradients(x, x, alpha) for x in (lazy, X))
    assert isinstance(got, dask.array.Array)
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    np.testing.assert_allclose(got.compute(), expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["softmax", "logsumexp", "sparsemax"])
def test_dask_with_masks_and_several_axes(name):
    function, mask = fa.get(name), X > 0
    lazy, lazy_mask = (dask.array.from_array(array, chunks=(25, 11)) for array in (X, mask))
    for keywords in (
        {"where": mask},
        {"empty": "zero"} if name != "logsumexp" else {},
        {"axis": None},
        {"axis": (1, 0)},
    ):
        expected = function(X, **keywords)
        if "where" in keywords:
            keywords = {"where": lazy_mask}
        got = function(lazy, **keywords)
        assert_lazy(got, X.dtype, lazy.chunks if expected.shape == X.shape else got.chunks)
        np.testing.assert_allclose(got.compute(scheduler="synchronous"), expected, rtol=3e-7)
    masked = function(dask.array.ma.masked_array(lazy, lazy_mask)).compute(scheduler="synchronous")
    expected = function(np.ma.masked_array(X, mask))
    assert_array_equal(np.ma.getmaskarray(masked), np.ma.getmaskarray(expected))
    assert_array_equal(np.ma.filled(masked, 0), np.ma.filled(expected, 0))


def test_dask_draws_the_same_again():
    lazy = dask.array.from_array(X, chunks=(25, 11))
    y, slopes = fa.rrelu(lazy, rng=3, return_slopes=True)
    drawn = slopes.compute()
    assert_array_equal(slopes.compute(), drawn)
    assert len(np.unique(drawn)) > 0.99 * drawn.size  # chunks do not repeat each other
    assert drawn.min() >= np.float32(1 / 8)
    assert drawn.max() <= np.float32(1 / 3)
    assert_lazy_and_right(y, fa.prelu(X, drawn), lazy.chunks)
    assert_array_equal(fa.rrelu(lazy, rng=3).compute(), y.compute())


def test_dask_maxout_dense():
    random = np.random.default_rng(1)
    weight, bias = random.normal(size=(40, 3, 2)).astype("f4"), random.normal(size=(3, 2)).astype("f4")
    lazy = dask.array.from_array(X, chunks=(25, 11))
    grad = np.ones((60, 3), "f4")
    results = [fa.maxout_dense(lazy, weight, bias), *fa.maxout_dense.backward(grad, lazy, weight, bias)]
    expected = [fa.maxout_dense(X, weight, bias), *fa.maxout_dense.backward(grad, X, weight, bias)]
    for result, array in zip(results, expected, strict=True):
        assert isinstance(result, dask.array.Array)
        np.testing.assert_allclose(result.compute(scheduler="synchronous"), array, rtol=1e-5, atol=1e-5)


def test_dask_refuses_out_and_shapes_that_do_not_fit():
    lazy = dask.array.from_array(X, chunks=(25, 40))
    with pytest.raises(TypeError, match="softmax: a dask array is computed later"):
        fa.softmax(lazy, out=np.empty_like(X))
    with pytest.raises(TypeError, match="gelu_value_and_derivative: a dask array is computed later"):
        fa.gelu.value_and_derivative(lazy, out=(np.empty_like(X), np.empty_like(X)))
    with pytest.raises(ValueError, match=r"softmax.backward: operands of shapes \(60, 40\) \(7, 40\) do not fit"):
        fa.softmax.backward(lazy, X[:7])


class TestDaskDistributed:
    @pytest.mark.parametrize(
        "function", [fa.gelu, fa.gelu.ufunc, fa.gelu.derivative], ids=["object", "ufunc", "derivative"]
    )
    def test_element_by_element(self, cluster, function):
        lazy = dask.array.from_array(X, chunks=(25, 40))
        assert_array_equal(function(lazy).compute(scheduler=cluster), function(X))
        assert_array_equal(lazy.map_blocks(function).compute(scheduler=cluster), function(X))
        assert_array_equal(cluster.submit(function, X).result(), function(X))

    def test_along_an_axis_in_chunks(self, cluster):
        lazy = dask.array.from_array(X, chunks=(25, 11))
        results = {
            name: [fa.get(name)(x, **required_parameters(fa.get(name))) for x in (lazy, X)]
            for name in ("softmax", "logsumexp", "sparsemax", "maxout", "swiglu")
        }
        results["backward"] = [fa.softmax.backward(x, x) for x in (lazy, X)]
        results["two results"] = [fa.gelu.value_and_derivative(x)[1] for x in (lazy, X)]
        results["drawn"] = [fa.rrelu(lazy, rng=1), fa.rrelu(lazy, rng=1).compute(scheduler="synchronous")]
        computed = dask.compute(*(lazy for lazy, _ in results.values()), scheduler=cluster)
        for got, (_, expected) in zip(computed, results.values(), strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)


ROWS_OF_CHUNKS = {
    "plain": X,
    "far apart": X + np.repeat(np.arange(8) * 3000.0, 5),
    "one leads": np.where(np.arange(40) == 17, X + 40, X),
    "a chunk of -inf": np.where(np.arange(40) // 5 == 2, -np.inf, X),
    "all -inf": np.full_like(X, -np.inf),
    "NaN": np.where(X.max() == X, np.nan, X),
    "one +inf": np.where(np.arange(40) == 17, np.inf, X),
    "+inf in two chunks": np.where(np.arange(40) % 20 == 17, np.inf, X),
}


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("rows", ROWS_OF_CHUNKS)
@pytest.mark.parametrize("name", EXCHANGED)
def test_dask_axis_in_chunks(name, rows, dtype):
    with np.errstate(over="ignore"):
        x = ROWS_OF_CHUNKS[rows].astype(dtype)
    function, lazy = fa.get(name), dask.array.from_array(x, chunks=(25, 5))
    most = {"f2": 1, "f4": 1, "f8": 3}[dtype]
    with np.errstate(over="ignore", under="ignore"):
        expected, expected_of_columns = (function(x.astype("f8"), axis=axis).astype(dtype) for axis in (1, 0))
    assert_lazy_and_right(function(lazy, axis=1), expected, lazy.chunks[: expected.ndim], most)
    lazy_columns = dask.array.from_array(x, chunks=(7, 40))
    chunks = lazy_columns.chunks[-expected.ndim :]
    assert_lazy_and_right(function(lazy_columns, axis=0), expected_of_columns, chunks, most)
    grad = np.cos(expected, where=np.isfinite(expected), out=np.zeros_like(expected))
    tolerance = {"rtol": 20 * np.finfo(dtype).eps, "atol": 20 * np.finfo(dtype).eps}
    for backward in fa.get(name).info.directions[1:]:
        operand = x if backward == "backward" else expected
        given = dask.array.from_array(operand, chunks=(25, 5))
        got = getattr(function, backward)(grad, given, axis=1)
        assert_lazy(got, dtype, lazy.chunks)
        np.testing.assert_allclose(got.compute(), getattr(function, backward)(grad, operand, axis=1), **tolerance)


def assert_array_max_ulp_of_normals(got, expected, most):
    finite = np.isfinite(expected)
    assert_array_equal(got[~finite], expected[~finite])
    if not most:
        assert_array_equal(got, expected)
        return
    spacing = np.spacing(np.maximum(np.abs(expected[finite]), np.finfo(expected.dtype).smallest_normal))
    assert (np.abs(got[finite] - expected[finite]) <= most * spacing).all()


# --- xarray, pandas, scikit-learn, masked arrays, polars ----------------------------------------------


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


def along(name, x, **keywords):
    return fa.get(name)(x, **required_parameters(fa.get(name)), **keywords)


@pytest.mark.parametrize("name", ["softmax", "logsumexp", "maxout", "swiglu"])
def test_xarray_along_an_axis(name):
    coordinates = {"row": np.arange(60), "column": np.arange(40), "height": ("row", np.ones(60))}
    array = xarray.DataArray(X, coordinates, ("row", "column"), "x", {"units": "V"})
    result, expected = along(name, array), along(name, X)
    assert_array_equal(result.values, expected, strict=True)
    assert (result.name, result.attrs) == ("x", fa.gelu(array).attrs)
    assert result.dims == array.dims[: expected.ndim]
    xarray.testing.assert_equal(result.height, array.height)
    assert ("column" in result.coords) == (name == "softmax")
    assert_array_equal(along(name, array, axis=0).values, along(name, X, axis=0))
    assert isinstance(along(name, array.chunk(25)).data, dask.array.Array)
    dataset = along(name, xarray.Dataset({"a": array, "b": array * 2}, attrs={"title": "t"}))
    assert_array_equal(dataset.b.values, along(name, X * 2))
    assert dataset.attrs == {"title": "t"}
    with xarray.set_options(keep_attrs=False):
        assert along(name, array).attrs == fa.gelu(array).attrs == {}
    gradient = fa.get(name).backward(result, array, **required_parameters(fa.get(name)))
    xarray.testing.assert_equal(
        gradient, array.copy(data=fa.get(name).backward(expected, X, **required_parameters(fa.get(name))))
    )
    with pytest.raises(ValueError, match="row"):
        fa.softmax.backward(array.isel(row=slice(None, None, -1)), array)


@pytest.mark.parametrize("name", ["softmax", "logsumexp", "maxout", "swiglu"])
def test_pandas_along_an_axis(name):
    frame = pandas.DataFrame(X[:6, :4], columns=list("abcd"), index=list("uvwxyz"))
    for axis in (0, 1):
        result, expected = along(name, frame, axis=axis), along(name, X[:6, :4], axis=axis)
        assert_array_equal(result.to_numpy(), expected, strict=True)
        if expected.ndim == 1:
            assert result.index.equals(frame.axes[1 - axis])
        else:
            assert result.axes[1 - axis].equals(frame.axes[1 - axis])
            assert result.axes[axis].equals(frame.axes[axis]) == (expected.shape == frame.shape)
    result, expected = along(name, frame.a), along(name, X[:6, 0])
    assert_array_equal(np.asarray(result), expected)
    assert np.ndim(result) == 0 or result.name == "a"


def test_pandas_along_an_axis_with_missing_values():
    series = pandas.Series([0.5, None, -1.0], dtype="Float32", index=list("pqr"))
    expected = fa.softmax(np.float32([0.5, -1]))
    result = fa.softmax(series)
    assert result.dtype == "Float32"
    assert list(result.isna()) == [False, True, False]
    assert_array_equal(result.dropna().to_numpy("f4"), expected)
    frame = pandas.DataFrame({"a": series, "b": pandas.Series([1, 2, None], dtype="Int16", index=list("pqr"))})
    result = fa.softmax(frame)
    assert list(result.dtypes) == ["Float32", "Float32"]
    assert_array_equal(result.isna(), frame.isna())
    assert_array_equal(result.loc["p"].to_numpy("f4"), fa.softmax(np.float32([0.5, 1])))
    assert result.b["q"] == result.a["r"] == 1


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

    named = FunctionTransformer(fa.softmax, feature_names_out="one-to-one").set_output(transform="pandas")
    pandas.testing.assert_frame_equal(named.fit_transform(frame), fa.softmax(frame))


@pytest.mark.parametrize("function", [fa.gelu, fa.gelu.derivative, fa.prelu])
def test_polars(function):
    series = polars.Series("s", X[0])
    assert_array_equal(function(series).to_numpy(), function(X[0]), strict=True)
    with_null = polars.Series("s", [0.5, None, -1.0], dtype=polars.Float32)
    assert function(with_null).is_null().to_list() == [False, True, False]
    frame = polars.DataFrame({"s": X[0]})
    mapped = polars.col("s").map_batches(function, return_dtype=polars.Float32)
    for expression in (function(polars.col("s")), mapped):
        assert_array_equal(frame.select(expression)["s"].to_numpy(), function(X[0]), strict=True)


def test_polars_along_an_axis():
    assert_array_equal(fa.softmax(polars.Series("s", X[0])), fa.softmax(X[0]), strict=True)
    frame = polars.DataFrame({"s": X[0]})
    softmax = polars.col("s").map_batches(fa.softmax, return_dtype=polars.Float32)
    assert_array_equal(frame.select(softmax)["s"].to_numpy(), fa.softmax(X[0]))


def test_memory_maps(tmp_path):
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for function in (fa.gelu, fa.softmax):
        assert_array_equal(function(mapped), function(X))
    target = np.lib.format.open_memmap(tmp_path / "y.npy", "w+", X.dtype, X.shape)
    fa.gelu(mapped, out=target)
    del target
    assert_array_equal(np.load(tmp_path / "y.npy"), fa.gelu(X))


def test_zarr_through_dask(tmp_path):
    zarr.create_array(tmp_path / "x.zarr", shape=X.shape, chunks=(25, 11), dtype=X.dtype)[...] = X
    lazy = fa.gelu(dask.array.from_zarr(tmp_path / "x.zarr"))
    lazy.to_zarr(tmp_path / "y.zarr")
    result = zarr.open_array(tmp_path / "y.zarr", mode="r")
    assert_array_equal(result[...], fa.gelu(X), strict=True)
    assert result.chunks == (25, 11)


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
