"""An activation with values for its parameters, as a person names it: ``"elu"``, ``"elu(alpha=0.5)"``, an object."""

from __future__ import annotations

import ast
import difflib
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import fastact
from fastact._definition import Definition, registry

ACCEPTED = "a name, a call such as 'elu(alpha=0.5)', an activation, or a pair of one of these and a dict of parameters"


@dataclass(frozen=True)
class Subject:
    """An activation with values for its parameters.

    Attributes
    ----------
    definition : Definition
        The activation.
    parameters : tuple of float
        A value for each of its parameters.
    label : str
        As one calls it, with what was given: ``"elu(alpha=0.5)"``.
    """

    definition: Definition
    parameters: tuple[float, ...]
    label: str


def subject(wanted: Any) -> Subject:
    """Find what is meant.

    Parameters
    ----------
    wanted : str, activation or tuple
        See `ACCEPTED`.

    Raises
    ------
    TypeError, ValueError
        If that is no activation, or has no such parameter, or the parameter no such value.
    """
    given: dict[str, Any] = {}
    if isinstance(wanted, tuple) and len(wanted) == 2 and isinstance(wanted[1], Mapping):
        wanted, given = wanted[0], dict(wanted[1])
    if isinstance(wanted, str):
        name, written = _parsed(wanted)
        wanted, given = fastact.get(name), written | given
    definition = getattr(wanted, "info", None)
    if not isinstance(definition, Definition):
        raise TypeError(f"{wanted!r} is no activation; accepted are {ACCEPTED}")
    return _with(definition, getattr(wanted, "defaults", {}) | given)


def _parsed(text: str) -> tuple[str, dict[str, Any]]:
    """The name and the keywords of a call; a name alone has none."""
    if "(" not in text:
        return text, {}
    try:
        call = ast.parse(text.strip(), mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
            raise ValueError
        return call.func.id, {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
    except (SyntaxError, ValueError):
        raise ValueError(f"{text!r} is not a call with keywords, such as 'elu(alpha=0.5)'") from None


def _with(definition: Definition, given: dict[str, Any]) -> Subject:
    """Set parameters; a keyword that selects a variant does so."""
    for keyword, choices in definition.variants.items():
        choice = given.pop(keyword, next(iter(choices)))
        if choice not in choices:
            known = " or ".join(map(repr, choices))
            raise ValueError(f"{definition.name}: {keyword} must be {known}, got {choice!r}")
        definition = registry[choices[choice]]
    names = [parameter.name for parameter in definition.parameters]
    for name in given:
        if name not in names:
            raise ValueError(f"{definition.name} has no parameter {name!r}; {_hint(name, names)}")
    values = {p.name: _number(definition.name, p.name, given.get(p.name, p.default)) for p in definition.parameters}
    definition.check_values(tuple(values.values()))
    shown = ", ".join(f"{name}={values[name]:g}" for name in given)
    return Subject(definition, tuple(values.values()), f"{definition.name}({shown})" if shown else definition.name)


def _hint(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"it has {', '.join(names) or 'none'}"


def _number(activation: str, name: str, value: Any) -> float:
    if not isinstance(value, numbers.Real):
        raise TypeError(f"{activation}: {name} must be one number here, got {value!r}")
    return float(value)
