"""How kernels read and write elements: by address, in any storage type, one at a time or sixteen bytes at once.

Addresses are integers, so that a launch passes nothing but numbers. Elements enter a kernel as what it computes in, and
are rounded once where they leave it.
"""

import ctypes

import numpy as np
from llvmlite import ir

from fastact.cuda import lowering
from fastact.cuda.lowering import LLVM_TYPE, convert

VECTOR_BYTES = 16
GLOBAL = 1  # the address space of a device's own memory
BYTES = {
    "bool": 1,
    "bfloat16": 2,
    **{f"{sign}int{bits}": bits // 8 for sign in ("", "u") for bits in (8, 16, 32, 64)},
    **{f"float{bits}": bits // 8 for bits in (16, 32, 64)},
}
_I16, _I32, _I64 = (ir.IntType(bits) for bits in (16, 32, 64))


def _storage_type(storage):
    if storage == "float16":
        return ir.HalfType()
    if storage in LLVM_TYPE and storage != "bool":
        return LLVM_TYPE[storage]
    return ir.IntType(8 * BYTES[storage])


def _entered(builder, value, storage, computed_in):
    """A stored element as what the kernel computes in."""
    if storage == "float16":
        return builder.fpext(value, LLVM_TYPE[computed_in])
    if storage == "bfloat16":
        bits = builder.shl(builder.zext(value, _I32), ir.Constant(_I32, 16))
        return convert(builder, builder.bitcast(bits, LLVM_TYPE["float32"]), "float32", computed_in)
    if storage == "bool":
        return (
            builder.icmp_signed("!=", value, ir.Constant(value.type, 0))
            if computed_in == "bool"
            else convert(builder, builder.icmp_signed("!=", value, ir.Constant(value.type, 0)), "bool", computed_in)
        )
    return convert(builder, value, storage, computed_in)


def _left(builder, value, computed_in, storage):
    """A number as it is stored."""
    if storage == "float16":
        return builder.fptrunc(value, ir.HalfType())
    if storage != "bfloat16":
        return convert(builder, value, computed_in, storage)
    value = convert(builder, value, computed_in, "float32")
    # To the nearest, ties to even; NaN must not become infinite.
    bits = builder.bitcast(value, _I32)
    odd = builder.and_(builder.lshr(bits, ir.Constant(_I32, 16)), ir.Constant(_I32, 1))
    rounded = builder.lshr(builder.add(bits, builder.add(odd, ir.Constant(_I32, 0x7FFF))), ir.Constant(_I32, 16))
    quiet = builder.or_(builder.lshr(bits, ir.Constant(_I32, 16)), ir.Constant(_I32, 0x40))
    is_nan = builder.fcmp_unordered("uno", value, value)
    return builder.trunc(builder.select(is_nan, quiet, rounded), _I16)


def pointer(builder, address, offset, llvm_type):
    """A pointer to device memory, `offset` bytes from an address."""
    base = builder.inttoptr(address, ir.PointerType(ir.IntType(8), GLOBAL))
    return builder.bitcast(builder.gep(base, [offset]), ir.PointerType(llvm_type, GLOBAL))


def load(builder, address, offset, storage, computed_in, width=1):
    """The elements at an address, as a list of numbers; several are sixteen bytes, aligned."""
    element = _storage_type(storage)
    if width == 1:
        value = builder.load(pointer(builder, address, offset, element), align=BYTES[storage])
        return [_entered(builder, value, storage, computed_in)]
    vector = builder.load(
        pointer(builder, address, offset, ir.VectorType(element, width)), align=width * BYTES[storage]
    )
    items = [builder.extract_element(vector, ir.Constant(_I32, i)) for i in range(width)]
    return [_entered(builder, item, storage, computed_in) for item in items]


def store(builder, address, offset, values, computed_in, storage):
    """Write elements to an address."""
    values = [_left(builder, value, computed_in, storage) for value in values]
    element = _storage_type(storage)
    if len(values) == 1:
        builder.store(values[0], pointer(builder, address, offset, element), align=BYTES[storage])
        return
    vector = ir.Constant(ir.VectorType(element, len(values)), ir.Undefined)
    for i, value in enumerate(values):
        vector = builder.insert_element(vector, value, ir.Constant(_I32, i))
    builder.store(vector, pointer(builder, address, offset, vector.type), align=len(values) * BYTES[storage])


# --- in the simulator ------------------------------------------------------------------------------


def _host_type(storage):
    if storage == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(storage)


def _at(address, storage):
    dtype = _host_type(storage)
    return np.frombuffer((ctypes.c_char * dtype.itemsize).from_address(int(address)), dtype)


def host_load(address, offset, storage, computed_in):
    """As `load`, of memory that is the processor's."""
    value = _at(address + offset, storage)[0]
    return np.bool_(value) if computed_in == "bool" else np.dtype(computed_in).type(value)


def host_store(address, offset, value, storage):
    """As `store`, to memory that is the processor's."""
    with np.errstate(all="ignore"):
        _at(address + offset, storage)[0] = value


__all__ = ["BYTES", "VECTOR_BYTES", "host_load", "host_store", "load", "lowering", "pointer", "store"]
