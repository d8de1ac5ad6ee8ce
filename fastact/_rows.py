"""Calls of a function along an axis that ask for more than a ufunc does: several axes, masks, empty rows.

An element that takes no part is replaced, in a copy, by one that adds nothing: -inf for a softmax. A row of such
elements alone is empty: it has no largest element, and what it gives is the caller's choice.
"""

import difflib
from collections.abc import Callable
from typing import Any

import numpy as np

from fastact._activation import as_array
from fastact._axes import joined, others, split
from fastact._definition import Definition

ndarray = np.ndarray

#: What `empty` may be, the default first.
EMPTY = ("nan", "zero", "uniform")


def checked_empty(name: str, word: Any) -> str:
    """The word itself, if `empty` may be it."""
    if word not in EMPTY:
        near = difflib.get_close_matches(str(word), EMPTY, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"it may be {', '.join(map(repr, EMPTY))}"
        raise ValueError(f"{name}: unknown empty={word!r}; {hint}")
    return word


def left_out_by(name: str, where: Any, shape: tuple[int, ...]) -> Any:
    """Which elements of an array of this shape take no part; None if all do."""
    if where is True:
        return None
    mask = as_array(where)
    if mask.dtype != bool:
        raise TypeError(
            f"{name}: where must be a boolean mask, got {mask.dtype}; write where=mask != 0 if all but zeros take part"
        )
    try:
        return np.broadcast_to(~mask, shape)
    except ValueError:
        raise ValueError(f"{name}: where of shape {mask.shape} does not broadcast to x's shape {shape}") from None


class Rows:
    """How one direction of a function along an axis treats rows.

    Parameters
    ----------
    name : str
        What errors call it.
    definition, direction : Definition, str
        The function and what to compute.
    run : callable
        Runs it along one axis: takes a list of arrays, a dict of options and ``axis=``.
    result_dtype : callable
        Says of arrays and options which dtype the result has.
    """

    def __init__(
        self, name: str, definition: Definition, direction: str, run: Callable, result_dtype: Callable
    ) -> None:
        self._name, self._run, self._result_dtype = name, run, result_dtype
        self._is_value = direction == "value"
        self.grad_has_axis = not definition.reduces
        self.result_has_axis = not (definition.reduces and self._is_value)
        self._has_empty_rows, self._has_winner = definition.has_empty_rows, definition.has_winner(direction)
        # What stands for an element that is left out, and what the result is there.
        left_out = definition.left_out or (np.nan,)
        self._stand_in = left_out[-1 if definition.arrays(direction)[-1] == "y" else 0]
        self._nothing = left_out[-1] if self._is_value else 0.0

    def rule(self, empty: str) -> tuple[str, float, float]:
        """What to make of empty rows, what stands for an element that is left out, and what it gives itself.

        What to make of them is one of `EMPTY`; or nothing special, an empty word.
        """
        if not self._has_empty_rows:
            empty = ""
        elif empty == "uniform" and not self._is_value:  # it does not depend on the elements
            empty = "zero"
        return empty, self._stand_in, self._nothing

    def __call__(self, arrays: list, axes: tuple[int, ...], left_out: Any, empty: str, options: dict[str, Any]) -> Any:
        """Run the direction.

        Parameters
        ----------
        arrays : list
            Its operands.
        axes : tuple of int
            The axes of the last operand that make up a row.
        left_out : ndarray of bool or None
            Which elements of the last operand take no part.
        empty : str
            What to make of empty rows.
        options : dict
            ``out`` and ``dtype``, where they are given.
        """
        if any(isinstance(array, np.ma.MaskedArray) for array in arrays):
            return self._of_masked_arrays(arrays, axes, left_out, empty, options)
        if len(axes) == 1 and left_out is None and empty == EMPTY[0]:
            return self._run(arrays, options, axis=axes[0])
        arrays = [np.asarray(array) for array in arrays]
        self._check_shapes(arrays, axes)
        if len(axes) != 1:
            return self._along_axes(arrays, axes, left_out, empty, options)
        return self._without(arrays, axes[0], left_out, empty, options)

    def _check_shapes(self, arrays: list[ndarray], axes: tuple[int, ...]) -> None:
        *grads, x = (array.shape for array in arrays)
        expected = x if self.grad_has_axis else tuple(x[i] for i in others(len(x), axes))
        for grad in grads:
            if grad != expected:
                raise ValueError(f"{self._name}: grad must have the output's shape {expected}, got {grad}")

    # --- masked arrays -----------------------------------------------------------------------------

    def _of_masked_arrays(self, arrays: list, axes: tuple, left_out: Any, empty: str, options: dict) -> Any:
        """Leave out what is masked, and mask the result there."""
        *grad, x = arrays
        masked = np.any([np.ma.getmaskarray(array) for array in (arrays if self.grad_has_axis else [x])], axis=0)
        left_out = masked if left_out is None else left_out | masked
        result = self([*(np.ma.filled(array, 0) for array in grad), np.ma.getdata(x)], axes, left_out, empty, options)
        if "out" in options:
            return result
        return np.ma.MaskedArray(result, masked if self.result_has_axis else masked.all(axis=axes))

    # --- several axes ------------------------------------------------------------------------------

    def _along_axes(self, arrays: list[ndarray], axes: tuple, left_out: Any, empty: str, options: dict) -> Any:
        """Make the axes one, run along that, and bring the result into x's shape."""
        *grad, x = arrays
        rows = [*(joined(array, axes) if self.grad_has_axis else array for array in grad), joined(x, axes)]
        if left_out is not None:
            left_out = joined(left_out, axes)
        last = (rows[-1].ndim - 1,)
        if not self.result_has_axis:
            return self(rows, last, left_out, empty, options)
        out = options.get("out")
        if out is None:
            out = np.empty_like(x, dtype=self._result_dtype(arrays, options))
        check_out(self._name, out, x.shape)
        place = joined(out, axes)
        self(rows, last, left_out, empty, options | {"out": place})
        if not np.may_share_memory(place, out):
            np.copyto(out, split(place, axes, out.shape))
        return out if out.ndim or "out" in options else out[()]

    # --- elements that take no part ----------------------------------------------------------------

    def _without(self, arrays: list[ndarray], axis: int, left_out: Any, empty: str, options: dict) -> Any:
        """Run along an axis without what is left out; then see to empty rows."""
        *grad, x = arrays
        if left_out is not None:
            dtype = self._result_dtype(arrays, options)
            x = _filled(x, left_out, self._stand_in, dtype)
            if self.grad_has_axis:
                grad = [_filled(array, left_out, 0.0, dtype) for array in grad]
        looks = self._has_winner or empty != EMPTY[0]
        are_empty = _rows_of(self._stand_in, x, axis) if looks else None  # before out, which may be x, is written
        result = self._run([*grad, x], options, axis=axis)
        if self.result_has_axis:
            if left_out is not None:
                np.copyto(result, self._nothing, where=left_out)
            self._mend(result, grad, axis, left_out, are_empty, empty)
        return result

    def _mend(self, result: ndarray, grad: list, axis: int, left_out: Any, are_empty: Any, empty: str) -> None:
        """Give empty rows their results."""
        mended: Any = self._nothing
        if self._has_winner:  # all that take part are equal, and the first of them wins
            are_empty = are_empty & ~left_out.all(axis=axis)
            mended = self._of_equal_elements(result, grad, axis, left_out, are_empty)
        elif not self._has_empty_rows:
            return
        elif empty == "nan":  # but for rows that are left out wholly, it is there already
            are_empty, mended = left_out.all(axis=axis), np.nan
        elif empty == "uniform" and self._is_value:
            mended = self._of_equal_elements(result, grad, axis, left_out, are_empty)
        np.moveaxis(result, axis, -1)[are_empty] = mended

    def _of_equal_elements(self, result: ndarray, grad: list, axis: int, left_out: Any, which: ndarray) -> ndarray:
        """What some rows give if all of their elements that take part are equal; where none does, all do."""
        shape = np.moveaxis(result, axis, -1)[which].shape
        without = np.zeros(shape, bool) if left_out is None else np.moveaxis(left_out, axis, -1)[which]
        without[without.all(axis=-1)] = False
        equal = np.where(without, self._stand_in, 0.0).astype(result.dtype)
        grad = [np.moveaxis(array, axis, -1)[which] if self.grad_has_axis else array[which] for array in grad]
        return self._run([*grad, equal], {}, axis=-1)


def _filled(array: ndarray, left_out: ndarray, value: float, dtype: Any) -> ndarray:
    """A copy with a value for what is left out."""
    copy = np.array(array, dtype=dtype, copy=True)
    np.copyto(copy, value, where=left_out)
    return copy


def _rows_of(value: float, array: ndarray, axis: int) -> ndarray:
    """Whether rows hold one value only; those that do not begin with it are not gone through."""
    rows = np.moveaxis(array, axis, -1)
    if not rows.shape[-1]:
        return np.zeros(rows.shape[:-1], bool)
    found = np.asarray(rows[..., 0] == value)
    found[found] = (rows[found] == value).all(axis=-1)
    return found


def check_out(name: str, out: Any, shape: tuple[int, ...]) -> None:
    """Refuse what cannot take a result of this shape."""
    if not isinstance(out, ndarray):
        raise TypeError(f"{name}: out must be a NumPy array, got {type(out).__name__}")
    if out.shape != shape:
        raise ValueError(f"{name}: out must have the shape of x, {shape}, got {out.shape}")
