"""Statistics of data that are gathered in parts: what a part leaves, and how parts become one.

A *partial* is `WORDS` float64 for some elements: counts, the root mean squares of the gradient and of its product with
the derivative, and for inputs, outputs and derivatives how many are NaN and infinite, and the others' extremes, mean
and standard deviation. Means, and not sums or squares, since those may be out of float64's range.
"""

import numpy as np
from numpy.typing import NDArray

Partials = NDArray[np.float64]

COUNT, DEAD, SATURATED, ZERO, GRADIENT, PRODUCT, FIRST_QUANTITY = range(7)
# Each quantity's words.
NAN, INFINITE, LOWEST, HIGHEST, MEAN, SPREAD, QUANTITY_WORDS = range(7)
QUANTITIES = INPUTS, OUTPUTS, DERIVATIVES = tuple(FIRST_QUANTITY + QUANTITY_WORDS * i for i in range(3))
WORDS = FIRST_QUANTITY + 3 * QUANTITY_WORDS


def of_nothing(shape: tuple[int, ...] = ()) -> Partials:
    """Partials of no elements, which change nothing that they are merged with."""
    partials = np.zeros((*shape, WORDS))
    for quantity in QUANTITIES:
        partials[..., quantity + LOWEST], partials[..., quantity + HIGHEST] = np.inf, -np.inf
    return partials


def finite_count(partials: Partials, quantity: int) -> Partials:
    """How many numbers of a quantity have a mean."""
    return partials[..., COUNT] - partials[..., quantity + NAN] - partials[..., quantity + INFINITE]


def leave_out(partials: Partials, count: Partials) -> Partials:
    """The partials without `count` elements, which were given as NaN: they are counted, and nothing else."""
    rest = partials[..., COUNT] - count
    for word in (GRADIENT, PRODUCT):
        partials[..., word] *= np.sqrt(partials[..., COUNT] / np.maximum(rest, 1))
    for quantity in QUANTITIES:
        partials[..., quantity + NAN] -= count
    partials[..., COUNT] = rest
    return partials


def merged(partials: Partials) -> Partials:
    """One partial of those along the last axis but one."""
    whole = of_nothing(partials.shape[:-2])
    for word in (COUNT, DEAD, SATURATED, ZERO):
        whole[..., word] = partials[..., word].sum(axis=-1)
    shares = _shares(partials[..., COUNT])
    for word in (GRADIENT, PRODUCT):
        whole[..., word] = _norm(partials[..., word] * np.sqrt(shares))
    for quantity in QUANTITIES:
        for word in (NAN, INFINITE):
            whole[..., quantity + word] = partials[..., quantity + word].sum(axis=-1)
        whole[..., quantity + LOWEST] = partials[..., quantity + LOWEST].min(axis=-1, initial=np.inf)
        whole[..., quantity + HIGHEST] = partials[..., quantity + HIGHEST].max(axis=-1, initial=-np.inf)
        shares = _shares(finite_count(partials, quantity))
        means, spreads = partials[..., quantity + MEAN], partials[..., quantity + SPREAD]
        whole[..., quantity + MEAN], whole[..., quantity + SPREAD] = _mean_and_spread(shares, means, spreads)
    return whole


def _shares(counts: Partials) -> Partials:
    return counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1)


def _mean_and_spread(shares: Partials, means: Partials, spreads: Partials) -> tuple[Partials, Partials]:
    """Mean and standard deviation of the whole, from those of parts that have these shares in it."""
    mean = (shares * means).sum(axis=-1, keepdims=True)
    mean += (shares * means - shares * mean).sum(axis=-1, keepdims=True)  # what rounding left: equal parts agree
    # Halves, since means may be as far apart as all of float64's range.
    apart = means / 2 - mean / 2
    weights = np.sqrt(shares)
    return mean[..., 0], 2 * _norm(np.concatenate([weights * (spreads / 2), weights * apart], axis=-1))


def _norm(values: Partials) -> Partials:
    """The Euclidean norm along the last axis, whatever the values' range."""
    largest = np.abs(values).max(axis=-1, keepdims=True, initial=0)
    scaled = values / np.where(largest > 0, largest, 1)
    return np.sqrt((scaled * scaled).sum(axis=-1)) * largest[..., 0]
