"""Fair timing of several calls against each other on a machine that is never quite idle."""

from __future__ import annotations

import time
import timeit
from collections.abc import Callable, Mapping
from typing import Any, Protocol

_SECONDS_PER_SAMPLE = 2e-4  # a short call is repeated this long, so that reading the clock weighs nothing
_ROUNDS_AT_LEAST = 3


class Timer(Protocol):
    """What times a call, as `timeit.Timer` does."""

    def timeit(self, number: int) -> float:
        """Return the seconds that so many calls take together."""


def best_in_turns(
    calls: Mapping[str, Callable[[], Any]],
    seconds: float,
    turn: float = 3e-3,
    timer: Callable[[Callable[[], Any]], Timer] = timeit.Timer,
) -> dict[str, float]:
    """Return the best time of one call of each, measured in turns for about `seconds` altogether.

    Taking turns exposes all of them to the same disturbances, and the best of many is the least disturbed. A
    turn must outlast the threads of the call before, which spin for some milliseconds in case there is more.
    """
    timers = {label: timer(call) for label, call in calls.items()}
    repeats = {label: _repeats(own) for label, own in timers.items()}
    best = dict.fromkeys(calls, float("inf"))
    rounds, stop = 0, time.perf_counter() + seconds
    while rounds < _ROUNDS_AT_LEAST or time.perf_counter() < stop:
        for label, own in timers.items():
            best[label] = min(best[label], _one_turn(own, repeats[label], turn))
        rounds += 1
    return best


def _repeats(timer: Timer) -> int:
    timer.timeit(1)  # compiles, allocates, fills the caches
    return max(1, round(_SECONDS_PER_SAMPLE / max(timer.timeit(1), 1e-9)))


def _one_turn(timer: Timer, repeats: int, turn: float) -> float:
    timer.timeit(1)  # another call's data was in the caches
    best, stop = timer.timeit(repeats), time.perf_counter() + turn
    while time.perf_counter() < stop:
        best = min(best, timer.timeit(repeats))
    return best / repeats
