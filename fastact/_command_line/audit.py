"""Measure how accurate the activations are, in units in the last place (ULP).

float16, bfloat16 and float32 are compared with the float64 kernels, and those with mpmath. Without --exhaustive
a sample is taken: every exponent, tails, saturation points, zeros, and random numbers. With it, every number of
the narrow formats, and 100,000 of float64. Values are also checked to stay in their range, never to fall where
the activation is monotone, and to be odd where it is odd. --against sets other libraries beside it, at finite
inputs.

The exit code is 1 if a promise is broken.
"""

from __future__ import annotations

import argparse
import json
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import fastact
from fastact._accuracy import measured
from fastact._accuracy.cases import DIRECTIONS, DTYPES, Array, Case, all_cases, numpy_dtype
from fastact._accuracy.measure import OURS, Measurement, exact_pool, measure_exactly, measure_narrow, points_of
from fastact._command_line.machine import facts
from fastact._command_line.peers import Case as PeerCase
from fastact._command_line.peers import Peer, installed_peers
from fastact._command_line.progress import Progress
from fastact._command_line.signals import stopped_by_exception

EXACT_POINTS, EXACT_POINTS_EXHAUSTIVE = 400, 100_000
PEER_CHUNK = 1 << 22  # numbers: JAX compiles anew for each call
_POOL_FROM = 20_000  # points of mpmath: fewer are done before the processes have started
_PROMISE_BROKEN = 1


def run(arguments: argparse.Namespace) -> None:
    """Carry out ``fastact audit``."""
    if arguments.markdown:
        print(markdown_table())
        return
    plan = Plan(arguments)
    found = []
    print(f"{facts()}\n\n{_heading()}", flush=True)
    with stopped_by_exception(), Progress(plan.total) as progress:
        for measurement in plan.measurements(progress):
            progress.hide()
            print(_line(measurement), flush=True)
            found.append(measurement)
            if arguments.save and measurement.library == OURS:
                measured.save([measured.Record.of(measurement)])
    if arguments.json:
        Path(arguments.json).write_text(json.dumps([_as_json(entry) for entry in found], indent=1) + "\n")
    own = [measurement for measurement in found if measurement.library == OURS]
    broken = sum(not measurement.holds for measurement in own)
    print(f"\n{len(own) - broken} of {len(own)} cases keep every promise")
    if broken:
        raise SystemExit(_PROMISE_BROKEN)


class Plan:
    """What to measure, and how thoroughly.

    Parameters
    ----------
    arguments : argparse.Namespace
        The command's.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.exhaustive, self.seed = arguments.exhaustive, arguments.seed
        self.exact_points = arguments.points or (EXACT_POINTS_EXHAUSTIVE if self.exhaustive else EXACT_POINTS)
        names = [elementwise(name) for name in arguments.names] or fastact.names("elementwise")
        dtypes = arguments.dtype or installed_dtypes()
        if "float64" in dtypes and find_spec("mpmath") is None:
            raise ValueError("float64 is measured against mpmath (pip install mpmath); --dtype float32 needs none")
        cases = list(all_cases(names, arguments.directions, dtypes, arguments.parameters))
        known = measured.load() if arguments.missing else {}
        self.cases = [case for case in cases if not self._is_known(case, known)]
        peers = installed_peers(arguments.against)
        self.rivals = {case: _rivals(case, peers) for case in self.cases}

    @property
    def total(self) -> int:
        """The work ahead, in points of a narrow format."""
        return sum(map(self._work, self.cases))

    def measurements(self, progress: Progress) -> Iterator[Measurement]:
        """Measure one case after the other."""
        with ExitStack() as stack:
            pool = None
            if self.exact_points * sum(case.dtype == "float64" for case in self.cases) >= _POOL_FROM:
                pool = stack.enter_context(exact_pool())
            for case in self.cases:
                advance = _scaled(progress, f"{case.label} {case.direction} {case.dtype}", self._weight(case))
                rivals = self.rivals[case]
                if case.dtype == "float64":
                    found = measure_exactly(case, self.exact_points, self.seed, pool, [*rivals.values()], advance)
                else:
                    points = points_of(case, self.exhaustive, self.seed)
                    found = [measure_narrow(case, points, advance)]
                    found += [measure_narrow(case, points, advance, rival, PEER_CHUNK) for rival in rivals.values()]
                for library, measurement in zip([OURS, *rivals], found, strict=True):
                    measurement.library = library
                    yield measurement

    def _is_known(self, case: Case, known: dict[measured.Key, measured.Record]) -> bool:
        record = known.get((case.name, case.other, case.direction, case.dtype))
        if record is None:
            return False
        return record.points >= self.exact_points if case.dtype == "float64" else record.every >= self.exhaustive

    def _work(self, case: Case) -> int:
        points = self.exact_points if case.dtype == "float64" else _narrow_points(case, self.exhaustive)
        runs = 1 if case.dtype == "float64" else 1 + len(self.rivals[case])
        return points * self._weight(case) * runs

    def _weight(self, case: Case) -> int:
        """How many points of a narrow format cost as much as one of this case."""
        return 20_000 if case.dtype == "float64" else 1


def _rivals(case: Case, peers: Sequence[Peer]) -> dict[str, Callable[[Array], Array]]:
    """Find what the peers call a case; they have defaults, and first derivatives at most."""
    if case.other or case.order > 1 or case.dtype == "bfloat16":
        return {}
    rivals = {peer.name: partial(_peers_result, peer, case) for peer in peers}
    sample = np.linspace(-3, 3, 50, dtype=case.dtype)
    return {name: rival for name, rival in rivals.items() if rival(sample) is not None}


def _peers_result(peer: Peer, case: Case, x: Array) -> Any:
    """What a peer computes at `x`, in its dtype; None where it has no such function.

    Ours stands where theirs is not to be measured: at infinity, where most have NaN, which would hide all the rest,
    and at kinks, where a derivative is a convention.
    """
    derivative, ours = case.order == 1, case.evaluate(x)
    y = ours if not derivative else Case(case.name, "value", case.dtype).evaluate(x)
    task = PeerCase(case.name, "backward" if derivative else "value", x, y, np.ones_like(x), out=False)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # plain formulas overflow
        try:
            call = peer.call(task, fastact.get_num_threads())
            theirs = None if call is None else np.asarray(call()).astype(x.dtype)
        except Exception:  # of its own types: it has no kernel for this dtype
            return None
    if theirs is None:
        return None
    aside = ~np.isfinite(x)
    if derivative:
        aside |= np.isin(x, fastact.get(case.name).info.kinks)
    return np.where(aside, ours, theirs)


def _narrow_points(case: Case, exhaustive: bool) -> int:
    bits = 8 * numpy_dtype(case.dtype).itemsize
    return 1 << bits if exhaustive or bits == 16 else 1 << 20


def _scaled(progress: Progress, text: str, weight: int) -> Callable[[int], None]:
    return lambda amount: progress.advance(amount * weight, text)


def elementwise(name: str) -> str:
    """Find an activation that works element by element, by any of its names."""
    info = fastact.get(name).info
    if info.kind != "elementwise":
        raise ValueError(f"{info.name} works along an axis; audit measures those that work element by element")
    return str(info.name)


def installed_dtypes() -> list[str]:
    """Give all dtypes, without bfloat16 where ml_dtypes is not installed."""
    try:
        numpy_dtype("bfloat16")
    except ValueError:
        return [dtype for dtype in DTYPES if dtype != "bfloat16"]
    return list(DTYPES)


# --- output -----------------------------------------------------------------------------------------

_COLUMNS = (26, 18, 9, 14, 9, 25, 25, 25)


def _heading() -> str:
    return _cells(("activation", "direction", "dtype", "points", "ULP", "at x =", "got", "expected"))


def _line(found: Measurement) -> str:
    case, as_dtype = found.case, numpy_dtype(found.case.dtype).type
    points = "every" if found.every else f"{found.points:,}"
    numbers = [str(as_dtype(found.x)), str(as_dtype(found.got)), repr(found.expected)] if found.ulp else ["", "", ""]
    error = f"{found.ulp:.4f}" if not found.ulp >= 1000 else f"{found.ulp:.2e}"
    cells = (case.label, case.direction, case.dtype, points, error, *numbers)
    if found.library != OURS:
        return _cells((f"  {found.library}", *cells[1:]))
    complaints = list(found.broken.values())
    if not found.ulp <= case.bound:
        complaints.insert(0, f"more than {case.bound:g} ULP")
    return "\n".join([_cells(cells), *(f"    BROKEN: {complaint}" for complaint in complaints)])


def _cells(texts: Sequence[str]) -> str:
    left = 3
    cells = [text.ljust(width) for text, width in zip(texts[:left], _COLUMNS, strict=False)]
    cells += [text.rjust(width) for text, width in zip(texts[left:], _COLUMNS[left:], strict=True)]
    return " ".join(cells).rstrip()


def _as_json(found: Measurement) -> dict[str, Any]:
    case = found.case
    entry = {
        "library": found.library,
        "name": case.name,
        "parameters": case.parameters,
        "direction": case.direction,
        "dtype": case.dtype,
    }
    numbers = {key: getattr(found, key) for key in ("points", "every", "ulp", "x", "got", "expected")}
    numbers = {key: str(value) if not math.isfinite(value) else value for key, value in numbers.items()}
    return entry | numbers | {"bound": case.bound, "broken": [*found.broken.values()], "holds": found.holds}


def markdown_table() -> str:
    """Return the table of measured errors that README.md holds: per activation the worst, whatever its parameters."""
    narrow = "float16, bfloat16"
    heads = [f"{dtype} {sign}" for dtype in ("float32", "float64", narrow) for sign in ("f", "f′", "f″")]
    lines = ["| activation | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for name in fastact.names("elementwise"):
        cells = [
            _worst_of(partial(measured.worst, name, direction), dtypes)
            for dtypes in (("float32",), ("float64",), ("float16", "bfloat16"))
            for direction in DIRECTIONS
        ]
        if any(cells):
            lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _worst_of(find: Callable[[str], measured.Record | None], dtypes: Sequence[str]) -> str:
    records = [record for record in map(find, dtypes) if record is not None]
    if not records:
        return ""
    return f"{max(record.ulp for record in records):.3f}" + ("" if all(record.every for record in records) else "*")
