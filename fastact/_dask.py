"""What dask's own handling of ufuncs leaves out, done lazily and chunk by chunk.

A function along an axis that dask has cut needs of the other chunks very little, if it is softmax or of its kin: the
largest element and the sum of exponentials of each row. Those meet in one place, in long double, and go back as one
number per row and chunk. Groups of adjacent channels only need cuts between them. Every other function gets its axis in
one chunk, cut again afterwards.
"""

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import dask.array as da
import numpy as np
from dask.array.core import broadcast_chunks, slices_from_chunks, unify_chunks
from dask.delayed import delayed

import fastact
from fastact import _ufuncs
from fastact._axes import others
from fastact._definition import Definition
from fastact._engine.blocks import WEIGHTED
from fastact._engine.reductions import split_axes
from fastact._rows import EMPTY
from fastact._statistics import Partials, merged, of_nothing
from fastact._streaming import Sample, Share, Subject, gather

# --- element by element: dask takes ufuncs of one result -------------------------------------------


def several_results(ufunc: np.ufunc, operands: Sequence[Any], keywords: dict[str, Any]) -> tuple:
    """The results of a ufunc that has several, one dask array each."""
    if keywords.get("out") is not None:
        raise _no_out(ufunc.__name__)
    numbers = [operand if type(operand) in (float, int) else None for operand in operands]
    arrays = [da.asarray(operand) for operand, number in zip(operands, numbers, strict=True) if number is None]
    arrays = _on_one_grid(arrays)
    function = functools.partial(_with_numbers, ufunc, numbers, keywords)
    samples = function(*(np.empty((0,) * array.ndim, array.dtype) for array in arrays))
    signature = ",".join(["()"] * len(arrays)) + "->" + ",".join(["()"] * ufunc.nout)
    return da.apply_gufunc(function, signature, *arrays, output_dtypes=[sample.dtype for sample in samples])


def _with_numbers(ufunc: np.ufunc, numbers: list, keywords: dict[str, Any], *arrays: Any) -> Any:
    """Call the ufunc with Python's numbers as such, since an array of one would decide the dtype."""
    rest = iter(arrays)
    return ufunc(*(next(rest) if number is None else number for number in numbers), **keywords)


def parameter_gradients(definition: Definition, grad: Any, x: Any, parameters: list) -> tuple:
    """The gradients with respect to parameters, each a sum of all chunks' sums in float64."""
    constant = all(type(value) in (float, int) for value in parameters)
    operands = [grad, x] if constant else [grad, x, *parameters]
    gradients = []
    for parameter, value in zip(definition.parameters, parameters, strict=True):
        direction = f"{WEIGHTED}{parameter.name}_derivative"
        if constant:
            ufunc = _ufuncs.at(definition.name, direction, tuple(map(float, parameters))).ufunc
        else:
            ufunc = _ufuncs.general(definition.name, direction).ufunc
        terms = ufunc(*operands)
        summed = tuple(split_axes(terms.shape, np.shape(value))[1])
        total = terms.sum(axis=summed, dtype=np.float64).reshape(np.shape(value))
        gradients.append(total.astype(terms.dtype))
    return tuple(gradients)


def gathered(subjects: Sequence[Subject], x: Any, grad: Any, kept: tuple[int, ...]) -> tuple[list[Partials], Sample]:
    """What `_streaming.gather` gives, of all chunks and in one computation."""
    x = da.asarray(x)
    extents = tuple(x.shape[axis] for axis in kept)
    parts: dict[tuple[tuple[int, int], ...], list] = {}
    arrays = [grad, *(value for subject in subjects for value in subject.parameters if np.ndim(value))]
    chunks = [_delayed_chunks(array, x) for array in (x, *arrays)]
    for number, (place, block) in enumerate(zip(np.ndindex(x.numblocks), slices_from_chunks(x.chunks), strict=True)):
        x_chunk, grad_chunk, *rest = (chunk[place] for chunk in chunks)
        own = iter(rest)
        given = [
            replace(subject, parameters=tuple(next(own) if np.ndim(value) else value for value in subject.parameters))
            for subject in subjects
        ]
        along_kept = tuple((block[axis].start, block[axis].stop) for axis in kept)
        share = Share(x.size, number, tuple(start for start, _ in along_kept), extents)
        part = delayed(gather)(given, x_chunk, grad_chunk, kept, share)
        parts.setdefault(along_kept, []).append(part)
    return delayed(_assembled)(extents, list(parts), list(map(_in_a_tree, parts.values()))).compute()


def _delayed_chunks(array: Any, x: Any) -> Any:
    array = da.asarray(array)
    array = array if array.shape == x.shape else da.broadcast_to(array, x.shape)
    # Not optimised each for itself, which would compute twice what arrays share.
    return array.rechunk(x.chunks).to_delayed(optimize_graph=False)


def _in_a_tree(parts: list) -> Any:
    """One of many parts, a few at a time, so that no worker holds all of them."""
    while len(parts) > 1:
        parts = [delayed(_one_of)(parts[i : i + 16]) for i in range(0, len(parts), 16)]
    return parts[0]


def _one_of(parts: list) -> tuple[list[Partials], Sample]:
    sample = Sample()
    for _, drawn in parts:
        sample.add(drawn)
    states = zip(*(states for states, _ in parts), strict=True)
    return [merged(np.stack(partials, axis=-2)) for partials in states], sample


def _assembled(extents: tuple[int, ...], places: list, parts: list) -> tuple[list[Partials], Sample]:
    """Parts side by side along the kept axes."""
    sample = Sample()
    whole = [of_nothing(extents) for _ in parts[0][0]]
    for place, (states, drawn) in zip(places, parts, strict=True):
        sample.add(drawn)
        for state, part in zip(whole, states, strict=True):
            state[tuple(slice(*ends) for ends in place)] = part
    return whole, sample


def drawn(draw: Callable[..., Any], rng: Any, x: Any, parameters: Sequence[Any], dtype: Any) -> Any:
    """One random number per element, each chunk with a seed of its own that is spawned from `rng`."""
    like = functools.reduce(np.add, [da.asarray(parameter) for parameter in parameters], x)
    # Not generators, which another computation of the same chunk would find where the last one left them.
    seeds = [spawned.bit_generator.seed_seq for spawned in np.random.default_rng(rng).spawn(like.npartitions)]
    options = {"draw": draw, "seeds": seeds, "grid": like.numblocks, "result_dtype": dtype, "dtype": dtype}
    return like.map_blocks(_drawn_block, *map(da.asarray, parameters), **options)


def _drawn_block(
    like: Any, *parameters: Any, draw: Callable[..., Any], seeds: list, grid: tuple, result_dtype: Any, block_id: tuple
) -> Any:
    generator = np.random.default_rng(seeds[np.ravel_multi_index(block_id, grid) if grid else 0])
    return np.asarray(draw(generator, like.shape, *parameters)).astype(result_dtype)


def joined(gradients: Sequence[Any], x: Any, axis: int, interleaved: bool, gate_first: bool) -> Any:
    """The gradients of both halves of `x` in one array, in chunks like its own."""
    parts = [gradients[1], gradients[0]] if gate_first else list(gradients)
    result = da.stack(parts, axis + 1).reshape(x.shape) if interleaved else da.concatenate(parts, axis)
    return result.rechunk(da.asarray(x).chunks)


# --- along an axis --------------------------------------------------------------------------------


def along_axes(function: Any, arrays: list, axes: tuple[int, ...], given: dict[str, Any]) -> Any:
    """One direction of a function along an axis, or several.

    Parameters
    ----------
    function : AxisDirection
        What to compute, given whole rows.
    arrays : list
        As the direction takes them; they or ``where`` are dask arrays.
    axes : tuple of int
        Not negative.
    given : dict
        What else the call was given.
    """
    if given["out"] is not None:
        raise _no_out(function.name)
    keywords = {name: value for name, value in given.items() if not _is_default(name, value)}
    arrays = [da.asarray(array) for array in arrays]
    x = arrays[-1]
    if arrays[0].ndim == x.ndim - len(axes) < x.ndim:  # the gradient of what has lost its axes
        arrays[0], keywords = da.expand_dims(arrays[0], axes), {**keywords, "keepdims": True}
    _check_shapes(function.name, arrays, axes)
    is_whole = all(len(x.chunks[axis]) == 1 for axis in axes)
    is_masked = any(isinstance(array._meta, np.ma.MaskedArray) for array in arrays)
    arrays = _on_one_grid(arrays, axes)
    may_exchange = len(axes) == 1 and not is_whole and not is_masked and keywords.keys() <= {"dtype", "keepdims"}
    if may_exchange and (exchange := _EXCHANGED.get(function.name)):
        return _exchanged(exchange, function.name, arrays, axes[0], x.chunks[axes[0]], keywords)
    if keywords.keys() <= {"pieces", "dtype"} and "pieces" in keywords:
        result = _in_groups(function, arrays, axes[0], x.chunks[axes[0]], keywords)
    else:
        result = _whole_rows(function, arrays, axes, keywords)
    same_shape = result.ndim == x.ndim and all(result.shape[axis] == x.shape[axis] for axis in axes)
    return result.rechunk({axis: x.chunks[axis] for axis in axes}) if same_shape else result


def _is_default(name: str, value: Any) -> bool:
    """Whether an argument asks for nothing."""
    if name in ("where", "keepdims"):
        return value is (name == "where")
    return name == "axis" or value is None or (name == "empty" and value == EMPTY[0])


def _exchanged(
    exchange: Callable[..., Any], name: str, arrays: list, axis: int, sizes: tuple[int, ...], keywords: dict[str, Any]
) -> Any:
    if "dtype" in keywords:
        arrays = [array.astype(keywords["dtype"]) for array in arrays]
    result = exchange(*(array if array.shape[axis] == 1 else array.rechunk({axis: sizes}) for array in arrays), axis)
    lost = name == "logsumexp" and not keywords.get("keepdims")
    return result.squeeze(axis) if lost else result


def _no_out(name: str) -> TypeError:
    return TypeError(f"{name}: a dask array is computed later and cannot be written to: leave out out")


def _check_shapes(name: str, arrays: list, axes: tuple[int, ...]) -> None:
    try:
        if len({array.ndim for array in arrays}) > 1:
            raise ValueError
        np.broadcast_shapes(*(tuple(array.shape[i] for i in others(array.ndim, axes)) for array in arrays))
    except ValueError:
        shapes = " ".join(str(array.shape) for array in arrays)
        raise ValueError(f"{name}: operands of shapes {shapes} do not fit together") from None


def _on_one_grid(arrays: list, axes: tuple[int, ...] = ()) -> list:
    """The arrays cut in the same places, but for those along the axes."""
    pairs: list = []
    for number, array in enumerate(arrays):
        # Dimensions are matched from the last one on; a name of its own is matched with none.
        pairs += [array, [f"{number} {i}" if i in axes else i - array.ndim for i in range(array.ndim)]]
    return unify_chunks(*pairs, warn=False)[1]  # axes that are matched with none seem to multiply chunks


def _whole_rows(function: Any, arrays: list, axes: tuple[int, ...], keywords: dict[str, Any]) -> Any:
    has_mask = "where" in keywords
    if has_mask:
        where, x = keywords.pop("where"), arrays[-1]
        arrays = [*arrays, da.broadcast_to(da.asarray(where), x.shape).rechunk(x.chunks)]
    arrays = [array.rechunk(dict.fromkeys(axes, -1)) for array in arrays]
    last = -1 if len(axes) == 1 else tuple(range(-len(axes), 0))
    by_rows = functools.partial(_by_rows, function, {**keywords, "axis": last}, has_mask)
    sample = by_rows(*(np.empty((0, *(array.shape[axis] for axis in axes)), array.dtype) for array in arrays))
    lengths = {f"m{i}": length for i, length in enumerate(sample.shape[1:])}
    cores = [",".join(f"n{number}_{axis}" for axis in axes) for number in range(len(arrays))]
    return da.apply_gufunc(
        by_rows,
        ",".join(f"({core})" for core in cores) + f"->({','.join(lengths)})",
        *arrays,
        axes=[axes] * len(arrays) + [axes if lengths else ()],
        output_sizes=lengths,
        output_dtypes=sample.dtype,
    )


def _by_rows(function: Any, keywords: dict[str, Any], has_mask: bool, *arrays: Any) -> Any:
    if has_mask:
        arrays, keywords = arrays[:-1], {**keywords, "where": arrays[-1]}
    return function(*arrays, **keywords)


def _in_groups(function: Any, arrays: list, axis: int, sizes: tuple[int, ...], keywords: dict[str, Any]) -> Any:
    """Maxout: cuts are moved to where no group is on both sides."""
    pieces = keywords["pieces"]
    samples = [np.empty((0, array.shape[axis]), array.dtype) for array in arrays]
    dtype = function(*samples, **keywords, axis=-1).dtype  # which also refuses what does not divide the axis
    cuts = [end // pieces for end in itertools.accumulate(sizes)]
    units = tuple(np.diff(sorted({0, *cuts})).tolist()) or (0,)
    channels = tuple(pieces * unit for unit in units)
    *grad, x = arrays
    given = [part.rechunk({axis: units}) for part in grad] + [x.rechunk({axis: channels})]
    rest = broadcast_chunks(*((*array.chunks[:axis], *array.chunks[axis + 1 :]) for array in given))
    chunks = (*rest[:axis], channels if grad else units, *rest[axis:])
    return da.map_blocks(function, *given, **keywords, axis=axis, chunks=chunks, dtype=dtype)


# --- softmax and its kin along an axis in chunks -----------------------------------------------------


def _softmax(x: Any, axis: int, *, rounded: bool = True) -> Any:
    return _value("softmax", x, axis, rounded)


def _log_softmax(x: Any, axis: int, *, rounded: bool = True) -> Any:
    return _value("log_softmax", x, axis, rounded)


def _value(name: str, x: Any, axis: int, rounded: bool) -> Any:
    function = fastact.get(name)
    dtype = function(np.empty(1, x.dtype)).dtype
    # What a chunk rounds goes into the row twice, in its results and in the sum that it tells of: results are rounded
    # to a narrower dtype at the end, once.
    x = x.astype(np.float64)
    own = x.map_blocks(function, axis=axis, dtype=x.dtype)
    largest, share = (_largest_of_each_chunk(part, axis) for part in (x, own))
    gathered = [part.rechunk({axis: -1}) for part in (largest, share)]
    correction = da.map_blocks(_corrections, name, *gathered, axis=axis, dtype=np.float64).rechunk({axis: 1})
    dtype = dtype if rounded else np.promote_types(dtype, np.float64)
    return da.map_blocks(_CORRECTED[name], own, correction, result_dtype=dtype, dtype=dtype)


def _largest_of_each_chunk(array: Any, axis: int) -> Any:
    options = {"keepdims": True, "initial": -np.inf, "chunks": _one_each(array, axis), "dtype": array.dtype}
    return array.map_blocks(np.max, axis=axis, **options)


def _one_each(array: Any, axis: int) -> tuple:
    """The chunks of what has one number for each row of each chunk."""
    return tuple((1,) * len(sizes) if i == axis else sizes for i, sizes in enumerate(array.chunks))


def _sums(largest: Any, share: Any, axis: int) -> tuple[Any, Any]:
    """Each chunk's sum of exponentials of what its elements are less than the largest of all, and the others' sum."""
    lead = _lead(largest, axis)
    # A chunk that is all -inf adds nothing to the others, and has no share of its own.
    sums = np.where(np.isneginf(lead), 0, np.exp(lead) / share)
    # Not the total less the own one, which cancels where a chunk dominates.
    before, after = (_sum_before(part, axis) for part in (sums, np.flip(sums, axis)))
    return sums, before + np.flip(after, axis)


def _lead(largest: Any, axis: int) -> Any:
    """How far each chunk's largest element is above the largest of all."""
    largest = largest.astype(np.longdouble)
    of_all = largest.max(axis=axis, keepdims=True)
    return np.where(largest == of_all, 0, largest - of_all)  # infinities, too, are level with each other


def _sum_before(sums: Any, axis: int) -> Any:
    shifted = np.roll(sums, 1, axis)
    shifted[(slice(None),) * axis + (0,)] = 0
    return shifted.cumsum(axis)


def _corrections(name: str, largest: Any, share: Any, axis: int) -> Any:
    with np.errstate(all="ignore"):
        return _CORRECTIONS[name](largest, share.astype(np.longdouble), axis).astype(np.float64)


def _factor(largest: Any, share: Any, axis: int) -> Any:
    own, others = _sums(largest, share, axis)
    return own / (own + others)


def _summand(largest: Any, logarithm: Any, axis: int) -> Any:
    own, others = _sums(largest, np.exp(logarithm), axis)
    # A chunk far below the others has a sum that underflows, not a logarithm.
    lead = _lead(largest, axis)
    far = np.where(np.isneginf(lead), lead, lead - logarithm - np.log(own + others))
    return np.where(others < own, -np.log1p(others / own), far)


def _times(own: Any, factor: Any, result_dtype: Any) -> Any:
    return np.where(factor == 0, 0, own * factor).astype(result_dtype)


def _plus(own: Any, summand: Any, result_dtype: Any) -> Any:
    with np.errstate(over="ignore"):
        return np.where(np.isneginf(summand), summand, own + summand).astype(result_dtype)


_CORRECTIONS = {"softmax": _factor, "log_softmax": _summand}
_CORRECTED = {"softmax": _times, "log_softmax": _plus}


def _softmax_gradient(grad: Any, y: Any, axis: int) -> Any:
    return _from_sum(np.multiply, _around_mean, grad, y, axis)


def _around_mean(grad: Any, y: Any, mean: Any) -> Any:
    return y * (grad - mean)


def _log_softmax_gradient(grad: Any, y: Any, axis: int) -> Any:
    return _from_sum(_grad_alone, _less_share, grad, y, axis)


def _grad_alone(grad: Any, y: Any) -> Any:
    return grad


def _less_share(grad: Any, y: Any, total: Any) -> Any:
    return grad - np.exp(y) * total


def _from_sum(term: Callable[..., Any], gradient: Callable[..., Any], grad: Any, y: Any, axis: int) -> Any:
    """A gradient that needs, of all chunks, one sum per row."""
    sums = da.map_blocks(_sum_of, term, grad, y, axis=axis, chunks=_one_each(y, axis), dtype=np.float64)
    gathered = sums.rechunk({axis: -1})
    total = gathered.map_blocks(_total, axis=axis, chunks=_one_each(gathered, axis), dtype=np.float64)
    return da.map_blocks(_in_float64, gradient, grad, y, total, dtype=np.float64)


def _sum_of(term: Callable[..., Any], *arrays: Any, axis: int) -> Any:
    return _total(_in_float64(term, *arrays), axis)


def _total(sums: Any, axis: int) -> Any:
    with np.errstate(invalid="ignore"):
        return sums.sum(axis=axis, keepdims=True)


def _in_float64(formula: Callable[..., Any], *arrays: Any) -> Any:
    with np.errstate(all="ignore"):
        return formula(*(array.astype(np.float64) for array in arrays))


def _backward(value: Callable[..., Any], gradient: Callable[..., Any], grad: Any, x: Any, axis: int) -> Any:
    dtype = fastact.softmax.backward(np.empty(1, grad.dtype), np.empty(1, x.dtype)).dtype
    return gradient(grad, value(x, axis, rounded=False), axis).astype(dtype)


def _backward_from_output(gradient: Callable[..., Any], grad: Any, y: Any, axis: int) -> Any:
    dtype = fastact.softmax.backward_from_output(np.empty(1, grad.dtype), np.empty(1, y.dtype)).dtype
    return gradient(grad, y, axis).astype(dtype)


def _softmin(x: Any, axis: int) -> Any:
    return _softmax(-_at_least_float(x), axis)


def _softmin_backward(grad: Any, x: Any, axis: int) -> Any:
    return -_backward(_softmax, _softmax_gradient, grad, -_at_least_float(x), axis)


def _softmin_backward_from_output(grad: Any, y: Any, axis: int) -> Any:
    return -_backward_from_output(_softmax_gradient, grad, y, axis)


def _at_least_float(x: Any) -> Any:
    """Unsigned integers have no negatives."""
    return x if x.dtype.kind == "f" else x.astype(fastact.softmax(np.empty(1, x.dtype)).dtype)


def _logsumexp(x: Any, axis: int) -> Any:
    dtype = fastact.logsumexp(np.empty(1, x.dtype)).dtype
    parts = x.map_blocks(_logsumexp_of, axis=axis, chunks=_one_each(x, axis), dtype=np.float64).rechunk({axis: -1})
    return parts.map_blocks(_logsumexp_of, axis=axis, chunks=_one_each(parts, axis), dtype=np.float64).astype(dtype)


def _logsumexp_of(x: Any, axis: int) -> Any:
    return fastact.logsumexp(x.astype(np.float64), axis=axis, keepdims=True)


def _logsumexp_backward(grad: Any, x: Any, axis: int) -> Any:
    dtype = fastact.softmax.backward(np.empty(1, grad.dtype), np.empty(1, x.dtype)).dtype
    y = _softmax(x, axis, rounded=False)
    return da.map_blocks(_in_float64, np.multiply, grad, y, dtype=np.float64).astype(dtype)


_EXCHANGED: dict[str, Callable[..., Any]] = {
    "softmax": _softmax,
    "softmax.backward": functools.partial(_backward, _softmax, _softmax_gradient),
    "softmax.backward_from_output": functools.partial(_backward_from_output, _softmax_gradient),
    "softmin": _softmin,
    "softmin.backward": _softmin_backward,
    "softmin.backward_from_output": _softmin_backward_from_output,
    "logsumexp": _logsumexp,
    "logsumexp.backward": _logsumexp_backward,
    "log_softmax": _log_softmax,
    "log_softmax.backward": functools.partial(_backward, _log_softmax, _log_softmax_gradient),
    "log_softmax.backward_from_output": functools.partial(_backward_from_output, _log_softmax_gradient),
}
