"""The layout, in 64-bit words, of what the compiled driver is told: programs and jobs.

A *program* is what NumPy's ``data`` pointer names: which kernel to run and what its operands look like. A *job* is
one program applied to one set of strided arrays, and lives on the stack of the thread that starts it.
"""

# A program's words; per operand follows the address of its conversion, 0 for none.
KERNEL, CONSTANTS, INPUTS, OPERANDS, WORKING_SIZE, PARALLEL_FROM, STATE, PROGRAM_OPERANDS = range(8)
CONVERT = 0
PROGRAM_OPERAND_WORDS = 1

MAX_OPERANDS = 10
MAX_OUTER_DIMENSIONS = 8
PROGRAM_WORDS = PROGRAM_OPERANDS + PROGRAM_OPERAND_WORDS * MAX_OPERANDS

# A job's words; then the outer shape, and per operand its address, its inner stride and its outer strides.
PROGRAM, LENGTH, ROWS, OUTER_DIMENSIONS = range(4)
TILE_LENGTH, TILE_ROWS, TILES_ALONG, TILES, RESULTS, SHARES = range(4, 10)
# A job may ask for its TILE_LENGTH; 0 leaves it to the driver. SHARES is where its threads see which tiles are left,
# JOB_WORKER what they run instead of the driver's own worker, 0 for that; PARTIALS where a reduction puts the sum of
# each row's tiles, and SHIFT by how much all tiles but the first begin earlier.
JOB_WORKER, PARTIALS, SHIFT = 10, 11, 12
OUTER_SHAPE = 13
JOB_OPERANDS = OUTER_SHAPE + MAX_OUTER_DIMENSIONS
ADDRESS, STRIDE, OUTER_STRIDES = 0, 1, 2
JOB_OPERAND_WORDS = OUTER_STRIDES + MAX_OUTER_DIMENSIONS
JOB_WORDS = JOB_OPERANDS + JOB_OPERAND_WORDS * MAX_OPERANDS

# How a job's results reach their places.
DIRECT, BUFFERED, STREAMED = range(3)

# The process-wide state: whether some thread shares a job with the pool, how many threads it may use, and who compiles
# a program's kernel, its kernel for rows of one form, and a part of the engine. FAILED: whether that, or a thread's
# start, could not be done.
BUSY, THREADS, FAILED, PREPARE, PREPARE_FORM, PREPARE_PART = range(6)
# The pool's part (see `pool`), each line of the cache by who writes it when: the pool's threads once they are there;
# the starter of a job; everybody who takes part in it; who goes to sleep.
CACHE_LINE_WORDS = 8
STARTED, START, YIELD, LOCK, UNLOCK, SLEEP, WAKE, MUTEX = range(CACHE_LINE_WORDS, 2 * CACHE_LINE_WORDS)
JOBS, SHARED_WORKER, SHARED_JOB, SEATS = range(2 * CACHE_LINE_WORDS, 2 * CACHE_LINE_WORDS + 4)
GATE = 3 * CACHE_LINE_WORDS
SLEEPERS = 4 * CACHE_LINE_WORDS
CONDITION = SLEEPERS + 1
# The parts of the engine that only some arrays need, 0 until the first of these: arrays that are not small, and what
# their threads run; runs that are packed or streamed; rows; rows that threads share, or that are packed, or have
# thresholds.
RUN_JOB, WORKER, RUN_BLOCKS, ROWS_WORKER = range(5 * CACHE_LINE_WORDS, 5 * CACHE_LINE_WORDS + 4)
CHUNKS_WORKER, MOVE_BLOCK, FIND_THRESHOLDS = range(5 * CACHE_LINE_WORDS + 4, 5 * CACHE_LINE_WORDS + 7)
STATE_WORDS = 6 * CACHE_LINE_WORDS

# Elements that a kernel is given at once where its operands must be packed: 4 KB of float32 fit the L1 cache
# several times over.
BLOCK = 1024
# Elements that a thread takes at a time, at most and at least, and per row where rows are strided: the lines that
# neighbouring rows share then stay in the L2 cache.
TILE, SMALLEST_TILE, TILES_PER_THREAD = 32_768, 2048, 16
STRIDED_TILE_LENGTH = 512
FAR_STRIDE = 64
# Results beyond this many bytes are streamed past the cache.
STREAM_FROM_BYTES = 1 << 24
