"""Kernels of functions along an axis: a thread, a warp or a block of threads for each row.

Every thread holds a *line* of its row's elements, strided so that neighbouring threads read neighbouring elements. A
row that is no longer than its threads' lines is read once, and stays in registers while its largest element, its sums
and its results are found. A longer one is read once for its largest element and its sums, which are rescaled as the
largest element grows, and once more for results along the axis. Where sums need a threshold or the first of the largest
elements, or a row of nothing is to be uniform, each takes a pass of its own. Partial results of threads meet in shared
memory, in an order that the row's length alone decides.

The text of a kernel is written here, line by line: what it does per element are programs, see `row_programs`.
"""

import dataclasses
import functools

import numpy as np
from llvmlite import ir
from numba import cuda, float64

from fastact.cuda import memory, target
from fastact.cuda.lowering import emit, python_function
from fastact.cuda.row_programs import RowPrograms

BLOCK = 256
#: Threads of a row, and how they meet: so many each of so many first, then all of those.
MEETINGS = {1: (1, 1), 8: (2, 4), 32: (4, 8), 256: (16, 16)}
#: Elements of a thread's line, at most.
LINE = 16
_I64 = ir.IntType(64)
#: What stands for the dtype of a number that is the same for all rows.
HOST = "host"


@dataclasses.dataclass(frozen=True, eq=False)
class RowBody:
    """What a kernel is made for.

    Attributes
    ----------
    programs : RowPrograms
        What it computes.
    numbers, sources, results, row_results : tuple of str
        The dtypes of inputs of one number per row, of inputs and results along the axis, of results per row. A number
        of dtype `HOST` is the same for all rows, and comes with the call.
    threads, line, width : int
        Threads per row, elements in each one's line, and how many of them are next to each other.
    fits : bool
        Whether rows are no longer than their lines.
    axes : tuple of int
        How many axes rows are spread over, and how many make up a row.
    chunked : bool
        Whether several groups of threads share a row, each with results of its own: all that they do is to sum.
    masked : bool
        Whether one more source, of booleans, says which elements take part.
    empty : str
        What a row gives in which no element takes part, as `Rows.rule` says.
    stand_in, nothing : float
        The element that counts for nothing in its row, and what one that takes no part gives itself.
    """

    programs: RowPrograms
    numbers: tuple[str, ...]
    sources: tuple[str, ...]
    results: tuple[str, ...]
    row_results: tuple[str, ...]
    threads: int
    line: int
    width: int
    fits: bool
    axes: tuple[int, int]
    chunked: bool = False
    masked: bool = False
    empty: str = ""
    stand_in: float = float("-inf")
    nothing: float = 0.0

    @property
    def is_mended(self):
        """Whether rows in which no element takes part need a look."""
        return self.masked or self.empty in ("zero", "uniform")

    @property
    def is_online(self):
        """Whether sums are found along with the largest element, before it is known whether a row is to be uniform."""
        return not self.fits and self.programs.is_online and self.empty != "uniform"

    @property
    def elements(self):
        """The sources that formulas take."""
        return self.sources[:-1] if self.masked else self.sources

    @property
    def stored_numbers(self):
        """The dtypes of the numbers that rows have in memory."""
        return tuple(each for each in self.numbers if each != HOST)

    @property
    def operands(self):
        """How many arrays there are."""
        return len(self.stored_numbers) + len(self.sources) + len(self.results) + len(self.row_results)


# --- functions for kernels -------------------------------------------------------------------------


def _of_program(program):
    """A function of a program's inputs that gives its results, a tuple of float64 or of elements."""

    def typing(*types):
        from numba.cuda import types as t

        kinds = {program.operations[place].type for place in program.results}
        return t.UniTuple(getattr(t, kinds.pop()), len(program.results))

    def codegen(context, builder, signature, args):
        return context.make_tuple(builder, signature.return_type, emit(builder, program, args, on_device=True))

    run = python_function(program) if target.is_simulated() else None
    return target.intrinsic(typing, codegen, _with_arguments(run, len(program.inputs)))


def _with_arguments(run, count):
    """A function with as many arguments as are asked for."""
    names = ", ".join(f"a{i}" for i in range(count))
    namespace = {"run": run}
    exec(f"def named({names}): return run({names})", namespace)
    return namespace["named"]


def _loader(storage, kind, width):
    """A function of an address that gives the elements there, a tuple."""

    def typing(address):
        from numba.cuda import types as t

        return t.UniTuple(getattr(t, kind), width)

    def codegen(context, builder, signature, args):
        values = memory.load(builder, args[0], ir.Constant(_I64, 0), storage, kind, width)
        return context.make_tuple(builder, signature.return_type, values)

    def simulated(address):
        size = memory.BYTES[storage]
        return tuple(memory.host_load(address, size * i, storage, kind) for i in range(width))

    return target.intrinsic(typing, codegen, simulated)


def _storer(storage, kind, width):
    """A function of an address and elements that writes them."""

    def typing(address, *values):
        from numba.cuda import types as t

        return t.void

    def codegen(context, builder, signature, args):
        memory.store(builder, args[0], ir.Constant(_I64, 0), args[1:], kind, storage)
        return context.get_dummy_value()

    def store(address, *values):
        for i, value in enumerate(values):
            memory.host_store(address, memory.BYTES[storage] * i, value, storage)

    return target.intrinsic(typing, codegen, _with_arguments(store, width + 1))


def _offsets(operands, axes):
    """A function of a place, lengths and strides that gives each operand's offset, a tuple."""

    def typing(place, lengths, strides):
        from numba.cuda import types as t

        return t.UniTuple(t.int64, operands)

    def codegen(context, builder, signature, args):
        rest = args[0]
        lengths = [builder.extract_value(args[1], i) for i in range(axes)]
        offsets = [ir.Constant(_I64, 0)] * operands
        for axis in reversed(range(axes)):
            index = builder.urem(rest, lengths[axis]) if axis else rest
            rest = builder.udiv(rest, lengths[axis]) if axis else rest
            for k in range(operands):
                step = builder.mul(index, builder.extract_value(args[2], k * axes + axis))
                offsets[k] = builder.add(offsets[k], step)
        return context.make_tuple(builder, signature.return_type, offsets)

    def simulated(place, lengths, strides):
        offsets = [0] * operands
        for axis in reversed(range(axes)):
            place, along = divmod(place, lengths[axis])
            for k in range(operands):
                offsets[k] += along * strides[k * axes + axis]
        return tuple(offsets)

    return target.intrinsic(typing, codegen, simulated)


# --- the text of a kernel --------------------------------------------------------------------------


class _Text:
    """Lines of a kernel's source, and the functions that they call."""

    def __init__(self, body):
        self.body, self.programs, self.formulas = body, body.programs, body.programs.formulas
        self.lines, self.names = [], {"cuda": cuda, "float64": float64}
        self.dtype, self.flat_is_known = body.programs.dtype, False
        inputs = len(body.stored_numbers) + len(body.sources)
        self.first_result = inputs
        self.shared = max(1 + body.masked, self.programs.sum_parts, self.programs.threshold_sum_parts)

    def add(self, depth, *lines):
        self.lines += ["    " * depth + line for line in lines]

    def function(self, name, make, *arguments):
        """Make a function known under a name, once."""
        if name not in self.names:
            self.names[name] = make(*arguments)
        return name

    # Values of a kind have names of a pattern: x0_3 is the fourth element of the first source's line.

    def elements(self, k):
        return [f"x{source}_{k}" for source in range(len(self.body.elements))]

    def known(self):
        return ["largest", *(f"threshold{i}" for i in range(self.programs.threshold_parts))]

    def asked(self, names):
        return [f"number{self.formulas.numbers.index(name)}" for name in names]

    def of(self, stem, count):
        return [f"{stem}{i}" for i in range(count)]

    def call(self, name, program, arguments):
        self.function(name, _of_program, program)
        return f"{name}({', '.join(arguments)})"

    def assign(self, depth, targets, text):
        """Take a tuple apart; Numba knows of no assignment to as many names as there are items but by index."""
        self.add(depth, f"made = {text}", *(f"{name} = made[{i}]" for i, name in enumerate(targets)))

    # --- lines of elements ---

    def place(self, k):
        """The place along the row of a line's element."""
        body = self.body
        if body.width == 1:
            return f"start + {k * body.threads} + lane"
        return f"start + ({k // body.width * body.threads} + lane) * {body.width} + {k % body.width}"

    def load(self, depth):
        """Read a line; places beyond the row's end are read at its last element, and count for nothing."""
        body, count = self.body, len(self.body.elements)
        numbers = len(body.stored_numbers)
        for k in range(0, body.line, body.width):
            self.add(depth, f"place = {self.place(k)}")
            for i in range(body.width):
                self.add(depth, f"at{k + i} = active and place + {i} < end", f"in{k + i} = at{k + i}")
            self.add(depth, f"place = min(place, length - {body.width})")
            self.add(depth, "offsets = along_offsets(place, along_shape, along_strides)")
            for source in range(count):
                loader = self.function(f"load_x{source}", _loader, body.sources[source], self.dtype, body.width)
                self.add(depth, f"values = {loader}(base{numbers + source} + offsets[{numbers + source}])")
                self.add(depth, *(f"x{source}_{k + i} = values[{i}]" for i in range(body.width)))
            if body.masked:
                mask = numbers + count
                loader = self.function("load_mask", _loader, "bool", "float64", 1)
                for i in range(body.width):
                    address = f"base{mask} + offsets[{mask}] + {i} * mask_step"
                    self.add(depth, f"in{k + i} = at{k + i} and {loader}({address})[0] != 0.0")
        if self.flat_is_known and body.empty == "uniform":
            self.level(depth)

    def level(self, depth):
        """Where all that take part are stand-ins, take them, or where none does all elements, for equal."""
        self.names["LEVEL"] = _element(self.dtype, "0")
        self.add(depth, "if flat:")
        for k in range(self.body.line):
            self.add(depth + 1, f"{self.elements(k)[-1]} = LEVEL", f"in{k} = at{k} if nobody else in{k}")

    def write(self, depth):
        """Compute and write a line's results."""
        body, formulas = self.body, self.formulas
        results = len(body.results)
        for k in range(0, body.line, body.width):
            for i in range(body.width):
                self.add(depth, f"here = {self.place(k + i)}")
                if formulas.in_order:
                    numbers = self.of("number", len(body.numbers))
                    arguments = [*numbers, *self.elements(k + i), "largest", "here == first"]
                else:
                    arguments = [
                        *self.asked(formulas.terms_ask),
                        *self.asked(formulas.result_ask),
                        *self.elements(k + i),
                        *self.known(),
                        *self.of("constant", self.programs.constant_parts),
                        *(["here == label"] if formulas.compared_label >= 0 else []),
                    ]
                targets = [f"y{result}_{i}" for result in range(results)]
                self.assign(depth, targets, self.call("result", self.programs.result, arguments))
                self.mend(depth, targets, k + i)
            self.add(depth, f"if at{k}:", f"    place = {self.place(k)}")
            self.add(depth + 1, "offsets = along_offsets(place, along_shape, along_strides)")
            for result in range(results):
                operand = self.first_result + result
                storer = self.function(f"store_y{result}", _storer, body.results[result], self.dtype, body.width)
                values = ", ".join(f"y{result}_{i}" for i in range(body.width))
                self.add(depth + 1, f"{storer}(base{operand} + offsets[{operand}], {values})")

    def mend(self, depth, targets, k):
        """See to elements that take no part, and to rows of them."""
        body = self.body
        if not body.is_mended:
            return
        self.names["NOTHING"] = _element(self.dtype, repr(body.nothing))
        self.names["UNDEFINED"] = _element(self.dtype, "nan")
        for target_name in targets:
            if body.masked:
                self.add(depth, f"{target_name} = {target_name} if in{k} else NOTHING")
            if body.empty == "nan":
                self.add(depth, f"{target_name} = UNDEFINED if nobody else {target_name}")
            elif body.empty == "zero":
                self.add(depth, f"{target_name} = NOTHING if flat else {target_name}")

    # --- what a row's threads find together ---

    def over_lines(self, depth, lines):
        """Do something for each line of the row: `lines` is a function of the depth."""
        if self.body.fits:
            lines(depth)
            return
        self.add(depth, f"for start in range(begin, end, {self.body.threads * self.body.line}):")
        self.load(depth + 1)
        lines(depth + 1)

    def meet(self, depth, names, merge):
        """Bring the threads' values together: `merge` gives the text for two sets of them."""
        threads, (each, rest) = self.body.threads, MEETINGS[self.body.threads]
        if threads == 1:
            return

        def put(depth):
            self.add(depth, *(f"shared[{i * BLOCK} + thread] = {name}" for i, name in enumerate(names)))

        def take(depth, place, start, step, count):
            self.add(depth, *(f"{name} = shared[{i * BLOCK} + {place}]" for i, name in enumerate(names)))
            self.add(depth, f"for k in range({start}, {count}):")
            others = self.of("other", len(names))
            self.add(depth + 1, *(f"{o} = shared[{i * BLOCK} + {place} + k * {step}]" for i, o in enumerate(others)))
            self.assign(depth + 1, names, merge(names, others))

        put(depth)
        self.add(depth, "cuda.syncthreads()", f"if lane < {rest}:")
        take(depth + 1, "thread", 1, rest, each)
        put(depth + 1)
        self.add(depth, "cuda.syncthreads()")
        take(depth, "group_start", 1, 1, rest)
        self.add(depth, "cuda.syncthreads()")

    def start_extreme(self, depth):
        """Begin with the least extreme of all, and with nobody who takes part."""
        self.names["LOWEST"] = _element(self.dtype, "inf" if self.formulas.extreme == "smallest" else "-inf")
        self.add(depth, "largest = LOWEST", *["some = 0.0"] * self.body.masked)

    def extreme_of_line(self, depth):
        for k in range(self.body.line):
            self.add(depth, f"here = {self.elements(k)[-1]} if in{k} else LOWEST")
            self.assign(depth, ["largest"], self.call("extreme", self.programs.extreme, ["largest", "here"]))
            if self.body.masked:
                self.add(depth, f"some = 1.0 if in{k} else some")

    def meet_extreme(self, depth):
        self.function("narrow", _narrow, self.dtype)
        self.add(depth, "wide = float(largest)")

        def merge(names, others):
            (mine, *some), (theirs, *someone) = names, others
            extreme = self.call("extreme", self.programs.extreme, [f"narrow({mine})", f"narrow({theirs})"])
            return f"({extreme}[0], max({some[0]}, {someone[0]}))" if some else extreme

        self.meet(depth, ["wide", *["some"] * self.body.masked], merge)
        self.add(depth, "largest = narrow(wide)")

    def find_extreme(self, depth):
        self.start_extreme(depth)
        self.over_lines(depth, self.extreme_of_line)
        self.meet_extreme(depth)
        if self.body.is_mended:
            self.find_flat(depth)

    def find_flat(self, depth):
        """Whether all that take part are stand-ins, and whether nobody does."""
        self.names["STAND_IN"] = _element(self.dtype, repr(self.body.stand_in))
        nobody = "some == 0.0" if self.body.masked else "False"
        self.add(depth, "flat = largest == STAND_IN", f"nobody = {nobody}")
        self.flat_is_known = True
        if self.body.empty == "uniform":
            self.add(depth, "if flat:", "    largest = LEVEL")
            if self.body.fits:
                self.level(depth)
            else:
                self.names["LEVEL"] = _element(self.dtype, "0")

    def find_online(self, depth):
        """Find the largest element and the sums in one pass, in which sums are for the largest element so far.

        That begins as the largest one of all threads' first lines, so that few elements are larger yet. While it is
        -inf, sums are for the least finite number, since infinities have no difference.
        """
        self.start_extreme(depth)
        self.names["FLOOR"] = np.nextafter(self.names["LOWEST"], _element(self.dtype, "0"))
        sums = self.of("sum", self.programs.online_parts)
        self.add(depth, *(f"{each} = 0.0" for each in sums), "start = begin")
        self.load(depth)
        self.extreme_of_line(depth)
        self.meet_extreme(depth)
        self.add(depth, "while start < end:", "    reference = FLOOR if largest == LOWEST else largest")
        asked, program = self.formulas.terms_ask, self.programs.accumulate_online
        self.add_line(sums, "add_terms", program, asked, self.elements, ["reference"], depth + 1)
        self.add(depth + 1, f"start += {self.body.threads * self.body.line}", "if start < end:", "    last = largest")
        self.load(depth + 2)
        self.extreme_of_line(depth + 2)
        self.raise_sums(depth + 2, sums)
        self.add(depth, "last = largest")
        self.meet_extreme(depth)
        self.raise_sums(depth, sums)
        if self.body.is_mended:
            self.find_flat(depth)
        sums = sums[: self.programs.sum_parts]  # what is behind them was for raising them
        self.meet_sums(depth, sums, "add_terms")
        return sums

    def raise_sums(self, depth, sums):
        """Make of sums for the last largest element those for the largest."""
        self.add(depth, "if last != largest:")
        raised = self.call("raise_largest", self.programs.raise_largest, [*sums, "last", "largest"])
        self.assign(depth + 1, sums, raised)

    def find_first(self, depth):
        self.add(depth, "first = 1e300")

        def lines(depth):
            for k in range(self.body.line):
                self.add(depth, f"here = float({self.place(k)})", f"if in{k}:")
                arguments = [self.elements(k)[-1], "largest", "here", "first"]
                self.assign(depth + 1, ["first"], self.call("first_of", self.programs.first, arguments))

        self.over_lines(depth, lines)
        if self.body.threads > 1:
            self.meet(depth, ["first"], lambda names, others: f"(min({names[0]}, {others[0]}),)")

    def find_sums(self, depth, stem, count, name, program, numbers, elements):
        """Sum terms over the row."""
        sums = self.of(stem, self.programs.parts * count)
        self.add(depth, *(f"{each} = 0.0" for each in sums))
        if sums:
            add = functools.partial(self.add_line, sums, name, program, numbers, elements, self.known())
            self.over_lines(depth, add)
            self.meet_sums(depth, sums, name)
        return sums

    def add_line(self, sums, name, program, numbers, elements, known, depth):
        for k in range(self.body.line):
            arguments = [*self.asked(numbers), *elements(k), *known, *sums, f"in{k}"]
            self.assign(depth, sums, self.call(name, program, arguments))

    def meet_sums(self, depth, sums, name):
        merge = self.programs.merge(len(sums) // self.programs.parts)
        self.meet(depth, sums, lambda names, others: self.call(f"{name}_merge", merge, [*names, *others]))

    def find_threshold(self, depth):
        thresholds = self.known()[1:]
        self.add(depth, "threshold0 = -1.0", *(f"{each} = 0.0" for each in thresholds[1:]))
        self.add(depth, "going = 1.0", "while going > 0.0:")
        sums = self.find_sums(
            depth + 1,
            "rise",
            self.formulas.threshold_term_count,
            "add_threshold",
            self.programs.accumulate_threshold,
            (),
            lambda k: self.elements(k)[-1:],
        )
        step = self.call("raise_threshold", self.programs.raise_threshold, [*sums, *thresholds])
        self.assign(depth + 1, [*thresholds, "going"], step)
        if self.body.threads > 1:  # rows go on together, since their threads meet
            self.add(
                depth + 1,
                "shared[thread] = going",
                "cuda.syncthreads()",
                f"for k in range({block_threads(self.body)}):",
                "    going = max(going, shared[k])",
                "cuda.syncthreads()",
            )

    # --- the whole ---

    def write_all(self):
        body = self.body
        outer, along = body.axes
        self.function("row_offsets", _offsets, body.operands, outer)
        self.function("along_offsets", _offsets, body.operands, along)
        self.add(
            0, "def kernel(rows, length, addresses, host, row_shape, row_strides, along_shape, along_strides, chunks):"
        )
        threads, block = body.threads, block_threads(body)
        self.add(1, "thread = cuda.threadIdx.x", f"lane = thread % {threads}", "group_start = thread - lane")
        if threads > 1:
            self.add(1, f"shared = cuda.shared.array({self.shared * BLOCK}, float64)")
        self.add(1, f"stride = cuda.gridDim.x * {block // threads}", "start = 0")
        # A block's threads go through its rows together, and a block that has none is done.
        self.add(1, f"first_row = cuda.blockIdx.x * {block // threads}", f"row = first_row + thread // {threads}")
        self.add(1, "for _ in range((rows - first_row + stride - 1) // stride):")
        self.add(2, "active = row < rows")
        if body.chunked:
            self.add(2, "chunk = min(row, rows - 1) % chunks", "one = min(row, rows - 1) // chunks")
            self.add(
                2, "span = (length + chunks - 1) // chunks", "begin = chunk * span", "end = min(length, begin + span)"
            )
        else:
            self.add(2, "one = min(row, rows - 1)", "begin = 0", "end = length")
        self.add(2, "offsets = row_offsets(one, row_shape, row_strides)")
        self.add(2, *(f"base{i} = addresses[{i}] + offsets[{i}]" for i in range(body.operands)))
        if body.masked:
            mask = len(body.stored_numbers) + len(body.elements)
            self.add(2, f"mask_step = along_strides[{mask * along + along - 1}]")
        self.load_numbers(2)
        if body.fits:
            self.load(2)
        if body.is_online:
            self.find_row(2, self.find_online(2))
        else:
            self.find_in_passes(2)
        if body.results:
            self.over_lines(2, self.write)
        self.add(2, "row += stride")
        return self

    def find_in_passes(self, depth):
        """Find what results need, in a pass for each."""
        formulas = self.formulas
        if formulas.extreme or formulas.in_order or self.body.is_mended:
            self.find_extreme(depth)
        if not (formulas.extreme or formulas.in_order):
            self.names["NOTHING_KNOWN"] = _element(self.dtype, "0")
            self.add(depth, "largest = NOTHING_KNOWN")
        if formulas.in_order:
            self.find_first(depth)
            return
        if formulas.needs_threshold:
            self.find_threshold(depth)
        sums = self.find_sums(
            depth, "sum", formulas.sum_count, "add_terms", self.programs.accumulate, formulas.terms_ask, self.elements
        )
        self.find_row(depth, sums)

    def load_numbers(self, depth):
        place, given = 0, 0
        for i, (name, storage) in enumerate(zip(self.formulas.numbers, self.body.numbers, strict=True)):
            if storage == HOST:
                self.add(depth, f"number{i} = host[{given}]")
                given += 1
                continue
            kind, number = ("int64", "label") if name == "label" else ("float64", f"number{i}")
            loader = self.function(f"load_number{i}", _loader, storage, kind, 1)
            self.add(depth, f"{number} = {loader}(base{place})[0]")
            place += 1

    def find_row(self, depth, sums):
        """Make of sums the row's own results, and what others need."""
        formulas, programs, body = self.formulas, self.programs, self.body
        arguments = [*self.asked(formulas.row_ask)]
        if formulas.label >= 0:
            last = self.first_result - 1
            loader = self.function("load_at_label", _loader, body.sources[-1], self.dtype, 1)
            self.add(depth, "offsets = along_offsets(label, along_shape, along_strides)")
            self.add(depth, f"at_label = {loader}(base{last} + offsets[{last}])[0]")
            arguments.append("at_label")
        results = self.of("row_result", programs.row_results)
        constants = self.of("constant", programs.constant_parts)
        if results or constants:
            self.assign(
                depth, [*results, *constants], self.call("of_row", programs.row, [*arguments, *self.known(), *sums])
            )
        if results:
            self.add(depth, "if active and lane == 0:")
            first = self.first_result + len(body.results)
            for i, result in enumerate(results):
                storer = self.function(f"store_row{i}", _storer, body.row_results[i], "float64", 1)
                chunk = f" + chunk * {memory.BYTES[body.row_results[i]]}" if body.chunked else ""
                self.add(depth + 1, f"{storer}(base{first + i}{chunk}, {result})")


def block_threads(body):
    """Threads of a block."""
    return max(body.threads, 8) if target.is_simulated() else BLOCK


def _element(dtype, text):
    return np.dtype(dtype).type(text)


def _narrow(dtype):
    """A function that makes of a float64 an element."""
    from fastact.cuda.tracing import trace

    program = trace(lambda x: (x.to(dtype),), ("float64",), dtype)

    def typing(value):
        from numba.cuda import types as t

        return getattr(t, dtype)

    def codegen(context, builder, signature, args):
        return emit(builder, program, args, on_device=True)[0]

    return target.intrinsic(typing, codegen, lambda value: _element(dtype, value))


def kernel_of(body):
    """The kernel, as a plain function."""
    text = _Text(body).write_all()
    source = "\n".join(text.lines)
    exec(compile(source, f"<fastact kernel {body.programs.name}>", "exec"), text.names)
    kernel = text.names["kernel"]
    kernel.__module__ = __name__
    return kernel


@functools.cache
def _compiled(body):
    return cuda.jit(kernel_of(body))


def launch(body, rows, arguments, stream, device):
    """Run a kernel on so many rows."""
    target.launch(_compiled(body), rows * body.threads, block_threads(body), stream, device, (rows, *arguments))
