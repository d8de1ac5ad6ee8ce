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
TILE_LENGTH, TILE_ROWS, TILES_ALONG, TILES, NEXT_TILE, RESULTS = range(4, 10)
# A job may ask for its TILE_LENGTH; 0 leaves it to the driver. JOB_WORKER is what its threads run, and PARTIALS where
# a reduction puts the sum of each row's tiles.
JOB_WORKER, PARTIALS = 10, 11
OUTER_SHAPE = 12
JOB_OPERANDS = OUTER_SHAPE + MAX_OUTER_DIMENSIONS
ADDRESS, STRIDE, OUTER_STRIDES = 0, 1, 2
JOB_OPERAND_WORDS = OUTER_STRIDES + MAX_OUTER_DIMENSIONS
JOB_WORDS = JOB_OPERANDS + JOB_OPERAND_WORDS * MAX_OPERANDS

# How a job's results reach their places.
DIRECT, BUFFERED, STREAMED = range(3)

# The process-wide state: whether some thread is inside parallel_for, how many threads it may use, what they run,
# and who compiles a program's kernel (its word is 0 until a first array needs it).
# FAILED: whether it could not.
BUSY, THREADS, PARALLEL_FOR, WORKER, PREPARE, ROWS_WORKER, FAILED = range(7)
STATE_WORDS = 8

# Elements that a kernel is given at once where its operands must be packed: 4 KB of float32 fit the L1 cache
# several times over.
BLOCK = 1024
# Elements that a thread takes at a time, and per row where rows are strided: the lines that neighbouring
# rows share then stay in the L2 cache.
TILE = 32_768
STRIDED_TILE_LENGTH = 512
FAR_STRIDE = 64
# Results beyond this many bytes are streamed past the cache.
STREAM_FROM_BYTES = 1 << 24
