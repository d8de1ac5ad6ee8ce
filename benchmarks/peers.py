"""Time fastact beside PyTorch, JAX, ONNX Runtime and NumPy/SciPy, or on a GPU beside PyTorch and CuPy, in turns.

    python benchmarks/peers.py                              # the whole table
    python benchmarks/peers.py gelu silu --sizes 1000000    # a part of it
    python benchmarks/peers.py --shapes                     # operands that NumPy cannot coalesce
    python benchmarks/peers.py --rows                       # functions along an axis, of short rows to one long one
    python benchmarks/peers.py --losses                     # losses beside PyTorch's, and with their gradients
    python benchmarks/peers.py --device cuda                # all that on a GPU, but --shapes
    python benchmarks/peers.py --device cuda --markdown     # the same as the table for README.md, dated

Peers that are not installed are left out. Up to 10,000 elements all of them run on one thread (but JAX, which
keeps those it started with). Figures are ns per element, the best of many runs; the last column is the best
peer's time over fastact's, above 1 where fastact is ahead. Every library makes a new result; with --out those
that can write into a given array do so.

On a GPU, all of them work on one library's arrays, in new results from its pool of memory: PyTorch's, else CuPy's.
Times are by the GPU's clock. The column /copy is fastact's speed relative to a device-to-device copy of as many bytes
as are read and written (1.00: as fast as copying).
"""

from __future__ import annotations

import argparse
import math
import sys
import timeit
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

import fastact
from fastact._accuracy.cases import direction_of
from fastact._command_line import gpu
from fastact._command_line.machine import facts
from fastact._command_line.operands import (
    DIRECTIONS,
    LOSS_SHAPES,
    NUMPY,
    Library,
    directions,
    loss_operands,
    normal,
    required_parameters,
)
from fastact._command_line.peers import Call, Case, Peer, Torch, if_it_works, installed_peers, peers_on_gpu
from fastact._command_line.timing import Timer, best_in_turns
from fastact._device import is_device_array

ONE_THREAD_UP_TO = 10_000  # elements
ROWS = (((1_000_000, 10), -1), ((1000, 1000), -1), ((32, 50_257), -1), ((1, 10_000_000), -1), ((1000, 1000), 0))
CUDA_ROWS = (((1 << 20, 16), -1), ((65_536, 1024), -1), ((1024, 50_257), -1), ((16, 1 << 22), -1), ((1024, 65_536), 0))
CUDA_LOSS_SHAPES = ((1 << 20, 16), (65_536, 1024), (1024, 50_257))
SECONDS_PER_TURN = 0.03  # three times what an idle thread pool spins for
CUDA_SECONDS_PER_TURN = 0.005


@dataclass(frozen=True)
class Device:
    """Where everything is timed: on whose arrays, by what clock, and beside whom."""

    facts: str
    library: Library
    peers: Sequence[Peer]
    timer: Callable[[Call], Timer]
    sizes: Sequence[int]
    rows: Sequence[tuple[tuple[int, int], int]]
    loss_shapes: Sequence[tuple[int, int]]
    seconds: float  # for each row
    seconds_per_turn: float
    copy_of: Callable[[int], Call] | None = None  # a copy that moves so many bytes, to be timed, too

    @classmethod
    def cpu(cls) -> Device:
        """NumPy's arrays."""
        sizes, peers = (10_000, 1_000_000, 16_000_000), installed_peers()
        return cls(facts(), NUMPY, peers, timeit.Timer, sizes, ROWS, LOSS_SHAPES, 0.8, SECONDS_PER_TURN)

    @classmethod
    def cuda(cls) -> Device:
        """A GPU's arrays."""
        gpu.require()
        peers = [] if gpu.target.is_simulated() else peers_on_gpu()
        versions = [f"{peer.name} {import_module(peer.name).__version__}" for peer in peers]
        named, sizes = ", ".join([facts(gpu.card()), *versions]), (1 << 20, 1 << 26)
        arrays, timing = (gpu.fastest_arrays(), peers, gpu.timer), (0.2, CUDA_SECONDS_PER_TURN, gpu.copy_of)
        return cls(named, *arrays, sizes, CUDA_ROWS, CUDA_LOSS_SHAPES, *timing)


DEVICES = {"cpu": Device.cpu, "cuda": Device.cuda}


def fastact_call(case: Case, library: Library = NUMPY) -> Call:
    """Prepare fastact's own call."""
    function = direction_of(case.name, "backward_from_output" if case.backward_takes_output else case.direction)
    operands = case.operands_from_output
    if not case.out:
        return lambda: function(*operands, **case.options)
    result = library.empty_like(operands[-1])
    return lambda: function(*operands, **case.options, out=result)


def moved(case: Case) -> int:
    """Count the bytes that are read and written."""
    return gpu.moved(*case.operands_from_output, case.y if case.direction == "value" else case.x)


# --- the tables ---------------------------------------------------------------------------------


def compare_peers(arguments: argparse.Namespace, device: Device, table: Table) -> None:
    """Print one row for each size, direction and activation."""
    all_threads = fastact.get_num_threads()
    for size in arguments.sizes or device.sizes:
        threads = 1 if size <= ONE_THREAD_UP_TO else all_threads
        fastact.set_num_threads(threads)
        for direction in arguments.directions:
            for name in arguments.names or fastact.names():
                if direction in directions(name) and not required_parameters(fastact.get(name)):
                    case = Case.make(name, direction, size, arguments.dtype, arguments.out, device.library)
                    calls = {peer.name: peer.call(case, threads) for peer in device.peers}
                    own, elements = fastact_call(case, device.library), math.prod(case.x.shape)
                    table.row(f"{name} {direction} {size:,}", own, calls, elements, moved(case))
    fastact.set_num_threads(all_threads)


def compare_shapes(arguments: argparse.Namespace, device: Device, table: Table) -> None:
    """Print one row for each kind of operands that NumPy hands to a ufunc in many short runs."""
    import torch

    torch.set_num_threads(fastact.get_num_threads())
    random = np.random.default_rng(0)

    images = random.standard_normal((64, 256, 56, 56), np.float32)
    slopes = random.uniform(0, 0.5, (256, 1, 1)).astype(np.float32)
    own = partial(fastact.get("prelu"), images, slopes)
    other = partial(torch.nn.functional.prelu, torch.from_numpy(images), torch.from_numpy(slopes.ravel()))
    table.row("prelu, a slope for each channel", own, {"torch": other}, images.size)

    matrix = random.standard_normal((8000, 4000), np.float32)
    columns, transposed = matrix[:, ::2], np.empty(matrix.shape, np.float32, order="F")
    torch_columns, torch_matrix = torch.from_numpy(columns), torch.from_numpy(matrix)
    for name in arguments.names or ("sigmoid", "tanh", "elu"):
        own = fastact.get(name)
        other = getattr(torch, name, None) or getattr(torch.nn.functional, name)
        calls = {"torch": partial(other, torch_columns)}
        table.row(f"{name}, every second column", partial(own, columns), calls, columns.size)
        result = torch.from_numpy(np.empty_like(transposed))
        calls = {"torch": if_it_works(partial(other, torch_matrix, out=result))}
        table.row(f"{name}, C input, F out", partial(own, matrix, out=transposed), calls, matrix.size)


def compare_rows(arguments: argparse.Namespace, device: Device, table: Table) -> None:
    """Print one row for each shape, function along an axis and direction, gradients from y and from x."""
    threads = fastact.get_num_threads()
    for shape, axis in device.rows:
        x = device.library.from_numpy(normal(shape, arguments.dtype))
        for name in arguments.names or ("softmax", "log_softmax"):
            y = fastact.get(name)(x, axis=axis)
            grad = device.library.from_numpy(-normal(tuple(y.shape), arguments.dtype))
            for direction in (direction for direction in arguments.directions if direction in directions(name)):
                for from_x in (False, True) if direction == "backward" else (False,):
                    case = Case(name, direction, x, y, grad, arguments.out, axis, from_x)
                    calls = {peer.name: peer.call(case, threads) for peer in device.peers}
                    label = f"{name} {direction}{' from x' * from_x} {shape}{' columns' * (axis == 0)}"
                    table.row(label, fastact_call(case, device.library), calls, math.prod(shape), moved(case))


def compare_losses(arguments: argparse.Namespace, device: Device, table: Table) -> None:
    """Print one row for each loss and shape, for the value and for both value and gradient."""
    torch = next((peer.torch for peer in device.peers if isinstance(peer, Torch)), None)
    for name in arguments.names or fastact.names("loss"):
        for shape in device.loss_shapes:
            given = [device.library.from_numpy(array) for array in loss_operands(name, shape, arguments.dtype)]
            own, label = fastact.get(name), f"{name.partition('_')[0]} {shape}"
            value, both = partial(own, *given), partial(own.value_and_gradient, *given)
            theirs, with_gradient = _losses_of(torch, name, given) if torch else ({}, {})
            elements, read = math.prod(shape), gpu.moved(*given)
            table.row(f"{label} value", value, theirs, elements, read)
            written = given[0].nbytes
            table.row(f"{label} and gradient", lambda both=both: both()[1], with_gradient, elements, read + written)


def _losses_of(torch: Any, name: str, given: Sequence[Any]) -> tuple[dict[str, Call], dict[str, Call]]:
    """PyTorch's loss, and its gradient."""
    functional = torch.nn.functional
    losses = {
        "softmax_cross_entropy": functional.cross_entropy,
        "sigmoid_binary_cross_entropy": functional.binary_cross_entropy_with_logits,
    }
    torch.set_num_threads(fastact.get_num_threads())
    loss, tensors = losses[name], [torch.as_tensor(array) for array in given]
    return {"torch": partial(loss, *tensors)}, {"torch": partial(_with_gradient, loss, *tensors)}


def _with_gradient(loss: Call, logits: Any, labels: Any) -> Any:
    """PyTorch's gradient of a loss, by its own tape."""
    logits = logits.detach().requires_grad_()
    loss(logits, labels).backward()
    return logits.grad


class Table:
    """A printed table, and the ratios in its last column."""

    def __init__(self, device: Device, seconds: float, markdown: bool) -> None:
        self.device, self.seconds, self.markdown = device, seconds, markdown
        self.columns = ["fastact", *["/copy"] * (device.copy_of is not None), *(peer.name for peer in device.peers)]
        self.ratios: list[float] = []
        headings = [*self.columns, "ratio"]
        self._print("ns per element", headings)
        if markdown:
            self._print("---", ["---:"] * len(headings))

    def row(self, label: str, own: Call, others: Mapping[str, Call | None], size: int, moved: int = 0) -> None:
        """Time fastact and the others, and a copy of what is moved, in turns, and print a row."""
        calls = {"fastact": own, **{name: call for name, call in others.items() if call is not None}}
        for name, call in calls.items():
            _warn_if_different(label, name, call(), own())
        copies = {} if self.device.copy_of is None else {"copy": self.device.copy_of(moved)}
        best = best_in_turns(calls | copies, self.seconds, self.device.seconds_per_turn, self.device.timer)
        fastest_peer = min((best[name] for name in calls if name != "fastact"), default=None)
        cells = {name: f"{best[name] / size * 1e9:.{4 if copies else 3}f}" for name in calls}
        if copies:
            cells["/copy"] = f"{best['copy'] / best['fastact']:.2f}"
        if fastest_peer is not None:
            self.ratios.append(fastest_peer / best["fastact"])
            cells["ratio"] = f"{self.ratios[-1]:.2f}"
        self._print(label, [cells.get(column, "") for column in (*self.columns, "ratio")])

    def summary(self) -> None:
        """Print in how many rows fastact is ahead."""
        if self.ratios:
            ahead, rows = sum(ratio >= 1 for ratio in self.ratios), len(self.ratios)
            share = f"{ahead} of {rows} rows ({ahead / rows:.0%})"
            print(f"\nahead in {share}; the lowest ratio is {min(self.ratios):.2f}")

    def _print(self, label: str, cells: list[str]) -> None:
        if self.markdown:
            print(f"| {' | '.join([label, *cells])} |", flush=True)
        else:
            print((label.ljust(50) + "".join(cell.rjust(13) for cell in cells)).rstrip(), flush=True)


def _warn_if_different(label: str, peer: str, theirs: Any, ours: Any) -> None:
    theirs, ours = (np.ravel(np.atleast_1d(_on_host(result))[:100])[:10_000] for result in (theirs, ours))
    if not np.allclose(theirs, ours, rtol=1e-2, atol=1e-3):
        print(f"{label}: {peer} computes something else", file=sys.stderr)


def _on_host(result: Any) -> Any:
    """Fetch the first rows of a GPU's array."""
    if not is_device_array(result):
        return result
    from fastact.cuda.arrays import to_host

    return to_host(result[:100] if len(result.shape) else result)


# --- the command line ---------------------------------------------------------------------------

TABLES: dict[str, tuple[Callable[[argparse.Namespace, Device, Table], None], tuple[str, ...]]] = {
    "activations": (compare_peers, ("elementwise", "gated", "joined", "axiswise")),
    "rows": (compare_rows, ("axiswise",)),
    "losses": (compare_losses, ("loss",)),
    "shapes": (compare_shapes, ("elementwise",)),
}


def main() -> None:
    """Parse the command line and print a table."""
    description, _, notes = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=description, epilog=notes, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="activations (default: all)")
    add("--sizes", type=_numbers, metavar="N,N,...")
    add("--directions", type=_directions, default=["value", "backward"], metavar="value,derivative,backward")
    add("--dtype", choices=("float32", "float64"), default="float32")
    add("--device", choices=tuple(DEVICES), default="cpu", help="(default: %(default)s)")
    add("--out", action="store_true", help="write into a given array")
    add("--shapes", action="store_true", help="time operands that NumPy cannot coalesce instead")
    add("--rows", action="store_true", help="time functions along an axis instead")
    add("--losses", action="store_true", help="time losses instead")
    add("--seconds", type=float, help="time for each row (default: 0.8, on a GPU 0.2)")
    add("--markdown", action="store_true", help="print Markdown, with the date")
    arguments = parser.parse_args()
    if arguments.shapes and arguments.device == "cuda":
        parser.error("--shapes is for NumPy's arrays")
    try:
        named = {name: fastact.get(name).info.kind for name in arguments.names}
        device = DEVICES[arguments.device]()
    except ValueError as error:
        parser.exit(2, f"peers.py: error: {error}\n")
    if arguments.markdown:
        print(f"Measured on {datetime.now(UTC):%Y-%m-%d}.")
    print(device.facts, end="\n\n")
    warnings.simplefilter("ignore")  # plain formulas overflow
    table = Table(device, arguments.seconds or device.seconds, arguments.markdown)
    for compare, kinds in _chosen(arguments):
        arguments.names = [name for name, kind in named.items() if kind in kinds]
        if arguments.names or not named:
            compare(arguments, device, table)
    table.summary()


def _chosen(arguments: argparse.Namespace) -> list[tuple[Callable[..., None], tuple[str, ...]]]:
    """Give the tables that are asked for, each with the kinds of function that it takes."""
    asked = [option for option in ("rows", "losses", "shapes") if getattr(arguments, option)]
    by_itself = ["activations", *["rows", "losses"] * (arguments.device == "cuda")]
    return [TABLES[each] for each in asked or by_itself]


def _numbers(text: str) -> list[int]:
    return [int(float(number)) for number in text.split(",")]


def _directions(text: str) -> list[str]:
    chosen = text.split(",")
    if not set(DIRECTIONS).issuperset(chosen):
        raise argparse.ArgumentTypeError(f"choose from {','.join(DIRECTIONS)}")
    return chosen


if __name__ == "__main__":
    main()
