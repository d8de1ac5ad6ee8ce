"""Fused sums of what an element-wise kernel gives: gradients of parameters, and losses."""

import numpy as np

from fastact import _ufuncs
from fastact._engine import driver
from fastact._engine import job as j
from fastact._engine.arrays import describe_job, has_room, resolve, run_job
from fastact._engine.blocks import WEIGHTED


def parameter_gradients(definition, grad, x, parameters):
    """One gradient per parameter, each of its parameter's shape.

    Sums run in float64 over tiles that depend on the shapes alone, and tiles are added pairwise: the result has the
    same bits for any number of threads.
    """
    constant = all(type(value) in (float, int) for value in parameters)
    operands = [grad, x, *([] if constant else map(np.asarray, parameters))]
    values = tuple(map(float, parameters)) if constant else None
    return tuple(
        _gradient(definition, parameter.name, values, operands, np.shape(value))
        for parameter, value in zip(definition.parameters, parameters, strict=True)
    )


def _gradient(definition, parameter, values, operands, shape):
    direction = f"{WEIGHTED}{parameter}_derivative"
    if values is None:
        elementwise = _ufuncs.general(definition.name, direction)
    else:
        elementwise = _ufuncs.at(definition.name, direction, values)
    dtypes = resolve(elementwise, operands, [])
    if dtypes is None or not has_room(operands):  # not for the driver: the ufunc refuses, or casts
        products = elementwise.ufunc(*operands)
        return (
            products.sum(axis=tuple(split_axes(products.shape, shape)[1]), dtype=np.float64)
            .reshape(shape)
            .astype(products.dtype)
        )
    views = np.broadcast_arrays(*operands)
    kept, summed = split_axes(views[0].shape, shape)
    if not summed:
        return np.asarray(elementwise.ufunc(*operands)).reshape(shape)
    summed = sorted(summed, key=lambda axis: abs(views[1].strides[axis]), reverse=True)
    views = coalesced([view.transpose(*kept, *summed) for view in views], len(kept))
    return _sums(elementwise.program(tuple(dtypes)), views, len(kept)).reshape(shape).astype(dtypes[-1])


def split_axes(whole, shape):
    """The axes of the whole that a parameter of this shape varies along, and those that it was broadcast along."""
    offset = len(whole) - len(shape)
    if offset < 0 or any(extent not in (1, whole[offset + axis]) for axis, extent in enumerate(shape)):
        raise ValueError(f"a parameter of shape {shape} does not broadcast to x of shape {whole}")
    kept = [offset + axis for axis, extent in enumerate(shape) if extent != 1]
    return kept, [axis for axis in range(len(whole)) if axis not in kept]


def coalesced(views, kept):
    """The views with neighbouring summed axes made one wherever all of them allow it."""
    axis = kept
    while axis + 1 < views[0].ndim:
        extent = views[0].shape[axis + 1]
        if all(view.strides[axis] == extent * view.strides[axis + 1] for view in views):
            shape = (*views[0].shape[:axis], views[0].shape[axis] * extent, *views[0].shape[axis + 2 :])
            views = [view.reshape(shape, copy=False) for view in views]
        else:
            axis += 1
    return views


def sum_first_result(elementwise, operands, others=()):
    """The sum of a kernel's first result over all elements, as float64; its other results are written to `others`.

    All arrays have one shape, and the dtype that the kernel is for; those to be written do not overlap.

    Returns
    -------
    float
        With the same bits for any number of threads.
    """
    dtype = operands[0].dtype
    program = elementwise.program((dtype,) * (len(operands) + 1 + len(others)))
    summed = np.broadcast_to(np.empty((), dtype), operands[0].shape)  # which nothing is written to
    views = [*operands, summed, *others]
    order = sorted(range(views[0].ndim), key=lambda axis: abs(views[0].strides[axis]), reverse=True)
    views = coalesced([np.atleast_1d(view.transpose(order)) for view in views], 0)
    return float(_sums(program, views, 0))


def _sums(program, views, kept):
    """The sums over all but the first `kept` axes, in float64."""
    *rows, length = views[0].shape
    if 0 in views[0].shape:
        return np.zeros(views[0].shape[:kept])
    far = any(abs(view.strides[-1]) >= j.FAR_STRIDE for view in views)
    tile_length = j.STRIDED_TILE_LENGTH if far else j.TILE
    partials = np.empty((*rows, -(-length // tile_length)))
    job = describe_job(program, views)
    job[j.JOB_WORKER] = driver.reduction_worker_address()
    job[j.TILE_LENGTH], job[j.PARTIALS] = tile_length, partials.ctypes.data
    run_job(job)
    return partials.sum(axis=tuple(range(kept, partials.ndim)))
