"""Calls of functions along an axis on a GPU's arrays: what `AxisDirection.__call__` does for NumPy's."""

import functools
import math

import numpy as np

from fastact._axes import normalized, others
from fastact._rows import EMPTY, checked_empty
from fastact.cuda import arrays as a
from fastact.cuda import rows, target
from fastact.cuda.elementwise import COMPUTED_IN, apart, contiguous, copy, loop_dtype, mask_of, result_of
from fastact.cuda.memory import BYTES, VECTOR_BYTES
from fastact.cuda.row_programs import row_programs

#: Rows up to this length, and elements that do not follow each other, get a thread per row; up to the next, a warp.
SHORT, MIDDLE = 16, 512


def run(programs, numbers, sources, results, row_results, row_axes, stream, chunks=1, mask=None, rule=None):
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
    mask : Operand or None
        Which elements take part; of the sources' shape.
    rule : tuple
        What `RowBody` calls ``empty``, ``stand_in`` and ``nothing``.
    """
    sources = sources if mask is None else [*sources, mask]
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
        mask is not None,
        *(rule or ()),
    )
    addresses = tuple(each.address for each in order)
    flat = tuple(tuple(step for each in group for step in each) for group in (row_strides, strides))
    shapes = tuple(row_shape), flat[0], tuple(shape), flat[1]
    rows.launch(body, count * chunks, (length, addresses, host, *shapes, chunks), stream, a.device_of(whole))


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
    width = VECTOR_BYTES // max(BYTES[each.dtype] for each in order[numbers:] if each.dtype != "bool")
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


def call(direction, arrays, axis, out, dtype, stream, where=True, empty=EMPTY[0], keepdims=False):
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
    where : array of bool or True
        Which elements take part.
    empty : str
        What a row gives in which none does.
    keepdims : bool
        Whether results of one number per row, and gradients for them, have kept the axes, each with length 1.
    """
    name, definition = direction.name, direction._definition
    operands = [a.device_operand(name, array) for array in arrays]
    *grads, x = operands
    axes = normalized(name, axis, x.ndim)
    reduces = definition.reduces and direction._direction == "value"
    per_row = others(x.ndim, axes)
    rest = tuple(1 if i in axes else x.shape[i] for i in range(x.ndim) if keepdims or i in per_row)
    expected = rest if definition.reduces else x.shape
    for grad in grads:
        if grad.shape != expected:
            raise ValueError(f"{name}: grad must have the output's shape {expected}, got {grad.shape}")
    loop = loop_dtype(direction, direction.ufunc, operands, dtype)
    if keepdims:
        operands = [*(each.transposed(per_row) for each in grads), x]
    mask, rule = _mask(name, where, x), direction._rows.rule(checked_empty(name, empty))
    with a.queue(name, stream, x.owner) as queue:
        whole = result_of(name, out, rest if reduces else x.shape, loop, x.owner)
        result = whole.transposed(per_row) if keepdims and reduces else whole
        _run_rows(direction, operands, result, axes, loop, queue, mask, rule)
    return whole.owner


def _mask(name, where, x):
    if where is True:
        return None
    mask = mask_of(name, where)
    try:
        np.broadcast_shapes(mask.shape, x.shape)
        return mask.broadcast_to(x.shape)
    except ValueError:
        raise ValueError(f"{name}: where of shape {mask.shape} does not broadcast to x's shape {x.shape}") from None


def call_of_groups(direction, arrays, pieces, axis, out, dtype, stream, where=True):
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
    operands, mask = [*grads, x.split_axis(axis, pieces)], _mask(name, where, x)
    mask = None if mask is None else mask.split_axis(axis, pieces)
    with a.queue(name, stream, x.owner) as queue:
        result = result_of(name, out, x.shape if grads else shape, loop, x.owner)
        place = result.split_axis(axis, pieces) if grads else result
        _run_rows(direction, operands, place, (axis + 1,), loop, queue, mask, direction._rows.rule(EMPTY[0]))
    return result.owner


def jacobian(of_function, backward, x, axis, dtype):
    """The matrices of all rows' derivatives: what `Jacobian.__call__` gives for NumPy's arrays.

    Parameters
    ----------
    of_function : Jacobian
        Whose name it is.
    backward : AxisDirection
        The gradient of the function.
    x, axis, dtype
        As given.
    """
    x = a.device_operand(of_function.name, x)
    axes = normalized(of_function.name, axis, x.ndim)
    rest = others(x.ndim, axes)
    loop, stream = loop_dtype(backward, backward.ufunc, [x, x], dtype), a.current_stream(x)
    rows = x.transposed((*rest, *axes))
    if len(axes) != 1:
        rows = contiguous(rows, stream)
        rows = rows.with_shape((*rows.shape[: len(rest)], math.prod(rows.shape[len(rest) :])))
    *outer, n = rows.shape
    shape = (*outer, n, n)
    result = a.empty_like(x, shape, loop)
    if not result.size:
        return result.owner
    unit = a.to_device(np.eye(n, dtype=a.numpy_dtype(COMPUTED_IN[loop])), x)
    each = a.Operand(rows.address, shape, (*rows.strides[:-1], 0, rows.strides[-1]), rows.dtype, rows.owner)
    programs = row_programs(backward._definition.name, "backward", COMPUTED_IN[loop])
    run(programs, [], [unit.broadcast_to(shape), each], [result], [], (len(shape) - 1,), stream)
    _mend_diagonal(result, stream)
    return result.owner


def _mend_diagonal(result, stream):
    """Let each row of a matrix add up to 0: the kernel's own diagonal cancels where an element leads by much."""
    from fastact.cuda import reductions

    *strides, down, right = result.strides
    diagonal = a.Operand(result.address, result.shape[:-1], (*strides, down + right), result.dtype, result.owner)
    zero, total = a.to_device(np.zeros(()), result), a.empty_like(result, result.shape[:-1], "float64")
    copy(zero, diagonal, stream)
    reductions.summed("", "value", result.dtype, [result], tuple(range(result.ndim - 1)), total, stream)
    reductions.product(total, -1.0, diagonal, stream)


def _run_rows(direction, operands, result, axes, loop, stream, mask=None, rule=None):
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
    results = ([], [written]) if reduces else ([written], [])
    run(programs, numbers, sources, *results, axes, stream, mask=mask, rule=rule)
    if written is not result:
        copy(written, result, stream)
