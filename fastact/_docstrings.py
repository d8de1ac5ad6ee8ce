"""Numpydoc texts, made from what a definition knows."""

from collections.abc import Sequence

from fastact._accuracy.measured import worst
from fastact._definition import ACCURACY, SECOND_DERIVATIVE_ACCURACY, Definition

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
_GATE = """gate : array_like, optional
    The gate's input. Without it `x` is split in two along `axis`: its first half, and then the gate's.
axis : int, default -1
    The axis to split `x` along; its length must be even.
interleaved : bool, default False
    Take the elements in turns, the gate's second, instead of halves.
gate_first : bool, default False
    The gate's part comes first."""
_KEEPDIMS = {
    "value": "Leave the axes in the result, each with length 1.",
    "backward": "The axes are left in `grad`, each with length 1.",
}
_DTYPES = (
    "float16, float32, float64 and bfloat16 keep their dtype; bool and 8- and 16-bit integers give float32; wider "
    "integers and Python numbers give float64."
)
_WHERE = """where : array_like of bool, default True
    Which elements take part; it broadcasts to `x`. The others count for nothing in their row{give}. A mask costs a copy
    of each operand. What a masked array masks is left out, and masked in the result."""
_EMPTY = """empty : {{"nan", "zero", "uniform"}}, default "nan"
    What a row gives that is empty, because all of its elements are {absent:g} or left out: {choices}."""
_ERRORS = {
    "TypeError": "If an operand's dtype is complex, longdouble, object or text.",
    "ValueError": "If a parameter is out of its range, shapes do not fit together, or `out` cannot be written.",
}
_AXIS_ERRORS = {
    "TypeError": "If an operand's dtype is complex, longdouble, object or text, or `where` is not boolean.",
    "ValueError": "If an axis is out of range or named twice, shapes do not fit together, a word is not one of those "
    "listed, or `out` cannot be written.",
}


def docstring(definition: Definition, direction: str) -> str:
    """The docstring of one direction of an activation."""
    sections = [
        _summary(definition, direction),
        _section("Parameters", _parameters(definition, direction)),
        _section("Returns", _returns(definition, direction)),
        _section("Raises", "\n".join(f"{name}\n    {text}" for name, text in _errors(definition).items())),
        _section("See Also", _see_also(definition, direction)),
        _section("Notes", _notes(definition, direction)),
        _references(definition),
        _section("Examples", _example(definition, direction)),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _errors(definition: Definition) -> dict[str, str]:
    return _AXIS_ERRORS if definition.kind == "axiswise" else _ERRORS


def loss_docstring(definition: Definition, call: str) -> str:
    """The docstring of a loss, from that of its call: the notes before the examples."""
    text, _, examples = call.partition("Examples\n--------\n")
    lines = [
        f".. math:: {definition.formula}",
        f"Accuracy: {_accuracy(definition, 'value')}, before the reduction. The gradient's unit is the spacing at the "
        "larger of its two parts, which cancel where a probability comes near its target.",
        "Reductions add in float64, in an order that shapes alone decide: the same bits for any number of threads.",
        f"Gradients: {definition.saturation}",
        f"Use: {definition.use}",
        f"Avoid: {definition.avoid}",
        f"Elsewhere called: {', '.join(definition.aliases)}.",
    ]
    sections = [text.rstrip(), _section("Notes", "\n\n".join(lines)), _references(definition)]
    return "\n\n".join([*sections, _section("Examples", examples.rstrip())]) + "\n"


def _references(definition: Definition) -> str:
    return _section("References", "\n".join(f".. [{n}] {paper}" for n, paper in enumerate(definition.papers, 1)))


def _section(title: str, body: str) -> str:
    return f"{title}\n{'-' * len(title)}\n{body}" if body else ""


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


def _parameters(definition: Definition, direction: str) -> str:
    arrays = definition.arrays(direction)
    texts = _ARRAY_TEXTS | (_AXIS_ARRAY_TEXTS if definition.kind == "axiswise" else {})
    if definition.kind == "joined":
        texts = texts | {"grad": "Gradient with respect to the output, of the output's shape."}
    lines = [f"{name} : array_like\n    {texts[name]}" for name in arrays if name != "gate"]
    if definition.gate:
        lines.append(_GATE)
    if definition.kind == "joined":
        lines.append("axis : int, default -1\n    The axis to join the halves along.")
    if definition.name == "maxout":
        lines.append("pieces : int\n    How many adjacent channels make a group; it divides the axis' length.")
    for parameter in definition.parameters:
        bound = f" Must be {parameter.bound}." if parameter.bound else ""
        lines.append(
            f"{parameter.name} : float or array_like, default {parameter.default:g}\n    {parameter.meaning}{bound}"
        )
    for keyword, options in definition.variants.items():
        choices = ", ".join(f'"{option}"' for option in options)
        lines.append(f"{keyword} : {{{choices}}}\n    Which of the variants to use.")
    if definition.draw is not None and direction == "value":
        lines.append("rng : numpy.random.Generator or seed, optional\n    Draw a slope per element: the training form.")
        lines.append("return_slopes : bool, default False\n    With `rng`, return the slopes too: ``(y, slopes)``.")
    if definition.kind == "axiswise":
        lines += _axis_keywords(definition, direction)
    elif direction != "parameter_gradients":
        place = (
            "Where to put the result." if definition.kind == "joined" else "Where to put the result; may be an input."
        )
        lines.append(f"out : ndarray or tuple of ndarray, optional\n    {place}")
        lines.append("where, casting, order, dtype, subok, signature\n    As for every `numpy.ufunc`.")
    return "\n".join(lines)


def _axis_keywords(definition: Definition, direction: str) -> list[str]:
    axis = "axis : int, tuple of int or None, default -1\n    The axis to work along; several become one, None is all."
    if definition.name == "maxout":
        axis = "axis : int, default -1\n    The axis to work along."
    dtype = "dtype : dtype, optional\n    The dtype to compute in."
    if direction == "jacobian":
        return [axis, dtype]
    lines = [axis, "out : ndarray, optional\n    Where to put the result.", dtype]
    if definition.reduces and definition.name != "maxout":
        lines.insert(1, f"keepdims : bool, default False\n    {_KEEPDIMS[direction]}")
    result = definition.left_out[-1:] if direction == "value" else (0.0,)
    if definition.left_out:
        give = "" if definition.reduces and direction == "value" else f" and give {result[0]:g}"
        lines.append(_WHERE.format(give=give))
    if definition.has_empty_rows:
        lines.append(_EMPTY.format(absent=definition.left_out[0], choices=_empty_choices(result[0], direction)))
    return lines


def _empty_choices(result: float, direction: str) -> str:
    if direction == "value":
        return f"NaN, {result:g}, or what equal elements give: those that take part, or all where none does"
    choices = "a gradient of NaN, 0, or 0"
    if direction == "backward_from_output":
        choices += ". A uniform `y` does not tell that its row was empty; only what is left out does"
    return choices


def _returns(definition: Definition, direction: str) -> str:
    if direction == "parameter_gradients":
        return "tuple of ndarray\n    One gradient per parameter, of the parameter's shape."
    if direction == "value_and_derivative":
        return f"y, d : ndarray or scalar\n    Two arrays. {_DTYPES}"
    if definition.gate and direction == "backward":
        return f"ndarray or tuple of ndarray\n    Of the shape of `x`; with a `gate`, one array for each. {_DTYPES}"
    if direction == "jacobian":
        return (
            "ndarray, shape (..., n, n)\n    Element [..., i, j] is the derivative of result i with respect to element "
            f"j of a row of n; the other axes of `x` come first. {_DTYPES}"
        )
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
    return f"ndarray or scalar\n    {shape} {_DTYPES}"


def _see_also(definition: Definition, direction: str) -> str:
    offered = [*definition.directions, *(["jacobian"] if definition.has_jacobian else [])]
    others = [name for name in offered if name != direction]
    return "\n".join(
        f"{definition.name if name == 'value' else f'{definition.name}.{name}'} : {_symbol(definition, name)}"
        for name in others
    )


def _notes(definition: Definition, direction: str) -> str:
    lines = [f".. math:: {definition.formula}"]
    if definition.notes:
        lines.append(definition.notes)
    limits = definition.limits.get(direction)
    if limits:
        lines.append(f"Limits: {limits[0]:.17g} at -inf, {limits[1]:.17g} at +inf. NaN gives NaN.")
    if direction in ("derivative", "backward", "value_and_derivative") and definition.kinks:
        kinks = ", ".join(
            f"{slope:.6g} at {kink:.6g}"
            for kink, slope in zip(definition.kinks, definition.derivative_at_kinks, strict=True)
        )
        lines.append(f"At kinks the derivative is, as in PyTorch: {kinks}.")
    if direction in ("value", "derivative", "value_and_derivative", "second_derivative"):
        lines.append(f"Accuracy: {_accuracy(definition, direction)}.")
    if direction == "value":
        lines += [
            f"Gradients: {definition.saturation}",
            f"Use: {definition.use}",
            f"Avoid: {definition.avoid}",
        ]
        lines += [f"Elsewhere called: {', '.join(definition.aliases)}."] if definition.aliases else []
    if direction == "jacobian":
        lines.append("Memory: n times that of `x`. Accuracy: at most 2 ULP in float32, 4 ULP in float64.")
    if direction == "parameter_gradients":
        lines.append(
            "Sums run in float64, in an order that shapes alone decide: the same bits for any number of threads."
        )
    return "\n\n".join(lines)


def _accuracy(definition: Definition, direction: str) -> str:
    if direction == "second_derivative":
        bounds = dict.fromkeys(ACCURACY, SECOND_DERIVATIVE_ACCURACY)
        texts = [f"at most {SECOND_DERIVATIVE_ACCURACY:g} ULP away from its zeros"]
    else:
        bounds = dict(definition.accuracy or ACCURACY)
        texts = ["at most " + ", ".join(f"{bound:g} ULP in {dtype}" for dtype, bound in bounds.items())]
    parts = ("value", "derivative") if direction == "value_and_derivative" else (direction,)
    measured = [text for dtype in bounds if (text := _measured(definition.name, parts, dtype))]
    if measured:
        texts.append("largest error measured: " + ", ".join(measured))
    return "; ".join(texts)


def _measured(name: str, directions: Sequence[str], dtype: str) -> str:
    records = [record for direction in directions if (record := worst(name, direction, dtype)) is not None]
    if not records:
        return ""
    points = "every input" if all(record.every for record in records) else f"{records[0].points:,} inputs"
    return f"{max(record.ulp for record in records):.3f} in {dtype} ({points})"


def _example(definition: Definition, direction: str) -> str:
    name = definition.name if direction == "value" else f"{definition.name}.{direction}"
    lines = [">>> import numpy as np", ">>> import fastact as fa"]
    shape: tuple[int, ...]
    if definition.name == "maxout":
        call = "np.ones(2), x, 2" if direction == "backward" else "x, 2"
        lines += [">>> x = np.array([1.0, 3.0, 2.0, -1.0])", f">>> result = fa.{name}({call})"]
        shape = (4,) if direction == "backward" else (2,)
    elif definition.gate:
        call = "np.ones(2), x" if direction == "backward" else "x"
        lines += [">>> x = np.array([1.0, 3.0, 2.0, -1.0])", f">>> result = fa.{name}({call})"]
        shape = (4,) if direction == "backward" else (2,)
    elif definition.kind == "joined":
        call = "np.ones(6), x" if direction == "backward" else "x"
        lines += [">>> x = np.array([-1.0, 0.0, 1.0])", f">>> result = fa.{name}({call})"]
        shape = (3,) if direction == "backward" else (6,)
    else:
        grad = "np.array(1.0), " if definition.reduces else "np.ones(3), "
        first = grad if definition.arrays(direction)[0] == "grad" else ""
        array = "fa." + definition.name + "(x)" if direction.endswith("from_output") else "x"
        target = "y, d" if direction == "value_and_derivative" else "result"
        lines += [">>> x = np.array([-1.0, 0.0, 1.0])", f">>> {target} = fa.{name}({first}{array})"]
        shape = () if definition.reduces and direction == "value" else (3,)
        shape = (3, 3) if direction == "jacobian" else shape
    if direction == "parameter_gradients":
        return "\n".join([*lines, ">>> len(result)", str(len(definition.parameters))])
    shown = "d" if direction == "value_and_derivative" else "result"
    return "\n".join([*lines, f">>> {shown}.shape", str(shape)])
