"""Applying a function to Zarr stores, through dask: line by line of chunks, each computed and written by threads.

The result is written to a hidden store beside the one that it becomes, with a journal of the blocks that are done.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fastact._command_line.blocks import blocks
from fastact._command_line.journal import Journal, beside
from fastact._command_line.npy_files import named
from fastact._command_line.progress import Progress
from fastact._command_line.task import Layout, Task

try:
    import dask.array as da
    import zarr
except ImportError as error:
    raise ValueError(f"Zarr stores need zarr and dask: pip install 'fastact[zarr]' ({error})") from error


def apply_to_store(task: Task, source: Path, output: str, restart: bool) -> None:
    """Apply to a store that is an array, or to the arrays of one that is a group."""
    target = Path(os.path.realpath(output))
    if target.exists():
        raise ValueError(f"{output}: exists already; remove it, or write somewhere else")
    root = zarr.open(source, mode="r")
    nodes = dict(root.members(max_depth=None)) if isinstance(root, zarr.Group) else {}
    arrays = {name: node for name, node in (nodes or {"": root}).items() if isinstance(node, zarr.Array)}
    coordinates = _coordinates(arrays)
    layouts = {name: _layout(task, source, name, array) for name, array in arrays.items() if name not in coordinates}
    if not layouts:
        raise ValueError(f"{source}: holds no array")
    partial = beside(target, ".zarr")
    try:
        journal = Journal(beside(target, ".journal"), task.description, output, restart)
    except OSError as error:
        raise named(error, output) from error
    try:
        described = {name: _description(array) for name, array in arrays.items()}
        if journal.entries.get("input") != described or not partial.exists():
            shutil.rmtree(partial, ignore_errors=True)
            _create(task, root, nodes, layouts, source, partial)
            journal.record("input", described)
        with Progress(sum(arrays[name].nbytes for name in layouts)) as progress:
            for name, layout in layouts.items():
                _fill(task, arrays[name], zarr.open_array(partial / name, mode="r+"), layout, journal, name, progress)
        _finish(root, partial, target)
        journal.discard()
    except OSError as error:
        raise named(error, output) from error
    finally:
        journal.close()


def _layout(task: Task, source: Path, name: str, array: Any) -> Layout:
    try:
        return task.layout(array.shape, array.dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{source / name}: {error}") from error


def _description(array: Any) -> list[Any]:
    """What tells an array from another one of its name, short of its contents."""
    written = max((path.stat().st_mtime_ns for path in _metadata_files(array)), default=0)
    return [list(array.shape), str(array.dtype), list(array.chunks), written]


def _metadata_files(array: Any) -> Iterator[Path]:
    folder = Path(str(array.store_path).removeprefix("file://"))
    return (folder / name for name in ("zarr.json", ".zarray") if (folder / name).is_file())


# --- what the result is to look like --------------------------------------------------------------------


def _create(task: Task, root: Any, nodes: dict[str, Any], layouts: dict[str, Layout], source: Path, path: Path) -> None:
    if isinstance(root, zarr.Group):
        for name, node in {"": root, **nodes}.items():
            if isinstance(node, zarr.Group):
                version = root.metadata.zarr_format
                zarr.create_group(path / name, zarr_format=version, attributes=node.attrs.asdict(), overwrite=not name)
    for name, layout in layouts.items():
        _create_array(task, root[name] if name else root, layout, path / name)
    lost = {
        name for array, layout in layouts.items() for name in _lost_dimension(root[array] if array else root, layout)
    }
    for name in _coordinates({name: node for name, node in nodes.items() if isinstance(node, zarr.Array)}):
        if lost.isdisjoint(_dimensions(root[name])):
            shutil.copytree(source / name, path / name, dirs_exist_ok=True)


def _create_array(task: Task, array: Any, layout: Layout, path: Path) -> None:
    version = array.metadata.zarr_format
    attributes, names = array.attrs.asdict(), _dimensions(array)
    if names and layout.reduced:
        del names[layout.axis]  # type: ignore[arg-type]
        attributes |= {"_ARRAY_DIMENSIONS": names} if "_ARRAY_DIMENSIONS" in attributes else {}
    same_dtype = layout.dtype == array.dtype
    zarr.create_array(
        path,
        shape=layout.shape,
        dtype=layout.dtype,
        chunks=_chunks(array.chunks, layout),
        shards=None if array.shards is None or layout.shape != array.shape else array.shards,
        filters=array.filters if same_dtype and version == 2 else "auto",
        compressors=array.compressors or None,
        fill_value=_fill_value(task, array, layout),
        order=array.order if version == 2 else None,
        zarr_format=version,
        attributes=attributes,
        dimension_names=names if getattr(array.metadata, "dimension_names", None) else None,
    )


def _chunks(chunks: tuple[int, ...], layout: Layout) -> tuple[int, ...]:
    if layout.axis is None:
        return chunks
    along = () if layout.reduced else (min(chunks[layout.axis], max(layout.shape[layout.axis], 1)),)
    return (*chunks[: layout.axis], *along, *chunks[layout.axis + 1 :])


def _fill_value(task: Task, array: Any, layout: Layout) -> Any:
    """What chunks that were never written stand for: they need not be written in the result either."""
    if layout.axis is not None or array.fill_value is None:
        return 0
    return task.function(np.asarray(array.fill_value, layout.operand_dtype))


def _dimensions(array: Any) -> list[str]:
    """The names that xarray gave to an array's dimensions, if it did."""
    names = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS", [])
    return [str(name) for name in names]


def _lost_dimension(array: Any, layout: Layout) -> list[str]:
    changed = layout.shape != array.shape
    return _dimensions(array)[layout.axis : layout.axis + 1] if changed and layout.axis is not None else []


def _coordinates(arrays: dict[str, Any]) -> set[str]:
    """The arrays that say where others' elements are, in xarray's way of writing: they stay as they are."""
    listed = {
        str(Path(name).parent / other)
        for name, array in arrays.items()
        for other in str(array.attrs.get("coordinates", "")).split()
    }
    return {name for name, array in arrays.items() if name in listed or Path(name).name in _dimensions(array)}


# --- the work -----------------------------------------------------------------------------------------


def _fill(
    task: Task, source: Any, target: Any, layout: Layout, journal: Journal, name: str, progress: Progress
) -> None:
    lazy = da.from_array(source, chunks=source.shards or source.chunks)
    before = journal.entries.get(name, 0) if name else journal.entries.get("array", 0)
    for number, block in enumerate(blocks(source.shape, source.dtype.itemsize, layout.axis, grain=lazy.chunksize)):
        part = lazy[block]
        if number >= before:
            result = task.function(part.astype(layout.operand_dtype), **layout.axis_keyword)
            place = layout.of_result(block)
            result = result.rechunk(target.shards or target.chunks)
            da.store(result, target, regions=place, lock=False, scheduler="threads")
            journal.record(name or "array", number + 1)
        progress.advance(part.nbytes, timed=number >= before)


def _finish(root: Any, partial: Path, target: Path) -> None:
    if isinstance(root, zarr.Group) and root.metadata.consolidated_metadata is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the third format, that it is not in the specification yet
            zarr.consolidate_metadata(partial)
    os.replace(partial, target)
