"""Calls of element-wise functions on a GPU's arrays: what `Direction.__call__` does for NumPy's."""

import functools
import math

import numpy as np

from fastact._definition import registry
from fastact._device import is_device_array
from fastact.cuda import arrays as a
from fastact.cuda import kernels
from fastact.cuda.formulas import elementwise_program
from fastact.cuda.memory import BYTES, VECTOR_BYTES

#: Whose sums and products are of float32: storage is all that they are.
COMPUTED_IN = {"float16": "float32", "bfloat16": "float32", "float32": "float32", "float64": "float64"}

#: What NumPy knows.
CASTINGS = ("no", "equiv", "safe", "same_kind", "unsafe")


@functools.cache
def _body(name, direction, dtype, is_number, at_defaults, sources, results, masked):
    computed_in = COMPUTED_IN[dtype]
    program = elementwise_program(name, direction, computed_in, is_number, at_defaults)
    return kernels.Body(program, is_number, computed_in, sources, results, masked)


def call(direction, given, parameters, keywords):
    """Run one direction of an element-wise activation.

    Parameters
    ----------
    direction : Direction
        Whose definition and name it is.
    given, parameters : sequence
        Arrays of a device, or numbers.
    keywords : dict
        ``out``, ``where``, ``dtype``, ``casting`` and ``stream``, where they are given.
    """
    name, ufunc = direction.name, direction.ufunc
    keywords = dict(keywords)
    out, where = keywords.pop("out", None), keywords.pop("where", True)
    dtype, casting = keywords.pop("dtype", None), keywords.pop("casting", "same_kind")
    stream = keywords.pop("stream", None)
    if keywords:
        raise TypeError(f"{name}: {next(iter(keywords))} is not supported for GPU arrays; leave it out")
    operands = [argument(name, value) for value in (*given, *parameters)]
    like = _like(operands, out, where)
    is_number = tuple(not isinstance(value, a.Operand) for value in operands)
    loop = loop_dtype(direction, ufunc, operands, dtype)
    sources = [value for value in operands if isinstance(value, a.Operand)]
    numbers = _numbers(direction, operands, len(given), loop)
    masks = [] if where is True else [mask_of(name, where)]
    shape = _shape(name, [*sources, *masks], out)
    with a.queue(name, stream, like) as queue:
        results = _results(name, out, ufunc.nout, shape, loop, casting, like)
        if math.prod(shape):
            at = (direction._definition.name, direction._direction)
            run(at, loop, is_number, [*sources, *masks], results, numbers, bool(masks), queue)
    arrays = tuple(result.owner for result in results)
    return arrays[0] if len(arrays) == 1 else arrays


def run(at, loop, is_number, sources, results, numbers, masked, stream):
    """Launch the kernel of a direction on operands that fit together."""
    shape = results[0].shape
    sources = [source.broadcast_to(shape) for source in sources]
    written = [apart(result, sources) for result in results]
    dtypes = [tuple(each.dtype for each in several) for several in (sources, results)]
    body = _body(*at, loop, is_number, _is_at_defaults(*at, loop, numbers), *dtypes, masked)
    operands = [*sources, *written]
    addresses = tuple(each.address for each in sources), tuple(each.address for each in written)
    sizes, strides = coalesced(operands)
    count, numbers, device = math.prod(shape), numbers or (0.0,), a.device_of(results[0])
    addresses = (addresses[0] or (0,), addresses[1])
    if not masked and _is_one_run(operands, sizes, strides):
        threads = -(-count // body.width)
        kernels.launch(kernels.contiguous_kernel, body, threads, (count, *addresses, numbers), stream, device)
    else:
        flat = tuple(step for each in strides for step in each)
        arguments = (count, *addresses, numbers, tuple(sizes), flat)
        kernels.launch(kernels.strided_kernel, body, count, arguments, stream, device)
    for result, temporary in zip(results, written, strict=True):
        if temporary is not result:
            copy(temporary, result, stream)


def apart(result, sources):
    """The result, or memory of its own where writing it would spoil what is still to be read."""
    if not any(result.may_overlap(source) for source in sources):
        return result
    return a.empty_like(result)


def copy(source, result, stream):
    """Write an array's elements to another, in its dtype."""
    dtype = source.dtype if source.dtype in COMPUTED_IN else "float64"
    run(("identity", "value"), dtype, (False,), [source], [result], (), False, stream)


def contiguous(operand, stream):
    """The array itself, or a copy in C order."""
    if operand.is_contiguous:
        return operand
    copied = a.empty_like(operand)
    copy(operand, copied, stream)
    return copied


def _is_one_run(operands, sizes, strides):
    if len(sizes) > 1 or any(each.address % VECTOR_BYTES for each in operands):
        return False
    return all(step == (BYTES[each.dtype],) or sizes == (1,) for each, step in zip(operands, strides, strict=True))


def coalesced(operands):
    """The fewest axes that serve all operands: their lengths, and each operand's strides."""
    last = operands[-1]
    order = sorted((i for i in range(last.ndim) if last.shape[i] != 1), key=lambda i: -abs(last.strides[i]))
    sizes, strides = [], [[] for _ in operands]
    for axis in order:
        length = last.shape[axis]
        steps = [each.strides[axis] for each in operands]
        if sizes and all(mine[-1] == step * length for mine, step in zip(strides, steps, strict=True)):
            sizes[-1] *= length
            for mine, step in zip(strides, steps, strict=True):
                mine[-1] = step
            continue
        sizes.append(length)
        for mine, step in zip(strides, steps, strict=True):
            mine.append(step)
    if not sizes:
        return (1,), [(0,) for _ in operands]
    return tuple(sizes), [tuple(each) for each in strides]


# --- what calls are given --------------------------------------------------------------------------


def argument(name, value):
    """What a function is given: an operand of a device, or a number of the host's."""
    if isinstance(value, a.Operand) or is_device_array(value):
        return a.device_operand(name, value)
    if isinstance(value, bool | int | float):
        return value
    array = np.asarray(value)
    if array.ndim == 0 and array.dtype.kind in "biuf":
        return array[()]
    return a.device_operand(name, array)


def _like(operands, out, where):
    """The array whose kind and device results have."""
    for operand in operands:
        if isinstance(operand, a.Operand):
            return operand.owner
    for value in (*(out if isinstance(out, tuple) else (out,)), where):
        if is_device_array(value):
            return value
    raise TypeError("no array of a GPU was given")


def loop_dtype(direction, ufunc, operands, dtype=None):
    """The dtype that NumPy would compute in."""
    if dtype is not None:
        name = _dtype_name(dtype)
        if name not in COMPUTED_IN:
            raise direction._explained(TypeError(), [], {"dtype": dtype})
        return name
    kinds = [each.dtype if isinstance(each, a.Operand) else None for each in operands]
    known = {kind for kind in kinds if kind is not None}
    if known == {"bfloat16"}:
        return "bfloat16"
    asked = [_asked(kind, operand) for kind, operand in zip(kinds, operands, strict=True)]
    own = len(direction._definition.parameters)
    if own and all(type(operand) in (int, float) for operand in operands[-own:]):
        asked[-own:] = [np.dtype("float16")] * own  # as constants of a kernel, they have no say
    try:
        return ufunc.resolve_dtypes((*asked, *[None] * ufunc.nout))[-1].name
    except TypeError:
        from fastact._activation import ACCEPTED

        raise TypeError(f"{direction.name} does not take {', '.join(sorted(known))}; {ACCEPTED}") from None


def _dtype_name(dtype):
    name = str(dtype).removeprefix("torch.")
    return "bfloat16" if name == "bfloat16" else np.dtype(name if str(dtype) != name else dtype).name


def _asked(kind, operand):
    if kind is not None:
        return np.dtype("float32" if kind == "bfloat16" else kind)
    return type(operand) if type(operand) in (int, float) else np.asarray(operand).dtype


def _is_at_defaults(name, direction, loop, numbers):
    """Whether the last of the host's numbers are parameters, all of them defaults, and there is a form for that."""
    definition = registry[name]
    parts = tuple(zip(numbers[0::2], numbers[1::2], strict=True))[-len(definition.parameters) :]
    return loop != "float64" and definition.is_at_defaults(direction, parts)


def _numbers(direction, operands, arrays, loop):
    """The host's numbers, each in two parts."""
    parts = []
    for i, operand in enumerate(operands):
        if isinstance(operand, a.Operand):
            continue
        if i < arrays:
            parts += [float(operand) if loop == "float64" else float(np.float32(operand)), 0.0]
            continue
        parameter = direction._definition.parameters[i - arrays]
        parameter.check(direction.name, operand)
        parts += parameter.parts(float(operand))
    return tuple(parts)


def mask_of(name, where):
    """The operand that says which elements take part."""
    if not is_device_array(where) or (mask := a.operand_of(where)).dtype != "bool":
        raise TypeError(f"{name}: where must be a boolean array of the GPU")
    return mask


def broadcast_shape(name, operands):
    """The shape that operands have together."""
    shapes = [each.shape for each in operands]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        listed = " ".join(map(str, shapes))
        raise ValueError(f"{name}: operands of shapes {listed} do not broadcast together") from None


def _shape(name, operands, out):
    shapes, shape = [each.shape for each in operands], broadcast_shape(name, operands)
    if out is None:
        return shape
    first = next((each for each in (out if isinstance(out, tuple) else (out,)) if each is not None), None)
    return shape if first is None else _fitting(name, tuple(first.shape), shape, shapes)


def _fitting(name, out, shape, shapes):
    try:
        if np.broadcast_shapes(out, shape) == out:
            return out
    except ValueError:
        pass
    listed = " ".join(map(str, shapes))
    raise ValueError(
        f"{name}: out of shape {out} cannot hold the result of operands {listed}; "
        "pass out of the operands' broadcast shape"
    )


def _results(name, out, count, shape, loop, casting, like):
    outs = out if isinstance(out, tuple) else (out,) * count
    if len(outs) != count or (out is not None and not isinstance(out, tuple) and count > 1):
        raise ValueError(f"{name} gives {count} arrays: pass out as a tuple of {count}")
    results = []
    for each in outs:
        if each is None:
            each = a.library_of(like).empty(shape, loop, like)
        elif not isinstance(each, a.Operand) and not is_device_array(each):
            raise TypeError(f"{name}: out must be an array of the GPU, got {type(each).__name__}")
        operand = a.device_operand(name, each)
        if operand.shape != shape:
            raise ValueError(f"{name}: out has shape {operand.shape}, the result {shape}; pass out of that shape")
        _check_casting(name, loop, operand.dtype, casting)
        results.append(operand)
    return results


def _check_casting(name, loop, dtype, casting):
    if casting not in CASTINGS:
        raise ValueError(f"{name}: casting must be one of {', '.join(map(repr, CASTINGS))}, got {casting!r}")
    if loop == dtype:
        return
    both_float = dtype in COMPUTED_IN and loop in COMPUTED_IN
    widens = both_float and dtype in ("float32", "float64") and BYTES[dtype] > BYTES[loop]
    if both_float and (casting in ("same_kind", "unsafe") or (casting == "safe" and widens)):
        return
    raise TypeError(f"{name}: cannot cast the result from {loop} to out's {dtype} with casting={casting!r}")


def result_of(name, out, shape, loop, like):
    """The array for one result: the one that is given, or a new one."""
    return _results(name, out, 1, shape, loop, "same_kind", like)[0]
