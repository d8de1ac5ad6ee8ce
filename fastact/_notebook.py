"""How notebooks show an activation: formula, sketch, and what is known of it."""

from __future__ import annotations

import re
from html import escape

from fastact._definition import Definition
from fastact._facts import call, facts
from fastact._sketch import legend, sample_of, sketch
from fastact._typeset import mathml


class Shown:
    """What an activation is to a notebook."""

    info: Definition

    def _repr_html_(self) -> str:
        return html(self.info)


def html(definition: Definition) -> str:
    """Describe an activation in HTML, for light and dark pages."""
    rows = "".join(
        f'<tr><th scope="row" style="text-align: left; vertical-align: top; white-space: nowrap">{escape(heading)}</th>'
        f'<td style="text-align: left">{"<br/>".join(map(prose, lines))}</td></tr>'
        for heading, lines in facts(definition)
    )
    return (
        f'<div><div><code style="font-size: 1.1em">{escape(call(definition.name))}</code></div>'
        f"<div>{prose(definition.summary)}</div>"
        f'<div style="display: flex; flex-wrap: wrap; align-items: center; gap: 1em">{_drawing(definition)}'
        f"<div>{_formula(definition.formula)}</div></div><table>{rows}</table></div>"
    )


def prose(text: str) -> str:
    """Write a docstring's text in HTML, what is quoted there as code."""
    return re.sub(r"(`+)(.+?)\1", r"<code>\2</code>", escape(text, quote=False))


def _drawing(definition: Definition) -> str:
    if not (svg := sketch(definition)):
        return ""
    entry = '<span style="white-space: nowrap; margin-right: 1em">{} {}</span>'
    entries = " ".join(entry.format(sample_of(kind), escape(text)) for kind, text in legend(definition))
    return f'<div>{svg}<div style="font-size: 0.85em">{entries}</div></div>'


def _formula(tex: str) -> str:
    """The formula, which notebooks typeset too where latex2mathml is not installed."""
    try:
        return mathml(tex)
    except ImportError:
        return escape(f"${tex}$")
