"""Arrays of a device, of every kind that is installed, and how to compare them with NumPy's."""

import importlib.util

import numpy as np
from cases import AXISWISE
from numba import cuda
from numba.core import config

import fastact as fa

SIMULATED = bool(config.ENABLE_CUDASIM)


class Interface:
    """An array of a library that nobody knows: a part of some memory, with the interface and nothing else.

    Parameters
    ----------
    view : ndarray
        What it is like: a view of any layout.
    base : ndarray, optional
        The contiguous array that `view` is one of; by default `view` is that itself.
    memory : optional
        The device's copy of `base`, where another array has made one.
    """

    def __init__(self, view, base=None, memory=None):
        base = view if base is None else base
        self._bytes = np.ascontiguousarray(base).reshape(-1).view(np.uint8)
        self.memory = cuda.to_device(self._bytes) if memory is None else memory
        self._offset = _address(view) - _address(base)
        self.shape, self.dtype, self.strides = view.shape, view.dtype, view.strides

    @property
    def __cuda_array_interface__(self):
        return {
            "version": 3,
            "shape": self.shape,
            "strides": self.strides,
            "typestr": "<V2" if self.dtype.name == "bfloat16" else self.dtype.str,
            "data": (address_of(self.memory) + self._offset, False),
        }

    def host(self):
        """A copy for NumPy."""
        if not self._bytes.size:
            return np.empty(self.shape, self.dtype)
        memory = np.asarray(self.memory.copy_to_host())
        return np.ndarray(self.shape, self.dtype, memory, self._offset, self.strides).copy()


def parts(base, *views):
    """Arrays of the tests' own kind that share memory: views of one array."""
    first = Interface(views[0](base), base)
    return first, *(Interface(view(base), base, first.memory) for view in views[1:])


def _address(array):
    return array.__array_interface__["data"][0]


def address_of(array):
    """Where an array of Numba's lies."""
    return _address(array._ary) if SIMULATED else array.__cuda_array_interface__["data"][0]


# --- kinds -----------------------------------------------------------------------------------------


def _cupy(array):
    import cupy

    return cupy.asarray(array)


def _torch(array):
    import torch

    return torch.as_tensor(array.copy(), device="cuda")


def placed(array):
    """A copy of an array of NumPy's on the device, of Numba's kind."""
    return cuda.to_device(np.ascontiguousarray(array) if np.ndim(array) else np.asarray(array))


KINDS = {"numba": placed, "interface": Interface}
if not SIMULATED:
    KINDS |= {name: make for name, make in (("cupy", _cupy), ("torch", _torch)) if importlib.util.find_spec(name)}


def on_host(array):
    """A device's array, or several, as NumPy's."""
    if isinstance(array, tuple):
        return tuple(map(on_host, array))
    if isinstance(array, Interface):
        return array.host()
    if hasattr(array, "copy_to_host"):
        return np.asarray(array.copy_to_host())
    return array.get() if hasattr(array, "get") else array.detach().cpu().numpy()


def on_device(values):
    """The same arguments with arrays of the device for those of NumPy; a mapping's, too."""
    if isinstance(values, dict):
        return {name: placed(value) if isinstance(value, np.ndarray) else value for name, value in values.items()}
    return [placed(value) if isinstance(value, np.ndarray) else value for value in values]


# --- comparing -------------------------------------------------------------------------------------


def assert_same(got, expected):
    """Same shape, dtype and bits; all NaN are one. Several results are compared each with its own."""
    if isinstance(expected, tuple):
        assert len(got) == len(expected)
        for pair in zip(got, expected, strict=True):
            assert_same(*pair)
        return
    got, expected = on_host(got), np.asarray(expected)
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    bits = f"u{expected.dtype.itemsize}"
    wrong = got.reshape(-1).view(bits) != expected.reshape(-1).view(bits)
    wrong &= ~(np.isnan(got) & np.isnan(expected)).reshape(-1)
    assert not wrong.any(), (np.flatnonzero(wrong), got.reshape(-1)[wrong], expected.reshape(-1)[wrong])


def assert_near(got, expected, ulps=1):
    """Same shape and dtype, and values within so many units in the last place: sums depend on their order."""
    if isinstance(expected, tuple):
        assert len(got) == len(expected)
        for pair in zip(got, expected, strict=True):
            assert_near(*pair, ulps)
        return
    got, expected = on_host(got), np.asarray(expected)
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    with np.errstate(all="ignore"):
        unit = np.spacing(np.abs(expected))
    exact = ~np.isfinite(unit)  # where nothing follows
    np.testing.assert_array_equal(got[exact], expected[exact])
    got, expected, unit = got[~exact], expected[~exact], unit[~exact]
    distance = np.abs(got.astype("f8") - expected.astype("f8")) / unit.astype("f8")
    assert not (distance > ulps).any(), (distance.max(), got, expected)


def function(name, direction="value"):
    """The callable of a direction."""
    return fa.get(name) if direction == "value" else getattr(fa.get(name), direction)


# --- functions along an axis -------------------------------------------------------------------------

PLAIN = [name for name in AXISWISE if name != "maxout"]
EVERY = [(name, direction) for name in PLAIN for direction in fa.get(name).info.directions]


def operands(name, direction, x, axis):
    """What a direction takes to be evaluated at `x`, or at the output there."""
    y = fa.get(name)(x, axis=axis)
    grad = normal(*y.shape, dtype=x.dtype, seed=1)
    return {"value": (x,), "backward": (grad, x), "backward_from_output": (grad, y)}[direction]


# --- inputs ----------------------------------------------------------------------------------------


def edges(dtype):
    """Kinks, tails, zeros, subnormals, infinities, NaN."""
    facts = np.finfo(dtype)
    sizes = [0, 1e-8, 1e-3, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 6, 10.3, 30, 90, 700, np.inf]
    sizes += [float(each) for each in (facts.smallest_subnormal, facts.tiny / 8, facts.tiny, facts.max)]
    with np.errstate(over="ignore"):
        sizes = np.array(sizes).astype(dtype)
    return np.concatenate([sizes, -sizes, np.array([np.nan], dtype)])


def gradients(x):
    """Gradients to go with inputs: both signs, zero, large and small."""
    return np.resize(np.array([1, -1.5, 0.3, 0.0, 2, 1e4, -1e-4], x.dtype), x.shape)


def arguments(direction, x):
    """What a direction takes to be evaluated at `x`."""
    return (gradients(x), x) if direction.startswith("backward") else (x,)


def normal(*shape, dtype="float32", seed=0, scale=2.0):
    """Random numbers."""
    return np.random.default_rng(seed).normal(scale=scale, size=shape).astype(dtype)
