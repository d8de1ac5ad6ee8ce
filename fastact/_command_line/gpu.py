"""Timing on a GPU: operands there, its own clock, and a copy to compare with.

Work is queued on the default stream, which PyTorch and CuPy use, too.
"""

from __future__ import annotations

import functools
import importlib
import math
import timeit
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastact._command_line.operands import Library, operation
from fastact._command_line.timing import Timer, best_in_turns
from fastact.cuda import target

Call = Callable[[], Any]

FIRST_WAIT = 100  # microseconds
LONGEST_WAIT = 25_600
BLOCKS = 128  # that wait: of fewer, Numba warns
ARRAYS = 7  # of a timing: x, y, grad and the result, and for backward's copy three more


# --- what there is -----------------------------------------------------------------------------------


def require() -> None:
    """Refuse, as bad input, a GPU that is not there."""
    try:
        target.require_device()
    except RuntimeError as error:
        raise ValueError(f"--device cuda: {error}") from None


def card() -> str:
    """Name the GPU."""
    if target.is_simulated():
        return "Numba's simulator: its times say nothing of a GPU"
    device = target.cuda().get_current_device()
    major, minor = device.compute_capability
    name = device.name.decode() if isinstance(device.name, bytes) else device.name
    return f"{name}, compute capability {major}.{minor}, {device.MULTIPROCESSOR_COUNT} multiprocessors"


def numba_arrays() -> Library:
    """Arrays that need nothing but Numba."""
    cuda = target.cuda()
    ones_like = lambda array: cuda.to_device(np.ones(array.shape, array.dtype))  # noqa: E731
    return Library(cuda.to_device, ones_like, cuda.device_array_like)


def fastest_arrays() -> Library:
    """Arrays of a library that keeps freed memory for the next result, where one is installed."""
    if target.is_simulated():
        return numba_arrays()
    torch, cupy = _imported("torch"), _imported("cupy")
    if torch and torch.cuda.is_available():
        return Library(lambda array: torch.from_numpy(array).cuda(), torch.ones_like, torch.empty_like)
    return Library(cupy.asarray, cupy.ones_like, cupy.empty_like) if cupy else numba_arrays()


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def check_memory(size: int) -> None:
    """Refuse what needs more bytes than the GPU has to spare."""
    free = target.cuda().current_context().get_memory_info().free
    if size > free:
        raise MemoryError(f"this takes {size / 1e9:.1f} GB of the GPU, which has {free / 1e9:.1f} left: ask for less")


# --- its clock ---------------------------------------------------------------------------------------


class EventTimer:
    """What `timeit.Timer` is, by the GPU's clock.

    The GPU is kept waiting until all calls are queued: what is measured is its own work, not how long Python takes to
    queue it. Calls that wait for the GPU themselves cannot be queued; they are timed with all that they take.

    Parameters
    ----------
    call : callable
        Takes nothing, and queues work on the default stream.
    """

    def __init__(self, call: Call) -> None:
        self.call, self.wait = call, FIRST_WAIT

    def timeit(self, number: int) -> float:
        """Return the seconds that so many calls take together."""
        while True:
            seconds, were_queued = self._once(number)
            if were_queued or not self.wait:
                return seconds
            self.wait = 2 * self.wait if self.wait < LONGEST_WAIT else 0

    def _once(self, number: int) -> tuple[float, bool]:
        """Time the calls, and say whether they were queued before the first of them began."""
        cuda = target.cuda()
        start, stop = cuda.event(), cuda.event()
        if self.wait:
            _waiting_kernel()[BLOCKS, 1](self.wait)
        start.record()
        for _ in range(number):
            self.call()
        stop.record()
        were_queued = not start.query()
        stop.synchronize()
        return start.elapsed_time(stop) / 1e3, were_queued


@functools.cache
def _waiting_kernel() -> Any:
    cuda = target.cuda()

    def wait(microseconds: int) -> None:
        for _ in range(microseconds):
            cuda.nanosleep(1000)

    return cuda.jit(wait)


def timer(call: Call) -> Timer:
    """Make a timer: by the GPU's clock, which the simulator lacks."""
    return timeit.Timer(call) if target.is_simulated() else EventTimer(call)


# --- what it is compared with ------------------------------------------------------------------------


def moved(*arrays: Any) -> int:
    """Count the bytes of arrays that are read or written."""
    return sum(array.nbytes for array in arrays)


def copy_of(size: int) -> Call:
    """Prepare a device-to-device copy that reads and writes so many bytes, both together."""
    cuda = target.cuda()
    source, copy = (cuda.device_array(max(size // 2, 1), np.uint8) for _ in range(2))
    return functools.partial(copy.copy_to_device, source)


@dataclass(frozen=True)
class CudaTiming:
    """How long one direction of an activation takes at one size.

    Attributes
    ----------
    name, direction, size
        What was timed.
    out, copy : float
        ns per element: into a given array, and of a device-to-device copy of as many bytes.
    """

    name: str
    direction: str
    size: int
    out: float
    copy: float

    @property
    def cells(self) -> list[str]:
        """The two figures of the table."""
        return [f"{self.out:.4f}", f"{self.copy / self.out:.2f}"]


def timing(name: str, direction: str, size: int, dtype: str, seconds: float) -> CudaTiming:
    """Time one direction of an activation at one size."""
    check_memory(ARRAYS * size * np.dtype(dtype).itemsize)
    timed = operation(name, direction, size, dtype, numba_arrays())
    nanoseconds = 1e9 / math.prod(timed.operands[-1].shape)
    calls = {"out": timed.into_result, "copy": copy_of(moved(*timed.operands, timed.result))}
    best = best_in_turns(calls, seconds, timer=timer)
    return CudaTiming(name, direction, size, best["out"] * nanoseconds, best["copy"] * nanoseconds)
