"""Time fastact beside PyTorch, JAX, ONNX Runtime and NumPy/SciPy, in turns within one run.

    python benchmarks/peers.py                              # the whole table
    python benchmarks/peers.py gelu silu --sizes 1000000    # a part of it
    python benchmarks/peers.py --shapes                     # operands that NumPy cannot coalesce

Peers that are not installed are left out. Up to 10,000 elements all of them run on one thread (but JAX, which
keeps those it started with). Figures are ns per element, the best of many runs; the last column is the best
peer's time over fastact's, above 1 where fastact is ahead. Every library makes a new result; with --out those
that can write into a given array do so.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Protocol

import numpy as np

import fastact
from fastact._command_line import plain
from fastact._command_line.machine import facts
from fastact._command_line.operands import directions, operation, required_parameters
from fastact._command_line.timing import best_in_turns

Array = np.ndarray
Call = Callable[[], Any]

ONE_THREAD_UP_TO = 10_000  # elements
SECONDS_PER_TURN = 0.03  # three times what an idle thread pool spins for
FROM_OUTPUT = ("sigmoid", "tanh", "softmax", "log_softmax")  # whose backward PyTorch computes from y


@dataclass(frozen=True)
class Case:
    """What all libraries are asked to do: one direction of one activation, on the same operands."""

    name: str
    direction: str
    x: Array
    y: Array
    grad: Array
    out: bool

    @classmethod
    def make(cls, name: str, direction: str, size: int, dtype: str, out: bool) -> Case:
        """Take the operands that the asv suites take."""
        *_, x = operation(name, "value", size, dtype).operands
        y = fastact.get(name)(x)
        return cls(name, direction, x, y, np.ones_like(y), out)

    @property
    def operands(self) -> tuple[Array, ...]:
        """The operand of the activation, or grad and that of its gradient."""
        return (self.x,) if self.direction == "value" else (self.grad, self.x)

    @property
    def operands_from_output(self) -> tuple[Array, ...]:
        """The same, where y serves in place of x."""
        return (self.grad, self.y) if self.backward_takes_output else self.operands

    @property
    def backward_takes_output(self) -> bool:
        """Whether PyTorch's kernel computes this gradient from y; then fastact does so, too."""
        return self.direction == "backward" and self.name in FROM_OUTPUT


class Peer(Protocol):
    """A library that may be timed."""

    name: str

    def call(self, case: Case, threads: int) -> Call | None:
        """Prepare a call of the library's function, whose result NumPy can read; None where it has none."""


class Torch:
    """PyTorch's eager functions and its backward kernels."""

    name = "torch"

    def __init__(self) -> None:
        import torch

        functional, aten = torch.nn.functional, torch.ops.aten
        self.torch = torch
        self.values = {
            "identity": torch.clone,
            "sigmoid": torch.sigmoid,
            "log_sigmoid": functional.logsigmoid,
            "tanh": torch.tanh,
            "relu": torch.relu,
            "relu6": functional.relu6,
            "leaky_relu": functional.leaky_relu,
            "prelu": lambda x: functional.prelu(x, torch.tensor([0.25], dtype=x.dtype)),
            "elu": functional.elu,
            "selu": functional.selu,
            "celu": functional.celu,
            "softplus": functional.softplus,
            "silu": functional.silu,
            "swish": functional.silu,
            "mish": functional.mish,
            "gelu": functional.gelu,
            "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),
            "softsign": functional.softsign,
            "hard_sigmoid": functional.hardsigmoid,
            "hard_tanh": functional.hardtanh,
            "hard_swish": functional.hardswish,
            "tanhshrink": functional.tanhshrink,
            "softmax": lambda x: functional.softmax(x, -1),
            "log_softmax": lambda x: functional.log_softmax(x, -1),
        }
        selu = (1.6732632423543772, 1.0507009873554805)
        self.backwards = {
            "sigmoid": aten.sigmoid_backward,
            "log_sigmoid": aten.log_sigmoid_backward,
            "tanh": aten.tanh_backward,
            "relu": lambda grad, x: aten.threshold_backward(grad, x, 0),
            "relu6": lambda grad, x: aten.hardtanh_backward(grad, x, 0, 6),
            "leaky_relu": lambda grad, x: aten.leaky_relu_backward(grad, x, 0.01, False),
            "elu": lambda grad, x: aten.elu_backward(grad, 1, 1, 1, False, x),
            "selu": lambda grad, x: aten.elu_backward(grad, *selu, 1, False, x),
            "celu": lambda grad, x: aten.elu_backward(grad, 1, 1, 1, False, x),
            "softplus": lambda grad, x: aten.softplus_backward(grad, x, 1, 20),
            "silu": aten.silu_backward,
            "swish": aten.silu_backward,
            "mish": aten.mish_backward,
            "gelu": aten.gelu_backward,
            "gelu_tanh": lambda grad, x: aten.gelu_backward(grad, x, approximate="tanh"),
            "hard_sigmoid": aten.hardsigmoid_backward,
            "hard_tanh": lambda grad, x: aten.hardtanh_backward(grad, x, -1, 1),
            "hard_swish": aten.hardswish_backward,
            "softmax": lambda grad, y: aten._softmax_backward_data(grad, y, -1, y.dtype),
            "log_softmax": lambda grad, y: aten._log_softmax_backward_data(grad, y, -1, y.dtype),
        }

    def call(self, case: Case, threads: int) -> Call | None:
        function = (self.values if case.direction == "value" else self.backwards).get(case.name)
        if function is None:
            return None
        self.torch.set_num_threads(threads)
        tensors = [self.torch.from_numpy(operand) for operand in case.operands_from_output]
        if (case.name, case.direction) == ("log_sigmoid", "backward"):
            tensors.append(self.torch.ops.aten.log_sigmoid_forward(tensors[1])[1])  # which forward has kept
        if not case.out:
            return lambda: function(*tensors)
        result = self.torch.empty_like(tensors[0])
        return _if_it_works(lambda: function(*tensors, out=result))


class Jax:
    """JAX's functions under jit; its CPU client keeps the threads it started with."""

    name = "jax"

    def __init__(self) -> None:
        import jax

        jax.config.update("jax_enable_x64", True)  # else float64 silently becomes float32
        nn = jax.nn
        self.jax = jax
        self.values = {
            "sigmoid": nn.sigmoid,
            "log_sigmoid": nn.log_sigmoid,
            "tanh": jax.numpy.tanh,
            "relu": nn.relu,
            "relu6": nn.relu6,
            "leaky_relu": nn.leaky_relu,
            "elu": nn.elu,
            "selu": nn.selu,
            "celu": nn.celu,
            "softplus": nn.softplus,
            "silu": nn.silu,
            "swish": nn.silu,
            "mish": nn.mish,
            "gelu": lambda x: nn.gelu(x, approximate=False),
            "gelu_tanh": nn.gelu,
            "softsign": nn.soft_sign,
            "hard_sigmoid": nn.hard_sigmoid,
            "hard_tanh": nn.hard_tanh,
            "hard_swish": nn.hard_swish,
            "squareplus": nn.squareplus,
            "softmax": nn.softmax,
            "log_softmax": nn.log_softmax,
        }

    def call(self, case: Case, threads: int) -> Call | None:
        function = self.values.get(case.name)
        if function is None or case.out:
            return None
        if case.direction == "value":
            compiled = self.jax.jit(function)
        else:
            compiled = self.jax.jit(lambda grad, x: self.jax.vjp(function, x)[1](grad)[0])
        arrays = [self.jax.numpy.asarray(operand) for operand in case.operands]
        return lambda: compiled(*arrays).block_until_ready()


class OnnxRuntime:
    """One operator of ONNX at a time; it has no gradients."""

    name = "onnxruntime"
    operators: ClassVar[dict[str, tuple[str, dict[str, Any]]]] = {
        "identity": ("Identity", {}),
        "sigmoid": ("Sigmoid", {}),
        "tanh": ("Tanh", {}),
        "relu": ("Relu", {}),
        "leaky_relu": ("LeakyRelu", {}),
        "elu": ("Elu", {}),
        "selu": ("Selu", {}),
        "celu": ("Celu", {}),
        "softplus": ("Softplus", {}),
        "silu": ("QuickGelu", {"domain": "com.microsoft", "alpha": 1.0}),
        "swish": ("QuickGelu", {"domain": "com.microsoft", "alpha": 1.0}),
        "mish": ("Mish", {}),
        "gelu": ("Gelu", {}),
        "gelu_tanh": ("Gelu", {"approximate": "tanh"}),
        "softsign": ("Softsign", {}),
        "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
        "hard_swish": ("HardSwish", {}),
        "softmax": ("Softmax", {"axis": -1}),
        "log_softmax": ("LogSoftmax", {"axis": -1}),
    }

    def __init__(self) -> None:
        import onnx
        import onnxruntime

        self.onnx, self.onnxruntime = onnx, onnxruntime

    def call(self, case: Case, threads: int) -> Call | None:
        if case.direction != "value" or case.name not in self.operators or case.out:
            return None
        try:
            session = self._session(*self.operators[case.name], case.x, threads)
        except Exception:  # of its own types: it has no kernel for this dtype
            return None
        return lambda: session.run(None, {"x": case.x})[0]

    def _session(self, operator: str, attributes: dict[str, Any], x: Array, threads: int) -> Any:
        helper = self.onnx.helper
        element = helper.np_dtype_to_tensor_dtype(x.dtype)
        inputs, outputs = ([helper.make_tensor_value_info(name, element, x.shape)] for name in "xy")
        node = helper.make_node(operator, ["x"], ["y"], **attributes)
        graph = helper.make_graph([node], "one", inputs, outputs)
        opsets = [helper.make_opsetid("", 22), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()
        options = self.onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4
        return self.onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class NumpyScipy:
    """SciPy's function where it has one, else the plain NumPy formula."""

    name = "numpy/scipy"

    def __init__(self) -> None:
        self.values = dict(plain.VALUES)
        try:
            from scipy import special
        except ImportError:
            return
        self.values |= {
            "sigmoid": special.expit,
            "log_sigmoid": special.log_expit,
            "silu": lambda x: x * special.expit(x),
            "swish": lambda x: x * special.expit(x),
            "gelu": lambda x: x * special.ndtr(x),
            "softmax": lambda x: special.softmax(x, -1),
            "log_softmax": lambda x: special.log_softmax(x, -1),
        }

    def call(self, case: Case, threads: int) -> Call | None:
        by_hand = plain.formula(case.name, case.direction)
        function = self.values.get(case.name) if case.direction == "value" else by_hand
        if function is None:
            return None
        if not case.out:
            return lambda: function(*case.operands)
        result = np.empty_like(case.y)
        return _if_it_works(lambda: function(*case.operands, out=result))


def installed_peers() -> list[Peer]:
    """Make one of each peer that can be imported."""
    peers: list[Peer] = []
    for kind in (Torch, Jax, OnnxRuntime, NumpyScipy):
        try:
            peers.append(kind())
        except ImportError as error:
            print(f"left out: {kind.name} ({error})", file=sys.stderr)
    return peers


def _if_it_works(call: Call) -> Call | None:
    try:
        call()
    except (TypeError, RuntimeError):  # it takes no out=
        return None
    return call


def fastact_call(case: Case) -> Call:
    """Prepare fastact's own call."""
    function = fastact.get(case.name)
    if case.direction == "backward":
        function = function.backward_from_output if case.backward_takes_output else function.backward
    operands = case.operands_from_output
    if not case.out:
        return lambda: function(*operands)
    result = np.empty_like(operands[-1])
    return lambda: function(*operands, out=result)


# --- the two tables ---------------------------------------------------------------------------------


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
        calls = {"torch": _if_it_works(partial(other, torch_matrix, out=result))}
        table.row(f"{name}, C input, F out", partial(own, matrix, out=transposed), calls, matrix.size)
    table.summary()


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
        print((label.ljust(34) + "".join(cell.rjust(13) for cell in cells)).rstrip(), flush=True)


def _warn_if_different(label: str, peer: str, theirs: Any, ours: Any) -> None:
    theirs, ours = (np.ravel(np.asarray(result)[:100])[:10_000] for result in (theirs, ours))
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
    add("--seconds", type=float, default=0.8, help="time for each row (default: %(default)s)")
    arguments = parser.parse_args()
    print(facts(), end="\n\n")
    warnings.simplefilter("ignore")  # plain formulas overflow
    (compare_shapes if arguments.shapes else compare_peers)(arguments)


def _numbers(text: str) -> list[int]:
    return [int(float(number)) for number in text.split(",")]


def _directions(text: str) -> list[str]:
    chosen = text.split(",")
    if not {"value", "backward"}.issuperset(chosen):
        raise argparse.ArgumentTypeError("choose from value,backward")
    return chosen


if __name__ == "__main__":
    main()
