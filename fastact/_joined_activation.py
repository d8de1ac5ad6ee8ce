"""The public objects of activations that join two results of the input's shape along an axis."""

import functools
import inspect
from typing import Any

import numpy as np

from fastact._activation import as_array, find, is_dask
from fastact._axis_activation import no_such_direction
from fastact._definition import Definition
from fastact._device import is_device_array
from fastact._halves import HalvesDirection
from fastact._notebook import Shown


class JoinedDirection(HalvesDirection):
    """One direction of an activation that gives two halves."""

    @property
    def _has_front(self) -> bool:
        return False

    @functools.cached_property
    def __signature__(self) -> inspect.Signature:
        kinds = inspect.Parameter
        arrays = [kinds(name, kinds.POSITIONAL_ONLY) for name in self._arrays]
        axis = kinds("axis", kinds.POSITIONAL_OR_KEYWORD, default=-1)
        return inspect.Signature([*arrays, axis, *self._ufunc_parameters()])

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        if any(map(is_device_array, (*args, *keywords.values()))):
            halves, given, rest = self._for_device(args, keywords, ("axis",))
            *grad, x = (given[name] for name in self._arrays)
            return halves.joined(self, grad, x, given["axis"], rest)
        given = self._bound(args, keywords)
        keywords.pop("axis", None)
        *grad, x = (as_array(given[name]) for name in self._arrays)
        axis = self._axis(given["axis"], x)
        shape = (*x.shape[:axis], 2 * x.shape[axis], *x.shape[axis + 1 :])
        places = self._places(shape[axis], axis)
        if grad:
            if grad[0].shape != shape:
                raise ValueError(f"{self.name}: grad must have the output's shape {shape}, got {grad[0].shape}")
            return self._halves(*(grad[0][place] for place in places), x, **keywords)
        if is_dask(x):
            return np.concatenate(self._halves(x, **keywords), axis)
        return self._joined(shape, places, [np.asanyarray(x)], keywords)


class JoinedActivation(Shown, JoinedDirection):
    """An activation that gives two halves: call it for its value, its attributes for what belongs to it.

    Attributes
    ----------
    backward : JoinedDirection
        The gradient with respect to x.
    info : Definition
        Formula, papers, and the rest that is known.
    """

    def __init__(self, definition: Definition) -> None:
        super().__init__(definition, "value")
        self.info = definition
        self.backward = JoinedDirection(definition, "backward")

    def __getattr__(self, name: str) -> Any:
        raise no_such_direction(self, name)

    def __reduce__(self) -> tuple:
        return find, (self.info.name,)
