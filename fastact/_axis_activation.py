"""The public objects of functions along an axis."""

import functools
import inspect
import operator
from typing import Any

import numpy as np

from fastact import _ufuncs
from fastact._activation import explained_dtype, find
from fastact._definition import Definition
from fastact._docstrings import docstring

ndarray = np.ndarray


class AxisDirection:
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
        self.__doc__ = docstring(definition, direction)

    @property
    def ufunc(self) -> np.ufunc:
        """The real generalised `numpy.ufunc`, along the last axis unless told otherwise."""
        return _ufuncs.axiswise(self._definition.name, self._direction).ufunc

    @functools.cached_property
    def __signature__(self) -> inspect.Signature:
        kinds = inspect.Parameter
        arrays = [kinds(name, kinds.POSITIONAL_ONLY) for name in self._arrays]
        own = [kinds(name, kinds.POSITIONAL_OR_KEYWORD) for name in self._own]
        axis = kinds("axis", kinds.POSITIONAL_OR_KEYWORD, default=-1)
        keepdims = [kinds("keepdims", kinds.KEYWORD_ONLY, default=False)] if self._keepdims else []
        keywords = [kinds(name, kinds.KEYWORD_ONLY, default=None) for name in ("out", "dtype")]
        return inspect.Signature([*arrays, *own, axis, *keepdims, *keywords])

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        if not self._own and self._is_plain(args, keywords):  # binding arguments costs ten times what a short row does
            return self._run(list(args), {}, **(keywords or {"axis": -1}))
        given = self._bound(args, keywords)
        arrays = [as_array(given[name]) for name in self._arrays]
        axis = self._axis(given["axis"], arrays[-1])
        options = {name: given[name] for name in ("out", "dtype") if given[name] is not None}
        if isinstance(options.get("out"), ndarray) and not options["out"].flags.writeable:
            raise ValueError(f"{self.name}: out is read-only; pass an array that may be written")
        if self._own:
            return self._pick(arrays, given["pieces"], axis, options)
        if given.get("keepdims") and self._direction == "value":
            options["keepdims"] = True
        elif given.get("keepdims"):
            arrays[0] = self._without_axis(arrays[0], axis, arrays[-1])
        if not options and any(map(_is_dask, arrays)):
            from fastact import _dask

            if _dask.is_cut(arrays, axis):
                return _dask.run(self._definition.name, self._direction, find(self._definition.name), arrays, axis)
        return self._run(arrays, options, axis=axis)

    def _bound(self, args: tuple, keywords: dict[str, Any]) -> dict[str, Any]:
        """What was given for each name of the signature."""
        try:
            call = self.__signature__.bind(*args, **keywords)
        except TypeError as error:
            raise TypeError(f"{self.name}{self.__signature__}: {error}") from None
        call.apply_defaults()
        return call.arguments

    def _is_plain(self, args: tuple, keywords: dict[str, Any]) -> bool:
        """Whether a call gives NumPy's own arrays, and no more than an axis that they have."""
        if len(args) != len(self._arrays) or not all(type(array) is ndarray for array in args):
            return False
        axis, dimensions = keywords.get("axis", -1), args[-1].ndim
        return keywords.keys() <= {"axis"} and type(axis) is int and -dimensions <= axis < dimensions

    def _axis(self, axis: Any, array: Any) -> int:
        try:
            axis = operator.index(axis)
        except TypeError:
            raise TypeError(f"{self.name}: axis must be an integer, got {axis!r}") from None
        dimensions = array.ndim
        if not dimensions:
            raise ValueError(f"{self.name} needs an array of at least one dimension, got a scalar")
        if not -dimensions <= axis < dimensions:
            raise ValueError(
                f"{self.name}: axis {axis} is out of range for an array of {dimensions} "
                f"dimension{'s' if dimensions > 1 else ''}; use {-dimensions} to {dimensions - 1}"
            )
        return axis % dimensions

    def _run(self, arrays: list, options: dict[str, Any], **where: Any) -> Any:
        try:
            result = self.ufunc(*arrays, **options, **where)
        except (TypeError, ValueError) as error:
            raise self._explained(error, arrays, options) from None
        _ufuncs.raise_failure()
        return result

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

    def _without_axis(self, grad: Any, axis: int, x: Any) -> Any:
        """The gradient of a result that has kept its axis, with length 1."""
        if grad.ndim != x.ndim or grad.shape[axis] != 1:
            raise ValueError(
                f"{self.name}: with keepdims=True grad must have {x.ndim} dimensions, and length 1 along axis {axis}, "
                f"got shape {grad.shape}"
            )
        return grad.squeeze(axis)

    # --- maxout: groups along the axis become an axis of their own -----------------------------------

    def _pick(self, arrays: list, pieces: Any, axis: int, options: dict[str, Any]) -> Any:
        pieces = self._pieces(pieces, arrays[-1].shape[axis])
        *others, x = arrays
        units = x.shape[axis] // pieces
        grouped = x.reshape(*x.shape[:axis], units, pieces, *x.shape[axis + 1 :])
        if self._direction == "value":
            return self._run([grouped], options, axes=[(axis + 1,), ()])
        if others[0].shape != (expected := (*x.shape[:axis], units, *x.shape[axis + 1 :])):
            raise ValueError(f"{self.name}: grad must have the output's shape {expected}, got {others[0].shape}")
        if "out" in options:
            self._check_out(options["out"], x)
            options["out"] = options["out"].reshape(grouped.shape, copy=False)
        result = self._run([others[0], grouped], options, axes=[(), (axis + 1,), (axis + 1,)])
        return result.reshape(x.shape)

    def _check_out(self, out: Any, x: Any) -> None:
        if out.shape != x.shape:
            raise ValueError(f"{self.name}: out must have the shape of x, {x.shape}, got {out.shape}")

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


def as_array(value: Any) -> Any:
    return value if hasattr(value, "ndim") and hasattr(value, "dtype") else np.asarray(value)


def no_such_direction(activation: Any, name: str) -> AttributeError:
    """What to raise for an attribute that an activation lacks."""
    if name.startswith("__"):
        return AttributeError(name)
    known = ", ".join([*activation.info.directions[1:], "info", "ufunc"])
    return AttributeError(f"{activation.name} has no {name!r}; it has {known}")


def _is_dask(array: Any) -> bool:
    return type(array).__module__.startswith("dask.array")


class AxisActivation(AxisDirection):
    """A function along an axis: call it for its value, its attributes for what belongs to it.

    Attributes
    ----------
    backward, backward_from_output : AxisDirection
        The gradient with respect to x, from x or from y where y suffices.
    info : Definition
        Formula, papers, and the rest that is known.
    """

    def __init__(self, definition: Definition) -> None:
        super().__init__(definition, "value")
        self.info = definition
        for direction in definition.directions[1:]:
            setattr(self, direction, AxisDirection(definition, direction))

    def __getattr__(self, name: str) -> Any:
        raise no_such_direction(self, name)

    def __reduce__(self) -> tuple:
        return find, (self.info.name,)
