"""LLVM operations that Numba has no Python spelling for.

Addresses travel as plain integers (`intp`); a *word* is one 64-bit integer of a job description.
"""

import platform

from llvmlite import ir
from numba import float32, float64, int32, types, uint32, uint64  # noqa: F401 - the driver names elements by them
from numba.core import cgutils
from numba.extending import intrinsic, overload

from fastact._math import arithmetic, circular

WORD = ir.IntType(64)
BYTE_POINTER = ir.IntType(8).as_pointer()
_MACHINE = platform.machine().lower()
ON_X86, ON_ARM = _MACHINE in ("x86_64", "amd64"), _MACHINE in ("aarch64", "arm64")
_ARM_YIELD = 1  # llvm.aarch64.hint's number for it
CACHE_LINE = 64
# Of `interleave`. Four are 1.01 to 1.05 times as fast as two over all kernels: up to 1.2 for long chains, down to 0.8
# where constants have to give way.
VECTORS_IN_TURNS = 4
# fegetenv's buffer: 28 bytes on x86, 8 on 64-bit Arm, never above 64.
FLOATING_POINT_ENVIRONMENT_BYTES = 64
# The functions of `_math` that have a form of their own in compiled code, below.
GIVEN = ("fma", "root", "entry")


def _call_intrinsic(builder, name, *args):
    function_type = ir.FunctionType(ir.VoidType(), [value.type for value in args])
    builder.call(cgutils.get_or_insert_function(builder.module, function_type, name), args)


def _typed_pointer(builder, address, llvm_type):
    return builder.inttoptr(address, llvm_type.as_pointer())


# --- memory ----------------------------------------------------------------------------------------


@intrinsic
def load_word(typingctx, address, index):
    """The 64-bit integer at ``address + 8 * index``."""

    def codegen(context, builder, signature, args):
        return builder.load(builder.gep(_typed_pointer(builder, args[0], WORD), [args[1]]))

    return types.intp(types.intp, types.intp), codegen


@intrinsic
def store_word(typingctx, address, index, value):
    """Write the 64-bit integer at ``address + 8 * index``."""

    def codegen(context, builder, signature, args):
        builder.store(args[2], builder.gep(_typed_pointer(builder, args[0], WORD), [args[1]]))
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp), codegen


def _byte_pointer(builder, base, offset, llvm_type):
    # A pointer plus an offset, not a pointer made of a sum: only so does LLVM see what a loop touches, and vectorise.
    place = builder.gep(builder.inttoptr(base, BYTE_POINTER), [offset])
    return builder.bitcast(place, llvm_type.as_pointer())


@intrinsic
def load(typingctx, base, offset, element):
    """One unaligned scalar at ``base + offset``, of the type that `element` (a type class) names."""
    numba_type = element.dtype

    def codegen(context, builder, signature, args):
        return builder.load(_byte_pointer(builder, *args[:2], context.get_data_type(numba_type)), align=1)

    return numba_type(types.intp, types.intp, element), codegen


@intrinsic
def store(typingctx, base, offset, value):
    """Write one unaligned scalar of the value's own type at ``base + offset``."""

    def codegen(context, builder, signature, args):
        builder.store(args[2], _byte_pointer(builder, *args[:2], context.get_data_type(value)), align=1)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, value), codegen


def _tell_apart(builder, instruction, role):
    """Metadata that tells LLVM what kernels' callers guarantee: operands, results and scratch do not overlap.

    Results may lie exactly on operands, element on element, which no reordering of a loop can spoil. Without this
    every kernel starts with run-time overlap checks, and ``out=x`` would run unvectorised.
    """
    module = builder.module
    domain = module.add_metadata([ir.MetaDataString(module, "fastact kernel")])
    scopes = {
        name: module.add_metadata([ir.MetaDataString(module, f"fastact {name}"), domain])
        for name in ("operand", "result", "scratch", "table")
    }
    own = scopes.pop(role)
    instruction.set_metadata("alias.scope", module.add_metadata([own]))
    instruction.set_metadata("noalias", module.add_metadata(list(scopes.values())))
    return instruction


def _loader(role):
    """Make an intrinsic that loads one unaligned scalar, of the type that a type class names, at ``base + offset``."""

    @intrinsic
    def load_from(typingctx, base, offset, element):
        numba_type = element.dtype

        def codegen(context, builder, signature, args):
            pointer = _byte_pointer(builder, *args[:2], context.get_data_type(numba_type))
            return _tell_apart(builder, builder.load(pointer, align=1), role)

        return numba_type(types.intp, types.intp, element), codegen

    return load_from


def _storer(role):
    """Make an intrinsic that writes one unaligned scalar of the value's own type at ``base + offset``."""

    @intrinsic
    def store_to(typingctx, base, offset, value):
        def codegen(context, builder, signature, args):
            pointer = _byte_pointer(builder, *args[:2], context.get_data_type(value))
            _tell_apart(builder, builder.store(args[2], pointer, align=1), role)
            return context.get_dummy_value()

        return types.void(types.intp, types.intp, value), codegen

    return store_to


load_operand, store_result = _loader("operand"), _storer("result")
load_scratch, store_scratch = _loader("scratch"), _storer("scratch")


@intrinsic
def stack_buffer(typingctx, nbytes):
    """A cache-line aligned buffer on this function's stack; `nbytes` is a literal.

    A plain ``alloca``: ``cgutils.alloca_once`` zero-fills, which costs seconds of compiling and 0.3 us a call.
    """
    if not isinstance(nbytes, types.Literal):
        return None
    size = nbytes.literal_value

    def codegen(context, builder, signature, args):
        with builder.goto_entry_block():
            base = builder.alloca(ir.ArrayType(ir.IntType(8), size + CACHE_LINE))
        address = builder.add(builder.ptrtoint(base, WORD), ir.Constant(WORD, CACHE_LINE - 1))
        return builder.and_(address, ir.Constant(WORD, -CACHE_LINE))

    return types.intp(nbytes), codegen


@intrinsic
def stream_lines(typingctx, destination, source, nbytes):
    """Copy whole cache lines past the cache, so that the destination is never read first."""

    def codegen(context, builder, signature, args):
        line = ir.VectorType(WORD, CACHE_LINE // 8)
        destination, source = (_typed_pointer(builder, address, line) for address in args[:2])
        hint = builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
        with cgutils.for_range(builder, builder.udiv(args[2], ir.Constant(WORD, CACHE_LINE))) as loop:
            value = builder.load(builder.gep(source, [loop.index]), align=CACHE_LINE)
            copy = builder.store(value, builder.gep(destination, [loop.index]), align=CACHE_LINE)
            copy.set_metadata("nontemporal", hint)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp), codegen


@intrinsic
def transpose_four(typingctx, source, source_step, destination, destination_step, element):
    """Move four lines of four elements, each a source step after the last, to four lines across them."""
    numba_type = element.dtype

    def codegen(context, builder, signature, args):
        line_type = ir.VectorType(context.get_data_type(numba_type), 4)

        def place(base, step, line):
            return _byte_pointer(builder, base, builder.mul(step, ir.Constant(WORD, line)), line_type)

        def mixed(x, y, order):
            return builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(ir.IntType(32), 4), order))

        lines = [builder.load(place(args[0], args[1], i), align=1) for i in range(4)]
        # Pairs of elements first, then pairs of pairs; 4 to 7 are those of the second operand.
        pairs = [mixed(*lines[i : i + 2], order) for order in ([0, 4, 1, 5], [2, 6, 3, 7]) for i in (0, 2)]
        across = [mixed(*pairs[i : i + 2], order) for i in (0, 2) for order in ([0, 1, 4, 5], [2, 3, 6, 7])]
        for i, line in enumerate(across):
            builder.store(line, place(args[2], args[3], i), align=1)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 4, element), codegen


@intrinsic
def streaming_fence(typingctx):
    """Make streamed lines visible to other threads before anyone is told that they are ready."""

    def codegen(context, builder, signature, args):
        if ON_X86:
            _call_intrinsic(builder, "llvm.x86.sse.sfence")
        else:
            builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), codegen


# --- calls through addresses -----------------------------------------------------------------------


def _call_address(words):
    """An intrinsic body: call the ``void`` function at the first argument with the other `words` arguments."""

    def codegen(context, builder, signature, args):
        function_type = ir.FunctionType(ir.VoidType(), [WORD] * words)
        builder.call(_typed_pointer(builder, args[0], function_type), args[1:])
        return context.get_dummy_value()

    return codegen


def _call_for_word(result_type, words):
    """An intrinsic body as `_call_address`'s, for a function that returns an integer."""

    def codegen(context, builder, signature, args):
        function_type = ir.FunctionType(result_type, [WORD] * words)
        result = builder.call(_typed_pointer(builder, args[0], function_type), args[1:])
        return result if result_type == WORD else builder.sext(result, WORD)

    return codegen


@intrinsic
def call_vectorcall(typingctx, vectorcall, function, args, count, keywords):
    """CPython's PyObject_Vectorcall."""
    return types.intp(*[types.intp] * 5), _call_for_word(WORD, 4)


@intrinsic
def call_matches(typingctx, matches, exception):
    """CPython's PyErr_ExceptionMatches."""
    return types.intp(types.intp, types.intp), _call_for_word(ir.IntType(32), 1)


@intrinsic
def call_nothing(typingctx, function):
    """A C function without arguments."""
    return types.void(types.intp), _call_address(0)


@intrinsic
def call_kernel(typingctx, kernel, length, operands, constants):
    """Run a block kernel on `length` contiguous elements of each operand."""
    return types.void(types.intp, types.intp, types.intp, types.intp), _call_address(3)


@intrinsic
def call_row_kernel(typingctx, kernel, action, block):
    """Have a row kernel do one of its actions on a block."""
    return types.void(types.intp, types.intp, types.intp), _call_address(2)


@intrinsic
def call_convert(typingctx, convert, length, source, source_stride, destination, destination_stride):
    """Run a conversion kernel between strided places."""
    return types.void(*[types.intp] * 6), _call_address(5)


@intrinsic
def call_move_block(typingctx, move, program, operand, block, source, outer, inner, destination, to_outer, to_inner):
    """Move an operand's block from one place to another, each with the steps along its outer and inner dimension."""
    return types.void(*[types.intp] * 10), _call_address(9)


@intrinsic
def call_run_blocks(typingctx, run_blocks, program, job, places, length, buffers, pointers):
    """Run a kernel over some elements, block by block."""
    return types.void(*[types.intp] * 7), _call_address(6)


@intrinsic
def call_find_thresholds(typingctx, find, job, block, scratch, row, rows):
    """Find the thresholds of a tile's rows."""
    return types.void(*[types.intp] * 6), _call_address(5)


@intrinsic
def call_with(typingctx, function, word):
    """A C function of one word."""
    return types.void(types.intp, types.intp), _call_address(1)


@intrinsic
def call_worker(typingctx, worker, job, seat):
    """Run one thread's share of a job."""
    return types.void(types.intp, types.intp, types.intp), _call_address(2)


@intrinsic
def call_sleep(typingctx, sleep, condition, mutex, milliseconds, flags):
    """The system's wait for a condition variable, with the arguments of all systems."""
    return types.void(*[types.intp] * 5), _call_address(4)


# --- threads ---------------------------------------------------------------------------------------


@intrinsic
def try_acquire(typingctx, flag):
    """Set the flag from 0 to 1; False where another thread has it."""

    def codegen(context, builder, signature, args):
        pointer = _typed_pointer(builder, args[0], WORD)
        result = builder.cmpxchg(pointer, ir.Constant(WORD, 0), ir.Constant(WORD, 1), "acq_rel", "monotonic")
        return builder.extract_value(result, 1)

    return types.boolean(types.intp), codegen


@intrinsic
def release(typingctx, flag):
    """Give a flag back."""

    def codegen(context, builder, signature, args):
        pointer = _typed_pointer(builder, args[0], WORD)
        builder.store_atomic(ir.Constant(WORD, 0), pointer, "release", 8)
        return context.get_dummy_value()

    return types.void(types.intp), codegen


@intrinsic
def take_ticket(typingctx, counter):
    """The counter's value, which grows by one: no two threads get the same."""

    def codegen(context, builder, signature, args):
        pointer = _typed_pointer(builder, args[0], WORD)
        return builder.atomic_rmw("add", pointer, ir.Constant(WORD, 1), "monotonic")

    return types.intp(types.intp), codegen


@intrinsic
def add_and_fence(typingctx, counter, value):
    """Add to a word that threads share; what it was before. All threads see such additions in one order."""

    def codegen(context, builder, signature, args):
        return builder.atomic_rmw("add", _typed_pointer(builder, args[0], WORD), args[1], "seq_cst")

    return types.intp(types.intp, types.intp), codegen


@intrinsic
def load_shared(typingctx, address):
    """A word that other threads add to."""

    def codegen(context, builder, signature, args):
        return builder.load_atomic(_typed_pointer(builder, args[0], WORD), "seq_cst", 8)

    return types.intp(types.intp), codegen


@intrinsic
def spin_pause(typingctx):
    """Tell the processor that this thread only waits."""

    def codegen(context, builder, signature, args):
        if ON_X86:
            _call_intrinsic(builder, "llvm.x86.sse2.pause")
        elif ON_ARM:
            _call_intrinsic(builder, "llvm.aarch64.hint", ir.Constant(ir.IntType(32), _ARM_YIELD))
        return context.get_dummy_value()

    return types.void(), codegen


# --- floating point --------------------------------------------------------------------------------


@intrinsic
def fit_for_vectors(typingctx):
    """Ask LLVM for 512-bit vectors where the processor has them, and for a stack whose vectors are aligned.

    Its default on some of these processors is 256 bits. Vectors that find no register go to the stack, which is a
    multiple of 16 bytes: where callers leave it so, they lie across two lines of the cache, and loops that are short of
    registers take up to half as long again.
    """

    def codegen(context, builder, signature, args):
        # llvmlite's `add` refuses attributes that it does not know; the set beneath it takes them.
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        builder.function.attributes.alignstack = CACHE_LINE
        return context.get_dummy_value()

    return types.void(), codegen


def _mark_loop(module, branch, name, value):
    """Tell LLVM something about the loop that a branch closes."""
    hint = module.add_metadata([ir.MetaDataString(module, name), ir.Constant(ir.IntType(32), value)])
    loop = module.add_metadata([hint, hint])
    loop.operands = (loop, hint)  # a loop's node is known by naming itself first
    branch.set_metadata("llvm.loop", loop)


@intrinsic
def interleave(typingctx):
    """Have the loops of the function that says this do some vectors at a time, their operations in turns.

    A formula is a chain of operations, each of which waits for the one before: what a processor looks ahead is not
    enough to fill these waits with the next element's. More vectors at a time need more registers; where there are 16,
    going to memory for what found no room takes less than the waits do (1.1 times as fast in float32, 1.25 in float64).
    """

    def codegen(context, builder, signature, args):
        branch = builder.branch

        def marked_branch(target):
            instruction = branch(target)
            if target.is_terminated:  # written before: this one goes back
                _mark_loop(builder.module, instruction, "llvm.loop.interleave.count", VECTORS_IN_TURNS)
            return instruction

        builder.branch = marked_branch
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def select(typingctx, condition, x, y):
    """`x` where the condition holds, else `y`: no branch, into which LLVM could sink what one side alone needs."""

    def codegen(context, builder, signature, args):
        return builder.select(context.cast(builder, args[0], condition, types.boolean), *args[1:])

    return x(condition, x, x), codegen


@intrinsic
def keep_apart(typingctx):
    """Keep the function that says this from being inlined: copies of loops cost seconds of compiling."""

    def codegen(context, builder, signature, args):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def _fused_multiply_add(typingctx, a, b, c):
    def codegen(context, builder, signature, args):
        return builder.fma(*args)

    return a(a, b, c), codegen


@overload(arithmetic.fma)
def _overload_fma(a, b, c):
    if isinstance(a, types.Float) and a == b == c:
        return lambda a, b, c: _fused_multiply_add(a, b, c)
    return lambda a, b, c: _fused_multiply_add(float(a), float(b), float(c))


@intrinsic
def _square_root(typingctx, x):
    def codegen(context, builder, signature, args):
        return builder.call(builder.module.declare_intrinsic("llvm.sqrt", [args[0].type]), args)

    return x(x), codegen


@overload(arithmetic.root)
def _overload_root(x):
    return lambda x: _square_root(x)


@intrinsic
def _table_entry(typingctx, table, row):
    def codegen(context, builder, signature, args):
        array = context.make_array(table)(context, builder, args[0])
        return _tell_apart(builder, builder.load(builder.gep(array.data, [args[1]])), "table")

    return table.dtype(table, types.intp), codegen


@overload(circular.entry)
def _overload_entry(table, row):
    return lambda table, row: _table_entry(table, row)


def _environment_call(name_on_x86, name_elsewhere):
    """An intrinsic body that saves or restores the floating-point flags at an address.

    Only the vector unit's register on x86 (10 ns): kernels never touch the x87 unit, which is 70 ns away.
    """

    def codegen(context, builder, signature, args):
        name = name_on_x86 if ON_X86 else name_elsewhere
        result = ir.VoidType() if ON_X86 else ir.IntType(32)
        function_type = ir.FunctionType(result, [BYTE_POINTER])
        function = cgutils.get_or_insert_function(builder.module, function_type, name)
        builder.call(function, [builder.inttoptr(args[0], BYTE_POINTER)])
        return context.get_dummy_value()

    return codegen


@intrinsic
def save_floating_point_flags(typingctx, address):
    """Remember the thread's floating-point flags and modes in a buffer of 64 bytes."""
    return types.void(types.intp), _environment_call("llvm.x86.sse.stmxcsr", "fegetenv")


@intrinsic
def restore_floating_point_flags(typingctx, address):
    """Put the floating-point flags back as they were saved."""
    return types.void(types.intp), _environment_call("llvm.x86.sse.ldmxcsr", "fesetenv")
