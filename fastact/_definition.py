"""What an activation is: one record per activation, made from one block of source, complete or refused."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

#: NumPy's own dtypes that results have as their operands do, in the order in which NumPy is to try them: small integers
#: find float32 first, then wider ones float64.
NATIVE_DTYPES = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.float16))

#: Units in the last place that a value or a derivative may be away from the mathematical result.
ACCURACY: Mapping[str, float] = {"float32": 1.0, "float64": 1.5, "float16": 0.51, "bfloat16": 0.51}

#: The same for second derivatives, in any dtype. Their unit is the spacing at the larger of two numbers: the result,
#: and the smaller one of the results at 0.9 and at 1.1 times the input. It is another than the result's own spacing
#: only next to a zero, where a formula that is not written around it has no digits left.
SECOND_DERIVATIVE_ACCURACY = 4.0
SECOND_DERIVATIVE_NEIGHBOURS = (0.9, 1.1)

#: Every activation by its canonical name.
registry: dict[str, "Definition"] = {}

REQUIRED_FORMULAS = ("value", "derivative", "second_derivative")

# What a direction takes besides the parameters, where that is not x alone.
_ARRAYS = {
    "backward": ("grad", "x"),
    "parameter_gradients": ("grad", "x"),
    "derivative_from_output": ("y",),
    "backward_from_output": ("grad", "y"),
}


@dataclass(frozen=True)
class Parameter:
    """A number that shapes an activation.

    Attributes
    ----------
    name : str
        As PyTorch spells it.
    default : float
        Its value where the caller gives none.
    meaning : str
        What it does, for the docstring.
    above, least : float or None
        It must be greater than this, or at least this.
    exact_default : Fraction or None
        The default, where float64 only comes near it (one sixth, say).
    """

    name: str
    default: float
    meaning: str
    above: float | None = None
    exact_default: Fraction | None = None
    least: float | None = None

    @property
    def bound(self) -> str:
        """What `check` wants, in words; empty where it takes any number."""
        if self.above is not None:
            return f"greater than {self.above:g}"
        return "" if self.least is None else f"at least {self.least:g}"

    def exact(self, value: float) -> float | Fraction:
        """The number that `value` stands for: itself, but for an inexact default."""
        return self.exact_default if self.exact_default is not None and value == self.default else value

    def parts(self, value: float) -> tuple[float, float]:
        """The two float64 whose sum is the parameter: the second is not 0 only for an inexact default."""
        exact = self.exact(value)
        return float(value), float(exact - Fraction(value)) if isinstance(exact, Fraction) else 0.0

    def check(self, activation: str, value: float) -> None:
        """Refuse a value outside the parameter's domain."""
        too_small = self.above is not None and not value > self.above
        if too_small or (self.least is not None and not value >= self.least):
            raise ValueError(f"{activation}: {self.name} must be {self.bound}, got {value!r}")


@dataclass(frozen=True)
class Definition:
    """All that is known of an activation: its formulas and its facts.

    Facts that depend on parameters hold for the defaults.

    Attributes
    ----------
    name, family, kind : str
        Canonical name, the file it lives in, ``"elementwise"``, ``"axiswise"``, ``"gated"``, ``"joined"`` or
        ``"loss"``.
    summary, notes : str
        First line and rest of the block's docstring.
    formula : str
        TeX.
    parameters : tuple of Parameter
        In the order in which they are passed.
    formulas : mapping
        Direction to plain scalar function.
    limits : mapping
        ``"value"``, ``"derivative"`` and ``"second_derivative"`` to what they tend to at -inf and +inf.
    domain : tuple of float
        Where it is defined; NaN outside.
    range, derivative_range : tuple of float
        Infimum and supremum.
    kinks, derivative_at_kinks : tuple of float
        Where the derivative, or the value itself, jumps, and what ``derivative`` says there.
    bends : tuple of float
        Where only the second derivative jumps. `define` takes functions of the parameters for either, too.
    kinks_of, bends_of : callable or None
        Those functions, where it was given them.
    odd, monotone : bool
        Whether f(-x) = -f(x), and whether it never falls.
    saturation, use, avoid : str
        What it does to gradients, when to use it, when not.
    papers, aliases : tuple of str
        Sources, and what other libraries call it.
    cost : float
        Rough ns per element of one thread: how soon more threads pay.
    accuracy : mapping
        Bound in ULP for value and derivative, by dtype name.
    variants : mapping
        Keyword to {choice: name of the activation that it selects}.
    left_out : tuple of float
        Of a function along an axis that takes ``where=``: the input that counts for nothing in its row and, unless the
        function reduces, what it gives itself.
    reduces : bool
        Of a function along an axis: whether its result has no longer that axis.
    in_single_precision : tuple of str
        The formulas that float32 kernels compute in float32 as they are (see `_engine.single`).
    inputs : mapping
        Of a loss: the arrays that each of its kernels takes.
    cores : mapping
        Of a function along an axis: each direction's core dimensions, as `_engine.cores` writes them, where they are
        not those of x alone.
    gate : str
        Of a gated linear unit: the activation that its gate goes through.
    check : callable or None
        Refuses parameters that do not go together.
    draw : callable or None
        For an activation that is random in training: draws, from a generator, a shape and the parameters, the
        parameter of the activation `drawn_for`, which then does the work.
    drawn_for : str
        Its name.
    """

    name: str
    family: str
    kind: str
    summary: str
    formula: str
    notes: str = ""
    parameters: tuple[Parameter, ...] = ()
    formulas: Mapping[str, Callable] = field(default_factory=dict)
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    domain: tuple[float, float] = (float("-inf"), float("inf"))
    range: tuple[float, float] = (float("-inf"), float("inf"))
    derivative_range: tuple[float, float] = (float("-inf"), float("inf"))
    kinks: tuple[float, ...] = ()
    derivative_at_kinks: tuple[float, ...] = ()
    bends: tuple[float, ...] = ()
    kinks_of: Callable | None = None
    bends_of: Callable | None = None
    odd: bool = False
    monotone: bool = False
    saturation: str = ""
    use: str = ""
    avoid: str = ""
    papers: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    cost: float = 0.4
    accuracy: Mapping[str, float] = field(default_factory=lambda: dict(ACCURACY))
    variants: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    reduces: bool = False
    in_single_precision: tuple[str, ...] = ()
    check: Callable | None = None
    left_out: tuple[float, ...] = ()
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cores: Mapping[str, str] = field(default_factory=dict)
    gate: str = ""
    draw: Callable | None = None
    drawn_for: str = ""

    def __post_init__(self) -> None:
        missing = [fact for fact in ("summary", "formula", "saturation", "use", "avoid") if not getattr(self, fact)]
        if self.kind == "elementwise":
            missing += [name for name in self._required_formulas() if name not in self.formulas]
            missing += [f"limits[{name!r}]" for name in REQUIRED_FORMULAS if name not in self.limits]
        if self.kind == "gated" and not self.gate:
            missing.append("gate")
        if self.kind == "loss" and not self.inputs:
            missing.append("inputs")
        if len(self.kinks) != len(self.derivative_at_kinks):
            missing.append("derivative_at_kinks")
        if missing:
            raise TypeError(f"the definition of {self.name} lacks {', '.join(missing)}")

    def _required_formulas(self) -> tuple[str, ...]:
        return REQUIRED_FORMULAS + tuple(f"{parameter.name}_derivative" for parameter in self.parameters)

    @property
    def directions(self) -> tuple[str, ...]:
        """What can be computed: ``value``, ``derivative``, ``backward`` and so on."""
        if self.kind in ("gated", "joined"):
            return ("value", "backward")
        if self.kind == "loss":
            return ("value", "value_and_gradient", "backward")
        if self.kind == "axiswise":
            return ("value", *(name for name in ("backward", "backward_from_output") if name in self.formulas))
        always = ("value", "derivative", "second_derivative", "backward", "value_and_derivative")
        from_output = ("derivative_from_output", "backward_from_output")
        return always + (from_output if "derivative_from_output" in self.formulas else ())

    def check_values(self, values: Sequence[float]) -> None:
        """Refuse values of the parameters that one of them, or all together, do not take."""
        for parameter, value in zip(self.parameters, values, strict=True):
            parameter.check(self.name, value)
        if self.check is not None:
            self.check(*values)

    def kinks_at(self, parameters: Sequence[float]) -> tuple[float, ...]:
        """Say where the kinks are for these values of the parameters."""
        return self.kinks if self.kinks_of is None else tuple(self.kinks_of(*parameters))

    def bends_at(self, parameters: Sequence[float]) -> tuple[float, ...]:
        """Say where the bends are for these values of the parameters."""
        return self.bends if self.bends_of is None else tuple(self.bends_of(*parameters))

    def has_winner(self, direction: str) -> bool:
        """Whether results of a direction depend on which of a row's largest elements comes first."""
        formula = self.formulas.get(direction)  # none where the result is one number per row
        return formula is not None and "won" in inspect.signature(formula).parameters

    @property
    def has_empty_rows(self) -> bool:
        """Whether a function along an axis leaves open what a row gives in which no element takes part."""
        return self.has_jacobian and bool(self.left_out) and not self.has_winner("value")

    @property
    def has_jacobian(self) -> bool:
        """Whether a function along an axis gives as many results for a row as it has elements."""
        return self.kind == "axiswise" and not self.reduces

    def is_at_defaults(self, direction: str, parts: Sequence[tuple[float, float]] | None) -> bool:
        """Whether float32 kernels compute a direction otherwise for these parameters, in parts, since all are defaults.

        None stands for parameters that are arrays.
        """
        # In this order: a GPU's calls ask each time, and few have such a form.
        return parts is not None and self.has_form_at_defaults(direction) and tuple(parts) == self.default_parts

    def has_form_at_defaults(self, direction: str) -> bool:
        """Whether float32 kernels have a formula of their own for a direction at the default parameters."""
        parts = ("value", "derivative") if direction == "value_and_derivative" else (direction,)
        return any(f"{part}_single_at_defaults" in self.formulas for part in parts)

    @property
    def default_parts(self) -> tuple[tuple[float, float], ...]:
        """The default parameters, as `Parameter.parts` gives them."""
        return tuple(parameter.parts(parameter.default) for parameter in self.parameters)

    @property
    def kernels(self) -> tuple[str, ...]:
        """What there is a ufunc for: the directions, or what those of a loss are made of."""
        return tuple(self.inputs) or self.directions

    def arrays(self, direction: str) -> tuple[str, ...]:
        """The arrays that a direction takes, parameters apart."""
        names = self.inputs.get(direction, _ARRAYS.get(direction, ("x",)))
        return (*names, "gate") if self.gate else names

    def operands(self, direction: str) -> tuple[str, ...]:
        """The arrays that a direction's ufunc takes: the halves of a joined one each for itself."""
        if self.kind == "joined" and direction == "backward":
            return ("first_grad", "second_grad", "x")
        return self.arrays(direction)

    def cores_of(self, direction: str) -> str:
        """A direction's core dimensions, of a function along an axis."""
        if self.reduces:
            return "(n)->()" if direction == "value" else "(),(n)->(n)"
        return self.cores.get(direction, ",".join("(n)" for _ in self.arrays(direction)) + "->(n)")

    def results(self, direction: str) -> int:
        """How many arrays a direction's ufunc gives."""
        two = {"gated": "backward", "joined": "value", "loss": "value_and_gradient"}
        return 2 if direction == two.get(self.kind, "value_and_derivative") else 1


def define(**facts: Any) -> Callable[[type], Definition]:
    """Turn a class block, whose functions are formulas and whose docstring is the summary, into a registered record."""

    def decorate(block: type) -> Definition:
        defaults = [parameter.default for parameter in facts.get("parameters", ())]
        for places in ("kinks", "bends"):
            if callable(facts.get(places)):
                facts[f"{places}_of"] = facts[places]
                facts[places] = facts[places](*defaults)
        summary, _, notes = inspect.cleandoc(block.__doc__ or "").partition("\n")
        definition = Definition(
            name=block.__name__,
            family=block.__module__.rpartition(".")[2],
            kind=facts.pop("kind", "elementwise"),
            summary=summary,
            notes=notes.strip(),
            formulas={name: value for name, value in vars(block).items() if inspect.isfunction(value)},
            **facts,
        )
        if definition.name in registry:
            raise TypeError(f"{definition.name} is defined twice")
        registry[definition.name] = definition
        return definition

    return decorate
