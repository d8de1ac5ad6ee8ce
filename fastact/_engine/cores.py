"""What a function along an axis takes and gives: along the axis, or one number per row."""

import re
from dataclasses import dataclass

import numpy as np

#: Dtypes of numbers per row that do not depend on the array's.
_FIXED = {"(d)": np.dtype(np.float64), "(i)": np.dtype(np.int64)}


@dataclass(frozen=True)
class Cores:
    """The core dimensions of a generalised ufunc's operands.

    Attributes
    ----------
    text : str
        As NumPy's signature, ``"(n),(n)->(n)"``, with ``n`` for the axis. One number per row is ``()`` in the dtype of
        the arrays, ``(d)`` in float64 and ``(i)`` in int64. The order is: inputs of one number per row, inputs along
        the axis, results along the axis, results of one number per row.
    """

    text: str

    def __post_init__(self) -> None:
        along = [core == "(n)" for core in self._cores]
        if not along[self.inputs - 1] or not all(along[self.first_along : self.end_along]):
            raise TypeError(f"the operands of {self.text} are not in order")

    @property
    def _cores(self) -> list[str]:
        return self.text.replace("->", ",").split(",")

    @property
    def inputs(self) -> int:
        """How many operands are inputs."""
        return self.text.partition("->")[0].count(",") + 1

    @property
    def operands(self) -> int:
        """How many operands there are, results included."""
        return len(self._cores)

    @property
    def first_along(self) -> int:
        """The first operand along the axis."""
        return self._cores.index("(n)")

    @property
    def end_along(self) -> int:
        """The operand after the last one along the axis."""
        return self.operands - self._cores[::-1].index("(n)")

    @property
    def signature(self) -> str:
        """The signature as NumPy wants it."""
        return re.sub(r"\([di]\)", "()", self.text)

    def dtypes(self, dtype: np.dtype) -> tuple[np.dtype, ...]:
        """Each operand's dtype where arrays have this one."""
        return tuple(_FIXED.get(core, dtype) for core in self._cores)
