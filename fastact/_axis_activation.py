"""The public objects of functions along an axis."""

import functools
import inspect
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from fastact import _ufuncs
from fastact._activation import as_array, explained_dtype, find, is_dask
from fastact._axes import normalized
from fastact._definition import NATIVE_DTYPES, Definition
from fastact._device import is_device_array
from fastact._docstrings import Documented, docstring
from fastact._front import Fronted
from fastact._jacobian import Jacobian
from fastact._labelled import call as call_of_labelled
from fastact._labelled import is_labelled
from fastact._notebook import Shown
from fastact._rows import EMPTY, Rows, check_out, checked_empty, left_out_by

ndarray = np.ndarray


class AxisDirection(Fronted, Documented):
    """One direction of a function along an axis.

    Attributes
    ----------
    name : str
        As it is written: ``"softmax.backward"``.
    """

    def __init__(self, definition: Definition, direction: str) -> None:
        self._definition, self._direction = definition, direction
        self.name = definition.name if direction == "value" else f"{definition.name}.{direction}"
        self._arrays = definition.arrays(direction)
        self._own = ("pieces",) if definition.name == "maxout" else ()
        self._keepdims = definition.reduces and not self._own
        self.__name__ = self.__qualname__ = self.name
        if self._has_front:
            self._become(self._first_call)

    @property
    def _has_front(self) -> bool:
        """Whether a call of arrays alone is one of the ufunc."""
        return not self._own

    def _front(self) -> tuple[Callable, Any]:
        from fastact._engine.calls import short_way

        # None is so small that its layout is of no concern: results are laid out as operands are.
        general = self._own_call()
        return short_way(self.ufunc, general, general, len(self._arrays), -1, takes_axis=True)

    def _docstring(self) -> str:
        return docstring(self._definition, self._direction, self.__signature__)

    @property
    def ufunc(self) -> np.ufunc:
        """The real generalised `numpy.ufunc`, along the last axis unless told otherwise."""
        return _ufuncs.axiswise(self._definition.name, self._direction).ufunc

    @functools.cached_property
    def _rows(self) -> Rows:
        return Rows(self.name, self._definition, self._direction, self._run, self._result_dtype)

    @functools.cached_property
    def __signature__(self) -> inspect.Signature:
        kinds = inspect.Parameter
        arrays = [kinds(name, kinds.POSITIONAL_ONLY) for name in self._arrays]
        own = [kinds(name, kinds.POSITIONAL_OR_KEYWORD) for name in self._own]
        axis = kinds("axis", kinds.POSITIONAL_OR_KEYWORD, default=-1)
        options: dict[str, Any] = {"keepdims": False} if self._keepdims else {}
        options |= {"out": None, "dtype": None}
        if self._definition.left_out:
            options["where"] = True
        if self._definition.has_empty_rows:
            options["empty"] = EMPTY[0]
        keywords = [kinds(name, kinds.KEYWORD_ONLY, default=default) for name, default in options.items()]
        return inspect.Signature([*arrays, *own, axis, *keywords])

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        if not self._own and self._is_plain(args, keywords):
            options = {"out": keywords["out"]} if "out" in keywords else {}
            return self._run(list(args), options, keywords.get("axis", -1))
        if any(map(is_device_array, (*args, *keywords.values()))):
            return self._device_call(args, keywords)
        if any(map(is_labelled, args)):
            return call_of_labelled(self, args, keywords)
        given = self._bound(args, keywords)
        arrays = [as_array(given.pop(name)) for name in self._arrays]
        options = {name: given[name] for name in ("out", "dtype") if given[name] is not None}
        if isinstance(given["out"], ndarray) and not given["out"].flags.writeable:
            raise ValueError(f"{self.name}: out is read-only; pass an array that may be written")
        return self._general_call(arrays, given, options)

    def _device_call(self, args: tuple, keywords: dict[str, Any]) -> Any:
        from fastact.cuda import target

        target.require_device()
        from fastact.cuda import along

        stream = keywords.pop("stream", None)
        given = self._bound(args, keywords)
        arrays = [given[name] for name in self._arrays]
        options = given["axis"], given["out"], given["dtype"], stream
        where = given.get("where", True)
        if self._own:
            return along.call_of_groups(self, arrays, given["pieces"], *options, where)
        return along.call(self, arrays, *options, where, given.get("empty", EMPTY[0]), given.get("keepdims", False))

    def _general_call(self, arrays: list, given: dict[str, Any], options: dict[str, Any]) -> Any:
        x, where = arrays[-1], given.get("where", True)
        axes = (self._axis(given["axis"], x),) if self._own else normalized(self.name, given["axis"], x.ndim)
        empty = checked_empty(self.name, given.get("empty", EMPTY[0]))
        left_out = left_out_by(self.name, where, x.shape)
        if any(map(is_dask, [*arrays, where])):
            from fastact import _dask

            return _dask.along_axes(self, arrays, axes, given)
        if self._own:
            return self._pick(arrays, given["pieces"], axes[0], left_out, options)
        if given.get("keepdims"):
            return self._kept(arrays, axes, left_out, empty, options)
        return self._rows(arrays, axes, left_out, empty, options)

    def _kept(self, arrays: list, axes: tuple, left_out: Any, empty: str, options: dict[str, Any]) -> Any:
        """Run where the output has kept its axes, each with length 1."""
        *grad, x = arrays
        grad = [self._without_axes(array, axes, x, "grad") for array in grad]
        if grad or "out" not in options:
            result = self._rows([*grad, x], axes, left_out, empty, options)
            return result if grad else np.expand_dims(result, axes)
        out = self._without_axes(options["out"], axes, x, "out")
        self._rows(arrays, axes, left_out, empty, options | {"out": out})
        return options["out"]

    def _bound(self, args: tuple, keywords: dict[str, Any]) -> dict[str, Any]:
        """What was given for each name of the signature."""
        # Binding costs ten times what a short row does: once for each number of arrays and choice of keywords.
        if (pattern := (len(args), *keywords)) not in self._bound_before:
            try:
                self.__signature__.bind(*args, **keywords)
            except TypeError as error:
                raise TypeError(f"{self.name}{self.__signature__}: {error}") from None
            self._bound_before.add(pattern)
        return {**self._default_arguments, **dict(zip(self.__signature__.parameters, args, strict=False)), **keywords}

    @functools.cached_property
    def _bound_before(self) -> set[tuple]:
        return set()

    @functools.cached_property
    def _default_arguments(self) -> dict[str, Any]:
        parameters = self.__signature__.parameters.values()
        return {each.name: each.default for each in parameters if each.default is not each.empty}

    def _is_plain(self, args: tuple, keywords: dict[str, Any]) -> bool:
        """Whether a call gives NumPy's own arrays, and no more than an axis that they have and where to write."""
        if len(args) != len(self._arrays) or not all(type(array) is ndarray for array in args):
            return False
        if "out" in keywords and not (type(out := keywords["out"]) is ndarray and out.flags.writeable):
            return False
        axis, dimensions = keywords.get("axis", -1), args[-1].ndim
        return keywords.keys() <= {"axis", "out"} and type(axis) is int and -dimensions <= axis < dimensions

    def _axis(self, axis: Any, array: Any) -> int:
        """The axis; a function that splits it, or groups its elements, takes but one."""
        try:
            (axis,) = normalized(self.name, operator.index(axis), array.ndim)
        except TypeError:
            raise TypeError(f"{self.name}: axis must be an integer, got {axis!r}") from None
        return axis

    def _run(self, arrays: list, options: dict[str, Any], axis: int) -> Any:
        if "out" not in options and self._is_laid_out_otherwise(arrays, axis):
            x, dtype = arrays[-1], self._result_dtype(arrays, options)
            options = options | {"out": np.empty_like(x, dtype=dtype, subok=False)}
        try:
            result = self.ufunc(*arrays, **options, axis=axis)
        except (TypeError, ValueError) as error:
            raise self._explained(error, arrays, options) from None
        _ufuncs.raise_failure()
        return result

    def _is_laid_out_otherwise(self, arrays: list, axis: int) -> bool:
        """Whether the result has the last operand's shape, but would not have its order of elements in memory.

        NumPy lays results of generalised ufuncs out with the axis innermost, wherever that is in the operands.
        """
        x = arrays[-1]
        if x.ndim < 2 or (x.flags.c_contiguous and axis in (-1, x.ndim - 1)) or not self._rows.result_has_axis:
            return False
        return all(type(array) is ndarray for array in arrays) and (
            not self._rows.grad_has_axis or all(array.shape == x.shape for array in arrays)
        )

    def _result_dtype(self, arrays: list, options: dict[str, Any]) -> np.dtype:
        if "dtype" in options:
            return np.dtype(options["dtype"])
        dtype = arrays[-1].dtype
        if dtype in NATIVE_DTYPES and all(array.dtype == dtype for array in arrays):
            return dtype
        try:
            return self.ufunc.resolve_dtypes((*(array.dtype for array in arrays), None))[-1]
        except TypeError as error:
            raise self._explained(error, arrays, options) from None

    def _explained(self, error: Exception, arrays: list, options: dict[str, Any]) -> Exception:
        if isinstance(error, TypeError):
            return explained_dtype(self.name, error, arrays, options)
        shapes = " ".join(str(array.shape) for array in arrays)
        if "out" in options and "operand" in str(error):
            return ValueError(
                f"{self.name}: out of shape {np.shape(options['out'])} cannot hold the result of operands {shapes}; "
                "pass out of the result's shape"
            )
        return ValueError(f"{self.name}: operands of shapes {shapes} do not fit together")

    def _without_axes(self, array: Any, axes: tuple, x: Any, name: str) -> Any:
        """An array that has kept axes, each with length 1, without them."""
        if np.ndim(array) != x.ndim or any(array.shape[axis] != 1 for axis in axes):
            raise ValueError(
                f"{self.name}: with keepdims=True {name} must have {x.ndim} dimensions, and length 1 along axis "
                f"{', '.join(map(str, axes))}, got shape {np.shape(array)}"
            )
        return array.squeeze(axes)

    # --- maxout: groups along the axis become an axis of their own -----------------------------------

    def _pick(self, arrays: list, pieces: Any, axis: int, left_out: Any, options: dict[str, Any]) -> Any:
        *grad, x = arrays
        pieces = self._pieces(pieces, x.shape[axis])
        shape = (*x.shape[:axis], x.shape[axis] // pieces, pieces, *x.shape[axis + 1 :])
        if left_out is not None:
            left_out = left_out.reshape(shape)
        if grad and "out" in options:
            check_out(self.name, options["out"], x.shape)
            options["out"] = options["out"].reshape(shape, copy=False)
        result = self._rows([*grad, x.reshape(shape)], (axis + 1,), left_out, EMPTY[0], options)
        return result.reshape(x.shape) if grad else result

    def _pieces(self, pieces: Any, channels: int) -> int:
        try:
            pieces = operator.index(pieces)
        except TypeError:
            raise TypeError(f"{self.name}: pieces must be an integer, got {pieces!r}") from None
        if pieces < 1 or channels % pieces:
            raise ValueError(
                f"{self.name}: pieces must be at least 1 and divide the axis' length {channels}, got {pieces}"
            )
        return pieces

    def __repr__(self) -> str:
        return f"<fastact {self.name}>"

    def __reduce__(self) -> tuple:
        return find, (self._definition.name, self._direction)


def no_such_direction(activation: Any, name: str) -> AttributeError:
    """What to raise for an attribute that an activation lacks."""
    if name.startswith("__"):
        return AttributeError(name)
    others = ["jacobian"] if activation.info.has_jacobian else []
    known = ", ".join([*activation.info.directions[1:], *others, "info", "ufunc"])
    return AttributeError(f"{activation.name} has no {name!r}; it has {known}")


class AxisActivation(Shown, AxisDirection):
    """A function along an axis: call it for its value, its attributes for what belongs to it.

    Attributes
    ----------
    backward, backward_from_output : AxisDirection
        The gradient with respect to x, from x or from y where y suffices.
    jacobian : Jacobian
        The derivatives of a row's results with respect to its elements, where a row gives as many as it has.
    info : Definition
        Formula, papers, and the rest that is known.
    """

    def __init__(self, definition: Definition) -> None:
        super().__init__(definition, "value")
        self.info = definition
        for direction in definition.directions[1:]:
            setattr(self, direction, AxisDirection(definition, direction))
        if definition.has_jacobian:
            self.jacobian = Jacobian(definition)

    def __getattr__(self, name: str) -> Any:
        raise no_such_direction(self, name)

    def __reduce__(self) -> tuple:
        return find, (self.info.name,)
