"""The public objects of gated linear units: of one array that is split along an axis, or of two arrays."""

import functools
import inspect
from typing import Any

import numpy as np

from fastact import _ufuncs
from fastact._activation import Direction, as_array, find, is_dask
from fastact._axis_activation import AxisDirection, no_such_direction
from fastact._definition import Definition
from fastact._labelled import call as call_of_labelled
from fastact._labelled import is_labelled

_UFUNC_KEYWORDS = {"out": None, "where": True, "casting": "same_kind", "order": "K", "dtype": None, "subok": True}
_SPLIT = ("axis", "interleaved", "gate_first")


class GatedDirection(AxisDirection):
    """One direction of a gated linear unit."""

    def __init__(self, definition: Definition, direction: str) -> None:
        super().__init__(definition, direction)
        self._halves = Direction(definition, direction)

    @property
    def ufunc(self) -> np.ufunc:
        """The real `numpy.ufunc` of the two halves as two arrays."""
        return _ufuncs.general(self._definition.name, self._direction).ufunc

    @property
    def _numba_type_(self) -> Any:
        """What Numba asks of an object that it finds in a compiled function: there it takes two arrays."""
        return self._halves._numba_type_

    @functools.cached_property
    def __signature__(self) -> inspect.Signature:
        kinds = inspect.Parameter
        arrays = [kinds(name, kinds.POSITIONAL_ONLY) for name in self._arrays[:-1]]
        gate = kinds("gate", kinds.POSITIONAL_ONLY, default=None)
        axis = kinds("axis", kinds.POSITIONAL_OR_KEYWORD, default=-1)
        split = [kinds(name, kinds.KEYWORD_ONLY, default=False) for name in _SPLIT[1:]]
        choices = [
            kinds(name, kinds.KEYWORD_ONLY, default=next(iter(options)))
            for name, options in self._definition.variants.items()
        ]
        keywords = [kinds(name, kinds.KEYWORD_ONLY, default=default) for name, default in _UFUNC_KEYWORDS.items()]
        return inspect.Signature([*arrays, gate, axis, *split, *choices, *keywords])

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        given, keywords_given = self._bound(args, keywords), keywords
        keywords = {name: value for name, value in keywords.items() if name not in _SPLIT}
        *grad, x = (given[name] for name in self._arrays[:-1])
        if given["gate"] is not None:
            return self._halves(*grad, x, given["gate"], **keywords)
        if is_labelled(x):
            return call_of_labelled(self, (*grad, x), keywords_given)
        x = as_array(x)
        axis = self._axis(given["axis"], x)
        places = self._places(x, axis, given["interleaved"], given["gate_first"])
        halves = [x[place] for place in places]
        if not grad:
            return self._halves(*halves, **keywords)
        if any(map(is_dask, (x, *grad))):
            from fastact import _dask

            gradients = self._halves(*grad, *halves, **keywords)
            return _dask.joined(gradients, x, axis, given["interleaved"], given["gate_first"])
        return self._joined(_as_operand(grad[0]), x, halves, places, keywords)

    def _places(self, x: Any, axis: int, interleaved: bool, gate_first: bool) -> list[tuple]:
        """Where x and its gate lie in an array."""
        length = x.shape[axis]
        if length % 2:
            raise ValueError(f"{self.name}: axis {axis} must have an even length to be split in two, got {length}")
        half = length // 2
        slices = [slice(0, None, 2), slice(1, None, 2)] if interleaved else [slice(0, half), slice(half, None)]
        return [(slice(None),) * axis + (part,) for part in (slices[::-1] if gate_first else slices)]

    def _joined(self, grad: Any, x: Any, halves: list, places: list, keywords: dict[str, Any]) -> Any:
        """Both halves' gradients in one array of the shape of `x`."""
        out = keywords.pop("out", None)
        if out is None:
            out = np.empty_like(x, dtype=self._dtype(grad, halves, keywords))
        elif getattr(out, "shape", None) != x.shape:
            raise ValueError(f"{self.name}: out must be an array of the shape of x, {x.shape}")
        if not isinstance(out, np.ndarray):
            raise TypeError(
                f"{self.name} writes both gradients into one NumPy array; split {type(x).__name__} yourself and "
                "pass the halves as two arrays"
            )
        self._halves(grad, *halves, out=tuple(out[place] for place in places), **keywords)
        return out

    def _dtype(self, grad: Any, halves: list, keywords: dict[str, Any]) -> Any:
        if keywords.get("dtype") is not None:
            return keywords["dtype"]
        dtypes = (getattr(grad, "dtype", type(grad)), halves[0].dtype, halves[1].dtype, None, None)
        try:
            return self.ufunc.resolve_dtypes(dtypes)[-1]
        except TypeError:
            return None  # the call that follows explains

    def __reduce__(self) -> tuple:
        return find, (self._definition.name, self._direction)


def _as_operand(value: Any) -> Any:
    return value if type(value) in (float, int) else as_array(value)


class GatedActivation(GatedDirection):
    """A gated linear unit: call it for its value, its attributes for what belongs to it.

    Attributes
    ----------
    backward : GatedDirection
        The gradients with respect to x and its gate.
    info : Definition
        Formula, papers, and the rest that is known.
    """

    def __init__(self, definition: Definition) -> None:
        super().__init__(definition, "value")
        self.info = definition
        self.backward = GatedDirection(definition, "backward")

    def __getattr__(self, name: str) -> Any:
        raise no_such_direction(self, name)

    def __reduce__(self) -> tuple:
        return find, (self.info.name,)
