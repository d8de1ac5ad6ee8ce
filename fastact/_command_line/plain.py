"""What a NumPy user writes by hand, one line each: the yardstick of ``fastact bench``.

These are no references: many overflow, cancel or warn where fastact does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import fastact

Formula = Callable[[Any], Any]

_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _softmax(x: Any, axis: int = -1) -> Any:
    return (e := np.exp(x - x.max(axis, keepdims=True))) / e.sum(axis, keepdims=True)


def _log_softmax(x: Any, axis: int = -1) -> Any:
    return (s := x - x.max(axis, keepdims=True)) - np.log(np.exp(s).sum(axis, keepdims=True))


def _softmax_backward(grad: Any, x: Any, axis: int = -1) -> Any:
    return (y := _softmax(x, axis)) * (grad - (grad * y).sum(axis, keepdims=True))


def _log_softmax_backward(grad: Any, x: Any, axis: int = -1) -> Any:
    return grad - _softmax(x, axis) * grad.sum(axis, keepdims=True)


def _softmin(x: Any) -> Any:
    return (e := np.exp(x.min(-1, keepdims=True) - x)) / e.sum(-1, keepdims=True)


def _logsumexp(x: Any) -> Any:
    return (most := x.max(-1)) + np.log(np.exp(x - most[..., None]).sum(-1))


def _hardmax(x: Any) -> Any:
    return (np.arange(x.shape[-1]) == x.argmax(-1)[..., None]).astype(x.dtype)


def _sparsemax(x: Any) -> Any:
    largest, counts = np.sort(x)[..., ::-1], np.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    thresholds = (largest.cumsum(-1) - 1) / counts
    last = (largest > thresholds).sum(-1, keepdims=True) - 1
    return np.maximum(x - np.take_along_axis(thresholds, last, -1), 0)


def _entmax15(x: Any) -> Any:
    halves = (x - x.max(-1, keepdims=True)) / 2
    largest, counts = np.sort(halves)[..., ::-1], np.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    means, squares = largest.cumsum(-1) / counts, (largest * largest).cumsum(-1) / counts
    thresholds = means - np.sqrt(np.maximum(1 / counts - (squares - means * means), 0))
    last = (largest >= thresholds).sum(-1, keepdims=True) - 1
    return np.maximum(halves - np.take_along_axis(thresholds, last, -1), 0) ** 2


def _weighted(weights: Any, grad: Any) -> Any:
    """Weights times what grad is above its weighted mean."""
    return weights * (grad - (grad * weights).sum(-1, keepdims=True) / weights.sum(-1, keepdims=True))


def _odd_root(x: Any) -> Any:
    return 1 / np.sqrt(1 + x * x)


def _shrunk(x: Any) -> Any:
    return np.sign(x) * np.maximum(np.abs(x) - 0.5, 0)


def _gelu_slope(x: Any) -> Any:
    return 0.7978845608028654 * (x + 0.044715 * x**3)


VALUES: dict[str, Formula] = {
    "identity": lambda x: x.copy(),
    "sigmoid": _sigmoid,
    "log_sigmoid": lambda x: -np.log1p(np.exp(-x)),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "prelu": lambda x: np.where(x > 0, x, 0.25 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(x)),
    "celu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "silu": lambda x: x * _sigmoid(x),
    "swish": lambda x: x * _sigmoid(x),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "gelu_tanh": lambda x: 0.5 * x * (1 + np.tanh(_gelu_slope(x))),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "tanhshrink": lambda x: x - np.tanh(x),
    "squareplus": lambda x: (x + np.sqrt(x * x + 4)) / 2,
    "exponential": np.exp,
    "softexponential": lambda x: x.copy(),
    "rrelu": lambda x: np.where(x > 0, x, x.dtype.type(11 / 48) * x),
    "threshold": lambda x: np.where(x > 0, x, 0),
    "thresholded_relu": lambda x: np.where(x > 1, x, 0),
    "general_relu": lambda x: np.maximum(x, 0),
    "relu_squared": lambda x: np.maximum(x, 0) ** 2,
    "star_relu": lambda x: 0.8944 * np.maximum(x, 0) ** 2 - 0.4472,
    "binary_step": lambda x: (x >= 0).astype(x.dtype),
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
    "hard_mish": lambda x: x * np.clip(x + 2, 0, 2) / 2,
    "shrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "softshrink": _shrunk,
    "hardshrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "smelu": lambda x: np.where(np.abs(x) < 1, (x + 1) ** 2 / 4, np.maximum(x, 0)),
    "sparse_plus": lambda x: np.where(np.abs(x) < 1, (x + 1) ** 2 / 4, np.maximum(x, 0)),
    "bent_identity": lambda x: x + (np.sqrt(x * x + 1) - 1) / 2,
    "isru": lambda x: x * _odd_root(x),
    "isrlu": lambda x: np.where(x >= 0, x, x * _odd_root(x)),
    "arctan": np.arctan,
    "cloglog": lambda x: -np.expm1(-np.exp(x)),
    "log_log": lambda x: np.exp(-np.exp(-x)),
    "sine": np.sin,
    "snake": lambda x: x + np.sin(x) ** 2,
    "gaussian": lambda x: np.exp(-x * x),
    "logish": lambda x: x * np.log1p(_sigmoid(x)),
    "tanhexp": lambda x: x * np.tanh(np.exp(x)),
    "quick_gelu": lambda x: x * _sigmoid(1.702 * x),
    "aptx": lambda x: (1 + np.tanh(x)) * (0.5 * x),
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "crelu": lambda x: np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], -1),
    "softmin": _softmin,
    "logsumexp": _logsumexp,
    "hardmax": _hardmax,
    "sparsemax": _sparsemax,
    "entmax15": _entmax15,
    "maxout": lambda x: x.reshape(*x.shape[:-1], -1, 2).max(-1),
}

DERIVATIVES: dict[str, Formula] = {
    "identity": np.ones_like,
    "sigmoid": lambda x: (s := _sigmoid(x)) * (1 - s),
    "log_sigmoid": lambda x: _sigmoid(-x),
    "tanh": lambda x: 1 - np.tanh(x) ** 2,
    "relu": lambda x: (x > 0).astype(x.dtype),
    "relu6": lambda x: ((x > 0) & (x < 6)).astype(x.dtype),
    "leaky_relu": lambda x: np.where(x > 0, 1, x.dtype.type(0.01)),
    "prelu": lambda x: np.where(x > 0, 1, x.dtype.type(0.25)),
    "elu": lambda x: np.where(x > 0, 1, np.exp(x)),
    "selu": lambda x: _SELU_SCALE * np.where(x > 0, 1, _SELU_ALPHA * np.exp(x)),
    "celu": lambda x: np.where(x > 0, 1, np.exp(x)),
    "softplus": _sigmoid,
    "silu": lambda x: (s := _sigmoid(x)) * (1 + x * (1 - s)),
    "swish": lambda x: (s := _sigmoid(x)) * (1 + x * (1 - s)),
    "mish": lambda x: (t := np.tanh(np.log1p(np.exp(x)))) + x * _sigmoid(x) * (1 - t * t),
    "gelu_tanh": lambda x: (
        0.5 * (1 + (t := np.tanh(_gelu_slope(x)))) + 0.5 * x * (1 - t * t) * 0.7978845608028654 * (1 + 0.134145 * x * x)
    ),
    "softsign": lambda x: 1 / (1 + np.abs(x)) ** 2,
    "hard_sigmoid": lambda x: np.where(np.abs(x) < 3, x.dtype.type(1 / 6), 0),
    "hard_tanh": lambda x: (np.abs(x) < 1).astype(x.dtype),
    "hard_swish": lambda x: np.where(x <= -3, 0, np.where(x >= 3, 1, x / 3 + 0.5)),
    "tanhshrink": lambda x: np.tanh(x) ** 2,
    "squareplus": lambda x: 0.5 * (1 + x / np.sqrt(x * x + 4)),
    "exponential": np.exp,
    "softexponential": np.ones_like,
    "rrelu": lambda x: np.where(x > 0, 1, x.dtype.type(11 / 48)),
    "threshold": lambda x: (x > 0).astype(x.dtype),
    "thresholded_relu": lambda x: (x > 1).astype(x.dtype),
    "general_relu": lambda x: (x > 0).astype(x.dtype),
    "relu_squared": lambda x: 2 * np.maximum(x, 0),
    "star_relu": lambda x: 1.7888 * np.maximum(x, 0),
    "binary_step": np.zeros_like,
    "sparse_sigmoid": lambda x: np.where(np.abs(x) < 1, x.dtype.type(0.5), 0),
    "hard_mish": lambda x: np.where(x > 0, 1, np.where(x > -2, x + 1, 0)),
    "shrink": lambda x: (np.abs(x) > 0.5).astype(x.dtype),
    "softshrink": lambda x: (np.abs(x) > 0.5).astype(x.dtype),
    "hardshrink": lambda x: (np.abs(x) > 0.5).astype(x.dtype),
    "smelu": lambda x: np.clip((x + 1) / 2, 0, 1),
    "sparse_plus": lambda x: np.clip((x + 1) / 2, 0, 1),
    "bent_identity": lambda x: 1 + x / (2 * np.sqrt(x * x + 1)),
    "isru": lambda x: _odd_root(x) ** 3,
    "isrlu": lambda x: np.where(x >= 0, 1, _odd_root(x) ** 3),
    "arctan": lambda x: 1 / (1 + x * x),
    "cloglog": lambda x: np.exp(x - np.exp(x)),
    "log_log": lambda x: np.exp(-x - np.exp(-x)),
    "sine": np.cos,
    "snake": lambda x: 1 + np.sin(2 * x),
    "gaussian": lambda x: -2 * x * np.exp(-x * x),
    "logish": lambda x: np.log1p(s := _sigmoid(x)) + x * s * (1 - s) / (1 + s),
    "tanhexp": lambda x: (t := np.tanh(e := np.exp(x))) + x * e * (1 - t * t),
    "quick_gelu": lambda x: (s := _sigmoid(1.702 * x)) * (1 + 1.702 * x * (1 - s)),
    "aptx": lambda x: 0.5 * (1 + (t := np.tanh(x))) + 0.5 * x * (1 - t * t),
}

AXISWISE_BACKWARD: dict[str, Callable[[Any, Any], Any]] = {
    "softmax": _softmax_backward,
    "log_softmax": _log_softmax_backward,
    "softmin": lambda grad, x: -_weighted(_softmin(x), grad),
    "crelu": lambda grad, x: (halves := np.split(grad, 2, -1))[0] * (x > 0) - halves[1] * (x < 0),
    "logsumexp": lambda grad, x: grad[..., None] * _softmax(x),
    "hardmax": lambda grad, x: np.zeros_like(x),
    "sparsemax": lambda grad, x: _weighted((_sparsemax(x) > 0).astype(x.dtype), grad),
    "entmax15": lambda grad, x: _weighted(np.sqrt(_entmax15(x)), grad),
}


def _gated(gate: str, direction: str) -> Callable[..., Any] | None:
    """The plain formula of a gated linear unit, made of its gate's."""
    value, derivative = VALUES.get(gate), DERIVATIVES.get(gate)
    if value is None:
        return None
    if direction == "value":
        return lambda x: np.multiply(*_through_gate(value, x))
    if derivative is None:
        return None

    def backward(grad: Any, x: Any) -> Any:
        half, opened = _through_gate(value, x)
        slope = _through_gate(derivative, x)[1]
        return np.concatenate([grad * opened, grad * half * slope], -1)

    return backward


def _through_gate(function: Formula, x: Any) -> tuple[Any, Any]:
    half, gate = np.split(x, 2, -1)
    return half, function(gate)


def formula(name: str, direction: str) -> Callable[..., Any] | None:
    """Find the plain formula of a direction, called as fastact's function is; None where there is none."""
    if gate := fastact.get(name).info.gate:
        return _gated(gate, direction)
    if direction == "value":
        return VALUES.get(name)
    derivative = DERIVATIVES.get(name)
    if direction == "derivative" or derivative is None:
        return derivative if direction == "derivative" else AXISWISE_BACKWARD.get(name)
    return lambda grad, x: grad * derivative(x)
