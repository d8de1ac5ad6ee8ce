"""Points of a floating-point format where an activation can be wrong: every exponent, tails, kinks, zeros.

The *ordinal* of a number is its place in the order of its format: neighbours differ by 1, -0.0 has -1, 0.0 has 0.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

# Where some value's or derivative's tail saturates, underflows or leaves the normal numbers.
TAILS = (
    *(5.0, 8.3, 9.01, 10.2, 13.2, 14.5, 16.7, 19.1, 22.0, 27.2, 36.8, 37.6, 38.5, 44.4, 52.0, 87.4, 88.7),
    # Double exponentials (cloglog, log_log, tanhexp) end sooner, Gaussians as gelu's do.
    *(3.0, 4.47, 4.64, 5.92, 6.61, 9.4, 26.6, 27.3),
    *(91.9, 103.3, 104.0, 354.9, 372.5, 708.5, 709.8, 720.0, 745.2),
)
# Where sine and snake cross or touch zero: the last two come nearest, in float32 and in float64.
QUARTERS = (*(0.7853981633974483 * np.arange(1.0, 9.0)), 16367173.0 * 2.0**72, 6381956970095103.0 * 2.0**797)
KINKS = (0.0, 0.5, 1.0, 2.0, 2.5, 3.0, 6.0)


def neighbours(points: np.ndarray, reach: int) -> np.ndarray:
    """`points` and the `reach` representable numbers on either side of each."""
    integer = np.dtype(f"i{points.itemsize}")
    near = points.view(integer)[:, None] + np.arange(-reach, reach + 1, dtype=integer)
    near = near.view(points.dtype).ravel()
    return np.concatenate([near[np.isfinite(near)], -points[:1] * 0])


def landmarks(dtype, reach: int) -> np.ndarray:
    """Kinks, tails, powers of two, subnormals, the largest number; with neighbours, of both signs."""
    dtype = np.dtype(dtype)
    limits = np.finfo(dtype)
    special = np.array([*KINKS[1:], *TAILS, *(q for q in QUARTERS if q < float(limits.max))], dtype)
    powers = np.ldexp(np.ones(1, dtype), np.arange(limits.minexp, limits.maxexp, dtype=np.int32))
    step = max(1, powers.size // 64) if reach <= 3 else 1
    near_zero = np.arange(0, 4).astype(f"i{dtype.itemsize}").view(dtype)
    corners = np.array([limits.max, limits.smallest_normal / 2, limits.smallest_normal], dtype)
    corners = np.concatenate([corners, np.nextafter(corners, dtype.type(0))])
    positive = np.concatenate([neighbours(special, reach), powers[::step], near_zero, corners])
    return np.unique(np.concatenate([positive, -positive]).view(f"u{dtype.itemsize}")).view(dtype)


def random_points(dtype, count: int, seed: int) -> np.ndarray:
    """A quarter each: any bits, log-uniform over 2**-30 to 2**10, uniform within 4, uniform in the tails."""
    dtype = np.dtype(dtype)
    random = np.random.default_rng(seed)
    quarter = count // 4
    bits = random.integers(0, 256, (quarter, dtype.itemsize), dtype=np.uint8).view(dtype).ravel()
    logarithmic = np.exp2(random.uniform(-30, 10, quarter)) * random.choice([-1.0, 1.0], quarter)
    wide = 110 if dtype == np.float32 else 750
    uniform = [random.uniform(-4, 4, quarter), random.uniform(-wide, wide, quarter)]
    points = np.concatenate([bits[np.isfinite(bits)], *(a.astype(dtype) for a in (logarithmic, *uniform))])
    return points[np.isfinite(points)]


def ordinals(x: np.ndarray) -> np.ndarray:
    """The ordinal of each number."""
    bits = x.view(f"i{x.itemsize}")
    return bits ^ ((bits >> (8 * x.itemsize - 1)) & np.iinfo(bits.dtype).max)


def numbers(ordinal: np.ndarray, dtype) -> np.ndarray:
    """The numbers of these ordinals, which lie beyond those of the infinities for NaN."""
    bits = ordinal.astype(f"i{np.dtype(dtype).itemsize}")
    return (bits ^ ((bits >> (8 * bits.itemsize - 1)) & np.iinfo(bits.dtype).max)).view(dtype)


def turning_points(function: Callable, dtype, at_most: int = 100) -> np.ndarray:
    """Where `function` changes its sign, saturates, underflows, or begins to return its input."""
    limits, grid = np.finfo(dtype), _grid(dtype)
    ends = function(np.array([-limits.max, limits.max], dtype))

    def kinds(place):
        x = numbers(place, dtype)
        y = function(x)
        answers = (y > 0, y < 0, abs(y) < limits.smallest_normal, y == x, y == ends[0], y == ends[1], y == 1)
        return sum(answer.astype(int) << bit for bit, answer in enumerate(answers))

    low, high = grid[:-1], grid[1:]
    of_low, of_high = kinds(low), kinds(high)
    turns = np.flatnonzero(of_low != of_high)
    turns = turns[:: max(1, -(-turns.size // at_most))]
    low, high, of_low = low[turns], high[turns], of_low[turns]
    while turns.size and (high - low).max() > 1:
        middle = (low >> 1) + (high >> 1) + (low & high & 1)
        alike = kinds(middle) == of_low
        low, high = np.where(alike, middle, low), np.where(alike, high, middle)
    return numbers(high, dtype)


@lru_cache
def _grid(dtype) -> np.ndarray:
    limits = np.finfo(dtype)
    ends = ordinals(np.array([-limits.max, limits.max], dtype)).astype(np.int64)
    everywhere = np.array([int(ends[0]) + (int(ends[1]) - int(ends[0])) * k // 5000 for k in range(5001)])
    return np.union1d(everywhere, ordinals(np.linspace(-20, 20, 8001).astype(dtype)))


def sample(function: Callable, dtype, count: int, seed: int) -> np.ndarray:
    """About `count` points in ascending order: landmarks, the function's own turning points, random ones."""
    reach = _reach(count)
    own = neighbours(turning_points(function, dtype), 4 * reach)[: max(count // 4, 1)]
    return numbers(np.sort(np.concatenate([_common(dtype, count, seed), ordinals(own)]), kind="stable"), dtype)


def _reach(count: int) -> int:
    return 1 if count < 20_000 else 10 if count < 200_000 else 300


@lru_cache
def _common(dtype, count: int, seed: int) -> np.ndarray:
    """The ordinals of what every function is sampled at, in ascending order."""
    marks = np.random.default_rng(seed).permutation(landmarks(dtype, _reach(count)))[: count // 2]
    return np.unique(ordinals(np.concatenate([marks, random_points(dtype, count - marks.size, seed)])))


@lru_cache
def few(dtype, count: int = 560, seed: int = 1) -> np.ndarray:
    """About `count` points, the landmarks among them: as many as mpmath can do in a second."""
    marks = np.random.default_rng(seed).permutation(landmarks(dtype, 1))[: count * 3 // 4]
    return np.concatenate([marks, random_points(dtype, count - marks.size, seed)])
