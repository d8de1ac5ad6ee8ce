"""Second-order jets over mpmath: a number together with its first and second derivative.

Arithmetic on jets is exact calculus: reference derivatives need neither step sizes nor formulas of their own.
"""

import mpmath as mp

SATURATED = 10**5  # exp(-SATURATED) is far below every format: larger arguments need not be told apart
ERFC_SATURATED = 29


class Jet:
    def __init__(self, value, first=0, second=0):
        self.value, self.first, self.second = mp.mpf(value), mp.mpf(first), mp.mpf(second)

    def chain(self, value, first, second) -> "Jet":
        """f(self), given f, f' and f'' at self.value."""
        return Jet(value, first * self.first, second * self.first**2 + first * self.second)

    def __add__(self, other):
        other = jet(other)
        return Jet(self.value + other.value, self.first + other.first, self.second + other.second)

    def __mul__(self, other):
        other = jet(other)
        crossed = self.first * other.value + self.value * other.first
        second = self.second * other.value + 2 * self.first * other.first + self.value * other.second
        return Jet(self.value * other.value, crossed, second)

    def __truediv__(self, other):
        other = jet(other)
        inverse = 1 / other.value
        return self * other.chain(inverse, -(inverse**2), 2 * inverse**3)

    def __neg__(self):
        return Jet(-self.value, -self.first, -self.second)

    def __sub__(self, other):
        return self + -jet(other)

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
    return x if isinstance(x, Jet) else Jet(x)


def clip(x, low, high):
    return min(max(x, low), high)


def exp(x):
    # Exactly 0 where it is saturated: a slope however small could meet a factor however large.
    value = mp.exp(min(x.value, SATURATED)) if x.value > -SATURATED else mp.mpf(0)
    return x.chain(value, value, value)


def expm1(x):
    slope = exp(x).value if x.value < SATURATED else mp.exp(x.value)
    return x.chain(mp.expm1(max(x.value, -SATURATED)), slope, slope)


def log1p(x):
    slope = 1 / (1 + x.value)
    return x.chain(mp.log1p(x.value), slope, -(slope**2))


def tanh(x):
    argument = clip(x.value, -SATURATED, SATURATED)
    value, slope = mp.tanh(argument), mp.sech(argument) ** 2 if argument == x.value else mp.mpf(0)
    return x.chain(value, slope, -2 * value * slope)


def erfc(x):
    argument = clip(x.value, -ERFC_SATURATED, ERFC_SATURATED)
    slope = -2 / mp.sqrt(mp.pi) * mp.exp(-(argument**2)) if argument == x.value else mp.mpf(0)
    # mpmath's erfc is slow in the far tails and fails in the farthest, where it is 0 or 2 for every format.
    value = mp.erfc(argument) if abs(argument) < ERFC_SATURATED else mp.mpf(0 if argument > 0 else 2)
    return x.chain(value, slope, -2 * argument * slope)


def sqrt(x):
    root = mp.sqrt(x.value)
    return x.chain(root, 1 / (2 * root), -1 / (4 * root**3))


def erf(x):
    return 1 - erfc(x) if x > 1 else x.chain(mp.erf(x.value), *_erf_slopes(x.value))


def _erf_slopes(x):
    slope = 2 / mp.sqrt(mp.pi) * mp.exp(-(x**2))
    return slope, -2 * x * slope


def log(x):
    """NaN, with NaN for derivatives, below 0; infinite, with infinite derivatives, at 0."""
    if x.value > 0:
        return x.chain(mp.log(x.value), 1 / x.value, -1 / x.value**2)
    if x.value < 0:
        return Jet(mp.nan, mp.nan, mp.nan)
    return Jet(-mp.inf, mp.inf * x.first, -mp.inf * x.first**2)


def sin(x):
    value, slope = mp.sin(x.value), mp.cos(x.value)
    return x.chain(value, slope, -value)


def atan(x):
    slope = 1 / (1 + x.value**2)
    return x.chain(mp.atan(x.value), slope, -2 * x.value * slope**2)
