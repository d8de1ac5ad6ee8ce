"""Functions along an axis of xarray's and pandas' objects: whose arrays are taken out, and whose labels are put back.

Element-wise functions are ufuncs, which both take themselves. Neither takes a generalised one: where rows are made of
several elements, it is for the function to say which labels still hold. Those along an axis whose length has changed
do not.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def is_labelled(value: Any) -> bool:
    """Whether a value is of xarray or pandas, found out without importing either."""
    library = type(value).__module__.partition(".")[0]
    return (library == "xarray" and hasattr(value, "coords")) or (library == "pandas" and hasattr(value, "axes"))


def values(labelled: Any) -> Any:
    """The array of an object of xarray, which may be dask's, or of pandas; masked, where values are missing."""
    if type(labelled).__module__.startswith("pandas"):
        return _taken_out_of_pandas(labelled)
    if hasattr(labelled, "data_vars"):
        raise TypeError("a Dataset holds several arrays: pass one of them, such as dataset['x']")
    return labelled.data


def call(function: Callable[..., Any], arrays: Sequence[Any], keywords: dict[str, Any]) -> Any:
    """Call a function along an axis on arrays at least one of which has labels; the last that has gives them."""
    like = [array for array in arrays if is_labelled(array)][-1]
    if type(like).__module__.startswith("pandas"):
        result = function(*map(_taken_out_of_pandas, arrays), **keywords)
        return _as_pandas(result, like, keywords.get("axis", -1))
    if hasattr(like, "data_vars"):
        return _of_datasets(function, arrays, like, keywords)
    return _of_data_arrays(function, arrays, like, keywords)


# --- xarray -----------------------------------------------------------------------------------------


def _of_datasets(function: Callable[..., Any], arrays: Sequence[Any], like: Any, keywords: dict[str, Any]) -> Any:
    """Each variable by itself, along the axis of that number."""
    results = {
        name: function(*(array[name] if hasattr(array, "data_vars") else array for array in arrays), **keywords)
        for name in like.data_vars
    }
    return type(like)(results, attrs=_attributes(like))


def _of_data_arrays(function: Callable[..., Any], arrays: Sequence[Any], like: Any, keywords: dict[str, Any]) -> Any:
    import xarray

    labelled = [array for array in arrays if is_labelled(array)]
    axis = keywords.get("axis", -1)
    along = like.dims if axis is None else [like.dims[i] for i in (axis if isinstance(axis, tuple) else (axis,))]
    xarray.align(*labelled, join="exact", copy=False, exclude=along)
    ordered = [
        array.transpose(*(name for name in like.dims if name in array.dims)).data if is_labelled(array) else array
        for array in arrays
    ]
    result = function(*ordered, **keywords)
    if result.shape == like.shape:
        result = like.copy(data=result)
        return result if _keeps_attributes() else result.drop_attrs()
    dimensions = like.dims if result.ndim == like.ndim else tuple(name for name in like.dims if name not in along)
    coordinates = {name: value for name, value in like.coords.items() if not set(along) & set(value.dims)}
    return xarray.DataArray(result, coordinates, dimensions, like.name, _attributes(like))


def _attributes(like: Any) -> dict[str, Any]:
    return dict(like.attrs) if _keeps_attributes() else {}


def _keeps_attributes() -> bool:
    import xarray

    return xarray.get_options()["keep_attrs"] is not False


# --- pandas -----------------------------------------------------------------------------------------


def _taken_out_of_pandas(array: Any) -> Any:
    """A NumPy array; a masked one, where the dtype of some column has missing values of its own."""
    if not is_labelled(array):
        return array
    dtypes = [array.dtype] if array.ndim == 1 else list(array.dtypes)
    if not any(_is_nullable(dtype) for dtype in dtypes):
        return array.to_numpy()
    dtype = np.result_type(*(getattr(dtype, "numpy_dtype", dtype) for dtype in dtypes))
    missing = array.isna().to_numpy()
    return np.ma.MaskedArray(array.fillna(0).to_numpy(dtype), missing)


def _is_nullable(dtype: Any) -> bool:
    return hasattr(dtype, "numpy_dtype")


def _as_pandas(result: Any, like: Any, axis: Any) -> Any:
    import pandas

    if np.ndim(result) == 0:
        return result
    if like.ndim == 1:
        index = like.index if result.shape == like.shape else None
        return pandas.Series(_column(result), index, name=like.name)
    if result.ndim == 1:
        return pandas.Series(_column(result), like.columns if axis in (0, -2) else like.index)
    index, columns = (
        labels if length == len(labels) else pandas.RangeIndex(length)
        for labels, length in zip(like.axes, result.shape, strict=True)
    )
    return pandas.DataFrame({i: _column(column) for i, column in enumerate(result.T)}, index).set_axis(columns, axis=1)


def _column(values: Any) -> Any:
    import pandas

    if not isinstance(values, np.ma.MaskedArray):
        return values
    return pandas.arrays.FloatingArray(np.ma.getdata(values).copy(), np.ma.getmaskarray(values).copy())
