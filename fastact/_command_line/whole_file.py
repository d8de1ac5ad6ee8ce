"""Small files that appear complete or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from fastact._command_line.journal import beside
from fastact._command_line.npy_files import named, take_the_place


def check(target: Path) -> None:
    """Refuse a name that no file can have: before the work, not after it."""
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(target.parent))


def write(target: Path, content: bytes) -> None:
    """Write a file under another name, and let it take its place when it is complete."""
    check(target)
    temporary = beside(target, f".{os.getpid()}")
    try:
        temporary.write_bytes(content)
        take_the_place(temporary, target)
    except OSError as error:
        raise named(error, str(target)) from None
    finally:
        temporary.unlink(missing_ok=True)
