"""Arrays that NumPy's iterator would hand over in short runs: threads share them when the driver gets them whole."""

import ctypes
import functools

import numpy as np

from fastact._engine import intrinsics as llvm
from fastact._engine import job as j
from fastact._engine import objects
from fastact._engine.conversions import can_pack
from fastact._engine.driver import address_of, set_job_operand
from fastact._engine.inlined import apart
from fastact._engine.programs import FLOAT32, FLOAT64, prepare_part, raise_failure

_INDEX_BYTES = 8 * (1 + j.MAX_OUTER_DIMENSIONS)
_ITERATOR_FLAGS = ("external_loop", "copy_if_overlap", "zerosize_ok")


@functools.cache
def _run():
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(prepare_part(j.RUN_JOB))


def run_arrays(elementwise, operands, results):
    """Apply a direction to whole arrays.

    Parameters
    ----------
    elementwise : Elementwise
        What to compute.
    operands : sequence of ndarray
        Exactly of that type.
    results : sequence of ndarray or None
        Where to put each result; None for a new array.

    Returns
    -------
    tuple of ndarray or None
        None where the driver cannot take the arrays: nothing has been done then.
    """
    dtypes = resolve(elementwise, operands, results)
    # Before there is an iterator: one that has made copies writes them back, done or not.
    arrays = [*operands, *results]
    if dtypes is None or not has_room(array for array in arrays if array is not None):
        return None
    reads = [("readonly", "overlap_assume_elementwise")] * len(operands)
    writes = [("writeonly", "allocate", "no_broadcast", "overlap_assume_elementwise")] * len(results)
    with np.nditer(arrays, flags=_ITERATOR_FLAGS, op_flags=[*reads, *writes], op_dtypes=dtypes) as iterator:
        views = iterator.itviews
        if views[0].size:
            run_job(describe_job(elementwise.program(tuple(dtypes)), views, by_density=True))
        made = iterator.operands[len(operands) :]
    return tuple(new if given is None else given for given, new in zip(results, made, strict=True))


def has_room(arrays):
    """Whether a job has words enough for the arrays' dimensions."""
    return all(array.ndim <= 1 + j.MAX_OUTER_DIMENSIONS for array in arrays)


def resolve(elementwise, operands, results):
    """The dtypes to work on, or None where some operand has one that the driver cannot pack."""
    asked = tuple(operand.dtype.newbyteorder("=") for operand in operands)
    try:
        loop = elementwise.ufunc.resolve_dtypes(asked + (None,) * elementwise.results)
    except TypeError:
        return None
    working = FLOAT64 if loop[-1] == FLOAT64 else FLOAT32
    for operand in operands:
        if not operand.flags.aligned or not (can_pack(operand.dtype, working)):
            return None
    for result in results:
        if result is not None and (result.dtype != loop[-1] or not result.flags.aligned or not result.flags.writeable):
            return None
    return [*[operand.dtype for operand in operands], *loop[len(operands) :]]


@apart
def order_axes(array, by_density, order):
    """Write an array's axes as they are, or so that the one along which it is densest, the last of such, comes last."""
    strides = objects.strides_of(array)
    for axis in range(objects.dimensions_of(array)):
        place, stride = axis, abs(llvm.load_word(strides, axis))
        while by_density and place > 0 and abs(llvm.load_word(strides, llvm.load_word(order, place - 1))) < stride:
            llvm.store_word(order, place, llvm.load_word(order, place - 1))
            place -= 1
        llvm.store_word(order, place, axis)


def describe(job, program, views, by_density):
    """Write a job's words: of `views`, a tuple of arrays of one shape, with their axes as they are or by density."""
    order, items = llvm.stack_buffer(_INDEX_BYTES), views + objects.TUPLE_ITEMS
    first_result = llvm.load_word(program, j.INPUTS) if by_density else 0  # sums have no results
    view = llvm.load_word(items, first_result)
    shape, outer, rows = objects.shape_of(view), objects.dimensions_of(view) - 1, 1
    order_axes(view, by_density, order)
    for dimension in range(outer):
        extent = llvm.load_word(shape, llvm.load_word(order, dimension))
        llvm.store_word(job, j.OUTER_SHAPE + dimension, extent)
        rows *= extent
    inner = llvm.load_word(order, outer)
    llvm.store_word(job, j.PROGRAM, program)
    llvm.store_word(job, j.LENGTH, llvm.load_word(shape, inner))
    llvm.store_word(job, j.ROWS, rows)
    llvm.store_word(job, j.OUTER_DIMENSIONS, outer)
    for operand in range(llvm.load_word(views + objects.TUPLE_LENGTH, 0)):
        view = llvm.load_word(items, operand)
        strides = objects.strides_of(view)
        set_job_operand(job, operand, j.ADDRESS, llvm.load_word(view + objects.ARRAY_DATA, 0))
        set_job_operand(job, operand, j.STRIDE, llvm.load_word(strides, inner))
        for dimension in range(outer):
            stride = llvm.load_word(strides, llvm.load_word(order, dimension))
            set_job_operand(job, operand, j.OUTER_STRIDES + dimension, stride)


@functools.cache
def _describe():
    return ctypes.CFUNCTYPE(None, *[ctypes.c_ssize_t] * 4)(address_of(describe, 4))


def describe_job(program, views, by_density=False, words=j.JOB_WORDS):
    """The words of a job over arrays of one shape.

    Parameters
    ----------
    program : Program
        What to apply to them.
    views : iterable of ndarray
        Its operands and results.
    by_density : bool
        Whether the inner dimension is the one along which the first result is densest, and not the last one.
    words : int
        How many there are to be; those that say nothing of arrays are 0.
    """
    job, views = (ctypes.c_int64 * words)(), tuple(views)
    _describe()(ctypes.addressof(job), program.address, id(views), by_density)
    return job


def run_job(job):
    """Have the driver run a job."""
    _run()(ctypes.addressof(job))
    raise_failure()
