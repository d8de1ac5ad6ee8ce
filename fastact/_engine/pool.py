"""The threads that share jobs: how they wait for one, take part, and are waited for.

Whoever has won the flag ``BUSY`` opens the gate, works as if alone, closes the gate again, and waits only for the
threads that came through it: one that the system did not wake in time, or runs something else on, holds nobody up.
That is what a barrier, as OpenMP's, cannot do.

The gate is one number: `OPEN` while a job may be joined, plus how many threads are at it. A thread that comes adds
itself in the same step that tells it whether the gate was open, so that no job ends, and leaves its starter's stack,
under a thread's feet.
"""

import _thread
import ctypes
import os

import numpy as np

from fastact._engine import intrinsics as llvm
from fastact._engine import job as j
from fastact._engine.cache import compile_function
from fastact._engine.inlined import apart

OPEN = 1 << 32
# How often a thread looks for what it waits for before it offers its processor to others between two looks (after some
# 50 us), and how often then before it sleeps (after some ms): to be woken takes 10 to 50 us, and the system is free to
# wake it on the processor that is at work already.
LOOKS, POLITE_LOOKS = 2_000, 10_000
# SleepConditionVariableSRW's milliseconds; pthread_cond_wait does not look at them.
_FOREVER = 0xFFFFFFFF
# Workers keep their buffers, up to half a megabyte, on their stacks, whatever size the user's threads have.
_STACK_BYTES = 1 << 22
# Room for a mutex or a condition variable, of any system.
_LOCK_WORDS = 16


# --- shares ----------------------------------------------------------------------------------------

# A job's tiles, or what else its threads take in turns: how many, and of each range of neighbours how many are taken.
# A thread begins with the range of its seat, whose memory is in its cache from the job before, and goes on to others'.
COUNT, RANGES, TAKEN = range(3)
MAX_RANGES = 16
SHARES_BYTES = 8 * (TAKEN + MAX_RANGES)


@apart
def open_shares(shares, count, threads):
    """Offer `count` items to as many threads."""
    llvm.keep_apart()
    llvm.store_word(shares, COUNT, count)
    llvm.store_word(shares, RANGES, min(threads, MAX_RANGES))
    for i in range(MAX_RANGES):
        llvm.store_word(shares, TAKEN + i, 0)


@apart
def take_share(shares, seat, turn):
    """The next item for a seat, or -1, and how many ranges it has found empty, which it says in its next call."""
    llvm.keep_apart()
    count, ranges = llvm.load_word(shares, COUNT), llvm.load_word(shares, RANGES)
    while turn < ranges:
        chosen = (seat + turn) % ranges
        item = count * chosen // ranges + llvm.take_ticket(shares + 8 * (TAKEN + chosen))
        if item < count * (chosen + 1) // ranges:
            return item, turn
        turn += 1
    return -1, turn


# --- jobs ------------------------------------------------------------------------------------------


@apart
def run_parallel(state, worker, job, threads):
    """Have up to `threads` threads, this one among them, run the worker; only for who has won the flag ``BUSY``."""
    llvm.keep_apart()
    if llvm.load_word(state, j.STARTED) < threads - 1:
        llvm.call_with(llvm.load_word(state, j.START), threads - 1)
    gate = state + 8 * j.GATE
    llvm.store_word(state, j.SHARED_WORKER, worker)
    llvm.store_word(state, j.SHARED_JOB, job)
    llvm.store_word(state, j.SEATS, threads - 1)
    llvm.add_and_fence(gate, OPEN)
    llvm.add_and_fence(state + 8 * j.JOBS, 1)
    wake(state, threads - 1)
    llvm.call_worker(worker, job, 0)
    llvm.add_and_fence(gate, -OPEN)
    look = 0
    while llvm.load_shared(gate) != 0:
        pause(state, look)
        look += 1


@apart
def pause(state, look):
    """What a thread does between two looks."""
    if look < LOOKS:
        llvm.spin_pause()
    else:
        llvm.call_nothing(llvm.load_word(state, j.YIELD))


@apart
def wake(state, threads):
    """Wake as many threads as are wanted and sleep."""
    llvm.keep_apart()
    sleepers = llvm.load_shared(state + 8 * j.SLEEPERS)
    missing = min(sleepers, threads - (llvm.load_word(state, j.STARTED) - sleepers))
    if missing <= 0:
        return
    mutex = llvm.load_word(state, j.MUTEX)
    llvm.call_with(llvm.load_word(state, j.LOCK), mutex)
    for _ in range(missing):
        llvm.call_with(llvm.load_word(state, j.WAKE), llvm.load_word(state, j.CONDITION))
    llvm.call_with(llvm.load_word(state, j.UNLOCK), mutex)


@apart
def wait_for_job(state, seen):
    """Return when more jobs have been started than the thread has seen."""
    llvm.keep_apart()
    jobs = state + 8 * j.JOBS
    for look in range(LOOKS + POLITE_LOOKS):
        if llvm.load_shared(jobs) != seen:
            return
        pause(state, look)
    mutex, sleepers = llvm.load_word(state, j.MUTEX), state + 8 * j.SLEEPERS
    llvm.call_with(llvm.load_word(state, j.LOCK), mutex)
    # Said before the last look at the jobs, and read by a starter after it has counted its own: one of both sees.
    llvm.add_and_fence(sleepers, 1)
    while llvm.load_shared(jobs) == seen:
        llvm.call_sleep(llvm.load_word(state, j.SLEEP), llvm.load_word(state, j.CONDITION), mutex, _FOREVER, 0)
    llvm.add_and_fence(sleepers, -1)
    llvm.call_with(llvm.load_word(state, j.UNLOCK), mutex)


def serve(state, seat):
    """What a thread of the pool does, as long as the process lives."""
    seen, gate = -1, state + 8 * j.GATE
    while True:
        wait_for_job(state, seen)
        seen = llvm.load_shared(state + 8 * j.JOBS)
        before = llvm.add_and_fence(gate, 1)
        if before >= OPEN and before - OPEN < llvm.load_word(state, j.SEATS):
            llvm.call_worker(llvm.load_word(state, j.SHARED_WORKER), llvm.load_word(state, j.SHARED_JOB), seat)
        llvm.add_and_fence(gate, -1)


# --- Python's part ---------------------------------------------------------------------------------

# The system's own names, which differ in nothing else: POSIX, Windows.
_SYSTEM_CALLS = {
    j.YIELD: ("sched_yield", "SwitchToThread"),
    j.LOCK: ("pthread_mutex_lock", "AcquireSRWLockExclusive"),
    j.UNLOCK: ("pthread_mutex_unlock", "ReleaseSRWLockExclusive"),
    j.SLEEP: ("pthread_cond_wait", "SleepConditionVariableSRW"),
    j.WAKE: ("pthread_cond_signal", "WakeConditionVariable"),
}
_ON_WINDOWS = os.name == "nt"


_SYSTEM = ctypes.WinDLL("kernel32") if _ON_WINDOWS else ctypes.CDLL(None)


class Pool:
    """The threads of this process beside those that call: none until a first job wants them.

    Parameters
    ----------
    words : numpy.ndarray
        The driver's process-wide words (see `job`).
    """

    def __init__(self, words):
        self.words = words
        self._serve = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_ssize_t)(
            compile_function(serve, "void(intp, intp)", "serve").address
        )
        for word, names in _SYSTEM_CALLS.items():
            words[word] = ctypes.cast(getattr(_SYSTEM, names[_ON_WINDOWS]), ctypes.c_void_p).value
        self._make_locks()

    def _make_locks(self):
        self._locks = mutex, condition = np.zeros((2, _LOCK_WORDS), np.int64)
        if not _ON_WINDOWS:  # where zeros are a mutex and a condition variable
            _SYSTEM.pthread_mutex_init(ctypes.c_void_p(mutex.ctypes.data), None)
            _SYSTEM.pthread_cond_init(ctypes.c_void_p(condition.ctypes.data), None)
        self.words[j.MUTEX], self.words[j.CONDITION] = mutex.ctypes.data, condition.ctypes.data

    def start(self, threads):
        """Have as many threads; fewer, from now on, where the system gives no more or Python ends."""
        others = _thread.stack_size(_STACK_BYTES)
        try:
            while self.words[j.STARTED] < threads:
                seat = int(self.words[j.STARTED]) + 1  # the starter's is 0
                # Not `threading`'s, which would count among the user's.
                _thread.start_new_thread(self._serve, (self.words.ctypes.data, seat))
                self.words[j.STARTED] = seat
        except (RuntimeError, MemoryError):
            self.words[j.THREADS] = self.words[j.STARTED] + 1
        finally:
            _thread.stack_size(others)

    def start_over(self):
        """In a forked child, whose parent's threads are gone, and maybe in the middle of a job."""
        self.words[[j.BUSY, j.STARTED, j.GATE, j.SLEEPERS]] = 0
        self._make_locks()
