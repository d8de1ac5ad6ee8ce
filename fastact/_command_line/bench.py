"""Time each activation's value, derivative and backward.

For each size the table gives four figures: ns per element with out= given; the speed of that relative to
np.copyto of the same arrays (1.00: as fast as copying); ns per element with a new result; and the speed of
that relative to the plain NumPy formula (empty where NumPy has none). All are the best of many runs, taken in
turns.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

import fastact
from fastact._command_line import plain
from fastact._command_line.machine import facts
from fastact._command_line.operands import Operation, directions, operation
from fastact._command_line.progress import Progress
from fastact._command_line.timing import best_in_turns

_HEADINGS = ("out=", "/copyto", "new", "/plain")
_WIDTH = 9  # of a column of figures


def run(arguments: argparse.Namespace) -> None:
    """Carry out ``fastact bench``."""
    names = [fastact.get(name).info.name for name in arguments.names] or fastact.names()
    rows = [(name, direction) for name in names for direction in directions(name)]
    label_width = max(len(f"{name} {direction}") for name, direction in rows)
    print(_heading(arguments.sizes, arguments.dtype, label_width), flush=True)
    with Progress(len(rows) * len(arguments.sizes)) as progress, no_warnings():
        for name, direction in rows:
            cells = []
            for size in arguments.sizes:
                progress.advance(0, f"{name} {direction}, n = {size:,}")
                cells += _figures(name, direction, size, arguments.dtype, arguments.seconds)
                progress.advance(1)
            progress.hide()
            print(_line(f"{name} {direction}".ljust(label_width), cells), flush=True)


def _heading(sizes: Sequence[int], dtype: str, label_width: int) -> str:
    groups = [f"n = {size:,}".rjust(_WIDTH * len(_HEADINGS)) for size in sizes]
    return f"""{facts()}

{dtype}. ns per element, into a given array (out=) and into a new one; beside each its speed relative
to np.copyto of the same arrays (1.00: as fast as copying) and to the plain NumPy formula.

{" " * label_width}{"".join(groups)}
{_line(" " * label_width, list(_HEADINGS) * len(sizes))}"""


def _line(label: str, cells: Sequence[str]) -> str:
    return (label + "".join(cell.rjust(_WIDTH) for cell in cells)).rstrip()


@contextmanager
def no_warnings() -> Iterator[None]:
    """Silence the overflows of the plain formulas."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def calls(name: str, direction: str, timed: Operation) -> dict[str, Callable[[], Any]]:
    """Give what a row times: np.copyto, the operation with out= and without, and the plain formula if there is one."""
    source = timed.operands[-1]
    copy = timed.result if timed.result.shape == source.shape else source.copy()  # maxout's result is shorter
    calls: dict[str, Callable[[], Any]] = {
        "copyto": lambda: np.copyto(copy, source),
        "out": timed.into_result,
        "new": timed.new,
    }
    by_hand = plain.formula(name, direction)
    if by_hand is not None:
        calls["plain"] = lambda: by_hand(*timed.operands)
    return calls


def _figures(name: str, direction: str, size: int, dtype: str, seconds: float) -> list[str]:
    """Time one row at one size."""
    timed = operation(name, direction, size, dtype)
    best = best_in_turns(calls(name, direction, timed), seconds)
    nanoseconds = 1e9 / timed.operands[-1].size
    return [
        f"{best['out'] * nanoseconds:.3f}",
        f"{best['copyto'] / best['out']:.2f}",
        f"{best['new'] * nanoseconds:.3f}",
        f"{best['plain'] / best['new']:.1f}" if "plain" in best else "",
    ]
