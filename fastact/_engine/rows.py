"""Functions along an axis: row kernels, their loop behind generalised ufuncs, and threads over rows."""

import functools

import numba
import numpy as np

from fastact._definition import registry
from fastact._engine import conversions, precision
from fastact._engine import intrinsics as llvm
from fastact._engine import job as j
from fastact._engine.blocks import ELEMENT, ENTER, LEAVE, register_helpers
from fastact._engine.cache import compile_function
from fastact._engine.driver import prepare
from fastact._engine.inlined import inlined

# Partial maxima and sums are kept in this many lanes, each a plain running one: that vectorises, and adds in an order
# that depends on the length alone.
LANES = 256
_LANE_BYTES = 16 * LANES
_MOST_SUMS = 3
_SUMS_BYTES = _LANE_BYTES * _MOST_SUMS
_PLACES_BYTES = 8 * j.MAX_OPERANDS

# A program's words.
# Those that `driver.prepare` reads are where it looks for them.
KERNEL, OPERANDS, PARALLEL_FROM, STATE = j.KERNEL, j.OPERANDS, j.PARALLEL_FROM, j.STATE
PROGRAM_WORDS = j.PROGRAM_OPERANDS
# A job's words.
PROGRAM, ROWS, LENGTH, TILE_ROWS, TILES, NEXT_TILE, ARGS, STEPS = range(8)
JOB_WORDS = 8
_JOB_BYTES = 8 * JOB_WORDS
_FLAGS_BYTES = llvm.FLOATING_POINT_ENVIRONMENT_BYTES
TILE_ELEMENTS = 16_384


# --- elements --------------------------------------------------------------------------------------


def _plain_reader(dtype):
    """How an element of a dtype is brought into float32 or float64, exactly: enough to compare."""
    if dtype == "float32":
        return inlined(lambda base, offset: llvm.load_operand(base, offset, numba.float32))
    if dtype == "float64":
        return inlined(lambda base, offset: llvm.load_operand(base, offset, numba.float64))
    convert = getattr(conversions, f"{dtype}_to_float32")
    return inlined(lambda base, offset: convert(llvm.load_operand(base, offset, numba.uint16)))


def _reader(dtype):
    """How an element of a dtype is brought into working precision."""
    read = _plain_reader(dtype)
    enter = ENTER["float64" if dtype == "float64" else "float32"]
    return inlined(lambda base, offset: enter(read(base, offset)))


def _writer(dtype):
    """How a result in working precision is brought to its place."""
    if dtype in LEAVE:
        leave = LEAVE[dtype]
        return inlined(lambda base, offset, value: llvm.store_result(base, offset, leave(value)))
    convert = getattr(conversions, f"float32_to_{dtype}")
    return inlined(lambda base, offset, value: llvm.store_result(base, offset, convert(np.float32(value))))


def _lanes(dtype):
    """How running sums are kept: load, store and zero, in working precision."""
    if dtype == "float64":

        @inlined
        def load(base, offset):
            hi = llvm.load_scratch(base, offset, numba.float64)
            return precision.make_pair(hi, llvm.load_scratch(base, 8 * LANES + offset, numba.float64))

        @inlined
        def store(base, offset, value):
            llvm.store_scratch(base, offset, precision.hi_part(value))
            llvm.store_scratch(base, 8 * LANES + offset, precision.lo_part(value))

        return load, store, inlined(lambda: precision.make_pair(0.0, 0.0))
    load = inlined(lambda base, offset: llvm.load_scratch(base, offset, numba.float64))
    store = inlined(lambda base, offset, value: llvm.store_scratch(base, offset, float(value)))
    return load, store, inlined(lambda: 0.0)


# --- row kernels -----------------------------------------------------------------------------------


def _largest_of_row(dtype):
    """The largest element of a row, NaN where there is one: lane by lane, then among the lanes."""
    read = _plain_reader(dtype)
    size = 8 if dtype == "float64" else 4
    element = ELEMENT["float64" if dtype == "float64" else "float32"]

    @inlined
    def larger(a, b):
        return b if b > a or not b <= b else a

    @inlined
    def largest_of_row(x, stride, length, scratch):
        used = min(length, LANES)
        for lane in range(used):
            llvm.store_scratch(scratch, size * lane, read(x, lane * stride))
        for start in range(LANES, length, LANES):
            for lane in range(min(LANES, length - start)):
                value = larger(
                    llvm.load_scratch(scratch, size * lane, element), read(x + start * stride, lane * stride)
                )
                llvm.store_scratch(scratch, size * lane, value)
        largest = llvm.load_scratch(scratch, 0, element)
        for lane in range(1, used):
            largest = larger(largest, llvm.load_scratch(scratch, size * lane, element))
        return largest

    return largest_of_row


@inlined
def times(steps, count):
    """So many steps of each operand."""
    if len(steps) == 2:
        return steps[0] * count, steps[1] * count
    return steps[0] * count, steps[1] * count, steps[2] * count


@inlined
def advanced(places, steps, count):
    """Each operand's place, so many steps on."""
    if len(steps) == 2:
        return places[0] + steps[0] * count, places[1] + steps[1] * count
    return places[0] + steps[0] * count, places[1] + steps[1] * count, places[2] + steps[2] * count


def _operands_reader(read, count):
    if count == 1:
        return inlined(lambda places, offsets: (read(places[0], offsets[0]),))
    return inlined(lambda places, offsets: (read(places[0], offsets[0]), read(places[1], offsets[1])))


def _add_terms(terms, lanes, sums):
    """Add one element's terms to the running sums of its lane."""
    load, store, _ = lanes

    @inlined
    def add_two(operands, largest, scratch, offset):
        first, second = terms(*(operands + (largest,)))
        store(scratch, offset, load(scratch, offset) + first)
        store(scratch, _LANE_BYTES + offset, load(scratch, _LANE_BYTES + offset) + second)

    @inlined
    def add_three(operands, largest, scratch, offset):
        first, second, third = terms(*(operands + (largest,)))
        store(scratch, offset, load(scratch, offset) + first)
        store(scratch, _LANE_BYTES + offset, load(scratch, _LANE_BYTES + offset) + second)
        store(scratch, 2 * _LANE_BYTES + offset, load(scratch, 2 * _LANE_BYTES + offset) + third)

    return add_two if sums == 2 else add_three


def _sum_of_lanes(lanes):
    load, store, _ = lanes

    @inlined
    def sum_of_lanes(scratch, used):
        while used > 1:
            half = (used + 1) // 2
            for lane in range(used - half):
                store(scratch, 8 * lane, load(scratch, 8 * lane) + load(scratch, 8 * (half + lane)))
            used = half
        return load(scratch, 0)

    return sum_of_lanes


def _sums_of_row(reader, terms, lanes, sums):
    add_terms, sum_of_lanes = _add_terms(terms, lanes, sums), _sum_of_lanes(lanes)
    _, store, zero = lanes

    @inlined
    def sums_of_row(places, steps, length, largest, scratch):
        used = min(length, LANES)
        for k in range(sums):
            for lane in range(used):
                store(scratch, k * _LANE_BYTES + 8 * lane, zero())
        for start in range(0, length, LANES):
            for lane in range(min(LANES, length - start)):
                operands = reader(advanced(places, steps, start), times(steps, lane))
                add_terms(operands, largest, scratch, 8 * lane)
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


def _row(formulas, direction, dtype, contiguous):
    """One row of a function with sums: largest element, sums, results.

    The contiguous form ignores the steps it is given for constants, which is what LLVM needs to vectorise. (One form,
    called with either, would not do: LLVM sees that they are equal and makes one call of the two.)
    """
    inputs, sums = (1, 2) if direction == "value" else (2, 3 if direction == "backward" else 2)
    read, write, lanes = _reader(dtype), _writer(dtype), _lanes(dtype)
    reader = _operands_reader(read, inputs)
    formula = inlined(formulas[direction])
    sums_of_row = _sums_of_row(reader, inlined(formulas[f"{direction}_terms"]), lanes, sums)
    largest_of_row, enter = _largest_of_row(dtype), ENTER["float64" if dtype == "float64" else "float32"]
    has_largest, zero = direction != "backward_from_output", lanes[2]

    constant_steps = ({"float32": 4, "float64": 8}.get(dtype, 2),) * (inputs + 1)

    @inlined
    def row(places, given_steps, length, scratch):
        steps = constant_steps if contiguous else given_steps
        if has_largest:
            largest = enter(largest_of_row(places[inputs - 1], steps[inputs - 1], length, scratch))
        else:
            largest = zero()
        totals = sums_of_row(places, steps, length, largest, scratch)
        for i in range(length):
            y = formula(*(reader(places, times(steps, i)) + (largest,) + totals))
            write(places[inputs], i * steps[inputs], y)

    return row


def _words_of(count):
    """A compiled function that reads `count` words from an address on."""
    if count == 2:
        return inlined(lambda address: (llvm.load_word(address, 0), llvm.load_word(address, 1)))
    return inlined(lambda address: (llvm.load_word(address, 0), llvm.load_word(address, 1), llvm.load_word(address, 2)))


def _rows_kernel(formulas, direction, dtype, size):
    count = 2 if direction == "value" else 3
    words, contiguous = _words_of(count), (size,) * count
    contiguous_row, strided_row = (_row(formulas, direction, dtype, is_contiguous) for is_contiguous in (True, False))

    def kernel(rows, length, places, outer_steps, inner_steps):
        llvm.prefer_512_bit()
        scratch = llvm.stack_buffer(_SUMS_BYTES)
        starts, strides, steps = words(places), words(outer_steps), words(inner_steps)
        for _ in range(rows):
            if steps == contiguous:
                contiguous_row(starts, steps, length, scratch)
            else:
                strided_row(starts, steps, length, scratch)
            starts = advanced(starts, strides, 1)

    return kernel


def _pick_kernel(direction, dtype):
    """Kernels of maxout: elements are compared and copied."""
    read, plain, write = _reader(dtype), _plain_reader(dtype), _writer(dtype)
    enter, largest_of_row = ENTER["float64" if dtype == "float64" else "float32"], _largest_of_row(dtype)

    def value(rows, length, places, outer_steps, inner_steps):
        scratch = llvm.stack_buffer(_LANE_BYTES)
        x, y = llvm.load_word(places, 0), llvm.load_word(places, 1)
        for _ in range(rows):
            write(y, 0, enter(largest_of_row(x, llvm.load_word(inner_steps, 0), length, scratch)))
            x += llvm.load_word(outer_steps, 0)
            y += llvm.load_word(outer_steps, 1)

    def backward(rows, length, places, outer_steps, inner_steps):
        scratch = llvm.stack_buffer(_LANE_BYTES)
        grad, x, result = llvm.load_word(places, 0), llvm.load_word(places, 1), llvm.load_word(places, 2)
        x_step, result_step = llvm.load_word(inner_steps, 0), llvm.load_word(inner_steps, 1)
        for _ in range(rows):
            largest, gradient = largest_of_row(x, x_step, length, scratch), read(grad, 0)
            free = True
            for i in range(length):
                value = plain(x, i * x_step)
                won = free and (value >= largest or not value <= value)
                free = free and not won
                write(result, i * result_step, precision.w.where(won, gradient, 0.0))
            grad += llvm.load_word(outer_steps, 0)
            x += llvm.load_word(outer_steps, 1)
            result += llvm.load_word(outer_steps, 2)

    return value if direction == "value" else backward


def rows_kernel(name, direction, dtype):
    """Compile the row kernel of one direction for one dtype."""
    formulas = registry[name].formulas
    register_helpers()
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


def run_gufunc_loop(args, dimensions, steps, program):
    """NumPy's outer loop, of every generalised ufunc with one core dimension."""
    flags = llvm.stack_buffer(_FLAGS_BYTES)
    llvm.save_floating_point_flags(flags)
    rows, length = llvm.load_word(dimensions, 0), llvm.load_word(dimensions, 1)
    state = llvm.load_word(program, STATE)
    tile_rows = max(1, TILE_ELEMENTS // max(1, length))
    tiles = (rows + tile_rows - 1) // tile_rows
    threads = min(llvm.load_word(state, j.THREADS), tiles)
    if length == 0 or not prepare(program):
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
