"""A diagnosis as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from fastact.diagnostics import Diagnosis, Summary

_WIDTH = 100
_SHARES = {
    "dead": "derivative 0",
    "saturated": "0, or |derivative| < {:.3g}",
    "sparsity": "output 0",
    "gradient_lost": "1 - norm(grad * derivative) / norm(grad)",
}
_FIGURES = ("mean", "std", "min", "max", "nan", "inf")


def report(diagnosis: Diagnosis) -> str:
    """All figures in aligned lines, and the advice."""
    total = diagnosis.total
    lines = [f"{total.label} on {total.count:,} element{'s' * (total.count != 1)}", ""]
    lines += _aligned(_shares(diagnosis), "<<>>>")
    lines += ["", *_aligned(_summaries(total), "<>>>>>>")]
    lines += [""] * bool(diagnosis.advice)
    for text in diagnosis.advice:
        lines += textwrap.wrap(text, _WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines)


def table(diagnoses: Sequence[Diagnosis]) -> str:
    """One line for each of several diagnoses."""
    head = ["activation", "gradient lost", "dead", "saturated", "sparsity", "output mean", "output std"]
    rows = [
        [
            each.label,
            _lost(each.gradient_lost),
            *map(share, (each.dead, each.saturated, each.sparsity)),
            *(f"{figure:.4g}" for figure in (each.outputs.mean, each.outputs.std)),
        ]
        for each in diagnoses
    ]
    return "\n".join(_aligned([head, *rows], "<>>>>>>"))


def share(figure: Any) -> str:
    """A share as people write it."""
    return "-" if np.isnan(figure) else f"{figure:.1%}"


def _lost(figure: Any) -> str:
    """What is lost of the gradient, or how it grows."""
    return share(figure) if not figure < -1 else f"grows {1 - figure:.3g}-fold"


def where(axis: Sequence[int], index: Sequence[int]) -> str:
    """A place along kept axes, in words."""
    one, several = ("index", "axis") if len(axis) == 1 else ("indices", "axes")
    return f"{one} {', '.join(map(str, index))} of {several} {', '.join(map(str, axis))}"


def _shares(diagnosis: Diagnosis) -> Iterator[list[str]]:
    if diagnosis.axis and np.size(diagnosis.dead):
        axes = f"{'axis' if len(diagnosis.axis) == 1 else 'axes'} {', '.join(map(str, diagnosis.axis))}"
        yield ["", "", "all", f"lowest of {axes}", "highest, where"]
    for name, meaning in _SHARES.items():
        figures = np.asarray(getattr(diagnosis, name))
        text = _lost if name == "gradient_lost" else share
        row = [name.replace("_", " "), meaning.format(diagnosis.threshold)]
        row.append(text(getattr(diagnosis.total, name)))
        if diagnosis.axis and not np.isnan(figures).all():
            highest = np.unravel_index(int(np.nanargmax(figures)), figures.shape)
            row += [text(np.nanmin(figures)), f"{text(figures[highest])}, {', '.join(map(str, highest))}"]
        yield row


def _summaries(total: Diagnosis) -> Iterator[list[str]]:
    yield ["", "mean", "std", "min", "max", "NaN", "infinite"]
    for name in ("inputs", "outputs", "derivatives"):
        summary: Summary = getattr(total, name)
        figures = [getattr(summary, figure) for figure in _FIGURES]
        yield [name, *(f"{figure:,}" if isinstance(figure, int) else f"{figure:.4g}" for figure in figures)]


def _aligned(rows: Iterator[list[str]] | list[list[str]], alignment: str) -> list[str]:
    rows = list(rows)
    rows = [row + [""] * (max(map(len, rows)) - len(row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, alignment, widths, strict=False)).rstrip()
        for row in rows
    ]
