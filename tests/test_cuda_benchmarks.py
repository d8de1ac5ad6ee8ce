"""What times functions on a GPU: its clock on a made-up one, everything else in Numba's simulator."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import fastact as fa
from benchmarks import cuda as suites
from fastact._command_line import gpu

NO_DEVICE = "no CUDA device was found; check"


# --- the clock --------------------------------------------------------------------------------------


class Machine:
    """A host and a GPU, each with a clock in microseconds; the GPU does in order what the host has queued."""

    def __init__(self):
        self.host = self.device = 0.0

    def queue(self, work, host):
        self.host += host
        self.device = max(self.device, self.host) + work

    def event(self):
        return Event(self)

    def kernel(self):
        return {(128, 1): lambda microseconds: self.queue(microseconds, host=5)}


class Event:
    def __init__(self, machine):
        self.machine = machine

    def record(self):
        self.at = max(self.machine.device, self.machine.host)

    def query(self):
        return self.at <= self.machine.host

    def synchronize(self):
        self.machine.host = max(self.machine.host, self.at)

    def elapsed_time(self, later):
        return (later.at - self.at) / 1e3


@pytest.fixture
def machine(monkeypatch):
    machine = Machine()
    monkeypatch.setattr(gpu.target, "cuda", lambda: machine)
    monkeypatch.setattr(gpu, "_waiting_kernel", machine.kernel)
    return machine


@pytest.mark.parametrize("number", [1, 30])
def test_timer_leaves_out_what_queueing_takes(machine, number):
    timer = gpu.EventTimer(lambda: machine.queue(10, host=50))
    assert timer.timeit(number) == pytest.approx(number * 10e-6)
    assert timer.wait > 50 * (number - 1)  # it has grown to what is needed, and is not given up


def test_timer_waits_longer_than_the_first_call_compiles(machine):
    hosts = [1e6]
    timer = gpu.EventTimer(lambda: machine.queue(10, host=hosts.pop() if hosts else 50))
    assert timer.timeit(1) == pytest.approx(10e-6)


def test_timer_takes_calls_that_wait_as_they_are(machine):
    def call():
        machine.queue(10, host=50)
        machine.host = machine.device

    timer = gpu.EventTimer(call)
    assert timer.timeit(3) == pytest.approx(3 * 60e-6)
    before = machine.host
    timer.timeit(3)
    assert machine.host - before == pytest.approx(3 * 60)  # it has stopped to make the GPU wait


# --- what there is ----------------------------------------------------------------------------------


@pytest.fixture
def no_device(monkeypatch):
    def refuse():
        raise RuntimeError(NO_DEVICE)

    monkeypatch.setattr(gpu.target, "require_device", refuse)


def test_bench_says_that_there_is_no_device(refused, no_device):
    assert f"--device cuda: {NO_DEVICE}" in refused("bench", "relu", "--device", "cuda")


@pytest.mark.parametrize(("suite", "given"), [(suites.Value, ()), (suites.Rows, ((2, 8), "value"))])
def test_asv_leaves_out_what_needs_a_device(suite, given, no_device):
    with pytest.raises(NotImplementedError, match=NO_DEVICE):
        suite().setup("softmax", *given)


def test_suites_cover_the_registry():
    for suite in (suites.Value, suites.Derivative, suites.Backward):
        assert suite.params == ([name for name in fa.names() if suite.direction in fa.get(name).info.directions],)
    assert suites.Rows.params[0] == fa.names("axiswise")
    names, _, directions = suites.Loss.params
    assert names == fa.names("loss")
    assert all(fa.get(name).info.directions == directions for name in names)


def test_what_does_not_fit_is_refused(monkeypatch):
    context = SimpleNamespace(get_memory_info=lambda: SimpleNamespace(free=8e9, total=9e9))
    monkeypatch.setattr(gpu.target, "cuda", lambda: SimpleNamespace(current_context=lambda: context))
    with pytest.raises(MemoryError, match=re.escape("28.0 GB of the GPU, which has 8.0 left")):
        gpu.timing("relu", "value", 1_000_000_000, "float32", 1.0)


@pytest.mark.parametrize("name", ["NVIDIA H200", b"NVIDIA H200"])
def test_the_card_is_named(monkeypatch, name):
    device = SimpleNamespace(name=name, compute_capability=(9, 0), MULTIPROCESSOR_COUNT=132)
    monkeypatch.setattr(gpu.target, "is_simulated", lambda: False)
    monkeypatch.setattr(gpu.target, "cuda", lambda: SimpleNamespace(get_current_device=lambda: device))
    assert gpu.card() == "NVIDIA H200, compute capability 9.0, 132 multiprocessors"


# --- in the simulator -------------------------------------------------------------------------------

SIMULATED = """
import sys
from benchmarks import cuda, peers
from fastact.__main__ import main

main(["bench", "relu", "logsumexp", "--device", "cuda", "--sizes", "9,12", "--seconds", "1e-6", "--json", sys.argv[1]])
print("=====")

cuda.SECONDS, cuda.SIZE = 1e-6, 8
for suite, given in [
    (cuda.Value, ["relu"]),
    (cuda.Rows, ["logsumexp", (2, 3), "backward"]),
    *[(cuda.Loss, ["sigmoid_binary_cross_entropy", (2, 3), direction]) for direction in cuda.Loss.params[2]],
]:
    benchmark = suite()
    benchmark.setup(*given)
    print(suite.__name__, *given, benchmark.track_relative_time(*given), sep="; ")
print("=====")


class Peer:  # stands in for PyTorch, which has nothing to do with the simulator
    name = "numpy"

    def call(self, case, threads):
        x = case.x.copy_to_host()
        return (lambda: x * (x > 0)) if (case.name, case.direction) == ("relu", "value") else None


peers.CUDA_SECONDS_PER_TURN, peers.CUDA_ROWS, peers.CUDA_LOSS_SHAPES = 1e-6, [((2, 3), 0)], [(2, 3)]
peers.gpu.target.is_simulated, simulated = lambda: False, peers.gpu.target.is_simulated
peers.peers_on_gpu, peers.gpu.fastest_arrays = lambda: [Peer()], peers.gpu.numba_arrays
peers.gpu.card = lambda: "a card"
make = peers.Device.cuda


def cuda():
    device = make()
    peers.gpu.target.is_simulated = simulated
    return device


peers.DEVICES["cuda"] = cuda
names = ["relu", "logsumexp", "sigmoid_binary_cross_entropy"]
sys.argv = ["peers.py", *names, "--device", "cuda", "--markdown", "--sizes", "9", "--seconds", "1e-6"]
peers.main()
"""


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """What the simulator printed, in three parts, and bench's figures."""
    figures = tmp_path_factory.mktemp("simulated") / "figures.json"
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}
    command = [sys.executable, "-W", "error", "-c", SIMULATED, figures]
    root = Path(__file__).parent.parent
    result = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300)
    assert (result.returncode, result.stderr) == (0, "")
    return [part.strip().splitlines() for part in result.stdout.split("=====")], json.loads(figures.read_text())


def test_bench_prints_two_figures_for_each_direction_and_size(simulated):
    (lines, _, _), found = simulated
    assert "simulator" in lines[1]
    rows = ["relu value", "relu derivative", "relu backward", "logsumexp value", "logsumexp backward"]
    assert [re.match("[a-z ]+", line)[0].strip() for line in lines[-5:]] == rows
    assert lines[-6].split() == ["out=", "/copy"] * 2
    assert [f"{row['name']} {row['direction']}" for row in found["rows"][::2]] == rows
    assert [row["size"] for row in found["rows"]] == [9, 12] * 5
    for row in found["rows"]:
        assert row["out"] > 0
        assert f"{row['copy'] / row['out']:.2f}" in " ".join(lines[-5:])
    assert found["machine"] == "\n".join(lines[:2])


def test_gallery_does_not_take_a_gpus_figures(simulated, refused, tmp_path):
    (tmp_path / "gpu.json").write_text(json.dumps(simulated[1]))
    message = refused("gallery", "-o", tmp_path / "gallery.html", "--speed", tmp_path / "gpu.json")
    assert "is not what fastact bench --json writes (without --device)" in message


def test_suites_run(simulated):
    (_, lines, _), _ = simulated
    assert [line.split("; ")[0] for line in lines] == ["Value", "Rows", "Loss", "Loss", "Loss"]
    assert all(float(line.split("; ")[-1]) > 0 for line in lines)


def test_peers_prints_markdown(simulated):
    (_, _, lines), _ = simulated
    date, software, hardware, _, *table, _, ahead = lines
    assert re.fullmatch(r"Measured on \d{4}-\d\d-\d\d\.", date)
    assert software.startswith(f"fastact {fa.__version__}, numba ")
    assert re.fullmatch(r"a card, numpy [\d.]+", hardware)
    assert table[:2] == ["| ns per element | fastact | /copy | numpy | ratio |", "| --- | ---: | ---: | ---: | ---: |"]
    cells = {label: figures for label, *figures in ([cell.strip() for cell in row[1:-1].split("|")] for row in table)}
    assert list(cells)[2:] == [
        *("relu value 9", "logsumexp value 9", "relu backward 9", "logsumexp backward 9"),
        *("logsumexp value (2, 3) columns", "logsumexp backward (2, 3) columns"),
        *("logsumexp backward from x (2, 3) columns", "sigmoid (2, 3) value", "sigmoid (2, 3) and gradient"),
    ]
    assert all(float(own) > 0 and float(copy) >= 0 for own, copy, *_ in list(cells.values())[2:])
    assert [bool(cell) for cell in cells["relu value 9"]] == [True] * 4
    assert cells["relu backward 9"][2:] == ["", ""]
    assert ahead.startswith("ahead in 0 of 1 rows")
