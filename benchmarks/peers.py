"""Time fastact beside PyTorch, JAX, ONNX Runtime and NumPy/SciPy, in turns within one run.

    python benchmarks/peers.py                              # the whole table
    python benchmarks/peers.py gelu silu --sizes 1000000    # a part of it
    python benchmarks/peers.py --shapes                     # operands that NumPy cannot coalesce
    python benchmarks/peers.py --rows                       # functions along an axis, of short rows to one long one
    python benchmarks/peers.py --losses                     # losses beside PyTorch's, and with their gradients

Peers that are not installed are left out. Up to 10,000 elements all of them run on one thread (but JAX, which
keeps those it started with). Figures are ns per element, the best of many runs; the last column is the best
peer's time over fastact's, above 1 where fastact is ahead. Every library makes a new result; with --out those
that can write into a given array do so.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

import fastact
from fastact._command_line.machine import facts
from fastact._command_line.operands import LOSS_SHAPES, directions, loss_operands, required_parameters
from fastact._command_line.peers import Call, Case, if_it_works, installed_peers
from fastact._command_line.timing import best_in_turns

ONE_THREAD_UP_TO = 10_000  # elements
ROWS = (((1_000_000, 10), -1), ((1000, 1000), -1), ((32, 50_257), -1), ((1, 10_000_000), -1), ((1000, 1000), 0))
SECONDS_PER_TURN = 0.03  # three times what an idle thread pool spins for


def fastact_call(case: Case) -> Call:
    """Prepare fastact's own call."""
    function = fastact.get(case.name)
    if case.direction == "backward":
        function = function.backward_from_output if case.backward_takes_output else function.backward
    operands = case.operands_from_output
    if not case.out:
        return lambda: function(*operands, **case.options)
    result = np.empty_like(operands[-1])
    return lambda: function(*operands, **case.options, out=result)


# --- the tables ---------------------------------------------------------------------------------


def compare_peers(arguments: argparse.Namespace) -> None:
    """Print one row for each size, direction and activation."""
    peers = installed_peers()
    table = Table(["fastact", *(peer.name for peer in peers)], arguments.seconds)
    all_threads = fastact.get_num_threads()
    for size in arguments.sizes:
        threads = 1 if size <= ONE_THREAD_UP_TO else all_threads
        fastact.set_num_threads(threads)
        for direction in arguments.directions:
            for name in arguments.names or fastact.names():
                if direction in directions(name) and not required_parameters(fastact.get(name)):
                    case = Case.make(name, direction, size, arguments.dtype, arguments.out)
                    calls = {peer.name: peer.call(case, threads) for peer in peers}
                    table.row(f"{name} {direction} {size:,}", fastact_call(case), calls, case.x.size)
    table.summary()


def compare_shapes(arguments: argparse.Namespace) -> None:
    """Print one row for each kind of operands that NumPy hands to a ufunc in many short runs."""
    import torch

    table = Table(["fastact", "torch"], arguments.seconds)
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
    table.summary()


def compare_rows(arguments: argparse.Namespace) -> None:
    """Print one row for each shape, function along an axis and direction, gradients from y and from x."""
    peers = installed_peers()
    table = Table(["fastact", *(peer.name for peer in peers)], arguments.seconds)
    threads, random = fastact.get_num_threads(), np.random.default_rng(0)
    for shape, axis in ROWS:
        x, grad = random.normal(0, 2, (2, *shape)).astype(arguments.dtype)
        for name in arguments.names or ("softmax", "log_softmax"):
            y = fastact.get(name)(x, axis=axis)
            for direction in arguments.directions:
                for from_x in (False, True) if direction == "backward" else (False,):
                    case = Case(name, direction, x, y, grad, arguments.out, axis, from_x)
                    calls = {peer.name: peer.call(case, threads) for peer in peers}
                    label = f"{name} {direction}{' from x' * from_x} {shape}{' columns' * (axis == 0)}"
                    table.row(label, fastact_call(case), calls, x.size)
    table.summary()


def compare_losses(arguments: argparse.Namespace) -> None:
    """Print one row for each loss and shape, for the value and for both value and gradient."""
    import torch

    functional = torch.nn.functional
    theirs = {
        "softmax_cross_entropy": functional.cross_entropy,
        "sigmoid_binary_cross_entropy": functional.binary_cross_entropy_with_logits,
    }
    table = Table(["fastact", "torch"], arguments.seconds)
    torch.set_num_threads(fastact.get_num_threads())
    for name in arguments.names or fastact.names("loss"):
        for shape in LOSS_SHAPES:
            logits, labels = loss_operands(name, shape, arguments.dtype)
            tensors = torch.from_numpy(logits), torch.from_numpy(labels)
            own, label = fastact.get(name), f"{name.partition('_')[0]} {shape}"
            table.row(
                f"{label} value", partial(own, logits, labels), {"torch": partial(theirs[name], *tensors)}, logits.size
            )
            both = partial(own.value_and_gradient, logits, labels)
            calls = {"torch": partial(_with_gradient, theirs[name], *tensors)}
            table.row(f"{label} and gradient", lambda both=both: both()[1], calls, logits.size)
    table.summary()


def _with_gradient(loss: Call, logits: Any, labels: Any) -> Any:
    """PyTorch's gradient of a loss, by its own tape."""
    logits = logits.detach().requires_grad_()
    loss(logits, labels).backward()
    return logits.grad


class Table:
    """A printed table, and the ratios in its last column."""

    def __init__(self, columns: list[str], seconds: float) -> None:
        self.columns, self.seconds = columns, seconds
        self.ratios: list[float] = []
        self._print("ns per element", [*columns, "ratio"])

    def row(self, label: str, own: Call, others: Mapping[str, Call | None], size: int) -> None:
        """Time fastact and the others in turns, and print a row."""
        calls = {"fastact": own, **{name: call for name, call in others.items() if call is not None}}
        for name, call in calls.items():
            _warn_if_different(label, name, call(), own())
        best = best_in_turns(calls, self.seconds, SECONDS_PER_TURN)
        cells = [f"{best[column] / size * 1e9:.3f}" if column in best else "" for column in self.columns]
        fastest_peer = min((best[name] for name in calls if name != "fastact"), default=None)
        if fastest_peer is not None:
            self.ratios.append(fastest_peer / best["fastact"])
            cells.append(f"{self.ratios[-1]:.2f}")
        self._print(label, cells)

    def summary(self) -> None:
        """Print in how many rows fastact is ahead."""
        if self.ratios:
            ahead, rows = sum(ratio >= 1 for ratio in self.ratios), len(self.ratios)
            share = f"{ahead} of {rows} rows ({ahead / rows:.0%})"
            print(f"\nahead in {share}; the lowest ratio is {min(self.ratios):.2f}")

    def _print(self, label: str, cells: list[str]) -> None:
        print((label.ljust(50) + "".join(cell.rjust(13) for cell in cells)).rstrip(), flush=True)


def _warn_if_different(label: str, peer: str, theirs: Any, ours: Any) -> None:
    theirs, ours = (np.ravel(np.atleast_1d(result)[:100])[:10_000] for result in (theirs, ours))
    if not np.allclose(theirs, ours, rtol=1e-2, atol=1e-3):
        print(f"{label}: {peer} computes something else", file=sys.stderr)


def main() -> None:
    """Parse the command line and print a table."""
    description, _, notes = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=description, epilog=notes, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="activations (default: all)")
    add("--sizes", type=_numbers, default=[10_000, 1_000_000, 16_000_000], metavar="N,N,...")
    add("--directions", type=_directions, default=["value", "backward"], metavar="value,backward")
    add("--dtype", choices=("float32", "float64"), default="float32")
    add("--out", action="store_true", help="write into a given array")
    add("--shapes", action="store_true", help="time operands that NumPy cannot coalesce instead")
    add("--rows", action="store_true", help="time functions along an axis instead")
    add("--losses", action="store_true", help="time losses instead")
    add("--seconds", type=float, default=0.8, help="time for each row (default: %(default)s)")
    tables = {"shapes": compare_shapes, "rows": compare_rows, "losses": compare_losses}
    arguments = parser.parse_args()
    print(facts(), end="\n\n")
    warnings.simplefilter("ignore")  # plain formulas overflow
    compare = next((table for option, table in tables.items() if getattr(arguments, option)), compare_peers)
    compare(arguments)


def _numbers(text: str) -> list[int]:
    return [int(float(number)) for number in text.split(",")]


def _directions(text: str) -> list[str]:
    chosen = text.split(",")
    if not {"value", "backward"}.issuperset(chosen):
        raise argparse.ArgumentTypeError("choose from value,backward")
    return chosen


if __name__ == "__main__":
    main()
