"""What an activation does to data: dead and saturated units, sparsity, lost gradient, and what to do about it."""

from __future__ import annotations

import functools
import html
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

import fastact
from fastact import _axes, _labelled, _statistics
from fastact._activation import Activation, is_dask
from fastact._statistics import DERIVATIVES, INPUTS, OUTPUTS, Partials, finite_count, merged
from fastact._streaming import Share, Subject, gather

#: Derivatives below this share of the largest that the activation has count as saturated.
SATURATED = 0.01

# A number, or an array where each index of an axis has its own.
Figure: TypeAlias = Any
Count: TypeAlias = Any


@dataclass(frozen=True, eq=False)
class Summary:
    """Figures of inputs, outputs or derivatives: numbers, or arrays where each index of an axis has its own.

    Attributes
    ----------
    mean, std, min, max : float or ndarray
        Of the finite numbers, in float64; NaN where there are none. The standard deviation is the population's.
    nan, inf : int or ndarray
        How many numbers are NaN and infinite.
    """

    mean: Figure
    std: Figure
    min: Figure
    max: Figure
    nan: Count
    inf: Count


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What an activation does to data: numbers, or arrays where each index of `axis` has its own.

    Attributes
    ----------
    label : str
        The activation, with the parameters that are not its defaults.
    count : int or ndarray
        How many elements took part: all but masked ones. Shares are of these.
    dead : float or ndarray
        The share of derivatives that are exactly 0.
    saturated : float or ndarray
        The share of derivatives that are 0 or, in magnitude, below `threshold`.
    sparsity : float or ndarray
        The share of outputs that are exactly 0.
    gradient_lost : float or ndarray
        ``1 - norm(grad * f'(x)) / norm(grad)``; negative where the gradient grows. Elements whose product is not finite
        take no part.
    inputs, outputs, derivatives : Summary
        Mean, spread, extremes, and how many are not finite.
    threshold : float
        What counts as saturated: a hundredth of the largest derivative that the activation has for any input, or 0.01
        where that knows no bound. (Where parameters are arrays: with the defaults.)
    axis : tuple of int
        The axes that figures are given along; empty for figures of all elements.
    total : Diagnosis
        The figures of all elements; itself where there are no others.
    advice : tuple of str
        What the figures suggest, tried on the data: on all of it, or on 262,144 random elements of larger data.
    """

    label: str
    count: Count
    dead: Figure
    saturated: Figure
    sparsity: Figure
    gradient_lost: Figure
    inputs: Summary
    outputs: Summary
    derivatives: Summary
    threshold: float
    axis: tuple[int, ...] = ()
    advice: tuple[str, ...] = ()
    _total: Diagnosis | None = None

    @property
    def total(self) -> Diagnosis:
        """The figures of all elements."""
        return self if self._total is None else self._total

    def __str__(self) -> str:
        from fastact._report import report

        return report(self)

    def __repr__(self) -> str:
        return f"<fastact diagnosis of {self.label}>"

    def _repr_html_(self) -> str:
        return _preformatted(self)


class Comparison(tuple[Diagnosis, ...]):
    """Diagnoses of several activations on the same data, the best first; its text is a table."""

    def __str__(self) -> str:
        from fastact._report import table

        return table(self)

    def __repr__(self) -> str:
        return f"<fastact comparison of {', '.join(diagnosis.label for diagnosis in self)}>"

    def _repr_html_(self) -> str:
        return _preformatted(self)


def _preformatted(text: Any) -> str:
    """A notebook's form of a text whose columns are aligned."""
    return f"<pre>{html.escape(str(text))}</pre>"


def diagnose(
    activation: Any,
    x: Any,
    grad: Any = None,
    axis: int | tuple[int, ...] | None = None,
    **parameters: Any,
) -> Diagnosis:
    """Find out what an activation does to data, in one pass over it.

    Parameters
    ----------
    activation : str or Activation
        An element-wise activation, its name or an alias; or a `functools.partial` of one that holds parameters.
    x : array_like
        Inputs, of any shape, layout and dtype that the activation takes. Memory maps are gone through in blocks of some
        16 MB, dask arrays chunk by chunk in one computation. Masked elements take no part.
    grad : array_like, optional
        Gradient with respect to the output, which broadcasts to `x`; ones unless given.
    axis : int or tuple of int, optional
        The axes to keep, as `axis` of a normalisation layer names its channels: one figure for each index along them,
        over all other axes. None gives one figure for everything.
    **parameters
        The activation's, as it takes them: ``alpha=0.5``, ``approximate="tanh"``. Arrays broadcast to `x`.

    Returns
    -------
    Diagnosis
        The figures as attributes; its text is a report with advice. Its bits are the same for any number of threads.

    Raises
    ------
    ValueError
        If the name is unknown or not that of an element-wise activation, an axis is out of range, shapes do not fit
        together, or a parameter is out of its range.
    TypeError
        If a dtype is complex, longdouble, object or text, or a parameter is unknown.

    See Also
    --------
    compare : Several activations on the same data.

    Notes
    -----
    Figures are of the numbers that calls give: value and derivative in the dtype of ``backward(grad, x)``, means and
    norms of them in float64.

    Examples
    --------
    >>> import numpy as np
    >>> import fastact as fa
    >>> diagnosis = fa.diagnose("relu", np.array([-2.0, -1.0, 1.0, 2.0]))
    >>> diagnosis.dead, diagnosis.outputs.mean
    (0.5, 0.75)
    """
    return _diagnoses([_resolved(activation, parameters)], x, grad, axis, advised=True)[0]


def compare(activations: Sequence[Any], x: Any, grad: Any = None) -> Comparison:
    """Rank activations by what they do to data, in one pass over it.

    Parameters
    ----------
    activations : sequence
        Each as `diagnose` takes it: names, activations, or `functools.partial` of them.
    x, grad : array_like
        As in `diagnose`.

    Returns
    -------
    Comparison
        A tuple of `Diagnosis`, without advice, whose text is a table. First comes what changes the norm of the gradient
        least: where ``abs(gradient_lost)`` is smallest, and of equal ones what saturates less. What has no such figure
        comes last.

    Raises
    ------
    ValueError, TypeError
        As in `diagnose`; and if there is no activation.

    Examples
    --------
    >>> import numpy as np
    >>> import fastact as fa
    >>> x = np.linspace(-8, 8, 1001)
    >>> [diagnosis.label for diagnosis in fa.compare(["sigmoid", "relu", "gelu"], x)]
    ['gelu', 'relu', 'sigmoid']
    """
    if isinstance(activations, str):
        raise TypeError(f"compare takes a list of activations, got the text {activations!r}; try [{activations!r}]")
    subjects = [_resolved(activation, {}) for activation in activations]
    if not subjects:
        raise ValueError("compare needs at least one activation, got none; fastact.names('elementwise') lists them")
    return Comparison(sorted(_diagnoses(subjects, x, grad, None, advised=False), key=_rank))


def _rank(diagnosis: Diagnosis) -> tuple[float, ...]:
    lost = abs(float(diagnosis.gradient_lost))
    return (np.inf if np.isnan(lost) else lost, float(diagnosis.saturated))


# --- what there is to diagnose ---------------------------------------------------------------------


def _resolved(activation: Any, parameters: dict[str, Any]) -> Subject:
    """The activation and all its parameters, from what the user has for it."""
    if isinstance(activation, functools.partial):
        if activation.args:
            raise TypeError(f"diagnose takes a partial with keywords only, got {activation.args!r} by position")
        return _resolved(activation.func, {**activation.keywords, **parameters})
    found = fastact.get(activation) if isinstance(activation, str) else activation
    if not isinstance(found, Activation):
        info = getattr(found, "info", None)
        if info is None or info.kind == "elementwise":
            raise TypeError(f"diagnose takes an activation of fastact, its name or a functools.partial, got {found!r}")
        raise ValueError(
            f"{info.name} does not work element by element, and has no derivative for each: diagnose and compare take "
            "what fastact.names('elementwise') lists"
        )
    return _subject(*found.with_parameters(parameters))


def _subject(activation: Activation, parameters: tuple[Any, ...]) -> Subject:
    return Subject(activation.info.name, parameters, SATURATED * _largest_derivative(activation, parameters))


def _largest_derivative(activation: Activation, parameters: tuple[Any, ...]) -> float:
    """The largest magnitude of the derivative at any input; 1 where it knows no bound.

    For other numbers than the defaults, of which the definition tells, it is found on a grid.
    """
    info = activation.info
    largest = max(map(abs, info.derivative_range))
    numbers = all(type(value) in (float, int) for value in parameters)
    if numbers and parameters != tuple(parameter.default for parameter in info.parameters):
        far = np.geomspace(1e-3, 1e4, 701)
        grid = np.concatenate([-far, np.linspace(-10, 10, 2001), far])
        slopes = np.nan_to_num(np.abs(activation.derivative(grid, *parameters)), nan=0.0, posinf=np.inf)
        largest = slopes.max()
        if largest > 1.5 * slopes[np.abs(grid) < 1e3].max():  # it still grows
            largest = np.inf
    return float(largest) if np.isfinite(largest) else 1.0


# --- the data ---------------------------------------------------------------------------------------


def _diagnoses(subjects: list[Subject], x: Any, grad: Any, axis: Any, *, advised: bool) -> list[Diagnosis]:
    x = _array(x)
    grad = np.ones((), x.dtype) if grad is None else _array(grad)
    kept = () if axis is None else _axes.normalized("diagnose", axis, x.ndim)
    x = x if x.ndim else x.reshape(1)
    arrays = {"grad": grad} | {
        parameter.name: value
        for subject in subjects
        for parameter, value in zip(subject.definition.parameters, subject.parameters, strict=True)
    }
    for name, value in arrays.items():
        _check_shape(name, value, x)
    if any(map(is_dask, (x, *arrays.values()))):
        from fastact import _dask

        states, sample = _dask.gathered(subjects, x, grad, kept)
    else:
        share = Share(x.size, 0, (0,) * len(kept), tuple(x.shape[axis] for axis in kept))
        states, sample = gather(subjects, x, _spread(grad, x.shape), kept, share)
    found = [_diagnosis(subject, state, kept) for subject, state in zip(subjects, states, strict=True)]
    if not advised:
        return found
    from fastact._advice import advice

    return [
        replace(diagnosis, advice=advice(subject, diagnosis, sample))
        for subject, diagnosis in zip(subjects, found, strict=True)
    ]


def _array(value: Any) -> Any:
    """An array of NumPy, masked or not, or of dask."""
    if _labelled.is_labelled(value):
        value = _labelled.values(value)
    if is_dask(value) or isinstance(value, np.ma.MaskedArray):
        return value
    return np.asarray(value)


def _check_shape(name: str, value: Any, x: Any) -> None:
    if np.isnan([*np.shape(value), *x.shape]).any():
        raise ValueError("diagnose needs the lengths of all chunks: call compute_chunk_sizes() on the array first")
    try:
        fits = np.broadcast_shapes(np.shape(value), x.shape) == x.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"diagnose: {name} of shape {np.shape(value)} does not broadcast to x of shape {x.shape}")


def _spread(array: Any, shape: tuple[int, ...]) -> Any:
    """The array, masked or not, broadcast to a shape."""
    data, mask = np.ma.getdata(array), np.ma.getmask(array)
    data = np.broadcast_to(data, shape)
    return data if mask is np.ma.nomask else np.ma.array(data, mask=np.broadcast_to(mask, shape), copy=False)


# --- figures ----------------------------------------------------------------------------------------


def _diagnosis(subject: Subject, partials: Partials, kept: tuple[int, ...]) -> Diagnosis:
    total = None
    if kept:
        total = _diagnosis(subject, merged(partials.reshape(-1, partials.shape[-1])), ())
    count, gradient = partials[..., _statistics.COUNT], partials[..., _statistics.GRADIENT]
    return Diagnosis(
        label=label(subject),
        count=_counted(count),
        dead=_ratio(partials[..., _statistics.DEAD], count),
        saturated=_ratio(partials[..., _statistics.SATURATED], count),
        sparsity=_ratio(partials[..., _statistics.ZERO], count),
        gradient_lost=_plain(1 - np.asarray(_ratio(partials[..., _statistics.PRODUCT], gradient))),
        inputs=_summary(partials, INPUTS),
        outputs=_summary(partials, OUTPUTS),
        derivatives=_summary(partials, DERIVATIVES),
        threshold=subject.threshold,
        axis=kept,
        _total=total,
    )


def label(subject: Subject) -> str:
    """The activation as one calls it, with the parameters that are not its defaults."""
    given = [
        f"{parameter.name}={value:g}" if np.ndim(value) == 0 else f"{parameter.name}=<{np.shape(value)}>"
        for parameter, value in zip(subject.definition.parameters, subject.parameters, strict=True)
        if np.ndim(value) or value != parameter.default
    ]
    return f"{subject.name}({', '.join(given)})" if given else subject.name


def _summary(partials: Partials, quantity: int) -> Summary:
    finite = finite_count(partials, quantity)
    words = partials[..., quantity : quantity + _statistics.QUANTITY_WORDS]
    return Summary(
        mean=_where(finite, words[..., _statistics.MEAN]),
        std=_where(finite, words[..., _statistics.SPREAD]),
        min=_where(finite, words[..., _statistics.LOWEST] + 0.0),  # no -0.0
        max=_where(finite, words[..., _statistics.HIGHEST] + 0.0),
        nan=_counted(words[..., _statistics.NAN]),
        inf=_counted(words[..., _statistics.INFINITE]),
    )


def _plain(figures: Any) -> Any:
    """A Python number, where there is only one."""
    return figures if np.ndim(figures) else figures.item()


def _counted(figures: Partials) -> Any:
    return _plain(figures.astype(np.int64))


def _where(known: Partials, figures: Partials) -> Any:
    return _plain(np.where(known > 0, figures, np.nan))


def _ratio(figures: Partials, whole: Partials) -> Any:
    return _where(whole, figures / np.where(whole > 0, whole, 1))
