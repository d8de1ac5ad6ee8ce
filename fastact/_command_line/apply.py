"""Apply an activation to a .npy file, which may be larger than memory.

The files are mapped into memory some 16 MB at a time. An axis-wise activation needs its whole axis at once,
so its blocks run along the other axes: fastest along the last axis of a C-ordered file; along another, every
block touches pages all over the file.

The result appears under its name when it is complete, never before: it is written to a temporary file in the
same folder, which then takes the place of OUT.npy.
"""

from __future__ import annotations

import argparse
import errno
import itertools
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

import fastact
from fastact._command_line.progress import Progress
from fastact._command_line.signals import stopped_by_exception

BLOCK_BYTES = 1 << 24

Array = NDArray[Any]
MappedFile = np.memmap[Any, np.dtype[Any]]


def run(arguments: argparse.Namespace) -> None:
    """Carry out ``fastact apply``."""
    function, axis = _function(arguments)
    source = _open_source(arguments.input)
    dtype = np.dtype(arguments.dtype or source.dtype)
    if axis is not None:
        axis = normalize_axis_index(axis, source.ndim)
    with stopped_by_exception(), _replacing(arguments.output) as temporary:
        if source.size <= 1:  # nothing to cut into blocks, and perhaps no axis at all
            np.save(temporary, function(np.array(source, dtype)), allow_pickle=False)
        else:
            _apply_in_blocks(function, source, dtype, axis, temporary)


def _function(arguments: argparse.Namespace) -> tuple[Callable[..., Array], int | None]:
    """Find what to call on each block, parameters filled in, and the axis that blocks must not cut."""
    activation = fastact.get(arguments.name)
    info = activation.info
    if arguments.derivative and "derivative" not in info.directions:
        raise ValueError(f"{info.name} has no derivative, only {', '.join(info.directions)}")
    keywords = dict(arguments.parameters)
    function = activation.derivative if arguments.derivative else activation
    if info.kind != "elementwise":
        axis = -1 if arguments.axis is None else arguments.axis
        return partial(function, **keywords, axis=axis), axis
    if arguments.axis is not None:
        raise ValueError(f"{info.name} works element by element: leave --axis out")
    return partial(function, **keywords), None


def _open_source(path: str) -> MappedFile:
    if not os.path.isfile(path):
        os.stat(path)  # says what is wrong, where there is no such file
        raise ValueError(f"{path}: not a regular file")
    try:
        source = open_memmap(path, mode="r")
    except ValueError as error:
        raise ValueError(f"{path}: not a complete .npy file of numbers: {error}") from error
    return source


def _apply_in_blocks(
    function: Callable[..., Array], source: MappedFile, dtype: np.dtype[Any], axis: int | None, path: Path
) -> None:
    """Fill a new .npy file at `path` with the function of `source`, in the memory order of `source`."""
    shape, result_dtype = _result_layout(function, source.shape, dtype, axis)
    fortran = source.flags.f_contiguous and not source.flags.c_contiguous
    target = open_memmap(path, mode="w+", dtype=result_dtype, shape=shape, fortran_order=fortran)
    _reserve(path, target.offset, target.nbytes)
    with Progress(source.nbytes) as progress:
        for block in _blocks(source.shape, source.itemsize, fortran, axis):
            # Maps of one block's life: pages of a closed map no longer count as this process's memory.
            operand = _map_again(source, "r")[block].astype(dtype, copy=False)
            result = block if axis is None or len(shape) == source.ndim else (*block[:axis], *block[axis + 1 :])
            place: tuple[Any, ...] = (*result, ...)  # a view, of a result without an axis too
            function(operand, out=_map_again(target, "r+")[place])
            progress.advance(operand.size * source.itemsize)


def _result_layout(
    function: Callable[..., Array], shape: tuple[int, ...], dtype: np.dtype[Any], axis: int | None
) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Find shape and dtype of the result from an empty sample."""
    if axis is None:
        return shape, function(np.empty(0, dtype)).dtype
    sample = function(np.empty((0, shape[axis]), dtype), axis=-1)  # maxout shortens the axis, logsumexp leaves none
    return (*shape[:axis], *sample.shape[1:], *shape[axis + 1 :]), sample.dtype


def _blocks(
    shape: tuple[int, ...], itemsize: int, fortran: bool, whole_axis: int | None
) -> Iterator[tuple[slice, ...]]:
    """Cut an array into blocks of at most BLOCK_BYTES, if `whole_axis` allows, in the order of its memory."""
    innermost_first = range(len(shape)) if fortran else range(len(shape))[::-1]
    extents = {} if whole_axis is None else {whole_axis: shape[whole_axis]}
    for axis in innermost_first:
        if axis not in extents:
            room = BLOCK_BYTES // (itemsize * prod(extents.values()))
            extents[axis] = min(shape[axis], max(room, 1))
    cuts = [
        [slice(start, start + extents[axis]) for start in range(0, shape[axis], extents[axis])]
        for axis in innermost_first[::-1]
    ]
    for outermost_first in itertools.product(*cuts):
        yield outermost_first[::-1] if fortran else outermost_first


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
        zeros = bytes(BLOCK_BYTES)
        for done in range(0, size, BLOCK_BYTES):
            file.write(zeros[: size - done])


@contextmanager
def _replacing(output: str) -> Iterator[Path]:
    """Give the path of a temporary file, which becomes `output` at the end or vanishes upon an error."""
    target = Path(os.path.realpath(output))  # a link stays, and the file it points to is replaced
    if target.exists():
        if not target.is_file():
            raise ValueError(f"{output}: not a regular file")
        if not os.access(target, os.W_OK):
            raise ValueError(f"{output}: write-protected")
    temporary = target.with_name(f".fastact-{secrets.token_hex(6)}.npy")
    try:
        _create(temporary, output)
        yield temporary
        if target.exists():
            shutil.copymode(target, temporary)
        _sync(temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    if os.name == "posix":
        _sync(target.parent)  # the new name is on disk too


def _create(temporary: Path, output: str) -> None:
    try:
        temporary.touch(exist_ok=False)
    except OSError as error:
        raise ValueError(f"{output}: cannot write in {temporary.parent}: {error.strerror}") from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
