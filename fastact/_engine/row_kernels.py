"""From the formulas of a function along an axis to kernels over blocks of rows.

A *block* is a stretch of some rows. It has two dimensions, of which the inner one is contiguous: the elements of each
row (the form of *rows*), or, where rows are short or lie side by side, neighbouring rows (the form of *columns*).
Loops are the same but for where a row's own numbers are found, and every one of them is short and vectorised.

A direction has three formulas in working precision. ``*_terms`` gives, of one element, what is summed along the axis;
``*_row`` makes of a row's sums its results of one number per row and, behind them, what its other results need; and
the direction itself gives an element of those, or a tuple of them, if it has any.

The first term is passed on to a result, too, where it asks for it by the name ``kept``; a row's largest element is
found before all else where the terms ask for it by the name ``largest``. A result that takes ``won`` instead is told
whether its element is the first of its row's largest ones. An input of one number per row goes, before all else, to
the formulas that ask for it by its name. If it is called ``label`` it is a place along the axis: the row's formula may
ask for the element there, as ``at_label``, and results for whether theirs is that element, as ``is_label``.
"""

import functools
import inspect

import numba
import numpy as np

from fastact._definition import registry
from fastact._engine import intrinsics as llvm
from fastact._engine import job as j
from fastact._engine import precision
from fastact._engine.blocks import ELEMENT, ENTER, LEAVE, register_helpers, tuple_of
from fastact._engine.cache import compile_function
from fastact._engine.conversions import to_float64
from fastact._engine.inlined import inlined

# A block's words; then each operand's place, and each operand's step along the block's outer dimension.
FORM, OUTER, INNER, START, TERMS, LANES, LARGEST, SUMS, CONSTANTS, NUMBERS, AT_LABEL = range(11)
BEGINS, ENDS, LANES_USED, X, X_STEP, PLACES = range(11, 17)
MAX_ALONG = 4  # operands along the axis
STEPS = PLACES + j.MAX_OPERANDS
BLOCK_WORDS = STEPS + j.MAX_OPERANDS
ROWS, COLUMNS = range(2)
# What a direction's kernel is asked for, and what the kernel of largest elements is.
ALL_TERMS, ROW_CONSTANTS, RESULTS = range(3)
BEGIN, ADD, END = range(3)

# Elements of a block, and rows of one.
BLOCK, MOST_ROWS = 2048, 256
STREAM_BYTES, ROWS_BYTES = 8 * BLOCK, 8 * MOST_ROWS
# A row's sums are kept in this many lanes: element i goes to lane i % LANE_COUNT, in both forms.
LANE_COUNT = 64
MAX_TERMS = MAX_CONSTANTS = 4
#: Numbers of float64 that a number in working precision is stored as.
PARTS = {"float32": 1, "float64": 2}


# Functions that make compiled ones are cached for kernels to share what is the same in several: compiling them takes
# most of a kernel's time.


# --- numbers in working precision, in arrays of float64 --------------------------------------------


@functools.cache
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


@functools.cache
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


# How one number per row, which is always a float64, enters and leaves working precision.
_ENTER_NUMBER = {"float32": to_float64, "float64": precision.exact}
_LEAVE_NUMBER = {"float32": to_float64, "float64": precision.float64_of}


@functools.cache
def _numbers(asked, given, enter):
    """A compiled function that loads, of a row's own numbers, those that are asked for."""
    if not asked:
        return inlined(lambda numbers, row: ())
    others, offset = _numbers(asked[:-1], given, enter), ROWS_BYTES * given.index(asked[-1])

    @inlined
    def load(numbers, row):
        return others(numbers, row) + (enter(llvm.load_operand(numbers, offset + 8 * row, numba.float64)),)

    return load


def _label(formulas):
    """Two compiled functions: one loads a row's label, one compares a place with it; empty tuples for who asks not."""
    if not formulas.takes_label:
        return inlined(lambda numbers, row: ()), inlined(lambda label, place: ())
    offset = ROWS_BYTES * formulas.numbers.index("label")
    load = inlined(lambda numbers, row: (llvm.load_operand(numbers, offset + 8 * row, numba.int64),))
    return load, inlined(lambda label, place: (place == label[0],))


class Formulas:
    """The formulas of one direction, and what the driver needs to know of them."""

    def __init__(self, name, direction, cores):
        formulas, names = registry[name].formulas, registry[name].arrays(direction)
        register_helpers()
        self.cores, self.terms, self.result = cores, formulas.get(f"{direction}_terms"), formulas.get(direction)
        self.numbers = names[: cores.first_along]
        if cores.end_along - cores.first_along > MAX_ALONG:
            raise TypeError(f"{name}, {direction}: scratch memory has room for {MAX_ALONG} operands along the axis")
        self.inputs, self.results = cores.inputs - cores.first_along, cores.end_along - cores.inputs
        result = _names(self.result)
        self.in_order = "won" in result
        if self.in_order:
            self.needs_largest, self.needs_kept, self.term_count, self.label = True, False, 0, -1
            return
        self.row = formulas[f"{direction}_row"]
        terms, row = _names(self.terms), _names(self.row)
        self.terms_ask, self.row_ask, self.result_ask = map(self._asked, (terms, row, result))
        at_label = "at_label" in row
        self.label = self.numbers.index("label") if at_label else -1
        self.term_count = len(row) - len(self.row_ask) - at_label - 1
        self.needs_largest, self.needs_kept = "largest" in terms, "kept" in result
        self.takes_label = "is_label" in result
        own = len(self.result_ask) + self.inputs + 1 + self.takes_label
        self.constant_count = len(result) - own if self.results else 0
        if self.term_count > MAX_TERMS or self.constant_count > MAX_CONSTANTS:
            raise TypeError(f"{name}, {direction}: scratch memory has room for {MAX_TERMS} terms and constants")

    def _asked(self, parameters):
        return tuple(name for name in parameters if name in self.numbers)


def _names(formula):
    return tuple(inspect.signature(formula).parameters) if formula else ()


def _kernel(formulas, dtype):
    all_terms, row_constants = _terms_loop(formulas, dtype), _row_loop(formulas, dtype)
    results = _results_loop(formulas, dtype) if formulas.results else inlined(lambda block: None)

    def kernel(action, block):
        llvm.prefer_512_bit()
        if action == ALL_TERMS:
            all_terms(block)
        elif action == ROW_CONSTANTS:
            row_constants(block)
        else:
            results(block)

    return kernel


@functools.cache
def _places(first, count):
    """Two compiled functions: one loads places and steps of operands from `first` on, one goes on to another line."""
    load = tuple_of(inlined(lambda block, i, word: llvm.load_word(block, word + first + i)), count)
    return load, tuple_of(inlined(lambda both, i, line: both[0][i] + both[1][i] * line), count)


@functools.cache
def _elements(inputs, dtype):
    """A compiled function that loads each input's element, in working precision."""
    element, enter = ELEMENT[dtype], ENTER[dtype]
    size = element.bitwidth // 8
    return tuple_of(inlined(lambda places, k, i: enter(llvm.load_operand(places[k], size * i, element))), inputs)


@functools.cache
def _largest_of(dtype):
    """A compiled function that loads a row's largest element, in working precision."""
    element, enter = ELEMENT[dtype], ENTER[dtype]
    size = element.bitwidth // 8
    return inlined(lambda place, row: enter(llvm.load_operand(place, size * row, element)))


def _terms_loop(formulas, dtype):
    terms, load_elements, load_largest = inlined(formulas.terms), _elements(formulas.inputs, dtype), _largest_of(dtype)
    load_places, advance = _places(formulas.cores.first_along, formulas.inputs)
    load_numbers = _numbers(formulas.terms_ask, formulas.numbers, _ENTER_NUMBER[dtype])
    store_terms = _store_all(_stored(dtype, STREAM_BYTES)[2], formulas.term_count)

    @inlined
    def loop(block):
        outer, inner = llvm.load_word(block, OUTER), llvm.load_word(block, INNER)
        scratch, of_largest = llvm.load_word(block, TERMS), llvm.load_word(block, LARGEST)
        of_numbers = llvm.load_word(block, NUMBERS)
        both = load_places(block, PLACES), load_places(block, STEPS)
        if llvm.load_word(block, FORM) == ROWS:
            for row in range(outer):
                line, stored = advance(both, row), scratch + 8 * inner * row
                numbers, largest = load_numbers(of_numbers, row), load_largest(of_largest, row)
                for i in range(inner):
                    store_terms(stored, i, terms(*(numbers + load_elements(line, i) + (largest,))))
        else:
            for k in range(outer):
                line, stored = advance(both, k), scratch + 8 * inner * k
                for row in range(inner):
                    numbers, largest = load_numbers(of_numbers, row), load_largest(of_largest, row)
                    store_terms(stored, row, terms(*(numbers + load_elements(line, row) + (largest,))))

    return loop


def _row_loop(formulas, dtype):
    row_constants, load_largest = inlined(formulas.row), _largest_of(dtype)
    load_of_row, _, store_of_row = _stored(dtype, ROWS_BYTES)
    load_numbers = _numbers(formulas.row_ask, formulas.numbers, _ENTER_NUMBER[dtype])
    load_sums = tuple_of(load_of_row, formulas.term_count)
    leave, first = _LEAVE_NUMBER[dtype], formulas.cores.end_along
    results, constants = formulas.cores.operands - first, formulas.constant_count
    take_results = tuple_of(inlined(lambda items, k, row: items[k]), results)
    take_constants = tuple_of(inlined(lambda items, k, row: items[results + k]), constants)
    store_constants = _store_all(store_of_row, constants)
    store_results = _store_all(
        inlined(lambda numbers, k, row, y: llvm.store_scratch(numbers, (first + k) * ROWS_BYTES + 8 * row, leave(y))),
        results,
    )
    if formulas.label < 0:
        load_at_label = inlined(lambda place, row: ())
    else:
        load_at_label = inlined(lambda place, row: (load_largest(place, row),))

    @inlined
    def loop(block):
        rows = llvm.load_word(block, OUTER if llvm.load_word(block, FORM) == ROWS else INNER)
        of_largest, of_label = llvm.load_word(block, LARGEST), llvm.load_word(block, AT_LABEL)
        numbers, sums = llvm.load_word(block, NUMBERS), llvm.load_word(block, SUMS)
        constants_place = llvm.load_word(block, CONSTANTS)
        for row in range(rows):
            known = load_numbers(numbers, row) + load_at_label(of_label, row) + (load_largest(of_largest, row),)
            made = row_constants(*(known + load_sums(sums, row)))
            store_results(numbers, row, take_results(made, row))
            store_constants(constants_place, row, take_constants(made, row))

    return loop


def _results_loop(formulas, dtype):
    result, load_elements = inlined(formulas.result), _elements(formulas.inputs, dtype)
    leave, size = LEAVE[dtype], ELEMENT[dtype].bitwidth // 8
    load_places, advance = _places(formulas.cores.first_along, formulas.inputs)
    load_written, advance_written = _places(formulas.cores.inputs, formulas.results)
    load_numbers = _numbers(formulas.result_ask, formulas.numbers, _ENTER_NUMBER[dtype])
    load_term, load_label, is_label = _stored(dtype, STREAM_BYTES)[0], *_label(formulas)
    load_constants = tuple_of(_stored(dtype, ROWS_BYTES)[1], formulas.constant_count)
    store = inlined(lambda places, k, i, y: llvm.store_result(places[k], size * i, leave(y)))
    write = _store_all(store, formulas.results)
    all_of = inlined((lambda y: (y,)) if formulas.results == 1 else (lambda y: y))

    @inlined
    def loop(block):
        outer, inner, start = llvm.load_word(block, OUTER), llvm.load_word(block, INNER), llvm.load_word(block, START)
        scratch, of_constants = llvm.load_word(block, TERMS), llvm.load_word(block, CONSTANTS)
        of_numbers = llvm.load_word(block, NUMBERS)
        both = load_places(block, PLACES), load_places(block, STEPS)
        both_written = load_written(block, PLACES), load_written(block, STEPS)
        if llvm.load_word(block, FORM) == ROWS:
            for row in range(outer):
                line, written = advance(both, row), advance_written(both_written, row)
                stored = scratch + 8 * inner * row
                numbers, label = load_numbers(of_numbers, row), load_label(of_numbers, row)
                constants = load_constants(of_constants, row)
                for i in range(inner):
                    known = numbers + load_elements(line, i) + (load_term(stored, 0, i),)
                    write(written, i, all_of(result(*(known + is_label(label, start + i) + constants))))
        else:
            for k in range(outer):
                line, written = advance(both, k), advance_written(both_written, k)
                stored = scratch + 8 * inner * k
                for row in range(inner):
                    numbers, label = load_numbers(of_numbers, row), load_label(of_numbers, row)
                    known = numbers + load_elements(line, row) + (load_term(stored, 0, row),)
                    flags, constants = is_label(label, start + k), load_constants(of_constants, row)
                    write(written, row, all_of(result(*(known + flags + constants))))

    return loop


def _winner_kernel(formulas, dtype):
    """As `_kernel`, for a result that depends on whether an element is the first of its row's largest ones.

    Whether it has been met is all that a row remembers, from one block to the next.
    """
    element, leave, result = ELEMENT[dtype], LEAVE[dtype], inlined(formulas.result)
    size, load_numbers = element.bitwidth // 8, _numbers(formulas.numbers, formulas.numbers, _ENTER_NUMBER[dtype])
    load_places, advance = _places(formulas.cores.first_along, 2)  # of x and the result

    @inlined
    def decide(places, i, row, of_rows):
        x = llvm.load_operand(places[0], size * i, element)
        largest = llvm.load_operand(of_rows[0], size * row, element)
        met = llvm.load_scratch(of_rows[1], 8 * row, numba.int64)
        won = (met == 0) & ((x == largest) | (x != x))
        llvm.store_scratch(of_rows[1], 8 * row, met | np.int64(won))
        llvm.store_result(places[1], size * i, leave(result(*(load_numbers(of_rows[2], row) + (won,)))))

    def kernel(action, block):
        llvm.prefer_512_bit()
        outer, inner, form = llvm.load_word(block, OUTER), llvm.load_word(block, INNER), llvm.load_word(block, FORM)
        of_rows = llvm.load_word(block, LARGEST), llvm.load_word(block, CONSTANTS), llvm.load_word(block, NUMBERS)
        both = load_places(block, PLACES), load_places(block, STEPS)
        if action == ROW_CONSTANTS:
            for row in range(outer if form == ROWS else inner):
                llvm.store_scratch(of_rows[1], 8 * row, np.int64(0))
        elif form == ROWS:
            for row in range(outer):
                line = advance(both, row)
                for i in range(inner):
                    decide(line, i, row, of_rows)
        else:
            for k in range(outer):
                line = advance(both, k)
                for row in range(inner):
                    decide(line, row, row, of_rows)

    return kernel


def row_kernel(name, direction, cores, dtype):
    """Compile the kernel of one direction: terms, what rows need, results."""
    formulas = Formulas(name, direction, cores)
    kernel = (_winner_kernel if formulas.in_order else _kernel)(formulas, dtype)
    return compile_function(kernel, "void(intp, intp)", f"{name}-{direction}-{dtype}-rows")


# --- largest elements ------------------------------------------------------------------------------


def _key(dtype):
    """An element's bits as an integer that orders as the element does, NaN of either sign above all; its inverse."""
    if dtype == "float32":
        integer, shift = np.int32, np.int32(31)
        magnitude_bits, infinity = np.int32(0x7FFFFFFF), np.int32(0x7F800000)
    else:
        integer, shift = np.int64, np.int64(63)
        magnitude_bits, infinity = np.int64(0x7FFFFFFFFFFFFFFF), np.int64(0x7FF0000000000000)

    @inlined
    def key(bits):
        magnitude = integer(bits & magnitude_bits)
        ordered = integer(bits ^ (integer(bits >> shift) & magnitude_bits))
        return magnitude if magnitude > infinity else ordered

    @inlined
    def value(ordered):
        return integer(ordered ^ (integer(ordered >> shift) & magnitude_bits))

    return key, value, numba.int32 if dtype == "float32" else numba.int64


@functools.cache
def largest_kernel(dtype):
    """Compile what finds rows' largest elements, block after block; a row's is NaN where it has one."""
    key, value, integer = _key(dtype)
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

    return compile_function(kernel, "void(intp, intp)", f"largest-{dtype}")


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
