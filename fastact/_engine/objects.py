"""Where CPython and NumPy keep what compiled code reads of their objects, in bytes from an object's address."""

from fastact._engine import intrinsics as llvm
from fastact._engine.inlined import inlined

_HEAD = object.__basicsize__
BYTES_DATA = bytes.__basicsize__ - 1
TYPE = _HEAD - 8  # the type is the last word of every object's head
TUPLE_LENGTH, TUPLE_ITEMS = _HEAD, tuple.__basicsize__
# PyTypeObject: the flags are its 19th word after the head; a type that Python code made, on the heap, has this one.
TYPE_FLAGS, ON_HEAP = _HEAD + 8 * 19, 1 << 9
# PyArrayObject_fields: data, nd (an int), dimensions, strides, base, descr, flags (an int).
ARRAY_DATA, ARRAY_DTYPE, ARRAY_FLAGS = _HEAD, _HEAD + 40, _HEAD + 48
_ARRAY_DIMENSIONS, _ARRAY_SHAPE, _ARRAY_STRIDES = _HEAD + 8, _HEAD + 16, _HEAD + 24
C_CONTIGUOUS = 1


@inlined
def dimensions_of(array):
    """How many dimensions an array has."""
    return llvm.load(array, _ARRAY_DIMENSIONS, llvm.int32)


@inlined
def shape_of(array):
    """The address of an array's extents."""
    return llvm.load_word(array + _ARRAY_SHAPE, 0)


@inlined
def strides_of(array):
    """The address of an array's strides."""
    return llvm.load_word(array + _ARRAY_STRIDES, 0)
