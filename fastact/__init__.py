"""Neural-network activations and their derivatives for NumPy arrays: fast, and accurate to the last digit.

Importing costs NumPy and nothing else: names appear, and Numba is imported, when they are first used.
"""

import difflib as _difflib
import functools as _functools
import importlib as _importlib
from typing import Any

import numpy as _numpy  # noqa: F401 - what every call needs; Numba comes with the first of them

__version__ = "0.1.0"

_NAMES_ELSEWHERE = {
    "set_num_threads": "fastact._engine.threads",
    "get_num_threads": "fastact._engine.threads",
    "gumbel_softmax": "fastact._gumbel_softmax",
    "maxout_dense": "fastact._dense",
    "plot": "fastact.plotting",
    "diagnose": "fastact.diagnostics",
    "compare": "fastact.diagnostics",
}


@_functools.cache
def _registry() -> dict:
    # Not `from fastact import ...`, which asks this module's __getattr__, which asks for the registry.
    for package in ("fastact.activations", "fastact.axiswise", "fastact.losses"):
        _importlib.import_module(package)
    from fastact._definition import registry

    return dict(sorted(registry.items()))


@_functools.cache
def _aliases() -> dict[str, str]:
    return {alias: name for name, definition in _registry().items() for alias in definition.aliases}


@_functools.cache
def _public_object(name: str) -> Any:
    from fastact._activation import make

    return make(name)


def names(kind: str | None = None) -> list[str]:
    """List the canonical names of all activations, or of the losses.

    Parameters
    ----------
    kind : {"elementwise", "axiswise", "gated", "joined", "loss"}, optional
        List only the activations that work on each element, along an axis, on two halves, or that give two halves; or
        the losses, which are no activations.

    Returns
    -------
    list of str
        Sorted.

    Raises
    ------
    ValueError
        If `kind` is none of these.

    Examples
    --------
    >>> import fastact as fa
    >>> fa.names("axiswise")
    ['entmax15', 'hardmax', 'log_softmax', 'logsumexp', 'maxout', 'softmax', 'softmin', 'sparsemax']
    """
    kinds = ("elementwise", "axiswise", "gated", "joined")
    if kind not in (None, *kinds, "loss"):
        raise ValueError(f"kind must be 'elementwise', 'axiswise', 'gated', 'joined', 'loss' or None, got {kind!r}")
    chosen = kinds if kind is None else (kind,)
    return [name for name, definition in _registry().items() if definition.kind in chosen]


def get(name: str) -> Any:
    """Look an activation or a loss up by its name, or by what another library calls it.

    Parameters
    ----------
    name : str
        Canonical name or alias.

    Returns
    -------
    Activation, AxisActivation, GatedActivation or Loss
        The same object as the attribute of that name.

    Raises
    ------
    TypeError
        If `name` is no text.
    ValueError
        If no activation has that name; the message suggests the nearest.

    Examples
    --------
    >>> import fastact as fa
    >>> fa.get("SiLU") is fa.silu
    True
    """
    if not isinstance(name, str):
        raise TypeError(f"get takes the name of an activation or a loss, got {name!r}")
    canonical = _aliases().get(name, name)
    if canonical not in _registry():
        raise ValueError(f"unknown activation {name!r}; {_hint(name)}")
    return _public_object(canonical)


def _hint(name: str) -> str:
    near = _difflib.get_close_matches(name, [*_registry(), *_aliases()], n=1)
    return f"did you mean {near[0]!r}?" if near else "fastact.names() lists them"


def __getattr__(name: str) -> Any:
    if name in _NAMES_ELSEWHERE:
        value = getattr(_importlib.import_module(_NAMES_ELSEWHERE[name]), name)
    elif name == "compat":
        value = _importlib.import_module("fastact.compat")
    elif not name.startswith("_") and name in _registry():
        value = _public_object(name)
    else:
        hint = "" if name.startswith("_") else f"; {_hint(_aliases().get(name, name))}"
        raise AttributeError(f"module 'fastact' has no attribute {name!r}{hint}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*_registry(), *_NAMES_ELSEWHERE, "compat", "names", "get", "__version__"])
