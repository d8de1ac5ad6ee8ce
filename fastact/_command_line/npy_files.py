"""Applying a function to .npy files, block by block.

The files are mapped into memory some 16 MB at a time. A function along an axis needs its whole axis at once, so its
blocks run along the other axes: fastest along the last axis of a C-ordered file; along another, every block touches
pages all over the file.

The result is written to a hidden file in the folder of OUT.npy, which then takes its place. A journal beside it tells
how many blocks are done.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from fastact._command_line import blocks
from fastact._command_line.journal import Journal, beside, identity
from fastact._command_line.progress import Progress
from fastact._command_line.task import Layout, Task

SECONDS_BETWEEN_ENTRIES = 1.0

Array = NDArray[Any]
MappedFile = np.memmap[Any, np.dtype[Any]]


@dataclass(frozen=True)
class NpyJob:
    """One file to make of another.

    Attributes
    ----------
    task : Task
        What to do.
    source, target : Path
        The two files.
    output : str
        What the user calls the target.
    """

    task: Task
    source: Path
    target: Path
    output: str

    def check(self) -> int:
        """Refuse what cannot be done before anything is written; return the input's size in bytes."""
        source = open_source(self.source)
        self.task.layout(source.shape, source.dtype)
        return source.nbytes

    def run(self, progress: Progress, restart: bool) -> None:
        """Do it, or the rest of it."""
        source = open_source(self.source)
        layout = self.task.layout(source.shape, source.dtype)
        if source.nbytes <= blocks.BLOCK_BYTES:
            self._at_once(source, layout)
            progress.advance(source.nbytes)
        else:
            self._in_blocks(source, layout, progress, restart)

    def _at_once(self, source: MappedFile, layout: Layout) -> None:
        temporary = self.target.with_name(f".fastact-{secrets.token_hex(6)}.npy")
        try:
            _make(temporary, source, layout, self.output)
            result = self.task.function(np.array(source, layout.operand_dtype), **layout.axis_keyword)
            if np.size(result):
                open_memmap(temporary, mode="r+")[...] = result
            take_the_place(temporary, self.target)
        finally:
            temporary.unlink(missing_ok=True)

    def _in_blocks(self, source: MappedFile, layout: Layout, progress: Progress, restart: bool) -> None:
        partial = beside(self.target, ".npy")
        made_from = [*identity(self.source), blocks.BLOCK_BYTES]
        with _journal(self, restart) as journal:
            if journal.entries.get("input") != made_from or not partial.exists():
                _make(partial, source, layout, self.output)
                journal.record("input", made_from)
                journal.record("blocks", 0)
            _fill(self.task, source, open_memmap(partial, mode="r+"), layout, journal, progress)
            sync(partial)
            journal.discard()  # first: to begin anew is right, to apply to a result that took its input's place is not
            take_the_place(partial, self.target)


def _make(path: Path, source: MappedFile, layout: Layout, output: str) -> None:
    """Make a file for the result, in the memory order of `source`."""
    fortran = source.flags.f_contiguous and not source.flags.c_contiguous
    try:
        path.touch()
    except OSError as error:
        raise ValueError(f"{output}: cannot write in {path.parent}: {error.strerror}") from error
    try:
        if prod(layout.shape):
            target = open_memmap(path, mode="w+", dtype=layout.dtype, shape=layout.shape, fortran_order=fortran)
            _reserve(path, target.offset, target.nbytes)
        else:
            with open(path, "wb") as file:  # there is nothing to map
                np.save(file, np.empty(layout.shape, layout.dtype))
    except OSError as error:
        path.unlink()
        raise named(error, output) from error


@contextmanager
def _journal(job: NpyJob, restart: bool) -> Iterator[Journal]:
    """The journal of a job, which stays if there is something to go on from."""
    path = beside(job.target, ".journal")
    try:
        journal = Journal(path, job.task.description, job.output, restart)
    except OSError as error:
        raise ValueError(f"{job.output}: cannot write in {path.parent}: {error.strerror}") from error
    try:
        yield journal
    except BaseException:
        if not journal.entries.get("blocks"):
            journal.discard()
            beside(job.target, ".npy").unlink(missing_ok=True)
        raise
    finally:
        journal.close()


def _fill(
    task: Task, source: MappedFile, target: MappedFile, layout: Layout, journal: Journal, progress: Progress
) -> None:
    done, last_entry = journal.entries["blocks"], time.monotonic()
    fortran = source.flags.f_contiguous and not source.flags.c_contiguous
    try:
        cut = blocks.blocks(source.shape, source.itemsize, layout.axis, fortran=fortran)
        for number, block in enumerate(cut):
            # Maps of one block's life: pages of a closed map no longer count as this process's memory.
            operand = _map_again(source, "r")[block]
            if number >= journal.entries["blocks"]:
                result = _map_again(target, "r+")[layout.of_result(block)]
                task.function(operand.astype(layout.operand_dtype, copy=False), **layout.axis_keyword, out=result)
                done = number + 1
            progress.advance(operand.size * source.itemsize, timed=number >= journal.entries["blocks"])
            if time.monotonic() - last_entry > SECONDS_BETWEEN_ENTRIES:
                sync(Path(str(target.filename)))
                journal.record("blocks", done)
                last_entry = time.monotonic()
    finally:
        if done > journal.entries["blocks"]:
            journal.record("blocks", done)


def open_source(path: Path) -> MappedFile:
    """Map a .npy file, or say what is wrong with it."""
    if not path.is_file():
        path.stat()  # says what is wrong, where there is no such file
        raise ValueError(f"{path}: not a regular file")
    try:
        return open_memmap(path, mode="r")
    except ValueError as error:
        raise ValueError(f"{path}: not a complete .npy file of numbers: {error}") from error


def resolved_target(output: str) -> Path:
    """Where a result of this name goes: a link stays, and the file it points to is replaced."""
    target = Path(os.path.realpath(output))
    if target.exists():
        if not target.is_file():
            raise ValueError(f"{output}: not a regular file")
        if not os.access(target, os.W_OK):
            raise ValueError(f"{output}: write-protected")
    return target


def _map_again(mapped: MappedFile, mode: Any) -> Array:
    """Map the same file anew, as a plain array."""
    order: Any = "C" if mapped.flags.c_contiguous else "F"
    assert mapped.filename is not None
    again = np.memmap(mapped.filename, mapped.dtype, mode, mapped.offset, mapped.shape, order)
    return np.asarray(again)


def _reserve(path: Path, start: int, size: int) -> None:
    """Give the file its disk space now: a full disk would kill the process at a write to mapped memory."""
    with open(path, "r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), start, size)
            return
        except AttributeError:  # this system has no such call
            pass
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # this file system has not
                raise
        file.seek(start)
        zeros = bytes(blocks.BLOCK_BYTES)
        for done in range(0, size, blocks.BLOCK_BYTES):
            file.write(zeros[: size - done])


def take_the_place(temporary: Path, target: Path) -> None:
    """Let a complete file appear under its name."""
    if target.exists():
        shutil.copymode(target, temporary)
    sync(temporary)
    os.replace(temporary, target)
    if os.name == "posix":
        sync(target.parent)  # the new name is on disk too


def named(error: OSError, output: str) -> OSError:
    """The error, about the file that the user knows."""
    return type(error)(error.errno, error.strerror, output)


def sync(path: Path) -> None:
    """Wait until a file, or a folder's names, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def apply_to_folder(
    task: Task, source: Path, output: str, restart: bool, about: Callable[[str], None] = lambda text: None
) -> None:
    """Apply to every .npy file of a folder and of the folders in it."""
    target = Path(os.path.realpath(output))
    _check_folders(source, target, output)
    found = sorted(
        path for path in source.rglob("*.npy") if not path.is_dir() and not path.name.startswith(".fastact-")
    )
    names = [path.relative_to(source) for path in found]
    if not names:
        raise ValueError(f"{source}: holds no .npy file and is no Zarr store")
    jobs = {str(name): NpyJob(task, source / name, target / name, str(Path(output) / name)) for name in names}
    sizes = {name: _named_check(job) for name, job in jobs.items()}
    try:
        target.mkdir(parents=True, exist_ok=True)
        journal = Journal(target / ".fastact-journal", task.description, output, restart)
    except OSError as error:
        raise named(error, output) from error
    try:
        finished = [
            name for name, job in jobs.items() if name in journal.entries and journal.entries[name] == _identities(job)
        ]
        if finished:
            about(f"{len(finished)} of {len(jobs)} files of {output} are finished already")
        with Progress(sum(sizes.values())) as progress:
            for name, job in jobs.items():
                if name in finished:
                    progress.advance(sizes[name], timed=False)
                    continue
                job.target.parent.mkdir(parents=True, exist_ok=True)
                resolved_target(job.output)
                job.run(progress, restart)
                journal.record(name, _identities(job))
    finally:
        journal.close()


def _check_folders(source: Path, target: Path, output: str) -> None:
    if target.exists() and not target.is_dir():
        raise ValueError(f"{output}: not a folder, as the input is")
    inside = Path(os.path.realpath(source))
    if inside == target or inside in target.parents or target in inside.parents:
        raise ValueError(f"{output}: one folder lies in the other; write to a folder outside {source}")


def _named_check(job: NpyJob) -> int:
    try:
        return job.check()
    except (TypeError, ValueError) as error:
        text = str(error)
        raise ValueError(text if text.startswith(str(job.source)) else f"{job.source}: {text}") from error


def _identities(job: NpyJob) -> list[list[int]] | None:
    return [identity(job.source), identity(job.target)] if job.target.exists() else None
