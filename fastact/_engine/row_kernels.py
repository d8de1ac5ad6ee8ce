"""From the formulas of a function along an axis to kernels over blocks of rows.

A *block* is a stretch of some rows. It has two dimensions, of which the inner one is contiguous: the elements of each
row (the form of *rows*), or, where rows are short or lie side by side, neighbouring rows (the form of *columns*).
Loops are the same but for where a row's own numbers are found, and every one of them is short and vectorised.

A direction has three formulas in working precision. ``*_terms`` gives, of one element, what is summed along the axis;
``*_row`` makes of a row's sums what its results need; and the direction itself gives one result. The first term is
passed on to it, too, where it asks for it by the name ``kept``; a row's largest element is found before all else
where the terms ask for it by the name ``largest``, or its smallest one where they ask for ``smallest``. A result that
takes ``won`` instead is told whether its element is the first of its row's largest ones.

Terms may ask for a row's ``threshold``, too. It is found by iteration from -1, the threshold of a row of one element:
``threshold_terms`` gives, of one element of x, what is summed along the axis, and ``threshold_step`` how far these sums
raise the threshold. That ends where no row of a tile changes any more; a step that is not positive changes nothing, so
that a row may be asked for more steps than it needs.
"""

import functools
import inspect

import numba
import numpy as np

from fastact._definition import registry
from fastact._engine import intrinsics as llvm
from fastact._engine import precision
from fastact._engine.blocks import ELEMENT, ENTER, LEAVE, register_helpers, tuple_of
from fastact._engine.cache import compile_function
from fastact._engine.inlined import inlined
from fastact._math.working import where

# A block's words; then each operand's place, and each operand's step along the block's outer dimension.
FORM, OUTER, INNER, TERMS, LANES, LARGEST, SUMS, CONSTANTS = range(8)
BEGINS, ENDS, LANES_USED, X, X_STEP, THRESHOLDS, CHANGED, PLACES = range(8, 16)
MAX_OPERANDS = 4
STEPS = PLACES + MAX_OPERANDS
BLOCK_WORDS = STEPS + MAX_OPERANDS
ROWS, COLUMNS = range(2)
# What a direction's kernel is asked for, and what the kernels of largest elements and of thresholds are.
ALL_TERMS, ROW_CONSTANTS, RESULTS = range(3)
BEGIN, ADD, END = range(3)
FIRST_THRESHOLDS, NEXT_THRESHOLDS = 1, 2  # ALL_TERMS is the same

# Elements of a block, and rows of one.
BLOCK, MOST_ROWS = 2048, 256
STREAM_BYTES, ROWS_BYTES = 8 * BLOCK, 8 * MOST_ROWS
# A row's sums are kept in this many lanes: element i goes to lane i % LANE_COUNT, in both forms.
LANE_COUNT = 64
MAX_TERMS = MAX_CONSTANTS = 2
# What terms may ask for of a row besides its threshold.
EXTREMES = ("largest", "smallest")
#: Numbers of float64 that a number in working precision is stored as.
PARTS = {"float32": 1, "float64": 2}


# --- numbers in working precision, in arrays of float64 --------------------------------------------


def _stored(dtype, array_bytes):
    """How to load and store number `index` of the array `number`; a number's two parts lie in arrays of their own."""
    if dtype == "float32":

        @inlined
        def load_one(load, base, number, index):
            return load(base, number * array_bytes + 8 * index, numba.float64)

        @inlined
        def store(base, number, index, value):
            llvm.store_scratch(base, number * array_bytes + 8 * index, float(value))

    else:

        @inlined
        def load_one(load, base, number, index):
            hi = load(base, 2 * number * array_bytes + 8 * index, numba.float64)
            return precision.make_pair(hi, load(base, (2 * number + 1) * array_bytes + 8 * index, numba.float64))

        @inlined
        def store(base, number, index, value):
            hi, lo = precision.parts_of(value)
            llvm.store_scratch(base, 2 * number * array_bytes + 8 * index, hi)
            llvm.store_scratch(base, (2 * number + 1) * array_bytes + 8 * index, lo)

    load_scratch, load_operand = llvm.load_scratch, llvm.load_operand
    load = inlined(lambda base, number, index: load_one(load_scratch, base, number, index))
    # For what a loop does not write.
    load_given = inlined(lambda base, number, index: load_one(load_operand, base, number, index))
    return load, load_given, store


def _store_all(store, count):
    """A compiled function that stores a tuple's items in as many arrays."""
    if count == 0:
        return inlined(lambda base, index, items: None)
    others, last = _store_all(store, count - 1), count - 1

    @inlined
    def store_all(base, index, items):
        others(base, index, items)
        store(base, last, index, items[last])

    return store_all


# --- the kernel of one direction -------------------------------------------------------------------


class Formulas:
    """The formulas of one direction, and what the driver needs to know of them."""

    def __init__(self, name, direction):
        formulas = registry[name].formulas
        register_helpers()
        self.result = formulas[direction]
        self.inputs = len(registry[name].arrays(direction))
        result = inspect.signature(self.result).parameters
        self.needs_kept, self.in_order = "kept" in result, "won" in result
        self.term_count, self.threshold_term_count, self.needs_threshold, self.extreme = 0, 0, False, "largest"
        if self.in_order:
            return
        self.terms, self.row = formulas[f"{direction}_terms"], formulas[f"{direction}_row"]
        of_row = list(inspect.signature(self.terms).parameters)[self.inputs :]
        self.extreme = of_row[0] if of_row[0] in EXTREMES else None
        self.needs_threshold = "threshold" in of_row
        self.term_count = len(inspect.signature(self.row).parameters) - len(of_row)
        self.constant_count = len(result) - self.inputs - 1
        if self.needs_threshold:
            self.threshold_terms, self.threshold_step = formulas["threshold_terms"], formulas["threshold_step"]
            self.threshold_term_count = len(inspect.signature(self.threshold_step).parameters)
        if max(self.term_count, self.threshold_term_count) > MAX_TERMS or self.constant_count > MAX_CONSTANTS:
            raise TypeError(f"{name}, {direction}: scratch memory has room for {MAX_TERMS} terms and constants")


def _load_known(dtype, needs_threshold):
    """A compiled function that loads what terms take of a row besides its elements, in a tuple."""
    element, enter, (_, load_given, _) = ELEMENT[dtype], ENTER[dtype], _stored(dtype, ROWS_BYTES)
    size = element.bitwidth // 8

    @inlined
    def load_extreme(places, row):
        return (enter(llvm.load_operand(places[0], size * row, element)),)

    @inlined
    def load_both(places, row):
        return load_extreme(places, row) + (load_given(places[1], 0, row),)

    return load_both if needs_threshold else load_extreme


def _kernel(formulas, dtype):
    element, enter, leave = ELEMENT[dtype], ENTER[dtype], LEAVE[dtype]
    size, inputs = element.bitwidth // 8, formulas.inputs
    terms, row_constants, result = (inlined(f) for f in (formulas.terms, formulas.row, formulas.result))
    load_term, _, store_term = _stored(dtype, STREAM_BYTES)
    _, load_of_row, store_of_row = _stored(dtype, ROWS_BYTES)
    store_terms = _store_all(store_term, formulas.term_count)
    store_constants = _store_all(store_of_row, formulas.constant_count)
    load_sums = tuple_of(load_of_row, formulas.term_count)
    load_constants = tuple_of(load_of_row, formulas.constant_count)
    load_places = tuple_of(inlined(lambda block, k, first: llvm.load_word(block, first + k)), inputs)
    advance = tuple_of(inlined(lambda both, k, count: both[0][k] + both[1][k] * count), inputs)
    load_elements = tuple_of(
        inlined(lambda places, k, i: enter(llvm.load_operand(places[k], size * i, element))), inputs
    )
    load_known = _load_known(dtype, formulas.needs_threshold)

    def kernel(action, block):
        llvm.prefer_512_bit()
        outer, inner = llvm.load_word(block, OUTER), llvm.load_word(block, INNER)
        scratch, constants_place = llvm.load_word(block, TERMS), llvm.load_word(block, CONSTANTS)
        known_places = llvm.load_word(block, LARGEST), llvm.load_word(block, THRESHOLDS)
        places, steps = load_places(block, PLACES), load_places(block, STEPS)
        result_place, result_step = llvm.load_word(block, PLACES + inputs), llvm.load_word(block, STEPS + inputs)
        form = llvm.load_word(block, FORM)
        if action == ALL_TERMS:
            if form == ROWS:
                for row in range(outer):
                    line, stored = advance((places, steps), row), scratch + 8 * inner * row
                    known = load_known(known_places, row)
                    for i in range(inner):
                        store_terms(stored, i, terms(*(load_elements(line, i) + known)))
            else:
                for k in range(outer):
                    line, stored = advance((places, steps), k), scratch + 8 * inner * k
                    for row in range(inner):
                        known = load_known(known_places, row)
                        store_terms(stored, row, terms(*(load_elements(line, row) + known)))
        elif action == ROW_CONSTANTS:
            sums = llvm.load_word(block, SUMS)
            for row in range(outer if form == ROWS else inner):
                known = load_known(known_places, row)
                store_constants(constants_place, row, row_constants(*(known + load_sums(sums, row))))
        elif form == ROWS:
            for row in range(outer):
                line, stored = advance((places, steps), row), scratch + 8 * inner * row
                constants, written = load_constants(constants_place, row), result_place + result_step * row
                for i in range(inner):
                    y = result(*(load_elements(line, i) + (load_term(stored, 0, i),) + constants))
                    llvm.store_result(written, size * i, leave(y))
        else:
            for k in range(outer):
                line, stored = advance((places, steps), k), scratch + 8 * inner * k
                written = result_place + result_step * k
                for row in range(inner):
                    constants = load_constants(constants_place, row)
                    y = result(*(load_elements(line, row) + (load_term(stored, 0, row),) + constants))
                    llvm.store_result(written, size * row, leave(y))

    return kernel


def _winner_kernel(formulas, dtype):
    """As `_kernel`, for a result that depends on whether an element is the first of its row's largest ones.

    Whether it has been met is all that a row remembers, from one block to the next.
    """
    element, enter, leave = ELEMENT[dtype], ENTER[dtype], LEAVE[dtype]
    size, inputs, result = element.bitwidth // 8, formulas.inputs, inlined(formulas.result)

    load_places = tuple_of(inlined(lambda block, k, first: llvm.load_word(block, first + k)), inputs + 1)
    advance = tuple_of(inlined(lambda both, k, count: both[0][k] + both[1][k] * count), inputs + 1)
    load_elements = tuple_of(inlined(lambda places, k, i: llvm.load_operand(places[k], size * i, element)), inputs)
    enter_all = tuple_of(inlined(lambda elements, k, _: enter(elements[k])), inputs)

    @inlined
    def decide(places, i, row, of_rows):
        elements, largest = load_elements(places, i), llvm.load_operand(of_rows[0], size * row, element)
        x = elements[inputs - 1]
        met = llvm.load_scratch(of_rows[1], 8 * row, numba.int64)
        won = (met == 0) & ((x == largest) | (x != x))
        llvm.store_scratch(of_rows[1], 8 * row, met | np.int64(won))
        y = result(*(enter_all(elements, 0) + (enter(largest), won)))
        llvm.store_result(places[inputs], size * i, leave(y))

    def kernel(action, block):
        llvm.prefer_512_bit()
        outer, inner, form = llvm.load_word(block, OUTER), llvm.load_word(block, INNER), llvm.load_word(block, FORM)
        of_rows = llvm.load_word(block, LARGEST), llvm.load_word(block, CONSTANTS)
        places, steps = load_places(block, PLACES), load_places(block, STEPS)
        if action == ROW_CONSTANTS:
            for row in range(outer if form == ROWS else inner):
                llvm.store_scratch(of_rows[1], 8 * row, np.int64(0))
        elif form == ROWS:
            for row in range(outer):
                line = advance((places, steps), row)
                for i in range(inner):
                    decide(line, i, row, of_rows)
        else:
            for k in range(outer):
                line = advance((places, steps), k)
                for row in range(inner):
                    decide(line, row, row, of_rows)

    return kernel


def row_kernel(name, direction, dtype):
    """Compile the kernel of one direction: terms, what rows need, results."""
    formulas = Formulas(name, direction)
    kernel = (_winner_kernel if formulas.in_order else _kernel)(formulas, dtype)
    return compile_function(kernel, "void(intp, intp)", f"{name}-{direction}-{dtype}-rows")


# --- thresholds ------------------------------------------------------------------------------------


def threshold_kernel(name, direction, dtype):
    """Compile what raises rows' thresholds: begin them, write the terms of a block's elements, take a step.

    All directions of a function share it.
    """
    formulas = Formulas(name, direction)
    terms, step, count = (
        inlined(formulas.threshold_terms),
        inlined(formulas.threshold_step),
        formulas.threshold_term_count,
    )
    element, enter = ELEMENT[dtype], ENTER[dtype]
    size, load_known = element.bitwidth // 8, _load_known(dtype, True)
    load_threshold, load_of_row, store_threshold = _stored(dtype, ROWS_BYTES)
    store_terms, load_sums = _store_all(_stored(dtype, STREAM_BYTES)[2], count), tuple_of(load_of_row, count)

    def kernel(action, block):
        llvm.prefer_512_bit()
        outer, inner, form = llvm.load_word(block, OUTER), llvm.load_word(block, INNER), llvm.load_word(block, FORM)
        place, x_step, scratch = llvm.load_word(block, X), llvm.load_word(block, X_STEP), llvm.load_word(block, TERMS)
        known_places = llvm.load_word(block, LARGEST), llvm.load_word(block, THRESHOLDS)
        thresholds, sums = llvm.load_word(block, THRESHOLDS), llvm.load_word(block, SUMS)
        rows = outer if form == ROWS else inner
        if action == FIRST_THRESHOLDS:
            for row in range(rows):
                store_threshold(thresholds, 0, row, -1.0)
        elif action == NEXT_THRESHOLDS:
            changed = 0
            for row in range(rows):
                last = load_threshold(thresholds, 0, row)
                rise = step(*load_sums(sums, row))
                threshold = last + where(rise <= 0.0, 0.0, rise)  # NaN stays
                store_threshold(thresholds, 0, row, threshold)
                changed += np.int64(threshold - last > 0.0)
            llvm.store_word(block, CHANGED, changed)
        elif form == ROWS:
            for row in range(outer):
                line, stored, known = place + x_step * row, scratch + 8 * inner * row, load_known(known_places, row)
                for i in range(inner):
                    x = enter(llvm.load_operand(line, size * i, element))
                    store_terms(stored, i, terms(*((x,) + known)))
        else:
            for k in range(outer):
                line, stored = place + x_step * k, scratch + 8 * inner * k
                for row in range(inner):
                    x = enter(llvm.load_operand(line, size * row, element))
                    store_terms(stored, row, terms(*((x,) + load_known(known_places, row))))

    return compile_function(kernel, "void(intp, intp)", f"{name}-threshold-{dtype}")


# --- largest and smallest elements -----------------------------------------------------------------


def _key(dtype, extreme):
    """An element's bits as an integer that is the larger the more extreme it is, NaN of either sign most; its inverse.

    The smallest element is the largest in the order turned round.
    """
    if dtype == "float32":
        integer, shift = np.int32, np.int32(31)
        magnitude_bits, infinity = np.int32(0x7FFFFFFF), np.int32(0x7F800000)
    else:
        integer, shift = np.int64, np.int64(63)
        magnitude_bits, infinity = np.int64(0x7FFFFFFFFFFFFFFF), np.int64(0x7FF0000000000000)
    turned = integer(0 if extreme == "largest" else -1)

    @inlined
    def key(bits):
        magnitude = integer(bits & magnitude_bits)
        ordered = integer(bits ^ (integer(bits >> shift) & magnitude_bits))
        return magnitude if magnitude > infinity else integer(ordered ^ turned)

    @inlined
    def value(key):
        ordered = key if key > infinity else integer(key ^ turned)
        return integer(ordered ^ (integer(ordered >> shift) & magnitude_bits))

    return key, value, numba.int32 if dtype == "float32" else numba.int64


@functools.cache
def largest_kernel(dtype, extreme):
    """Compile what finds rows' largest or smallest elements, block after block; a row's is NaN where it has one."""
    key, value, integer = _key(dtype, extreme)
    size = integer.bitwidth // 8
    lowest = (np.int32 if dtype == "float32" else np.int64)(-(2 ** (8 * size - 1)))

    def kernel(action, block):
        llvm.prefer_512_bit()
        outer, inner = llvm.load_word(block, OUTER), llvm.load_word(block, INNER)
        place, step = llvm.load_word(block, X), llvm.load_word(block, X_STEP)
        largest = llvm.load_word(block, LARGEST)
        rows = outer if llvm.load_word(block, FORM) == ROWS else inner
        if action == BEGIN:
            for row in range(rows):
                llvm.store_scratch(largest, size * row, lowest)
        elif action == END:
            for row in range(rows):
                llvm.store_scratch(largest, size * row, value(llvm.load_scratch(largest, size * row, integer)))
        elif llvm.load_word(block, FORM) == ROWS:
            for row in range(outer):
                most, line = llvm.load_scratch(largest, size * row, integer), place + step * row
                for i in range(inner):
                    most = max(most, key(llvm.load_operand(line, size * i, integer)))
                llvm.store_scratch(largest, size * row, most)
        else:
            for k in range(outer):
                line = place + step * k
                for row in range(inner):
                    most = llvm.load_scratch(largest, size * row, integer)
                    most = max(most, key(llvm.load_operand(line, size * row, integer)))
                    llvm.store_scratch(largest, size * row, most)

    return compile_function(kernel, "void(intp, intp)", f"{extreme}-{dtype}")


# --- sums ------------------------------------------------------------------------------------------


@functools.cache
def sums_kernel(dtype):
    """Compile what adds a block's terms to its rows' sums, in an order that a row's length alone decides.

    Lanes of running sums, which `BEGINS` empties; `ENDS` adds them up, and the whole to the row's sum.
    """
    _, load, store = _stored(dtype, STREAM_BYTES)
    load_sum, _, store_sum = _stored(dtype, ROWS_BYTES)
    stream_bytes, apart = PARTS[dtype] * STREAM_BYTES, numba.extending.register_jitable(error_model="numpy")
    zero = inlined(lambda: 0.0) if dtype == "float32" else inlined(lambda: precision.make_pair(0.0, 0.0))

    @apart
    def add_up(terms, lanes, used, width, sums):
        """Add the lanes up, two by two; where rows are so short that there is a lane for each term, take the terms."""
        llvm.prefer_512_bit()
        llvm.keep_apart()
        source = lanes
        if terms != 0:
            half, source = (used + 1) // 2, terms
            for i in range((used - half) * width, half * width):  # what has no other half
                store(lanes, 0, i, load(terms, 0, i))
        while used > 1:
            half = (used + 1) // 2
            for i in range((used - half) * width):
                store(lanes, 0, i, load(source, 0, i) + load(source, 0, half * width + i))
            source, used = lanes, half
        for i in range(width):
            store_sum(sums, 0, i, load_sum(sums, 0, i) + load(lanes, 0, i))

    @apart
    def clear(lanes, count):
        llvm.prefer_512_bit()
        llvm.keep_apart()
        for i in range(count):
            store(lanes, 0, i, zero())

    @apart
    def add_to_lanes(terms, lanes, length, width):
        """Add terms to their lanes, four to each at a time where there are so many."""
        llvm.prefer_512_bit()
        llvm.keep_apart()
        line, end = 8 * LANE_COUNT * width, terms + 8 * length * width
        while terms + 4 * line <= end:
            for i in range(LANE_COUNT * width):
                total = load(lanes, 0, i) + load(terms, 0, i)
                total = (total + load(terms + line, 0, i)) + load(terms + 2 * line, 0, i)
                store(lanes, 0, i, total + load(terms + 3 * line, 0, i))
            terms += 4 * line
        while terms < end:
            for i in range(min(line, end - terms) // 8):
                store(lanes, 0, i, load(lanes, 0, i) + load(terms, 0, i))
            terms += line

    sums_bytes = PARTS[dtype] * ROWS_BYTES

    def kernel(streams, block):
        llvm.prefer_512_bit()
        outer, inner = llvm.load_word(block, OUTER), llvm.load_word(block, INNER)
        is_rows = llvm.load_word(block, FORM) == ROWS
        groups, length, width = (outer, inner, 1) if is_rows else (1, outer, inner)
        used, begins = llvm.load_word(block, LANES_USED), llvm.load_word(block, BEGINS)
        ends = llvm.load_word(block, ENDS)
        for stream in range(streams):
            terms = llvm.load_word(block, TERMS) + stream * stream_bytes
            lanes = llvm.load_word(block, LANES) + stream * stream_bytes
            sums = llvm.load_word(block, SUMS) + stream * sums_bytes
            for _ in range(groups):
                if begins and ends and length == used:
                    add_up(terms, lanes, used, width, sums)
                else:
                    if begins:
                        clear(lanes, used * width)
                    add_to_lanes(terms, lanes, length, width)
                    if ends:
                        add_up(0, lanes, used, width, sums)
                terms += 8 * length
                sums += 8

    return compile_function(kernel, "void(intp, intp)", f"sums-{dtype}")
