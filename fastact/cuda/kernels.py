"""Kernels that go through arrays element by element.

Threads stride through the grid. Where operands are contiguous, each takes sixteen bytes of every operand at a time, and
where the program is short the loads of two such steps are in flight together; other layouts are walked by index.
"""

import functools

from llvmlite import ir
from numba import cuda  # a global, for the simulator to replace

from fastact.cuda import memory, target
from fastact.cuda.lowering import emit, python_function

BLOCK = 256
#: A program of more steps gets one vector at a time: its registers are spoken for.
SHORT = 160
_I64 = ir.IntType(64)


class Body:
    """What a kernel does with one place of its operands: load, compute, store.

    Parameters
    ----------
    program : Program
        Its inputs are elements and numbers in the order of `is_number`.
    is_number : tuple of bool
        Of each argument, whether it is a number of the host's, in two parts, or an element.
    computed_in : {"float32", "float64"}
        What elements enter as.
    sources, results : tuple of str
        The dtypes that operands and results are stored in.
    masked : bool
        Whether one more source, of booleans, says which results are written.
    """

    def __init__(self, program, is_number, computed_in, sources, results, masked=False):
        self.program, self.is_number, self.computed_in = program, is_number, computed_in
        self.sources, self.results, self.masked = sources, results, masked
        self.width = memory.VECTOR_BYTES // max(memory.BYTES[each] for each in (*sources, *results))
        if target.is_simulated():
            self._run = python_function(program)

    # --- on the device -----------------------------------------------------------------------------

    def load(self, builder, addresses, offsets, width):
        """Each source's elements, as a list per source."""
        return [
            memory.load(builder, address, offset, storage, self.computed_in, width)
            for address, offset, storage in zip(addresses, offsets, self.sources, strict=True)
        ]

    def compute(self, builder, elements, numbers):
        """The results at one place, from each source's element there."""
        elements, numbers, given = list(elements), list(numbers), []
        for is_number in self.is_number:
            given += [numbers.pop(0), numbers.pop(0)] if is_number else [elements.pop(0)]
        return emit(builder, self.program, given, on_device=True)

    def store(self, builder, addresses, offsets, results):
        """Write each result's elements, a list per result."""
        for address, offset, values, storage in zip(addresses, offsets, results, self.results, strict=True):
            memory.store(builder, address, offset, values, self.computed_in, storage)

    # --- in the simulator --------------------------------------------------------------------------

    def simulate(self, sources, results, numbers, offsets):
        """Do one place."""
        elements = [
            memory.host_load(address, offset, storage, self.computed_in)
            for address, offset, storage in zip(sources, offsets, self.sources, strict=False)
        ]
        numbers, given = list(numbers), []
        for is_number in self.is_number:
            given += [numbers.pop(0), numbers.pop(0)] if is_number else [elements.pop(0)]
        for value, address, offset, storage in zip(
            self._run(*given), results, offsets[len(sources) :], self.results, strict=True
        ):
            memory.host_store(address, offset, value, storage)


def _unpack(builder, value, numba_type):
    return [builder.extract_value(value, i) for i in range(len(numba_type))]


def _constant(value):
    return ir.Constant(_I64, value)


# --- contiguous operands ---------------------------------------------------------------------------


def _vectors(body, width, count):
    """A function for kernels: do `count` steps of `width` elements, a stride apart, from a place on."""

    def codegen(context, builder, signature, args):
        sources, results, numbers = (_unpack(builder, args[i], signature.args[i]) for i in range(3))
        first, stride = args[3:]
        places = [builder.add(first, builder.mul(stride, _constant(k))) for k in range(count)]
        loaded = [body.load(builder, sources, _offsets(builder, place, body.sources, width), width) for place in places]
        for place, elements in zip(places, loaded, strict=True):
            made = [body.compute(builder, [each[i] for each in elements], numbers) for i in range(width)]
            columns = [[one[k] for one in made] for k in range(len(body.results))]
            body.store(builder, results, _offsets(builder, place, body.results, width), columns)
        return context.get_dummy_value()

    def simulated(sources, results, numbers, first, stride):
        for k in range(count):
            for i in range(width):
                place = (first + k * stride) * width + i
                offsets = [place * memory.BYTES[each] for each in (*body.sources, *body.results)]
                body.simulate(sources, results, numbers, offsets)

    return target.intrinsic(lambda *types: _void(), codegen, simulated)


def _offsets(builder, place, storages, width):
    return [builder.mul(place, _constant(width * memory.BYTES[storage])) for storage in storages]


def _void():
    from numba.cuda import types

    return types.void


def contiguous_kernel(body):
    """A kernel for operands without gaps, at addresses that are multiples of sixteen."""
    width = body.width
    in_flight = 2 if len(body.program.operations) <= SHORT else 1
    several, one_vector, one_element = _vectors(body, width, in_flight), _vectors(body, width, 1), _vectors(body, 1, 1)

    def short(count, sources, results, numbers):
        threads, vectors = cuda.gridsize(1), count // width
        i = cuda.grid(1)
        while i + threads < vectors:
            several(sources, results, numbers, i, threads)
            i += 2 * threads
        if i < vectors:
            one_vector(sources, results, numbers, i, threads)
        i = vectors * width + cuda.grid(1)
        if i < count:
            one_element(sources, results, numbers, i, threads)

    def long(count, sources, results, numbers):
        threads, vectors = cuda.gridsize(1), count // width
        i = cuda.grid(1)
        while i < vectors:
            one_vector(sources, results, numbers, i, threads)
            i += threads
        i = vectors * width + cuda.grid(1)
        if i < count:
            one_element(sources, results, numbers, i, threads)

    return short if in_flight == 2 else long


# --- any operands ----------------------------------------------------------------------------------


def _place(body):
    """A function for kernels: do the element of a number in C order."""
    operands = len(body.sources) + len(body.results)

    def codegen(context, builder, signature, args):
        sources, results, numbers, shape, strides = (_unpack(builder, args[i], signature.args[i]) for i in range(5))
        offsets, rest = [_constant(0)] * operands, args[5]
        for axis in reversed(range(len(shape))):
            index = builder.urem(rest, shape[axis]) if axis else rest
            rest = builder.udiv(rest, shape[axis]) if axis else rest
            for k in range(operands):
                step = builder.mul(index, strides[k * len(shape) + axis])
                offsets[k] = builder.add(offsets[k], step)
        inputs = len(body.sources)
        elements = [each[0] for each in body.load(builder, sources[:inputs], offsets[:inputs], 1)]
        if not body.masked:
            made = body.compute(builder, elements, numbers)
            body.store(builder, results, offsets[inputs:], [[value] for value in made])
            return context.get_dummy_value()
        *elements, mask = elements
        taken = builder.fcmp_ordered("!=", mask, ir.Constant(mask.type, 0.0))
        with builder.if_then(taken):
            made = body.compute(builder, elements, numbers)
            body.store(builder, results, offsets[inputs:], [[value] for value in made])
        return context.get_dummy_value()

    def simulated(sources, results, numbers, shape, strides, index):
        offsets = [0] * operands
        for axis in reversed(range(len(shape))):
            index, along = divmod(index, shape[axis])
            for k in range(operands):
                offsets[k] += along * strides[k * len(shape) + axis]
        if not body.masked or memory.host_load(sources[-1], offsets[len(sources) - 1], "bool", "bool"):
            body.simulate(sources, results, numbers, offsets)

    return target.intrinsic(lambda *types: _void(), codegen, simulated)


def strided_kernel(body):
    """A kernel for operands of any layout."""
    place = _place(body)

    def kernel(count, sources, results, numbers, shape, strides):
        threads = cuda.gridsize(1)
        i = cuda.grid(1)
        while i < count:
            place(sources, results, numbers, shape, strides, i)
            i += threads

    return kernel


@functools.cache
def _compiled(make, body):
    return cuda.jit(make(body))


def launch(make, body, threads, arguments, stream, device):
    """Run the kernel that `make` makes of a body, compiled when it is first needed, on some threads."""
    block = 8 if target.is_simulated() else BLOCK
    target.launch(_compiled(make, body), threads, block, stream, device, arguments)
