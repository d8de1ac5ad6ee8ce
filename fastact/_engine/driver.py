"""The one compiled loop behind every element-wise ufunc: tiles, threads, packing, streaming.

NumPy hands `driver` a run of strided operands and the address of a program (see `job`). A run that is long enough
to be worth more threads becomes a job, whose tiles the threads take in turns; a short one, or one that finds another
thread inside, runs where it is. Each tile is a set of *spans*, and a span is what a block kernel can take: contiguous
operands of the kernel's own dtype, packed into stack buffers where they are not.
"""

import functools

from fastact._engine import intrinsics as llvm
from fastact._engine import job as j
from fastact._engine.cache import compile_function
from fastact._engine.inlined import apart
from fastact._engine.pool import SHARES_BYTES, open_shares, run_parallel, take_share

_BUFFER_BYTES = 8 * j.BLOCK
_ALL_BUFFERS_BYTES = _BUFFER_BYTES * j.MAX_OPERANDS
_JOB_BYTES = 8 * j.JOB_WORDS
_PLACES_BYTES = 8 * j.MAX_OPERANDS
# Sizes of stack buffers must be globals of this module for Numba to see literals.
_FLAGS_BYTES = llvm.FLOATING_POINT_ENVIRONMENT_BYTES
_INDEX_BYTES = 8 * j.MAX_OUTER_DIMENSIONS


@apart
def program_operand(program, operand, word):
    """A word of what the program says of one operand."""
    return llvm.load_word(program, j.PROGRAM_OPERANDS + j.PROGRAM_OPERAND_WORDS * operand + word)


@apart
def job_operand(job, operand, word):
    """A word of what the job says of one operand."""
    return llvm.load_word(job, j.JOB_OPERANDS + j.JOB_OPERAND_WORDS * operand + word)


@apart
def set_job_operand(job, operand, word, value):
    """Write a word of what the job says of one operand."""
    llvm.store_word(job, j.JOB_OPERANDS + j.JOB_OPERAND_WORDS * operand + word, value)


# --- spans -----------------------------------------------------------------------------------------


@apart
def is_direct(program, operand, stride):
    """Whether a block kernel can work on the operand where it lies."""
    return stride == llvm.load_word(program, j.WORKING_SIZE) and program_operand(program, operand, j.CONVERT) == 0


def _copier(element):
    """Make a copy between strided places; filling a buffer with one value apart, which vectorises."""
    size = element.bitwidth // 8

    @apart
    def copy(length, source, source_stride, destination, destination_stride):
        llvm.keep_apart()
        if source_stride == 0:
            value = llvm.load_operand(source, 0, element)
            for i in range(length):
                llvm.store_scratch(destination, i * size, value)
        else:
            for i in range(length):
                value = llvm.load_operand(source, i * source_stride, element)
                llvm.store_scratch(destination, i * destination_stride, value)

    return copy


_copy_4, _copy_8 = _copier(llvm.uint32), _copier(llvm.uint64)


@apart
def copy_strided(length, source, source_stride, destination, destination_stride, size):
    """Move elements of 4 or 8 bytes between strided places that do not overlap; one that stays fills a buffer."""
    if size == 4:
        _copy_4(length, source, source_stride, destination, destination_stride)
    else:
        _copy_8(length, source, source_stride, destination, destination_stride)


@apart
def move(program, operand, length, source, source_stride, destination, destination_stride):
    """Pack or unpack one operand, converting it where its dtype is not the kernel's."""
    convert = program_operand(program, operand, j.CONVERT)
    if convert != 0:
        llvm.call_convert(convert, length, source, source_stride, destination, destination_stride)
    else:
        size = llvm.load_word(program, j.WORKING_SIZE)
        copy_strided(length, source, source_stride, destination, destination_stride, size)


@apart
def pack_constants(program, job, places, length, buffers):
    """Fill the buffers of operands that do not move along the span, once for all its blocks."""
    for operand in range(llvm.load_word(program, j.INPUTS)):
        if job_operand(job, operand, j.STRIDE) == 0:
            buffer = buffers + operand * _BUFFER_BYTES
            size = llvm.load_word(program, j.WORKING_SIZE)
            source = llvm.load_word(places, operand)
            move(program, operand, min(length, j.BLOCK), source, 0, buffer, size)


@apart
def bring_operands(program, job, places, start, length, results, buffers, pointers):
    """Point the kernel at each operand, packed where it must be, and at each result's place or buffer."""
    llvm.keep_apart()
    size = llvm.load_word(program, j.WORKING_SIZE)
    inputs, operands = llvm.load_word(program, j.INPUTS), llvm.load_word(program, j.OPERANDS)
    for operand in range(operands):
        stride = job_operand(job, operand, j.STRIDE)
        place = llvm.load_word(places, operand) + start * stride
        buffer = buffers + operand * _BUFFER_BYTES
        direct = is_direct(program, operand, stride) and (operand < inputs or results == j.DIRECT)
        llvm.store_word(pointers, operand, place if direct else buffer)
        if not direct and operand < inputs and stride != 0:
            move(program, operand, length, place, stride, buffer, size)


@apart
def deliver_result(program, job, operand, place, length, results, buffer):
    """Bring a result from its buffer to its place, past the cache if it is one of many."""
    stride, size = job_operand(job, operand, j.STRIDE), llvm.load_word(program, j.WORKING_SIZE)
    aligned = place & (llvm.CACHE_LINE - 1) == 0
    if results == j.STREAMED and aligned and is_direct(program, operand, stride):
        lines = (length * size) & -llvm.CACHE_LINE
        llvm.stream_lines(place, buffer, lines)
        done = lines // size
        copy_strided(length - done, buffer + lines, size, place + lines, size, size)
    else:
        move(program, operand, length, buffer, size, place, stride)


@apart
def run_block(program, job, places, start, length, first_result, results, buffers, pointers):
    """Bring one block's operands to the kernel, run it, and bring its results, from the first one, to their places."""
    bring_operands(program, job, places, start, length, results, buffers, pointers)
    kernel, constants = llvm.load_word(program, j.KERNEL), llvm.load_word(program, j.CONSTANTS)
    llvm.call_kernel(kernel, length, pointers, constants)
    for operand in range(first_result, llvm.load_word(program, j.OPERANDS)):
        buffer = buffers + operand * _BUFFER_BYTES
        if llvm.load_word(pointers, operand) == buffer:
            place = llvm.load_word(places, operand) + start * job_operand(job, operand, j.STRIDE)
            deliver_result(program, job, operand, place, length, results, buffer)


@apart
def all_direct(program, job):
    """Whether no operand of the job needs a buffer."""
    for operand in range(llvm.load_word(program, j.OPERANDS)):
        if not is_direct(program, operand, job_operand(job, operand, j.STRIDE)):
            return False
    return True


@apart
def is_taken_as_it_lies(program, job):
    """Whether the kernel can be handed whole rows of a job: nothing is packed, streamed or spoiled."""
    return llvm.load_word(job, j.RESULTS) == j.DIRECT and all_direct(program, job)


@apart
def run_span(program, job, places, length, buffers, pointers):
    """Run the kernel over `length` elements from `places`."""
    llvm.keep_apart()
    if is_taken_as_it_lies(program, job):
        kernel, constants = llvm.load_word(program, j.KERNEL), llvm.load_word(program, j.CONSTANTS)
        llvm.call_kernel(kernel, length, places, constants)
    else:
        run_blocks = llvm.load_word(llvm.load_word(program, j.STATE), j.RUN_BLOCKS)
        llvm.call_run_blocks(run_blocks, program, job, places, length, buffers, pointers)


def run_blocks(program, job, places, length, buffers, pointers):
    """As `run_span`, block by block; compiled apart, since most arrays do without."""
    results = llvm.load_word(job, j.RESULTS)
    pack_constants(program, job, places, length, buffers)
    done, first_result = 0, llvm.load_word(program, j.INPUTS)
    if results == j.STREAMED:  # a first block up to the first result's next cache line
        place, size = llvm.load_word(places, first_result), llvm.load_word(program, j.WORKING_SIZE)
        head = (-place & (llvm.CACHE_LINE - 1)) // size
        done = min(length, head)
        if done > 0:
            run_block(program, job, places, 0, done, first_result, j.BUFFERED, buffers, pointers)
    while done < length:
        block = min(length - done, j.BLOCK)
        run_block(program, job, places, done, block, first_result, results, buffers, pointers)
        done += block


# --- tiles -----------------------------------------------------------------------------------------


@apart
def first_places(program, job, places, index, start, row):
    """Where each operand's element `start` of outer row `row` lies, and the row's index along each dimension."""
    llvm.keep_apart()
    for operand in range(llvm.load_word(program, j.OPERANDS)):
        place = job_operand(job, operand, j.ADDRESS) + start * job_operand(job, operand, j.STRIDE)
        llvm.store_word(places, operand, place)
    for dimension in range(llvm.load_word(job, j.OUTER_DIMENSIONS) - 1, -1, -1):
        extent = llvm.load_word(job, j.OUTER_SHAPE + dimension)
        position = row % extent
        row = row // extent
        llvm.store_word(index, dimension, position)
        move_places(program, job, places, dimension, position)


@apart
def move_places(program, job, places, dimension, steps):
    """Move every operand's place along one outer dimension."""
    for operand in range(llvm.load_word(program, j.OPERANDS)):
        stride = job_operand(job, operand, j.OUTER_STRIDES + dimension)
        llvm.store_word(places, operand, llvm.load_word(places, operand) + steps * stride)


@apart
def next_places(program, job, places, index):
    """Go on to the next outer row."""
    llvm.keep_apart()
    for dimension in range(llvm.load_word(job, j.OUTER_DIMENSIONS) - 1, -1, -1):
        position = llvm.load_word(index, dimension) + 1
        move_places(program, job, places, dimension, 1)
        extent = llvm.load_word(job, j.OUTER_SHAPE + dimension)
        if position < extent:
            llvm.store_word(index, dimension, position)
            return
        llvm.store_word(index, dimension, 0)
        move_places(program, job, places, dimension, -extent)


@apart
def reduce_span(program, job, places, length, buffers, pointers, lanes):
    """The sum of the kernel's first result over `length` elements, in float64, in an order that `length` alone decides.

    Other results are written.
    """
    llvm.keep_apart()
    first_result = llvm.load_word(program, j.INPUTS)
    pack_constants(program, job, places, length, buffers)
    used = min(length, j.BLOCK)
    for lane in range(used):
        llvm.store(lanes, 8 * lane, 0.0)
    for start in range(0, length, j.BLOCK):
        block = min(length - start, j.BLOCK)
        run_block(program, job, places, start, block, first_result + 1, j.BUFFERED, buffers, pointers)
        add_to_lanes(program, buffers + first_result * _BUFFER_BYTES, block, lanes)
    return sum_of_lanes(lanes, used)


@apart
def add_to_lanes(program, results, length, lanes):
    """Add a block of results to the running sums."""
    llvm.keep_apart()
    if llvm.load_word(program, j.WORKING_SIZE) == 4:
        for i in range(length):
            total = llvm.load(lanes, 8 * i, llvm.float64) + llvm.load(results, 4 * i, llvm.float32)
            llvm.store(lanes, 8 * i, total)
    else:
        for i in range(length):
            total = llvm.load(lanes, 8 * i, llvm.float64) + llvm.load(results, 8 * i, llvm.float64)
            llvm.store(lanes, 8 * i, total)


@apart
def sum_of_lanes(lanes, used):
    """The pairwise sum of the running sums."""
    llvm.keep_apart()
    while used > 1:
        half = (used + 1) // 2
        for i in range(used - half):
            total = llvm.load(lanes, 8 * i, llvm.float64) + llvm.load(lanes + 8 * half, 8 * i, llvm.float64)
            llvm.store(lanes, 8 * i, total)
        used = half
    return llvm.load(lanes, 0, llvm.float64)


@apart
def first_row(job, tile):
    """The outer row that a tile begins with."""
    return (tile // llvm.load_word(job, j.TILES_ALONG)) * llvm.load_word(job, j.TILE_ROWS)


@apart
def tile_start(job, tile):
    """The inner element that a tile begins with."""
    start = (tile % llvm.load_word(job, j.TILES_ALONG)) * llvm.load_word(job, j.TILE_LENGTH)
    return max(0, start - llvm.load_word(job, j.SHIFT))


@apart
def tile_end(job, tile):
    """The inner element that a tile ends before."""
    end = (tile % llvm.load_word(job, j.TILES_ALONG) + 1) * llvm.load_word(job, j.TILE_LENGTH)
    return min(llvm.load_word(job, j.LENGTH), end - llvm.load_word(job, j.SHIFT))


@apart
def run_tile(program, job, tile, places, index, buffers, pointers):
    """Run one tile: some neighbouring rows of one stretch of the inner dimension."""
    start, row = tile_start(job, tile), first_row(job, tile)
    length = tile_end(job, tile) - start
    rows = min(llvm.load_word(job, j.TILE_ROWS), llvm.load_word(job, j.ROWS) - row)
    first_places(program, job, places, index, start, row)
    for _ in range(rows):
        run_span(program, job, places, length, buffers, pointers)
        next_places(program, job, places, index)


@apart
def reduce_tile(program, job, tile, places, index, buffers, pointers, lanes):
    """Sum the rows of one tile, each to a place of its own."""
    start, row = tile_start(job, tile), first_row(job, tile)
    length = tile_end(job, tile) - start
    rows = min(llvm.load_word(job, j.TILE_ROWS), llvm.load_word(job, j.ROWS) - row)
    tiles_along, partials = llvm.load_word(job, j.TILES_ALONG), llvm.load_word(job, j.PARTIALS)
    first_places(program, job, places, index, start, row)
    for i in range(rows):
        total = reduce_span(program, job, places, length, buffers, pointers, lanes)
        llvm.store(partials, 8 * ((row + i) * tiles_along + tile % tiles_along), total)
        next_places(program, job, places, index)


# --- jobs ------------------------------------------------------------------------------------------


@apart
def writes_in_place(program, job):
    """Whether some result lies where an operand lies."""
    inputs, operands = llvm.load_word(program, j.INPUTS), llvm.load_word(program, j.OPERANDS)
    for result in range(inputs, operands):
        for operand in range(inputs):
            if job_operand(job, result, j.ADDRESS) == job_operand(job, operand, j.ADDRESS):
                return True
    return False


@apart
def overlaps_partly(program, job):
    """Whether some result overlaps an operand without lying exactly on it.

    NumPy allows that where reading stays ahead of writing from the first element to the last: in that order, then.
    """
    llvm.keep_apart()
    inputs, operands = llvm.load_word(program, j.INPUTS), llvm.load_word(program, j.OPERANDS)
    last = llvm.load_word(job, j.LENGTH) - 1
    for result in range(inputs, operands):
        start, stride = job_operand(job, result, j.ADDRESS), job_operand(job, result, j.STRIDE)
        low, high = min(start, start + last * stride), max(start, start + last * stride)
        for operand in range(inputs):
            other, other_stride = job_operand(job, operand, j.ADDRESS), job_operand(job, operand, j.STRIDE)
            other_low, other_high = min(other, other + last * other_stride), max(other, other + last * other_stride)
            same = start == other and stride == other_stride
            # Elements are at most 8 bytes long.
            if not same and low < other_high + 8 and other_low < high + 8:
                return True
    return False


@apart
def has_far_stride(program, job):
    """Whether neighbouring elements of some operand lie on different cache lines."""
    for operand in range(llvm.load_word(program, j.OPERANDS)):
        if abs(job_operand(job, operand, j.STRIDE)) >= j.FAR_STRIDE:
            return True
    return False


@apart
def tile_size(program, elements):
    """How many elements a thread takes at a time: few enough that all threads have done about at once."""
    share = elements // (j.TILES_PER_THREAD * llvm.load_word(llvm.load_word(program, j.STATE), j.THREADS))
    return min(max(share & -j.BLOCK, j.SMALLEST_TILE), j.TILE)


@apart
def plan_tiles(program, job):
    """Cut the job into tiles and decide whether its results are streamed."""
    llvm.keep_apart()
    length, rows = llvm.load_word(job, j.LENGTH), llvm.load_word(job, j.ROWS)
    tile = tile_size(program, length * rows)
    longest = j.STRIDED_TILE_LENGTH if rows > 1 and has_far_stride(program, job) else tile
    given = llvm.load_word(job, j.TILE_LENGTH)
    tile_length = min(length, given if given != 0 else longest)
    tile_rows = max(1, tile // max(1, tile_length))
    results = plan_results(program, job, length * rows)
    shift = first_line(program, job) if rows == 1 and given == 0 and results != j.BUFFERED else 0
    tiles_along = (length + shift + tile_length - 1) // max(1, tile_length)
    llvm.store_word(job, j.TILE_LENGTH, tile_length)
    llvm.store_word(job, j.TILE_ROWS, tile_rows)
    llvm.store_word(job, j.TILES_ALONG, tiles_along)
    llvm.store_word(job, j.TILES, tiles_along * ((rows + tile_rows - 1) // tile_rows))
    llvm.store_word(job, j.RESULTS, results)
    llvm.store_word(job, j.SHIFT, shift)


@apart
def first_line(program, job):
    """How many elements of the first result's first cache line come before it: tiles begin where lines do."""
    place = job_operand(job, llvm.load_word(program, j.INPUTS), j.ADDRESS)
    return (place & (llvm.CACHE_LINE - 1)) // llvm.load_word(program, j.WORKING_SIZE)


@apart
def plan_results(program, job, elements):
    """How results reach their places: streamed when they are large, buffered when the kernel could spoil an operand."""
    if writes_in_place(program, job):
        results = llvm.load_word(program, j.OPERANDS) - llvm.load_word(program, j.INPUTS)
        return j.BUFFERED if results > 1 else j.DIRECT
    large = elements * llvm.load_word(program, j.WORKING_SIZE) >= j.STREAM_FROM_BYTES
    # The ends of rows share cache lines, which are not streamed: short rows have too many of them.
    long = elements == llvm.load_word(job, j.LENGTH) or llvm.load_word(job, j.LENGTH) >= j.BLOCK
    return j.STREAMED if large and long else j.DIRECT


@apart
def useful_threads(program, elements):
    """How many threads so much work is worth: two from where it pays, more for half as much each."""
    worth = llvm.load_word(program, j.PARALLEL_FROM)
    threads = llvm.load_word(llvm.load_word(program, j.STATE), j.THREADS)
    return min(threads, 2 * elements // worth) if elements >= worth else 1


@apart
def run_job(program, job):
    """Run a job, by several threads where that pays and no other thread is at it."""
    plan_tiles(program, job)
    state, worker = llvm.load_word(program, j.STATE), llvm.load_word(job, j.JOB_WORKER)
    elements = llvm.load_word(job, j.LENGTH) * llvm.load_word(job, j.ROWS)
    threads = min(useful_threads(program, elements), llvm.load_word(job, j.TILES))
    # A run of NumPy's iterator, one row, may overlap; arrays described in Python have been copied where they did.
    if llvm.load_word(job, j.ROWS) == 1 and overlaps_partly(program, job):
        threads = 1
        llvm.store_word(job, j.RESULTS, j.DIRECT)
    if worker == 0:
        if not prepare_worker(program, job):
            return
        worker = llvm.load_word(state, j.WORKER)
    shares = llvm.stack_buffer(SHARES_BYTES)
    llvm.store_word(job, j.SHARES, shares)
    shared = threads > 1 and llvm.try_acquire(state + 8 * j.BUSY)
    open_shares(shares, llvm.load_word(job, j.TILES), threads if shared else 1)
    if shared:
        run_parallel(state, worker, job, threads)
        llvm.release(state + 8 * j.BUSY)
    else:
        llvm.call_worker(worker, job, 0)


@apart
def prepare(program):
    """Have Python compile the program's kernel, in the caller's thread, if no array has needed it before.

    False where that failed; Python raises the error as soon as it runs again.
    """
    if llvm.load_word(program, j.KERNEL) == 0:
        state = llvm.load_word(program, j.STATE)
        llvm.call_with(llvm.load_word(state, j.PREPARE), program)
    return llvm.load_word(program, j.KERNEL) != 0


@apart
def prepare_part(state, part):
    """Have Python compile a part of the engine, as `prepare`: a first call waits for no more than its arrays need."""
    if llvm.load_word(state, part) == 0:
        llvm.call_with(llvm.load_word(state, j.PREPARE_PART), part)
    return llvm.load_word(state, part) != 0


@apart
def prepare_worker(program, job):
    """Prepare what the driver's own worker needs for a job."""
    state = llvm.load_word(program, j.STATE)
    return prepare_part(state, j.WORKER) and (is_taken_as_it_lies(program, job) or prepare_part(state, j.RUN_BLOCKS))


@apart
def is_small(program, args, steps, length):
    """Whether a run can be handed to the kernel as it stands: contiguous, short, and with one result."""
    inputs, operands = llvm.load_word(program, j.INPUTS), llvm.load_word(program, j.OPERANDS)
    if length >= llvm.load_word(program, j.PARALLEL_FROM) or operands - inputs > 1:
        return False
    size = llvm.load_word(program, j.WORKING_SIZE)
    for operand in range(operands):
        # The stride of a single element is anything NumPy likes.
        stride = size if length == 1 else llvm.load_word(steps, operand)
        if not is_direct(program, operand, stride):
            return False
    return True


@apart
def run_small(program, args, length):
    """Hand a run to the kernel: elements up to the result's first whole cache line apart, where the rest is long."""
    kernel, constants = llvm.load_word(program, j.KERNEL), llvm.load_word(program, j.CONSTANTS)
    size, inputs = llvm.load_word(program, j.WORKING_SIZE), llvm.load_word(program, j.INPUTS)
    head = (-llvm.load_word(args, inputs) & (llvm.CACHE_LINE - 1)) // size
    if head == 0 or length < j.BLOCK:
        llvm.call_kernel(kernel, length, args, constants)
        return
    llvm.call_kernel(kernel, head, args, constants)
    places = llvm.stack_buffer(_PLACES_BYTES)
    for operand in range(inputs + 1):
        llvm.store_word(places, operand, llvm.load_word(args, operand) + head * size)
    llvm.call_kernel(kernel, length - head, places, constants)


@apart
def describe_run(program, job, args, steps, length):
    """Make a job of one run of NumPy's iterator."""
    llvm.store_word(job, j.PROGRAM, program)
    llvm.store_word(job, j.LENGTH, length)
    llvm.store_word(job, j.ROWS, 1)
    llvm.store_word(job, j.OUTER_DIMENSIONS, 0)
    llvm.store_word(job, j.JOB_WORKER, 0)
    llvm.store_word(job, j.TILE_LENGTH, 0)
    for operand in range(llvm.load_word(program, j.OPERANDS)):
        set_job_operand(job, operand, j.ADDRESS, llvm.load_word(args, operand))
        set_job_operand(job, operand, j.STRIDE, llvm.load_word(steps, operand))


# --- entries ---------------------------------------------------------------------------------------


def run_worker(job, seat):
    """One thread's share of a job: tiles, one after the other, until none is left."""
    program, shares = llvm.load_word(job, j.PROGRAM), llvm.load_word(job, j.SHARES)
    buffers = llvm.stack_buffer(_ALL_BUFFERS_BYTES)
    places, pointers = llvm.stack_buffer(_PLACES_BYTES), llvm.stack_buffer(_PLACES_BYTES)
    index = llvm.stack_buffer(_INDEX_BYTES)
    tile, turn = take_share(shares, seat, 0)
    while tile >= 0:
        run_tile(program, job, tile, places, index, buffers, pointers)
        tile, turn = take_share(shares, seat, turn)
    if llvm.load_word(job, j.RESULTS) == j.STREAMED:
        llvm.streaming_fence()


def worker_with_scratch(run_one, scratch_bytes, name):
    """The address of a worker whose tiles `run_one` runs, with a buffer of its own behind those of the operands."""

    def worker(job, seat):
        program, shares = llvm.load_word(job, j.PROGRAM), llvm.load_word(job, j.SHARES)
        buffers, scratch = llvm.stack_buffer(_ALL_BUFFERS_BYTES), llvm.stack_buffer(scratch_bytes)
        places, pointers = llvm.stack_buffer(_PLACES_BYTES), llvm.stack_buffer(_PLACES_BYTES)
        index = llvm.stack_buffer(_INDEX_BYTES)
        tile, turn = take_share(shares, seat, 0)
        while tile >= 0:
            run_one(program, job, tile, places, index, buffers, pointers, scratch)
            tile, turn = take_share(shares, seat, turn)

    return compile_function(worker, "void(intp, intp)", name).address


def run_ufunc_loop(args, dimensions, steps, program):
    """NumPy's inner loop, of every element-wise ufunc."""
    flags = llvm.stack_buffer(_FLAGS_BYTES)
    llvm.save_floating_point_flags(flags)
    length, state = llvm.load_word(dimensions, 0), llvm.load_word(program, j.STATE)
    if not prepare(program):
        pass
    elif is_small(program, args, steps, length):
        run_small(program, args, length)
    elif prepare_part(state, j.RUN_JOB):
        job = llvm.stack_buffer(_JOB_BYTES)
        describe_run(program, job, args, steps, length)
        llvm.call_with(llvm.load_word(state, j.RUN_JOB), job)
    llvm.restore_floating_point_flags(flags)


def run_any_job(job):
    """A job, of a ufunc or described in Python: of operands that NumPy's iterator would cut into short runs."""
    flags = llvm.stack_buffer(_FLAGS_BYTES)
    llvm.save_floating_point_flags(flags)
    program = llvm.load_word(job, j.PROGRAM)
    if prepare(program):
        run_job(program, job)
    llvm.restore_floating_point_flags(flags)


def address_of(function, words):
    """The address of a function of so many words, compiled."""
    return compile_function(function, f"void({', '.join(['intp'] * words)})", function.__name__).address


@functools.cache
def reduction_worker_address():
    """The address of one thread's share of a reduction."""
    return worker_with_scratch(reduce_tile, _BUFFER_BYTES, "run_reduction_worker")


@functools.cache
def ufunc_loop_address():
    """The address of `run_ufunc_loop`."""
    return address_of(run_ufunc_loop, 4)
