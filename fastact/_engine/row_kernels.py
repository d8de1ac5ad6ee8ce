"""From the formulas of a function along an axis to kernels over blocks of rows.

A *block* is a stretch of some rows. It has two dimensions, of which the inner one is contiguous: the elements of each
row (the form of *rows*), or, where rows are short or lie side by side, neighbouring rows (the form of *columns*).
Loops are the same but for where a row's own numbers are found, and every one of them is short and vectorised.

A direction has three formulas in working precision. ``*_terms`` gives, of one element, what is summed along the axis;
``*_row`` makes of a row's sums its results of one number per row and, behind them, what its other results need; and
the direction itself gives an element of those, or a tuple of them, if it has any.

The first term is passed on to a result, too, where it asks for it by the name ``kept``; a row's largest element is
found before all else where the terms ask for it by the name ``largest``, or its smallest one where they ask for
``smallest``. A result that takes ``won`` instead is told its row's largest element, and whether its own is the first of
these. An input of one number per row goes, before all else, to the formulas that ask for it by its name. Where its name
is ``label`` it is a place along the axis: the row's formula may ask for the element there, as ``at_label``, and results
for whether theirs is that element, as ``is_label``.

Where a row's last sum is called ``ties``, no term is: it is how many elements are as large as the largest.

Terms may ask for a row's ``threshold``, too. It is found by iteration from -1, the threshold of a row of one element:
``threshold_terms`` gives, of one element of x, what is summed along the axis, and ``threshold_step`` how far these sums
raise the threshold. That ends where no row of a tile changes any more; a step that is not positive changes nothing, so
that a row may be asked for more steps than it needs.

Formulas that a function names as `in_single_precision` are computed in float32 by the kernels for it: see `single`.
There, terms are told by the type of ``largest`` whether it is moderate, in size at most ``float32.MODERATE``, as it
nearly always is: what infinities and NaN ask for is then left out. The bits are the same.
"""

import functools
import inspect

import numba
import numpy as np

from fastact._definition import registry
from fastact._engine import blocks, precision, single
from fastact._engine import intrinsics as llvm
from fastact._engine import job as j
from fastact._engine.blocks import nothing, operand_of, register_helpers, tuple_of
from fastact._engine.cache import compile_function
from fastact._engine.conversions import to_float64
from fastact._engine.inlined import apart, inlined
from fastact._math import float32
from fastact._math.working import where

# A block's words; then each operand's place, and each operand's step along the block's outer dimension.
FORM, OUTER, INNER, START, TERMS, LANES, LARGEST, SUMS, CONSTANTS, NUMBERS, AT_LABEL = range(11)
BEGINS, ENDS, LANES_USED, X, X_STEP, THRESHOLDS, CHANGED, SUMS_KERNEL, PLACES = range(11, 20)
MAX_ALONG = 4  # operands along the axis
STEPS = PLACES + j.MAX_OPERANDS
BLOCK_WORDS = STEPS + j.MAX_OPERANDS
ROWS, COLUMNS = range(2)
# What a direction's kernel is asked for, and what the kernels of largest elements and of thresholds are.
ALL_TERMS, ROW_CONSTANTS, RESULTS, SUMS_OF_ROWS, TIES = range(5)
BEGIN, ADD, END = range(3)
FIRST_THRESHOLDS, NEXT_THRESHOLDS = 1, 2  # ALL_TERMS is the same

# Elements of a block, and rows of one.
BLOCK, MOST_ROWS = 2048, 256
# Rows side by side that are not short: whole cache lines.
SIDE_BY_SIDE = 64
STREAM_BYTES, ROWS_BYTES = 8 * BLOCK, 8 * MOST_ROWS
# A row's sums are kept in this many lanes: element i goes to lane i % LANE_COUNT, in both forms.
LANE_COUNT = 32
EIGHT_LINES = 8 * LANE_COUNT
MAX_TERMS = MAX_CONSTANTS = 4
# What kernels compute in: the working precision of a dtype, or float32 itself.
SINGLE = "single"
ELEMENT = blocks.ELEMENT | {SINGLE: numba.float32}
ENTER = blocks.ENTER | {SINGLE: single.make_single}
LEAVE = blocks.LEAVE | {SINGLE: single.leave_single}
#: Numbers that a term is stored as, and the bytes of one.
PARTS = {"float32": 1, "float64": 2, SINGLE: 1}
PART_BYTES = {"float32": 8, "float64": 8, SINGLE: 4}
# What terms may ask for of a row besides its threshold.
EXTREMES = ("largest", "smallest")


def term_bytes(computed_in):
    """What one term takes of the scratch memory."""
    return PARTS[computed_in] * PART_BYTES[computed_in]


def precision_of(name, formula, dtype):
    """What a kernel for a dtype computes a formula in."""
    return SINGLE if dtype == "float32" and formula in registry[name].in_single_precision else dtype


# --- lines of rows that lie side by side --------------------------------------------------------


def _of_lines(loops):
    """A compiled function of loops over lines of `count` elements, for the usual count as one that LLVM knows.

    It then needs no loop for what is left of a line, and what all lines need stays in registers between them.
    """
    loops = inlined(loops)

    @apart
    def lines(count, *others):
        llvm.fit_for_vectors()
        llvm.keep_apart()
        if count == SIDE_BY_SIDE:
            loops(SIDE_BY_SIDE, *others)
        else:
            loops(count, *others)

    return lines


# --- numbers in arrays -----------------------------------------------------------------------------


@functools.cache
def _stored_term(computed_in):
    """How to load and store terms: as `_stored` does, but float32 where that is what they are computed in."""
    if computed_in != SINGLE:
        load, _, store = _stored(computed_in, STREAM_BYTES)
        return load, store

    @inlined
    def store(base, number, index, value):
        llvm.store_scratch(base, 4 * (number * BLOCK + index), single.leave_single(value))

    @inlined
    def load(base, number, index):
        return single.make_single(llvm.load_scratch(base, 4 * (number * BLOCK + index), numba.float32))

    return load, store


@functools.cache
def _stored_constant(computed_in):
    """How to load and store what results need of a row: as `_stored` does, or in two float32."""
    if computed_in != SINGLE:
        _, load_given, store = _stored(computed_in, ROWS_BYTES)
        return load_given, store

    @inlined
    def store_halves(base, number, index, value):
        hi, lo = float32.halves(value)
        llvm.store_scratch(base, number * ROWS_BYTES + 4 * index, hi)
        llvm.store_scratch(base, number * ROWS_BYTES + 4 * MOST_ROWS + 4 * index, lo)

    @inlined
    def load_halves(base, number, index):
        hi = llvm.load_operand(base, number * ROWS_BYTES + 4 * index, numba.float32)
        lo = llvm.load_operand(base, number * ROWS_BYTES + 4 * MOST_ROWS + 4 * index, numba.float32)
        return single.make_single_pair(hi, lo)

    return load_halves, store_halves


@functools.cache
def _stored(dtype, array_bytes):
    """How to load and store number `index` of the array `number`; a number's two parts lie in arrays of their own."""
    if dtype != "float64":

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


@inlined
def _store_nothing(base, index, items):
    return None


@functools.cache
def _store_all(store, count):
    """A compiled function that stores a tuple's items in as many arrays."""
    if count == 0:
        return _store_nothing
    others, last = _store_all(store, count - 1), count - 1

    @inlined
    def store_all(base, index, items):
        others(base, index, items)
        store(base, last, index, items[last])

    return store_all


# --- the kernel of one direction -------------------------------------------------------------------


# How one number per row, which is always a float64, enters and leaves working precision.
_ENTER_NUMBER = {"float32": to_float64, "float64": precision.exact, SINGLE: single.make_single}
_LEAVE_NUMBER = {"float32": to_float64, "float64": precision.float64_of}


@functools.cache
def _numbers(asked, given, enter):
    """A compiled function that loads, of a row's own numbers, those that are asked for."""
    if not asked:
        return nothing
    others, offset = _numbers(asked[:-1], given, enter), ROWS_BYTES * given.index(asked[-1])

    @inlined
    def load(numbers, row):
        return others(numbers, row) + (enter(llvm.load_operand(numbers, offset + 8 * row, numba.float64)),)

    return load


@functools.cache
def _label(index):
    """Two compiled functions: one loads a row's label, one compares a place with it; empty tuples for who asks not."""
    if index < 0:
        return nothing, nothing
    offset = ROWS_BYTES * index
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
        self.needs_kept, self.in_order = "kept" in result, "won" in result
        self.sum_count, self.threshold_term_count, self.needs_threshold, self.counts_ties = 0, 0, False, False
        self.extreme, self.label = "largest", -1
        if self.in_order:
            return
        self.row = formulas[f"{direction}_row"]
        terms, row = _names(self.terms), _names(self.row)
        self.terms_ask, self.row_ask, self.result_ask = map(self._asked, (terms, row, result))
        of_row = terms[len(self.terms_ask) + self.inputs :]
        self.extreme = of_row[0] if of_row[0] in EXTREMES else None
        self.needs_threshold = "threshold" in of_row
        at_label = "at_label" in row
        self.label = self.numbers.index("label") if at_label else -1
        self.sum_count = len(row) - len(self.row_ask) - at_label - len(of_row)
        self.counts_ties = row[-1] == "ties"
        takes_label = "is_label" in result
        self.compared_label = self.numbers.index("label") if takes_label else -1
        own = len(self.result_ask) + self.inputs + 1 + takes_label
        self.constant_count = len(result) - own if self.results else 0
        if self.needs_threshold:
            self.threshold_terms, self.threshold_step = formulas["threshold_terms"], formulas["threshold_step"]
            self.threshold_term_count = len(_names(self.threshold_step))
        if max(self.sum_count, self.threshold_term_count) > MAX_TERMS or self.constant_count > MAX_CONSTANTS:
            raise TypeError(f"{name}, {direction}: scratch memory has room for {MAX_TERMS} terms and constants")

    @property
    def term_count(self):
        """How many terms there are, each of which is summed."""
        return self.sum_count - self.counts_ties

    def _asked(self, parameters):
        return tuple(name for name in parameters if name in self.numbers)


def _names(formula):
    return tuple(inspect.signature(formula).parameters) if formula else ()


@functools.cache
def _load_known(computed_in, needs_threshold, enter=None):
    """A compiled function that loads what terms take of a row besides its elements, in a tuple."""
    element, enter = ELEMENT[computed_in], enter or ENTER[computed_in]
    size = element.bitwidth // 8

    load_given = _stored(computed_in, ROWS_BYTES)[1]

    @inlined
    def load_extreme(places, row):
        return (enter(llvm.load_operand(places[0], size * row, element)),)

    @inlined
    def load_both(places, row):
        return load_extreme(places, row) + (load_given(places[1], 0, row),)

    return load_both if needs_threshold else load_extreme


@functools.cache
def _word_from(first):
    return inlined(lambda block, i, word: llvm.load_word(block, word + first + i))


@inlined
def _place_of_line(both, i, line):
    return both[0][i] + both[1][i] * line


def _places(first, count):
    """Two compiled functions: one loads places and steps of operands from `first` on, one goes on to another line."""
    return tuple_of(_word_from(first), count), tuple_of(_place_of_line, count)


def _elements(formulas, computed_in):
    """A compiled function that loads each input's element."""
    return tuple_of(operand_of(ELEMENT[computed_in], ENTER[computed_in]), formulas.inputs)


@functools.cache
def _store_element(computed_in):
    """A compiled function that stores an element of one of the results along the axis."""
    leave, size = LEAVE[computed_in], ELEMENT[computed_in].bitwidth // 8
    return inlined(lambda places, k, i, y: llvm.store_result(places[k], size * i, leave(y)))


@functools.cache
def _store_number(first, leave):
    """A compiled function that stores a row's own result, of those from operand `first` on."""
    return inlined(lambda numbers, k, row, y: llvm.store_scratch(numbers, (first + k) * ROWS_BYTES + 8 * row, leave(y)))


@functools.cache
def _items_from(first):
    """A compiled function that takes an item of a tuple, of those from `first` on."""
    return inlined(lambda items, k, row: items[first + k])


@inlined
def _is_moderate(largest):
    return (largest <= float32.MODERATE) & (largest >= -float32.MODERATE)


def _may_be_moderate(formulas, computed_in):
    return computed_in == SINGLE and formulas.extreme is not None and not formulas.needs_threshold


# A term's number that is stored last.
_LAST_PART = {
    "float32": to_float64,
    "float64": inlined(lambda number: precision.parts_of(number)[1]),
    SINGLE: single.leave_single,
}


def _terms_stores(computed_in, count):
    """How a loop stores terms: a compiled function for all numbers but the last, that one's array, and how to take it.

    The loop itself stores the last one. If a call came last, LLVM would lose what has been said of the loop with the
    branch behind it; and the last terms lie apart from the others, which LLVM needs to know for turns.
    """
    store, last = _stored_term(computed_in)[1], count - 1
    store_others, place = _store_all(store, last), last * term_bytes(computed_in) * BLOCK
    if computed_in != "float64":
        return store_others, place, _LAST_PART[computed_in]

    @inlined
    def store_others_and_hi(base, index, made):
        store_others(base, index, made)
        llvm.store_scratch(base, place + 8 * index, precision.parts_of(made[last])[0])

    return store_others_and_hi, place + STREAM_BYTES, _LAST_PART[computed_in]


@inlined
def _not_in_turns():
    return None


def _row_of_terms(formulas, computed_in):
    """A compiled function that writes all terms of a stretch of a row; moderate rows do some vectors in turns."""
    of_any = _row_loop_of_terms(formulas, computed_in)
    if not _may_be_moderate(formulas, computed_in):
        return of_any
    of_moderate = _row_loop_of_terms(formulas, computed_in, llvm.interleave)

    @inlined
    def one_row(length, line, stored, numbers, known):
        if _is_moderate(known[0]):
            of_moderate(length, line, stored, numbers, (single.make_moderate(known[0]),))
        else:
            of_any(length, line, stored, numbers, known)

    return one_row


def _row_loop_of_terms(formulas, computed_in, in_turns=_not_in_turns):
    terms, load_elements = inlined(formulas.terms), _elements(formulas, computed_in)
    store_others, place, take_last = _terms_stores(computed_in, formulas.term_count)
    last, part_bytes = formulas.term_count - 1, PART_BYTES[computed_in]

    @apart
    def one_row(length, line, stored, numbers, known):
        llvm.fit_for_vectors()
        in_turns()
        llvm.keep_apart()
        for i in range(length):
            made = terms(*(numbers + load_elements(line, i) + known))
            store_others(stored, i, made)
            llvm.store_result(stored, place + part_bytes * i, take_last(made[last]))

    return one_row


def _columns_of_terms(formulas, computed_in):
    """As `_row_of_terms`, for lines of a block, which have one element of each row: they may all be moderate."""
    load_known = _load_known(computed_in, formulas.needs_threshold)
    of_any = _columns_loop_of_terms(formulas, computed_in, load_known)
    if not _may_be_moderate(formulas, computed_in):
        return of_any
    load_moderate = _load_known(computed_in, False, single.make_moderate)
    of_moderate = _columns_loop_of_terms(formulas, computed_in, load_moderate, llvm.interleave)

    @inlined
    def lines(count, length, operands, stored, of_numbers, of_known):
        others = 0
        for row in range(count):
            others += not _is_moderate(load_known(of_known, row)[0])
        if others == 0:
            of_moderate(count, length, operands, stored, of_numbers, of_known)
        else:
            of_any(count, length, operands, stored, of_numbers, of_known)

    return lines


def _columns_loop_of_terms(formulas, computed_in, load_known, in_turns=_not_in_turns):
    terms, load_elements = inlined(formulas.terms), _elements(formulas, computed_in)
    load_numbers = _numbers(formulas.terms_ask, formulas.numbers, _ENTER_NUMBER[computed_in])
    _, advance = _places(formulas.cores.first_along, formulas.inputs)
    store_others, place, take_last = _terms_stores(computed_in, formulas.term_count)
    last, part_bytes = formulas.term_count - 1, PART_BYTES[computed_in]

    @_of_lines
    def lines(count, length, operands, stored, of_numbers, of_known):
        in_turns()
        for k in range(length):
            line, stored_line = advance(operands, k), stored + part_bytes * count * k
            for row in range(count):
                given = load_numbers(of_numbers, row) + load_elements(line, row)
                made = terms(*(given + load_known(of_known, row)))
                store_others(stored_line, row, made)
                llvm.store_result(stored_line, place + part_bytes * row, take_last(made[last]))

    return lines


def _terms_loops(formulas, computed_in, one_row):
    """Two compiled functions that write all terms of a block of rows, or of columns."""
    load_known = _load_known(computed_in, formulas.needs_threshold)
    write_lines = _columns_of_terms(formulas, computed_in)
    load_places, advance = _places(formulas.cores.first_along, formulas.inputs)
    load_numbers = _numbers(formulas.terms_ask, formulas.numbers, _ENTER_NUMBER[computed_in])
    part_bytes = PART_BYTES[computed_in]

    @inlined
    def rows(block):
        inner, scratch = llvm.load_word(block, INNER), llvm.load_word(block, TERMS)
        of_numbers = llvm.load_word(block, NUMBERS)
        of_known = llvm.load_word(block, LARGEST), llvm.load_word(block, THRESHOLDS)
        operands = load_places(block, PLACES), load_places(block, STEPS)
        for row in range(llvm.load_word(block, OUTER)):
            line, stored = advance(operands, row), scratch + part_bytes * inner * row
            one_row(inner, line, stored, load_numbers(of_numbers, row), load_known(of_known, row))

    @inlined
    def columns(block):
        inner, scratch = llvm.load_word(block, INNER), llvm.load_word(block, TERMS)
        of_numbers = llvm.load_word(block, NUMBERS)
        of_known = llvm.load_word(block, LARGEST), llvm.load_word(block, THRESHOLDS)
        operands = load_places(block, PLACES), load_places(block, STEPS)
        write_lines(inner, llvm.load_word(block, OUTER), operands, scratch, of_numbers, of_known)

    return rows, columns


@functools.cache
def _load_at_label(dtype):
    """A compiled function that loads a row's element at its label, in a tuple."""
    load_extreme = _load_known(dtype, False)
    return inlined(lambda place, row: load_extreme((place, 0), row))


def _row_loop(formulas, dtype, computed_in):
    """A compiled function that makes of rows' sums their own results, and what other results need."""
    row_constants, load_known = inlined(formulas.row), _load_known(dtype, formulas.needs_threshold)
    load_numbers = _numbers(formulas.row_ask, formulas.numbers, _ENTER_NUMBER[dtype])
    load_sums = tuple_of(_stored(dtype, ROWS_BYTES)[1], formulas.sum_count)
    leave, first = _LEAVE_NUMBER[dtype], formulas.cores.end_along
    results, constants = formulas.cores.operands - first, formulas.constant_count
    take_results = tuple_of(_items_from(0), results)
    take_constants = tuple_of(_items_from(results), constants)
    store_constants = _store_all(_stored_constant(computed_in)[1], constants)
    store_results = _store_all(_store_number(first, leave), results)
    load_at_label = nothing if formulas.label < 0 else _load_at_label(dtype)

    @apart
    def loop(block):
        llvm.fit_for_vectors()
        llvm.keep_apart()
        of_known = llvm.load_word(block, LARGEST), llvm.load_word(block, THRESHOLDS)
        of_label, numbers = llvm.load_word(block, AT_LABEL), llvm.load_word(block, NUMBERS)
        sums, of_constants = llvm.load_word(block, SUMS), llvm.load_word(block, CONSTANTS)
        for row in range(llvm.load_word(block, OUTER if llvm.load_word(block, FORM) == ROWS else INNER)):
            given = load_numbers(numbers, row) + load_at_label(of_label, row) + load_known(of_known, row)
            made = row_constants(*(given + load_sums(sums, row)))
            store_results(numbers, row, take_results(made, row))
            store_constants(of_constants, row, take_constants(made, row))

    return loop


def _ties_loops(formulas, dtype):
    """Two compiled functions that add to the last sums, for a block of rows or of columns, how many are the largest.

    They are counted as they lie, in a loop of their own: adding numbers up would take several times as long.
    """
    element, sums_offset = ELEMENT[dtype], formulas.term_count * PARTS[dtype] * ROWS_BYTES
    size = element.bitwidth // 8
    load = inlined(lambda base, i: llvm.load_operand(base, size * i, element))

    @inlined
    def add(sums, row, ties):
        llvm.store_scratch(sums, 8 * row, llvm.load_scratch(sums, 8 * row, numba.float64) + ties)

    @apart
    def of_row(length, line, largest):
        llvm.fit_for_vectors()
        llvm.keep_apart()
        ties = np.int32(0)
        for i in range(length):
            ties = np.int32(ties + np.int32(load(line, i) == largest))
        return ties

    @_of_lines
    def of_lines(count, length, line, step, of_largest, sums):
        for _ in range(length):
            for row in range(count):
                add(sums, row, llvm.select(load(line, row) == load(of_largest, row), 1.0, 0.0))
            line += step

    @inlined
    def places(block):
        x, step = llvm.load_word(block, X), llvm.load_word(block, X_STEP)
        return x, step, llvm.load_word(block, LARGEST), llvm.load_word(block, SUMS) + sums_offset

    @inlined
    def rows(block):
        x, step, of_largest, sums = places(block)
        for row in range(llvm.load_word(block, OUTER)):
            add(sums, row, of_row(llvm.load_word(block, INNER), x + step * row, load(of_largest, row)))

    @inlined
    def columns(block):
        x, step, of_largest, sums = places(block)
        of_lines(llvm.load_word(block, INNER), llvm.load_word(block, OUTER), x, step, of_largest, sums)

    return rows, columns


def sums_itself(formulas, terms_in):
    """Whether a kernel adds its terms to sums as it makes them: if they are one number, which nobody asks for again.

    Not where rows may be moderate: their loop is faster than what that saves.
    """
    fits = formulas.term_count == 1 and PARTS[terms_in] == 1 and not formulas.needs_threshold
    return fits and not formulas.needs_kept and not _may_be_moderate(formulas, terms_in)


def _summing_loop(formulas, computed_in, one_row):
    """A compiled function that adds the terms of a block of rows to their sums, in the order of the sums' kernel.

    That kernel is left what does not fill all lanes eight times.
    """
    terms, load_elements = inlined(formulas.terms), _elements(formulas, computed_in)
    load_known = _load_known(computed_in, formulas.needs_threshold)
    load_places, advance = _places(formulas.cores.first_along, formulas.inputs)
    load_numbers = _numbers(formulas.terms_ask, formulas.numbers, _ENTER_NUMBER[computed_in])
    size, take_term = ELEMENT[computed_in].bitwidth // 8, _LAST_PART[computed_in]
    moved = tuple_of(inlined(lambda line, i, elements: line[i] + size * elements), formulas.inputs)

    @apart
    def add_lines(length, begins, line, lanes, numbers, known):
        """Add elements to their lanes, eight to each at a time."""
        llvm.fit_for_vectors()
        llvm.keep_apart()
        if begins:
            for i in range(LANE_COUNT):
                llvm.store_scratch(lanes, 8 * i, 0.0)
        for begin in range(0, length, EIGHT_LINES):
            here = moved(line, begin)
            for i in range(LANE_COUNT):
                total = llvm.load_scratch(lanes, 8 * i, numba.float64)
                for k in range(8):
                    (made,) = terms(*(numbers + load_elements(here, k * LANE_COUNT + i) + known))
                    total += np.float64(take_term(made))
                llvm.store_scratch(lanes, 8 * i, total)

    @inlined
    def rows(block):
        inner, scratch, lanes = llvm.load_word(block, INNER), llvm.load_word(block, TERMS), llvm.load_word(block, LANES)
        outer, begins, sums = llvm.load_word(block, OUTER), llvm.load_word(block, BEGINS), llvm.load_word(block, SUMS)
        of_numbers = llvm.load_word(block, NUMBERS)
        of_known = llvm.load_word(block, LARGEST), llvm.load_word(block, THRESHOLDS)
        operands = load_places(block, PLACES), load_places(block, STEPS)
        whole = inner // EIGHT_LINES * EIGHT_LINES
        llvm.store_word(block, OUTER, 1)
        llvm.store_word(block, INNER, inner - whole)
        llvm.store_word(block, BEGINS, 0)
        for row in range(outer):
            line, numbers, known = advance(operands, row), load_numbers(of_numbers, row), load_known(of_known, row)
            add_lines(whole, begins, line, lanes, numbers, known)
            one_row(inner - whole, moved(line, whole), scratch, numbers, known)
            llvm.store_word(block, SUMS, sums + 8 * row)
            llvm.call_row_kernel(llvm.load_word(block, SUMS_KERNEL), 1, block)
        llvm.store_word(block, OUTER, outer)
        llvm.store_word(block, INNER, inner)
        llvm.store_word(block, SUMS, sums)

    return rows


@inlined
def _in_a_tuple(y):
    return (y,)


@inlined
def _as_it_is(y):
    return y


def _result_loops(formulas, computed_in):
    """Two compiled functions that write all results of a block of rows, or of columns."""
    result, load_elements = inlined(formulas.result), _elements(formulas, computed_in)
    part_bytes = PART_BYTES[computed_in]
    load_places, advance = _places(formulas.cores.first_along, formulas.inputs)
    load_written, advance_written = _places(formulas.cores.inputs, formulas.results)
    load_numbers = _numbers(formulas.result_ask, formulas.numbers, _ENTER_NUMBER[computed_in])
    load_term, load_label, is_label = _stored_term(computed_in)[0], *_label(formulas.compared_label)
    load_constants = tuple_of(_stored_constant(computed_in)[0], formulas.constant_count)
    write = _store_all(_store_element(computed_in), formulas.results)
    all_of = _in_a_tuple if formulas.results == 1 else _as_it_is

    @apart
    def one_row(length, line, stored, start, of_row, written):
        llvm.fit_for_vectors()
        llvm.keep_apart()
        numbers, label, constants = of_row
        for i in range(length):
            given = numbers + load_elements(line, i) + (load_term(stored, 0, i),)
            write(written, i, all_of(result(*(given + is_label(label, start + i) + constants))))

    @_of_lines
    def lines(count, length, start, operands, stored, of_rows, results):
        of_numbers, of_constants = of_rows
        for k in range(length):
            line, stored_line = advance(operands, k), stored + part_bytes * count * k
            written = advance_written(results, k)
            for row in range(count):
                given = load_numbers(of_numbers, row) + load_elements(line, row) + (load_term(stored_line, 0, row),)
                flags = is_label(load_label(of_numbers, row), start + k)
                write(written, row, all_of(result(*(given + flags + load_constants(of_constants, row)))))

    @inlined
    def rows(block):
        inner, start, scratch = llvm.load_word(block, INNER), llvm.load_word(block, START), llvm.load_word(block, TERMS)
        of_numbers, of_constants = llvm.load_word(block, NUMBERS), llvm.load_word(block, CONSTANTS)
        operands = load_places(block, PLACES), load_places(block, STEPS)
        results = load_written(block, PLACES), load_written(block, STEPS)
        for row in range(llvm.load_word(block, OUTER)):
            line, written = advance(operands, row), advance_written(results, row)
            of_row = load_numbers(of_numbers, row), load_label(of_numbers, row), load_constants(of_constants, row)
            one_row(inner, line, scratch + part_bytes * inner * row, start, of_row, written)

    @inlined
    def columns(block):
        inner, start, scratch = llvm.load_word(block, INNER), llvm.load_word(block, START), llvm.load_word(block, TERMS)
        of_rows = llvm.load_word(block, NUMBERS), llvm.load_word(block, CONSTANTS)
        operands = load_places(block, PLACES), load_places(block, STEPS)
        results = load_written(block, PLACES), load_written(block, STEPS)
        lines(inner, llvm.load_word(block, OUTER), start, operands, scratch, of_rows, results)

    return rows, columns


@functools.cache
def _no_loops():
    nothing = inlined(lambda block: None)
    return nothing, nothing


def _kernel(formulas, dtype, terms_in, results_in, form):
    one_row = _row_of_terms(formulas, terms_in) if formulas.term_count else None
    write_terms = (_terms_loops(formulas, terms_in, one_row) if formulas.term_count else _no_loops())[form]
    row_constants = _row_loop(formulas, dtype, results_in)
    write_results = (_result_loops(formulas, results_in) if formulas.results else _no_loops())[form]
    adds = form == ROWS and sums_itself(formulas, terms_in)
    add_sums = _summing_loop(formulas, terms_in, one_row) if adds else _no_loops()[form]
    count_ties = (_ties_loops(formulas, dtype) if formulas.counts_ties else _no_loops())[form]

    def kernel(action, block):
        if action == ROW_CONSTANTS:
            row_constants(block)
        elif action == SUMS_OF_ROWS:
            add_sums(block)
        elif action == TIES:
            count_ties(block)
        elif action == ALL_TERMS:
            write_terms(block)
        else:
            write_results(block)

    return kernel


def _winner_kernel(formulas, dtype):
    """As `_kernel`, for a result that depends on whether an element is the first of its row's largest ones.

    Whether it has been met is all that a row remembers, from one block to the next.
    """
    element, enter, leave = ELEMENT[dtype], ENTER[dtype], LEAVE[dtype]
    size, inputs, result = element.bitwidth // 8, formulas.inputs, inlined(formulas.result)

    load_places, advance = _places(formulas.cores.first_along, inputs + 1)  # the result's, too
    load_numbers = _numbers(formulas.numbers, formulas.numbers, _ENTER_NUMBER[dtype])
    load_elements = tuple_of(inlined(lambda places, k, i: llvm.load_operand(places[k], size * i, element)), inputs)
    enter_all = tuple_of(inlined(lambda elements, k, _: enter(elements[k])), inputs)

    @inlined
    def decide(places, i, row, of_rows):
        elements, largest = load_elements(places, i), llvm.load_operand(of_rows[0], size * row, element)
        x = elements[inputs - 1]
        met = llvm.load_scratch(of_rows[1], 8 * row, numba.int64)
        won = (met == 0) & ((x == largest) | (x != x))
        llvm.store_scratch(of_rows[1], 8 * row, met | np.int64(won))
        y = result(*(load_numbers(of_rows[2], row) + enter_all(elements, 0) + (enter(largest), won)))
        llvm.store_result(places[inputs], size * i, leave(y))

    def kernel(action, block):
        llvm.fit_for_vectors()
        outer, inner, form = llvm.load_word(block, OUTER), llvm.load_word(block, INNER), llvm.load_word(block, FORM)
        of_rows = llvm.load_word(block, LARGEST), llvm.load_word(block, CONSTANTS), llvm.load_word(block, NUMBERS)
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


def row_kernel(name, direction, cores, dtype, form):
    """Compile the kernel of one direction, for rows of one form: terms, what rows need, results."""
    formulas, lie = Formulas(name, direction, cores), ("rows", "columns")[form]
    if formulas.in_order:
        kernel, lie = _winner_kernel(formulas, dtype), "either"
    else:
        terms_in, results_in = (precision_of(name, formula, dtype) for formula in (f"{direction}_terms", direction))
        kernel = _kernel(formulas, dtype, terms_in, results_in, form)
    return compile_function(kernel, "void(intp, intp)", f"{name}-{direction}-{dtype}-{lie}")


# --- thresholds ------------------------------------------------------------------------------------


def threshold_kernel(name, formulas, dtype):
    """Compile what raises rows' thresholds: begin them, write the terms of a block's elements, take a step.

    All directions of a function share it.
    """
    terms, step = inlined(formulas.threshold_terms), inlined(formulas.threshold_step)
    count = formulas.threshold_term_count
    element, enter = ELEMENT[dtype], ENTER[dtype]
    size, load_known = element.bitwidth // 8, _load_known(dtype, True)
    load_threshold, load_of_row, store_threshold = _stored(dtype, ROWS_BYTES)
    store_terms, load_sums = _store_all(_stored(dtype, STREAM_BYTES)[2], count), tuple_of(load_of_row, count)

    def kernel(action, block):
        llvm.fit_for_vectors()
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


_INTEGERS = {"float32": (np.int32, np.uint32), "float64": (np.int64, np.uint64)}


def _key(dtype, extreme):
    """An element's bits as an integer that is the larger the more extreme it is, NaN of either sign most; its inverse.

    The smallest element is the largest in the order turned round.
    """
    integer = _INTEGERS[dtype][0]
    if dtype == "float32":
        shift = np.int32(31)
        magnitude_bits, infinity = np.int32(0x7FFFFFFF), np.int32(0x7F800000)
    else:
        shift = np.int64(63)
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

    return key, value


@functools.cache
def largest_kernel(dtype, extreme):
    """Compile what finds rows' largest or smallest elements, block after block; a row's is NaN where it has one."""
    key, value = _key(dtype, extreme)
    signed, unsigned = _INTEGERS[dtype]
    integer, size = numba.from_dtype(signed), ELEMENT[dtype].bitwidth // 8
    lowest = signed(-(2 ** (8 * size - 1)))

    @inlined
    def most_of_row(line, length):
        """The greatest key of a row, which is that of one of three elements: the bits that are most and least.

        As signed integers, the most is the largest element if some have no sign. As unsigned ones, it is the smallest
        of those that have a sign, and the least is the largest of them, or the smallest element if none has one. NaN is
        the most as the one or the other.
        """
        most = llvm.load_operand(line, 0, integer)
        high = low = unsigned(most)
        for i in range(1, length):
            bits = llvm.load_operand(line, size * i, integer)
            most = max(most, bits)
            high, low = max(high, unsigned(bits)), min(low, unsigned(bits))
        return max(key(most), max(key(signed(high)), key(signed(low))))

    @_of_lines
    def most_of_lines(count, length, place, step, largest):
        for _ in range(length):
            for row in range(count):
                most = llvm.load_scratch(largest, size * row, integer)
                most = max(most, key(llvm.load_operand(place, size * row, integer)))
                llvm.store_scratch(largest, size * row, most)
            place += step

    def kernel(action, block):
        llvm.fit_for_vectors()
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
                most = llvm.load_scratch(largest, size * row, integer)
                llvm.store_scratch(largest, size * row, max(most, most_of_row(place + step * row, inner)))
        else:
            most_of_lines(inner, outer, place, step, largest)

    return compile_function(kernel, "void(intp, intp)", f"{extreme}-{dtype}")


# --- sums ------------------------------------------------------------------------------------------


@inlined
def _float64_term(base, number, index):
    return np.float64(llvm.load_operand(base, 4 * (number * BLOCK + index), numba.float32))


@functools.cache
def _adders(computed_in):
    """Three compiled functions: one empties lanes, one adds terms to them, one adds them up to a row's sum."""
    summed_in = "float32" if computed_in == SINGLE else computed_in
    load_term = _float64_term if computed_in == SINGLE else _stored(computed_in, STREAM_BYTES)[1]
    _, load, store = _stored(summed_in, STREAM_BYTES)
    load_sum, _, store_sum = _stored(summed_in, ROWS_BYTES)
    zero = inlined(lambda: precision.make_pair(0.0, 0.0)) if computed_in == "float64" else inlined(lambda: 0.0)
    part_bytes = PART_BYTES[computed_in]

    lane = inlined(lambda lanes, k, i, width: load(lanes, 0, k * width + i))

    @apart
    def add_up(terms, lanes, used, width, sums):
        """Add the lanes up, two by two; where rows are so short that there is a lane for each term, take the terms."""
        llvm.fit_for_vectors()
        llvm.keep_apart()
        if terms != 0:
            half = (used + 1) // 2
            for i in range((used - half) * width, half * width):  # what has no other half
                store(lanes, 0, i, load_term(terms, 0, i))
            for i in range((used - half) * width):
                store(lanes, 0, i, load_term(terms, 0, i) + load_term(terms, 0, half * width + i))
            used = half
        while used > 1 and used != 8:
            half = (used + 1) // 2
            for i in range((used - half) * width):
                store(lanes, 0, i, load(lanes, 0, i) + load(lanes, 0, half * width + i))
            used = half
        if used == 8:  # three times at once
            for i in range(width):
                even = (lane(lanes, 0, i, width) + lane(lanes, 4, i, width)) + (
                    lane(lanes, 2, i, width) + lane(lanes, 6, i, width)
                )
                odd = (lane(lanes, 1, i, width) + lane(lanes, 5, i, width)) + (
                    lane(lanes, 3, i, width) + lane(lanes, 7, i, width)
                )
                store_sum(sums, 0, i, load_sum(sums, 0, i) + (even + odd))
        else:
            for i in range(width):
                store_sum(sums, 0, i, load_sum(sums, 0, i) + load(lanes, 0, i))

    @apart
    def clear(lanes, count):
        llvm.fit_for_vectors()
        llvm.keep_apart()
        for i in range(count):
            store(lanes, 0, i, zero())

    @inlined
    def add_lines(terms, lanes, line, count):
        """Add eight lines of terms, of as many as there are lanes."""
        for i in range(count):
            total = load(lanes, 0, i) + load_term(terms, 0, i)
            total = (total + load_term(terms + line, 0, i)) + load_term(terms + 2 * line, 0, i)
            total = (total + load_term(terms + 3 * line, 0, i)) + load_term(terms + 4 * line, 0, i)
            total = (total + load_term(terms + 5 * line, 0, i)) + load_term(terms + 6 * line, 0, i)
            store(lanes, 0, i, total + load_term(terms + 7 * line, 0, i))

    @apart
    def add_to_lanes(terms, lanes, length, width):
        """Add terms to their lanes, eight to each at a time where there are so many."""
        llvm.fit_for_vectors()
        llvm.keep_apart()
        line, end = part_bytes * LANE_COUNT * width, terms + part_bytes * length * width
        while terms + 8 * line <= end:
            if width == 1:  # so that LLVM knows how many
                add_lines(terms, lanes, part_bytes * LANE_COUNT, LANE_COUNT)
            else:
                add_lines(terms, lanes, line, LANE_COUNT * width)
            terms += 8 * line
        while terms + line <= end:
            for i in range(LANE_COUNT * width):
                store(lanes, 0, i, load(lanes, 0, i) + load_term(terms, 0, i))
            terms += line
        for i in range((end - terms) // part_bytes):
            store(lanes, 0, i, load(lanes, 0, i) + load_term(terms, 0, i))

    return clear, add_to_lanes, add_up


@functools.cache
def sums_kernel(computed_in):
    """Compile what adds a block's terms to its rows' sums, in an order that a row's length alone decides.

    Lanes of running sums, which `BEGINS` empties; `ENDS` adds them up, and the whole to the row's sum.
    """
    clear, add_to_lanes, add_up = _adders(computed_in)
    summed_in = "float32" if computed_in == SINGLE else computed_in
    stream_bytes, terms_bytes = PARTS[summed_in] * STREAM_BYTES, term_bytes(computed_in) * BLOCK
    part_bytes = PART_BYTES[computed_in]
    sums_bytes = PARTS[summed_in] * ROWS_BYTES

    def kernel(streams, block):
        llvm.fit_for_vectors()
        outer, inner = llvm.load_word(block, OUTER), llvm.load_word(block, INNER)
        is_rows = llvm.load_word(block, FORM) == ROWS
        groups, length, width = (outer, inner, 1) if is_rows else (1, outer, inner)
        used, begins = llvm.load_word(block, LANES_USED), llvm.load_word(block, BEGINS)
        ends = llvm.load_word(block, ENDS)
        for stream in range(streams):
            terms = llvm.load_word(block, TERMS) + stream * terms_bytes
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
                terms += part_bytes * length
                sums += 8

    return compile_function(kernel, "void(intp, intp)", f"sums-{computed_in}")
