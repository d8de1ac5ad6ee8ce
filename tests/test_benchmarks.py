"""The suites in benchmarks/ load, cover the registry, and run."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from asv.config import Config

import fastact as fa
from benchmarks import calls, cuda, figures, losses, peers, start
from fastact._accuracy.cases import Case

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("suite", [calls.Value, calls.Derivative, calls.Backward])
def test_suites_cover_the_registry(suite):
    names, sizes, dtypes = suite.params
    assert names == [name for name in fa.names() if suite.direction in fa.get(name).info.directions]
    assert sizes == (100, 10_000, 1_000_000, 16_000_000)
    assert dtypes == ("float32", "float64")


def suites(module):
    """The suites of a module."""
    own = [
        member for member in vars(module).values() if inspect.isclass(member) and member.__module__ == module.__name__
    ]
    return [suite for suite in own if not suite.__name__.startswith("_")]


BOTH_WAYS = [suite for suite in suites(calls) if hasattr(suite, "time_out")]
ONE_WAY = [suite for suite in suites(calls) if suite not in BOTH_WAYS]


def test_every_direction_has_a_suite():
    measured = {(name, suite.direction) for suite in suites(calls) for name in suite.params[0]}
    offered = {(name, direction) for name in fa.names() for direction in fa.get(name).info.directions}
    offered |= {(name, "parameter_gradients") for name in fa.names("elementwise") if fa.get(name).info.parameters}
    assert measured == offered
    timed = {name.removeprefix("time_") for name in dir(losses.Loss) if name.startswith("time_")}
    assert {direction for name in fa.names("loss") for direction in fa.get(name).info.directions} == timed
    assert losses.Loss.params[0] == fa.names("loss")


@pytest.mark.parametrize("suite", BOTH_WAYS)
def test_suites_run(suite, threads):
    threads(fa.get_num_threads())  # AllThreads changes it; the fixture changes it back
    for name in suite.params[0]:
        benchmark = suite()
        benchmark.setup(name, 1_000, "float32")
        benchmark.time_new_result(name, 1_000, "float32")
        benchmark.time_out(name, 1_000, "float32")


@pytest.mark.parametrize("suite", ONE_WAY)
def test_suites_of_other_directions_run(suite):
    for name in suite.params[0][:2]:
        benchmark = suite()
        benchmark.setup(name, 1_000, "float32")
        benchmark.time_new_result(name, 1_000, "float32")


def test_losses_run(threads):
    for name in fa.names("loss"):
        benchmark = losses.Loss()
        benchmark.setup(name, (10, 3), "float32")
        benchmark.time_value(name, (10, 3), "float32")
        benchmark.time_value_and_gradient(name, (10, 3), "float32")
        benchmark.time_backward(name, (10, 3), "float32")


@pytest.mark.parametrize("direction", figures.TRAINING)
@pytest.mark.parametrize("name", ["relu", "softmax", "maxout", "glu", "crelu"])
def test_relative_figures(name, direction, monkeypatch, threads):
    threads(fa.get_num_threads())
    monkeypatch.setattr(figures, "SECONDS", 1e-3)
    monkeypatch.setattr(figures, "SIZE", 500_000)
    for suite in (figures.Copying, figures.PlainFormula):
        if name in suite.params[0]:
            assert 0 < suite().track_relative_time(name, direction) < 1e4
    assert 0 < figures.Memory().track_temporary(name, direction) < 20_000  # the operands take 2,000,000 bytes each


def test_a_temporary_array_shows(monkeypatch):
    monkeypatch.setattr(figures, "SIZE", 10_000)
    monkeypatch.setattr("fastact._command_line.operands.Operation.into_result", lambda self: self.new())
    assert figures.Memory().track_temporary("relu", "value") > 40_000


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_errors_are_the_same_each_time(dtype, monkeypatch):
    errors = [figures.Error().track_worst("tanh", "value", dtype) for _ in range(2)]
    assert 0.4 < errors[0] == errors[1] <= Case("tanh", "value", dtype).bound
    monkeypatch.setattr(Case, "evaluate", lambda case, x: x + 1)
    with pytest.raises(ArithmeticError, match=f"tanh value {dtype}"):
        figures.Error().track_worst("tanh", "value", dtype)


def test_first_call_is_measured():
    suite = start.FirstCall()
    assert 0 < suite.track_cached("relu", "value") < suite.track_cold("relu", "value") < 60


def test_import_statements_run():
    for name, method in inspect.getmembers(start.Import(), inspect.ismethod):
        assert name.startswith("timeraw_")
        exec(method(), {})


def test_asv_accepts_configuration_and_suites():
    command = [sys.executable, "-m", "asv", "check", "--environment", "existing:same"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr


def test_each_benchmark_has_one_threshold():
    """asv takes the largest that matches, and 5 % where none does."""
    modules = {module.__name__.rpartition(".")[2]: module for module in (calls, cuda, figures, losses, start)}
    listed = {file.stem for file in (ROOT / "benchmarks").glob("*.py")}
    assert listed - {"__init__", "peers", "publish"} == set(modules)
    benchmarks = [f"{name}.{suite.__name__}." for name, module in modules.items() for suite in suites(module)]
    thresholds = Config.load(str(ROOT / "asv.conf.json")).regressions_thresholds
    matches = [[regex for regex in thresholds if re.match(regex, benchmark)] for benchmark in benchmarks]
    assert [len(found) for found in matches] == [1] * len(benchmarks)
    assert {regex for found in matches for regex in found} == set(thresholds)
    assert thresholds[r"figures\.Error\."] == 0


def test_peers_prints_a_table(monkeypatch, capsys, threads):
    threads(1)
    command = ["peers.py", "relu", "tanh", "--sizes", "1000", "--seconds", "1e-3"]
    monkeypatch.setattr(sys, "argv", command)
    monkeypatch.setattr(peers, "SECONDS_PER_TURN", 1e-3)
    peers.main()
    out, err = capsys.readouterr()
    assert "something else" not in err
    for label in ("relu value", "tanh value", "relu backward", "tanh backward", "ahead in"):
        assert label in out


def test_peers_prints_a_table_of_rows(monkeypatch, capsys, threads):
    threads(1)
    monkeypatch.setattr(sys, "argv", ["peers.py", "softmax", "--rows", "--seconds", "1e-3"])
    monkeypatch.setattr(peers, "SECONDS_PER_TURN", 1e-3)
    monkeypatch.setattr(peers, "ROWS", (((8, 5), -1), ((8, 5), 0)))
    peers.main()
    out, err = capsys.readouterr()
    assert "something else" not in err
    for label in ("softmax value (8, 5)", "softmax backward from x (8, 5) columns", "ahead in"):
        assert label in out
