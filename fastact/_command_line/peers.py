"""PyTorch, JAX, ONNX Runtime and NumPy/SciPy, as far as they are installed: what each calls our activations.

``fastact audit --against`` measures them, and benchmarks/peers.py times them; PyTorch and CuPy on a GPU, too.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

import fastact
from fastact._command_line import plain
from fastact._command_line.operands import NUMPY, Library, operation

Array = NDArray[Any]
Call = Callable[[], Any]

# Whose backward PyTorch computes from what its forward pass has left: y, or a buffer.
FROM_OUTPUT = ("sigmoid", "tanh", "softmax", "log_softmax", "log_sigmoid")


@dataclass(frozen=True)
class Case:
    """What all libraries are asked to do: one direction of one activation, on the same operands."""

    name: str
    direction: str
    x: Any  # an array, as y and grad are, of NumPy or a GPU
    y: Any
    grad: Any
    out: bool
    axis: int = -1
    from_x: bool = False  # a gradient that could be computed from y

    @classmethod
    def make(cls, name: str, direction: str, size: int, dtype: str, out: bool, library: Library = NUMPY) -> Case:
        """Take the operands that the asv suites take."""
        *_, x = operation(name, "value", size, dtype, library).operands
        y = fastact.get(name)(x)
        return cls(name, direction, x, y, library.ones_like(y), out)

    @property
    def options(self) -> dict[str, int]:
        """The axis, where it is not the one that a function along an axis takes by itself."""
        return {} if self.axis == -1 else {"axis": self.axis}

    @property
    def operands(self) -> tuple[Array, ...]:
        """The operand of the activation, or grad and that of its gradient."""
        return (self.grad, self.x) if self.direction == "backward" else (self.x,)

    @property
    def operands_from_output(self) -> tuple[Array, ...]:
        """The same, where y serves in place of x."""
        return (self.grad, self.y) if self.backward_takes_output else self.operands

    @property
    def backward_takes_output(self) -> bool:
        """Whether PyTorch's kernel need not start from x alone; then fastact starts from y."""
        return self.direction == "backward" and self.name in FROM_OUTPUT and not self.from_x


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
        slope = functools.cache(lambda dtype, device: torch.tensor([0.25], dtype=dtype, device=device))
        self.values = {
            "identity": torch.clone,
            "sigmoid": torch.sigmoid,
            "log_sigmoid": functional.logsigmoid,
            "tanh": torch.tanh,
            "relu": torch.relu,
            "relu6": functional.relu6,
            "leaky_relu": functional.leaky_relu,
            "prelu": lambda x: functional.prelu(x, slope(x.dtype, x.device)),
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
            "softmax": lambda x, axis=-1: functional.softmax(x, axis),
            "log_softmax": lambda x, axis=-1: functional.log_softmax(x, axis),
            "softmin": lambda x, axis=-1: functional.softmin(x, axis),
            "logsumexp": lambda x, axis=-1: torch.logsumexp(x, axis),
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
            "softmax": lambda grad, y, axis=-1: aten._softmax_backward_data(grad, y, axis, y.dtype),
            "log_softmax": lambda grad, y, axis=-1: aten._log_softmax_backward_data(grad, y, axis, y.dtype),
        }

    def call(self, case: Case, threads: int) -> Call | None:
        functions = {"value": self.values, "backward": self.backwards}.get(case.direction, {})
        function = functions.get(case.name)
        if function is None:
            return None
        self.torch.set_num_threads(threads)
        if case.from_x:  # its kernel needs y all the same
            from_output, value = function, self.values[case.name]
            function = lambda grad, x, **options: from_output(grad, value(x, **options), **options)  # noqa: E731
        keeps_buffer = (case.name, case.direction) == ("log_sigmoid", "backward")
        operands = case.operands if keeps_buffer else case.operands_from_output
        tensors = [self.torch.as_tensor(operand) for operand in operands]
        if keeps_buffer:
            tensors.append(self.torch.ops.aten.log_sigmoid_forward(tensors[1])[1])
        if not case.out:
            return lambda: function(*tensors, **case.options)
        result = self.torch.empty_like(tensors[0])
        return if_it_works(lambda: function(*tensors, **case.options, out=result))


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
            "logsumexp": lambda x: nn.logsumexp(x, -1),
        }

    def call(self, case: Case, threads: int) -> Call | None:
        if case.name not in self.values or case.out or case.direction == "derivative":
            return None
        function = partial(self.values[case.name], **case.options)
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
        "softmax": ("Softmax", {}),
        "log_softmax": ("LogSoftmax", {}),
        "hardmax": ("Hardmax", {"axis": -1}),
    }

    def __init__(self) -> None:
        import onnx
        import onnxruntime

        self.onnx, self.onnxruntime = onnx, onnxruntime

    def call(self, case: Case, threads: int) -> Call | None:
        if case.direction != "value" or case.name not in self.operators or case.out:
            return None
        try:
            operator, attributes = self.operators[case.name]
            session = self._session(operator, attributes | case.options, case.x, threads)
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
        self.values |= _values_of(special)

    def call(self, case: Case, threads: int) -> Call | None:
        by_hand = plain.formula(case.name, case.direction)
        function: Callable[..., Any] | None = self.values.get(case.name) if case.direction == "value" else by_hand
        if function is None:
            return None
        if not case.out:
            return lambda: function(*case.operands, **case.options)
        result = np.empty_like(case.y)
        return if_it_works(lambda: function(*case.operands, **case.options, out=result))


class CuPy:
    """CuPy's function where it has one, else the plain formula, whose NumPy functions leave CuPy's arrays to CuPy."""

    name = "cupy"

    def __init__(self) -> None:
        import cupy
        from cupyx.scipy import special

        self.cupy = cupy
        self.values = dict(plain.VALUES) | _values_of(special)

    def call(self, case: Case, threads: int) -> Call | None:
        by_hand = plain.formula(case.name, case.direction)
        function: Callable[..., Any] | None = self.values.get(case.name) if case.direction == "value" else by_hand
        if function is None or case.out:
            return None
        operands = [self.cupy.asarray(operand) for operand in case.operands]
        return if_it_works(lambda: function(*operands, **case.options))


def _values_of(special: Any) -> dict[str, Callable[..., Any]]:
    """What SciPy's module, or CuPy's of the same names, has."""
    along = [name for name in ("softmax", "log_softmax", "logsumexp") if hasattr(special, name)]
    return {
        "sigmoid": special.expit,
        "log_sigmoid": special.log_expit,
        "silu": lambda x: x * special.expit(x),
        "swish": lambda x: x * special.expit(x),
        "gelu": lambda x: x * special.ndtr(x),
        **{name: _along_last(getattr(special, name)) for name in along},
    }


def _along_last(function: Callable[..., Any]) -> Callable[..., Any]:
    """SciPy's function, which by itself takes a whole array, along one axis."""
    return lambda x, axis=-1: function(x, axis)


KINDS: dict[str, type[Peer]] = {kind.name: kind for kind in (Torch, Jax, OnnxRuntime, NumpyScipy)}


def installed_peers(names: Sequence[str] = tuple(KINDS)) -> list[Peer]:
    """Make one of each peer that can be imported."""
    return _those_installed([KINDS[name] for name in names])


def peers_on_gpu() -> list[Peer]:
    """Make one of each peer that can be imported and sees the GPU."""
    peers = _those_installed((Torch, CuPy))
    return [peer for peer in peers if not isinstance(peer, Torch) or peer.torch.cuda.is_available()]


def _those_installed(kinds: Sequence[type[Peer]]) -> list[Peer]:
    peers: list[Peer] = []
    for kind in kinds:
        try:
            peers.append(kind())
        except ImportError as error:
            print(f"left out: {kind.name} ({error})", file=sys.stderr)
    return peers


def if_it_works(call: Call) -> Call | None:
    try:
        call()
    except (TypeError, RuntimeError):  # it takes no out=, or CuPy lacks what a formula needs
        return None
    return call
