"""Formulas for browsers: TeX as MathML, which they render themselves."""

from __future__ import annotations

import functools
import re

# What TeX does by itself and MathML, as it is converted, does not.
_OPERAND_BEFORE_NAME = re.compile(r"(?<=[\w)}]) (?=\\(?:tanh|log|sin|max|min|operatorname)\b)")
_NAME_BEFORE_OPERAND = re.compile(r"(\\log|\\max_(?:\{[^}]*\}|\w)) (?=\\sigma|\\frac|x)")
_OPENING = "|".join(f"&#x{ord(character):05X};" for character in "=≤≥<>(,")
_CORRECTIONS = (
    (r"<mo>([a-z]{2,})</mo>", r"<mi>\1</mi>"),  # a function's name is no operator with space around it
    (r'<mo stretchy="false">&#x0007C;</mo>', '<mo stretchy="false" lspace="0" rspace="0">&#x0007C;</mo>'),
    (rf"(<mo[^>]*>(?:{_OPENING})</mo>)<mo>&#x02212;</mo>", r'\1<mo form="prefix">&#x02212;</mo>'),  # a sign
    (r"<mtd[^>]*>", '<mtd style="text-align: left">'),
)

_CONDITION = re.compile(r"\\text\{ ?(?=for|otherwise)")


@functools.cache
def mathml(tex: str) -> str:
    """Convert a formula in TeX, cases one below the other.

    Raises
    ------
    ImportError
        If latex2mathml, which does it, is not installed.
    ValueError
        If it does not know a command of the formula.
    """
    try:
        from latex2mathml.converter import convert
    except ImportError as error:
        raise ImportError(f'formulas need latex2mathml: pip install "fastact[plot]" ({error})') from error
    spaced = _NAME_BEFORE_OPERAND.sub(r"\1 \\, ", _OPERAND_BEFORE_NAME.sub(r" \\, ", in_cases(tex)))
    result: str = convert(spaced, display="block")
    for pattern, replacement in _CORRECTIONS:
        result = re.sub(pattern, replacement, result)
    if unknown := re.search(r"\\[a-zA-Z]+", result):
        raise ValueError(f"latex2mathml does not know {unknown.group()} of {tex!r}")
    return result


def in_cases(tex: str) -> str:
    r"""Write ``a \text{ for } b, \quad c \text{ otherwise}`` as cases, and other lists as lines."""
    left, equals, right = tex.partition(" = ")
    parts = right.split(r", \quad ")
    if len(parts) == 1:
        return tex
    if not all(map(_CONDITION.search, parts)):
        return _lines("array", "{l}", [f"{left} = {parts[0]},", *parts[1:]])
    return left + equals + _lines("cases", "", [_CONDITION.sub(r"& \\text{", part, count=1) for part in parts])


def _lines(environment: str, columns: str, lines: list[str]) -> str:
    return rf"\begin{{{environment}}}{columns} " + r" \\ ".join(lines) + rf" \end{{{environment}}}"
