"""Calls of functions along an axis on a GPU's arrays: what `AxisDirection.__call__` does for NumPy's."""

import functools
import math

import numpy as np

from fastact._axes import normalized, others
from fastact.cuda import arrays as a
from fastact.cuda import rows, target
from fastact.cuda.elementwise import COMPUTED_IN, apart, copy, loop_dtype, result_of, stream_of
from fastact.cuda.memory import BYTES, VECTOR_BYTES
from fastact.cuda.row_programs import row_programs

#: Rows up to this length, and elements that do not follow each other, get a thread per row; up to the next, a warp.
SHORT, MIDDLE = 16, 512


def run(programs, numbers, sources, results, row_results, row_axes, stream, chunks=1):
    """Run a kernel along some axes.

    Parameters
    ----------
    programs : RowPrograms
        What to compute.
    numbers, row_results : list of Operand
        One number per row: they have the other axes, in their order. A number may also be a float, for all rows.
    sources, results : list of Operand
        They have all axes.
    row_axes : tuple of int
        The axes that make up a row.
    stream : object
        Of Numba's.
    chunks : int
        How many groups of threads share a row, where all that is wanted are sums: each gives one, and results per row
        have that many, next to each other.
    """
    whole = sources[0]
    outer = others(whole.ndim, row_axes)
    host = tuple(each for each in numbers if isinstance(each, float)) or (0.0,)
    kinds = tuple(rows.HOST if isinstance(each, float) else each.dtype for each in numbers)
    numbers = [each for each in numbers if not isinstance(each, float)]
    order = (*numbers, *sources, *results, *row_results)
    along = {id(each) for each in (*sources, *results)}

    def steps(axes, of_rows):
        shape = [whole.shape[i] for i in axes]
        strides = []
        for each in order:
            if id(each) in along:
                strides.append([each.strides[i] for i in axes])
            else:
                strides.append(list(each.strides) if of_rows else [0] * len(axes))
        return _merged(shape, strides)

    (row_shape, row_strides), (shape, strides) = steps(outer, True), steps(row_axes, False)
    length, count = math.prod(shape), math.prod(row_shape)
    threads, line, width = _layout(length, count, shape, strides, order, len(numbers), chunks)
    body = _body(
        programs,
        kinds,
        *(tuple(each.dtype for each in group) for group in (sources, results, row_results)),
        threads,
        line,
        width,
        chunks == 1 and length <= threads * line,
        (len(row_shape), len(shape)),
        chunks > 1,
    )
    addresses = tuple(each.address for each in order)
    flat = tuple(tuple(step for each in group for step in each) for group in (row_strides, strides))
    shapes = tuple(row_shape), flat[0], tuple(shape), flat[1]
    rows.launch(body, count * chunks, (length, addresses, host, *shapes, chunks), stream)


@functools.cache
def _body(*facts):
    return rows.RowBody(*facts)


def _merged(shape, strides):
    """The axes with neighbours made one wherever all operands allow it; one at least."""
    kept = [i for i, length in enumerate(shape) if length != 1]
    lengths, steps = [], [[] for _ in strides]
    for i in kept:
        if lengths and all(mine[-1] == each[i] * shape[i] for mine, each in zip(steps, strides, strict=True)):
            lengths[-1] *= shape[i]
            for mine, each in zip(steps, strides, strict=True):
                mine[-1] = each[i]
            continue
        lengths.append(shape[i])
        for mine, each in zip(steps, strides, strict=True):
            mine.append(each[i])
    return (lengths, steps) if lengths else ([1], [[0] for _ in strides])


def _layout(length, count, shape, strides, order, numbers, chunks):
    """Threads per row, elements of a line, and how many of them are read at once."""
    along = [(each, step) for each, step in zip(order, strides, strict=True) if any(step)] or [(order[numbers], [0])]
    contiguous = len(shape) == 1 and all(step == [BYTES[each.dtype]] for each, step in along)
    most = (1, 8, 8) if target.is_simulated() else (1, 32, 256)
    if chunks > 1:
        threads = most[2]
    elif length <= SHORT or (not contiguous and count >= 4096):
        threads = most[0]
    else:
        threads = most[1] if length <= MIDDLE else most[2]
    width = VECTOR_BYTES // max(BYTES[each.dtype] for each in order[numbers:])
    aligned = all(each.address % VECTOR_BYTES == 0 for each, _ in along) and length % width == 0
    if not (contiguous and aligned and threads > 1 and chunks == 1 and _rows_aligned(along, width)):
        width = 1
    per_thread, line = -(-length // threads), 1
    most_elements = rows.LINE if chunks == 1 and per_thread <= rows.LINE else rows.LINE // 2
    while line < min(per_thread, most_elements):
        line *= 2
    return threads, max(line, width), width


def _rows_aligned(along, width):
    for each, _ in along:
        if any(
            stride % VECTOR_BYTES
            for stride, size in zip(each.strides, each.shape, strict=True)
            if size > 1 and stride != BYTES[each.dtype]
        ):
            return False
    return True


# --- calls -----------------------------------------------------------------------------------------


def call(direction, arrays, axis, out, dtype, stream):
    """Run one direction of a function along axes.

    Parameters
    ----------
    direction : AxisDirection
        Whose definition and name it is.
    arrays : list
        Arrays of a device.
    axis : int, tuple of int or None
        The axes that make up a row.
    out, dtype, stream
        As given, or None.
    """
    name, definition = direction.name, direction._definition
    operands = [a.device_operand(name, array) for array in arrays]
    *grads, x = operands
    axes = normalized(name, axis, x.ndim)
    reduces = definition.reduces and direction._direction == "value"
    rest = tuple(x.shape[i] for i in others(x.ndim, axes))
    expected = rest if definition.reduces else x.shape
    for grad in grads:
        if grad.shape != expected:
            raise ValueError(f"{name}: grad must have the output's shape {expected}, got {grad.shape}")
    loop = loop_dtype(direction, direction.ufunc, operands, dtype)
    result = result_of(name, out, rest if reduces else x.shape, loop, x.owner)
    _run_rows(direction, operands, result, axes, loop, stream_of(stream, x.owner))
    return result.owner


def call_of_groups(direction, arrays, pieces, axis, out, dtype, stream):
    """Run one direction of maxout: groups along an axis are an axis of their own."""
    name = direction.name
    *grads, x = (a.device_operand(name, array) for array in arrays)
    axis = direction._axis(axis, x)
    pieces = direction._pieces(pieces, x.shape[axis])
    shape = (*x.shape[:axis], x.shape[axis] // pieces, *x.shape[axis + 1 :])
    for grad in grads:
        if grad.shape != shape:
            raise ValueError(f"{name}: grad must have the output's shape {shape}, got {grad.shape}")
    loop = loop_dtype(direction, direction.ufunc, [*grads, x], dtype)
    result = result_of(name, out, x.shape if grads else shape, loop, x.owner)
    place = result.split_axis(axis, pieces) if grads else result
    operands = [*grads, x.split_axis(axis, pieces)]
    _run_rows(direction, operands, place, (axis + 1,), loop, stream_of(stream, x.owner))
    return result.owner


def _run_rows(direction, operands, result, axes, loop, stream):
    definition, x = direction._definition, operands[-1]
    reduces = definition.reduces and direction._direction == "value"
    if not result.size:
        return
    if not x.size:  # what NumPy's rows without elements give
        number = direction.ufunc(np.empty(0, COMPUTED_IN[loop]))
        copy(a.to_device(np.asarray(number), x), result, stream)
        return
    programs = row_programs(definition.name, direction._direction, COMPUTED_IN[loop])
    numbers = operands[:-1] if definition.reduces else []
    sources = operands[len(numbers) :]
    written = apart(result, operands)
    run(programs, numbers, sources, [] if reduces else [written], [written] if reduces else [], axes, stream)
    if written is not result:
        copy(written, result, stream)
