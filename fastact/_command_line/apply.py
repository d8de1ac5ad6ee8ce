"""Apply an activation to a .npy file, to every one in a folder, or to a Zarr store, of any size.

All is done in blocks of some 16 MB, those of a function along an axis running along the other axes. A result appears
under its name when it is complete, never before. A run that was stopped, by Ctrl-C or by force, leaves what it has
done: the same command goes on from there. The files of a folder are left as they are if an earlier run of the same
command has finished them; other parameters for the same result are refused, but for --restart, which begins anew.

A Zarr store keeps its chunks, compressors and attributes. In a group, the activation is applied to every array but
xarray's coordinates. Stores need zarr and dask: pip install 'fastact[zarr]'.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fastact._command_line.npy_files import NpyJob, apply_to_folder, resolved_target
from fastact._command_line.progress import Progress
from fastact._command_line.signals import stopped_by_exception
from fastact._command_line.task import Task

_ZARR_MARKS = ("zarr.json", ".zarray", ".zgroup")


def run(arguments: argparse.Namespace) -> None:
    """Carry out ``fastact apply``."""
    task = Task.of(arguments)
    source = Path(arguments.input)
    try:
        with stopped_by_exception():
            if any((source / mark).is_file() for mark in _ZARR_MARKS):
                # Here: with no store to go through, neither zarr nor dask need be there.
                from fastact._command_line.zarr_stores import apply_to_store

                apply_to_store(task, source, arguments.output, arguments.restart)
            elif source.is_dir():
                apply_to_folder(task, source, arguments.output, arguments.restart, _say)
            else:
                _apply_to_file(task, source, arguments)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the same command goes on from here") from None


def _apply_to_file(task: Task, source: Path, arguments: argparse.Namespace) -> None:
    job = NpyJob(task, source, resolved_target(arguments.output), arguments.output)
    with Progress(job.check()) as progress:
        job.run(progress, arguments.restart)


def _say(text: str) -> None:
    print(f"fastact: {text}", file=sys.stderr)
