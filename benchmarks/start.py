"""What a process pays before its first result."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from benchmarks.calls import names_with

_FIRST_CALL = """
import time
start = time.perf_counter()
import numpy
import fastact
from fastact._command_line.operands import operation
operation({name!r}, {direction!r}, 1000, "float32").new()
print(time.perf_counter() - start)
"""


def seconds_to_first_result(name: str, direction: str, cache: str) -> float:
    """Return what a new process takes from its first import, of NumPy, to its first result."""
    code = _FIRST_CALL.format(name=name, direction=direction)
    environment = {**os.environ, "FASTACT_CACHE_DIR": cache, "FASTACT_CACHE": "1"}
    command = [sys.executable, "-c", code]
    return float(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout)


class FirstCall:
    """The first call in a new process, Numba's import included."""

    params = (names_with("value"), ("value", "backward"))
    param_names = ("name", "direction")
    unit = "s"

    def track_cold(self, name: str, direction: str) -> float:
        """Measure the very first call: nothing is compiled yet."""
        with tempfile.TemporaryDirectory() as cache:
            return seconds_to_first_result(name, direction, cache)

    def track_cached(self, name: str, direction: str) -> float:
        """Measure the first call of a later process: the kernels are on the disk. The best of three."""
        with tempfile.TemporaryDirectory() as cache:
            seconds_to_first_result(name, direction, cache)
            return min(seconds_to_first_result(name, direction, cache) for _ in range(3))


class Import:
    """Importing the package, and NumPy alone for comparison."""

    def timeraw_fastact(self) -> str:
        return "import fastact"

    def timeraw_numpy(self) -> str:
        return "import numpy"
