"""Kernels between the dtypes that arrays have and the two that block kernels compute in, float32 and float64.

Half precision is converted by integer arithmetic, which vectorises everywhere; the processor's own instruction is
one that LLVM replaces by a call where F16C is missing.
"""

import functools

import numba
import numpy as np

from fastact._engine import intrinsics as llvm
from fastact._engine.cache import compile_function
from fastact._engine.inlined import inlined


@inlined
def float16_to_float32(bits):
    """The float32 of a float16 given as uint16: exact, subnormals, infinities and NaN included."""
    magnitude = np.uint32(bits & np.uint16(0x7FFF)) << np.uint32(13)
    # Read with float32's bias the exponent is 112 too small, for subnormals too: a product puts it right.
    scaled = np.uint32(magnitude).view(np.float32) * np.float32(2.0**112)
    finite = np.float32(scaled).view(np.uint32)
    special = np.uint32(magnitude | np.uint32(0x7F800000))
    chosen = special if magnitude >= np.uint32(0x0F800000) else finite
    sign = np.uint32(bits & np.uint16(0x8000)) << np.uint32(16)
    return np.uint32(chosen | sign).view(np.float32)


@inlined
def float32_to_float16(value):
    """The nearest float16, ties to even, as uint16."""
    bits = np.float32(value).view(np.uint32)
    sign = (bits >> np.uint32(16)) & np.uint32(0x8000)
    magnitude = bits & np.uint32(0x7FFFFFFF)
    # Results below float16's normal range: adding 0.5 leaves the rounded subnormal in the lowest bits.
    small = np.float32(np.uint32(magnitude).view(np.float32) + np.float32(0.5))
    subnormal = np.uint32(np.float32(small).view(np.uint32) - np.uint32(0x3F000000))
    odd = (magnitude >> np.uint32(13)) & np.uint32(1)
    normal = (magnitude - np.uint32(0x38000000) + np.uint32(0x0FFF) + odd) >> np.uint32(13)
    result = subnormal if magnitude < np.uint32(0x38800000) else normal
    result = np.uint32(0x7C00) if magnitude >= np.uint32(0x477FF000) else result
    result = np.uint32(0x7E00) if magnitude > np.uint32(0x7F800000) else result
    return np.uint16(result | sign)


@inlined
def bfloat16_to_float32(bits):
    """The float32 of a bfloat16 given as uint16."""
    return np.uint32(np.uint32(bits) << np.uint32(16)).view(np.float32)


@inlined
def float32_to_bfloat16(value):
    """The nearest bfloat16, ties to even, as uint16."""
    bits = np.float32(value).view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    quiet = (bits >> np.uint32(16)) | np.uint32(0x40)
    is_nan = (bits & np.uint32(0x7FFFFFFF)) > np.uint32(0x7F800000)
    return np.uint16(quiet if is_nan else rounded)


@inlined
def float16_to_float64(bits):
    """The float64 of a float16 given as uint16."""
    return np.float64(float16_to_float32(bits))


@inlined
def bfloat16_to_float64(bits):
    """The float64 of a bfloat16 given as uint16."""
    return np.float64(bfloat16_to_float32(bits))


@inlined
def float64_to_float16(value):
    """The nearest float16 of the nearest float32, as uint16."""
    return float32_to_float16(np.float32(value))


@inlined
def float64_to_bfloat16(value):
    """The nearest bfloat16 of the nearest float32, as uint16."""
    return float32_to_bfloat16(np.float32(value))


@inlined
def swapped_uint32(bits):
    """The bytes of a 32-bit word in the other order."""
    a = (bits & np.uint32(0x000000FF)) << np.uint32(24)
    b = (bits & np.uint32(0x0000FF00)) << np.uint32(8)
    c = (bits & np.uint32(0x00FF0000)) >> np.uint32(8)
    return np.uint32(a | b | c | (bits >> np.uint32(24)))


@inlined
def swapped_float32(bits):
    """A float32 of the other byte order, given as uint32."""
    return np.uint32(swapped_uint32(np.uint32(bits))).view(np.float32)


@inlined
def swapped_float64(bits):
    """A float64 of the other byte order, given as uint64."""
    low = np.uint64(swapped_uint32(np.uint32(bits >> np.uint64(32))))
    high = np.uint64(swapped_uint32(np.uint32(bits & np.uint64(0xFFFFFFFF))))
    return np.uint64((high << np.uint64(32)) | low).view(np.float64)


@inlined
def to_float32(value):
    """Any number as float32."""
    return np.float32(value)


@inlined
def to_float64(value):
    """Any number as float64."""
    return np.float64(value)


# By the itemsize of the dtype that kernels compute in.
_FROM_HALF = {
    "float16": {4: float16_to_float32, 8: float16_to_float64},
    "bfloat16": {4: bfloat16_to_float32, 8: bfloat16_to_float64},
}
_TO_HALF = {
    "float16": {4: float32_to_float16, 8: float64_to_float16},
    "bfloat16": {4: float32_to_bfloat16, 8: float64_to_bfloat16},
}


def _bit_conversion(dtype, working):
    """How a floating dtype that Numba cannot load is converted: the integer to load, and the function."""
    if dtype.name in _FROM_HALF:
        return numba.uint16, _FROM_HALF[dtype.name][working.itemsize]
    if dtype.newbyteorder("=") == working and not dtype.isnative:
        return (numba.uint32, swapped_float32) if working.itemsize == 4 else (numba.uint64, swapped_float64)
    return None


def _convert_kernel(element, convert):
    def kernel(length, source, source_stride, destination, destination_stride):
        llvm.fit_for_vectors()
        # The contiguous case apart, so that LLVM vectorises it.
        if destination_stride == size and source_stride == source_size:
            for i in range(length):
                llvm.store_scratch(destination, i * size, convert(llvm.load_operand(source, i * source_size, element)))
        else:
            for i in range(length):
                value = convert(llvm.load_operand(source, i * source_stride, element))
                llvm.store_scratch(destination, i * destination_stride, value)

    source_size, size = element.bitwidth // 8, _result_size(convert)
    return kernel


def _result_size(convert):
    if any(convert in by_size.values() for by_size in _TO_HALF.values()):
        return 2
    is_float64 = convert in (to_float64, swapped_float64, float16_to_float64, bfloat16_to_float64)
    return 8 if is_float64 else 4


def can_pack(dtype, working):
    """Whether `pack_address` serves this dtype."""
    return dtype == working or _bit_conversion(dtype, working) is not None or (dtype.isnative and dtype.kind in "biu")


@functools.cache
def pack_address(dtype, working):
    """The kernel that brings elements of `dtype` to the kernel's `working` dtype, 0 where none is needed."""
    if dtype == working and dtype.isnative:
        return 0
    found = _bit_conversion(dtype, working)
    if found is None:
        element = numba.uint8 if dtype.kind == "b" else numba.from_dtype(dtype)
        found = element, to_float32 if working.itemsize == 4 else to_float64
    order = "" if dtype.isnative else "swapped_"
    return _address(f"pack_{order}{dtype.name}_{working.name}", *found)


@functools.cache
def unpack_address(dtype, working):
    """The kernel that brings the kernel's results to `dtype`, 0 where none is needed."""
    if dtype == working:
        return 0
    convert = _TO_HALF[dtype.name][working.itemsize] if dtype.name in _TO_HALF else to_float32
    return _address(f"unpack_{working.name}_{dtype.name}", numba.from_dtype(working), convert)


def _address(name, element, convert):
    kernel = _convert_kernel(element, convert)
    return compile_function(kernel, f"void({', '.join(['intp'] * 5)})", name).address
