"""Write the gallery: one page with every activation, to be opened by any browser, on or off the net.

Curves, formulas, what they do to gradients, when to use them and when not, papers, names in other libraries,
accuracy as measured. Speed is shown as measured: here and now (--measure; minutes), or by an earlier
fastact bench --json (--speed).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import fastact
from fastact._command_line import bench, whole_file
from fastact._gallery.page import page
from fastact._typeset import mathml


def run(arguments: argparse.Namespace) -> None:
    """Carry out ``fastact gallery``."""
    target = Path(arguments.output)
    whole_file.check(target)
    mathml("x")  # says what is not installed before minutes of measuring
    speed = None
    if arguments.measure:
        speed = bench.record(fastact.names(), (bench.SIZES[-1],), "float32", bench.SECONDS)
    elif arguments.speed is not None:
        speed = _read(Path(arguments.speed))
    whole_file.write(target, page(speed).encode("utf-8"))


def _read(path: Path) -> dict[str, Any]:
    """Read what ``fastact bench --json`` has written."""
    try:
        speed = json.loads(path.read_text(encoding="utf-8"))
        rows = [bench.Timing(**row) for row in speed["rows"]]
        texts = [speed["machine"], speed["dtype"], *(text for row in rows for text in (row.name, row.direction))]
        figures = [figure for row in rows for figure in (row.size, row.out, row.new, row.copyto, row.plain or 1.0)]
        is_whole = all(isinstance(text, str) for text in texts) and all(figure > 0 for figure in figures)
    except (ValueError, KeyError, TypeError):
        is_whole = False
    if not is_whole:
        raise ValueError(f"{path}: is not what fastact bench --json writes (without --device)")
    return dict(speed)
