"""Arrays of a device: where their elements are, and how more of their kind are made.

An `Operand` is all that a kernel needs to know of an array. Whose kind it is decides what results are, and on which
stream work is queued: the one that its library uses at the moment.
"""

import dataclasses
import operator
import sys
from math import prod

import numpy as np

from fastact._device import is_device_array
from fastact.cuda import target
from fastact.cuda.memory import BYTES

INTERFACE = "__cuda_array_interface__"


@dataclasses.dataclass(frozen=True)
class Operand:
    """Elements of a device.

    Attributes
    ----------
    address : int
        Of the first element.
    shape, strides : tuple of int
        Elements along each axis, and bytes from one to the next.
    dtype : str
        Its name.
    owner : object
        What the caller gave.
    """

    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str
    owner: object = None

    @property
    def ndim(self):
        """How many axes there are."""
        return len(self.shape)

    @property
    def size(self):
        """How many elements there are."""
        return prod(self.shape)

    @property
    def is_contiguous(self):
        """Whether elements follow each other in C order."""
        return (
            not self.size
            or self.strides == contiguous_strides(self.shape, self.dtype)
            or all(
                length == 1 or stride == step
                for length, stride, step in zip(
                    self.shape, self.strides, contiguous_strides(self.shape, self.dtype), strict=True
                )
            )
        )

    def broadcast_to(self, shape):
        """The same elements, repeated along axes that they lack."""
        missing = len(shape) - self.ndim
        strides = [0] * missing
        for have, want, stride in zip(self.shape, shape[missing:], self.strides, strict=True):
            strides.append(0 if have == 1 and want != 1 else stride)
        return dataclasses.replace(self, shape=tuple(shape), strides=tuple(strides))

    def transposed(self, axes):
        """The axes in another order."""
        shape, strides = (tuple(values[i] for i in axes) for values in (self.shape, self.strides))
        return dataclasses.replace(self, shape=shape, strides=strides)

    def with_axis_last(self, axis):
        """The array whose last axis is this one."""
        rest = [i for i in range(self.ndim) if i != axis % self.ndim]
        return self.transposed((*rest, axis % self.ndim))

    def part(self, axis, start, step, length):
        """Every `step`-th element along an axis."""
        shape, strides = list(self.shape), list(self.strides)
        address = self.address + start * strides[axis]
        shape[axis], strides[axis] = length, step * strides[axis]
        return dataclasses.replace(self, address=address, shape=tuple(shape), strides=tuple(strides))

    def without_last_axis(self):
        """The array at the first place of its last axis."""
        return dataclasses.replace(self, shape=self.shape[:-1], strides=self.strides[:-1])

    def squeezed(self):
        """The array without axes of length 1."""
        axes = [i for i, length in enumerate(self.shape) if length != 1]
        shape, strides = (tuple(values[i] for i in axes) for values in (self.shape, self.strides))
        return dataclasses.replace(self, shape=shape, strides=strides)

    def halves(self, axis, interleaved=False):
        """The two halves along an axis whose length is even."""
        half = self.shape[axis] // 2
        if interleaved:
            return [self.part(axis, 0, 2, half), self.part(axis, 1, 2, half)]
        return [self.part(axis, 0, 1, half), self.part(axis, half, 1, half)]

    def split_axis(self, axis, inner):
        """The array with an axis made two, the second of length `inner`."""
        length, stride = self.shape[axis], self.strides[axis]
        shape = (*self.shape[:axis], length // inner, inner, *self.shape[axis + 1 :])
        strides = (*self.strides[:axis], stride * inner, stride, *self.strides[axis + 1 :])
        return dataclasses.replace(self, shape=shape, strides=strides)

    def may_overlap(self, other):
        """Whether two arrays may share memory without being the same elements in the same order."""
        if (self.address, self.shape, self.strides) == (other.address, other.shape, other.strides):
            return self.dtype != other.dtype
        (low, high), (other_low, other_high) = self.extent, other.extent
        return low < other_high and other_low < high

    @property
    def extent(self):
        """The first address of any element, and the one after the last."""
        if not self.size:
            return self.address, self.address
        steps = [(length - 1) * stride for length, stride in zip(self.shape, self.strides, strict=True)]
        low = self.address + sum(step for step in steps if step < 0)
        return low, self.address + sum(step for step in steps if step > 0) + BYTES[self.dtype]


def contiguous_strides(shape, dtype):
    """The strides of an array in C order."""
    strides, step = [], BYTES[dtype]
    for length in reversed(shape):
        strides.append(step)
        step *= length
    return tuple(reversed(strides))


# --- whose array it is -----------------------------------------------------------------------------


class _Numba:
    """Numba's own device arrays, and those of libraries that are not known here."""

    def operand(self, array):
        interface = getattr(array, INTERFACE, None)
        if interface is None:  # the simulator's
            interface = array._ary.__array_interface__
        return _from_interface(interface, array)

    def empty(self, shape, dtype, like):
        cuda = target.cuda()
        if dtype == "bfloat16":
            raise TypeError("Numba's device arrays have no bfloat16")
        return cuda.device_array(shape, np.dtype(dtype))

    def from_host(self, array, like):
        return target.cuda().to_device(array)

    def to_host(self, array):
        if not hasattr(array, "copy_to_host"):
            array = target.cuda().as_cuda_array(array)
        return np.asarray(array.copy_to_host())

    def stream(self, array):
        stream = (getattr(array, INTERFACE, None) or {}).get("stream")
        return target.cuda().external_stream(stream) if stream not in (None, 1, 2) else 0

    def device(self, array):
        return None


class _CuPy(_Numba):
    """CuPy's arrays."""

    def empty(self, shape, dtype, like):
        cupy = sys.modules["cupy"]
        with like.device:
            return cupy.empty(shape, numpy_dtype(dtype))

    def from_host(self, array, like):
        with like.device:
            return sys.modules["cupy"].asarray(array)

    def to_host(self, array):
        return array.get()

    def stream(self, array):
        cupy = sys.modules["cupy"]
        return _external(cupy.cuda.get_current_stream(array.device.id).ptr)

    def device(self, array):
        return array.device.id


class _Torch:
    """PyTorch's tensors."""

    def operand(self, array):
        dtype = str(array.dtype).removeprefix("torch.")
        size = array.element_size()
        strides = tuple(size * stride for stride in array.stride())
        return Operand(array.data_ptr(), tuple(array.shape), strides, dtype, array)

    def empty(self, shape, dtype, like):
        torch = sys.modules["torch"]
        return torch.empty(shape, dtype=getattr(torch, dtype), device=like.device)

    def from_host(self, array, like):
        return sys.modules["torch"].as_tensor(array, device=like.device)

    def to_host(self, array):
        return array.detach().cpu().numpy()

    def stream(self, array):
        return _external(sys.modules["torch"].cuda.current_stream(array.device).cuda_stream)

    def device(self, array):
        return array.device.index


def _external(handle):
    return target.cuda().external_stream(handle) if handle else 0


def _from_interface(interface, owner):
    dtype = np.dtype(interface["typestr"])
    name = "bfloat16" if dtype.str.endswith("V2") else dtype.name
    if not dtype.isnative:
        raise TypeError(f"the array's bytes are swapped ({dtype.str}); use native byte order")
    shape = tuple(interface["shape"])
    strides = interface.get("strides")
    if strides is None:
        strides = contiguous_strides(shape, name) if name in BYTES else ()
    return Operand(interface["data"][0], shape, tuple(strides), name, owner)


_LIBRARIES = {"cupy": _CuPy(), "torch": _Torch()}
_OTHERS = _Numba()


def empty_like(operand, shape=None, dtype=None):
    """A new array of an operand's kind, as an `Operand`."""
    shape, dtype = operand.shape if shape is None else shape, dtype or operand.dtype
    return operand_of(library_of(operand.owner).empty(shape, dtype, operand.owner))


def numpy_dtype(name):
    """The dtype of a name."""
    if name == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)


def to_device(array, like):
    """A copy of an array of NumPy's, where another one is."""
    library = library_of(like.owner)
    return operand_of(library.from_host(array, like.owner))


def to_host(array):
    """A copy of a device's array for NumPy."""
    return library_of(array).to_host(array)


def library_of(array):
    """How to deal with an array: by its library, found out without importing any."""
    return _LIBRARIES.get(type(array).__module__.partition(".")[0], _OTHERS)


def operand_of(array):
    """An array of a device as an `Operand`."""
    if getattr(array, "requires_grad", False):
        array = array.detach()
    return library_of(array).operand(array)


def device_operand(name, value):
    """An array of a device as an `Operand`; one of the host's is refused in the name of a function."""
    if isinstance(value, Operand):
        return value
    if is_device_array(value):
        return operand_of(value)
    raise TypeError(
        f"{name}: a host array of shape {np.shape(value)} cannot join arrays on a GPU; move it there first, "
        "with cupy.asarray, torch.as_tensor or numba.cuda.to_device"
    )


def as_stream(handle):
    """A stream that Numba takes, from its own, CuPy's, PyTorch's or a plain handle."""
    for name in ("ptr", "cuda_stream"):
        handle = getattr(handle, name, handle)
    try:
        return _external(operator.index(handle))
    except TypeError:
        return handle
