"""How many threads may work, and who may call them.

The pool is Numba's. It is entered only by winning the flag ``BUSY``: the loser runs alone in its own thread, which is
what callers that are parallel already want, and which keeps Numba's workqueue layer from aborting the process.
"""

import operator
import os
import sys

import numba
import numpy as np

from fastact._engine import driver
from fastact._engine import job as j
from fastact._lock import once


def _default_threads():
    asked = os.environ.get("FASTACT_NUM_THREADS", "")
    return (
        min(int(asked), numba.config.NUMBA_NUM_THREADS) if asked.isdigit() and int(asked) else numba.get_num_threads()
    )


@once
def state():
    """The process-wide words that the driver reads (see `job`)."""
    words = np.zeros(j.STATE_WORDS, np.int64)
    words[j.THREADS] = _default_threads()
    # One thread needs no pool: its library is neither loaded nor started.
    if words[j.THREADS] > 1:
        words[j.PARALLEL_FOR] = driver.parallel_for_address()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_leave_pool_alone)
    return words


def _pool_is_running():
    parallel = sys.modules.get("numba.np.ufunc.parallel")
    return parallel is not None and parallel._is_initialized


def _leave_pool_alone():
    """In a forked child the pool's threads are gone, and libgomp kills who calls them: keep the flag taken."""
    state()[j.BUSY] = 1 if _pool_is_running() else 0


def set_num_threads(threads):
    """Set how many threads large arrays may use, in this process from now on.

    Parameters
    ----------
    threads : int
        From 1 to the size of Numba's pool (``NUMBA_NUM_THREADS``, the number of cores unless set).

    Raises
    ------
    ValueError
        If `threads` is out of that range.
    TypeError
        If `threads` is not an integer.

    Examples
    --------
    >>> import fastact as fa
    >>> before = fa.get_num_threads()
    >>> fa.set_num_threads(1)
    >>> fa.get_num_threads()
    1
    >>> fa.set_num_threads(before)
    """
    try:
        threads = operator.index(threads)
    except TypeError:
        raise TypeError(f"set_num_threads: threads must be an integer, got {threads!r}") from None
    most = numba.config.NUMBA_NUM_THREADS
    if not 1 <= threads <= most:
        raise ValueError(
            f"set_num_threads: threads must be between 1 and {most}, got {threads}; "
            "set the environment variable NUMBA_NUM_THREADS before Python starts to have more"
        )
    words = state()
    if threads > 1 and words[j.PARALLEL_FOR] == 0:
        words[j.PARALLEL_FOR] = driver.parallel_for_address()
    words[j.THREADS] = threads


def get_num_threads():
    """How many threads large arrays may use.

    Returns
    -------
    int
        What `set_num_threads` set, else the environment variable ``FASTACT_NUM_THREADS``, else Numba's default.

    Examples
    --------
    >>> import fastact as fa
    >>> fa.get_num_threads() >= 1
    True
    """
    return int(state()[j.THREADS])
