"""What directions share whose ufunc works on the two halves of an array along an axis."""

import inspect
from typing import Any

import numpy as np

from fastact import _ufuncs
from fastact._activation import Direction
from fastact._axis_activation import AxisDirection
from fastact._definition import Definition

UFUNC_KEYWORDS = {"out": None, "where": True, "casting": "same_kind", "order": "K", "dtype": None, "subok": True}


class HalvesDirection(AxisDirection):
    """One direction of an activation that splits its input, or joins its results, along an axis."""

    def __init__(self, definition: Definition, direction: str) -> None:
        super().__init__(definition, direction)
        self._halves = Direction(definition, direction)

    @property
    def ufunc(self) -> np.ufunc:
        """The real `numpy.ufunc` of the two halves as two arrays."""
        return _ufuncs.general(self._definition.name, self._direction).ufunc

    @staticmethod
    def _ufunc_parameters() -> list[inspect.Parameter]:
        return [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
            for name, default in UFUNC_KEYWORDS.items()
        ]

    def _for_device(self, args: tuple, keywords: dict[str, Any], own: tuple[str, ...]) -> tuple[Any, dict, dict]:
        """What works on a GPU's arrays, what was given by name, and the keywords that are not this object's own."""
        from fastact.cuda import target

        target.require_device()
        from fastact.cuda import halves

        others = {name: value for name, value in keywords.items() if name not in own}
        given = self._bound(args, {name: value for name, value in keywords.items() if name != "stream"})
        return halves, given, others

    def _places(self, length: int, axis: int, interleaved: bool = False, gate_first: bool = False) -> list[tuple]:
        """Where the two halves lie in an array, whose length along `axis` is known to be even."""
        half = length // 2
        slices = [slice(0, None, 2), slice(1, None, 2)] if interleaved else [slice(0, half), slice(half, None)]
        return [(slice(None),) * axis + (part,) for part in (slices[::-1] if gate_first else slices)]

    def _joined(self, shape: tuple[int, ...], places: list[tuple], operands: list, keywords: dict[str, Any]) -> Any:
        """Both results in one array of this shape."""
        out = keywords.pop("out", None)
        if not isinstance(x := operands[-1], np.ndarray):
            raise TypeError(
                f"{self.name} writes both results into one NumPy array; split {type(x).__name__} yourself and "
                "pass the halves as two arrays"
            )
        if out is None:
            out = np.empty_like(x, dtype=self._dtype(operands, keywords), shape=shape)
        elif not isinstance(out, np.ndarray) or out.shape != shape:
            raise ValueError(f"{self.name}: out must be an array of the shape {shape}")
        self._halves(*operands, out=tuple(out[place] for place in places), **keywords)
        return out

    def _dtype(self, operands: list, keywords: dict[str, Any]) -> Any:
        if keywords.get("dtype") is not None:
            return keywords["dtype"]
        dtypes = [getattr(operand, "dtype", type(operand)) for operand in operands]
        try:
            return self.ufunc.resolve_dtypes((*dtypes, None, None))[-1]
        except TypeError:
            return None  # the call that follows explains
