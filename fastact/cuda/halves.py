"""Calls of gated and joined activations on one array of a GPU, whose halves are taken apart without copying."""

from fastact.cuda import arrays as a
from fastact.cuda import elementwise


def gated(direction, grads, x, axis, interleaved, gate_first, keywords):
    """Run a gated linear unit on the two halves of an array.

    Parameters
    ----------
    direction : GatedDirection
        Whose definition and name it is.
    grads : list
        The gradient with respect to the output, if the direction takes one.
    x, axis, interleaved, gate_first
        As given.
    keywords : dict
        The rest.
    """
    if direction._definition.variants:
        chosen = direction._halves._variant(keywords)
        if chosen is not direction._halves:
            return gated(chosen, grads, x, axis, interleaved, gate_first, keywords)
    x = a.device_operand(direction.name, x)
    axis = direction._axis(axis, x)
    length = x.shape[axis]
    if length % 2:
        raise ValueError(f"{direction.name}: axis {axis} must have an even length to be split in two, got {length}")
    halves = _in_order(x.halves(axis, interleaved), gate_first)
    if not grads:
        return elementwise.call(direction._halves, halves, [], keywords)
    operands = [elementwise.argument(direction.name, *grads), *halves]
    whole = _whole(direction, operands, x.shape, keywords)
    out = tuple(_in_order(whole.halves(axis, interleaved), gate_first))
    elementwise.call(direction._halves, operands, [], keywords | {"out": out})
    return whole.owner


def _in_order(halves, gate_first):
    return halves[::-1] if gate_first else halves


def joined(direction, grads, x, axis, keywords):
    """Run an activation that joins two results along an axis, or the gradient of one."""
    name, x = direction.name, a.device_operand(direction.name, x)
    axis = direction._axis(axis, x)
    shape = (*x.shape[:axis], 2 * x.shape[axis], *x.shape[axis + 1 :])
    if grads:
        grad = a.device_operand(name, grads[0])
        if grad.shape != shape:
            raise ValueError(f"{name}: grad must have the output's shape {shape}, got {grad.shape}")
        return elementwise.call(direction._halves, [*grad.halves(axis), x], [], keywords)
    whole = _whole(direction, [x], shape, keywords)
    elementwise.call(direction._halves, [x], [], keywords | {"out": tuple(whole.halves(axis))})
    return whole.owner


def _whole(direction, operands, shape, keywords):
    """The array for both results."""
    loop = elementwise.loop_dtype(direction._halves, direction.ufunc, operands, keywords.get("dtype"))
    return elementwise.result_of(direction.name, keywords.pop("out", None), shape, loop, operands[-1].owner)
