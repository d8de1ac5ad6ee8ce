"""What a run of ``fastact apply`` has done, written down for a later run that goes on from there."""

from __future__ import annotations

import errno
import hashlib
import importlib
import json
import os
from pathlib import Path
from typing import Any

# Elsewhere, two runs into one result are not noticed.
_fcntl: Any = importlib.import_module("fcntl") if os.name == "posix" else None


class Journal:
    """A file of one line per entry, the latest of a key counting; its first line tells which task it is about.

    Parameters
    ----------
    path : Path
        The file; made where there is none.
    task : dict
        What is being done. A journal of another task is refused.
    result : str
        What the user calls the result, for error messages.
    restart : bool
        Begin anew, whatever the journal says.

    Attributes
    ----------
    entries : dict
        The latest value of each key.
    """

    def __init__(self, path: Path, task: dict[str, Any], result: str, restart: bool) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            self._lock(result)
            self.entries = {} if restart else self._read(task, result)
            if not self.entries:
                os.ftruncate(self._descriptor, 0)
                self.record("task", task)
        except BaseException:
            self.close()
            raise

    def record(self, key: str, value: Any) -> None:
        """Add an entry, which a process that is killed afterwards leaves behind."""
        self.entries[key] = value
        os.write(self._descriptor, json.dumps([key, value]).encode() + b"\n")

    def close(self) -> None:
        """Leave the journal to a later run."""
        os.close(self._descriptor)

    def discard(self) -> None:
        """There is nothing to go on from any more."""
        self._path.unlink(missing_ok=True)

    def _lock(self, result: str) -> None:
        if _fcntl is None:
            return
        try:
            _fcntl.flock(self._descriptor, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                raise ValueError(f"{result}: another run is writing it") from None
            # This file system has no locks.

    def _read(self, task: dict[str, Any], result: str) -> dict[str, Any]:
        *lines, _ = self._path.read_bytes().split(b"\n")
        try:
            entries = dict(json.loads(line) for line in lines)
        except ValueError:
            raise ValueError(f"{result}: {self._path} is damaged; add --restart to begin anew") from None
        if entries and entries.get("task") != task:
            raise ValueError(
                f"{result}: holds the work of another command ({_in_words(entries['task'])}; not {_in_words(task)}); "
                "give that command again, write somewhere else, or add --restart to begin anew"
            )
        os.ftruncate(self._descriptor, sum(len(line) + 1 for line in lines))  # what a kill cut off is no line
        return entries


def _in_words(task: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in task.items() if value not in (None, {}))


def identity(path: Path) -> list[int]:
    """What changes when a file does."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def beside(target: Path, suffix: str) -> Path:
    """The path of a hidden file next to `target`, the same in every run."""
    digest = hashlib.sha256(target.name.encode()).hexdigest()[:12]
    return target.with_name(f".fastact-{digest}{suffix}")
