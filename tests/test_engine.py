"""Threads, forks, the kernel cache, the machine code, floating-point flags and memory."""

import functools
import gc
import os
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from cases import ELEMENTWISE, HAVE_MODERATE_NUMBERS
from numba.core.errors import TypingError
from numpy.testing import assert_array_equal

import fastact as fa
from fastact._engine.cache import compile_function

LAYERS = ("omp", "workqueue")
RIGHT = """
import numba
import numpy as np
import fastact as fa
@numba.njit(parallel=True)
def users_own():
    total = 0
    for i in numba.prange(100):
        total += i
    return total
assert users_own() == 4950
x = np.linspace(-9, 9, 2**20, dtype="f4")
expected = (1 / (1 + np.exp(-x.astype("f8"))))
def is_right(_=None):
    for _ in range(5):
        y = fa.sigmoid(x)
        g = fa.sigmoid.backward(x, x)
        d, = fa.prelu.parameter_gradients(x, x, np.float32(0.5))
        same = np.allclose(y, expected, rtol=1e-6, atol=0)
        same &= np.allclose(g, x * expected * (1 - expected), rtol=1e-6, atol=0)
        same &= np.isclose(d, (x * x)[x < 0].sum(dtype="f8"), rtol=1e-5)
        if not same:
            return False
    return True
def threads_are_there():
    from fastact._engine import job, threads
    return threads.state()[job.STARTED] == fa.get_num_threads() - 1
"""
EIGHT_THREADS = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool:
    print(all(pool.map(is_right, range(32))))
"""
FOUR_FORKS = """
import os
assert is_right() and threads_are_there()
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        os._exit(0 if is_right() and threads_are_there() else 1)
    children.append(child)
right = [os.waitpid(child, 0)[1] == 0 for child in children]
print(all(right) and is_right())
"""
SPAWN_POOL = """
import multiprocessing
if __name__ == "__main__":
    assert is_right()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(all(pool.map(is_right, range(4))))
"""
FORKS_AMONG_THREADS = """
import os, threading
assert is_right()
def fork():
    child = os.fork()
    if child == 0:
        os._exit(0 if is_right() else 1)
    assert os.waitpid(child, 0)[1] == 0
busy = [threading.Thread(target=is_right) for _ in range(4)]
for thread in busy: thread.start()
for _ in range(4): fork()
for thread in busy: thread.join()
print(True)
"""
SHORT = """
import numpy as np
import fastact as fa
x = np.linspace(-3, 3, 7, dtype="f4")
print(fa.gelu(x).tolist(), fa.relu(x).tolist())
"""


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(
    "script",
    [EIGHT_THREADS, FOUR_FORKS, SPAWN_POOL, FORKS_AMONG_THREADS],
    ids=["eight threads", "four forks", "spawn pool", "forks while threads are inside"],
)
def test_threads_and_processes(script, layer, run_python):
    if "fork()" in script and not hasattr(os, "fork"):
        pytest.skip("this system does not fork")
    warned_about = {"PYTHONWARNINGS": "ignore:.*fork:DeprecationWarning"}  # Python 3.12's, about our own os.fork
    assert run_python(RIGHT + script, NUMBA_THREADING_LAYER=layer, **warned_about) == "True"


NO_MORE_THREADS = """
import _thread
def refuse(*_):
    raise RuntimeError("can't start new thread")
_thread.start_new_thread = refuse
print(is_right(), fa.get_num_threads())
"""
ASLEEP = """
import time
from fastact._engine import job, threads
assert is_right() and threads_are_there()
state = threads.state()
while state[job.SLEEPERS] < state[job.STARTED]: time.sleep(0.01)
print(is_right())
"""
EXIT_AT_WORK = """
import threading, time
def work():
    while True: fa.sigmoid(x)
for _ in range(3): threading.Thread(target=work, daemon=True).start()
print(is_right())
"""
SMALL_STACKS = """
import threading
threading.stack_size(65_536)
rows = np.ones((1, 2_000_000), "f4")
print(is_right() and threads_are_there() and fa.softmax(rows)[0, 0] == np.float32(5e-7), threading.stack_size())
"""
STRIDED_FIRST = """
x = x[::2]
expected = expected[::2]
print(is_right())
"""


@pytest.mark.parametrize(
    ("script", "printed"),
    [
        (NO_MORE_THREADS, "True 1"),
        (ASLEEP, "True"),
        (EXIT_AT_WORK, "True"),
        (SMALL_STACKS, "True 65536"),
        (STRIDED_FIRST, "True"),
    ],
    ids=["none to be had", "sleep and wake", "Python ends meanwhile", "small stacks", "no contiguous array before"],
)
def test_pool(script, printed, run_python):
    assert run_python(RIGHT + script) == printed


@pytest.mark.parametrize("count", [0, 1, 2, 5, 64, 1000])
@pytest.mark.parametrize("seats", [1, 2, 3, 16, 40])
def test_every_share_is_taken_once(count, seats):
    take_all = _taker()
    assert sorted(take_all(count, seats)) == list(range(count))
    taken = take_all(count, seats)
    if seats <= 16:  # the first seat begins with the first range, and in its order
        assert taken[: count // seats] == list(range(count // seats))


@functools.cache
def _taker():
    import numba

    from fastact._engine.pool import SHARES_BYTES, open_shares, take_share

    @numba.njit
    def take_all(shares, count, seats):
        open_shares(shares.ctypes.data, count, seats)
        items = [0 for _ in range(0)]
        for seat in range(seats):
            item, turn = take_share(shares.ctypes.data, seat, 0)
            while item >= 0:
                items.append(item)
                item, turn = take_share(shares.ctypes.data, seat, turn)
        return items

    return lambda count, seats: take_all(np.zeros(SHARES_BYTES // 8, np.int64), count, seats)


def test_first_calls_of_many_threads_race(run_python):
    script = RIGHT + EIGHT_THREADS
    assert run_python(script, FASTACT_CACHE="0") == "True"


def test_thread_count_from_the_environment(run_python):
    assert run_python("import fastact as fa\nprint(fa.get_num_threads())", FASTACT_NUM_THREADS="1") == "1"


@pytest.fixture
def cache(tmp_path, run_python):
    """A kernel cache of its own: its folder, and a run of SHORT with it."""
    folder = tmp_path / "cache"
    return folder, lambda **environment: run_python(
        SHORT, **{"FASTACT_CACHE_DIR": str(folder), "FASTACT_NUM_THREADS": "1"} | environment
    )


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A folder with the kernels of SHORT, and what it printed: to be copied, not used."""
    folder = tmp_path_factory.mktemp("filled") / "cache"
    environment = os.environ | {"FASTACT_CACHE_DIR": str(folder), "FASTACT_NUM_THREADS": "1"}
    printed = subprocess.run([sys.executable, "-c", SHORT], env=environment, capture_output=True, text=True, check=True)
    return folder, printed.stdout.strip()


@pytest.fixture
def filled_cache(cache, filled):
    """As `cache`, with the kernels of SHORT in it; and what SHORT prints."""
    folder, run = cache
    shutil.copytree(filled[0], folder)
    return folder, run, filled[1]


def kernel_files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_cache_is_written_once_and_read_afterwards(cache):
    folder, run = cache
    first = run()
    files = kernel_files(folder)
    assert files
    assert run() == first
    assert kernel_files(folder) == files


def test_cache_can_be_off(filled_cache):
    folder, run, expected = filled_cache
    for path in kernel_files(folder):
        path.unlink()
    assert run(FASTACT_CACHE="0") == expected
    assert not kernel_files(folder)


def test_damaged_cache_files(filled_cache):
    folder, run, expected = filled_cache
    damages = [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: os.urandom(len(content)),
        lambda content: content[:-20] + b"?" * 20,
    ]
    for number, path in enumerate(kernel_files(folder)):  # each file in another way
        path.write_bytes(damages[number % len(damages)](path.read_bytes()))
    assert run() == expected
    assert run() == expected


def test_unusable_cache_folders(filled_cache, tmp_path):
    folder, run, expected = filled_cache
    (tmp_path / "a file").write_text("")
    read_only = tmp_path / "read only"
    read_only.mkdir(mode=0o500)
    for unusable in (tmp_path / "a file" / "inside", read_only):
        assert run(FASTACT_CACHE_DIR=str(unusable)) == expected
    for path in list(kernel_files(folder)):  # folders where files should be: neither readable nor replaceable
        path.unlink()
        path.mkdir()
    assert run() == expected


def test_cache_without_a_home(run_python, tmp_path):
    environment = {"FASTACT_CACHE_DIR": "", "HOME": "/proc/none", "XDG_CACHE_HOME": ""}
    assert run_python(SHORT, **environment) == run_python(SHORT)


@pytest.mark.parametrize("enabled", [True, False])
def test_a_compilation_leaves_the_garbage_collector_as_it_was(enabled):
    (gc.enable if enabled else gc.disable)()
    try:
        with pytest.raises(TypingError):
            compile_function(lambda number: number.no_such_attribute, "intp(intp)", "cannot_compile")
        assert gc.isenabled() == enabled
    finally:
        gc.enable()


def test_two_processes_fill_one_cache(run_python, tmp_path):
    script = f"""
import subprocess, sys
command = [sys.executable, "-W", "error", "-c", {SHORT!r}]
processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
printed = {{process.communicate()[0] for process in processes}}
print(len(printed), [process.returncode for process in processes])
"""
    assert run_python(script, FASTACT_CACHE_DIR=str(tmp_path / "shared")) == "1 [0, 0, 0]"


def test_editing_any_source_file_invalidates_the_cache(filled_cache, tmp_path):
    folder, run, expected = filled_cache
    package = tmp_path / "copy" / "fastact"
    for path in Path(fa.__file__).parent.rglob("*.py*"):
        if path.suffix in {".py", ".pyi"}:
            copied = package / path.relative_to(Path(fa.__file__).parent)
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.write_bytes(path.read_bytes())
    before = kernel_files(folder)
    assert run(PYTHONPATH=str(package.parent)) == expected
    assert kernel_files(folder) == before  # the same sources elsewhere are no other
    helper = next((package / "_math").glob("[a-z]*.py"))
    helper.write_text(helper.read_text() + "\n# edited\n")
    assert run(PYTHONPATH=str(package.parent)) == expected
    assert len(kernel_files(folder)) == 2 * len(before)


MACHINE_CODE = """
import platform, re
import numpy as np
import fastact as fa
from fastact._definition import registry
from fastact._engine.cache import compiled_functions

LIBM = (
    r"(?:exp|exp2|expm1|log|log1p|tanh|sin|cos|atan|erfc?|pow|sqrt|fma|floor|rint|round|ldexp|frexp|fmin|fmax|fmod)f?"
)
CALL = re.compile(rf"\\b(?:callq?|jmpq?|bl?)\\b\\W*({LIBM})\\b|movabsq?\\s+\\$({LIBM}),")
X86 = platform.machine() in ("x86_64", "AMD64")
VECTOR = re.compile(r"%[yz]mm\\d" if X86 else r"\\bv\\d+\\.[24][sd]\\b")
PACKED_FMA = re.compile(r"\\bvfn?m\\w+p[sd]\\b.*%[yz]mm" if X86 else r"\\bfml[as]\\b.*\\.(2d|4s)")
DOUBLE = re.compile(r"\\bv(?!mov)\\w+pd\\b.*%[yz]mm" if X86 else r"\\bf\\w+\\b.*\\.2d")
UNALIGNED = re.compile(r"\\bvmov(?:up[sd]|dqu)\\b.*(?:%[yz]mm.*\\(%rsp\\)|\\(%rsp\\).*%[yz]mm)")
EXPONENTIAL = 8  # what an exponential takes of these
EXPONENTIALS = ("softmax", "softmin", "log_softmax", "logsumexp")
BY_LARGEST = ("softmax", "softmin", "log_softmax")  # from x, in float32: a loop for moderate rows, one for the others
FROM_OUTPUT = (("softmax", "backward_from_output"), ("softmin", "backward_from_output"))  # need none
known = set()
x = np.ones(3, "f4")
def checked_assembly_of(kernel):
    # Of the optimised code that the cache holds: the same whether the kernel is compiled here or was by another test.
    library = compiled_functions()[kernel]._library
    assembly = library.codegen._tm.emit_assembly(library._get_module_for_linking())
    for called in CALL.findall(assembly):
        print(kernel, "calls", *called)
    if UNALIGNED.search(assembly):
        print(kernel, "has vectors across two lines of the cache")
    return assembly
for dtype in ("f4", "f8"):
    for name in fa.names(kind="elementwise"):
        activation = fa.get(name)
        activation(x.astype(dtype)), activation.derivative(x)
        for kernel in sorted(set(compiled_functions()) - known):
            assembly = checked_assembly_of(kernel)
            if kernel.startswith(name + "-") and not VECTOR.search(assembly):
                print(kernel, "has no vector instructions")
            direction = kernel.removeprefix(name + "-").split("-")[0]
            forms = (direction + "_single", direction + "_single_at_defaults")
            is_single = dtype == "f4" and any(form in registry[name].formulas for form in forms)
            if kernel.startswith(name + "-") and is_single and DOUBLE.search(assembly):
                print(kernel, "computes vectors of float64")
        known |= set(compiled_functions())
few, many = np.ones((2, 3), "f4"), np.ones((9, 3), "f4")  # kernels along rows, and across those that lie side by side
for rows, dtype in ((few, "f4"), (many, "f4"), (few, "f8"), (many, "f8")):
    for name in fa.names(kind="axiswise"):
        axiswise, more = fa.get(name), (1,) if name == "maxout" else ()
        for direction in axiswise.info.directions:
            function = axiswise if direction == "value" else getattr(axiswise, direction)
            operands = [rows.astype(dtype)] * (1 if direction == "value" else 2)
            if axiswise.info.reduces and direction == "backward" and not more:
                operands[0] = operands[0][:, 0]
            function(*operands, *more)
            for kernel in sorted(set(compiled_functions()) - known):
                assembly = checked_assembly_of(kernel)
                if kernel.startswith((name, "largest", "smallest", "sums")) and not VECTOR.search(assembly):
                    print(kernel, "has no vector instructions")
                exponential = name in EXPONENTIALS and kernel.startswith(name) and (name, direction) not in FROM_OUTPUT
                loops = 2 if dtype == "f4" and name in BY_LARGEST and direction != "backward_from_output" else 1
                if exponential and len(PACKED_FMA.findall(assembly)) < loops * EXPONENTIAL:
                    print(kernel, "has a scalar exponential")
            known |= set(compiled_functions())
print(sum(kernel.partition("-")[0] in fa.names() for kernel in known))
"""


def test_machine_code_is_vectorised_and_calls_no_libm(run_python):
    *complaints, kernels = run_python(MACHINE_CODE).splitlines()
    assert not complaints
    assert int(kernels) >= 3 * len(ELEMENTWISE)


NEEDED = """
import numpy as np
import fastact as fa
from fastact._engine.cache import compiled_functions
x = np.ones((64, 200), "f4")
apart, long = x[:, ::2], np.ones((1, 1_000_000), "f4")
calls = {
    "small": lambda: fa.sigmoid(x[0]),
    "gradients": lambda: fa.leaky_relu.parameter_gradients(apart, apart, 0.1),
    "large": lambda: fa.sigmoid(long),
    "apart": lambda: fa.sigmoid(apart),
    "rows": lambda: fa.softmax(x),
    "rows apart": lambda: fa.softmax(apart),
    "a long row": lambda: fa.softmax(long),
    "thresholds": lambda: fa.sparsemax(x),
}
known = set()
for name, call in calls.items():
    call()
    parts = {name for name in compiled_functions() if name.startswith("run_")}
    print(name + ":", *sorted(parts - known))
    known |= parts
"""


def test_a_call_compiles_the_parts_that_its_arrays_need(run_python):
    assert run_python(NEEDED, NUMBA_NUM_THREADS="2").splitlines() == [
        "small: run_ufunc_loop",
        "gradients: run_any_job run_reduction_worker",
        "large: run_worker",
        "apart: run_blocks",
        "rows: run_gufunc_loop run_rows_worker",
        "rows apart: run_move_block",
        "a long row: run_chunks_worker",
        "thresholds: run_find_thresholds",
    ]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", HAVE_MODERATE_NUMBERS)
def test_large_numbers_do_not_change_the_bits_of_others(name, dtype):
    activation, random = fa.get(name), np.random.default_rng(4)
    x, grad = random.normal(0, 30, 5000).astype(dtype), random.normal(0, 1, 5000).astype(dtype)
    large = x.copy()
    large[::97] = np.resize([1e30, -np.inf, np.nan, 3e6], large[::97].size)
    others = np.arange(len(x)) % 97 != 0
    frequency = np.full(len(x), 0.7, dtype)
    for of in (
        activation,
        activation.derivative,
        functools.partial(activation.backward, grad),
        lambda x: activation(x, frequency),
        lambda x: activation.parameter_gradients(grad, x, frequency)[0],
    ):
        assert of(x)[others].tobytes() == of(large)[others].tobytes()


ALONE = """
import os
import fastact as fa
from fastact._engine.blocks import block_kernel
names = fa.names(kind="elementwise")
block_kernel("identity", "value", "float32", 1, 0)  # uses no helper, and warms Numba up
for name in names:
    child = os.fork()
    if child == 0:
        block_kernel(name, "derivative", "float32", 1, len(fa.get(name).info.parameters))
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        print(name)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, to start from nothing compiled")
def test_every_kernel_compiles_before_any_other(run_python):
    ignored = {"PYTHONWARNINGS": "ignore:.*fork:DeprecationWarning"}
    assert run_python(ALONE, FASTACT_CACHE="0", **ignored) == ""


FLAGS = """
import ctypes, ctypes.util, platform
import numpy as np
import fastact as fa
libm = ctypes.CDLL(ctypes.util.find_library("m"))
every_flag = 0x1D if platform.machine() in ("x86_64", "AMD64") else 0x0F  # but inexact, which Python raises itself
extremes = np.array([-np.inf, np.inf, np.nan, 1e38, -1e38, -104, -88.5, 0.3, 1e-45, 5], "f4")
for size in (10, 2**21):
    x = np.resize(extremes, size)
    for name in fa.names(kind="elementwise"):
        for function in (fa.get(name), fa.get(name).derivative):
            out = function(x)
            libm.feclearexcept(every_flag)
            function(x, out=out)
            if libm.fetestexcept(every_flag):
                print(name, size, libm.fetestexcept(every_flag))
"""


@pytest.mark.skipif(os.name != "posix", reason="reads the flags through libm")
def test_floating_point_flags_are_left_as_found(run_python):
    assert run_python(FLAGS) == ""


@pytest.mark.parametrize("name", ["relu", "sigmoid", "gelu", "prelu"])
def test_streamed_results_have_the_same_bits(name, threads):
    x = np.resize(np.random.default_rng(0).normal(0, 3, 99_991).astype("f4"), 2**24 + 13)
    expected = fa.get(name)(x[:99_991])
    for count in (1, 2):
        threads(count)
        assert_array_equal(fa.get(name)(x), np.resize(expected, x.size))
        out = np.empty(x.size + 16, "f4")
        for shift in (0, 1, 3):  # stores past the cache want aligned lines: start off one
            fa.get(name)(x, out=out[shift : shift + x.size])
            assert_array_equal(out[shift : shift + x.size], np.resize(expected, x.size))


@pytest.mark.parametrize(
    "call",
    [
        lambda x, out: fa.gelu(x, out=out),
        lambda x, out: fa.gelu.backward(x, x, out=out),
        lambda x, out: fa.gelu(x[::-1], out=out),
        lambda x, out: fa.gelu(x.reshape(4096, -1).T, out=out.reshape(-1, 4096)),
        lambda x, out: fa.prelu(x.reshape(64, 64, -1), np.ones((64, 1), "f4"), out=out.reshape(64, 64, -1)),
        lambda x, out: fa.softmax(x.reshape(4096, -1), out=out.reshape(4096, -1)),
        lambda x, out: fa.softmax(x.reshape(4096, -1), axis=0, out=out.reshape(4096, -1)),
        lambda x, out: fa.elu.parameter_gradients(out, x, 1.0),
    ],
    ids=[
        "value",
        "backward",
        "reversed",
        "transposed",
        "prelu",
        "softmax",
        "softmax axis 0",
        "parameter gradient",
    ],
)
def test_memory_beyond_the_result(call):
    x, out = np.ones(2**24, "f4"), np.ones(2**24, "f4")
    call(x, out)  # compiles, starts the threads
    tracemalloc.start()
    before = reset_peak_memory()
    call(x, out)
    peak, allocated = memory("VmHWM"), tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert allocated <= 2**20
    assert peak - before <= 2**20


def memory(field: str) -> int:
    """This process's resident memory now (VmRSS) or at most (VmHWM), in bytes; 0 where Linux is not."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def reset_peak_memory() -> int:
    """Make VmHWM start again from the memory in use, which is returned."""
    clear = Path("/proc/self/clear_refs")
    if not clear.exists():
        return 0
    clear.write_text("5")
    return memory("VmRSS")


def test_kernels_of_another_process_do_not_take_the_place_of_ones_own(tmp_path):
    # What two functions have in common, made in two processes at the same count of functions, once had one symbol.
    script = (
        "import sys, numpy as np, fastact as fa\n"
        "grad, x = np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0])\n"
        "for name in sys.argv[1:]:\n"
        "    function = getattr(fa, name)\n"
        "    from_output = function.backward_from_output(grad, function(x))\n"
        "    np.testing.assert_allclose(from_output, function.backward(grad, x), rtol=1e-12)\n"
    )
    environment = os.environ | {"FASTACT_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", script, "softmax"], env=environment, check=True)
    for file in tmp_path.rglob("*.bin"):
        if not file.name.startswith("softmax-backward_from_output"):
            file.unlink()
    subprocess.run([sys.executable, "-c", script, "log_softmax", "softmax"], env=environment, check=True)
