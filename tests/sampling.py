"""Points of a floating-point format where an activation can be wrong: every exponent, tails, kinks, roots."""

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
# Zeros of values, of first derivatives (silu, mish, gelu, gelu_tanh, hard_swish, serf, logish, tanhexp, phish) and of
# second derivatives.
ROOTS = (
    *(0.7071067811865476, 1.1930599689281882, 1.3724541370256921, 1.078860058464624, 1.1954312013879125),
    *(2.2564974802739743, 2.5334480688920653, 2.06597189615675, 1.8836659940045337),
    *(1.2784645427610738, 1.1924312145154952, 0.7517915246935645, 0.7524614220710162, 1.5),
    *(2.3993572805154677, 2.256376396360793, 1.4142135623730951, 1.4185040087908284),
)


def neighbours(points: np.ndarray, reach: int) -> np.ndarray:
    """`points` and the `reach` representable numbers on either side of each."""
    integer = np.dtype(f"i{points.itemsize}")
    near = points.view(integer)[:, None] + np.arange(-reach, reach + 1, dtype=integer)
    near = near.view(points.dtype).ravel()
    return np.concatenate([near[np.isfinite(near)], -points[:1] * 0])


def landmarks(dtype, reach: int) -> np.ndarray:
    """Kinks, roots, tails, powers of two, subnormals, the largest number; with neighbours, of both signs."""
    dtype = np.dtype(dtype)
    limits = np.finfo(dtype)
    special = np.array([*KINKS[1:], *ROOTS, *TAILS, *(q for q in QUARTERS if q < float(limits.max))], dtype)
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


@lru_cache
def few(dtype, count: int = 560, seed: int = 1) -> np.ndarray:
    """About `count` points, the landmarks among them: as many as mpmath can do in a second."""
    marks = np.random.default_rng(seed).permutation(landmarks(dtype, 1))[: count * 3 // 4]
    return np.concatenate([marks, random_points(dtype, count - marks.size, seed)])


@lru_cache
def many(dtype, count: int = 1_600_000, seed: int = 1) -> np.ndarray:
    """About 1.8 million points: 2,000 neighbours of every landmark, and random ones."""
    return np.concatenate([landmarks(dtype, 1000), random_points(dtype, count, seed)])


@lru_cache
def every(dtype) -> np.ndarray:
    """All numbers of a 16-bit format, the infinities, and one NaN."""
    numbers = np.arange(65536, dtype=np.uint32).astype(np.uint16).view(dtype)
    with np.errstate(invalid="ignore"):  # ml_dtypes complains of signalling NaNs
        return np.append(numbers[~np.isnan(numbers)], np.array([np.nan], dtype))
