"""Numpydoc texts, made from what a definition knows."""

import inspect
import itertools
import math
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from fastact import _facts
from fastact._accuracy.measured import worst
from fastact._definition import ACCURACY, SECOND_DERIVATIVE_ACCURACY, Definition, registry
from fastact._examples import example, preset_example

_SYMBOLS = {
    "value": r"f(x)",
    "derivative": r"f'(x)",
    "second_derivative": r"f''(x)",
    "backward": r"grad * f'(x)",
    "value_and_derivative": r"f(x) and f'(x)",
    "derivative_from_output": r"f'(x), from y = f(x)",
    "backward_from_output": r"grad * f'(x), from y = f(x)",
    "parameter_gradients": r"the sums of grad * df/dp, for each parameter p",
    "jacobian": r"df(x)_i / dx_j",
}
_GATED_SYMBOLS = {"value": "f(x, gate)", "backward": "grad * df/dx and grad * df/dgate"}
_JOINED_SYMBOLS = {"value": "f(x)", "backward": "the sum of grad * df/dx over both halves"}
_ARRAY_TEXTS = {
    "x": "Input, of any shape and layout.",
    "y": "What the activation returned.",
    "grad": "Gradient with respect to the output; broadcasts with the other array.",
}
_AXIS_ARRAY_TEXTS = {"grad": "Gradient with respect to the output, of its shape."}
_JOINED_ARRAY_TEXTS = {"grad": "Gradient with respect to the output, of the output's shape."}
_GATE = {
    "gate : array_like, optional": "The gate's input. Without it `x` is split in two along `axis`: its first half, and "
    "then the gate's.",
    "axis : int, default -1": "The axis to split `x` along; its length must be even.",
    "interleaved : bool, default False": "Take the elements in turns, the gate's second, instead of halves.",
    "gate_first : bool, default False": "The gate's part comes first.",
}
_RANDOM = {
    "rng : numpy.random.Generator or seed, optional": "Draw a slope per element: the training form.",
    "return_slopes : bool, default False": "With `rng`, return the slopes too: ``(y, slopes)``.",
}
_KEEPDIMS = {
    "value": "Leave the axes in the result, each with length 1.",
    "backward": "The axes are left in `grad`, each with length 1.",
}
_DTYPES = (
    "float16, float32, float64 and bfloat16 keep their dtype; bool and 8- and 16-bit integers give float32; wider "
    "integers and Python numbers give float64."
)
_WHERE = (
    "Which elements take part; it broadcasts to `x`. The others count for nothing in their row{give}. A mask costs a "
    "copy of each operand. What a masked array masks is left out, and masked in the result."
)
_EMPTY = "What a row gives that is empty, because all of its elements are {absent:g} or left out: {choices}."
_LOSS_SYMBOLS = {
    "value_and_gradient": "L and dL/dx, in one pass",
    "backward": "grad * dL/dx",
}
_BACKWARD_ACCURACY = {"elementwise": ", where `grad` is 1", "gated": ", for any `grad`", "joined": ", for any `grad`"}
_JACOBIAN_ACCURACY = "Accuracy, in units in the last place: promised at most 2 in float32, 4 in float64."
_UFUNC_KEYWORDS = ("where", "casting", "order", "dtype", "subok", "signature")

# help() puts four spaces before each line, and a terminal has 80 columns.
_WIDTH = 75


class Documented:
    """What has a docstring that is made when somebody asks for it, since few do: what `_docstring` returns."""

    _docstring: Callable[[], str]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.__doc__ = _Docstring(cls.__doc__)  # type: ignore[assignment]


class _Docstring:
    """The docstring of a class, which it keeps, and of its objects."""

    def __init__(self, of_class: str | None) -> None:
        self._of_class = of_class

    def __get__(self, instance: Any, owner: type) -> str | None:
        if instance is None:
            return self._of_class
        text: str = instance._docstring()
        vars(instance)["__doc__"] = text  # which goes before this from now on
        return text


def docstring(definition: Definition, direction: str, signature: inspect.Signature) -> str:
    """The docstring of one direction of an activation."""
    sections = [
        _summary(definition, direction),
        _section("Parameters", _entries(_parameters(definition, direction, signature))),
        _section("Returns", _entries(_returns(definition, direction))),
        _section("Raises", _entries(_errors(definition, direction))),
        _section("See Also", _see_also(definition, direction)),
        _section("Notes", _notes(definition, direction)),
        _references(definition),
        _section("Examples", example(definition, direction)),
    ]
    name = definition.name if direction == "value" else f"{definition.name}.{direction}"
    return signed(name, signature, "\n\n".join(section for section in sections if section) + "\n")


def signed(name: str, signature: inspect.Signature, text: str) -> str:
    """A docstring that begins with the call, as NumPy's do: help() knows the signatures of functions alone."""
    plain = [parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()]
    return f"{name}{inspect.Signature(plain)}\n\n{text}"


def preset_docstring(
    definition: Definition, preset: Any, direction: str, signature: inspect.Signature, own: str
) -> str:
    """The docstring of a direction as another library has it; `own` is what it is called here."""
    call = f"compat.{preset.library}.{preset.name}" + ("" if direction == "value" else f".{direction}")
    meanings = {parameter.name: parameter.meaning for parameter in definition.parameters}
    arrays = ", ".join(definition.arrays(direction))
    parameters = {f"{arrays} : array_like": f"As for `fastact.{own}`."} | {
        f"{name} : default {parameter.default!r}": f"`{parameter.ours}` of `fastact.{own}`. "
        + meanings.get(parameter.ours, 'True is its ``"tanh"``, False its ``"none"``.')
        for name, parameter in preset.parameters.items()
    }
    parameters["out, " + _ufunc_keywords(signature)] = "As for every `numpy.ufunc`."
    sections = [
        f"`fastact.{own}` with the parameters and defaults of {preset.library}.",
        _section("Parameters", _entries(parameters)),
        _section("Returns", _entries(_returns(definition, direction))),
        _section("Raises", _entries(_errors(definition, direction))),
        _section("See Also", f"fastact.{own} : What there is to know about it."),
    ]
    if direction == "value":
        sections.append(_section("Examples", preset_example(call, own, preset)))
    return signed(call, signature, "\n\n".join(sections) + "\n")


def _errors(definition: Definition, direction: str) -> dict[str, str]:
    along = definition.kind == "axiswise"
    masked = along and definition.left_out and direction != "jacobian"
    wrong = ["shapes do not fit together"]
    if along:
        wrong.append("an axis is out of range or named twice")
    if definition.kind in ("gated", "joined"):
        wrong.append("an axis is out of range")
    wrong += [f"`{parameter.name}` is not {parameter.bound}" for parameter in definition.parameters if parameter.bound]
    if definition.check is not None:
        wrong.append(f"{' and '.join(f'`{parameter.name}`' for parameter in definition.parameters)} contradict")
    if definition.variants or (along and definition.has_empty_rows and direction != "jacobian"):
        wrong.append("a word is not one of those listed")
    if direction not in ("parameter_gradients", "jacobian"):
        wrong.append("`out` has another shape than the result or is read-only")
    *others, last = wrong
    either = f"{', '.join(others)}{',' if len(others) > 1 else ''} or {last}" if others else last
    return {
        "TypeError": "If an operand's dtype is complex, longdouble, object or text"
        + (", `where` is not boolean" if masked else "")
        + ", or a keyword is unknown.",
        "ValueError": f"If {either}.",
    }


def loss_docstring(definition: Definition, call: str, signature: inspect.Signature) -> str:
    """The docstring of a loss, from that of its call: the notes before the examples."""
    text, _, examples = call.partition("Examples\n--------\n")
    lines = [
        f".. math:: {definition.formula}",
        f"{_accuracy(definition, 'value')} This is before the reduction. The gradient's unit is the spacing at the "
        "larger of its two parts, which cancel where a probability comes near its target.",
        "Reductions add in float64, in an order that shapes alone decide: the same bits for any number of threads.",
        *_advice(definition),
    ]
    related = [f"{definition.name}.{name} : {_LOSS_SYMBOLS[name]}" for name in definition.directions[1:]]
    sections = [
        text.rstrip(),
        _section("See Also", "\n".join(related)),
        _section("Notes", _paragraphs(lines)),
        _references(definition),
        _section("Examples", examples.rstrip()),
    ]
    return signed(definition.name, signature, "\n\n".join(sections) + "\n")


def _references(definition: Definition) -> str:
    return _section(
        "References",
        "\n".join(_filled(f".. [{n}] {paper}", "", "   ") for n, paper in enumerate(definition.papers, 1)),
    )


def _section(title: str, body: str) -> str:
    return f"{title}\n{'-' * len(title)}\n{body}" if body else ""


def _entries(texts: Mapping[str, str]) -> str:
    """The body of a section: what there is, and what is to be said of it."""
    return "\n".join(f"{head}\n{_filled(text, '    ', '    ')}" for head, text in texts.items())


def _paragraphs(texts: Iterable[str]) -> str:
    parts = itertools.chain.from_iterable(text.split("\n\n") for text in texts)
    return "\n\n".join(part if part.startswith(".. ") else _filled(part) for part in parts)


def _filled(text: str, first: str = "", others: str = "") -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
    )


def _summary(definition: Definition, direction: str) -> str:
    if direction == "value":
        return definition.summary
    titles = {
        "derivative": "First derivative of",
        "second_derivative": "Second derivative of",
        "backward": "Gradient that reaches the input of",
        "value_and_derivative": "Value and first derivative, in one pass, of",
        "derivative_from_output": "First derivative, from the output, of",
        "backward_from_output": "Gradient that reaches the input, from the output, of",
        "parameter_gradients": "Gradients that reach the parameters of",
        "jacobian": "Jacobian matrices of",
    }
    return f"{titles[direction]} `{definition.name}`: {_symbol(definition, direction)}."


def _symbol(definition: Definition, direction: str) -> str:
    return {"gated": _GATED_SYMBOLS, "joined": _JOINED_SYMBOLS}.get(definition.kind, _SYMBOLS)[direction]


def _parameters(definition: Definition, direction: str, signature: inspect.Signature) -> dict[str, str]:
    others = {"axiswise": _AXIS_ARRAY_TEXTS, "joined": _JOINED_ARRAY_TEXTS}.get(definition.kind, {})
    texts = _ARRAY_TEXTS | others
    entries = {f"{name} : array_like": texts[name] for name in definition.arrays(direction) if name != "gate"}
    if definition.gate:
        entries |= _GATE
    if definition.kind == "joined":
        entries["axis : int, default -1"] = "The axis to join the halves along."
    if definition.name == "maxout":
        entries["pieces : int"] = "How many adjacent channels make a group; it divides the axis' length."
    for parameter in definition.parameters:
        bound = f" Must be {parameter.bound}." if parameter.bound else ""
        default = parameter.exact_default or f"{parameter.default:g}"
        entries[f"{parameter.name} : float or array_like, default {default}"] = parameter.meaning + bound
    for keyword, options in definition.variants.items():
        choices = ", ".join(f'"{option}"' for option in options)
        selected = "; ".join(f'``"{option}"`` is `{name}`' for option, name in options.items())
        entries[f'{keyword} : {{{choices}}}, default "{next(iter(options))}"'] = f"Which form to take: {selected}."
    if definition.draw is not None and direction == "value":
        entries |= _RANDOM
    if definition.kind == "axiswise":
        return entries | _axis_keywords(definition, direction)
    if direction != "parameter_gradients":
        two = direction == "value_and_derivative"
        out = "tuple of two ndarray" if two else "ndarray"
        place = f"Where to put the result{'s' if two else ''}"
        entries[f"out : {out}, optional"] = place + ("." if definition.kind == "joined" else "; may be an input.")
        entries[_ufunc_keywords(signature)] = "As for every `numpy.ufunc`."
    return entries


def _ufunc_keywords(signature: inspect.Signature) -> str:
    return ", ".join(name for name in _UFUNC_KEYWORDS if name in signature.parameters)


def _axis_keywords(definition: Definition, direction: str) -> dict[str, str]:
    entries = {
        "axis : int, tuple of int or None, default -1": "The axis to work along; several become one, None is all."
    }
    if definition.name == "maxout":
        entries = {"axis : int, default -1": "The axis to work along."}
    dtype = {"dtype : dtype, optional": "The dtype to compute in."}
    if direction == "jacobian":
        return entries | dtype
    if definition.reduces and definition.name != "maxout":
        entries["keepdims : bool, default False"] = _KEEPDIMS[direction]
    entries |= {"out : ndarray, optional": "Where to put the result."} | dtype
    result = definition.left_out[-1:] if direction == "value" else (0.0,)
    if definition.left_out:
        give = "" if definition.reduces and direction == "value" else f" and give {result[0]:g}"
        entries["where : array_like of bool, default True"] = _WHERE.format(give=give)
    if definition.has_empty_rows:
        choices = _empty_choices(result[0], direction)
        entries['empty : {"nan", "zero", "uniform"}, default "nan"'] = _EMPTY.format(
            absent=definition.left_out[0], choices=choices
        )
    return entries


def _empty_choices(result: float, direction: str) -> str:
    if direction == "value":
        return f"NaN, {result:g}, or what equal elements give: those that take part, or all where none does"
    choices = "a gradient of NaN, 0, or 0"
    if direction == "backward_from_output":
        choices += ". A uniform `y` does not tell that its row was empty; only what is left out does"
    return choices


def _returns(definition: Definition, direction: str) -> dict[str, str]:
    if direction == "parameter_gradients":
        return {"tuple of ndarray or scalar": "One gradient per parameter, of the parameter's shape."}
    if direction == "value_and_derivative":
        return {"y, d : ndarray or scalar": f"f(x) and f'(x), each of the operands' broadcast shape. {_DTYPES}"}
    if definition.gate and direction == "backward":
        return {"ndarray or tuple of ndarray": f"Of the shape of `x`; with a `gate`, one array for each. {_DTYPES}"}
    if direction == "jacobian":
        return {
            "ndarray, shape (..., n, n)": "Element [..., i, j] is the derivative of result i with respect to element "
            f"j of a row of n; the other axes of `x` come first. {_DTYPES}"
        }
    shape = "Of the operands' broadcast shape; a scalar if they are scalars."
    if definition.name == "maxout" and direction == "value":
        shape = "Of the input's shape, with the axis `pieces` times shorter."
    elif definition.reduces and direction == "value":
        shape = "Of the input's shape without the axis."
    elif definition.kind == "axiswise" or (definition.kind == "joined" and direction == "backward"):
        shape = "Of the input's shape."
    elif definition.kind == "joined":
        shape = "Of the input's shape, with twice the length along the axis."
    elif definition.gate:
        shape = "Of the input's shape, with half the length along the axis; with a `gate`, of their broadcast shape."
    slopes = " With `return_slopes`, a tuple of it and the slopes." if definition.draw and direction == "value" else ""
    return {"ndarray or scalar": f"{shape} {_DTYPES}{slopes}"}


def _see_also(definition: Definition, direction: str) -> str:
    offered = [*definition.directions]
    offered += ["jacobian"] if definition.has_jacobian else []
    offered += ["parameter_gradients"] if definition.parameters and definition.kind == "elementwise" else []
    others = [
        f"{definition.name if name == 'value' else f'{definition.name}.{name}'} : {_symbol(definition, name)}"
        for name in offered
        if name != direction
    ]
    related = {name for options in definition.variants.values() for name in options.values()} - {definition.name}
    if definition.gate:
        related.add(definition.gate)
    if definition.drawn_for:
        related.add(definition.drawn_for)
    return "\n".join([*others, *(f"{name} : {registry[name].summary}" for name in sorted(related))])


def _notes(definition: Definition, direction: str) -> str:
    lines = [f".. math:: {definition.formula}"]
    if definition.notes:
        lines.append(definition.notes)
    if definition.domain != (-math.inf, math.inf):
        lines.append("Domain: {:g} to {:g}; NaN outside.".format(*definition.domain))
    default = " (for the default parameters)" if definition.parameters else ""
    if direction == "value":
        lines.append(f"Range: {definition.range[0]:.6g} to {definition.range[1]:.6g}{default}.")
    limits = definition.limits.get(direction)
    if limits and not all(map(math.isnan, limits)):
        lines.append(f"Limits{default}: {limits[0]:.17g} at -inf, {limits[1]:.17g} at +inf. NaN gives NaN.")
    if definition.kinks:
        lines.append(_kinks(definition, default))
    lines += [accuracy] if (accuracy := _accuracy(definition, direction)) else []
    if direction == "value":
        lines += [*_advice(definition), *_elsewhere(definition)]
    if direction == "jacobian":
        lines.append("Memory: n times that of `x`.")
    if direction == "parameter_gradients":
        lines.append(
            "Sums run in float64, in an order that shapes alone decide: the same bits for any number of threads."
        )
    return _paragraphs(lines)


def _kinks(definition: Definition, default: str) -> str:
    places = zip(definition.kinks, definition.derivative_at_kinks, strict=True)
    slopes = ", ".join(f"{slope:.6g} at x = {kink:.6g}" for kink, slope in places)
    return f"Kinks{default}: the derivative is taken to be {slopes}, as in PyTorch where that has the function."


def _advice(definition: Definition) -> list[str]:
    return [f"Gradients: {definition.saturation}", f"Use: {definition.use}", f"Avoid: {definition.avoid}"]


def _elsewhere(definition: Definition) -> Iterator[str]:
    """What other libraries call it, and where they have other defaults."""
    if definition.aliases:
        yield f"Elsewhere called: {', '.join(definition.aliases)}."
    if presets := list(_facts.presets(definition)):
        yield f"Other defaults elsewhere: {'; '.join(presets)}."


def _accuracy(definition: Definition, direction: str) -> str:
    if direction == "parameter_gradients":
        return ""
    if direction.endswith("from_output") and definition.kind == "elementwise":
        return "Accuracy: `y` was rounded. Where the output saturates, digits are lost that `derivative` keeps."
    bounds = dict(definition.accuracy or ACCURACY)
    where = ""
    if direction == "second_derivative":
        bounds, where = dict.fromkeys(ACCURACY, SECOND_DERIVATIVE_ACCURACY), ", away from its zeros"
    if direction == "backward":
        where = _BACKWARD_ACCURACY.get(definition.kind, "")
    if direction in ("jacobian", "backward_from_output") or (direction == "backward" and not where):
        return _JACOBIAN_ACCURACY if direction == "jacobian" else ""
    if not any(bounds.values()):
        return "Accuracy: exact."
    promised = _listed({dtype: f"{bound:g} in $" for dtype, bound in bounds.items()})
    parts = ("value", "derivative") if direction == "value_and_derivative" else (direction,)
    found = {dtype: text for dtype in bounds if (text := _measured(definition.name, parts, dtype))}
    measured = f" Largest error measured: {_listed(found)}." if found else ""
    return f"Accuracy, in units in the last place: promised at most {promised}{where}.{measured}"


def _listed(texts: Mapping[str, str]) -> str:
    """Each text once, with the dtypes that it is for in place of its "$"."""
    dtypes: dict[str, list[str]] = {}
    for dtype, text in texts.items():
        dtypes.setdefault(text, []).append(dtype)
    return ", ".join(text.replace("$", _enumerated(names)) for text, names in dtypes.items())


def _enumerated(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _measured(name: str, directions: Sequence[str], dtype: str) -> str:
    records = [record for direction in directions if (record := worst(name, direction, dtype)) is not None]
    if not records:
        return ""
    points = "every input" if all(record.every for record in records) else f"{records[0].points:,} inputs"
    return f"{max(record.ulp for record in records):.3f} in $ ({points})"
