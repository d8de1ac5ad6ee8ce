"""The public objects: activations and their directions, callable like NumPy's functions."""

import inspect
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np

from fastact import _ufuncs
from fastact._definition import Definition, registry
from fastact._device import is_device_array
from fastact._docstrings import Documented, docstring
from fastact._front import Fronted
from fastact._notebook import Shown

ndarray = np.ndarray

# Work that takes one thread so long is worth describing arrays to threads, where NumPy would cut them into short runs.
_NANOSECONDS_WORTH_SHARING = 15_000
_UFUNC_KEYWORDS = {
    "out": None,
    "where": True,
    "casting": "same_kind",
    "order": "K",
    "dtype": None,
    "subok": True,
    "signature": None,
}
_RANDOM_KEYWORDS = {"rng": None, "return_slopes": False}
ACCEPTED = (
    "accepted are float16, float32, float64 and bfloat16 (which keep their dtype), "
    "bool and 8- and 16-bit integers (giving float32), wider integers and Python numbers (giving float64)"
)


class Direction(Fronted, Documented):
    """One direction of an element-wise activation: its value, a derivative, or a product with one.

    Attributes
    ----------
    name : str
        As it is written: ``"gelu.derivative"``.
    """

    _direction: str
    _definition: Definition

    def __init__(self, definition: Definition, direction: str) -> None:
        self._definition, self._direction = definition, direction
        self.name = definition.name if direction == "value" else f"{definition.name}.{direction}"
        self._arrays = definition.operands(direction)
        self._defaults = tuple(parameter.default for parameter in definition.parameters)
        self.__name__ = self.__qualname__ = self.name
        self._become(self._first_call)

    def _docstring(self) -> str:
        return docstring(self._definition, self._direction, self.__signature__)

    def _front(self) -> tuple[Callable, Any]:
        return self._short_way(self._defaults, self._own_call())

    def _short_way(self, values: tuple[float, ...], general: Callable | None = None) -> tuple[Callable, Any]:
        """A callable for this direction with these parameters, and what the caller must keep alive meanwhile.

        What it cannot take itself goes to `general`, or `_run`.
        """
        from fastact._engine.calls import short_way

        elementwise = _ufuncs.at(self._definition.name, self._direction, values)
        run, share = partial(self._run, elementwise), partial(self._share, elementwise)
        return short_way(elementwise.ufunc, share, general or run, len(self._arrays), self._large)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        return self._general_call(args, keywords)

    @property
    def ufunc(self) -> np.ufunc:
        """The real `numpy.ufunc`, with parameters as further operands."""
        return _ufuncs.general(self._definition.name, self._direction).ufunc

    @property
    def __signature__(self) -> inspect.Signature:
        kinds = inspect.Parameter
        arrays = [kinds(name, kinds.POSITIONAL_ONLY) for name in self._arrays]
        own = [
            kinds(parameter.name, kinds.POSITIONAL_OR_KEYWORD, default=parameter.default)
            for parameter in self._definition.parameters
        ]
        choices = [
            kinds(name, kinds.KEYWORD_ONLY, default=next(iter(options)))
            for name, options in self._definition.variants.items()
        ]
        drawn = _RANDOM_KEYWORDS if self._is_drawn else {}
        others = [
            kinds(name, kinds.KEYWORD_ONLY, default=default) for name, default in (drawn | _UFUNC_KEYWORDS).items()
        ]
        return inspect.Signature([*arrays, *own, *choices, *others])

    @property
    def _is_drawn(self) -> bool:
        """Whether `rng` gives another, random, form."""
        return self._definition.draw is not None and self._direction == "value"

    def __repr__(self) -> str:
        return f"<fastact {self.name}>"

    def __reduce__(self) -> tuple:
        return find, (self._definition.name, self._direction)

    @property
    def _numba_type_(self) -> Any:
        """What Numba asks of an object that it finds in a compiled function."""
        from fastact._engine.nopython import direction_type

        return direction_type(self._definition.name, self._direction)

    # --- calls with more than arrays ---------------------------------------------------------------

    def _general_call(self, args: tuple, keywords: dict[str, Any]) -> Any:
        if self._definition.variants and (variant := self._variant(keywords)) is not self:
            return variant(*args, **keywords)
        if self._is_drawn and not keywords.keys().isdisjoint(_RANDOM_KEYWORDS):
            return self._random_call(args, **keywords)
        if any(map(is_device_array, (*args, *keywords.values()))):
            return self._device_call(args, keywords)
        arrays, parameters = self._bind(args, keywords)
        if all(type(value) in (float, int) for value in parameters):
            call, _owned = _short_way_at(self, tuple(map(float, parameters)))
            return call(*arrays, **keywords)
        self._check(parameters)
        return self._run(_ufuncs.general(self._definition.name, self._direction), *arrays, *parameters, **keywords)

    def _run(self, elementwise: Any, /, *operands: Any, **keywords: Any) -> Any:
        """Call a ufunc of this direction with what it cannot be given straight away, or say what is wrong."""
        if elementwise.results > 1 and any(map(is_dask, operands)):
            from fastact import _dask

            return _dask.several_results(elementwise.ufunc, operands, keywords)
        if keywords.keys() <= {"out"} and self._are_many_runs((*operands, *_as_tuple(keywords.get("out")))):
            return self._share(elementwise, *operands, **keywords)
        return self._run_ufunc(elementwise, operands, keywords)

    def _run_ufunc(self, elementwise: Any, operands: tuple, keywords: dict[str, Any]) -> Any:
        self._check_out(keywords.get("out"))
        try:
            results = elementwise.ufunc(*operands, **keywords)
        except (TypeError, ValueError) as error:
            raise self._explained(error, operands, keywords) from None
        _ufuncs.raise_failure()
        return results

    def _share(self, elementwise: Any, /, *operands: ndarray, out: Any = None) -> Any:
        """Have threads share large arrays that NumPy would cut into short runs; what they cannot take, it gets."""
        from fastact._engine.arrays import run_arrays

        keywords = {} if out is None else {"out": out}
        results = (None,) * elementwise.results if out is None else _as_tuple(out)
        if len(results) == elementwise.results:
            try:
                done = run_arrays(elementwise, operands, results)
            except ValueError as error:  # shapes that do not fit
                raise self._explained(error, operands, keywords) from None
            if done is not None:
                return done if len(done) > 1 else done[0]
        return self._run_ufunc(elementwise, operands, keywords)

    def _device_call(self, args: tuple, keywords: dict[str, Any]) -> Any:
        from fastact.cuda import target

        target.require_device()
        from fastact.cuda import elementwise

        stream = {"stream": keywords.pop("stream")} if "stream" in keywords else {}
        arrays, parameters = self._bind(args, keywords)
        return elementwise.call(self, arrays, parameters, keywords | stream)

    def _variant(self, keywords: dict[str, Any]) -> "Direction":
        for keyword, options in self._definition.variants.items():
            choice = keywords.pop(keyword, next(iter(options)))
            if choice not in options:
                known = " or ".join(repr(option) for option in options)
                raise ValueError(f"{self.name}: {keyword} must be {known}, got {choice!r}")
            if options[choice] != self._definition.name:
                return find(options[choice], self._direction)
        return self

    def _random_call(self, args: tuple, *, rng: Any = None, return_slopes: bool = False, **keywords: Any) -> Any:
        """Draw a slope per element, of the dtype of the result, and leave the work to the activation that takes it."""
        if rng is None:
            if return_slopes:
                raise ValueError(f"{self.name}: return_slopes needs rng, a numpy.random.Generator or a seed")
            return self(*args, **keywords)
        if any(map(is_device_array, (*args, *keywords.values()))):
            raise TypeError(
                f"{self.name} does not draw for GPU arrays; draw slopes with the array's own library, and call "
                f"{self._definition.drawn_for}(x, slopes)"
            )
        (x,), parameters = self._bind(args, keywords)
        x, draw = as_array(x), self._definition.draw
        dtype = keywords.get("dtype") or self(np.empty(0, x.dtype)).dtype
        assert draw is not None  # what `_is_drawn` says
        if any(map(is_dask, (x, *parameters))):
            from fastact import _dask

            slopes = _dask.drawn(draw, rng, x, parameters, dtype)
        else:
            shape = np.broadcast_shapes(x.shape, *(np.shape(parameter) for parameter in parameters))
            slopes = np.asarray(draw(rng, shape, *parameters)).astype(dtype)
        y = find(self._definition.drawn_for)(x, slopes, **keywords)
        return (y, slopes) if return_slopes else y

    def _bind(self, args: tuple, keywords: dict[str, Any]) -> tuple[tuple, list]:
        """Split a call into arrays and parameters, and leave NumPy's keywords in `keywords`."""
        count, names = len(self._arrays), [parameter.name for parameter in self._definition.parameters]
        if not count <= len(args) <= count + len(names):
            raise TypeError(
                f"{self.name} takes {', '.join([*self._arrays, *names])} by position, got {len(args)} arguments; "
                "out and the rest go by keyword"
            )
        parameters = list(args[count:])
        for parameter in self._definition.parameters[len(parameters) :]:
            parameters.append(keywords.pop(parameter.name, parameter.default))
        for name in keywords:
            if name in names:
                raise TypeError(f"{self.name} got {name} twice, by position and by keyword")
            if name not in _UFUNC_KEYWORDS:
                known = ", ".join([*names, *self._definition.variants, *_UFUNC_KEYWORDS])
                raise TypeError(f"{self.name} got an unexpected keyword argument {name!r}; it has {known}")
        return args[:count], parameters

    def _check(self, parameters: Sequence[Any]) -> None:
        for parameter, value in zip(self._definition.parameters, parameters, strict=True):
            if parameter.bound and isinstance(value, ndarray | np.generic) and value.size:
                parameter.check(self.name, value.min())
            elif parameter.bound and isinstance(value, float | int):
                parameter.check(self.name, value)

    def _check_out(self, out: Any) -> None:
        for result in _as_tuple(out):
            if isinstance(result, ndarray) and not result.flags.writeable:
                raise ValueError(f"{self.name}: out is read-only; pass an array that may be written")

    @property
    def _large(self) -> int:
        return int(_NANOSECONDS_WORTH_SHARING / self._definition.cost)

    def _are_many_runs(self, arrays: Sequence[Any]) -> bool:
        """Whether these are arrays, one of them large, of which NumPy's iterator would not make one long run."""
        arrays = [array for array in arrays if array is not None]
        if not all(type(array) is ndarray for array in arrays) or not any(array.size > self._large for array in arrays):
            return False
        return not _is_one_run(arrays)

    # --- errors ------------------------------------------------------------------------------------

    def _explained_type(self, error: TypeError, operands: tuple, keywords: dict[str, Any]) -> TypeError:
        names = [parameter.name for parameter in self._definition.parameters]
        for name, value in zip(names, operands[len(self._arrays) :], strict=False):
            check_number(self.name, name, value)
        out = keywords.get("out")
        outs = out if isinstance(out, tuple) else (out,)
        if any(result is not None and not hasattr(result, "__array__") for result in outs):
            return TypeError(f"{self.name}: out must be an array, or a tuple of arrays, got {out!r}")
        return explained_dtype(self.name, error, operands, keywords)

    def _explained(self, error: Exception, operands: tuple, keywords: dict[str, Any]) -> Exception:
        if isinstance(error, TypeError):
            return self._explained_type(error, operands, keywords)
        out = keywords.get("out")
        shapes = " ".join(str(np.shape(operand)) for operand in operands)
        if out is not None and "operand" in str(error):
            given = " ".join(str(np.shape(result)) for result in (out if isinstance(out, tuple) else (out,)))
            return ValueError(
                f"{self.name}: out of shape {given} cannot hold the result of operands {shapes}; "
                "pass out of the operands' broadcast shape"
            )
        if "broadcast" in str(error):
            return ValueError(f"{self.name}: operands of shapes {shapes} do not broadcast together")
        return ValueError(f"{self.name}: {error}")


# As many as `_ufuncs.at` keeps, for the same reason.
@lru_cache(maxsize=512)
def _short_way_at(direction: Direction, values: tuple[float, ...]) -> tuple[Callable, Any]:
    """`short_way` of a direction with these parameters, and what the caller must keep alive meanwhile."""
    return direction._short_way(values)


def explained_dtype(name: str, error: TypeError, operands: Sequence[Any], keywords: dict[str, Any]) -> TypeError:
    """NumPy's complaint about a dtype in words that name the function, the dtype and what is accepted."""
    for operand in operands:
        dtype = _dtype_of(operand)
        if dtype is not None and not _is_accepted(dtype):
            return TypeError(f"{name} does not take {dtype}; {ACCEPTED}")
    if keywords.get("dtype") is not None:
        return TypeError(f"{name} cannot compute in dtype {keywords['dtype']}; {ACCEPTED}")
    return TypeError(f"{name}: {error}")


def check_number(activation: str, name: str, value: Any) -> None:
    """Refuse what is no number, and no array of numbers, in the place of a parameter."""
    dtype = getattr(value, "dtype", None) or _dtype_of(value)
    if dtype is None or not _is_accepted(dtype):
        raise TypeError(f"{activation}: {name} must be a number or an array of numbers, got {value!r}")


def as_array(value: Any) -> Any:
    return value if hasattr(value, "ndim") and hasattr(value, "dtype") else np.asarray(value)


def is_dask(value: Any) -> bool:
    """Whether a value is a dask array, found out without importing dask."""
    return type(value).__module__.startswith("dask.array")


def _as_tuple(out: Any) -> tuple:
    return out if isinstance(out, tuple) else () if out is None else (out,)


def _is_one_run(arrays: Sequence[ndarray]) -> bool:
    """Whether NumPy's iterator would make one long run of these arrays."""
    shape, dtype = arrays[0].shape, arrays[0].dtype
    if any(array.shape != shape or array.dtype != dtype for array in arrays) or not dtype.isnative or dtype.kind != "f":
        return False
    return all(array.flags.c_contiguous for array in arrays) or all(array.flags.f_contiguous for array in arrays)


def _dtype_of(operand: Any) -> np.dtype | None:
    try:
        return np.asarray(operand).dtype
    except Exception:  # not an array at all: the original error says it best
        return None


def _is_accepted(dtype: np.dtype) -> bool:
    return dtype.kind in "biu" or dtype.name in ("float16", "float32", "float64", "bfloat16")


class Activation(Shown, Direction):
    """An element-wise activation: call it for its value, its attributes for what belongs to it.

    Attributes
    ----------
    derivative, second_derivative, backward, value_and_derivative : Direction
        f'(x), f''(x), grad * f'(x), and value and derivative in one pass.
    derivative_from_output, backward_from_output : Direction
        The same from y = f(x), where y suffices.
    info : Definition
        Formula, limits, kinks, papers, and the rest that is known.
    """

    def __init__(self, definition: Definition) -> None:
        super().__init__(definition, "value")
        self.info = definition
        for direction in definition.directions[1:]:
            setattr(self, direction, Direction(definition, direction))
        if definition.parameters:
            self.parameter_gradients = ParameterGradients(definition)

    def with_parameters(self, given: dict[str, Any]) -> tuple["Activation", tuple[Any, ...]]:
        """The activation that keywords choose, and the value of each of its parameters."""
        keywords = dict(given)
        if (variant := self._variant(keywords)) is not self:
            assert isinstance(variant, Activation)
            return variant.with_parameters(keywords)
        names = [parameter.name for parameter in self.info.parameters]
        if unknown := keywords.keys() - set(names):
            known = ", ".join([*names, *self.info.variants]) or "none"
            raise TypeError(f"{self.name} has no parameter {min(unknown)!r}; it has {known}")
        parameters = [keywords.get(parameter.name, parameter.default) for parameter in self.info.parameters]
        for name, value in zip(names, parameters, strict=True):
            check_number(self.name, name, value)
        self._check(parameters)
        return self, tuple(parameters)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what protocols look for, and must not be built for
            raise AttributeError(name)
        known = [*self.info.directions[1:], *(["parameter_gradients"] if self.info.parameters else [])]
        raise AttributeError(f"{self.name} has no {name!r}; it has {', '.join(known)}, info and ufunc")

    def __reduce__(self) -> tuple:
        return find, (self.info.name,)


class ParameterGradients(Documented):
    """The gradients of an activation with respect to its parameters."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self.name = self.__name__ = self.__qualname__ = f"{definition.name}.parameter_gradients"

    def _docstring(self) -> str:
        return docstring(self._definition, "parameter_gradients", self.__signature__)

    @cached_property
    def __signature__(self) -> inspect.Signature:
        kinds = inspect.Parameter
        arrays = [kinds(name, kinds.POSITIONAL_ONLY) for name in ("grad", "x")]
        own = [
            kinds(parameter.name, kinds.POSITIONAL_OR_KEYWORD, default=parameter.default)
            for parameter in self._definition.parameters
        ]
        return inspect.Signature([*arrays, *own])

    def __call__(self, grad: Any, x: Any, /, *args: Any, **keywords: Any) -> tuple[np.ndarray, ...]:
        on_device = any(map(is_device_array, (grad, x, *args, *keywords.values())))
        stream = keywords.pop("stream", None) if on_device else None
        try:
            call = self.__signature__.bind(grad, x, *args, **keywords)
        except TypeError as error:
            raise TypeError(f"{self.name}{self.__signature__}: {error}") from None
        call.apply_defaults()
        parameters = [call.arguments[parameter.name] for parameter in self._definition.parameters]
        if on_device:
            from fastact.cuda import target

            target.require_device()
            from fastact.cuda import reductions

            return reductions.parameter_gradients(self, grad, x, parameters, stream)
        if any(map(is_dask, (grad, x, *parameters))):
            from fastact import _dask

            return _dask.parameter_gradients(self._definition, grad, x, parameters)
        from fastact._engine.reductions import parameter_gradients

        grad, x = np.asarray(grad), np.asarray(x)
        try:
            return parameter_gradients(self._definition, grad, x, parameters)
        except TypeError as error:
            raise explained_dtype(self.name, error, (grad, x, *parameters), {}) from None
        except ValueError as error:
            if "broadcast" in str(error):
                shapes = " ".join(str(np.shape(operand)) for operand in (grad, x, *parameters))
                raise ValueError(f"{self.name}: operands of shapes {shapes} do not broadcast together") from None
            raise

    def __repr__(self) -> str:
        return f"<fastact {self.name}>"

    def __reduce__(self) -> tuple:
        return find, (self._definition.name, "parameter_gradients")


def find(name: str, direction: str = "value") -> Any:
    """The public object of an activation or of one of its directions."""
    import fastact

    activation = fastact.get(name)
    return activation if direction == "value" else getattr(activation, direction)


def make(name: str) -> Any:
    """The public object of a registered name."""
    definition = registry[name]
    if definition.kind == "elementwise":
        return Activation(definition)
    if definition.kind == "gated":
        from fastact._gated_activation import GatedActivation

        return GatedActivation(definition)
    if definition.kind == "joined":
        from fastact._joined_activation import JoinedActivation

        return JoinedActivation(definition)
    if definition.kind == "loss":
        from fastact._losses import LOSSES

        return LOSSES[name](definition)
    from fastact._axis_activation import AxisActivation

    return AxisActivation(definition)
