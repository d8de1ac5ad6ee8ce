"""Programs: which kernel runs for which dtypes, with which constants."""

import ctypes
import functools
import weakref

import numpy as np

from fastact._definition import NATIVE_DTYPES, registry
from fastact._engine import driver, row_kernels, rows, threads
from fastact._engine import job as j
from fastact._engine.blocks import WEIGHTED, block_kernel
from fastact._engine.conversions import pack_address, unpack_address
from fastact._lock import once

FLOAT32, FLOAT64, FLOAT16 = NATIVE_DTYPES


@functools.cache
def bfloat16():
    """ml_dtypes' dtype, or None where that is not installed."""
    try:
        import ml_dtypes
    except ImportError:
        return None
    return np.dtype(ml_dtypes.bfloat16)


# A second thread costs some microseconds to wake; a tile of it should cost a few times that.
NANOSECONDS_WORTH_A_THREAD = 12_000

_programs = weakref.WeakValueDictionary()


class Program:
    """The words that tell the driver how to run one direction on operands of given dtypes.

    Parameters
    ----------
    name, direction : str
        The activation and what to compute.
    dtypes : tuple of numpy.dtype
        Of the operands, then of the results.
    constants : tuple of (float, float) or None
        The parameters, where they are not operands, each in two parts.
    """

    def __init__(self, name, direction, dtypes, constants):
        self.name, self.direction, self.dtypes, self.constants = name, direction, dtypes, constants
        self.results = registry[name].results(direction)
        self.working = FLOAT64 if dtypes[-1] == FLOAT64 else FLOAT32
        self.constant_words = np.array(constants or (), np.float64).ravel()
        self.words = np.zeros(j.PROGRAM_WORDS, np.int64)
        self.words[j.CONSTANTS] = self.constant_words.ctypes.data
        self.words[j.INPUTS] = len(dtypes) - self.results
        self.words[j.OPERANDS] = len(dtypes)
        self.words[j.WORKING_SIZE] = self.working.itemsize
        self.words[j.PARALLEL_FROM] = NANOSECONDS_WORTH_A_THREAD / registry[name].cost
        self.words[j.STATE] = state().ctypes.data
        self.address = self.words.ctypes.data
        _programs[self.address] = self

    def prepare(self):
        """Compile what the program needs, or take it from the cache."""
        self.set_conversions()
        self.set_kernel(len(self.dtypes) - self.results)

    def set_kernel(self, inputs):
        """Compile the kernel, or take it from the cache. This comes last: it says that all the rest is there."""
        constants, working = len(self.constants or ()), self.working
        at_defaults = working == FLOAT32 and registry[self.name].is_at_defaults(self.direction, self.constants)
        kernel = block_kernel(self.name, self.direction, working.name, inputs, constants, self.results, at_defaults)
        self.words[j.KERNEL] = kernel.address

    def set_conversions(self):
        """Say how each operand comes to the kernel's dtype, and each result to its own."""
        inputs = len(self.dtypes) - self.results
        for operand, dtype in enumerate(self.dtypes):
            convert = (pack_address if operand < inputs else unpack_address)(dtype, self.working)
            self.words[j.PROGRAM_OPERANDS + j.PROGRAM_OPERAND_WORDS * operand + j.CONVERT] = convert


class RowsProgram:
    """The words that tell the loop of generalised ufuncs how to run one direction for one dtype."""

    def __init__(self, name, direction, dtypes, cores):
        self.name, self.direction, self.dtypes, self.cores = name, direction, dtypes, cores
        self.working = FLOAT64 if dtypes[cores.first_along] == FLOAT64 else FLOAT32
        self.words = np.zeros(rows.PROGRAM_WORDS, np.int64)
        self.words[j.INPUTS], self.words[j.OPERANDS] = cores.inputs, cores.operands
        self.words[j.WORKING_SIZE] = self.working.itemsize
        self.words[j.PARALLEL_FROM] = NANOSECONDS_WORTH_A_THREAD / registry[name].cost
        self.words[j.STATE] = state().ctypes.data
        self.words[rows.FIRST_ALONG], self.words[rows.END_ALONG] = cores.first_along, cores.end_along
        if cores.text == "(n)->()":
            self._of_nothing = np.array(-np.inf).astype(dtypes[0])
            self.words[rows.OF_NOTHING] = self._of_nothing.ctypes.data
        self.address = self.words.ctypes.data
        _programs[self.address] = self

    def prepare(self):
        """Compile the kernels that do not depend on how rows lie, or take them from the cache."""
        working = self.working.name
        convert = [self._conversion(operand, dtype) for operand, dtype in enumerate(self.dtypes)]
        self.words[j.PROGRAM_OPERANDS : j.PROGRAM_OPERANDS + len(convert)] = convert
        formulas = row_kernels.Formulas(self.name, self.direction, self.cores)
        computed_in = row_kernels.precision_of(self.name, f"{self.direction}_terms", working)
        self.words[rows.LABEL] = formulas.label
        self.words[rows.SUM_COUNT], self.words[rows.PARTS] = formulas.sum_count, row_kernels.PARTS[working]
        self.words[rows.COUNTS_TIES] = formulas.counts_ties
        self.words[rows.TERM_BYTES] = row_kernels.term_bytes(computed_in)
        self.words[rows.NEEDS_KEPT] = formulas.needs_kept
        self.words[rows.SUMS_ITSELF] = row_kernels.sums_itself(formulas, computed_in)
        if formulas.extreme is not None:
            self.words[rows.LARGEST_KERNEL] = row_kernels.largest_kernel(working, formulas.extreme).address
        if formulas.needs_threshold:
            self.words[rows.THRESHOLD_SUM_COUNT] = formulas.threshold_term_count
            prepare_part(j.FIND_THRESHOLDS)
            self.words[rows.THRESHOLD_KERNEL] = row_kernels.threshold_kernel(self.name, formulas, working).address
        self.words[rows.SUMS_KERNEL] = row_kernels.sums_kernel(computed_in).address
        self.words[j.KERNEL] = self.words[rows.SUMS_KERNEL]  # last: it says that all the rest is there

    def prepare_form(self, form):
        """Compile the direction's own kernel for rows that lie in this form, or take it from the cache."""
        kernel = row_kernels.row_kernel(self.name, self.direction, self.cores, self.working.name, form)
        self.words[rows.FORM_KERNELS + form] = kernel.address

    def _conversion(self, operand, dtype):
        """How an operand enters or leaves its block, or the numbers of rows, which are float64 or labels."""
        if dtype.kind == "i":
            return 0
        along = self.cores.first_along <= operand < self.cores.end_along
        return (pack_address if operand < self.cores.inputs else unpack_address)(
            dtype, self.working if along else FLOAT64
        )


_failures = []


def raise_failure():
    """Raise what kept a kernel from being compiled, if something has."""
    if _failures:
        program, error = _failures.pop()
        _failures.clear()
        state()[j.FAILED] = 0
        if not isinstance(error, Exception):
            raise error
        what = f"a kernel ({program.name}, {program.direction})" if program else "what its threads run"
        raise RuntimeError(
            f"fastact could not compile {what}; please report this, with the {type(error).__name__} above"
        ) from error


def _from_c(function):
    """A function of one word as the driver calls it, where no exception can be raised: those wait for Python to run."""

    def call(word):
        try:
            function(word)
        except BaseException as error:  # an interruption too
            _failures.append((_programs.get(word & ~1), error))
            state()[j.FAILED] = 1

    return ctypes.CFUNCTYPE(None, ctypes.c_ssize_t)(call)


@_from_c
def _prepare(address):
    _programs[address].prepare()


@_from_c
def _prepare_form(word):
    """Of a program whose address this is, in the form that the lowest bit says."""
    _programs[word & ~1].prepare_form(word & 1)


# What a part of the engine runs, and how many words that takes.
_PARTS = {
    j.RUN_JOB: (driver.run_any_job, 1),
    j.WORKER: (driver.run_worker, 2),
    j.RUN_BLOCKS: (driver.run_blocks, 6),
    j.ROWS_WORKER: (rows.run_rows_worker, 2),
    j.CHUNKS_WORKER: (rows.run_chunks_worker, 2),
    j.MOVE_BLOCK: (rows.run_move_block, 9),
    j.FIND_THRESHOLDS: (rows.run_find_thresholds, 5),
}


def prepare_part(part):
    """The address of a part of the engine, which is compiled, or taken from the cache, when it is first asked for."""
    words = state()
    if words[part] == 0:
        words[part] = driver.address_of(*_PARTS[part])
    return int(words[part])


_prepare_part = _from_c(prepare_part)


@_from_c
def _start(count):
    threads.pool().start(count)


@once
def state():
    """The driver's process-wide words, with the addresses in them of what it calls in Python."""
    words = threads.state()
    called = {
        j.PREPARE: _prepare,
        j.PREPARE_FORM: _prepare_form,
        j.PREPARE_PART: _prepare_part,
        j.START: _start,
    }
    for word, function in called.items():
        words[word] = ctypes.cast(function, ctypes.c_void_p).value
    return words


def constants_of(name, values):
    """Parameters given as numbers, checked, in two parts each."""
    definition = registry[name]
    for parameter, value in zip(definition.parameters, values, strict=True):
        parameter.check(name, value)
    if definition.check is not None:
        definition.check(*values)
    return tuple(parameter.parts(value) for parameter, value in zip(definition.parameters, values, strict=True))


def input_count(name, direction):
    """How many arrays a direction reads before the parameters."""
    return len(registry[name].operands("backward" if direction.startswith(WEIGHTED) else direction))


def operand_count(name, direction, constants):
    """How many arrays a direction reads."""
    parameters = 0 if constants is not None else len(registry[name].parameters)
    return input_count(name, direction) + parameters
