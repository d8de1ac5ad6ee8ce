"""The one lock: whoever makes ufuncs or compiles kernels holds it."""

import functools
import os
import threading
from collections.abc import Callable
from typing import TypeVar

lock = threading.RLock()
T = TypeVar("T")

if hasattr(os, "register_at_fork"):
    # A fork waits for a compilation to end: its child would find the lock taken by a thread that it has not got.
    os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)


def once(function: Callable[[], T]) -> Callable[[], T]:
    """Call a function without arguments once in a process, whatever threads race for its result."""
    results: list[T] = []

    @functools.wraps(function)
    def result() -> T:
        if not results:
            with lock:
                if not results:
                    results.append(function())
        return results[0]

    return result
