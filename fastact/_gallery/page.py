"""What the gallery's page is made of: the templates beside this file, and what the registry and the records know."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import fastact
from fastact._accuracy.cases import DIRECTIONS, DTYPES
from fastact._accuracy.measured import Record, worst
from fastact._command_line.bench import Timing
from fastact._definition import Definition
from fastact._facts import call, dead_intervals, facts
from fastact._notebook import prose
from fastact._sketch import legend, sample_of, sketch
from fastact._typeset import mathml


def page(speed: dict[str, Any] | None = None) -> str:
    """Make the page.

    Parameters
    ----------
    speed : dict, optional
        What ``fastact bench --json`` writes; without it, the page says nothing of speed.
    """
    definitions = [fastact.get(name).info for name in fastact.names()]
    families: dict[str, int] = {}
    for definition in definitions:
        families[definition.family] = families.get(definition.family, 0) + 1
    chosen_traits = dict.fromkeys(trait for definition in definitions for trait in traits(definition))
    return _template("page.html").substitute(
        version=escape(fastact.__version__),
        count=len(definitions),
        style=_text("page.css"),
        script=_text("page.js"),
        families="".join(_chip("family", family, count) for family, count in sorted(families.items())),
        traits="".join(_chip("trait", trait) for trait in chosen_traits),
        cards="\n".join(_card(definition, speed) for definition in definitions),
        source=escape(_source(speed)),
    )


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _template(name: str) -> Template:
    return Template(_text(name))


def _chip(kind: str, value: str, count: int | None = None) -> str:
    number = "" if count is None else f" <small>{count}</small>"
    words = escape(value.replace("_", " "))
    data = f'data-{kind}="{escape(value)}"'
    return f'<button type="button" class="chip" {data} aria-pressed="false">{words}{number}</button>'


def traits(definition: Definition) -> list[str]:
    """Say what an element-wise activation can be chosen by."""
    if definition.kind != "elementwise":
        return []
    found = {
        "smooth": not definition.kinks and not definition.bends,
        "monotone": definition.monotone,
        "zero-centred": definition.odd,
        "bounded": all(map(math.isfinite, definition.range)),
        "never dead": not dead_intervals(definition),
    }
    return [trait for trait, holds in found.items() if holds]


def _card(definition: Definition, speed: dict[str, Any] | None) -> str:
    searched = [definition.name, *definition.aliases, definition.family, definition.summary, *definition.papers]
    return _template("card.html").substitute(
        name=escape(definition.name),
        family=escape(definition.family),
        family_words=escape(definition.family.replace("_", " ")),
        traits=escape(" ".join(trait.replace(" ", "-") for trait in traits(definition))),
        searched=escape(" ".join(searched).lower()),
        call=escape(call(definition.name)),
        summary=prose(definition.summary),
        notes=prose(definition.notes),
        formula=mathml(definition.formula),
        sketch=sketch(definition),
        legend=" ".join(
            f'<span data-kind="{kind}">{sample_of(kind)} {escape(text)}</span>' for kind, text in legend(definition)
        ),
        facts="\n".join(_entries(definition, speed)),
    )


def _entries(definition: Definition, speed: dict[str, Any] | None) -> Iterator[str]:
    for heading, lines in facts(definition):
        yield _entry(heading, "<br>".join(_linked(prose(line)) for line in lines))
    yield _entry("Accuracy", _accuracy(definition))
    if speed is not None and (table := _speed(definition, speed)):
        yield _entry("Speed", table)


def _entry(heading: str, body: str) -> str:
    return f"<dt>{escape(heading)}</dt><dd>{body}</dd>"


def _linked(html: str) -> str:
    """Make links of papers' addresses; nobody follows them but who clicks."""
    html = re.sub(r"arXiv:(\d{4}\.\d{4,5})", r'<a href="https://arxiv.org/abs/\1" rel="noreferrer">arXiv:\1</a>', html)
    return re.sub(r"\b(github\.com/[\w./-]+)", r'<a href="https://\1" rel="noreferrer">\1</a>', html)


def _accuracy(definition: Definition) -> str:
    bounds = ", ".join(f"{bound:g} in {dtype}" for dtype, bound in definition.accuracy.items())
    promise = f"At most, in ULP: {bounds}." if any(definition.accuracy.values()) else "Exact."
    records = {(d, t): record for d in DIRECTIONS for t in DTYPES if (record := worst(definition.name, d, t))}
    if not records:
        return promise
    directions = [direction for direction in DIRECTIONS if any(found == direction for found, _ in records)]
    rows = [
        [dtype, *(_ulp(records.get((direction, dtype))) for direction in directions)]
        for dtype in DTYPES
        if any(found == dtype for _, found in records)
    ]
    note = "Largest error measured, in ULP, on every input (where marked ~, on a sample)."
    return f"{promise}{_table(['', *(name.replace('_', ' ') for name in directions)], rows)}<small>{note}</small>"


def _ulp(record: Record | None) -> str:
    if record is None:
        return ""
    return f"{record.ulp:.3f}{'' if record.every else ' ~'}"


def _speed(definition: Definition, speed: dict[str, Any]) -> str:
    rows = [_timing(row) for row in speed["rows"] if row["name"] == definition.name]
    if not rows:
        return ""
    note = f"{speed['dtype']}: ns per element; how many times as fast as np.copyto and as the plain NumPy formula."
    return f"{_table(['', 'n', 'ns', '/copyto', '/plain'], rows)}<small>{escape(note)}</small>"


def _timing(row: dict[str, Any]) -> list[str]:
    out, copyto, _, plain = Timing(**row).cells
    return [row["direction"], f"{row['size']:,}", out, copyto, plain]


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _source(speed: dict[str, Any] | None) -> str:
    """Say where figures come from."""
    if speed is None:
        return "Speed was not measured for this page: fastact gallery --measure does."
    return "Speed was measured on " + ", ".join(speed["machine"].splitlines()) + "."
