"""``python -m fastact apply``: files, folders and Zarr stores, and going on after a kill."""

import dataclasses
import io
import os
import re
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest
import xarray
import zarr

import fastact as fa
from fastact.__main__ import main
from fastact._command_line import blocks
from fastact._command_line.task import Task


def save(name, array):
    np.save(name, array)
    return array


def in_new_process(code, *argv, **options):
    return subprocess.Popen([sys.executable, "-c", code, *map(str, argv)], stderr=subprocess.PIPE, **options)


# --- files ------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", ">f8", "int32", "uint8"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0), (5000,), (70, 30), (3, 4, 50), (2, 3, 4, 5, 6)])
def test_apply_elementwise(run, folder, monkeypatch, shape, order, dtype):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1000)
    x = save("in.npy", np.asarray(np.random.default_rng(0).normal(0, 3, shape), dtype, order=order))
    assert run("apply", "elu", "in.npy", "out.npy", "--param", "alpha=0.5") == (0, "", "")
    expected, result = fa.elu(x, alpha=0.5), np.load("out.npy")
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)
    if x.ndim > 1 and x.size:
        assert result.flags.f_contiguous == x.flags.f_contiguous
    assert sorted(os.listdir()) == ["in.npy", "out.npy"]


@pytest.mark.parametrize("axis", [None, 0, 1, 2, -1, -2, -3])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("command", [["softmax"], ["log_softmax"], ["maxout", "--param", "pieces=2"]])
def test_apply_axiswise(run, folder, monkeypatch, command, order, axis):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1000)
    name, *options = command
    x = save("in.npy", np.asarray(np.random.default_rng(0).normal(0, 3, (6, 40, 8)), np.float32, order=order))
    axes = {} if axis is None else {"axis": axis}
    options += [f"--axis={axis}"] if axes else []
    assert run("apply", name, "in.npy", "out.npy", *options) == (0, "", "")
    pieces = {"pieces": 2} if name == "maxout" else {}
    np.testing.assert_array_equal(np.load("out.npy"), fa.get(name)(x, **pieces, **axes))


def test_apply_axiswise_to_one_axis(run, folder):
    x = save("in.npy", np.linspace(-3, 3, 100_000))
    assert run("apply", "softmax", "in.npy", "out.npy", "--axis", "0")[0] == 0
    np.testing.assert_array_equal(np.load("out.npy"), fa.softmax(x))
    assert run("apply", "maxout", "in.npy", "out.npy", "--param", "pieces=4")[0] == 0
    np.testing.assert_array_equal(np.load("out.npy"), fa.maxout(x, 4))


def test_apply_derivative_and_dtype(run, folder):
    x = save("in.npy", np.linspace(-3, 3, 1000))
    assert run("apply", "gelu", "in.npy", "out.npy", "--derivative", "--dtype", "float32")[0] == 0
    np.testing.assert_array_equal(np.load("out.npy"), fa.gelu.derivative(x.astype(np.float32)))


def test_apply_takes_a_parameter_that_is_a_word(run, folder):
    x = save("in.npy", np.linspace(-3, 3, 1000))
    assert run("apply", "gelu", "in.npy", "out.npy", "--param", "approximate=tanh")[0] == 0
    np.testing.assert_array_equal(np.load("out.npy"), fa.gelu(x, approximate="tanh"))


def test_apply_onto_its_input(run, folder):
    x = save("same.npy", np.linspace(-3, 3, 1000))
    os.chmod("same.npy", 0o640)
    os.symlink("same.npy", "link.npy")
    assert run("apply", "tanh", "same.npy", "link.npy")[0] == 0
    np.testing.assert_array_equal(np.load("same.npy"), fa.tanh(x))
    assert os.path.islink("link.npy")
    assert os.stat("same.npy").st_mode & 0o777 == 0o640


def bad_files():
    """Make files that cannot be applied to."""
    np.save("good.npy", np.ones(3))
    np.save("objects.npy", np.array([None]), allow_pickle=True)
    np.save("text.npy", np.array(["a", "b"]))
    np.save("complex.npy", np.ones(3, complex))
    np.save("records.npy", np.zeros(3, [("a", "f4")]))
    np.savez("many.npz", a=np.ones(3))
    open("empty.npy", "wb").close()
    with open("good.npy", "rb") as file, open("cut.npy", "wb") as cut:
        cut.write(file.read()[:-1])
    os.mkdir("folder.npy")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["relu", "missing.npy", "out.npy"], "missing.npy: No such file"),
        (["relu", "objects.npy", "out.npy"], "objects"),
        (["relu", "text.npy", "out.npy"], "relu"),
        (["relu", "complex.npy", "out.npy"], "complex128"),
        (["relu", "records.npy", "out.npy"], "relu"),
        (["relu", "many.npz", "out.npy"], "not a complete .npy file"),
        (["relu", "empty.npy", "out.npy"], "not a complete .npy file"),
        (["relu", "cut.npy", "out.npy"], "not a complete .npy file"),
        (["relu", "folder.npy", "out.npy"], "holds no .npy file"),
        (["relu", "good.npy", "folder.npy"], "not a regular file"),
        (["relu", "good.npy", "nowhere/out.npy"], "cannot write"),
        (["relu", "good.npy", os.devnull], "not a regular file"),
        (["relu", "good.npy", "out.npy", "--axis", "0"], "--axis"),
        (["relu", "good.npy", "out.npy", "--param", "alpha=1"], "alpha"),
        (["softmax", "good.npy", "out.npy", "--axis", "1"], "axis 1"),
        (["softmax", "good.npy", "out.npy", "--derivative"], "derivative"),
        (["softplus", "good.npy", "out.npy", "--param", "beta=0"], "beta"),
        (["gelu", "good.npy", "out.npy", "--param", "approximate=erf"], "approximate"),
        (["maxout", "good.npy", "out.npy"], "pieces"),
        (["softmax_cross_entropy", "good.npy", "out.npy"], "is a loss"),
    ],
)
def test_apply_refuses(refused, folder, arguments, says):
    bad_files()
    before = sorted(os.listdir())
    assert says in refused("apply", *arguments)
    assert sorted(os.listdir()) == before


def test_apply_refuses_a_write_protected_result(refused, folder, monkeypatch):
    save("in.npy", np.ones(3))
    kept = save("out.npy", np.zeros(3))
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # the tests may run as root, who may do anything
    assert "write-protected" in refused("apply", "relu", "in.npy", "out.npy")
    np.testing.assert_array_equal(np.load("out.npy"), kept)


def test_apply_to_a_full_disk(refused, folder):
    save("in.npy", np.ones(1_000_000))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        refused("apply", "relu", "in.npy", "out.npy")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir() == ["in.npy"]


def test_apply_where_the_system_cannot_reserve_space(run, folder, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1000)
    x = save("in.npy", np.linspace(-3, 3, 10_000))
    assert run("apply", "tanh", "in.npy", "out.npy")[0] == 0
    np.testing.assert_array_equal(np.load("out.npy"), fa.tanh(x))
    assert os.stat("out.npy").st_blocks * 512 >= x.nbytes


PEAK_MEMORY = """
import resource, sys
from fastact.__main__ import main
for name in ("small.npy", "large.npy"):
    assert main(["apply", sys.argv[1], name, "out.npy"]) == 0
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.parametrize("name", ["relu", "softmax"])
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
def test_apply_takes_bounded_memory(folder, name):
    save("small.npy", np.ones((8_000, 1_000), np.float32))
    large = np.lib.format.open_memmap("large.npy", "w+", np.float32, (100_000, 1_000))
    large[:, ::100] = 1
    del large
    process = in_new_process(PEAK_MEMORY, name, stdout=subprocess.PIPE, text=True)
    out, err = process.communicate()
    assert process.returncode == 0, err
    small, large = map(int, out.split())
    assert large - small < 8_000  # kB; the files have 400 MB


class Terminal(io.StringIO):
    """A stderr that a person looks on."""

    def isatty(self):
        return True


def test_apply_shows_progress_to_a_person(folder, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 4000)
    monkeypatch.setattr("fastact._command_line.progress._SECONDS_BETWEEN_UPDATES", 0)
    monkeypatch.setattr(sys, "stderr", Terminal())
    save("in.npy", np.ones(4000, np.float32))
    assert main(["apply", "relu", "in.npy", "out.npy"]) == 0
    drawn = sys.stderr.getvalue()
    assert [int(share) for share in re.findall(r"(\d+)%", drawn)] == [0, 25, 50, 75, 100]
    assert drawn.endswith("\r\x1b[K")


# --- going on after a kill ------------------------------------------------------------------------------

IN_SMALL_STEPS = """
import os, signal, sys, threading, time
# What a shell does for a command in the foreground, whoever runs these tests.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
from fastact.__main__ import main
from fastact._command_line import blocks, journal, npy_files
blocks.BLOCK_BYTES, npy_files.SECONDS_BETWEEN_ENTRIES = 4000, 0
record = journal.Journal.record
entries = 0

def record_and_wait(self, key, value):
    global entries
    record(self, key, value)
    entries += key != "task"
    if entries == int(sys.argv[1]):
        print("here", flush=True)
        time.sleep(60)

journal.Journal.record = record_and_wait
sys.exit(main(sys.argv[2:]))
"""


def stop_after(entries, number, *argv):
    """Start a command, send it a signal when its journal has so many entries; return its exit code and stderr."""
    process = in_new_process(IN_SMALL_STEPS, entries, *argv, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "here\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, err


@pytest.fixture
def begun(monkeypatch):
    """What is applied to in small steps from here on, in the order in which it is."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 4000)
    shapes, function = [], Task.of

    def counted(arguments):
        task = function(arguments)

        def counting(array, **keywords):
            shapes.append(array.shape)
            return task.function(array, **keywords)

        return dataclasses.replace(task, function=counting)

    monkeypatch.setattr(Task, "of", counted)
    return shapes


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGKILL, -9)]
)
def test_a_stopped_apply_leaves_no_result_and_is_gone_on_with(run, refused, folder, begun, number, code):
    x = save("in.npy", np.linspace(-3, 3, 10_000, dtype="f4"))
    stopped, err = stop_after(6, number, "apply", "tanh", "in.npy", "out.npy")  # input, 0 blocks, 4 of 10 blocks
    assert stopped == code
    assert ("the same command goes on from here" in err) == (number == signal.SIGINT)
    assert not os.path.exists("out.npy")
    assert len(os.listdir()) == 3
    for other in (["relu"], ["tanh", "--derivative"], ["tanh", "--dtype", "float64"]):
        err = refused("apply", *other[:1], "in.npy", "out.npy", *other[1:])
        assert "another command" in err
        assert "--restart" in err
    assert run("apply", "tanh", "in.npy", "out.npy") == (0, "", "")
    assert begun.count((1000,)) == 6
    np.testing.assert_array_equal(np.load("out.npy"), fa.tanh(x))
    assert sorted(os.listdir()) == ["in.npy", "out.npy"]


def test_apply_does_not_go_on_with_another_input(run, folder, begun):
    save("in.npy", np.ones(10_000, "f4"))
    stop_after(6, signal.SIGKILL, "apply", "tanh", "in.npy", "out.npy")
    x = save("in.npy", np.linspace(-3, 3, 10_000, dtype="f4"))
    assert run("apply", "tanh", "in.npy", "out.npy") == (0, "", "")
    np.testing.assert_array_equal(np.load("out.npy"), fa.tanh(x))


def test_apply_begins_anew_if_told_to(run, folder, begun):
    x = save("in.npy", np.linspace(-3, 3, 10_000, dtype="f4"))
    stop_after(6, signal.SIGKILL, "apply", "tanh", "in.npy", "out.npy")
    assert run("apply", "relu", "in.npy", "out.npy", "--restart") == (0, "", "")
    np.testing.assert_array_equal(np.load("out.npy"), fa.relu(x))
    assert sorted(os.listdir()) == ["in.npy", "out.npy"]


def test_apply_passes_over_what_a_kill_cut_off_in_the_journal(run, refused, folder, begun):
    x = save("in.npy", np.linspace(-3, 3, 10_000, dtype="f4"))
    stop_after(6, signal.SIGKILL, "apply", "tanh", "in.npy", "out.npy")
    (journal,) = folder.glob(".fastact-*.journal")
    whole = journal.read_bytes()
    journal.write_bytes(b"?" + whole)
    assert "damaged; add --restart" in refused("apply", "tanh", "in.npy", "out.npy")
    journal.write_bytes(whole + b'["blocks", 9')
    assert run("apply", "tanh", "in.npy", "out.npy")[0] == 0
    assert begun.count((1000,)) == 6
    np.testing.assert_array_equal(np.load("out.npy"), fa.tanh(x))


def test_apply_refuses_a_second_run_into_the_same_result(refused, folder):
    save("in.npy", np.ones(10_000, "f4"))
    process = in_new_process(IN_SMALL_STEPS, 4, "apply", "tanh", "in.npy", "out.npy", stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout.readline() == "here\n"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(blocks, "BLOCK_BYTES", 4000)
            assert "out.npy: another run is writing it" in refused("apply", "tanh", "in.npy", "out.npy")
        process.kill()


# --- folders ------------------------------------------------------------------------------------------------


def make_folder():
    """A folder of files of several shapes, one of them large; return what is in it by name."""
    os.makedirs("in/deep/er")
    random = np.random.default_rng(0)
    arrays = {
        "a.npy": random.normal(size=(3, 4)).astype("f4"),
        "b.npy": np.float64(0.5),
        "c.npy": np.asfortranarray(random.normal(size=(90, 100)).astype("f4")),
        "deep/a.npy": np.empty((0, 3), "f2"),
        "deep/er/z.npy": np.arange(10),
    }
    for name, array in arrays.items():
        np.save(f"in/{name}", array)
    (open("in/notes.txt", "w")).close()
    return arrays


def assert_applied(function, arrays):
    for name, array in arrays.items():
        result = np.load(f"out/{name}")
        np.testing.assert_array_equal(result, function(array), strict=True)
    files = [os.path.join(place, name) for place, _, names in os.walk("out") for name in names]
    assert sorted(files) == sorted(["out/.fastact-journal", *(f"out/{name}" for name in arrays)])


def test_apply_to_a_folder(run, folder, begun):
    arrays = make_folder()
    assert run("apply", "tanh", "in", "out") == (0, "", "")
    assert_applied(fa.tanh, arrays)
    begun.clear()
    code, out, err = run("apply", "tanh", "in", "out")
    assert (code, out) == (0, "")
    assert "5 of 5 files of out are finished already" in err
    assert all(0 in shape for shape in begun)  # samples
    arrays["a.npy"] = save("in/a.npy", np.ones((2, 2), "f4"))
    os.remove("out/b.npy")
    assert "3 of 5" in run("apply", "tanh", "in", "out")[2]
    assert_applied(fa.tanh, arrays)


@pytest.mark.parametrize("entries", [2, 7], ids=["between files", "within a file"])
def test_a_killed_apply_to_a_folder_is_gone_on_with(run, refused, folder, begun, entries):
    arrays = make_folder()
    code, _ = stop_after(entries, signal.SIGKILL, "apply", "tanh", "in", "out")
    assert code == -9
    assert not os.path.exists("out/c.npy")
    assert "another command" in refused("apply", "relu", "in", "out")
    assert "2 of 5 files" in run("apply", "tanh", "in", "out")[2]
    assert (3, 4) not in begun
    assert_applied(fa.tanh, arrays)
    assert "another command" in refused("apply", "relu", "in", "out")
    assert run("apply", "relu", "in", "out", "--restart") == (0, "", "")
    assert_applied(fa.relu, arrays)


def test_apply_to_a_folder_refuses_before_it_writes(refused, folder):
    make_folder()
    save("file.npy", np.ones(3))
    np.save("in/deep/records.npy", np.zeros(3, [("a", "f4")]))
    assert "in/deep/records.npy: relu does not take" in refused("apply", "relu", "in", "out")
    os.remove("in/deep/records.npy")
    np.save("in/deep/objects.npy", np.array([None]), allow_pickle=True)
    assert "in/deep/objects.npy: not a complete .npy file" in refused("apply", "relu", "in", "out")
    os.remove("in/deep/objects.npy")
    assert "in/b.npy: axis" in refused("apply", "softmax", "in", "out")
    for place in ("in", "in/deep", "in/new", "."):
        assert "one folder lies in the other" in refused("apply", "relu", "in", place)
    assert "not a folder" in refused("apply", "relu", "in", "file.npy")
    os.mkdir("empty")
    assert "holds no .npy file" in refused("apply", "relu", "empty", "out")
    assert sorted(os.listdir()) == ["empty", "file.npy", "in"]


def test_apply_to_a_folder_on_a_full_disk(run, refused, folder):
    small, large = np.ones(10, "f4"), np.ones(1_000_000, "f4")
    os.mkdir("in")
    save("in/a.npy", small)
    save("in/b.npy", large)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        assert "out/b.npy: " in refused("apply", "relu", "in", "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(os.listdir("out")) == [".fastact-journal", "a.npy"]
    assert "1 of 2 files" in run("apply", "relu", "in", "out")[2]
    assert_applied(fa.relu, {"a.npy": small, "b.npy": large})


# --- Zarr stores ----------------------------------------------------------------------------------------------


def make_store(path="in.zarr", version=3, **options):
    x = np.random.default_rng(0).normal(0, 3, (60, 70)).astype("f4")
    keywords = {"chunks": (20, 30), "zarr_format": version, "attributes": {"units": "V"}} | options
    zarr.create_array(path, shape=x.shape, dtype=x.dtype, **keywords)[...] = x
    return x


@pytest.mark.parametrize("version", [2, 3])
def test_apply_to_a_zarr_array(run, folder, monkeypatch, version):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 4000)
    x = make_store(version=version)
    assert run("apply", "tanh", "in.zarr", "out.zarr") == (0, "", "")
    before, after = (zarr.open_array(path, mode="r") for path in ("in.zarr", "out.zarr"))
    np.testing.assert_array_equal(after[...], fa.tanh(x), strict=True)
    assert after.metadata.zarr_format == version
    assert (after.chunks, after.compressors, after.attrs.asdict()) == (
        before.chunks,
        before.compressors,
        {"units": "V"},
    )
    assert sorted(os.listdir()) == ["in.zarr", "out.zarr"]


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("command", [["softmax"], ["logsumexp"], ["swiglu"], ["maxout", "--param", "pieces=5"]])
def test_apply_to_a_zarr_array_along_an_axis(run, folder, monkeypatch, command, axis):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 4000)
    x = make_store(shards=(40, 60))
    assert run("apply", *command, "in.zarr", "out.zarr", "--axis", axis) == (0, "", "")
    expected = fa.get(command[0])(x, *([5] if "maxout" in command else []), axis=axis)
    result = zarr.open_array("out.zarr", mode="r")
    np.testing.assert_allclose(result[...], expected, rtol=3e-7, atol=1e-9)
    assert (result.dtype, result.shape) == (expected.dtype, expected.shape)


def test_apply_to_a_zarr_array_that_is_mostly_missing(run, folder):
    zarr.create_array("in.zarr", shape=(100,), chunks=(10,), dtype="f8", fill_value=2.0)[:10] = -1
    assert run("apply", "tanh", "in.zarr", "out.zarr", "--dtype", "float32") == (0, "", "")
    result = zarr.open_array("out.zarr", mode="r")
    assert result.fill_value == fa.tanh(np.float32(2))
    assert result.nchunks_initialized == 1
    np.testing.assert_array_equal(result[...], fa.tanh(np.repeat(np.float32([-1, 2]), [10, 90])), strict=True)


@pytest.mark.filterwarnings("ignore:Consolidated metadata:UserWarning")
@pytest.mark.parametrize("version", [2, 3])
def test_apply_to_the_zarr_store_of_a_dataset(run, folder, version):
    x = np.random.default_rng(0).normal(0, 3, (6, 8)).astype("f4")
    coordinates = {"row": np.arange(6), "column": np.arange(8.0), "height": ("row", np.ones(6))}
    dataset = xarray.Dataset({"x": (("row", "column"), x, {"units": "V"})}, coordinates, {"title": "t"})
    dataset.to_zarr("in.zarr", zarr_format=version)
    assert run("apply", "softmax", "in.zarr", "out.zarr") == (0, "", "")
    xarray.testing.assert_identical(
        xarray.open_zarr("out.zarr").load(), dataset.assign(x=dataset.x.copy(data=fa.softmax(x)))
    )
    assert run("apply", "logsumexp", "in.zarr", "short.zarr") == (0, "", "")
    expected = dataset.drop_vars("column").assign(x=("row", fa.logsumexp(x), {"units": "V"}))
    xarray.testing.assert_identical(xarray.open_zarr("short.zarr").load(), expected)


def test_a_killed_apply_to_a_zarr_store_is_gone_on_with(run, refused, folder, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 4000)
    x = make_store()
    code, _ = stop_after(4, signal.SIGKILL, "apply", "tanh", "in.zarr", "out.zarr")  # input, 3 of 9 blocks
    assert code == -9
    assert not os.path.exists("out.zarr")
    assert "another command" in refused("apply", "relu", "in.zarr", "out.zarr")
    (journal,) = folder.glob(".fastact-*.journal")
    assert journal.read_text().count("array") == 3
    (partial,) = folder.glob(".fastact-*.zarr")
    done = sorted(path for path in partial.glob("c/*/*"))
    written = [path.stat().st_mtime_ns for path in done]
    assert run("apply", "tanh", "in.zarr", "out.zarr") == (0, "", "")
    assert [(folder / "out.zarr" / path.relative_to(partial)).stat().st_mtime_ns for path in done] == written
    np.testing.assert_array_equal(zarr.open_array("out.zarr", mode="r")[...], fa.tanh(x))
    assert sorted(os.listdir()) == ["in.zarr", "out.zarr"]
    assert "out.zarr: exists already" in refused("apply", "tanh", "in.zarr", "out.zarr")


def test_apply_refuses_a_zarr_store_of_text(refused, folder):
    zarr.create_array("in.zarr", shape=(3,), dtype="U4", zarr_format=2)
    assert "in.zarr: relu does not take <U4" in refused("apply", "relu", "in.zarr", "out.zarr")
    zarr.create_group("empty.zarr")
    assert "holds no array" in refused("apply", "relu", "empty.zarr", "out.zarr")
    assert sorted(os.listdir()) == ["empty.zarr", "in.zarr"]


@pytest.mark.parametrize("module", ["zarr", "dask"])
def test_apply_says_what_zarr_stores_need(run_python, folder, module):
    make_store()
    script = f"""
import sys
sys.modules[{module!r}] = None
sys.stderr = sys.stdout
from fastact.__main__ import main
print(main(["apply", "relu", {str(folder / "in.zarr")!r}, "out.zarr"]))
"""
    error, code = run_python(script).splitlines()
    assert code == "2"
    assert error.startswith("fastact: error: Zarr stores need zarr and dask: pip install 'fastact[zarr]'")
