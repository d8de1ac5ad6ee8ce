"""The examples of docstrings: calls, and what they print by the formulas, which needs no compiler."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastact._definition import Definition, registry

_IMPORTS = [">>> import numpy as np", ">>> import fastact as fa"]
_DIGITS = 4
_GRAD = (1.0, 2.0, 3.0)
_HALVES = (1.0, 3.0, 2.0, -1.0)


def example(definition: Definition, direction: str) -> str:
    """The example of one direction of an activation."""
    examples = {"elementwise": _elementwise, "axiswise": _along, "gated": _gated, "joined": _joined}
    return "\n".join([*_IMPORTS, *examples[definition.kind](definition, direction)])


def preset_example(call: str, own: str, preset: Any) -> str:
    """What an activation, as another library has it, is the same as."""
    given = {each.ours: each.convert(each.default) for each in preset.parameters.values()}
    spelled = ", ".join(f"{name}={value!r}".replace("=inf", "=np.inf") for name, value in given.items())
    ours = f"fa.{own}(x, {spelled})"
    return "\n".join([*_IMPORTS, _array("x", (-1.0, 0.5, 2.0)), f">>> np.array_equal(fa.{call}(x), {ours})", "True"])


def _array(name: str, numbers: Sequence[float]) -> str:
    return f">>> {name} = np.array({list(numbers)})"


def _shown(expression: str, result: Any) -> list[str]:
    """An expression with its result, an array of few digits."""
    with np.printoptions(precision=8, suppress=False, threshold=1000, linewidth=75, floatmode="maxprec", sign="-"):
        return [f">>> {expression}.round({_DIGITS})", repr(np.asarray(result).round(_DIGITS))]


def _elementwise(definition: Definition, direction: str) -> list[str]:
    low, high = definition.domain
    bounded = tuple(low + share * (high - low) for share in (0.125, 0.25, 0.75))
    x = (-0.75, 0.25, 2.0) if np.isinf(high - low) else bounded
    parameters = [parameter.default for parameter in definition.parameters]

    def each(formula: str) -> Any:
        return np.array([definition.formulas[formula](number, *parameters) for number in x])

    name, lines = f"fa.{definition.name}", [_array("x", x)]
    derivative = each("derivative")
    if direction == "value":
        lines += _shown(f"{name}(x)", each("value")) + _shown(f"{name}.derivative(x)", derivative)
        return [*lines, f">>> {name}(x, out=x) is x  # in place", "True"]
    if direction in ("derivative", "second_derivative"):
        return lines + _shown(f"{name}.{direction}(x)", each(direction))
    if direction == "value_and_derivative":
        lines.append(f">>> y, d = {name}.value_and_derivative(x)")
        return lines + _shown("y", each("value")) + _shown("d", derivative)
    if direction.endswith("from_output"):
        lines.append(f">>> y = {name}(x)")
    if direction == "derivative_from_output":
        return lines + _shown(f"{name}.derivative_from_output(y)", derivative)
    lines.append(_array("grad", _GRAD))
    if direction == "parameter_gradients":
        sums = [float(each(f"{parameter.name}_derivative") @ _GRAD) for parameter in definition.parameters]
        lines.append(f">>> gradients = {name}.parameter_gradients(grad, x)")
        texts = [repr(round(total, _DIGITS) + 0.0) for total in sums]
        return [*lines, f">>> [round(float(gradient), {_DIGITS}) for gradient in gradients]", f"[{', '.join(texts)}]"]
    array = "y" if direction.endswith("from_output") else "x"
    return lines + _shown(f"{name}.{direction}(grad, {array})", derivative * _GRAD)


def _along(definition: Definition, direction: str) -> list[str]:
    from fastact._command_line.plain import AXISWISE_BACKWARD, VALUES

    pieces = ", 2" if definition.name == "maxout" else ""
    x = np.array([1.0, 3.0, 2.0, -1.0] if pieces else [-0.75, 0.25, 0.75])
    value, backward = VALUES.get(definition.name), AXISWISE_BACKWARD.get(definition.name)
    name, lines = f"fa.{definition.name}", [_array("x", x.tolist())]
    if direction == "value":
        return lines + _shown_or_shape(f"{name}(x{pieces})", x, value)
    if direction == "jacobian":
        return lines + _shown_or_shape(f"{name}.jacobian(x)", np.eye(len(x)), backward, np.tile(x, (len(x), 1)))
    grad = np.array(2.0) if definition.reduces and not pieces else np.array(_GRAD[: 2 if pieces else 3])
    lines.append(_array("grad", grad.tolist()) if grad.ndim else f">>> grad = {grad}")
    lines += [f">>> y = {name}(x)"] if direction == "backward_from_output" else []
    array = "y" if direction == "backward_from_output" else "x"
    return lines + _shown_or_shape(f"{name}.{direction}(grad, {array}{pieces})", grad, backward, x)


def _shown_or_shape(expression: str, first: Any, formula: Callable[..., Any] | None, *others: Any) -> list[str]:
    """An expression with its result or, where NumPy has no formula in plain words, that there is one."""
    if formula is None:
        return [f">>> result = {expression}"]
    return _shown(expression, formula(first, *others))


def _gated(definition: Definition, direction: str) -> list[str]:
    half, gate = np.split(np.array(_HALVES), 2)
    opened, slope = (_over(registry[definition.gate].formulas[name], gate) for name in ("value", "derivative"))
    name, lines = f"fa.{definition.name}", [_array("x", _HALVES)]
    if direction == "value":
        same = f">>> np.array_equal({name}(x), {name}(x[:2], x[2:]))"
        return [*lines, *_shown(f"{name}(x)", half * opened), same, "True"]
    grad = np.array(_GRAD[:2])
    lines.append(_array("grad", grad.tolist()))
    return lines + _shown(f"{name}.backward(grad, x)", np.concatenate([grad * opened, grad * half * slope]))


def _joined(definition: Definition, direction: str) -> list[str]:
    x, grad = np.array([-1.0, 0.5, 2.0]), np.arange(1.0, 7.0)
    name, lines = f"fa.{definition.name}", [_array("x", x.tolist())]
    if direction == "value":
        halves = [definition.formulas["value"](number) for number in x.tolist()]
        return lines + _shown(f"{name}(x)", np.array(halves).T.ravel())
    backward = [definition.formulas["backward"](*each) for each in zip(grad[:3], grad[3:], x.tolist(), strict=True)]
    return [*lines, _array("grad", grad.tolist()), *_shown(f"{name}.backward(grad, x)", backward)]


def _over(formula: Callable[..., Any], numbers: Any) -> Any:
    """What a formula gives for each of some numbers, with the defaults of its parameters."""
    return np.array([formula(number) for number in numbers.tolist()])
