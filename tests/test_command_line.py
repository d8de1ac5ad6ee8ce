"""``python -m fastact``: list, info, bench, audit and apply."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

import fastact as fa
from fastact._accuracy import measured
from fastact._accuracy.cases import Case
from fastact._command_line import plain
from fastact._command_line.operands import directions


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


@pytest.mark.parametrize(
    "command",
    [[], *([name] for name in ("bench", "apply", "diagnose", "compare", "list", "info", "plot", "gallery"))],
)
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


def test_bench_writes_its_figures_down(run, folder):
    options = ("relu", "maxout", "--sizes", "100", "--seconds", "1e-3", "--dtype", "float64")
    code, out, err = run("bench", *options, "--json", "figures.json")
    assert (code, err) == (0, "")
    found = json.loads((folder / "figures.json").read_text())
    assert f"numpy {np.__version__}" in found["machine"]
    assert found["dtype"] == "float64"
    assert [row["name"] for row in found["rows"]] == ["relu"] * 3 + ["maxout"] * 2
    for row, line in zip(found["rows"], out.splitlines()[-5:], strict=True):
        plain = [f"{row['plain'] / row['new']:.1f}"] if row["plain"] else []
        cells = [f"{row['out']:.3f}", f"{row['copyto'] / row['out']:.2f}", f"{row['new']:.3f}", *plain]
        assert line.split() == [row["name"], row["direction"], *cells]
    assert run("gallery", "-o", "gallery.html", "--speed", "figures.json") == (0, "", "")


def test_bench_says_before_the_work_what_it_cannot_write(refused, folder):
    assert "none: No such file or directory" in refused("bench", "relu", "--json", "none/figures.json")


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
    grad = np.cos(fa.get(name)(x))
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
with redirect_stderr(io.StringIO()) as errors:
    code = main(["audit", "relu", "--dtype", {dtype!r}])
print(code, errors.getvalue(), end="")
"""
    last = run_python(script).splitlines()[-1]
    assert last.startswith("2 fastact: error: ")
    assert f"pip install {module}" in last
