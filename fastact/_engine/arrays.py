"""Arrays that NumPy's iterator would hand over in short runs: threads share them when the driver gets them whole."""

import ctypes
import functools
import math

import numpy as np

from fastact._engine import job as j
from fastact._engine.conversions import can_pack
from fastact._engine.programs import FLOAT32, FLOAT64, prepare_part, raise_failure

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
            program = elementwise.program(tuple(dtypes))
            job = _describe(program, views)
            run_job(job)
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


def _describe(program, views):
    """The job's words. The innermost dimension is the one along which the first result is densest."""
    result = views[int(program.words[j.INPUTS])]
    order = sorted(range(result.ndim), key=lambda axis: (abs(result.strides[axis]), -axis), reverse=True)
    return describe_job(program, [view.transpose(order) for view in views])


def describe_job(program, views):
    """The words of a job over arrays of one shape, whose last dimension is the inner one."""
    *outer, length = views[0].shape
    job = np.zeros(j.JOB_WORDS, np.int64)
    job[j.PROGRAM] = program.address
    job[j.LENGTH], job[j.ROWS] = length, math.prod(outer)
    job[j.OUTER_DIMENSIONS] = len(outer)
    job[j.OUTER_SHAPE : j.OUTER_SHAPE + len(outer)] = outer
    for operand, view in enumerate(views):
        words = job[j.JOB_OPERANDS + j.JOB_OPERAND_WORDS * operand :]
        words[j.ADDRESS], words[j.STRIDE] = view.ctypes.data, view.strides[-1]
        words[j.OUTER_STRIDES : j.OUTER_STRIDES + len(outer)] = view.strides[:-1]
    return job


def run_job(job):
    """Have the driver run a job."""
    _run()(job.ctypes.data)
    raise_failure()
