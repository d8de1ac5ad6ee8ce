"""The shortest way from a call to a ufunc: a C function, compiled by Numba, in front of the Python one.

Arrays in, small ones or such as NumPy's iterator makes one run of, and nothing but ``out=`` besides: such calls, which
are most, go straight to the ufunc. Large arrays of which it would make many have a way of their own, too: they are
shared by threads. Parameters that are numbers have been taken off by then: each set of them has a
short way of its own.
Everything else, and everything that fails, goes to the long way in Python, which also explains. A Python function
that decided this would cost as much as the ufunc's own work on a small array.
"""

import ctypes
import functools
import sys

import numpy as np

from fastact._definition import NATIVE_DTYPES
from fastact._engine import intrinsics as llvm
from fastact._engine import job as j
from fastact._engine import objects
from fastact._engine.cache import compile_function
from fastact._engine.inlined import inlined
from fastact._engine.programs import state

# Words that the C function is told, in a bytes object that is its `self`.
UFUNC, WHOLE, GENERAL, ARRAYS, LARGE, AXIS, STATE = range(7)
NDARRAY, OUT, LAST, TYPE_ERROR, VALUE_ERROR, VECTORCALL, MATCHES, CLEAR = range(7, 15)
FLOATS = 15  # the dtypes that are ours, from here on
_FASTCALL_WITH_KEYWORDS = 0x0080 | 0x0002
_OUT, _AXIS = sys.intern("out"), sys.intern("axis")
_LAST = -1  # CPython has one object for each small integer


@inlined
def _is_array(words, operand):
    return llvm.load_word(operand + objects.TYPE, 0) == llvm.load_word(words, NDARRAY)


@inlined
def _size(array):
    size, shape = 1, objects.shape_of(array)
    for dimension in range(objects.dimensions_of(array)):
        size *= llvm.load_word(shape, dimension)
    return size


@inlined
def _is_ours(words, dtype):
    ours = False
    for i in range(len(NATIVE_DTYPES)):
        ours |= dtype == llvm.load_word(words, FLOATS + i)
    return ours


@inlined
def _in_step(array, other):
    """Whether two arrays have one shape, one dtype and no gaps."""
    dimensions = objects.dimensions_of(array)
    if not llvm.load(other, objects.ARRAY_FLAGS, llvm.int32) & objects.C_CONTIGUOUS:
        return False
    if dimensions != objects.dimensions_of(other):
        return False
    if llvm.load_word(array + objects.ARRAY_DTYPE, 0) != llvm.load_word(other + objects.ARRAY_DTYPE, 0):
        return False
    shape, other_shape = objects.shape_of(array), objects.shape_of(other)
    for dimension in range(dimensions):
        if llvm.load_word(shape, dimension) != llvm.load_word(other_shape, dimension):
            return False
    return True


@inlined
def _are_one_run(words, args, count):
    """Whether NumPy's iterator would make one long run of arrays of floating-point numbers."""
    first = llvm.load_word(args, 0)
    if not (_is_array(words, first) and _is_ours(words, llvm.load_word(first + objects.ARRAY_DTYPE, 0))):
        return False
    for i in range(count):
        operand = llvm.load_word(args, i)
        if not (_is_array(words, operand) and _in_step(first, operand)):
            return False
    return True


@inlined
def _is_only(keywords, name):
    """Whether one keyword is given, of this name."""
    if keywords == 0 or llvm.load_word(keywords + objects.TUPLE_LENGTH, 0) != 1:
        return False
    return llvm.load_word(keywords + objects.TUPLE_ITEMS, 0) == name


@inlined
def _way_of(words, args, count, keywords):
    """Which of the three callables a call is for, as the word that holds it."""
    if count != llvm.load_word(words, ARRAYS):
        return GENERAL
    operands = count
    if keywords != 0:
        if not _is_only(keywords, llvm.load_word(words, OUT)):
            return GENERAL
        operands += 1
    arrays, large = 0, False
    for i in range(operands):
        operand = llvm.load_word(args, i)
        # An array of another library's: it may live on a GPU, and let NumPy fetch it from there.
        kind = llvm.load_word(operand + objects.TYPE, 0)
        if i < count and llvm.load_word(kind + objects.TYPE_FLAGS, 0) & objects.ON_HEAP:
            return GENERAL
        if _is_array(words, operand):
            arrays += 1
            large |= _size(operand) > llvm.load_word(words, LARGE)
    if not large or _are_one_run(words, args, operands):
        return UFUNC
    return WHOLE if arrays == operands else GENERAL


def call(self, args, count, keywords):
    """CPython's calling convention for fast calls with keywords."""
    words = self + objects.BYTES_DATA
    vectorcall = llvm.load_word(words, VECTORCALL)
    if _is_only(keywords, llvm.load_word(words, AXIS)) and llvm.load_word(args, count) == llvm.load_word(words, LAST):
        keywords = 0  # the default
    way = _way_of(words, args, count, keywords)
    if way == UFUNC:
        result = llvm.call_vectorcall(vectorcall, llvm.load_word(words, UFUNC), args, count, keywords)
        if result != 0 and llvm.load_word(llvm.load_word(words, STATE), j.FAILED) == 0:
            return result
        matches = llvm.load_word(words, MATCHES)
        known = llvm.call_matches(matches, llvm.load_word(words, TYPE_ERROR))
        if result == 0 and not known and not llvm.call_matches(matches, llvm.load_word(words, VALUE_ERROR)):
            return 0
        llvm.call_nothing(llvm.load_word(words, CLEAR))
        way = GENERAL
    return llvm.call_vectorcall(vectorcall, llvm.load_word(words, way), args, count, keywords)


class _MethodDef(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


def _address(function):
    return ctypes.cast(function, ctypes.c_void_p).value


@functools.cache
def _method():
    function = compile_function(call, "intp(intp, intp, intp, intp)", "call").address
    return _MethodDef(b"call", function, _FASTCALL_WITH_KEYWORDS, None)


@functools.cache
def _what_all_share():
    """The words that do not depend on the ufunc, and C's function that makes a callable of words."""
    api = ctypes.pythonapi
    words = np.zeros(FLOATS + len(NATIVE_DTYPES), np.int64)
    known = {NDARRAY: np.ndarray, OUT: _OUT, LAST: _LAST, TYPE_ERROR: TypeError, VALUE_ERROR: ValueError}
    words[list(known)] = [id(item) for item in known.values()]
    words[FLOATS:] = [id(dtype) for dtype in NATIVE_DTYPES]
    words[STATE] = state().ctypes.data
    words[VECTORCALL] = _address(api.PyObject_Vectorcall)
    words[MATCHES], words[CLEAR] = _address(api.PyErr_ExceptionMatches), _address(api.PyErr_Clear)
    kind = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    return words, kind(_address(api.PyCFunction_NewEx))


def short_way(ufunc, whole, general, arrays, large, takes_axis=False):
    """A callable that hands plain calls to the ufunc, those of large arrays to `whole`, and all others to `general`.

    Parameters
    ----------
    ufunc : numpy.ufunc
        What plain calls are for.
    whole : callable
        Takes arrays, and ``out``, of which one is large and NumPy's iterator would not make one run.
    general : callable
        Takes everything.
    arrays : int
        How many positional arguments a plain call has.
    large : int
        Arrays of more elements are large.
    takes_axis : bool
        Whether there is an ``axis``, the last one unless it is given.

    Returns
    -------
    tuple
        The callable, and what must live as long as it.
    """
    shared, make = _what_all_share()
    words = shared.copy()
    words[[UFUNC, WHOLE, GENERAL, ARRAYS, LARGE]] = id(ufunc), id(whole), id(general), arrays, large
    words[AXIS] = id(_AXIS) if takes_axis else 0
    # The function owns its `self`, and nobody the method's definition, which lives for ever.
    return make(ctypes.addressof(_method()), words.tobytes(), None), (ufunc, whole, general)
