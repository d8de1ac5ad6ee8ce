"""Every ufunc of the package by name, made when it is first asked for: this is where pickles find them again.

``gelu_derivative`` takes parameters as operands; ``elu_at_3ff0000000000000`` has them built in, as the bits of float64.
"""

import functools
import struct

from fastact._definition import registry

_AT = "_at_"


def base_name(activation: str, direction: str) -> str:
    """The name of a direction's ufunc with parameters as operands."""
    return activation if direction == "value" else f"{activation}_{direction}"


def name_at(activation: str, direction: str, values: tuple[float, ...]) -> str:
    """The name of a direction's ufunc with these parameters built in."""
    bits = (struct.pack(">d", value).hex() for value in values)
    return base_name(activation, direction) + _AT + "_".join(bits)


@functools.cache
def directions() -> dict[str, tuple[str, str]]:
    """Every ufunc's name, and the activation and direction that it stands for."""
    import fastact.activations
    import fastact.axiswise
    import fastact.losses  # noqa: F401 - all fill the registry

    return {
        base_name(name, direction): (name, direction)
        for name, definition in registry.items()
        for direction in definition.kernels
    }


@functools.cache
def general(name: str, direction: str):
    """The `Elementwise` of a direction, with parameters as operands."""
    from fastact._engine.ufuncs import Elementwise

    return _named(Elementwise(name, direction, None if registry[name].parameters else (), base_name(name, direction)))


@functools.cache
def axiswise(name: str, direction: str):
    """The `Axiswise` of a direction."""
    from fastact._engine.cores import Cores
    from fastact._engine.ufuncs import Axiswise

    cores = Cores(registry[name].cores_of(direction))
    return _named(Axiswise(name, direction, cores, base_name(name, direction)))


# Parameters that change with every call of a training loop must not pile up.
@functools.lru_cache(maxsize=512)
def at(name: str, direction: str, values: tuple[float, ...]):
    """The `Elementwise` of a direction, with these parameters built in."""
    from fastact._engine.programs import constants_of
    from fastact._engine.ufuncs import Elementwise

    if not values:
        return general(name, direction)
    constants = constants_of(name, values)
    return _named(Elementwise(name, direction, constants, name_at(name, direction, values)))


def raise_failure() -> None:
    """Raise what kept a kernel from being compiled, if something has."""
    from fastact._engine import programs

    programs.raise_failure()


def _named(elementwise):
    elementwise.ufunc.__module__ = __name__
    return elementwise


def __getattr__(name: str):
    base, _, bits = name.partition(_AT)
    if base not in directions():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    activation, direction = directions()[base]
    if registry[activation].kind == "axiswise" or registry[activation].cores:
        return axiswise(activation, direction).ufunc
    if not bits:
        return general(activation, direction).ufunc
    values = tuple(struct.unpack(">d", bytes.fromhex(text))[0] for text in bits.split("_"))
    return at(activation, direction, values).ufunc
