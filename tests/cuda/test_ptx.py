"""What GPU kernels are compiled to: PTX, which needs NVIDIA's compiler and no device.

Functions are called on arrays that say they are a device's, and lie nowhere. What would be launched is compiled.
"""

import itertools
import re
from dataclasses import dataclass

import numpy as np
import pytest

import fastact as fa

try:
    from numba.core import config
    from numba.cuda.cudadrv.nvvm import NVVM
    from numba.cuda.typing.typeof import typeof

    NVVM()
    ABSENT = "Numba's simulator compiles nothing" if config.ENABLE_CUDASIM else ""
except Exception as error:  # whatever of the compiler's parts is not there
    ABSENT = f"needs numba-cuda and its compiler ({error})"

pytestmark = pytest.mark.skipif(bool(ABSENT), reason=ABSENT)

ELEMENTWISE, GATED, AXISWISE = (fa.names(kind=kind) for kind in ("elementwise", "gated", "axiswise"))
CAPABILITIES = [(8, 0), (9, 0)]  # what data centres have had since 2020
VECTOR = {"float32": "v4.f32", "float64": "v2.f64", "float16": "v4", "bfloat16": "v4"}
USUAL = ("value", "derivative", "backward")


class Nowhere:
    """An array that nobody reads, at an address of its own."""

    addresses = itertools.count(1 << 40, 1 << 40)

    def __init__(self, shape, dtype="float32", strides=None, offset=0):
        dtype = np.dtype(dtype)
        self.shape, self.dtype = shape, dtype
        self.interface = {
            "version": 3,
            "shape": shape,
            "typestr": dtype.str,
            "strides": strides,
            "data": (next(self.addresses) + offset, False),
        }

    @property
    def __cuda_array_interface__(self):
        return self.interface


@dataclass
class Kernel:
    """A kernel that would have been launched: its body, its arguments, how it is made."""

    make: object
    body: object
    arguments: tuple

    def ptx(self, capability=CAPABILITIES[0]):
        """Its code."""
        from numba import cuda

        return cuda.compile_ptx(self.make(self.body), tuple(map(typeof, self.arguments)), cc=capability)[0]


@pytest.fixture
def launched(monkeypatch):
    """A function of a call: the kernels that it would have launched."""
    from fastact.cuda import arrays, kernels, rows, target

    kept = []

    def keep_elementwise(make, body, threads, arguments, *_):
        kept.append(Kernel(make, body, arguments))

    def keep_rows(body, count, arguments, *_):
        kept.append(Kernel(rows.kernel_of, body, (count, *arguments)))

    monkeypatch.setattr(kernels, "launch", keep_elementwise)
    monkeypatch.setattr(rows, "launch", keep_rows)
    monkeypatch.setattr(target, "require_device", lambda: None)
    monkeypatch.setattr(arrays._Numba, "empty", lambda self, shape, dtype, like: Nowhere(shape, dtype))
    monkeypatch.setattr(arrays._Numba, "from_host", lambda self, array, like: Nowhere(array.shape, array.dtype))

    def launched(call):
        kept.clear()
        call()
        return list(kept)

    return launched


def function(name, direction):
    return fa.get(name) if direction == "value" else getattr(fa.get(name), direction)


def call_of(name, direction, dtype, shape=(1 << 12,), **keywords):
    """A call of a direction at arrays of a shape."""
    arrays = [Nowhere(shape, dtype) for _ in fa.get(name).info.operands(direction)]
    return lambda: function(name, direction)(*arrays, **keywords)


# --- reading ---------------------------------------------------------------------------------------

FLOAT64_ARITHMETIC = r"\b(?:add|sub|mul|fma|div|sqrt|rcp|setp|selp|neg|abs|min|max|copysign)\S*\.f64"


def accesses(ptx):
    """The loads and stores of several elements at once, in order: ``("ld", "v4.f32")``."""
    return re.findall(r"\b(ld|st)\.global\S*?\.(v\d\.\w+)", ptx)


def loops_first(ptx, sources, results):
    """How many vectors' loads come before the first store, and whether as many stores follow."""
    kinds = "".join("l" if kind == "ld" else "s" for kind, _ in accesses(ptx))
    loads, stores = re.match(r"(l*)(s*)", kinds).groups()
    assert len(loads) // sources == len(stores) // results
    return len(loads) // sources


def passes(ptx):
    """How many loops read elements, and hold no other one that does."""
    lines = ptx.splitlines()
    labels = {line.rstrip(":"): number for number, line in enumerate(lines) if line.startswith("$L")}
    jumps = [(number, re.search(r"\bbra(?:\.uni)?\s+(\$\w+);", line)) for number, line in enumerate(lines)]
    loops = [(labels[jump[1]], end) for end, jump in jumps if jump and labels[jump[1]] <= end]
    reading = [(start, end) for start, end in loops if any("ld.global" in line for line in lines[start:end])]
    return sum(not any(start <= a and b < end for a, b in reading) for start, end in reading)


def assert_clean(ptx):
    """No memory of a thread's own, no calls, nothing rounded otherwise than asked for, no narrow index."""
    assert ".local" not in ptx
    assert not re.search(r"\bcall\b", ptx)
    assert not re.search(r"\.(ftz|approx|full)\b", ptx)
    assert not re.search(r"\b(?:mad|fma)\.f\d", ptx)
    # The assembler may make one step of a plain product and the sum that takes it.
    for product in re.findall(r"\bmul\.f\d\d\s+(%\w+),", ptx):
        assert not re.search(rf"\b(?:add|sub)\S*\s+%\w+,.*{product}\b", ptx)
    assert not re.search(r"\bsetp\.\w+\.[su]32\s+%p\d+, %r\d+, %r\d+;.*\n.*bra", ptx)  # of an index


def per_element(program, is_number):
    """How often a program fuses a product and a sum, of elements and of numbers alone; 1 times a number is none."""
    places, elements = itertools.count(), set()
    for number in is_number:
        taken = [next(places) for _ in range(1 + number)]
        elements |= set() if number else set(taken)
    varies = []
    for operation in program.operations:
        is_element = operation.name == "input" and operation.operands[0] in elements
        varies.append(is_element or any(varies[place] for place in operation.places))
    is_one = [name == "constant" and operands[0] in (1.0, -1.0) for name, _, operands in program.operations]
    fused = [
        varies[place]
        for place, operation in enumerate(program.operations)
        if operation.name == "fma" and not any(is_one[factor] for factor in operation.operands[:2])
    ]
    return sum(fused), len(fused) - sum(fused)


def assert_elementwise(kernel, ptx):
    """What holds for kernels of contiguous arrays."""
    from fastact.cuda import formulas, kernels

    body = kernel.body
    sources, results = len(body.sources), len(body.results)
    assert_clean(ptx)
    assert {width for _, width in accesses(ptx)} == {VECTOR[body.sources[0]]}
    in_flight = loops_first(ptx, sources, results)
    assert in_flight == (2 if len(body.program.operations) <= kernels.SHORT else 1)
    # The compiler needs none for what is exact in float32, such as twice a number.
    assert formulas.uses_float64(body.program) or not re.search(FLOAT64_ARITHMETIC, ptx)
    # What is left of the vectors, one element, comes last.
    last = ptx[ptx.rindex("bra") :]
    varying, constant = per_element(body.program, body.is_number)
    assert varying <= len(re.findall(r"\bfma\.rn", last)) <= varying + constant
    assert re.search(r"\bst\.global\.[fu]", last)
    # Places are 64 bits: those of two steps, and the number of elements.
    assert len(re.findall(r"\.param \.u64", ptx)) == 1 + sources + results
    assert len(re.findall(r"\bsetp\.\w+\.s64", ptx)) >= 3


# --- element by element ----------------------------------------------------------------------------


def cases(names, directions, dtypes):
    return [
        (name, direction, dtype)
        for name in names
        for direction in fa.get(name).info.directions
        if direction in directions or directions == ()
        for dtype in dtypes
    ]


SAMPLE = cases(ELEMENTWISE, USUAL, ["float32"]) + cases(("relu", "elu", "gelu", "sine"), USUAL, ["float64"])
EVERY = cases(ELEMENTWISE, (), ["float32", "float64"])


def check(launched, name, direction, dtype, capability):
    (kernel,) = launched(call_of(name, direction, dtype))
    assert_elementwise(kernel, kernel.ptx(capability))


@pytest.mark.parametrize(
    ("case", "capability"), list(zip(SAMPLE, itertools.cycle(CAPABILITIES))), ids=lambda part: "-".join(map(str, part))
)
def test_contiguous_kernels(launched, case, capability):
    check(launched, *case, capability)


@pytest.mark.exhaustive
@pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda part: "".join(map(str, part)))
@pytest.mark.parametrize("case", EVERY, ids="-".join)
def test_every_contiguous_kernel(launched, case, capability):
    check(launched, *case, capability)


@pytest.mark.parametrize("direction", USUAL)
@pytest.mark.parametrize("name", ["relu", "relu6", "identity", "binary_step"])
def test_what_needs_no_arithmetic_stays_in_float32(launched, name, direction):
    (kernel,) = launched(call_of(name, direction, "float32"))
    assert not re.search(FLOAT64_ARITHMETIC, kernel.ptx())


@pytest.mark.parametrize("name", ["relu", "gelu"])
def test_float16_is_loaded_eight_at_a_time(launched, name):
    (kernel,) = launched(call_of(name, "value", "float16"))
    ptx = kernel.ptx()
    assert_clean(ptx)
    assert kernel.body.width == 8
    assert loops_first(ptx, 1, 1) == 2


@pytest.mark.parametrize("name", ["silu", "elu"])
@pytest.mark.parametrize(
    "array",
    [{"offset": 4}, {"strides": (8,)}, {"strides": (-4,)}],
    ids=["unaligned", "strided", "backwards"],
)
def test_kernels_of_other_layouts(launched, name, array):
    (kernel,) = launched(lambda: fa.get(name)(Nowhere((1 << 12,), **array)))
    ptx = kernel.ptx()
    assert_clean(ptx)
    assert not accesses(ptx)
    varying, constant = per_element(kernel.body.program, kernel.body.is_number)
    copies = len(re.findall(r"\bld\.global", ptx))  # the compiler unrolls the loop
    assert copies * varying <= len(re.findall(r"\bfma\.rn", ptx)) <= copies * (varying + constant)


def test_masks_and_parameters_that_are_arrays(launched):
    x = Nowhere((64, 32))
    (kernel,) = launched(lambda: fa.gelu(x, out=Nowhere((64, 32)), where=Nowhere((64, 32), "bool")))
    assert_clean(kernel.ptx())
    (kernel,) = launched(lambda: fa.prelu(x, Nowhere((32,))))
    assert_clean(kernel.ptx())
    assert not re.search(FLOAT64_ARITHMETIC, kernel.ptx())
    (kernel,) = launched(lambda: fa.prelu(x, Nowhere((64, 32))))
    assert_elementwise(kernel, kernel.ptx())


@pytest.mark.parametrize("direction", ["value", "backward"])
@pytest.mark.parametrize("name", GATED)
def test_gated_kernels(launched, name, direction):
    (kernel,) = launched(call_of(name, direction, "float32"))
    assert_elementwise(kernel, kernel.ptx())
    x, grad = Nowhere((64, 64)), [Nowhere((64, 32))] * (direction == "backward")
    (kernel,) = launched(lambda: function(name, direction)(*grad, x))  # halves
    assert_clean(kernel.ptx())


# --- along an axis ---------------------------------------------------------------------------------

# Shape, axis, how many threads a row gets, and whether it is read once.
LAYOUTS = {
    "a thread per row": ((4096, 8), -1, 1, True),
    "a warp per row": ((4096, 256), -1, 32, True),
    "a block per row": ((64, 2048), -1, 256, True),
    "a block per long row": ((8, 1 << 16), -1, 256, False),
    "a thread per column": ((256, 8192), 0, 1, False),
    "rows of odd length": ((4096, 251), -1, 32, True),
}


def row_call(name, direction, dtype, layout, **keywords):
    shape, axis, _, _ = LAYOUTS[layout]
    definition = fa.get(name).info
    if name == "maxout":
        parts = (*shape[:axis], shape[axis] // 2, *shape[axis % 2 + 1 :])
        grad = [Nowhere(parts, dtype)] * (direction != "value")
        return lambda: function(name, direction)(*grad, Nowhere(shape, dtype), 2, axis=axis)
    rest = tuple(length for i, length in enumerate(shape) if i != axis % 2)
    grads = [Nowhere(rest if definition.reduces else shape, dtype)] * (len(definition.arrays(direction)) - 1)
    return lambda: function(name, direction)(*grads, Nowhere(shape, dtype), axis=axis, **keywords)


def assert_rows(kernel, ptx, layout):
    """What holds for kernels along an axis."""
    body, (_, _, threads, fits) = kernel.body, LAYOUTS[layout]
    assert (body.threads, body.fits) == (threads, fits)
    assert_clean(ptx)
    barriers = ptx.count("bar.sync")
    assert bool(barriers) == ("shared" in ptx) == (threads > 1)
    if body.is_online:  # one for the largest element and the sums, one for what is along the axis
        assert passes(ptx) == 1 + len(body.results)
    if not body.programs.formulas.needs_threshold:
        assert barriers % 3 == 0  # each time that threads meet: before they read, in between, and after
    widths = {width for _, width in accesses(ptx)}
    wide = {width for width in widths if width == VECTOR[body.programs.dtype]}
    assert bool(wide) == (body.width > 1)
    assert (body.width > 1) == (layout in ("a warp per row", "a block per row", "a block per long row"))


ROWS = [(name, direction) for name in AXISWISE if name != "maxout" for direction in fa.get(name).info.directions]


@pytest.mark.parametrize(("name", "direction"), ROWS)
def test_row_kernels(launched, name, direction):
    for layout in LAYOUTS if name == "softmax" else ("a warp per row",):
        (kernel,) = launched(row_call(name, direction, "float32", layout))
        assert_rows(kernel, kernel.ptx(), layout)


@pytest.mark.exhaustive
@pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda part: "".join(map(str, part)))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("name", "direction"), ROWS)
def test_every_row_kernel(launched, name, direction, layout, dtype, capability):
    (kernel,) = launched(row_call(name, direction, dtype, layout))
    assert_rows(kernel, kernel.ptx(capability), layout)


@pytest.mark.parametrize("empty", ["nan", "zero", "uniform"])
def test_row_kernels_with_masks(launched, empty):
    mask = Nowhere(LAYOUTS["a warp per row"][0], "bool")
    (kernel,) = launched(row_call("softmax", "value", "float32", "a warp per row", where=mask, empty=empty))
    assert_clean(kernel.ptx())


@pytest.mark.parametrize(("name", "options", "expected"), [("logsumexp", {}, 1), ("softmax", {"empty": "uniform"}, 3)])
def test_how_often_long_rows_are_read(launched, name, options, expected):
    (kernel,) = launched(row_call(name, "value", "float32", "a block per long row", **options))
    ptx = kernel.ptx()
    assert_rows(kernel, ptx, "a block per long row")
    assert passes(ptx) == expected


@pytest.mark.parametrize("direction", ["value", "backward"])
def test_maxout(launched, direction):
    (kernel,) = launched(row_call("maxout", direction, "float32", "a warp per row"))
    assert_clean(kernel.ptx())


# --- sums ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parameter_gradients(launched, dtype):
    x = Nowhere((512, 512), dtype)
    for alpha in (0.25, Nowhere((512,), dtype), Nowhere((512, 512), dtype)):
        kernels = launched(lambda alpha=alpha: fa.prelu.parameter_gradients(x, x, alpha))
        assert kernels
        for kernel in kernels:
            assert_clean(kernel.ptx())


@pytest.mark.parametrize(("classes", "dtype"), [(10, "float32"), (1000, "float64"), (50_000, "float32")])
def test_cross_entropy(launched, classes, dtype):
    logits, labels = Nowhere((64, classes), dtype), np.zeros(64, int)
    for options in ({}, {"label_smoothing": 0.1}):
        kernels = launched(
            lambda options=options: fa.softmax_cross_entropy.value_and_gradient(logits, labels, **options)
        )
        codes = [kernel.ptx() for kernel in kernels]
        for ptx in codes:
            assert_clean(ptx)
        assert passes(codes[0]) == (1 if kernels[0].body.fits else 2)


def test_cross_entropy_of_distributions(launched):
    logits = Nowhere((64, 1000))
    for kernel in launched(lambda: fa.softmax_cross_entropy.value_and_gradient(logits, logits)):
        assert_clean(kernel.ptx())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_binary_cross_entropy(launched, dtype):
    logits = Nowhere((1 << 16,), dtype)
    first, *sums = launched(lambda: fa.sigmoid_binary_cross_entropy.value_and_gradient(logits, logits))
    assert_elementwise(first, first.ptx())
    for kernel in sums:
        assert_clean(kernel.ptx())
