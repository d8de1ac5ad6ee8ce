"""Functions along an axis: row kernels, their loop behind generalised ufuncs, and threads over rows."""

import functools

import numba
import numpy as np

from fastact._definition import registry
from fastact._engine import conversions, precision
from fastact._engine import intrinsics as llvm
from fastact._engine import job as j
from fastact._engine.blocks import LEAVE, register_helpers
from fastact._engine.cache import compile_function
from fastact._engine.inlined import inlined

# Partial maxima and sums are kept in this many lanes, each a plain running one: that vectorises, and adds in an order
# that depends on the length alone.
LANES = 64
_LANE_BYTES = 16 * LANES
_MOST_SUMS = 3
_SUMS_BYTES = _LANE_BYTES * _MOST_SUMS
_PLACES_BYTES = 8 * j.MAX_OPERANDS

# A program's words.
KERNEL, STATE, OPERANDS, PARALLEL_FROM = range(4)
PROGRAM_WORDS = 4
# A job's words.
PROGRAM, ROWS, LENGTH, TILE_ROWS, TILES, NEXT_TILE, ARGS, STEPS = range(8)
JOB_WORDS = 8
_JOB_BYTES = 8 * JOB_WORDS
_FLAGS_BYTES = llvm.FLOATING_POINT_ENVIRONMENT_BYTES
TILE_ELEMENTS = 16_384


# --- elements --------------------------------------------------------------------------------------


def _reader(dtype):
    """How an element of a dtype is brought into working precision."""
    if dtype == "float32":
        return inlined(lambda address: np.float64(llvm.load(address, numba.float32)))
    if dtype == "float64":
        return inlined(lambda address: precision.exact(llvm.load(address, numba.float64)))
    convert = getattr(conversions, f"{dtype}_to_float32")
    return inlined(lambda address: np.float64(convert(llvm.load(address, numba.uint16))))


def _writer(dtype):
    """How a result in working precision is brought to its place."""
    if dtype in LEAVE:
        leave = LEAVE[dtype]
        return inlined(lambda address, value: llvm.store(address, leave(value)))
    convert = getattr(conversions, f"float32_to_{dtype}")
    return inlined(lambda address, value: llvm.store(address, convert(np.float32(value))))


def _lanes(dtype):
    """How running sums are kept: load, store and zero, in working precision."""
    if dtype == "float64":
        load = inlined(
            lambda address: precision.make_pair(
                llvm.load(address, numba.float64), llvm.load(address + 8 * LANES, numba.float64)
            )
        )

        @inlined
        def store(address, value):
            llvm.store(address, precision.hi_part(value))
            llvm.store(address + 8 * LANES, precision.lo_part(value))

        return load, store, inlined(lambda: precision.make_pair(0.0, 0.0))
    load = inlined(lambda address: llvm.load(address, numba.float64))
    store = inlined(lambda address, value: llvm.store(address, float(value)))
    return load, store, inlined(lambda: 0.0)


# --- row kernels -----------------------------------------------------------------------------------


def _largest_of_row(read):
    @inlined
    def largest_of_row(x, stride, length):
        largest = read(x)
        for i in range(1, length):
            value = read(x + i * stride)
            larger = value > largest or not value <= value
            largest = precision.w.where(larger, value, largest)
        return largest

    return largest_of_row


def _operands_reader(read, count):
    if count == 1:
        return inlined(lambda places, steps, i: (read(places[0] + i * steps[0]),))
    return inlined(lambda places, steps, i: (read(places[0] + i * steps[0]), read(places[1] + i * steps[1])))


def _add_terms(terms, lanes, sums):
    """Add one element's terms to the running sums of its lane."""
    load, store, _ = lanes

    @inlined
    def add_two(operands, largest, place):
        first, second = terms(*(operands + (largest,)))
        store(place, load(place) + first)
        store(place + _LANE_BYTES, load(place + _LANE_BYTES) + second)

    @inlined
    def add_three(operands, largest, place):
        first, second, third = terms(*(operands + (largest,)))
        store(place, load(place) + first)
        store(place + _LANE_BYTES, load(place + _LANE_BYTES) + second)
        store(place + 2 * _LANE_BYTES, load(place + 2 * _LANE_BYTES) + third)

    return add_two if sums == 2 else add_three


def _sum_of_lanes(lanes):
    load, store, _ = lanes

    @inlined
    def sum_of_lanes(place, used):
        while used > 1:
            half = (used + 1) // 2
            for lane in range(used - half):
                store(place + 8 * lane, load(place + 8 * lane) + load(place + 8 * (lane + half)))
            used = half
        return load(place)

    return sum_of_lanes


def _sums_of_row(reader, terms, lanes, sums):
    add_terms, sum_of_lanes = _add_terms(terms, lanes, sums), _sum_of_lanes(lanes)
    _, store, zero = lanes

    @inlined
    def sums_of_row(places, steps, length, largest, scratch):
        used = min(length, LANES)
        for k in range(sums):
            for lane in range(used):
                store(scratch + k * _LANE_BYTES + 8 * lane, zero())
        for start in range(0, length, LANES):
            for lane in range(min(LANES, length - start)):
                add_terms(reader(places, steps, start + lane), largest, scratch + 8 * lane)
        return used

    @inlined
    def two(places, steps, length, largest, scratch):
        used = sums_of_row(places, steps, length, largest, scratch)
        return sum_of_lanes(scratch, used), sum_of_lanes(scratch + _LANE_BYTES, used)

    @inlined
    def three(places, steps, length, largest, scratch):
        used = sums_of_row(places, steps, length, largest, scratch)
        return (
            sum_of_lanes(scratch, used),
            sum_of_lanes(scratch + _LANE_BYTES, used),
            sum_of_lanes(scratch + 2 * _LANE_BYTES, used),
        )

    return two if sums == 2 else three


def _row(formulas, direction, dtype):
    """One row of a function with sums: largest element, sums, results."""
    inputs, sums = (1, 2) if direction == "value" else (2, 3 if direction == "backward" else 2)
    read, write, lanes = _reader(dtype), _writer(dtype), _lanes(dtype)
    reader = _operands_reader(read, inputs)
    formula = inlined(formulas[direction])
    sums_of_row = _sums_of_row(reader, inlined(formulas[f"{direction}_terms"]), lanes, sums)
    largest_of_row = _largest_of_row(read)
    has_largest, zero = direction != "backward_from_output", lanes[2]

    @inlined
    def row(places, steps, length, scratch):
        largest = largest_of_row(places[inputs - 1], steps[inputs - 1], length) if has_largest else zero()
        totals = sums_of_row(places, steps, length, largest, scratch)
        for i in range(length):
            y = formula(*(reader(places, steps, i) + (largest,) + totals))
            write(places[inputs] + i * steps[inputs], y)

    return row


def _words_of(count):
    """A compiled function that reads `count` words from an address on."""
    if count == 2:
        return inlined(lambda address: (llvm.load_word(address, 0), llvm.load_word(address, 1)))
    return inlined(lambda address: (llvm.load_word(address, 0), llvm.load_word(address, 1), llvm.load_word(address, 2)))


def _rows_kernel(formulas, direction, dtype, size):
    count = 2 if direction == "value" else 3
    row, words, contiguous = _row(formulas, direction, dtype), _words_of(count), (size,) * count

    def kernel(rows, length, places, outer_steps, inner_steps):
        llvm.prefer_512_bit()
        scratch = llvm.stack_buffer(_SUMS_BYTES)
        starts, strides, steps = words(places), words(outer_steps), words(inner_steps)
        for _ in range(rows):
            # Apart, so that LLVM knows the stride and vectorises.
            if steps == contiguous:
                row(starts, contiguous, length, scratch)
            else:
                row(starts, steps, length, scratch)
            starts = _advanced(starts, strides)

    return kernel


@inlined
def _advanced(starts, strides):
    if len(starts) == 2:
        return starts[0] + strides[0], starts[1] + strides[1]
    return starts[0] + strides[0], starts[1] + strides[1], starts[2] + strides[2]


def _pick_kernel(direction, dtype):
    """Kernels of maxout: elements are compared and copied."""
    read, write = _reader(dtype), _writer(dtype)
    largest_of_row = _largest_of_row(read)

    def value(rows, length, places, outer_steps, inner_steps):
        x, y = llvm.load_word(places, 0), llvm.load_word(places, 1)
        for _ in range(rows):
            write(y, largest_of_row(x, llvm.load_word(inner_steps, 0), length))
            x += llvm.load_word(outer_steps, 0)
            y += llvm.load_word(outer_steps, 1)

    def backward(rows, length, places, outer_steps, inner_steps):
        grad, x, result = llvm.load_word(places, 0), llvm.load_word(places, 1), llvm.load_word(places, 2)
        x_step, result_step = llvm.load_word(inner_steps, 0), llvm.load_word(inner_steps, 1)
        for _ in range(rows):
            largest, gradient = largest_of_row(x, x_step, length), read(grad)
            free = True
            for i in range(length):
                value = read(x + i * x_step)
                won = free and (value >= largest or not value <= value)
                free = free and not won
                write(result + i * result_step, precision.w.where(won, gradient, 0.0))
            grad += llvm.load_word(outer_steps, 0)
            x += llvm.load_word(outer_steps, 1)
            result += llvm.load_word(outer_steps, 2)

    return value if direction == "value" else backward


def rows_kernel(name, direction, dtype):
    """Compile the row kernel of one direction for one dtype."""
    formulas = registry[name].formulas
    register_helpers(formulas["value"].__globals__)
    size = 4 if dtype == "float32" else 8 if dtype == "float64" else 2
    kernel = _pick_kernel(direction, dtype) if name == "maxout" else _rows_kernel(formulas, direction, dtype, size)
    return compile_function(kernel, f"void({', '.join(['intp'] * 5)})", f"{name}-{direction}-{dtype}-rows")


# --- the loop behind generalised ufuncs ------------------------------------------------------------


@inlined
def _run_rows(program, args, steps, first, rows, length):
    operands = llvm.load_word(program, OPERANDS)
    places = llvm.stack_buffer(_PLACES_BYTES)
    for operand in range(operands):
        llvm.store_word(places, operand, llvm.load_word(args, operand) + first * llvm.load_word(steps, operand))
    llvm.call_rows(llvm.load_word(program, KERNEL), rows, length, places, steps, steps + 8 * operands)


def run_rows_worker(job):
    """One thread's share of a job: tiles of rows until none is left."""
    program, tiles = llvm.load_word(job, PROGRAM), llvm.load_word(job, TILES)
    args, steps = llvm.load_word(job, ARGS), llvm.load_word(job, STEPS)
    tile_rows, length = llvm.load_word(job, TILE_ROWS), llvm.load_word(job, LENGTH)
    tile = llvm.take_ticket(job + 8 * NEXT_TILE)
    while tile < tiles:
        first = tile * tile_rows
        rows = min(tile_rows, llvm.load_word(job, ROWS) - first)
        _run_rows(program, args, steps, first, rows, length)
        tile = llvm.take_ticket(job + 8 * NEXT_TILE)


@inlined
def _prepare(program):
    if llvm.load_word(program, KERNEL) == 0:
        llvm.call_worker(llvm.load_word(llvm.load_word(program, STATE), j.PREPARE), program)


def run_gufunc_loop(args, dimensions, steps, program):
    """NumPy's outer loop, of every generalised ufunc with one core dimension."""
    flags = llvm.stack_buffer(_FLAGS_BYTES)
    llvm.save_floating_point_flags(flags)
    _prepare(program)
    rows, length = llvm.load_word(dimensions, 0), llvm.load_word(dimensions, 1)
    state = llvm.load_word(program, STATE)
    tile_rows = max(1, TILE_ELEMENTS // max(1, length))
    tiles = (rows + tile_rows - 1) // tile_rows
    threads = min(llvm.load_word(state, j.THREADS), tiles)
    if length == 0:
        pass
    elif (
        threads > 1 and rows * length >= llvm.load_word(program, PARALLEL_FROM) and llvm.try_acquire(state + 8 * j.BUSY)
    ):
        job = llvm.stack_buffer(_JOB_BYTES)
        llvm.store_word(job, PROGRAM, program)
        llvm.store_word(job, ROWS, rows)
        llvm.store_word(job, LENGTH, length)
        llvm.store_word(job, TILE_ROWS, tile_rows)
        llvm.store_word(job, TILES, tiles)
        llvm.store_word(job, NEXT_TILE, 0)
        llvm.store_word(job, ARGS, args)
        llvm.store_word(job, STEPS, steps)
        worker = llvm.load_word(state, j.ROWS_WORKER)
        llvm.call_parallel_for(llvm.load_word(state, j.PARALLEL_FOR), worker, job, threads)
        llvm.release(state + 8 * j.BUSY)
    else:
        _run_rows(program, args, steps, 0, rows, length)
    llvm.restore_floating_point_flags(flags)


@functools.cache
def gufunc_loop_address():
    """The address of `run_gufunc_loop`."""
    from fastact._engine.programs import state

    worker = compile_function(run_rows_worker, "void(intp)", "run_rows_worker")
    state()[j.ROWS_WORKER] = worker.address
    return compile_function(run_gufunc_loop, "void(intp, intp, intp, intp)", "run_gufunc_loop").address
