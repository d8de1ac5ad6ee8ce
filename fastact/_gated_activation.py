"""The public objects of gated linear units: of one array that is split along an axis, or of two arrays."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from fastact._activation import as_array, find, is_dask
from fastact._axis_activation import no_such_direction
from fastact._definition import Definition
from fastact._device import is_device_array
from fastact._halves import HalvesDirection
from fastact._labelled import call as call_of_labelled
from fastact._labelled import is_labelled
from fastact._notebook import Shown

_SPLIT = ("axis", "interleaved", "gate_first")


class GatedDirection(HalvesDirection):
    """One direction of a gated linear unit."""

    def _front(self) -> tuple[Callable, Any]:
        return self._halves._short_way((), self._own_call())

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
        return inspect.Signature([*arrays, gate, axis, *split, *choices, *self._ufunc_parameters()])

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        if any(map(is_device_array, (*args, *keywords.values()))):
            return self._device_call(args, keywords)
        given, keywords_given = self._bound(args, keywords), keywords
        keywords = {name: value for name, value in keywords.items() if name not in _SPLIT}
        *grad, x = (given[name] for name in self._arrays[:-1])
        if given["gate"] is not None:
            return self._halves(*grad, x, given["gate"], **keywords)
        if is_labelled(x):
            return call_of_labelled(self, (*grad, x), keywords_given)
        x = as_array(x)
        axis = self._axis(given["axis"], x)
        if (length := x.shape[axis]) % 2:
            raise ValueError(f"{self.name}: axis {axis} must have an even length to be split in two, got {length}")
        places = self._places(length, axis, given["interleaved"], given["gate_first"])
        halves = [x[place] for place in places]
        if not grad:
            return self._halves(*halves, **keywords)
        if any(map(is_dask, (x, *grad))):
            from fastact import _dask

            gradients = self._halves(*grad, *halves, **keywords)
            return _dask.joined(gradients, x, axis, given["interleaved"], given["gate_first"])
        return self._joined(x.shape, places, [_as_operand(grad[0]), *halves], keywords)

    def _device_call(self, args: tuple, keywords: dict[str, Any]) -> Any:
        halves, given, rest = self._for_device(args, keywords, _SPLIT)
        *grad, x = (given[name] for name in self._arrays[:-1])
        if given["gate"] is not None:
            return self._halves(*grad, x, given["gate"], **rest)
        return halves.gated(self, grad, x, given["axis"], given["interleaved"], given["gate_first"], rest)

    def __reduce__(self) -> tuple:
        return find, (self._definition.name, self._direction)


def _as_operand(value: Any) -> Any:
    return value if type(value) in (float, int) else as_array(value)


class GatedActivation(Shown, GatedDirection):
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
