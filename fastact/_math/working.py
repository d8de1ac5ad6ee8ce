"""Working precision: what formulas compute in, so that each is written once.

A float32 kernel works in float64 and rounds once at its end, or in float32 where a formula is written for that (see
`_math.float32`, and `_engine.single` for those that go along rows). A float64 kernel works in pairs of float64, whose
sum carries some 106 bits, and rounds once at its end. Formulas use operators and the functions of this module, which do
the right thing for each; none loses digits that the result needs, as long as a formula does not cancel.
"""

import math

from fastact._math import arithmetic, float64, logarithm, pair
from fastact._math import circular as circular_functions


class Pair:
    """An unevaluated sum ``hi + lo`` of two float64, with arithmetic to some 104 bits."""

    __slots__ = ("hi", "lo")

    def __init__(self, hi, lo=0.0):
        self.hi = hi
        self.lo = lo

    def __add__(self, other):
        return Pair(*arithmetic.add(self.hi, self.lo, *parts(other)))

    def __mul__(self, other):
        return Pair(*arithmetic.multiply(self.hi, self.lo, *parts(other)))

    def __truediv__(self, other):
        return Pair(*arithmetic.divide(self.hi, self.lo, *parts(other)))

    def __rtruediv__(self, other):
        return Pair(*arithmetic.divide(*parts(other), self.hi, self.lo))

    def __neg__(self):
        return Pair(-self.hi, -self.lo)

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    def __abs__(self):
        return -self if self.hi < 0.0 else self

    def __lt__(self, other):
        return self.hi < parts(other)[0]

    def __gt__(self, other):
        return self.hi > parts(other)[0]

    def __le__(self, other):
        return self.hi <= parts(other)[0]

    def __ge__(self, other):
        return self.hi >= parts(other)[0]

    def __repr__(self):
        return f"Pair({self.hi!r}, {self.lo!r})"

    __radd__ = __add__
    __rmul__ = __mul__


def parts(x):
    """The two numbers whose sum is `x`, a float or a `Pair`."""
    return (x.hi, x.lo) if isinstance(x, Pair) else (x, 0.0)


def where(condition, x, y):
    """`x` where the condition holds, else `y`, without a branch; either may be a float or a `Pair`."""
    return x if condition else y


def zero_or_nan(x):
    """0, or NaN where `x` is that: the derivative of what does not depend on `x`."""
    return where(x <= x, 0.0, x)


def at_most(x, bound):
    """`x`, or `bound` where that is less; NaN stays."""
    return where(x > bound, bound, x)


def at_least(x, bound):
    """`x`, or `bound` where that is more; NaN stays."""
    return where(x < bound, bound, x)


def within(x, bound):
    """`x` brought into [-bound, bound]; NaN stays."""
    return at_least(at_most(x, bound), -bound)


def balanced(x):
    """(c, q) with `x` equal to ``c * q**4`` and c so near 1 that a product of two of them is, too.

    Products of float32 are as they are: float64 has room for them.
    """
    if isinstance(x, Pair):
        hi, lo, root = pair.balanced(x.hi, x.lo)
        return Pair(hi, lo), root
    return x, 1.0


def vanishing_product(a, b):
    """The product, and 0 where `a` is 0, be `b` infinite or NaN."""
    return where((a >= 0.0) & (a <= 0.0), 0.0, a * b)


def precise(constant, like):
    """A constant, given as its two parts, in the working precision of `like`."""
    return Pair(*constant) if isinstance(like, Pair) else constant[0]


# Up to here `circular_of_moderate` will do.
MODERATE_PRODUCT = circular_functions.MODERATE
# From here on a polynomial's terms are small enough for float64.
LEADING_TERMS = 3


def polynomial(coefficients, x):
    """A polynomial of a small `x`; coefficients, lowest first, are constants in two parts."""
    y = 0.0
    for coefficient, _ in reversed(coefficients[LEADING_TERMS:]):
        y = y * parts(x)[0] + coefficient
    for coefficient in reversed(coefficients[:LEADING_TERMS]):
        y = y * x + precise(coefficient, x)
    return y


def exp(x):
    """e**x."""
    return Pair(*pair.exp(x.hi, x.lo)) if isinstance(x, Pair) else float64.exp(x)


def exp_at_most_1(x):
    """e**x for `x` of at most 0: such as the difference from a largest element."""
    return Pair(*pair.exp_at_most_1(x.hi, x.lo)) if isinstance(x, Pair) else float64.exp_at_most_1(x)


def lead(x, largest):
    """How far `x` is above its row's largest element; where both are +inf they tie."""
    return where(x >= math.inf, 0.0, x - largest)


def exp_of_lead(x, largest):
    """e**(x - largest) for an element and its row's largest one."""
    return exp_at_most_1(lead(x, largest))


def rest_of(others, ties):
    """What a row's exponentials of leads add to the 1 of one of its largest elements."""
    return others + (ties - 1.0)


def log_of_sum(largest, rest):
    """The logarithm of a row's sum of exponentials of leads; NaN where no element is above -inf."""
    return where(largest > -math.inf, log_of_one_plus(rest), math.nan)


def expm1(x):
    """e**x - 1, accurate near 0."""
    return Pair(*pair.expm1(x.hi, x.lo)) if isinstance(x, Pair) else float64.expm1(x)


def exp_and_expm1(x):
    """e**x and e**x - 1, for the price of one."""
    if isinstance(x, Pair):
        e_hi, e_lo, m_hi, m_lo = pair.exp_and_expm1(x.hi, x.lo)
        return Pair(e_hi, e_lo), Pair(m_hi, m_lo)
    return float64.exp_and_expm1(x)


def log1p(x):
    """log(1 + x) for `x` in [0, 1]."""
    return Pair(*pair.log1p(x.hi, x.lo)) if isinstance(x, Pair) else float64.log1p(x)


def log_of_one_plus(x):
    """log(1 + x) for any `x` of at least 0."""
    if isinstance(x, Pair):
        return Pair(*logarithm.log_of_one_plus_pair(x.hi, x.lo))
    return logarithm.log_of_one_plus(x)


def exp_sharp(x):
    """e**x, accurate enough to be an exponent itself: its size multiplies relative errors."""
    return Pair(*pair.exp_sharp(x.hi, x.lo)) if isinstance(x, Pair) else float64.exp_sharp(x)


def circular(a, x, eighths):
    """sin(a x + eighths pi / 4), to every digit however large a x is."""
    if isinstance(x, Pair):
        return Pair(*circular_functions.circular_pair(*parts(a), x.hi, x.lo, eighths))
    return circular_functions.circular(a, x, eighths)


def circular_of_moderate(a, x, eighths):
    """`circular` for a x in [-2**20, 2**20], the same bits for less."""
    if isinstance(x, Pair):
        return Pair(*circular_functions.circular_of_moderate_pair(*parts(a), x.hi, x.lo, eighths))
    return circular_functions.circular_of_moderate(a, x, eighths)


def arctangent(x):
    """The arctangent."""
    return Pair(*pair.arctangent(x.hi, x.lo)) if isinstance(x, Pair) else float64.arctangent(x)


def erf(x):
    """The error function for `x` of at least 0."""
    return Pair(*pair.erf(x.hi, x.lo)) if isinstance(x, Pair) else float64.erf(x)


def _in_pairs(function, x):
    hi, lo = function(*parts(x))
    return Pair(hi, lo) if isinstance(x, Pair) else hi + lo


def x_minus_tanh(x):
    """X - tanh(x), accurate near 0."""
    return _in_pairs(pair.x_minus_tanh, x)


def normal_tail_ratio(x):
    """exp(x**2 / 2) times the normal distribution's upper tail, for `x` in [0, 40]."""
    return Pair(*pair.normal_tail_ratio(x.hi, x.lo)) if isinstance(x, Pair) else float64.normal_tail_ratio(x)


def gelu_tail_ratio(x):
    """(x - M(x)) / (x - r), with M Mills' ratio and r where the two meet, for `x` in [0, 40]."""
    return _in_pairs(pair.gelu_tail_ratio, x)


def normal_tail_ratio_unbounded(x):
    """`normal_tail_ratio` for any `x` of at least 0."""
    return _in_pairs(pair.normal_tail_ratio_unbounded, x)


def gelu_tail_ratio_unbounded(x):
    """`gelu_tail_ratio` for any `x` of at least 0."""
    return _in_pairs(pair.gelu_tail_ratio_unbounded, x)


def sqrt(x):
    """The square root of a number above 0."""
    return Pair(*arithmetic.square_root(x.hi, x.lo)) if isinstance(x, Pair) else arithmetic.root(x)


ELEMENTARY = (
    exp,
    exp_at_most_1,
    exp_sharp,
    expm1,
    log1p,
    arctangent,
    erf,
    normal_tail_ratio,
)
# In pairs alone: float32's kernels have other forms.
IN_PAIRS = (x_minus_tanh, gelu_tail_ratio, normal_tail_ratio_unbounded, gelu_tail_ratio_unbounded)
