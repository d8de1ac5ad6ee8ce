"""What `python -m fastact audit --save` has measured: one line of measured.json for each case.

README's table and the docstrings are made from it, and the tests measure its worst inputs again.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastact._accuracy.measure import Measurement

FILE = Path(__file__).with_name("measured.json")
_DIGITS = 4

Key = tuple[str, tuple[tuple[str, float], ...], str, str]


@dataclass(frozen=True)
class Record:
    """The worst error of one case.

    Attributes
    ----------
    name, parameters, direction, dtype
        The case; no parameters stand for the defaults.
    points : int
        At how many inputs it was measured.
    every : bool
        Whether those are all there are.
    ulp, x : float
        The worst error, rounded up, and its input.
    """

    name: str
    parameters: dict[str, float]
    direction: str
    dtype: str
    points: int
    every: bool
    ulp: float
    x: float

    @property
    def key(self) -> Key:
        """What tells cases apart."""
        return self.name, tuple(self.parameters.items()), self.direction, self.dtype

    @classmethod
    def of(cls, found: Measurement) -> Record:
        """Make the record of a measurement."""
        case, unit = found.case, 10**_DIGITS
        ulp = math.ceil(found.ulp * unit) / unit if math.isfinite(found.ulp) else found.ulp
        place = (case.name, dict(case.other), case.direction, case.dtype)
        return cls(*place, found.points, found.every, ulp, found.x)


def load(file: Path = FILE) -> dict[Key, Record]:
    """Read all records."""
    if not file.exists():
        return {}
    import json  # what a plain import of the package need not wait for

    records = (Record(**entry) for entry in json.loads(file.read_text(encoding="utf-8")))
    return {record.key: record for record in records}


def save(records: Iterable[Record], file: Path = FILE) -> None:
    """Put records into the file, in the place of those of the same cases, in an order of names."""
    import json

    merged = load(file) | {record.key: record for record in records}
    lines = [json.dumps(asdict(record)) for _, record in sorted(merged.items())]
    temporary = file.with_suffix(".new")
    temporary.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    os.replace(temporary, file)


@functools.cache
def _worst() -> dict[tuple[str, str, str], Record]:
    """The committed records of all parameters' worst."""
    found: dict[tuple[str, str, str], Record] = {}
    for record in load().values():
        place = record.name, record.direction, record.dtype
        if place not in found or record.ulp > found[place].ulp:
            found[place] = record
    return found


def worst(name: str, direction: str, dtype: str) -> Record | None:
    """Find the worst record of a direction in a dtype, whatever the parameters; None where nothing was measured."""
    return _worst().get((name, direction, dtype))
