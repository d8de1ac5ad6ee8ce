"""``python -m fastact``: list, info, bench, audit and apply."""

import dataclasses
import io
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import fastact as fa
from fastact.__main__ import main
from fastact._accuracy import measured
from fastact._accuracy.cases import Case
from fastact._command_line import apply, plain
from fastact._command_line.operands import directions

BAD_INPUT = 2


@pytest.fixture
def run(capsys):
    """Run a command in this process; return its exit code, stdout and stderr."""

    def run(*argv):
        try:
            code = main([str(argument) for argument in argv])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def refused(run):
    """Run a command that must end in a one-line error; return the error."""

    def refused(*argv):
        code, out, err = run(*argv)
        assert code == BAD_INPUT
        assert out == ""
        assert re.fullmatch(r"fastact: error: .+\n", err)
        return err

    return refused


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of its own to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(name, array):
    np.save(name, array)
    return array


def in_new_process(code, *argv, **options):
    return subprocess.Popen([sys.executable, "-c", code, *map(str, argv)], stderr=subprocess.PIPE, **options)


# --- list, info -------------------------------------------------------------------------------------


def test_list_names_every_activation_with_family_and_summary(run):
    code, out, err = run("list")
    assert (code, err) == (0, "")
    rows = [re.split(r"\s{2,}", line) for line in out.splitlines()]
    infos = [fa.get(name).info for name in fa.names()]
    assert rows == [[info.name, info.family, info.summary] for info in infos]


@pytest.mark.parametrize("name", fa.names())
def test_info_tells_every_fact(run, name):
    code, out, _ = run("info", name)
    assert code == 0
    info = fa.get(name).info
    words = " ".join(out.split())
    for text in (info.summary, info.formula, info.saturation, info.use, info.avoid):
        assert " ".join(text.split()) in words
    assert all(text in words for text in (*info.papers, *info.aliases, *info.directions))
    for field in dataclasses.fields(info):
        value = getattr(info, field.name)
        if field.name not in ("name", "summary", "notes", "formulas") and value and not callable(value):
            assert re.search(rf"^{field.name.replace('_', ' ')} ", out, re.MULTILINE)


def test_info_takes_aliases(run):
    assert run("info", fa.silu.info.aliases[0]) == run("info", "silu")


@pytest.mark.parametrize("command", [["info", "gelo"], ["bench", "gelo"], ["apply", "gelo", "in", "out"]])
def test_unknown_name_suggests_the_nearest(refused, command):
    assert "'gelu'" in refused(*command)


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["lisst"],
        ["apply", "relu"],
        ["bench", "--sizes", "none"],
        ["bench", "--sizes", "0"],
        ["bench", "--dtype", "int8"],
        ["bench", "--seconds", "-1"],
        ["apply", "elu", "in.npy", "out.npy", "--param", "alpha"],
        ["apply", "softmax", "in.npy", "out.npy", "--axis", "last"],
    ],
)
def test_wrong_command_line_is_one_line(refused, command):
    assert "--help" in refused(*command)


@pytest.mark.parametrize("command", [[], ["bench"], ["apply"], ["list"], ["info"]])
def test_help(run, command):
    code, out, _ = run(*command, "--help")
    assert code == 0
    assert out.startswith("usage: fastact")


def test_version(run):
    assert run("--version") == (0, f"fastact {fa.__version__}\n", "")


def test_closed_pipe_ends_quietly():
    reader, writer = os.pipe()
    os.close(reader)
    process = in_new_process("import sys; from fastact.__main__ import main; sys.exit(main(['list']))", stdout=writer)
    os.close(writer)
    _, err = process.communicate()
    assert err == b""
    assert process.returncode == 128 + signal.SIGPIPE


# --- bench ------------------------------------------------------------------------------------------


def test_bench_prints_four_figures_for_each_direction_and_size(run):
    code, out, err = run("bench", "relu", "softmax", "maxout", "--sizes", "100,1e3", "--seconds", "1e-3")
    assert (code, err) == (0, "")
    assert f"numpy {np.__version__}" in out
    rows = {" ".join(line.split()[:2]): line.split()[2:] for line in out.splitlines()[-7:]}
    assert list(rows) == [f"{name} {d}" for name in ("relu", "softmax", "maxout") for d in directions(name)]
    for label, cells in rows.items():
        assert len(cells) == (6 if label == "maxout backward" else 8)  # which has no plain formula
        assert all(float(cell) >= 0 for cell in cells)


@pytest.mark.parametrize("direction", ["value", "derivative", "backward"])
@pytest.mark.parametrize("name", fa.names())
def test_plain_formulas_compute_the_same(name, direction):
    formula = plain.formula(name, direction)
    if formula is None or direction not in directions(name):
        pytest.skip("NumPy has none")
    x = np.linspace(-8, 8, 4004).reshape(2, -1)
    if name == "maxout":
        np.testing.assert_array_equal(formula(x), fa.maxout(x, 2))
        return
    function = fa.get(name) if direction == "value" else getattr(fa.get(name), direction)
    info = fa.get(name).info
    grad = np.cos(np.split(x, 2, -1)[0] if info.gate else x[:, 0] if info.reduces else x)
    operands = (grad, x) if direction == "backward" else (x,)
    np.testing.assert_allclose(formula(*operands), function(*operands), rtol=1e-6, atol=1e-12)


# --- audit ------------------------------------------------------------------------------------------


@pytest.fixture
def record(tmp_path, monkeypatch):
    """A record of measurements of its own."""
    monkeypatch.setattr(measured, "FILE", tmp_path / "measured.json")
    for function in (measured.load, measured.save):
        monkeypatch.setattr(function, "__defaults__", (tmp_path / "measured.json",))
    return measured


def test_audit_tells_errors_and_where(run, folder):
    code, out, err = run("audit", "silu", "--directions", "value,derivative", "--points", 50, "--json", "found.json")
    assert (code, err) == (0, "")
    assert out.endswith("8 of 8 cases keep every promise\n")
    found = json.loads((folder / "found.json").read_text())
    places = [(entry["direction"], entry["dtype"]) for entry in found]
    assert places == [(d, t) for d in ("value", "derivative") for t in ("float16", "bfloat16", "float32", "float64")]
    for entry in found:
        assert 0.4 < entry["ulp"] <= entry["bound"]
        assert entry["got"] == pytest.approx(entry["expected"], rel=0.01)
        assert f"{entry['ulp']:.4f}" in out


def test_audit_takes_each_value_of_parameters(run):
    _, out, _ = run("audit", "leaky_relu", "--directions", "derivative", "--dtype", "float16")
    for label in ("leaky_relu  ", "leaky_relu(negative_slope=0.2)", "leaky_relu(negative_slope=2)"):
        assert label in out
    _, out, _ = run("audit", "leaky_relu", "--parameters", "default", "--dtype", "float16")
    assert "negative_slope" not in out


def test_audit_fails_where_a_promise_is_broken(run, monkeypatch):
    monkeypatch.setattr(Case, "bound", 0.25)
    code, out, _ = run("audit", "silu", "--dtype", "float16", "--directions", "value")
    assert code == 1
    assert "BROKEN: more than 0.25 ULP" in out
    assert "0 of 1 cases" in out


def test_audit_saves_line_by_line_and_leaves_out_what_it_has(run, record):
    command = ("audit", "relu", "--dtype", "float16", "--save")
    run(*command, "--directions", "value")
    (first,) = record.load().values()
    assert (first.name, first.direction, first.points, first.every) == ("relu", "value", 65536, True)
    _, out, _ = run(*command, "--missing")
    assert "2 of 2 cases" in out
    assert len(record.load()) == 3
    lines = record.FILE.read_text().splitlines()
    assert len(lines) == 5
    assert lines[1:4] == sorted(lines[1:4])
    _, out, _ = run("audit", "relu", "--dtype", "float32", "--save", "--missing", "--directions", "value")
    _, out, _ = run("audit", "relu", "--dtype", "float32", "--save", "--missing", "--directions", "value")
    assert "0 of 0 cases" in out


def test_audit_sets_peers_beside_it(run, folder):
    run("audit", "silu", "--dtype", "float32", "--directions", "value", "--against", "scipy", "--json", "found.json")
    own, peer = json.loads((folder / "found.json").read_text())
    assert (own["library"], peer["library"]) == ("fastact", "numpy/scipy")
    assert float(peer["ulp"]) > 2 * own["ulp"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["gelo"], "did you mean 'gelu'"),
        (["softmax"], "softmax works along an axis"),
        (["gelu", "--directions", "third"], "'third' is not a list of value, derivative"),
        (["gelu", "--points", "0"], "'0' is not a positive number"),
        (["gelu", "--against", "keras"], "'keras' is not a list of torch, jax"),
    ],
)
def test_audit_refuses(refused, options, message):
    assert message in refused("audit", *options)


@pytest.mark.parametrize(("module", "dtype"), [("mpmath", "float64"), ("ml_dtypes", "bfloat16")])
def test_audit_says_what_is_not_installed(module, dtype, run_python):
    script = f"""
import importlib.util, io, sys
from contextlib import redirect_stderr
sys.modules[{module!r}] = None
find, importlib.util.find_spec = importlib.util.find_spec, lambda name: None if name == {module!r} else find(name)
from fastact.__main__ import main
from fastact._accuracy import measured
from fastact._accuracy.cases import Case
with redirect_stderr(io.StringIO()) as errors:
    code = main(["audit", "relu", "--dtype", {dtype!r}])
print(code, errors.getvalue(), end="")
"""
    last = run_python(script).splitlines()[-1]
    assert last.startswith("2 fastact: error: ")
    assert f"pip install {module}" in last


# --- apply ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", ">f8", "int32", "uint8"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0), (5000,), (70, 30), (3, 4, 50), (2, 3, 4, 5, 6)])
def test_apply_elementwise(run, folder, monkeypatch, shape, order, dtype):
    monkeypatch.setattr(apply, "BLOCK_BYTES", 1000)
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
@pytest.mark.parametrize("command", [["softmax"], ["log_softmax"], ["logsumexp"], ["maxout", "--param", "pieces=2"]])
def test_apply_axiswise(run, folder, monkeypatch, command, order, axis):
    monkeypatch.setattr(apply, "BLOCK_BYTES", 1000)
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
    assert run("apply", "logsumexp", "in.npy", "out.npy")[0] == 0
    np.testing.assert_array_equal(np.load("out.npy"), fa.logsumexp(x))
    assert run("apply", "logsumexp", "in.npy", "out.npy", "--param", "keepdims=1")[0] == 0
    np.testing.assert_array_equal(np.load("out.npy"), fa.logsumexp(x, keepdims=True))


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
        (["relu", "folder.npy", "out.npy"], "not a regular file"),
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
    monkeypatch.setattr(apply, "BLOCK_BYTES", 1000)
    x = save("in.npy", np.linspace(-3, 3, 10_000))
    assert run("apply", "tanh", "in.npy", "out.npy")[0] == 0
    np.testing.assert_array_equal(np.load("out.npy"), fa.tanh(x))
    assert os.stat("out.npy").st_blocks * 512 >= x.nbytes


SLOW_APPLY = """
import sys
import signal
# What a shell does for a command in the foreground, whoever runs these tests.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
from fastact.__main__ import main
from fastact._accuracy import measured
from fastact._accuracy.cases import Case
from fastact._command_line import apply
apply.BLOCK_BYTES = 4
sys.exit(main(["apply", "relu", "in.npy", "out.npy"]))
"""


@pytest.mark.parametrize(
    ("number", "code", "left"),
    [(signal.SIGTERM, 143, 0), (signal.SIGHUP, 129, 0), (signal.SIGINT, 130, 0), (signal.SIGKILL, -9, 1)],
)
def test_a_killed_apply_leaves_no_result(folder, number, code, left):
    save("in.npy", np.ones(1_000_000, np.float32))
    process = in_new_process(SLOW_APPLY)
    deadline = time.monotonic() + 60
    while not [path for path in folder.glob(".fastact-*") if path.stat().st_size > 4_000_000]:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert b"Traceback" not in err
    assert not os.path.exists("out.npy")
    assert len(os.listdir()) == 1 + left


PEAK_MEMORY = """
import resource, sys
from fastact.__main__ import main
from fastact._accuracy import measured
from fastact._accuracy.cases import Case
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
    monkeypatch.setattr(apply, "BLOCK_BYTES", 4000)
    monkeypatch.setattr("fastact._command_line.progress._SECONDS_BETWEEN_UPDATES", 0)
    monkeypatch.setattr(sys, "stderr", Terminal())
    save("in.npy", np.ones(4000, np.float32))
    assert main(["apply", "relu", "in.npy", "out.npy"]) == 0
    drawn = sys.stderr.getvalue()
    assert [int(share) for share in re.findall(r"(\d+)%", drawn)] == [0, 25, 50, 75, 100]
    assert drawn.endswith("\r\x1b[K")
