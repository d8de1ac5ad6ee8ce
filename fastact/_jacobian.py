"""All derivatives of the results of rows with respect to their elements."""

import functools
import inspect
from typing import Any

import numpy as np

from fastact._activation import find, is_dask
from fastact._axes import joined, normalized
from fastact._definition import Definition
from fastact._device import is_device_array
from fastact._docstrings import Documented, docstring

_NARROW = ("float16", "bfloat16")


class Jacobian(Documented):
    """The Jacobian matrices of a function along an axis.

    Parameters
    ----------
    definition : Definition
        The function, which must not change where all elements of a row grow by the same number: what is on the
        diagonal follows from that.
    """

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self.name = self.__name__ = self.__qualname__ = f"{definition.name}.jacobian"

    def _docstring(self) -> str:
        return docstring(self._definition, "jacobian", self.__signature__)

    @functools.cached_property
    def __signature__(self) -> inspect.Signature:
        kinds = inspect.Parameter
        x, axis = kinds("x", kinds.POSITIONAL_ONLY), kinds("axis", kinds.POSITIONAL_OR_KEYWORD, default=-1)
        return inspect.Signature([x, axis, kinds("dtype", kinds.KEYWORD_ONLY, default=None)])

    def __call__(self, x: Any, /, axis: Any = -1, *, dtype: Any = None) -> np.ndarray:
        if is_dask(x):
            raise TypeError(f"{self.name} does not take dask arrays; call it on blocks that have whole rows")
        if is_device_array(x):
            from fastact.cuda import target

            target.require_device()
            from fastact.cuda import along

            return along.jacobian(self, find(self._definition.name, "backward"), x, axis, dtype)
        function, x = find(self._definition.name), np.asarray(x)
        rows = joined(x, normalized(self.name, axis, x.ndim))[..., np.newaxis, :]
        dtype = function(rows[..., :0], dtype=dtype).dtype
        working = np.dtype(np.float32) if dtype.name in _NARROW else dtype
        result = function.backward(np.eye(rows.shape[-1], dtype=working), rows.astype(working, copy=False))
        diagonal = np.einsum("...ii->...i", result)
        with np.errstate(under="ignore"):
            # Each row of the matrix adds up to 0. The kernel's own diagonal cancels where an element leads by much.
            diagonal[...] = 0.0
            diagonal[...] = 0.0 - result.sum(axis=-1, dtype=np.float64)
            return result.astype(dtype, copy=False)

    def __repr__(self) -> str:
        return f"<fastact {self.name}>"

    def __reduce__(self) -> tuple:
        return find, (self._definition.name, "jacobian")
