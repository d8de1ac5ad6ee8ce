"""Time each activation's value, derivative and backward.

For each size the table gives four figures: ns per element with out= given; the speed of that relative to
np.copyto of the same arrays (1.00: as fast as copying); ns per element with a new result; and the speed of
that relative to the plain NumPy formula (empty where NumPy has none). All are the best of many runs, taken in
turns.

With --device cuda it is a GPU's turn, timed by its own clock: ns per element into a given array, and the speed
relative to a device-to-device copy of as many bytes as are read and written.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import fastact
from fastact._command_line import gpu, plain, whole_file
from fastact._command_line.machine import facts
from fastact._command_line.operands import Operation, directions, operation
from fastact._command_line.progress import Progress
from fastact._command_line.timing import best_in_turns

SIZES = (10_000, 1_000_000)
CUDA_SIZES = (1 << 20, 1 << 26)  # the second beyond any cache
SECONDS = 0.05  # for each activation, direction and size

_WIDTH = 9  # of a column of figures


@dataclass(frozen=True)
class Timing:
    """How long one direction of an activation takes at one size.

    Attributes
    ----------
    name, direction, size
        What was timed.
    out, new, copyto, plain : float
        ns per element: into a given array, into a new one, of `np.copyto`, and of the plain NumPy formula, where NumPy
        has one.
    """

    name: str
    direction: str
    size: int
    out: float
    new: float
    copyto: float
    plain: float | None

    @property
    def cells(self) -> list[str]:
        """The four figures of the table."""
        ratio = f"{self.plain / self.new:.1f}" if self.plain else ""
        return [f"{self.out:.3f}", f"{self.copyto / self.out:.2f}", f"{self.new:.3f}", ratio]


@dataclass(frozen=True)
class Device:
    """Where activations are timed.

    Attributes
    ----------
    sizes : tuple of int
        Those of the table, where none are given.
    require, facts : callable
        Refuses what is not there; names the machine.
    headings : tuple of str
        Of the figures at one size.
    explanation : str
        What they are.
    timing : callable
        Takes a name, direction, size, dtype and seconds.
    """

    sizes: tuple[int, ...]
    require: Callable[[], None]
    facts: Callable[[], str]
    headings: tuple[str, ...]
    explanation: str
    timing: Callable[[str, str, int, str, float], Timing | gpu.CudaTiming]


def run(arguments: argparse.Namespace) -> None:
    """Carry out ``fastact bench``."""
    device = DEVICES[arguments.device]
    device.require()
    if arguments.json:
        whole_file.check(Path(arguments.json))
    names = [fastact.get(name).info.name for name in arguments.names] or fastact.names()
    sizes = arguments.sizes or device.sizes
    label_width = max(len(_label(name, direction)) for name in names for direction in directions(name))
    print(_heading(device, sizes, arguments.dtype, label_width), flush=True)
    done = []
    for timings, progress in _timings(device, names, sizes, arguments.dtype, arguments.seconds):
        done += timings
        progress.hide()
        label = _label(timings[0].name, timings[0].direction)
        print(_line(label.ljust(label_width), [cell for timing in timings for cell in timing.cells]), flush=True)
    if arguments.json:
        content = json.dumps(_recorded(device, done, arguments.dtype), indent=1)
        whole_file.write(Path(arguments.json), f"{content}\n".encode())


def record(names: Sequence[str], sizes: Sequence[int], dtype: str, seconds: float) -> dict[str, Any]:
    """Time activations; give what ``fastact bench --json`` writes."""
    device = DEVICES["cpu"]
    done = [timing for timings, _ in _timings(device, names, sizes, dtype, seconds) for timing in timings]
    return _recorded(device, done, dtype)


def _recorded(device: Device, timings: Sequence[Timing | gpu.CudaTiming], dtype: str) -> dict[str, Any]:
    return {"machine": device.facts(), "dtype": dtype, "rows": [asdict(timing) for timing in timings]}


def _label(name: str, direction: str) -> str:
    return f"{name} {direction}"


def _timings(
    device: Device, names: Sequence[str], sizes: Sequence[int], dtype: str, seconds: float
) -> Iterator[tuple[list[Timing | gpu.CudaTiming], Progress]]:
    """Go through the activations' directions, each at all sizes."""
    rows = [(name, direction) for name in names for direction in directions(name)]
    with Progress(len(rows) * len(sizes)) as progress, no_warnings():
        for name, direction in rows:
            timings = []
            for size in sizes:
                progress.advance(0, f"{_label(name, direction)}, n = {size:,}")
                timings.append(device.timing(name, direction, size, dtype, seconds))
                progress.advance(1)
            yield timings, progress


def _heading(device: Device, sizes: Sequence[int], dtype: str, label_width: int) -> str:
    groups = [f"n = {size:,}".rjust(_WIDTH * len(device.headings)) for size in sizes]
    return f"""{device.facts()}

{dtype}. {device.explanation}

{" " * label_width}{"".join(groups)}
{_line(" " * label_width, list(device.headings) * len(sizes))}"""


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


def _timing(name: str, direction: str, size: int, dtype: str, seconds: float) -> Timing:
    """Time one row at one size."""
    timed = operation(name, direction, size, dtype)
    nanoseconds = 1e9 / timed.operands[-1].size
    best = {label: time * nanoseconds for label, time in best_in_turns(calls(name, direction, timed), seconds).items()}
    return Timing(name, direction, size, best["out"], best["new"], best["copyto"], best.get("plain"))


DEVICES = {
    "cpu": Device(
        SIZES,
        lambda: None,
        facts,
        ("out=", "/copyto", "new", "/plain"),
        """ns per element, into a given array (out=) and into a new one; beside each its speed relative
to np.copyto of the same arrays (1.00: as fast as copying) and to the plain NumPy formula.""",
        _timing,
    ),
    "cuda": Device(
        CUDA_SIZES,
        gpu.require,
        lambda: facts(gpu.card()),
        ("out=", "/copy"),
        """ns per element, into a given array (out=), by the GPU's clock; beside it the speed relative to a
device-to-device copy of as many bytes as are read and written (1.00: as fast as copying).""",
        gpu.timing,
    ),
}
