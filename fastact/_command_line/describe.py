"""``fastact list`` and ``fastact info``: what the library knows about its activations."""

from __future__ import annotations

import argparse
import dataclasses
import textwrap
from collections.abc import Iterator
from typing import Any

import fastact
from fastact._elsewhere import ELSEWHERE, rows
from fastact._facts import call, interval, text

_TEXT_WIDTH = 100
_THEIRS_WIDTH = 40
_README_WIDTH = 120
_LABEL_WIDTH = 22


def run_list(arguments: argparse.Namespace) -> None:
    """Carry out ``fastact list``."""
    if arguments.library:
        libraries = tuple(ELSEWHERE) if arguments.library == "all" else (arguments.library,)
        print("\n\n".join(map(_page if arguments.markdown else _from, libraries)))
        return
    if arguments.markdown:
        print(markdown_table())
        return
    rows = [(info.name, info.family, info.summary) for info in map(_info, fastact.names())]
    widths = [max(len(cell) for cell in column) for column in list(zip(*rows, strict=True))[:2]]
    for name, family, summary in rows:
        print(f"{name:<{widths[0]}}  {family:<{widths[1]}}  {summary}")


def _from(library: str) -> str:
    """What a library's functions are called here, and what differs."""
    lines = [f"{ELSEWHERE[library].title}'s functions, what they are called here, and what differs:", ""]
    for row in rows(library):
        lines.append(f"{', '.join(row.theirs):<{_THEIRS_WIDTH}}  {row.ours}")
        lines += [_wrapped(row.differs.replace("`", ""), "    ", "    ")] if row.differs else []
    lines += ["", *(_wrapped(remark.replace("`", ""), "- ", "  ") for remark in ELSEWHERE[library].remarks)]
    return "\n".join(lines).rstrip()


def _page(library: str) -> str:
    """Write the same in Markdown, without functions that only have another name."""
    items = [*ELSEWHERE[library].remarks]
    for row in rows(library):
        if row.differs:
            theirs = ", ".join(f"`{name}`" for name in row.theirs)
            ours = "" if row.ours in row.theirs else f" → `{row.ours}`"
            items.append(f"{theirs}{ours}: {row.differs}.")
    return "\n".join([f"## {ELSEWHERE[library].title}", "", *map(_item, items)])


def _item(text: str) -> str:
    return _wrapped(text, "- ", "  ", _README_WIDTH)


def remarks() -> str:
    """Write what differs from each library for all of its functions, as README.md holds it."""
    pages = (
        "\n".join([f"**{elsewhere.title}**", "", *map(_item, elsewhere.remarks)])
        for elsewhere in ELSEWHERE.values()
        if elsewhere.remarks
    )
    return "\n\n".join(pages)


def run_info(arguments: argparse.Namespace) -> None:
    """Carry out ``fastact info``."""
    info = _info(arguments.name)
    print(f"{call(info.name)}\n\n{_wrapped(info.summary)}")
    if info.notes:
        print(f"\n{info.notes}")
    print()
    for label, value in (*_facts(info), *_on_gpu(info)):
        first, indent = label.replace("_", " ").ljust(_LABEL_WIDTH), " " * _LABEL_WIDTH
        for line in value if _is_list_of_texts(value) else [text(value)]:
            print(_wrapped(line, first, indent))
            first = indent


def _wrapped(words: str, first: str = "", indent: str = "", width: int = _TEXT_WIDTH) -> str:
    return textwrap.fill(
        words,
        width,
        initial_indent=first,
        subsequent_indent=indent,
        break_long_words=False,  # a formula or a link stays in one piece
        break_on_hyphens=False,
    )


def _facts(info: Any) -> Iterator[tuple[str, Any]]:
    """Go through a definition, without what run_info prints itself, what is empty and what is code."""
    for field in dataclasses.fields(info):
        value = getattr(info, field.name)
        if field.name == "formulas":
            yield "directions", info.directions
        elif field.name not in ("name", "summary", "notes") and not callable(value) and value not in (None, "", (), {}):
            yield field.name, value


def _on_gpu(info: Any) -> Iterator[tuple[str, str]]:
    """What a GPU computes in where arrays are float32."""
    if info.kind not in ("elementwise", "gated", "joined"):
        return
    from fastact.cuda.formulas import arithmetic_of

    computed_in: dict[str, list[str]] = {}
    for direction in info.directions:
        computed_in.setdefault(arithmetic_of(info.name, direction), []).append(direction)
    said = "; ".join(f"{dtype} for {', '.join(directions)}" for dtype, directions in computed_in.items())
    yield "GPU, float32 arrays", f"computed in {said}"


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, tuple) and any(isinstance(entry, str) and " " in entry for entry in value)


def markdown_table() -> str:
    """Return the table of all activations that README.md holds."""
    lines = ["| activation | formula | range | range of the derivative |", "|---|---|---|---|"]
    for info in map(_info, fastact.names()):
        formula = info.formula.replace("|", r"\vert ")  # a bar would end the cell
        ranges = [interval(info.range), interval(info.derivative_range)]
        lines.append(f"| `{call(info.name)}` | ${formula}$ | {ranges[0]} | {ranges[1]} |")
    return "\n".join(lines)


def _info(name: str) -> Any:
    return fastact.get(name).info
