"""Samples of classes that gradients flow through: softmax of logits with random noise."""

import inspect
import math
from typing import Any

import numpy as np

from fastact._activation import explained_dtype, find, is_dask
from fastact._axes import normalized
from fastact._device import is_device_array
from fastact._docstrings import signed

# Exponential deviates come in steps of about this: where the generator gives 0, it means less than one.
_LEAST = 2.0**-54


class GumbelSoftmax:
    r"""Softmax of logits with Gumbel noise: a relaxed sample of a class.

    Parameters
    ----------
    x : array_like
        Logits: logarithms of the classes' probabilities, up to a constant.
    tau : float, default 1.0
        Temperature, greater than 0: the lower, the nearer to one-hot.
    hard : bool, default False
        Give exactly one-hot samples.
    axis : int, tuple of int or None, default -1
        The axis of the classes; several become one, None is all.
    rng : numpy.random.Generator or seed, optional
        Where the noise comes from. Without it each call has a generator of its own, seeded by the operating system.
    return_soft : bool, default False
        Give the relaxed sample, too: ``(y, soft)``, which differ if `hard`.

    Returns
    -------
    ndarray or tuple of ndarray
        Of the shape of `x`. float16, float32, float64 and bfloat16 keep their dtype; bool and 8- and 16-bit integers
        give float32; wider integers and Python numbers give float64.

    Raises
    ------
    TypeError
        If the dtype is complex, longdouble, object or text, or `x` is a dask array.
    ValueError
        If `tau` is not a finite number above 0, or an axis is out of range or named twice.

    See Also
    --------
    softmax : The probabilities of the classes.
    hardmax : The class without noise.

    Notes
    -----
    .. math:: f(x)_i = \frac{e^{(x_i + g_i) / \tau}}{\sum_j e^{(x_j + g_j) / \tau}}, \quad g_i = -\log E_i

    with independent E of the standard exponential distribution. The largest
    element is a sample of softmax(x), whatever `tau` is: a class of probability
    1e-12 is drawn as often as that, since noise is drawn and added in float64.

    A +inf wins over all that is finite, -inf is never drawn; a row with a NaN,
    or of -inf alone, is NaN.

    The gradient is ``gumbel_softmax.backward_from_output(grad, soft, tau)``.
    With `hard` it is the straight-through estimator: that of the relaxed
    sample, which ``return_soft=True`` gives, stands for the one-hot sample's,
    which is 0 almost everywhere.

    It is random, so that it is no function of its input as those are that
    `names` lists.

    References
    ----------
    .. [1] Jang, Gu & Poole, Categorical Reparameterization with Gumbel-Softmax,
       ICLR 2017, arXiv:1611.01144
    .. [2] Maddison, Mnih & Teh, The Concrete Distribution: A Continuous
       Relaxation of Discrete Random Variables, ICLR 2017, arXiv:1611.00712

    Examples
    --------
    >>> import numpy as np
    >>> import fastact as fa
    >>> rng = np.random.default_rng(0)
    >>> y, soft = fa.gumbel_softmax(np.zeros((2, 3)), tau=0.5, hard=True, rng=rng, return_soft=True)
    >>> y.sum(axis=-1)
    array([1., 1.])
    >>> gx = fa.gumbel_softmax.backward_from_output(np.ones((2, 3)), soft, tau=0.5)
    """

    name = "gumbel_softmax"

    def __init__(self) -> None:
        self.__doc__ = signed(self.name, inspect.signature(self), inspect.getdoc(type(self)) or "")

    def __call__(
        self,
        x: Any,
        /,
        tau: float = 1.0,
        *,
        hard: bool = False,
        axis: Any = -1,
        rng: Any = None,
        return_soft: bool = False,
    ) -> Any:
        tau, dtype = _checked_tau(self.name, tau), _result_dtype(self.name, find("softmax"), x)
        x = np.asarray(x)
        axes = normalized(self.name, axis, x.ndim)
        scores = _scores(x, tau, axes, rng)
        if hard:
            y = find("hardmax")(scores, axis=axes).astype(dtype)
            return (y, _soft(scores, axes, dtype)) if return_soft else y
        y = _soft(scores, axes, dtype)
        return (y, y) if return_soft else y

    def backward_from_output(self, grad: Any, y: Any, /, tau: float = 1.0, axis: Any = -1) -> Any:
        """Gradient with respect to the logits, from the relaxed sample.

        Parameters
        ----------
        grad : array_like
            Gradient with respect to the output, of its shape.
        y : array_like
            The relaxed sample: the output, or the second of two with ``return_soft=True``.
        tau, axis
            As they were given to the function.

        Returns
        -------
        ndarray
            Of the shape of `y`.

        Raises
        ------
        TypeError, ValueError
            As the function itself.

        Examples
        --------
        >>> import numpy as np
        >>> import fastact as fa
        >>> fa.gumbel_softmax.backward_from_output(np.array([1.0, 0.0]), np.array([0.5, 0.5]), tau=0.5)
        array([ 0.5, -0.5])
        """
        name, backward = f"{self.name}.backward_from_output", find("softmax", "backward_from_output")
        tau, dtype = _checked_tau(name, tau), _result_dtype(name, backward, grad, y)
        gradient = backward(grad, y, axis=axis, dtype=_working(dtype))
        with np.errstate(over="ignore", under="ignore"):
            np.divide(gradient, tau, out=gradient, dtype=np.float64, casting="same_kind")
            return gradient.astype(dtype, copy=False)

    def __repr__(self) -> str:
        return "<fastact gumbel_softmax>"

    def __reduce__(self) -> str:
        return "gumbel_softmax"


def _checked_tau(name: str, tau: Any) -> float:
    try:
        number = float(tau)
    except (TypeError, ValueError):
        raise TypeError(f"{name}: tau must be a number, got {tau!r}") from None
    if not 0.0 < number < math.inf:
        raise ValueError(f"{name}: tau must be finite and greater than 0, got {tau!r}")
    return number


def _result_dtype(name: str, function: Any, *arrays: Any) -> np.dtype:
    if any(map(is_device_array, arrays)):
        raise TypeError(
            f"{name} does not take GPU arrays: its noise is NumPy's; draw noise with the array's own library, and call "
            "softmax((x + noise) / tau)"
        )
    if any(map(is_dask, arrays)):
        raise TypeError(f"{name} does not take dask arrays; call it on their blocks, each with a generator of its own")
    arrays = tuple(map(np.asarray, arrays))
    try:
        return function.ufunc.resolve_dtypes((*(array.dtype for array in arrays), None))[-1]
    except TypeError as error:
        raise explained_dtype(name, error, arrays, {}) from None


def _working(dtype: np.dtype) -> type:
    return np.float64 if dtype == np.float64 else np.float32


def _scores(x: np.ndarray, tau: float, axes: tuple[int, ...], rng: Any) -> np.ndarray:
    """The logits with noise, over the temperature, less than the largest of their row: in float64."""
    scores = np.random.default_rng(rng).standard_exponential(x.shape)
    np.log(np.maximum(scores, _LEAST, out=scores), out=scores)
    np.subtract(x, scores, out=scores)
    largest = scores.max(axis=axes, keepdims=True, initial=-np.inf)
    are_largest = scores == largest
    with np.errstate(over="ignore", under="ignore"):
        np.subtract(scores, largest, out=scores, where=~are_largest)  # first: then what tau makes infinite is -inf
        np.divide(scores, tau, out=scores)
    np.copyto(scores, np.where(np.isneginf(largest), np.nan, 0.0), where=are_largest)
    return scores


def _soft(scores: np.ndarray, axes: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        scores = scores.astype(_working(dtype), copy=False)
        return find("softmax")(scores, axis=axes).astype(dtype, copy=False)


gumbel_softmax = GumbelSoftmax()
