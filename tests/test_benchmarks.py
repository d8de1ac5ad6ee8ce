"""The suites in benchmarks/ load, cover the registry, and run."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import fastact as fa
from benchmarks import calls, losses, peers, start

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("suite", [calls.Value, calls.Derivative, calls.Backward])
def test_suites_cover_the_registry(suite):
    names, sizes, dtypes = suite.params
    assert names == [name for name in fa.names() if suite.direction in fa.get(name).info.directions]
    assert sizes == (100, 10_000, 1_000_000, 16_000_000)
    assert dtypes == ("float32", "float64")


@pytest.mark.parametrize("suite", [calls.Value, calls.Derivative, calls.Backward, calls.AllThreads])
def test_suites_run(suite, threads):
    threads(fa.get_num_threads())  # AllThreads changes it; the fixture changes it back
    for name in suite.params[0]:
        benchmark = suite()
        benchmark.setup(name, 1_000, "float32")
        benchmark.time_new_result(name, 1_000, "float32")
        benchmark.time_out(name, 1_000, "float32")


def test_losses_run(threads):
    for name in fa.names("loss"):
        benchmark = losses.Loss()
        benchmark.setup(name, (10, 3), "float32")
        benchmark.time_value(name, (10, 3), "float32")
        benchmark.time_value_and_gradient(name, (10, 3), "float32")


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
