"""A progress bar for people."""

from __future__ import annotations

import sys
import time
from types import TracebackType

_BAR_WIDTH = 30
_SECONDS_BETWEEN_UPDATES = 0.1
_CLEAR_LINE = "\r\x1b[K"


class Progress:
    """One line on stderr, redrawn in place and gone at the end; silent where stderr is not a terminal."""

    def __init__(self, total: int) -> None:
        self._total = max(total, 1)
        self._done = 0
        self._timed = 0
        self._started = time.monotonic()
        self._drawn = 0.0
        self._visible = sys.stderr.isatty()

    def __enter__(self) -> Progress:
        self.advance(0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hide()

    def advance(self, amount: int, text: str = "", *, timed: bool = True) -> None:
        """Count `amount` more as done, and redraw the line unless it was drawn a moment ago.

        What an earlier run did is not `timed`: it says nothing of how long the rest takes.
        """
        self._done += amount
        self._timed += amount if timed else 0
        now = time.monotonic()
        if self._visible and now - self._drawn >= _SECONDS_BETWEEN_UPDATES:
            self._drawn = now
            sys.stderr.write(_CLEAR_LINE + self._line(now - self._started) + " " + text)
            sys.stderr.flush()

    def hide(self) -> None:
        """Clear the line, to print something else or to end."""
        if self._visible:
            self._drawn = 0.0
            sys.stderr.write(_CLEAR_LINE)
            sys.stderr.flush()

    def _line(self, seconds: float) -> str:
        share = min(self._done / self._total, 1.0)
        bar = ("#" * round(share * _BAR_WIDTH)).ljust(_BAR_WIDTH, ".")
        left = f", {seconds * (self._total - self._done) / self._timed:.0f} s left" if self._timed else ""
        return f"[{bar}] {share:4.0%}{left}"
