"""Statistics of what an activation does to data, in one pass: of its inputs, outputs and derivatives together.

A block of operands goes through the kernel for value and derivative into buffers in the L1 cache, and what comes out is
summed up there: nothing of the data's size is written. Each block leaves one *partial*, `WORDS` numbers in float64,
at a place that the shape alone decides; `fastact._statistics` merges partials. So the result has the same bits for any
number of threads.

Means and standard deviations are of the finite numbers. Each block takes them from its own mean, and numbers that are
too large or too small to be squared are scaled by a power of two: nothing cancels, overflows or is lost.
"""

import functools

import numpy as np
from numba import types
from numba.extending import intrinsic, register_jitable

from fastact._definition import registry
from fastact._engine import driver
from fastact._engine import intrinsics as llvm
from fastact._engine import job as j
from fastact._engine.arrays import describe_job, run_job
from fastact._engine.conversions import pack_address
from fastact._engine.inlined import own_symbol
from fastact._engine.programs import NANOSECONDS_WORTH_A_THREAD, Program
from fastact._statistics import (
    COUNT,
    DEAD,
    FIRST_QUANTITY,
    GRADIENT,
    HIGHEST,
    INFINITE,
    LOWEST,
    MEAN,
    NAN,
    PRODUCT,
    QUANTITY_WORDS,
    SATURATED,
    SPREAD,
    WORDS,
    ZERO,
)

# What a job says besides: the threshold's bits, how half precision comes back from its own dtype, a row's blocks.
THRESHOLD, REPACK, BLOCKS_ALONG = range(j.JOB_WORDS, j.JOB_WORDS + 3)
_NANOSECONDS = 2.0  # per element, besides the kernel's own

# Sizes of stack buffers must be globals of this module for Numba to see literals.
_WIDE_BYTES = 8 * j.BLOCK
_ALL_WIDE_BYTES = 4 * _WIDE_BYTES
_BUFFER_BYTES = driver._BUFFER_BYTES

_PARTIAL_BYTES = 8 * WORDS
_QUANTITY_BYTES = 8 * QUANTITY_WORDS
_MAGNITUDE = 0x7FFFFFFFFFFFFFFF  # the bits of a float64 but for its sign
_INFINITY_BITS = 0x7FF0000000000000
_INFINITY = float("inf")
# Squares of numbers up to _LARGE can be summed, and those of numbers from _SMALL on lose nothing.
_LARGE, _SMALL, _DOWN, _UP = 2.0**500, 2.0**-400, 2.0**-600, 2.0**600


@intrinsic
def _add(typingctx, a, b):
    """A sum that LLVM may take in another order, which vectorises it; the order is the compiled code's alone."""

    def codegen(context, builder, signature, args):
        return builder.fadd(*args, flags=("reassoc",))

    return types.float64(types.float64, types.float64), codegen


@register_jitable
def _bits(number):
    return np.float64(number).view(np.int64)


@register_jitable
def _from_bits(bits):
    return np.int64(bits).view(np.float64)


@register_jitable
def _flipped(bits):
    """Bits of a float64 as an integer of the same order, and back."""
    return bits ^ ((bits >> 63) & _MAGNITUDE)


@register_jitable
def _scale(magnitude):
    """The power of two that brings numbers of at most this magnitude to where squares can be summed."""
    return _DOWN if magnitude > _LARGE else (_UP if 0.0 < magnitude < _SMALL else 1.0)


# --- one block -------------------------------------------------------------------------------------


def _widener(element):
    size = element.bitwidth // 8

    @register_jitable
    @own_symbol
    def widen(length, source, destination):
        llvm.keep_apart()
        llvm.fit_for_vectors()
        for i in range(length):
            value = llvm.load_operand(source, size * i, element)
            llvm.store_scratch(destination, 8 * i, np.float64(value))

    return widen


_widen_4, _widen_8 = _widener(llvm.float32), _widener(llvm.float64)


@register_jitable
def summarise(source, length, words):
    """How many numbers of a block are NaN and infinite; of the others the extremes, mean and standard deviation."""
    llvm.keep_apart()
    llvm.fit_for_vectors()
    nans, infinite, low, high = 0, 0, _MAGNITUDE, -_MAGNITUDE
    for i in range(length):
        bits = _bits(llvm.load(source, 8 * i, llvm.float64))
        magnitude = bits & _MAGNITUDE
        nans += 1 if magnitude > _INFINITY_BITS else 0
        infinite += 1 if magnitude == _INFINITY_BITS else 0
        low = min(low, _flipped(bits) if magnitude < _INFINITY_BITS else _MAGNITUDE)
        high = max(high, _flipped(bits) if magnitude < _INFINITY_BITS else -_MAGNITUDE)
    count = length - nans - infinite
    lowest = _from_bits(_flipped(low)) if count > 0 else _INFINITY
    highest = _from_bits(_flipped(high)) if count > 0 else -_INFINITY
    mean, spread = _mean_and_spread(source, length, count, max(-lowest, highest))
    llvm.store(words, 8 * NAN, float(nans))
    llvm.store(words, 8 * INFINITE, float(infinite))
    llvm.store(words, 8 * LOWEST, lowest)
    llvm.store(words, 8 * HIGHEST, highest)
    llvm.store(words, 8 * MEAN, mean)
    llvm.store(words, 8 * SPREAD, spread)


@register_jitable
def _mean_and_spread(source, length, count, magnitude):
    """The mean and the standard deviation of a block's finite numbers."""
    llvm.keep_apart()
    llvm.fit_for_vectors()
    if count == 0:
        return 0.0, 0.0
    scale, total = _scale(magnitude), 0.0
    for i in range(length):
        value = llvm.load(source, 8 * i, llvm.float64)
        total = _add(total, value * scale if abs(value) < _INFINITY else 0.0)
    mean = total / count
    rest, squares = 0.0, 0.0
    for i in range(length):
        value = llvm.load(source, 8 * i, llvm.float64)
        difference = value * scale - mean if abs(value) < _INFINITY else 0.0
        rest, squares = _add(rest, difference), _add(squares, difference * difference)
    # What rounding left of the mean: equal numbers have their own value as mean, and no deviation.
    squares = max(0.0, squares - rest * (rest / count))
    return (mean + rest / count) / scale, np.sqrt(squares / count) / scale


@register_jitable
def root_mean_squares(gradient, derivative, length, words):
    """Those of a gradient and of its product with the derivative; a product that is not finite counts as 0, as both."""
    llvm.keep_apart()
    llvm.fit_for_vectors()
    largest, largest_product = 0, 0
    for i in range(length):
        g = llvm.load(gradient, 8 * i, llvm.float64)
        product = _bits(g * llvm.load(derivative, 8 * i, llvm.float64)) & _MAGNITUDE
        largest = max(largest, _bits(g) & _MAGNITUDE if product < _INFINITY_BITS else 0)
        largest_product = max(largest_product, product if product < _INFINITY_BITS else 0)
    scale, product_scale = _scale(_from_bits(largest)), _scale(_from_bits(largest_product))
    squares, product_squares = 0.0, 0.0
    for i in range(length):
        g = llvm.load(gradient, 8 * i, llvm.float64)
        product = g * llvm.load(derivative, 8 * i, llvm.float64)
        finite = abs(product) < _INFINITY
        scaled, scaled_product = g * scale if finite else 0.0, product * product_scale if finite else 0.0
        squares = _add(squares, scaled * scaled)
        product_squares = _add(product_squares, scaled_product * scaled_product)
    llvm.store(words, 8 * GRADIENT, np.sqrt(squares / length) / scale)
    llvm.store(words, 8 * PRODUCT, np.sqrt(product_squares / length) / product_scale)


@register_jitable
def shares(y, derivative, length, threshold, words):
    """How many derivatives are 0, how many of those or below the threshold, and how many outputs are 0."""
    llvm.keep_apart()
    llvm.fit_for_vectors()
    dead, saturated, zero = 0, 0, 0
    for i in range(length):
        slope = abs(llvm.load(derivative, 8 * i, llvm.float64))
        dead += 1 if slope == 0.0 else 0
        saturated += 1 if slope == 0.0 or slope < threshold else 0
        zero += 1 if llvm.load(y, 8 * i, llvm.float64) == 0.0 else 0
    llvm.store(words, 8 * COUNT, float(length))
    llvm.store(words, 8 * DEAD, float(dead))
    llvm.store(words, 8 * SATURATED, float(saturated))
    llvm.store(words, 8 * ZERO, float(zero))


@register_jitable
def round_to_own_dtype(program, job, operand, length, result, scratch):
    """Give a result in half precision the values that it has in its own dtype."""
    convert, repack = driver.program_operand(program, operand, j.CONVERT), llvm.load_word(job, REPACK)
    if convert != 0:
        llvm.call_convert(convert, length, result, llvm.load_word(program, j.WORKING_SIZE), scratch, 2)
        llvm.call_convert(repack, length, scratch, 2, result, llvm.load_word(program, j.WORKING_SIZE))


@register_jitable
def block_partial(program, job, length, pointers, wide, words):
    """One block's partial, from where the kernel's operands and results lie: gradient, input; value, derivative."""
    llvm.keep_apart()
    inputs = llvm.load_word(program, j.INPUTS)
    for number in range(4):
        operand = number if number < 2 else inputs + number - 2
        source, destination = llvm.load_word(pointers, operand), wide + number * _WIDE_BYTES
        if number >= 2:
            round_to_own_dtype(program, job, operand, length, source, destination)
        if llvm.load_word(program, j.WORKING_SIZE) == 4:
            _widen_4(length, source, destination)
        else:
            _widen_8(length, source, destination)
        if number >= 1:
            summarise(destination, length, words + 8 * FIRST_QUANTITY + (number - 1) * _QUANTITY_BYTES)
    y, derivative = wide + 2 * _WIDE_BYTES, wide + 3 * _WIDE_BYTES
    shares(y, derivative, length, llvm.load(job, 8 * THRESHOLD, llvm.float64), words)
    root_mean_squares(wide, derivative, length, words)


# --- tiles -----------------------------------------------------------------------------------------


@register_jitable
def span_partials(program, job, places, length, buffers, pointers, wide, words):
    """The partials of `length` elements from `places`, one after the other."""
    llvm.keep_apart()
    kernel, constants = llvm.load_word(program, j.KERNEL), llvm.load_word(program, j.CONSTANTS)
    driver.pack_constants(program, job, places, length, buffers)
    for start in range(0, length, j.BLOCK):
        block = min(length - start, j.BLOCK)
        driver.bring_operands(program, job, places, start, block, j.BUFFERED, buffers, pointers)
        llvm.call_kernel(kernel, block, pointers + 8, constants)  # which takes no gradient
        block_partial(program, job, block, pointers, wide, words)
        words += _PARTIAL_BYTES


@register_jitable
def tile_partials(program, job, tile, places, index, buffers, pointers, wide):
    """The partials of one tile's rows."""
    start, row = driver.tile_start(job, tile), driver.first_row(job, tile)
    length = driver.tile_end(job, tile) - start
    rows = min(llvm.load_word(job, j.TILE_ROWS), llvm.load_word(job, j.ROWS) - row)
    blocks_along, partials = llvm.load_word(job, BLOCKS_ALONG), llvm.load_word(job, j.PARTIALS)
    driver.first_places(program, job, places, index, start, row)
    for i in range(rows):
        words = partials + _PARTIAL_BYTES * ((row + i) * blocks_along + start // j.BLOCK)
        span_partials(program, job, places, length, buffers, pointers, wide, words)
        driver.next_places(program, job, places, index)


@functools.cache
def _worker_address():
    return driver.worker_with_scratch(tile_partials, _ALL_WIDE_BYTES, "run_statistics_worker")


# --- from Python -----------------------------------------------------------------------------------


class StatisticsProgram(Program):
    """A program for value and derivative whose first operand, a gradient, is none of the kernel's.

    Parameters
    ----------
    name : str
        The activation.
    dtypes : tuple of numpy.dtype
        Of the gradient, the input, parameters that are operands, and the two results.
    constants : tuple of (float, float) or None
        The parameters, where they are not operands, each in two parts.
    """

    def __init__(self, name, dtypes, constants):
        super().__init__(name, "value_and_derivative", dtypes, constants)
        self.words[j.PARALLEL_FROM] = NANOSECONDS_WORTH_A_THREAD / (registry[name].cost + _NANOSECONDS)

    def prepare(self):
        """Compile what the program needs, or take it from the cache."""
        self.set_conversions()
        self.set_kernel(len(self.dtypes) - self.results - 1)  # which takes no gradient


def partials(program, views, threshold):
    """The partials of arrays of one shape.

    Parameters
    ----------
    program : StatisticsProgram
        What to compute.
    views : sequence of ndarray
        Its gradient, input and further operands, of at most ``1 + MAX_OUTER_DIMENSIONS`` dimensions and not empty.
    threshold : float
        What derivatives count as saturated below.

    Returns
    -------
    ndarray
        Of the arrays' shape but for the last axis, as many partials as that takes, and `WORDS`.
    """
    *rows, length = views[0].shape
    result = np.broadcast_to(np.empty((), program.dtypes[-1]), views[0].shape)  # which nothing is written to
    job = describe_job(program, [*views, result, result], words=j.JOB_WORDS + 3)
    blocks_along = -(-length // j.BLOCK)
    partials = np.empty((*rows, blocks_along, WORDS))
    far = any(abs(view.strides[-1]) >= j.FAR_STRIDE for view in views)
    job[j.TILE_LENGTH] = j.BLOCK if far else j.TILE
    job[j.JOB_WORKER], job[j.PARTIALS] = _worker_address(), partials.ctypes.data
    job[THRESHOLD] = int(np.array(threshold, program.working).astype(np.float64).view(np.int64))
    job[REPACK], job[BLOCKS_ALONG] = pack_address(program.dtypes[-1], program.working), blocks_along
    run_job(job)
    return partials
