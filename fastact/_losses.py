"""The public objects of losses."""

import inspect
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastact import _ufuncs
from fastact._activation import ACCEPTED, find
from fastact._definition import NATIVE_DTYPES, Definition, Parameter
from fastact._device import is_device_array
from fastact._docstrings import loss_docstring
from fastact._notebook import Shown

ndarray = np.ndarray
REDUCTIONS = ("mean", "sum", "none")


class Loss(Shown):
    """A loss: call it for its value, its methods for the gradient with respect to the logits.

    Attributes
    ----------
    name : str
        As it is written.
    info : Definition
        Formula, papers, and the rest that is known.
    """

    __call__: Callable[..., Any]

    def __init__(self, definition: Definition) -> None:
        self.info, self.name = definition, definition.name
        self.__name__ = self.__qualname__ = self.name
        self.__doc__ = loss_docstring(definition, inspect.getdoc(type(self).__call__) or "", inspect.signature(self))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what protocols look for
            raise AttributeError(name)
        raise AttributeError(f"{self.name} has no {name!r}; it has {', '.join(self.info.directions[1:])} and info")

    def __repr__(self) -> str:
        return f"<fastact {self.name}>"

    def __reduce__(self) -> tuple:
        return find, (self.name,)

    def _logits(self, logits: Any) -> ndarray:
        """The logits as an array of the dtype that the result will have."""
        if type(logits) is ndarray and logits.dtype in NATIVE_DTYPES:
            return logits
        module = type(logits).__module__
        if module.startswith(("dask", "xarray", "numpy.ma")):
            raise TypeError(f"{self.name} takes plain NumPy arrays, got one of {module}; compute it or take it apart")
        logits = np.asarray(logits)
        dtype = logits.dtype.newbyteorder("=")
        if dtype.name not in ("float16", "float32", "float64", "bfloat16"):
            if dtype.kind not in "biu":
                raise TypeError(f"{self.name} does not take logits of {logits.dtype}; {ACCEPTED}")
            dtype = np.dtype(np.float32 if np.can_cast(dtype, np.float32) else np.float64)
        return logits.astype(dtype, copy=False)

    def _numbers(self, what: str, given: ndarray, logits: ndarray) -> ndarray:
        """Another operand's numbers, in the dtype of the logits."""
        self._check_numbers(what, given)
        return given.astype(logits.dtype, copy=False)

    def _check_numbers(self, what: str, given: ndarray) -> None:
        if given.dtype.kind not in "biuf" and given.dtype.name != "bfloat16":
            raise TypeError(f"{self.name}: {what} must be numbers, got {given.dtype}")

    def _integer(self, what: str, given: Any) -> int:
        try:
            return operator.index(given)
        except TypeError:
            raise TypeError(f"{self.name}: {what} must be an integer, got {given!r}") from None

    def _check_reduction(self, reduction: Any) -> None:
        if reduction not in REDUCTIONS:
            raise ValueError(f"{self.name}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")

    def _upstream(self, grad: Any, reduction: str, shape: tuple[int, ...]) -> ndarray:
        """The gradient with respect to the loss, in float64."""
        grad = np.asarray(grad, np.float64)
        expected = shape if reduction == "none" else ()
        if grad.shape not in ((), expected):
            raise ValueError(f"{self.name}.backward: grad must have the loss's shape {expected}, got {grad.shape}")
        return grad


def _device_losses() -> Any:
    from fastact.cuda import target

    target.require_device()
    from fastact.cuda import losses

    return losses


def _rounded(loss: Any, dtype: np.dtype) -> Any:
    """A loss in the dtype of the logits."""
    with np.errstate(over="ignore", under="ignore"):
        return loss.astype(dtype, copy=False) if isinstance(loss, ndarray) else dtype.type(loss)


def _quotient(numerator: float, denominator: float) -> float:
    """NaN where the denominator is 0: the mean of nothing."""
    return numerator / denominator if denominator else float("nan")


@dataclass(frozen=True)
class _Task:
    """A cross-entropy, checked: which kernel, on what, and how to reduce what it gives."""

    kernel: str
    numbers: tuple[Any, ...]  # one per row each
    arrays: tuple[ndarray, ...]  # along the axis, the logits last
    axis: int  # of the logits, negative
    weight: Any  # of each row in the mean
    rows: tuple[int, ...]  # their shape

    @property
    def total_weight(self) -> float:
        """What the mean divides by."""
        if np.ndim(self.weight):
            return float(np.sum(self.weight))
        return float(self.weight) * math.prod(self.rows)

    def scale(self, reduction: str) -> float:
        """What the reduction multiplies a row's gradient by; rows that all weigh nothing have none."""
        if reduction != "mean":
            return 1.0
        return 1.0 / self.total_weight if self.total_weight else 0.0

    def run(self, name: str, scale: Any = None) -> Any:
        """The rows' losses in float64; with `scale`, these and the gradient times it."""
        ufunc = _ufuncs.axiswise(name, self.kernel if scale is None else f"{self.kernel}_and_gradient").ufunc
        # Python's numbers would have NumPy choose a kernel by value, not by the logits' dtype.
        numbers = tuple(np.float64(number) if type(number) is float else number for number in self.numbers)
        numbers = numbers if scale is None else (*numbers, np.asarray(scale, np.float64))
        along = [(-1,) if array.ndim == 1 else (self.axis,) for array in self.arrays]
        axes = [*[()] * len(numbers), *along, *([()] if scale is None else [(self.axis,), ()])]
        results = ufunc(*numbers, *self.arrays, axes=axes)
        _ufuncs.raise_failure()
        return results if scale is None else results[::-1]


class SoftmaxCrossEntropy(Loss):
    """The cross-entropy of softmax; see `Loss`."""

    def __call__(
        self,
        logits: Any,
        labels: Any,
        *,
        axis: int = -1,
        label_smoothing: float = 0.0,
        ignore_index: int | None = None,
        class_weights: Any = None,
        reduction: str = "mean",
    ) -> Any:
        """Cross-entropy of the softmax of logits, with labels or distributions.

        Nothing of the logits' size is made.

        Parameters
        ----------
        logits : array_like
            One score per class, along `axis`.
        labels : array_like
            Either integers of the shape of `logits` without `axis`, from 0 to the number of classes less 1; or
            distributions over the classes, of the shape of `logits`.
        axis : int, default -1
            The axis of the classes.
        label_smoothing : float, default 0.0
            From 0 to 1: how much of each target is spread evenly over all classes.
        ignore_index : int, optional
            Rows with this label count for nothing, and get no gradient. Without it each label must be a class: NumPy
            knows no label that everyone takes for none (PyTorch's is -100, scikit-learn's -1), and a wrong one should
            not go unnoticed.
        class_weights : array_like, optional
            A factor for each class, of at least 0, taken in the logits' dtype.
        reduction : {"mean", "sum", "none"}
            What to make of the rows' losses. As in PyTorch the mean is weighted by the classes of the labels; of
            distributions it is the sum over the number of rows.

        Returns
        -------
        scalar or ndarray
            The loss, in the dtype of the logits (integers give what they give activations). With ``"none"`` it has the
            shape of `logits` without `axis`. The mean of nothing, as where all labels are ignored, is NaN.

        Raises
        ------
        TypeError
            If logits or labels are of a dtype that cannot be taken, or not NumPy's.
        ValueError
            If a label is no class, shapes do not fit together, or a parameter is out of its range.

        Examples
        --------
        >>> import numpy as np
        >>> import fastact as fa
        >>> logits = np.array([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
        >>> fa.softmax_cross_entropy(logits, [0, 2], reduction="none").round(4)
        array([0.2395, 1.0986])
        >>> round(float(fa.softmax_cross_entropy(logits, [[1, 0, 0], [0, 0.5, 0.5]])), 4)
        0.6691
        """
        if is_device_array(logits) or is_device_array(labels):
            call = self._on_device(logits, labels, axis, label_smoothing, ignore_index, class_weights, reduction)
            return call.reduced(*call.run())
        self._check_reduction(reduction)
        task = self._task(logits, labels, axis, label_smoothing, ignore_index, class_weights)
        return self._reduced(task.run(self.name), task, reduction)

    def value_and_gradient(
        self,
        logits: Any,
        labels: Any,
        *,
        axis: int = -1,
        label_smoothing: float = 0.0,
        ignore_index: int | None = None,
        class_weights: Any = None,
        reduction: str = "mean",
    ) -> tuple[Any, ndarray]:
        """The loss, and its gradient with respect to the logits, in one pass over them.

        Parameters
        ----------
        logits, labels, axis, label_smoothing, ignore_index, class_weights, reduction
            As for the loss itself.

        Returns
        -------
        loss : scalar or ndarray
            As the loss itself.
        gradient : ndarray
            Of the shape and dtype of the logits. With ``reduction="none"`` each row's is that of its own loss.

        Examples
        --------
        >>> import numpy as np
        >>> import fastact as fa
        >>> loss, gradient = fa.softmax_cross_entropy.value_and_gradient(np.array([[20.0, 0.0]]), [0])
        >>> gradient
        array([[-2.06115362e-09,  2.06115362e-09]])
        """
        if is_device_array(logits) or is_device_array(labels):
            call = self._on_device(logits, labels, axis, label_smoothing, ignore_index, class_weights, reduction)
            losses, gradient = call.run(call.scale())
            return call.reduced(losses), gradient
        self._check_reduction(reduction)
        task = self._task(logits, labels, axis, label_smoothing, ignore_index, class_weights)
        losses, gradient = task.run(self.name, task.scale(reduction))
        return self._reduced(losses, task, reduction), gradient

    def backward(
        self,
        grad: Any,
        logits: Any,
        labels: Any,
        *,
        axis: int = -1,
        label_smoothing: float = 0.0,
        ignore_index: int | None = None,
        class_weights: Any = None,
        reduction: str = "mean",
    ) -> ndarray:
        """The gradient with respect to the logits, from the gradient with respect to the loss.

        Parameters
        ----------
        grad : array_like
            A scalar; with ``reduction="none"`` an array of the loss's shape, or a scalar for all of it.
        logits, labels, axis, label_smoothing, ignore_index, class_weights, reduction
            As for the loss itself.

        Returns
        -------
        ndarray
            Of the shape and dtype of the logits.

        Examples
        --------
        >>> import numpy as np
        >>> import fastact as fa
        >>> fa.softmax_cross_entropy.backward(2.0, np.array([[0.0, 0.0]]), [1])
        array([[ 1., -1.]])
        """
        if is_device_array(logits) or is_device_array(labels):
            call = self._on_device(logits, labels, axis, label_smoothing, ignore_index, class_weights, reduction)
            return call.run(call.upstream(grad))[1]
        self._check_reduction(reduction)
        task = self._task(logits, labels, axis, label_smoothing, ignore_index, class_weights)
        return task.run(self.name, self._upstream(grad, reduction, task.rows) * task.scale(reduction))[1]

    def _reduced(self, losses: ndarray, task: _Task, reduction: str) -> Any:
        dtype = task.arrays[-1].dtype
        if reduction == "none":
            return _rounded(losses, dtype)
        total = float(losses.sum())
        return _rounded(_quotient(total, task.total_weight) if reduction == "mean" else total, dtype)

    def _on_device(
        self,
        logits: Any,
        labels: Any,
        axis: Any,
        label_smoothing: Any,
        ignore_index: Any,
        class_weights: Any,
        reduction: str,
    ) -> Any:
        """The same call, on a GPU's array."""
        losses = _device_losses()
        options = {"axis": axis, "label_smoothing": label_smoothing}
        options |= {"ignore_index": ignore_index, "class_weights": class_weights}
        return losses.CrossEntropy(self, logits, labels, options, reduction)

    # --- what to compute ---------------------------------------------------------------------------

    def _task(
        self, logits: Any, labels: Any, axis: Any, label_smoothing: Any, ignore_index: Any, class_weights: Any
    ) -> _Task:
        logits, labels = self._logits(logits), np.asarray(labels)
        axis = self._axis(axis, logits)
        rows, classes = logits.shape[:axis] + logits.shape[logits.ndim + axis + 1 :], logits.shape[axis]
        if not classes:
            raise ValueError(f"{self.name}: there must be at least one class, got logits of shape {logits.shape}")
        smoothing = self._smoothing(label_smoothing)
        weights = self._class_weights(class_weights, classes, logits)
        if labels.shape == logits.shape:
            return self._distributed(logits, labels, axis, rows, smoothing, weights, ignore_index)
        if labels.shape != rows:
            raise ValueError(
                f"{self.name}: labels must have the shape of logits without the axis, {rows}, or distributions that of "
                f"logits, {logits.shape}; got {labels.shape}"
            )
        labels, counted = self._labels(labels, classes, ignore_index)
        weight = counted
        if class_weights is not None:
            weight = weights.astype(np.float64).take(labels, mode="clip") * counted
        if not smoothing:
            return _Task("labelled", (labels, weight), (logits,), axis, weight, rows)
        whole = np.sum(weights, dtype=np.float64)
        numbers = labels, (1.0 - smoothing) * weight, smoothing / classes * counted, whole
        return _Task("smoothed", numbers, (weights, logits), axis, weight, rows)

    def _distributed(
        self,
        logits: ndarray,
        targets: ndarray,
        axis: int,
        rows: tuple[int, ...],
        smoothing: float,
        weights: ndarray,
        ignore_index: Any,
    ) -> _Task:
        if ignore_index is not None:
            raise ValueError(f"{self.name}: ignore_index is for integer labels, not for distributions")
        numbers, targets = (1.0 - smoothing, smoothing / len(weights)), self._numbers("labels", targets, logits)
        return _Task("distributed", numbers, (targets, weights, logits), axis, 1.0, rows)

    def _axis(self, axis: Any, logits: ndarray) -> int:
        """The axis, counted from the end."""
        axis = self._integer("axis", axis)
        if not -logits.ndim <= axis < logits.ndim:
            raise ValueError(f"{self.name}: axis {axis} is out of range for logits of shape {logits.shape}")
        return axis % logits.ndim - logits.ndim

    def _smoothing(self, smoothing: Any) -> float:
        self._check_numbers("label_smoothing", np.asarray(smoothing))
        if not 0.0 <= smoothing <= 1.0:
            raise ValueError(f"{self.name}: label_smoothing must be from 0 to 1, got {smoothing!r}")
        return float(smoothing)

    def _class_weights(self, given: Any, classes: int, logits: ndarray) -> ndarray:
        """A factor for each class."""
        if given is None:
            return np.ndarray((classes,), logits.dtype, np.ones((), logits.dtype), strides=(0,))
        weights = self._numbers("class_weights", np.asarray(given), logits)
        if weights.shape != (classes,):
            raise ValueError(
                f"{self.name}: class_weights must have one number for each of {classes} classes, got shape "
                f"{weights.shape}"
            )
        if not (weights >= 0).all():
            raise ValueError(f"{self.name}: class_weights must be at least 0, got {weights[~(weights >= 0)][0]}")
        return weights

    def _labels(self, labels: ndarray, classes: int, ignore_index: Any) -> tuple[ndarray, Any]:
        """Labels as the kernels take them, and 1 for each that counts or, if all do, for all."""
        if labels.dtype.kind not in "iu":
            raise TypeError(f"{self.name}: labels without the axis of classes must be integers, got {labels.dtype}")
        if not labels.size:
            return labels.astype(np.int64), 1.0
        counted: Any = 1.0 if ignore_index is None else labels != self._integer("ignore_index", ignore_index)
        if labels.min() < 0 or labels.max() >= classes:
            wrong = ((labels < 0) | (labels >= classes)) & (counted != 0)
            if wrong.any():
                place = np.unravel_index(wrong.argmax(), wrong.shape)
                raise ValueError(
                    f"{self.name}: label {labels[place]} at {tuple(map(int, place))} is none of {classes} classes, 0 "
                    f"to {classes - 1}; labels to be left out are named by ignore_index"
                )
        return labels.astype(np.int64, copy=False), counted if ignore_index is None else counted.astype(np.float64)


class SigmoidBinaryCrossEntropy(Loss):
    """The cross-entropy of the logistic sigmoid; see `Loss`."""

    def __call__(
        self, logits: Any, targets: Any, *, weight: Any = None, pos_weight: Any = None, reduction: str = "mean"
    ) -> Any:
        """Cross-entropy of the logistic sigmoid of logits, with targets between 0 and 1.

        Parameters
        ----------
        logits : array_like
            Scores, of any shape.
        targets : array_like
            Of the shape of `logits`: 0, 1, or the probability of 1.
        weight : array_like, optional
            A factor for each element's loss; broadcasts to the shape of `logits`.
        pos_weight : array_like, optional
            A factor, of at least 0, for the part of positive targets; broadcasts to the shape of `logits`.
        reduction : {"mean", "sum", "none"}
            What to make of the elements' losses. The first two make no array of them; the mean is over the number of
            elements.

        Returns
        -------
        scalar or ndarray
            The loss, in the dtype of the logits (integers give what they give activations). With ``"none"`` it has the
            shape of `logits`. The mean of nothing is NaN.

        Raises
        ------
        TypeError
            If an operand is of a dtype that cannot be taken, or not NumPy's.
        ValueError
            If shapes do not fit together or a parameter is out of its range.

        Examples
        --------
        >>> import numpy as np
        >>> import fastact as fa
        >>> logits = np.array([3.0, -1.0, 0.0])
        >>> fa.sigmoid_binary_cross_entropy(logits, [1, 0, 0.5], reduction="none").round(4)
        array([0.0486, 0.3133, 0.6931])
        """
        if is_device_array(logits) or is_device_array(targets):
            return self._on_device(logits, targets, weight, pos_weight, reduction).value()
        self._check_reduction(reduction)
        logits, targets, factors = self._checked(logits, targets, weight, pos_weight)
        losses = self._run("value", (logits, targets), (*factors, 1.0), reduction)
        return self._loss(losses, logits, reduction)

    def value_and_gradient(
        self, logits: Any, targets: Any, *, weight: Any = None, pos_weight: Any = None, reduction: str = "mean"
    ) -> tuple[Any, Any]:
        """The loss, and its gradient with respect to the logits, in one pass over them.

        Parameters
        ----------
        logits, targets, weight, pos_weight, reduction
            As for the loss itself.

        Returns
        -------
        loss : scalar or ndarray
            As the loss itself.
        gradient : scalar or ndarray
            Of the shape and dtype of the logits. With ``reduction="none"`` each element's is that of its own loss.

        Examples
        --------
        >>> import numpy as np
        >>> import fastact as fa
        >>> loss, gradient = fa.sigmoid_binary_cross_entropy.value_and_gradient(np.array([0.0, 0.0]), [1, 0])
        >>> gradient
        array([-0.25,  0.25])
        """
        if is_device_array(logits) or is_device_array(targets):
            return self._on_device(logits, targets, weight, pos_weight, reduction).value_and_gradient()
        self._check_reduction(reduction)
        logits, targets, factors = self._checked(logits, targets, weight, pos_weight)
        parameters = (*factors, self._scale(logits, reduction))
        losses, gradient = self._run("value_and_gradient", (logits, targets), parameters, reduction)
        return self._loss(losses, logits, reduction), gradient

    def backward(
        self,
        grad: Any,
        logits: Any,
        targets: Any,
        *,
        weight: Any = None,
        pos_weight: Any = None,
        reduction: str = "mean",
    ) -> Any:
        """The gradient with respect to the logits, from the gradient with respect to the loss.

        Parameters
        ----------
        grad : array_like
            A scalar; with ``reduction="none"`` an array of the loss's shape, or a scalar for all of it.
        logits, targets, weight, pos_weight, reduction
            As for the loss itself.

        Returns
        -------
        scalar or ndarray
            Of the shape and dtype of the logits.

        Examples
        --------
        >>> import numpy as np
        >>> import fastact as fa
        >>> fa.sigmoid_binary_cross_entropy.backward(4.0, np.array([0.0, 0.0]), [1, 0])
        array([-1.,  1.])
        """
        if is_device_array(logits) or is_device_array(targets):
            return self._on_device(logits, targets, weight, pos_weight, reduction).backward(grad)
        self._check_reduction(reduction)
        logits, targets, factors = self._checked(logits, targets, weight, pos_weight)
        scale = self._upstream(grad, reduction, logits.shape) * self._scale(logits, reduction)
        parameters = (*factors, scale if scale.ndim else float(scale))
        return self._run("gradient", (logits, targets), parameters, "none")

    def _on_device(self, logits: Any, targets: Any, weight: Any, pos_weight: Any, reduction: str) -> Any:
        """The same call, on a GPU's array."""
        return _device_losses().BinaryCrossEntropy(self, logits, targets, weight, pos_weight, reduction)

    def _checked(self, logits: Any, targets: Any, weight: Any, pos_weight: Any) -> tuple[ndarray, ndarray, list[Any]]:
        logits = self._logits(logits)
        targets = self._numbers("targets", np.asarray(targets), logits)
        if targets.shape != logits.shape:
            raise ValueError(f"{self.name}: targets must have the shape of logits, {logits.shape}, got {targets.shape}")
        factors = [
            self._factor(*named, logits) for named in zip(self.info.parameters, (weight, pos_weight), strict=False)
        ]
        return logits, targets, factors

    def _factor(self, parameter: Parameter, given: Any, logits: ndarray) -> Any:
        """A parameter as a number, or as an array of the shape and dtype of the logits."""
        if given is None:
            return parameter.default
        self._check_numbers(parameter.name, factor := np.asarray(given))
        if factor.size:
            parameter.check(self.name, float(factor.min()))
        if not factor.ndim:
            return float(factor)
        try:
            return np.broadcast_to(factor.astype(logits.dtype, copy=False), logits.shape)
        except ValueError:
            raise ValueError(
                f"{self.name}: {parameter.name} of shape {factor.shape} does not broadcast to logits of shape "
                f"{logits.shape}"
            ) from None

    def _scale(self, logits: ndarray, reduction: str) -> float:
        """What the reduction multiplies an element's gradient by."""
        return 1.0 / logits.size if reduction == "mean" and logits.size else 1.0

    def _run(self, kernel: str, arrays: Sequence[ndarray], parameters: Sequence[Any], reduction: str) -> Any:
        """What a kernel gives; where losses are reduced, their sum is in their place."""
        if all(isinstance(parameter, float) for parameter in parameters):
            elementwise, operands = _ufuncs.at(self.name, kernel, tuple(parameters)), [*arrays]
        else:
            elementwise, logits = _ufuncs.general(self.name, kernel), arrays[0]
            others = [np.broadcast_to(np.asarray(each, logits.dtype), logits.shape) for each in parameters]
            operands = [*arrays, *others]
        if reduction == "none":
            results = elementwise.ufunc(*operands)
            _ufuncs.raise_failure()
            return results
        from fastact._engine.arrays import has_room
        from fastact._engine.reductions import sum_first_result

        if not has_room(operands):
            operands = [np.ascontiguousarray(operand) for operand in operands]
        if kernel == "value":
            return sum_first_result(elementwise, operands)
        gradient = np.empty_like(operands[0])
        return sum_first_result(elementwise, operands, (gradient,)), gradient[()]

    def _loss(self, losses: Any, logits: ndarray, reduction: str) -> Any:
        return _rounded(_quotient(losses, logits.size) if reduction == "mean" else losses, logits.dtype)


LOSSES = {"softmax_cross_entropy": SoftmaxCrossEntropy, "sigmoid_binary_cross_entropy": SigmoidBinaryCrossEntropy}
