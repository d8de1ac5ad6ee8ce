"""Losses of logits on a GPU: what `_losses` does for NumPy's.

Which kernel to run, and on what numbers, is decided by the very code that decides it for NumPy's arrays. It sees the
labels, which are few beside the logits and are fetched to be checked, and a stand-in for the logits, of their shape.
Losses are arrays of the GPU too, without dimensions where they are reduced.
"""

import numpy as np

from fastact._device import is_device_array
from fastact.cuda import along, elementwise, reductions
from fastact.cuda import arrays as a
from fastact.cuda.elementwise import COMPUTED_IN
from fastact.cuda.row_programs import row_programs


def stand_in(operand):
    """An array of NumPy's of an operand's shape and dtype, without its elements."""
    return np.broadcast_to(np.zeros((), a.numpy_dtype(operand.dtype)), operand.shape)


def _fetched(value):
    """An array of the host's."""
    return a.to_host(value) if is_device_array(value) else value


class CrossEntropy:
    """One call of softmax's cross-entropy.

    Parameters
    ----------
    loss : SoftmaxCrossEntropy
        Whose checks and numbers these are.
    logits, labels : array
        The logits of a GPU; labels of a GPU or of the host.
    options : dict
        ``axis``, ``label_smoothing``, ``ignore_index`` and ``class_weights``, as given.
    reduction : str
        As given.
    """

    def __init__(self, loss, logits, labels, options, reduction):
        loss._check_reduction(reduction)
        self.loss, self.name, self.reduction = loss, loss.name, reduction
        self.logits = a.device_operand(loss.name, logits)
        self.stream = a.current_stream(self.logits)
        options = options | {"class_weights": _fetched(options["class_weights"])}
        targets = None
        if is_device_array(labels) and tuple(labels.shape) == self.logits.shape:
            targets = a.operand_of(labels)
            labels = stand_in(targets)
        self.task = loss._task(stand_in(self.logits), _fetched(labels), **options)
        arrays = list(self.task.arrays)
        arrays[-1] = self.logits
        if targets is not None:
            arrays[0] = targets
        self.arrays = [self._moved(array) for array in arrays]
        self.loop = self.task.arrays[-1].dtype.name

    def _moved(self, array):
        """An array of the GPU, of the logits' shape."""
        if not isinstance(array, a.Operand):
            array = a.to_device(np.ascontiguousarray(array), self.logits)
        if array.ndim == 1 and self.logits.ndim > 1:
            axis = self.task.axis % self.logits.ndim
            strides = tuple(array.strides[0] if i == axis else 0 for i in range(self.logits.ndim))
            return a.Operand(array.address, self.logits.shape, strides, array.dtype, array.owner)
        return array

    def _number(self, number):
        if np.ndim(number) == 0 and not isinstance(number, a.Operand):
            return float(number)
        if isinstance(number, a.Operand):
            return number.broadcast_to(self.task.rows)
        number = np.broadcast_to(number, self.task.rows)
        kept = np.int64 if number.dtype.kind in "iu" else np.float64
        return a.to_device(np.ascontiguousarray(number, kept), self.logits)

    def run(self, scale=None):
        """The losses of rows in float64; with `scale`, the gradient times it, too."""
        kernel = self.task.kernel if scale is None else f"{self.task.kernel}_and_gradient"
        numbers = self.task.numbers if scale is None else (*self.task.numbers, scale)
        numbers = [self._number(each) for each in numbers]
        numbers[0] = self._label(numbers[0])
        losses = a.empty_like(self.logits, self.task.rows, "float64")
        gradient = [] if scale is None else [a.empty_like(self.logits, dtype=self.loop)]
        if losses.size:
            programs = row_programs(self.name, kernel, COMPUTED_IN[self.loop])
            axis = self.task.axis % self.logits.ndim
            along.run(programs, numbers, self.arrays, gradient, [losses], (axis,), self.stream)
        return losses, *(each.owner for each in gradient)

    def _label(self, number):
        """A label that stands alone is no number for all rows, but for the one row."""
        if self.task.kernel == "distributed" or isinstance(number, a.Operand):
            return number
        return a.to_device(np.asarray(int(number)), self.logits)

    def reduced(self, losses):
        """The loss, in the dtype of the logits."""
        result = a.empty_like(self.logits, losses.shape if self.reduction == "none" else (), self.loop)
        if self.reduction == "none":
            if losses.size:
                elementwise.copy(losses, result, self.stream)
            return result.owner
        total = self.task.total_weight
        factor = 1.0 if self.reduction == "sum" else (1.0 / total if total else float("nan"))
        return _scaled_sum(losses, factor, result, self.stream)

    def scale(self):
        """What the reduction multiplies a row's gradient by."""
        return self.task.scale(self.reduction)

    def upstream(self, grad):
        """What the gradient with respect to the loss and the reduction multiply a row's gradient by."""
        return _upstream(self, grad, self.task.rows)


def _scaled_sum(losses, factor, result, stream):
    """Write the sum of losses, times a factor, and return the array."""
    total = a.empty_like(losses, (), "float64")
    reductions.total(losses, total, stream)
    reductions.product(total, factor, result, stream)
    return result.owner


def _upstream(call, grad, shape):
    """The gradient with respect to the loss times what the reduction divides by."""
    if not is_device_array(grad):
        return call.loss._upstream(grad, call.reduction, shape) * call.scale()
    grad = a.operand_of(grad)
    expected = shape if call.reduction == "none" else ()
    if grad.shape not in ((), expected):
        raise ValueError(f"{call.name}.backward: grad must have the loss's shape {expected}, got {grad.shape}")
    scaled = a.empty_like(call.logits, grad.shape, "float64")
    if scaled.size:
        reductions.product(grad, call.scale(), scaled, call.stream)
    return scaled


# --- element by element ----------------------------------------------------------------------------


class BinaryCrossEntropy:
    """One call of the logistic sigmoid's cross-entropy; parameters as those of `CrossEntropy`."""

    def __init__(self, loss, logits, targets, weight, pos_weight, reduction):
        loss._check_reduction(reduction)
        self.loss, self.name, self.reduction = loss, loss.name, reduction
        self.logits = a.device_operand(loss.name, logits)
        self.stream = a.current_stream(self.logits)
        shape = self.logits.shape
        seen = loss._logits(stand_in(self.logits))
        self.loop = seen.dtype.name
        self.targets = self._operand("targets", targets, seen)
        if self.targets.shape != shape:
            raise ValueError(f"{loss.name}: targets must have the shape of logits, {shape}, got {self.targets.shape}")
        named = zip(loss.info.parameters, (weight, pos_weight), strict=False)
        self.factors = [self._factor(parameter, given, seen) for parameter, given in named]

    def _factor(self, parameter, given, seen):
        given = _fetched(given) if parameter.bound else given
        if not is_device_array(given):
            factor = self.loss._factor(parameter, given, seen)
            return factor if isinstance(factor, float) else a.to_device(np.ascontiguousarray(factor), self.logits)
        factor = self._operand(parameter.name, given, seen)
        self.loss._factor(parameter, stand_in(factor), seen)  # whose words are those for a shape that does not fit
        return factor.broadcast_to(self.logits.shape)

    def _operand(self, what, given, seen):
        """Numbers beside the logits, where those are."""
        if not is_device_array(given):
            return a.to_device(np.ascontiguousarray(self.loss._numbers(what, np.asarray(given), seen)), self.logits)
        operand = a.operand_of(given)
        self.loss._numbers(what, np.empty(0, a.numpy_dtype(operand.dtype)), np.empty(0, seen.dtype))
        return operand

    def _run(self, kernel, scale, results):
        """Write what a kernel gives."""
        operands = [self.logits, self.targets, *self.factors, scale]
        is_number = tuple(isinstance(each, float) for each in operands)
        numbers = tuple(part for each in operands if isinstance(each, float) for part in (each, 0.0))
        sources = [each for each in operands if not isinstance(each, float)]
        if self.logits.size:
            at = (self.name, kernel)
            elementwise.run(at, self.loop, is_number, sources, results, numbers, False, self.stream)

    def value(self):
        """The loss."""
        losses = self._losses()
        self._run("value", 1.0, [losses])
        return self._reduced(losses)

    def value_and_gradient(self):
        """The loss, and its gradient with respect to the logits."""
        losses, gradient = self._losses(), a.empty_like(self.logits, dtype=self.loop)
        self._run("value_and_gradient", self.scale(), [losses, gradient])
        return self._reduced(losses), gradient.owner

    def backward(self, grad):
        """The gradient with respect to the logits, from that with respect to the loss."""
        scale, gradient = _upstream(self, grad, self.logits.shape), a.empty_like(self.logits, dtype=self.loop)
        if not isinstance(scale, a.Operand):
            scale = a.to_device(np.ascontiguousarray(scale), self.logits) if np.ndim(scale) else float(scale)
        self._run("gradient", scale, [gradient])
        return gradient.owner

    def scale(self):
        """What the reduction multiplies an element's gradient by."""
        return self.loss._scale(stand_in(self.logits), self.reduction)

    def _losses(self):
        """Memory for a loss per element."""
        return a.empty_like(self.logits, dtype=self.loop)

    def _reduced(self, losses):
        """The loss, in the dtype of the logits."""
        if self.reduction == "none":
            return losses.owner
        size = self.logits.size
        factor = 1.0 if self.reduction == "sum" else (1.0 / size if size else float("nan"))
        return _scaled_sum(losses, factor, a.empty_like(self.logits, (), self.loop), self.stream)
