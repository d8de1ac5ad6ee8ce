"""Functions along an axis: the loop behind generalised ufuncs, which cuts arrays into blocks of rows.

Threads take tiles: neighbouring rows, whole. A tile is gone through block by block, once for each of what its rows
need: their largest or smallest elements, their sums, their results; and several times, before their sums, where they
need thresholds. Terms that fit the scratch memory are kept for the results.

Operands are in the order: inputs of one number per row, inputs along the axis, results along it, results of one number
per row. Only those along the axis come in blocks; a tile's numbers per row are brought and delivered once.
Where there are fewer tiles than threads, because rows are long, threads share a tile's rows instead, chunk by chunk.

A row's sums are sums of chunks, whose length the row's alone decides, and so is each chunk's: a row has the same bits
wherever it lies, in any form, with any number of threads.
"""

import functools

from fastact._engine import intrinsics as llvm
from fastact._engine import job as j
from fastact._engine import row_kernels as k
from fastact._engine.driver import (
    address_of,
    copy_strided,
    is_direct,
    move,
    prepare,
    prepare_part,
    program_operand,
    useful_threads,
)
from fastact._engine.inlined import apart
from fastact._engine.pool import SHARES_BYTES, open_shares, run_parallel, take_share
from fastact._engine.row_kernels import SIDE_BY_SIDE

# A program's words, after those of every program.
LARGEST_KERNEL, SUMS_KERNEL, SUM_COUNT, TERM_BYTES, PARTS, NEEDS_KEPT = range(j.PROGRAM_WORDS, j.PROGRAM_WORDS + 6)
THRESHOLD_KERNEL, THRESHOLD_SUM_COUNT, OF_NOTHING = range(j.PROGRAM_WORDS + 6, j.PROGRAM_WORDS + 9)
# The first operand along the axis, the one after the last; and the number per row that is a label whose element is
# needed, or -1. And whether the kernel adds terms up itself, and whether it counts ties.
FIRST_ALONG, END_ALONG, LABEL, SUMS_ITSELF, COUNTS_TIES = range(j.PROGRAM_WORDS + 9, j.PROGRAM_WORDS + 14)
# The direction's own kernel for each form, 0 until rows lie so.
FORM_KERNELS = j.PROGRAM_WORDS + 14
PROGRAM_WORDS = FORM_KERNELS + 2
# A job's words.
PROGRAM, ROWS, LENGTH, ARGS, ROW_STEPS, ELEMENT_STEPS, FORM = range(7)
TILE_ROWS, TILES, BLOCK_LENGTH, CHUNK, CHUNKS, KEPT_BLOCKS, LANES_BYTES, SHARES = range(7, 15)
# Where threads share a tile: what they are at, the tile's first row, and the memory that they share.
PHASE, FIRST_ROW, SHARED = range(15, 18)
JOB_WORDS = 18
SHARED_TILES, LARGEST, THRESHOLDS, SUMS, RESULTS = range(5)

MAX_CHUNKS = 48
# Rows are shared by threads where they are so many times longer than what is worth a thread.
SHARING = 4
# Where rows are shorter they go side by side, transposed into scratch memory if need be.
SHORT_ROW, FEW_ROWS = 32, 8

# Scratch memory of one thread: lanes and, behind them, terms; buffers of operands; numbers of rows.
_MAX_STREAMS = max(k.PARTS.values()) * k.MAX_TERMS
_WORK_BYTES = 5 << 16
_BUFFER_BYTES = 8 * k.BLOCK
_SUMS_BYTES = _MAX_STREAMS * k.ROWS_BYTES
_CONSTANTS_BYTES = max(k.PARTS.values()) * k.MAX_CONSTANTS * k.ROWS_BYTES
_BUFFERS = _WORK_BYTES
_LARGEST = _BUFFERS + _BUFFER_BYTES * k.MAX_ALONG
_SUMS = _LARGEST + k.ROWS_BYTES
_CONSTANTS = _SUMS + _SUMS_BYTES
_NUMBERS = _CONSTANTS + _CONSTANTS_BYTES
_AT_LABEL = _NUMBERS + j.MAX_OPERANDS * k.ROWS_BYTES
_THRESHOLDS = _AT_LABEL + k.ROWS_BYTES
_SCRATCH_BYTES = _THRESHOLDS + 2 * k.ROWS_BYTES
# That which threads share: of each chunk, its rows' largest elements and sums. It is the memory, behind its lanes, of
# the thread that starts the job and runs no blocks itself meanwhile.
_SHARED_THRESHOLDS = k.ROWS_BYTES + _CONSTANTS_BYTES
_CHUNK_LARGEST = _SHARED_THRESHOLDS + 2 * k.ROWS_BYTES
_CHUNK_SUMS = _CHUNK_LARGEST + 8 * SIDE_BY_SIDE * MAX_CHUNKS
assert _MAX_STREAMS * (k.STREAM_BYTES + 8 * SIDE_BY_SIDE * MAX_CHUNKS) + _CHUNK_SUMS <= _LARGEST
_PLACES_BYTES = 8 * j.MAX_OPERANDS
_BLOCK_BYTES, _JOB_BYTES = 8 * k.BLOCK_WORDS, 8 * JOB_WORDS
_FLAGS_BYTES = llvm.FLOATING_POINT_ENVIRONMENT_BYTES


# --- blocks ----------------------------------------------------------------------------------------


@apart
def begin_tile(job, block, scratch, row, rows):
    """Say what all blocks of a tile have in common, and bring its rows' own numbers."""
    llvm.keep_apart()
    llvm.store_word(block, k.FORM, llvm.load_word(job, FORM))
    llvm.store_word(block, k.OUTER, rows)
    llvm.store_word(block, k.INNER, rows)
    llvm.store_word(block, k.LANES, scratch)
    llvm.store_word(block, k.TERMS, scratch + llvm.load_word(job, LANES_BYTES))
    llvm.store_word(block, k.LARGEST, scratch + _LARGEST)
    llvm.store_word(block, k.SUMS, scratch + _SUMS)
    llvm.store_word(block, k.SUMS_KERNEL, llvm.load_word(llvm.load_word(job, PROGRAM), SUMS_KERNEL))
    llvm.store_word(block, k.CONSTANTS, scratch + _CONSTANTS)
    llvm.store_word(block, k.THRESHOLDS, scratch + _THRESHOLDS)
    llvm.store_word(block, k.NUMBERS, scratch + _NUMBERS)
    llvm.store_word(block, k.AT_LABEL, scratch + _AT_LABEL)
    for operand in range(llvm.load_word(llvm.load_word(job, PROGRAM), FIRST_ALONG)):
        place, step = number_place(job, operand, row)
        move_numbers(job, operand, rows, place, step, scratch + _NUMBERS + operand * k.ROWS_BYTES, 8)


@apart
def number_place(job, operand, row):
    """Where an operand's number of one row lies, and the step to the next row's."""
    step = llvm.load_word(llvm.load_word(job, ROW_STEPS), operand)
    return llvm.load_word(llvm.load_word(job, ARGS), operand) + row * step, step


@apart
def move_numbers(job, operand, rows, source, source_step, destination, destination_step):
    """Bring or deliver one number per row, of 8 bytes in scratch memory."""
    convert = program_operand(llvm.load_word(job, PROGRAM), operand, j.CONVERT)
    if convert != 0:
        llvm.call_convert(convert, rows, source, source_step, destination, destination_step)
    else:
        copy_strided(rows, source, source_step, destination, destination_step, 8)


@apart
def begin_block(job, block, scratch, start, length):
    """Say where a block begins, how long it is, and where its terms go."""
    llvm.store_word(block, k.START, start)
    llvm.store_word(block, k.INNER if llvm.load_word(block, k.FORM) == k.ROWS else k.OUTER, length)
    if llvm.load_word(job, KEPT_BLOCKS) != 0:
        before = start // llvm.load_word(job, BLOCK_LENGTH) * llvm.load_word(job, KEPT_BLOCKS)
        llvm.store_word(block, k.TERMS, scratch + llvm.load_word(job, LANES_BYTES) + before)


@apart
def operand_place(job, operand, row, start):
    """Where an operand's element `start` of a row lies."""
    along, across = llvm.load_word(job, ELEMENT_STEPS), llvm.load_word(job, ROW_STEPS)
    address = llvm.load_word(llvm.load_word(job, ARGS), operand)
    return address + start * llvm.load_word(along, operand) + row * llvm.load_word(across, operand)


@apart
def operand_steps(job, operand):
    """An operand's steps along a block's outer and inner dimension."""
    along = llvm.load_word(llvm.load_word(job, ELEMENT_STEPS), operand)
    across = llvm.load_word(llvm.load_word(job, ROW_STEPS), operand)
    return (across, along) if llvm.load_word(job, FORM) == k.ROWS else (along, across)


def _transposer(element):
    """Make a copy of `lines` lines without gaps, of `length` elements each, to as many lines across them."""
    size = element.bitwidth // 8

    @apart
    def transpose(lines, length, source, source_step, destination, destination_step):
        llvm.keep_apart()
        for first in range(0, length, 4):
            # What is left is less than four: some are moved twice.
            start = min(first, length - 4)
            for begin in range(0, lines, 4):
                line = min(begin, lines - 4)
                from_place = source + line * source_step + start * size
                to_place = destination + start * destination_step + line * size
                llvm.transpose_four(from_place, source_step, to_place, destination_step, element)

    return transpose


_transpose_4, _transpose_8 = _transposer(llvm.uint32), _transposer(llvm.uint64)


@apart
def transpose(size, lines, length, source, source_step, destination, destination_step):
    """Move a matrix of elements of 4 or 8 bytes to where its lines are columns."""
    if size == 4:
        _transpose_4(lines, length, source, source_step, destination, destination_step)
    else:
        _transpose_8(lines, length, source, source_step, destination, destination_step)


def run_move_block(program, operand, block, source, outer_step, inner_step, destination, to_outer_step, to_inner_step):
    """Pack or unpack one operand's block, line by line."""
    inner, outer = llvm.load_word(block, k.INNER), llvm.load_word(block, k.OUTER)
    size = llvm.load_word(program, j.WORKING_SIZE)
    if program_operand(program, operand, j.CONVERT) == 0 and min(inner, outer) >= 4:
        if outer_step == size and to_inner_step == size:
            transpose(size, inner, outer, source, inner_step, destination, to_outer_step)
            return
        if inner_step == size and to_outer_step == size:
            transpose(size, outer, inner, source, outer_step, destination, to_inner_step)
            return
    for _ in range(outer):
        move(program, operand, inner, source, inner_step, destination, to_inner_step)
        source += outer_step
        destination += to_outer_step


@apart
def move_block(program, operand, block, source, source_steps, destination, destination_steps):
    """Have `run_move_block` do its work, which is compiled apart: most blocks are taken as they lie."""
    llvm.call_move_block(
        llvm.load_word(llvm.load_word(program, j.STATE), j.MOVE_BLOCK),
        *(program, operand, block),
        *(source, source_steps[0], source_steps[1]),
        *(destination, destination_steps[0], destination_steps[1]),
    )


@apart
def buffer_of(scratch, along):
    """The buffer of an operand along the axis, by its place among them."""
    return scratch + _BUFFERS + along * _BUFFER_BYTES


@apart
def bring(job, block, scratch, row, start, first):
    """Point the block at its operands from the first one asked for on, packed where they must be."""
    llvm.keep_apart()
    program = llvm.load_word(job, PROGRAM)
    size, inputs = llvm.load_word(program, j.WORKING_SIZE), llvm.load_word(program, j.INPUTS)
    first_along = llvm.load_word(program, FIRST_ALONG)
    for operand in range(max(first, first_along), llvm.load_word(program, END_ALONG)):
        place, steps = operand_place(job, operand, row, start), operand_steps(job, operand)
        if is_direct(program, operand, steps[1]):
            llvm.store_word(block, k.PLACES + operand, place)
            llvm.store_word(block, k.STEPS + operand, steps[0])
        else:
            buffer, line = buffer_of(scratch, operand - first_along), size * llvm.load_word(block, k.INNER)
            llvm.store_word(block, k.PLACES + operand, buffer)
            llvm.store_word(block, k.STEPS + operand, line)
            if operand < inputs:
                move_block(program, operand, block, place, steps, buffer, (line, size))
    llvm.store_word(block, k.X, llvm.load_word(block, k.PLACES + inputs - 1))
    llvm.store_word(block, k.X_STEP, llvm.load_word(block, k.STEPS + inputs - 1))


@apart
def deliver(job, block, scratch, row, start):
    """Bring results from their buffer, if they are in one, to their place."""
    llvm.keep_apart()
    program = llvm.load_word(job, PROGRAM)
    size, first_along = llvm.load_word(program, j.WORKING_SIZE), llvm.load_word(program, FIRST_ALONG)
    for result in range(llvm.load_word(program, j.INPUTS), llvm.load_word(program, END_ALONG)):
        buffer = buffer_of(scratch, result - first_along)
        if llvm.load_word(block, k.PLACES + result) == buffer:
            line = size * llvm.load_word(block, k.INNER)
            place, steps = operand_place(job, result, row, start), operand_steps(job, result)
            move_block(program, result, block, buffer, (line, size), place, steps)


# --- what rows need --------------------------------------------------------------------------------


@apart
def is_one_block(job):
    """Whether a tile is a single block, which is brought but once."""
    return llvm.load_word(job, LENGTH) <= llvm.load_word(job, BLOCK_LENGTH)


@apart
def form_kernel(job):
    """The direction's own kernel, for the form that the job's rows have."""
    return llvm.load_word(llvm.load_word(job, PROGRAM), FORM_KERNELS + llvm.load_word(job, FORM))


@apart
def find_largest(job, block, scratch, row, start, stop):
    """Find the largest elements of a tile's rows, from `start` to `stop`."""
    llvm.keep_apart()
    program, block_length = llvm.load_word(job, PROGRAM), llvm.load_word(job, BLOCK_LENGTH)
    kernel = llvm.load_word(program, LARGEST_KERNEL)
    first = 0 if is_one_block(job) else llvm.load_word(program, j.INPUTS) - 1
    llvm.call_row_kernel(kernel, k.BEGIN, block)
    for begin in range(start, stop, block_length):
        begin_block(job, block, scratch, begin, min(block_length, stop - begin))
        bring(job, block, scratch, row, begin, first)
        llvm.call_row_kernel(kernel, k.ADD, block)
    llvm.call_row_kernel(kernel, k.END, block)


@apart
def add_terms(job, block, scratch, row, start, stop, kernel, sum_count):
    """Add to the sums of a tile's rows what one chunk holds, in the terms that a kernel writes."""
    llvm.keep_apart()
    program, block_length = llvm.load_word(job, PROGRAM), llvm.load_word(job, BLOCK_LENGTH)
    sums_kernel = llvm.load_word(program, SUMS_KERNEL)
    brought = is_one_block(job) and llvm.load_word(program, LARGEST_KERNEL) != 0
    counts_ties = llvm.load_word(program, COUNTS_TIES)
    sums_itself = llvm.load_word(program, SUMS_ITSELF) != 0 and llvm.load_word(block, k.FORM) == k.ROWS
    llvm.store_word(block, k.LANES_USED, min(stop - start, k.LANE_COUNT))
    for begin in range(start, stop, block_length):
        length = min(block_length, stop - begin)
        begin_block(job, block, scratch, begin, length)
        if not brought:
            bring(job, block, scratch, row, begin, 0)
        llvm.store_word(block, k.BEGINS, begin == start)
        llvm.store_word(block, k.ENDS, begin + length == stop)
        if sums_itself and length >= k.EIGHT_LINES:
            llvm.call_row_kernel(kernel, k.SUMS_OF_ROWS, block)
        else:
            llvm.call_row_kernel(kernel, k.ALL_TERMS, block)
            llvm.call_row_kernel(sums_kernel, sum_count - counts_ties, block)
        if counts_ties != 0:
            llvm.call_row_kernel(kernel, k.TIES, block)


@apart
def clear_sums(program, block, rows, sum_count):
    """Begin the sums of a tile's rows."""
    sums = llvm.load_word(block, k.SUMS)
    for stream in range(sum_count * llvm.load_word(program, PARTS)):
        for row in range(rows):
            llvm.store_scratch(sums + stream * k.ROWS_BYTES, 8 * row, 0.0)


@apart
def add_all_terms(job, block, scratch, row, rows, kernel, sum_count):
    """Find the sums of a tile's rows, chunk by chunk."""
    if sum_count != 0:
        clear_sums(llvm.load_word(job, PROGRAM), block, rows, sum_count)
        for chunk in range(llvm.load_word(job, CHUNKS)):
            start = chunk * llvm.load_word(job, CHUNK)
            add_terms(job, block, scratch, row, start, chunk_end(job, chunk), kernel, sum_count)


def run_find_thresholds(job, block, scratch, row, rows):
    """Raise the thresholds of a tile's rows until they stay as they are."""
    program = llvm.load_word(job, PROGRAM)
    kernel, sum_count = llvm.load_word(program, THRESHOLD_KERNEL), llvm.load_word(program, THRESHOLD_SUM_COUNT)
    llvm.call_row_kernel(kernel, k.FIRST_THRESHOLDS, block)
    llvm.store_word(block, k.CHANGED, 1)
    while llvm.load_word(block, k.CHANGED) != 0:
        add_all_terms(job, block, scratch, row, rows, kernel, sum_count)
        llvm.call_row_kernel(kernel, k.NEXT_THRESHOLDS, block)


@apart
def write_results(job, block, scratch, row, start, stop):
    """Write the results of a tile's rows, from `start` to `stop`."""
    llvm.keep_apart()
    program, block_length = llvm.load_word(job, PROGRAM), llvm.load_word(job, BLOCK_LENGTH)
    kernel = form_kernel(job)
    anew = llvm.load_word(program, NEEDS_KEPT) != 0 and llvm.load_word(job, KEPT_BLOCKS) == 0
    brought = is_one_block(job) and stop == llvm.load_word(job, LENGTH)
    for begin in range(start, stop, block_length):
        begin_block(job, block, scratch, begin, min(block_length, stop - begin))
        if not brought:
            bring(job, block, scratch, row, begin, 0)
        if anew:
            llvm.call_row_kernel(kernel, k.ALL_TERMS, block)
        llvm.call_row_kernel(kernel, k.RESULTS, block)
        deliver(job, block, scratch, row, begin)


@apart
def bring_labelled(job, scratch, row, rows):
    """Bring the element that each row's label names; one that names none gets the row's nearest."""
    llvm.keep_apart()
    program, last = llvm.load_word(job, PROGRAM), llvm.load_word(job, LENGTH) - 1
    x, size = llvm.load_word(program, j.INPUTS) - 1, llvm.load_word(program, j.WORKING_SIZE)
    labels = scratch + _NUMBERS + llvm.load_word(program, LABEL) * k.ROWS_BYTES
    for i in range(rows):
        label = min(max(llvm.load_word(labels, i), 0), last)
        move(program, x, 1, operand_place(job, x, row + i, label), 0, scratch + _AT_LABEL + size * i, size)


@apart
def find_constants(job, block, scratch, row, rows):
    """Make of rows' sums what their results need, and deliver the results of one number per row."""
    llvm.keep_apart()
    program = llvm.load_word(job, PROGRAM)
    if llvm.load_word(program, LABEL) >= 0:
        bring_labelled(job, scratch, row, rows)
    llvm.call_row_kernel(form_kernel(job), k.ROW_CONSTANTS, block)
    for operand in range(llvm.load_word(program, END_ALONG), llvm.load_word(program, j.OPERANDS)):
        place, step = number_place(job, operand, row)
        move_numbers(job, operand, rows, scratch + _NUMBERS + operand * k.ROWS_BYTES, 8, place, step)


@apart
def has_results_along(program):
    """Whether some result has the axis."""
    return llvm.load_word(program, END_ALONG) > llvm.load_word(program, j.INPUTS)


@apart
def chunk_end(job, chunk):
    """Where a chunk ends."""
    return min((chunk + 1) * llvm.load_word(job, CHUNK), llvm.load_word(job, LENGTH))


@apart
def run_tile(job, block, scratch, row, rows):
    """All that a tile's rows need, by one thread."""
    program, length = llvm.load_word(job, PROGRAM), llvm.load_word(job, LENGTH)
    begin_tile(job, block, scratch, row, rows)
    if llvm.load_word(program, LARGEST_KERNEL) != 0:
        find_largest(job, block, scratch, row, 0, length)
    if llvm.load_word(program, THRESHOLD_KERNEL) != 0:
        find = llvm.load_word(llvm.load_word(program, j.STATE), j.FIND_THRESHOLDS)
        llvm.call_find_thresholds(find, job, block, scratch, row, rows)
    kernel, sum_count = summing(job, SUMS)
    add_all_terms(job, block, scratch, row, rows, kernel, sum_count)
    find_constants(job, block, scratch, row, rows)
    if has_results_along(program):
        write_results(job, block, scratch, row, 0, length)


# --- long rows, which threads share ----------------------------------------------------------------


@apart
def copy_sums(program, sum_count, sums, sums_step, other, other_step, rows, forth):
    """Move rows' sums between two places, or back."""
    for stream in range(sum_count * llvm.load_word(program, PARTS)):
        source, destination = (sums + stream * sums_step, other + stream * other_step)
        if not forth:
            source, destination = destination, source
        copy_strided(rows, source, 8, destination, 8, 8)


@apart
def summing(job, phase):
    """The kernel whose terms are summed in a phase, and how many sums that makes."""
    program = llvm.load_word(job, PROGRAM)
    if phase == SUMS:
        return form_kernel(job), llvm.load_word(program, SUM_COUNT)
    return llvm.load_word(program, THRESHOLD_KERNEL), llvm.load_word(program, THRESHOLD_SUM_COUNT)


@apart
def run_chunk(job, block, scratch, chunk):
    """One chunk's part of the phase that the tile is in."""
    phase, shared, row = llvm.load_word(job, PHASE), llvm.load_word(job, SHARED), llvm.load_word(job, FIRST_ROW)
    rows = min(llvm.load_word(job, TILE_ROWS), llvm.load_word(job, ROWS) - row)
    program = llvm.load_word(job, PROGRAM)
    size = llvm.load_word(program, j.WORKING_SIZE)
    start, stop = chunk * llvm.load_word(job, CHUNK), chunk_end(job, chunk)
    begin_tile(job, block, scratch, row, rows)
    if phase == LARGEST:
        llvm.store_word(block, k.LARGEST, shared + _CHUNK_LARGEST + chunk * rows * size)
        find_largest(job, block, scratch, row, start, stop)
        return
    llvm.store_word(block, k.LARGEST, shared)
    llvm.store_word(block, k.THRESHOLDS, shared + _SHARED_THRESHOLDS)
    if phase != RESULTS:
        kernel, sum_count = summing(job, phase)
        clear_sums(program, block, rows, sum_count)
        add_terms(job, block, scratch, row, start, stop, kernel, sum_count)
        place = shared + _CHUNK_SUMS + chunk * 8 * _MAX_STREAMS * SIDE_BY_SIDE
        copy_sums(program, sum_count, scratch + _SUMS, k.ROWS_BYTES, place, 8 * SIDE_BY_SIDE, rows, True)
    else:
        llvm.store_word(block, k.CONSTANTS, shared + k.ROWS_BYTES)
        write_results(job, block, scratch, row, start, stop)


@apart
def join_largest(job, block, rows):
    """Make of each chunk's largest elements those of whole rows: the chunks are the elements of a block."""
    program, shared = llvm.load_word(job, PROGRAM), llvm.load_word(job, SHARED)
    kernel = llvm.load_word(program, LARGEST_KERNEL)
    llvm.store_word(block, k.FORM, k.COLUMNS)
    llvm.store_word(block, k.OUTER, llvm.load_word(job, CHUNKS))
    llvm.store_word(block, k.X, shared + _CHUNK_LARGEST)
    llvm.store_word(block, k.X_STEP, rows * llvm.load_word(program, j.WORKING_SIZE))
    for action in range(k.END + 1):
        llvm.call_row_kernel(kernel, action, block)


@apart
def join_sums(job, block, rows, sum_count):
    """Add each chunk's sums, as if they had been left in the lanes."""
    llvm.keep_apart()
    program, shared = llvm.load_word(job, PROGRAM), llvm.load_word(job, SHARED)
    llvm.store_word(block, k.FORM, k.COLUMNS)
    llvm.store_word(block, k.OUTER, 0)
    llvm.store_word(block, k.BEGINS, 0)
    llvm.store_word(block, k.ENDS, 1)
    llvm.store_word(block, k.LANES_USED, 1)
    clear_sums(program, block, rows, sum_count)
    for chunk in range(llvm.load_word(job, CHUNKS)):
        place = shared + _CHUNK_SUMS + chunk * 8 * _MAX_STREAMS * SIDE_BY_SIDE
        copy_sums(
            program, sum_count, llvm.load_word(block, k.LANES), k.STREAM_BYTES, place, 8 * SIDE_BY_SIDE, rows, False
        )
        llvm.call_row_kernel(llvm.load_word(program, SUMS_KERNEL), sum_count, block)
    llvm.store_word(block, k.OUTER, rows)


@apart
def share_phase(job, phase, threads):
    """Have the threads go through a tile's chunks once."""
    program = llvm.load_word(job, PROGRAM)
    state = llvm.load_word(program, j.STATE)
    llvm.store_word(job, PHASE, phase)
    open_shares(llvm.load_word(job, SHARES), llvm.load_word(job, CHUNKS), threads)
    run_parallel(state, llvm.load_word(state, j.CHUNKS_WORKER), job, threads)


@apart
def share_sums(job, block, rows, phase, threads):
    """Have the threads find a tile's sums, if there are terms."""
    _, sum_count = summing(job, phase)
    if sum_count != 0:
        share_phase(job, phase, threads)
        join_sums(job, block, rows, sum_count)


@apart
def share_tiles(job, block, scratch, shared):
    """Go through tiles one after the other, each with all threads."""
    llvm.keep_apart()
    llvm.store_word(job, SHARED, shared)
    llvm.store_word(job, KEPT_BLOCKS, 0)  # what one thread keeps another does not see
    program, tile_rows = llvm.load_word(job, PROGRAM), llvm.load_word(job, TILE_ROWS)
    elements = llvm.load_word(job, ROWS) * llvm.load_word(job, LENGTH)
    threads = min(useful_threads(program, elements), llvm.load_word(job, CHUNKS))
    for row in range(0, llvm.load_word(job, ROWS), tile_rows):
        rows = min(tile_rows, llvm.load_word(job, ROWS) - row)
        llvm.store_word(job, FIRST_ROW, row)
        begin_tile(job, block, scratch, row, rows)
        llvm.store_word(block, k.LARGEST, shared)
        llvm.store_word(block, k.CONSTANTS, shared + k.ROWS_BYTES)
        llvm.store_word(block, k.THRESHOLDS, shared + _SHARED_THRESHOLDS)
        if llvm.load_word(program, LARGEST_KERNEL) != 0:
            share_phase(job, LARGEST, threads)
            join_largest(job, block, rows)
        if llvm.load_word(program, THRESHOLD_KERNEL) != 0:
            llvm.call_row_kernel(llvm.load_word(program, THRESHOLD_KERNEL), k.FIRST_THRESHOLDS, block)
            llvm.store_word(block, k.CHANGED, 1)
            while llvm.load_word(block, k.CHANGED) != 0:
                share_sums(job, block, rows, THRESHOLDS, threads)
                llvm.call_row_kernel(llvm.load_word(program, THRESHOLD_KERNEL), k.NEXT_THRESHOLDS, block)
        share_sums(job, block, rows, SUMS, threads)
        find_constants(job, block, scratch, row, rows)
        if has_results_along(program):
            share_phase(job, RESULTS, threads)


# --- jobs ------------------------------------------------------------------------------------------


@apart
def take_element_steps(job, steps, element_steps):
    """Fill in each operand's step along the axis, which NumPy gives after the others for those that have the axis."""
    program = llvm.load_word(job, PROGRAM)
    operands, first_along = llvm.load_word(program, j.OPERANDS), llvm.load_word(program, FIRST_ALONG)
    for operand in range(first_along, llvm.load_word(program, END_ALONG)):
        llvm.store_word(element_steps, operand, llvm.load_word(steps, operands + operand - first_along))
    llvm.store_word(job, ELEMENT_STEPS, element_steps)


@apart
def stand_in(job, element, args, steps):
    """Let empty rows, of a function of one operand, hold this element each."""
    llvm.store_word(args, 0, element)
    llvm.store_word(steps, 0, 0)
    llvm.store_word(args, 1, llvm.load_word(llvm.load_word(job, ARGS), 1))
    llvm.store_word(steps, 1, llvm.load_word(llvm.load_word(job, ROW_STEPS), 1))
    llvm.store_word(job, LENGTH, 1)
    llvm.store_word(job, ARGS, args)
    llvm.store_word(job, ROW_STEPS, steps)


@apart
def plan(job):
    """Choose the form of blocks, and cut the job into tiles, blocks and chunks."""
    program, rows, length = llvm.load_word(job, PROGRAM), llvm.load_word(job, ROWS), llvm.load_word(job, LENGTH)
    x = llvm.load_word(program, j.INPUTS) - 1
    across = llvm.load_word(llvm.load_word(job, ROW_STEPS), x)
    along = llvm.load_word(llvm.load_word(job, ELEMENT_STEPS), x)
    columns = rows >= FEW_ROWS and (length < SHORT_ROW or abs(across) < abs(along))
    lanes = min(length, k.LANE_COUNT)
    if not columns:
        tile_rows = max(1, k.BLOCK // max(length, k.LANE_COUNT))
    elif length < k.LANE_COUNT:
        tile_rows = min(k.MOST_ROWS, k.BLOCK // lanes & -SIDE_BY_SIDE)
    else:
        tile_rows = SIDE_BY_SIDE
    block_length = k.BLOCK // tile_rows & -k.LANE_COUNT if columns and length >= k.LANE_COUNT else k.BLOCK
    chunk = k.BLOCK * (1 + (length - 1) // (k.BLOCK * MAX_CHUNKS))
    terms = max(llvm.load_word(program, SUM_COUNT), llvm.load_word(program, THRESHOLD_SUM_COUNT))
    lanes_bytes = terms * llvm.load_word(program, PARTS) * k.STREAM_BYTES
    # Only the first term is kept: the next block's takes the place of the others, which have been summed by then.
    term_bytes = llvm.load_word(program, TERM_BYTES) * k.BLOCK
    blocks = (length + block_length - 1) // block_length
    kept_bytes = (blocks + terms - 1) * term_bytes
    keeps = llvm.load_word(program, NEEDS_KEPT) != 0 and lanes_bytes + kept_bytes <= _WORK_BYTES
    llvm.store_word(job, FORM, k.COLUMNS if columns else k.ROWS)
    llvm.store_word(job, TILE_ROWS, tile_rows)
    llvm.store_word(job, TILES, (rows + tile_rows - 1) // tile_rows)
    llvm.store_word(job, BLOCK_LENGTH, block_length)
    llvm.store_word(job, CHUNK, chunk)
    llvm.store_word(job, CHUNKS, (length + chunk - 1) // chunk)
    llvm.store_word(job, LANES_BYTES, lanes_bytes)
    llvm.store_word(job, KEPT_BLOCKS, term_bytes if keeps else 0)


def run_rows_worker(job, seat):
    """One thread's share of a job: tiles, until none is left."""
    scratch, block = llvm.stack_buffer(_SCRATCH_BYTES), llvm.stack_buffer(_BLOCK_BYTES)
    shares, tile_rows = llvm.load_word(job, SHARES), llvm.load_word(job, TILE_ROWS)
    share, turn = take_share(shares, seat, 0)
    while share >= 0:
        row = share * tile_rows
        run_tile(job, block, scratch, row, min(tile_rows, llvm.load_word(job, ROWS) - row))
        share, turn = take_share(shares, seat, turn)


def run_chunks_worker(job, seat):
    """One thread's share of a tile that threads share: chunks, until none is left; or to have it shared."""
    scratch, block = llvm.stack_buffer(_SCRATCH_BYTES), llvm.stack_buffer(_BLOCK_BYTES)
    if llvm.load_word(job, PHASE) == SHARED_TILES:
        share_tiles(job, block, scratch, scratch + llvm.load_word(job, LANES_BYTES))
        return
    shares = llvm.load_word(job, SHARES)
    chunk, turn = take_share(shares, seat, 0)
    while chunk >= 0:
        run_chunk(job, block, scratch, chunk)
        chunk, turn = take_share(shares, seat, turn)


@apart
def prepare_form(job):
    """Have Python compile the kernel for the form of the job's rows, as `driver.prepare`."""
    program = llvm.load_word(job, PROGRAM)
    if form_kernel(job) == 0:
        word = llvm.load_word(llvm.load_word(program, j.STATE), j.PREPARE_FORM)
        llvm.call_with(word, program + llvm.load_word(job, FORM))
    return form_kernel(job) != 0


@apart
def all_direct(job):
    """Whether blocks of the operands along the axis are taken as they lie."""
    program = llvm.load_word(job, PROGRAM)
    for operand in range(llvm.load_word(program, FIRST_ALONG), llvm.load_word(program, END_ALONG)):
        if not is_direct(program, operand, operand_steps(job, operand)[1]):
            return False
    return True


@apart
def prepare_worker(job):
    """Prepare what a job's threads need, but for rows that they share."""
    state = llvm.load_word(llvm.load_word(job, PROGRAM), j.STATE)
    return (
        prepare_form(job)
        and prepare_part(state, j.ROWS_WORKER)
        and (all_direct(job) or prepare_part(state, j.MOVE_BLOCK))
    )


@apart
def run_job(job):
    """Run a job, by several threads where that pays and no other thread is at it."""
    program = llvm.load_word(job, PROGRAM)
    state = llvm.load_word(program, j.STATE)
    tiles = llvm.load_word(job, TILES)
    chunks, worker = llvm.load_word(job, CHUNKS), llvm.load_word(state, j.ROWS_WORKER)
    elements = llvm.load_word(job, ROWS) * llvm.load_word(job, LENGTH)
    threads = useful_threads(program, elements)
    # Sharing rows takes the threads three calls, and terms anew.
    summed = llvm.load_word(program, SUM_COUNT) + llvm.load_word(program, THRESHOLD_SUM_COUNT)
    can_share = chunks > 1 and summed != 0 and elements >= SHARING * llvm.load_word(program, j.PARALLEL_FROM)
    many = threads > 1 and (tiles > 1 or can_share)
    shares = llvm.stack_buffer(SHARES_BYTES)
    llvm.store_word(job, SHARES, shares)
    if not (many and llvm.try_acquire(state + 8 * j.BUSY)):
        open_shares(shares, tiles, 1)
        llvm.call_worker(worker, job, 0)
        return
    if tiles < threads and can_share and prepare_part(state, j.CHUNKS_WORKER):
        llvm.store_word(job, PHASE, SHARED_TILES)
        llvm.call_worker(llvm.load_word(state, j.CHUNKS_WORKER), job, 0)
    else:
        open_shares(shares, tiles, threads)
        run_parallel(state, worker, job, min(threads, tiles))
    llvm.release(state + 8 * j.BUSY)


def run_gufunc_loop(args, dimensions, steps, program):
    """NumPy's outer loop, of every generalised ufunc with one core dimension.

    Where results have no axis, an empty row has a result all the same: that of a row of one -inf.
    """
    flags = llvm.stack_buffer(_FLAGS_BYTES)
    llvm.save_floating_point_flags(flags)
    rows, length = llvm.load_word(dimensions, 0), llvm.load_word(dimensions, 1)
    of_nothing = llvm.load_word(program, OF_NOTHING) if length == 0 else 0
    if rows > 0 and (length > 0 or of_nothing != 0) and prepare(program):
        job = llvm.stack_buffer(_JOB_BYTES)
        llvm.store_word(job, PROGRAM, program)
        llvm.store_word(job, ROWS, rows)
        llvm.store_word(job, LENGTH, length)
        llvm.store_word(job, ARGS, args)
        llvm.store_word(job, ROW_STEPS, steps)
        element_steps = llvm.stack_buffer(_PLACES_BYTES)
        take_element_steps(job, steps, element_steps)
        if of_nothing != 0:
            other_args, other_steps = llvm.stack_buffer(_PLACES_BYTES), llvm.stack_buffer(_PLACES_BYTES)
            stand_in(job, of_nothing, other_args, other_steps)
        plan(job)
        if prepare_worker(job):
            run_job(job)
    llvm.restore_floating_point_flags(flags)


@functools.cache
def gufunc_loop_address():
    """The address of `run_gufunc_loop`."""
    return address_of(run_gufunc_loop, 4)
