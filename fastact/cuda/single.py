"""Numbers of formulas that are computed in float32 itself, as symbols: `_engine.single` says what they are.

A difference of two elements is kept exactly, in two float32; every other operation gives one, rounded.
"""

from fastact._engine import single as compiled
from fastact._math import arithmetic, float32, working
from fastact.cuda.tracing import Chosen, Number, select, stand_in, traced


class Single(Chosen):
    """One float32, or two whose sum is meant."""

    __slots__ = ("hi", "lo")

    def __init__(self, hi, lo=None):
        self.hi, self.lo = hi, lo

    @property
    def is_pair(self):
        """Whether there are two."""
        return self.lo is not None

    def _of(self, other):
        return other if isinstance(other, Single) else Single(_as_float32(other, self.hi))

    def __sub__(self, other):
        other = self._of(other)
        if self.is_pair and other.is_pair:
            hi = self.hi - other.hi
            total = hi + (self.lo - other.lo)
            return Single(select(total == total, total, hi))  # the error of an infinite one is NaN
        if other.is_pair:
            return Single((self.hi - other.hi) - other.lo)
        if self.is_pair:
            return -(other - self)
        return Single(*traced(arithmetic.two_sum)(self.hi, -other.hi))

    def __rsub__(self, other):
        return self._of(other) - self

    def __add__(self, other):
        other = self._of(other)
        return Single(self.hi + other.hi)

    def __mul__(self, other):
        other = self._of(other)
        if other.is_pair:
            return Single(self.hi.fma(other.hi, self.hi * other.lo))
        return other * self if self.is_pair else Single(self.hi * other.hi)

    def __neg__(self):
        return Single(-self.hi, -self.lo if self.is_pair else None)

    def __lt__(self, other):
        return self.hi < self._of(other).hi

    def __le__(self, other):
        return self.hi <= self._of(other).hi

    def __gt__(self, other):
        return self.hi > self._of(other).hi

    def __ge__(self, other):
        return self.hi >= self._of(other).hi

    __radd__, __rmul__ = __add__, __mul__

    def chosen(self, condition, yes, no):
        """One of two by a symbol."""
        yes, no = self._of(yes), self._of(no)
        hi = select(condition, yes.hi, no.hi)
        if not yes.is_pair and not no.is_pair:
            return Single(hi)
        zero = hi.program.constant(0.0, "float32")
        return Single(hi, select(condition, yes.lo if yes.is_pair else zero, no.lo if no.is_pair else zero))


def _as_float32(value, like):
    return value.to("float32") if isinstance(value, Number) else like.program.constant(value, "float32")


def pair_of(hi, lo):
    """The pair of two numbers that float32 holds."""
    return Single(hi.to("float32"), lo.to("float32"))


def halves(value, program):
    """A float64 as the sum of two float32, as far as they can hold it."""
    value = value if isinstance(value, Number) else program.constant(value, "float64")
    return traced(float32.halves)(value)


def _exp_at_most_1(x):
    return Single(traced(float32.exp_at_most_1)(x.hi, x.lo if x.is_pair else x.hi.program.constant(0.0, "float32")))


stand_in(working.exp_at_most_1, Single, _exp_at_most_1)
stand_in(compiled.make_single, Number, lambda x: Single(x.to("float32")))
stand_in(compiled.leave_single, Single, lambda x: x.hi)
