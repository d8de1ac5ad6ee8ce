"""Second-order jets over mpmath: a number together with its first and second derivative.

Arithmetic on jets is exact calculus: reference derivatives need neither step sizes nor formulas of their own.
"""

import mpmath as mp

SATURATED = 10**5  # exp(-SATURATED) is far below every format: larger arguments need not be told apart
ERFC_SATURATED = 48


class Jet:
    """A value with its first and second derivative, or with those of them that are wanted: None is not computed."""

    __slots__ = ("first", "second", "value")

    def __init__(self, value, first=0, second=0):
        self.value, self.first, self.second = value, first, second

    def chain(self, value, first, second) -> "Jet":
        """f(self), given f, f' and f'' at self.value."""
        if self.first is None:
            return Jet(value, None, None)
        if self.second is None:
            return Jet(value, first * self.first, None)
        return Jet(value, first * self.first, second * self.first**2 + first * self.second)

    def __add__(self, other):
        if not isinstance(other, Jet):
            return Jet(self.value + other, self.first, self.second)
        first = None if self.first is None or other.first is None else self.first + other.first
        second = None if self.second is None or other.second is None else self.second + other.second
        return Jet(self.value + other.value, first, second)

    def __mul__(self, other):
        other = jet(other)
        value = self.value * other.value
        if self.first is None or other.first is None:
            return Jet(value, None, None)
        crossed = self.first * other.value + self.value * other.first
        if self.second is None or other.second is None:
            return Jet(value, crossed, None)
        second = self.second * other.value + 2 * self.first * other.first + self.value * other.second
        return Jet(value, crossed, second)

    def __truediv__(self, other):
        other = jet(other)
        inverse = 1 / other.value
        return self * other.chain(inverse, -(inverse**2), 2 * inverse**3)

    def __neg__(self):
        first = None if self.first is None else -self.first
        return Jet(-self.value, first, None if self.second is None else -self.second)

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return jet(other) / self

    def __lt__(self, other):
        return self.value < jet(other).value

    def __gt__(self, other):
        return self.value > jet(other).value

    def __abs__(self):
        return -self if self < 0 else self

    __radd__, __rmul__ = __add__, __mul__


def jet(x) -> Jet:
    return x if isinstance(x, Jet) else Jet(mp.convert(x))


def clip(x, low, high):
    return min(max(x, low), high)


def exp(x):
    # Exactly 0 where it is saturated: a slope however small could meet a factor however large.
    value = mp.exp(min(x.value, SATURATED)) if x.value > -SATURATED else mp.mpf(0)
    return x.chain(value, value, value)


def expm1(x):
    slope = x.first is not None and (exp(x).value if x.value < SATURATED else mp.exp(x.value))
    return x.chain(mp.expm1(max(x.value, -SATURATED)), slope, slope)


def log1p(x):
    slope = 1 / (1 + x.value)
    return x.chain(mp.log1p(x.value), slope, -(slope**2))


def tanh(x):
    argument = clip(x.value, -SATURATED, SATURATED)
    value = mp.tanh(argument)
    slope = x.first is not None and (mp.sech(argument) ** 2 if argument == x.value else mp.mpf(0))
    return x.chain(value, slope, -2 * value * slope)


def erfc(x):
    argument = clip(x.value, -ERFC_SATURATED, ERFC_SATURATED)
    slope = x.first is not None and (_normal_slope(argument) if argument == x.value else mp.mpf(0))
    # mpmath's erfc is slow in the far tails and fails in the farthest, where it is 0 or 2 for every format.
    value = mp.erfc(argument) if abs(argument) < ERFC_SATURATED else mp.mpf(0 if argument > 0 else 2)
    return x.chain(value, slope, -2 * argument * slope)


def sqrt(x):
    root = mp.sqrt(x.value)
    return x.chain(root, 1 / (2 * root), -1 / (4 * root**3))


def erf(x):
    slope = -_normal_slope(x.value)
    return 1 - erfc(x) if x > 1 else x.chain(mp.erf(x.value), slope, -2 * x.value * slope)


def _normal_slope(x):
    return -2 / mp.sqrt(mp.pi) * mp.exp(-(x**2))


def log(x):
    """NaN, with NaN for derivatives, below 0; infinite, with infinite derivatives, at 0."""
    if x.value > 0:
        return x.chain(mp.log(x.value), 1 / x.value, -1 / x.value**2)
    if x.value < 0:
        return Jet(mp.nan, mp.nan, mp.nan)
    slopes = (None, None) if x.first is None else (mp.inf * x.first, -mp.inf * x.first**2)
    return Jet(-mp.inf, *slopes)


def sin(x):
    value, slope = mp.sin(x.value), mp.cos(x.value)
    return x.chain(value, slope, -value)


def atan(x):
    slope = 1 / (1 + x.value**2)
    return x.chain(mp.atan(x.value), slope, -2 * x.value * slope**2)
