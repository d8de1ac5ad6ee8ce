"""Activations with the defaults and the parameters of other libraries, where these differ from fastact's own.

``compat.keras.leaky_relu(x)`` has a slope of 0.2, ``compat.jax.gelu(x)`` is the tanh form. What is not here is called
by its own name, with the same result: `fastact.get` knows every library's spelling.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import fastact
from fastact._docstrings import Documented, preset_docstring


def _same(value: Any) -> Any:
    return value


def _bound(value: float | None) -> float:
    """Keras' upper bound, where None is none."""
    return float("inf") if value is None else value


def _form(approximate: bool) -> str:
    return "tanh" if approximate else "none"


@dataclass(frozen=True)
class Parameter:
    """A parameter as another library has it.

    Attributes
    ----------
    ours : str
        What fastact calls it.
    default : object
        The library's default.
    convert : callable
        From the library's values to fastact's.
    """

    ours: str
    default: Any
    convert: Callable[[Any], Any] = _same


@dataclass(frozen=True)
class Preset:
    """An activation as another library has it.

    Attributes
    ----------
    library, name : str
        The library, and its name for the activation.
    activation : str
        The activation of fastact behind it.
    parameters : mapping
        The library's parameters by name, in its order.
    """

    library: str
    name: str
    activation: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


_KERAS_RELU = {
    "negative_slope": Parameter("negative_slope", 0.0),
    "max_value": Parameter("max_value", None, _bound),
    "threshold": Parameter("threshold", 0.0),
}
_KERAS_RELU_LAYER = {name: _KERAS_RELU[name] for name in ("max_value", "negative_slope", "threshold")}
_TANH_GELU = {"approximate": Parameter("approximate", True, _form)}
_SLOPE = "negative_slope"

PRESETS = (
    Preset("jax", "gelu", "gelu", _TANH_GELU),
    Preset("keras", "leaky_relu", "leaky_relu", {_SLOPE: Parameter(_SLOPE, 0.2)}),
    Preset("keras", "relu", "general_relu", _KERAS_RELU),
    Preset("keras_layers", "leaky_relu", "leaky_relu", {_SLOPE: Parameter(_SLOPE, 0.3)}),
    Preset("keras_layers", "prelu", "prelu", {"alpha": Parameter("alpha", 0.0)}),
    Preset("keras_layers", "relu", "general_relu", _KERAS_RELU_LAYER),
    Preset("keras_ops", "gelu", "gelu", _TANH_GELU),
    Preset("keras_ops", "leaky_relu", "leaky_relu", {_SLOPE: Parameter(_SLOPE, 0.2)}),
    Preset(
        "onnx", "hard_sigmoid", "hard_sigmoid", {"alpha": Parameter("slope", 0.2), "beta": Parameter("offset", 0.5)}
    ),
    Preset("tensorflow", "gelu", "gelu", {"approximate": Parameter("approximate", False, _form)}),
    Preset("tensorflow", "leaky_relu", "leaky_relu", {"alpha": Parameter(_SLOPE, 0.2)}),
)


class CompatibleDirection(Documented):
    """One direction of an activation of fastact, called as another library would.

    Parameters
    ----------
    preset : Preset
        How the library has it.
    direction : str
        What is computed: ``"value"``, ``"derivative"`` and so on.
    """

    def __init__(self, preset: Preset, direction: str) -> None:
        activation = fastact.get(preset.activation)
        self._preset, self._arrays = preset, len(activation.info.arrays(direction))
        self._function = activation if direction == "value" else getattr(activation, direction)
        self._direction = direction
        self.name = self.__name__ = preset.name if direction == "value" else f"{preset.name}.{direction}"

    def _docstring(self) -> str:
        own = fastact.get(self._preset.activation).info
        return preset_docstring(own, self._preset, self._direction, self.__signature__, self._function.name)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Compute it: arrays, then the library's parameters, then NumPy's keywords."""
        parameters = self._preset.parameters
        arrays = self._arrays
        if len(args) > arrays + len(parameters):
            raise TypeError(f"{self!r} takes {arrays} arrays and {', '.join(parameters)}, got {len(args)} arguments")
        given = dict(zip(parameters, args[arrays:], strict=False))
        if twice := given.keys() & keywords.keys():
            raise TypeError(f"{self!r} got {', '.join(sorted(twice))} twice, by position and by keyword")
        given |= {name: keywords.pop(name) for name in parameters if name in keywords}
        if foreign := {parameter.ours for parameter in parameters.values()} & keywords.keys():
            raise TypeError(f"{self!r} has no keyword {', '.join(sorted(foreign))}; it has {', '.join(parameters)}")
        for name, parameter in parameters.items():
            keywords[parameter.ours] = parameter.convert(given.get(name, parameter.default))
        return self._function(*args[:arrays], **keywords)

    @property
    def defaults(self) -> dict[str, Any]:
        """The library's defaults, by fastact's names of the parameters."""
        return {parameter.ours: parameter.convert(parameter.default) for parameter in self._preset.parameters.values()}

    @property
    def __signature__(self) -> inspect.Signature:
        kinds = inspect.Parameter
        own = inspect.signature(self._function).parameters.values()
        ours = {parameter.ours for parameter in self._preset.parameters.values()}
        theirs = [
            kinds(name, kinds.POSITIONAL_OR_KEYWORD, default=parameter.default)
            for name, parameter in self._preset.parameters.items()
        ]
        arrays = [parameter for parameter in own if parameter.kind is kinds.POSITIONAL_ONLY]
        rest = [parameter for parameter in own if parameter.kind is kinds.KEYWORD_ONLY and parameter.name not in ours]
        return inspect.Signature([*arrays, *theirs, *rest])

    def __repr__(self) -> str:
        return f"<fastact compat.{self._preset.library}.{self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _find, (self._preset.library, self._preset.name, self._direction)


class CompatibleActivation(CompatibleDirection):
    """An activation of fastact, called as another library would: its directions are its attributes."""

    def __init__(self, preset: Preset) -> None:
        super().__init__(preset, "value")
        self.info = fastact.get(preset.activation).info
        for direction in self.info.directions[1:]:
            setattr(self, direction, CompatibleDirection(preset, direction))


class Library:
    """What of another library differs from fastact, as attributes.

    Parameters
    ----------
    name : str
        The library's.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._presets = {preset.name: preset for preset in PRESETS if preset.library == name}
        self.__doc__ = f"Activations as {name} has them: {', '.join(self._presets)}."

    def __getattr__(self, name: str) -> CompatibleActivation:
        if name.startswith("_") or name not in self._presets:
            known = ", ".join(self.__dict__.get("_presets", ()))
            raise AttributeError(
                f"compat.{self.__dict__.get('_name')} has no {name!r}; it has {known}. Where nothing differs, "
                f"fastact.get({name!r}) is the same"
            )
        activation = CompatibleActivation(self._presets[name])
        setattr(self, name, activation)
        return activation

    def __dir__(self) -> list[str]:
        return sorted(self._presets)

    def __repr__(self) -> str:
        return f"<fastact compat.{self._name}: {', '.join(self._presets)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _library, (self._name,)


_LIBRARIES = tuple(dict.fromkeys(preset.library for preset in PRESETS))


@functools.cache
def _library(name: str) -> Library:
    return Library(name)


def _find(library: str, name: str, direction: str) -> CompatibleDirection:
    activation = getattr(_library(library), name)
    found = activation if direction == "value" else getattr(activation, direction)
    assert isinstance(found, CompatibleDirection)
    return found


jax: Library
keras: Library
keras_layers: Library
keras_ops: Library
onnx: Library
tensorflow: Library


def __getattr__(name: str) -> Library:
    if name in _LIBRARIES:
        return _library(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(_LIBRARIES)}")


def __dir__() -> list[str]:
    return [*_LIBRARIES, "PRESETS"]
