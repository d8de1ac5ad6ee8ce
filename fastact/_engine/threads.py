"""How many threads may work.

The pool is entered only by winning the flag ``BUSY``: the loser runs alone in its own thread, which is what callers
that are parallel already want.
"""

import operator
import os

import numba
import numpy as np

from fastact._engine import job as j
from fastact._engine.pool import Pool
from fastact._lock import once


def _default_threads():
    asked, most = os.environ.get("FASTACT_NUM_THREADS", ""), numba.config.NUMBA_NUM_THREADS
    return min(int(asked), most) if asked.isdigit() and int(asked) else most


@once
def state():
    """The process-wide words that the driver reads (see `job`), at the start of a line of the cache."""
    room = np.zeros(j.STATE_WORDS + j.CACHE_LINE_WORDS, np.int64)
    start = -room.ctypes.data // 8 % j.CACHE_LINE_WORDS
    words = room[start : start + j.STATE_WORDS]
    words[j.THREADS] = _default_threads()
    return words


@once
def pool():
    """The pool, made when more threads than one may work."""
    made = Pool(state())
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=made.start_over)
    return made


def set_num_threads(threads):
    """Set how many threads large arrays may use, in this process from now on.

    Parameters
    ----------
    threads : int
        From 1 to what Numba may use (``NUMBA_NUM_THREADS``, the number of cores unless set).

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
    state()[j.THREADS] = threads


def get_num_threads():
    """How many threads large arrays may use.

    Returns
    -------
    int
        What `set_num_threads` set, else the environment variable ``FASTACT_NUM_THREADS``, else what Numba may use;
        fewer where the system gave no more.

    Examples
    --------
    >>> import fastact as fa
    >>> fa.get_num_threads() >= 1
    True
    """
    return int(state()[j.THREADS])
