"""Functions along several axes, with masks, on rows of which nothing is left; their Jacobian matrices."""

import pickle

import dask.array
import numpy as np
import pytest
from cases import AXISWISE
from mpmath import mp
from numpy.testing import assert_allclose, assert_array_equal

import fastact as fa
from fastact._accuracy.reference import exact_row, ulp_error

FUNCTIONS = [name for name in AXISWISE if name != "maxout"]
KEEPING = [name for name in FUNCTIONS if fa.get(name).info.has_jacobian]
EMPTYING = [name for name in FUNCTIONS if fa.get(name).info.has_empty_rows]
CALLS = [(name, direction) for name in FUNCTIONS for direction in fa.get(name).info.directions]
AXES = [None, (0, 1), (0, 2), (2, 1), (-1,), ()]


def call_of(name, direction):
    return fa.get(name) if direction == "value" else getattr(fa.get(name), direction)


def operands(name, direction, shape, axis=-1, seed=0):
    """What a direction takes, float32: a gradient of the result's shape where it takes one, and x or y."""
    x, grad = np.random.default_rng(seed).normal(0, 2, (2, *shape)).astype("f4")
    if direction == "value":
        return (x,)
    y = fa.get(name)(x, axis=axis)
    return (grad if y.shape == shape else y, y if direction == "backward_from_output" else x)


def joined(array, axes):
    """An array with the axes made one, its last."""
    axes = range(array.ndim) if axes is None else [axis % array.ndim for axis in axes]
    rest = [i for i in range(array.ndim) if i not in axes]
    moved = array.transpose(*rest, *sorted(axes))
    return np.ascontiguousarray(moved.reshape(*moved.shape[: len(rest)], -1))


def rows_of(name, given, axes):
    """Operands with the axes made one, those that have them."""
    *grad, x = given
    return [*(array if fa.get(name).info.reduces else joined(array, axes) for array in grad), joined(x, axes)]


def result_rows(name, direction, result, axes):
    return result if fa.get(name).info.reduces and direction == "value" else joined(result, axes)


LAYOUTS = {
    "C": lambda x: x,
    "Fortran": np.asfortranarray,
    "every second": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
}


@pytest.mark.parametrize("axes", AXES, ids=str)
@pytest.mark.parametrize(("name", "direction"), CALLS)
def test_several_axes(name, direction, axes):
    call, given = call_of(name, direction), operands(name, direction, (3, 4, 5), axes)
    expected = call(*rows_of(name, given, axes))
    for layout in LAYOUTS.values():
        laid_out = [layout(array) if array.ndim == 3 else array for array in given]
        result = call(*laid_out, axis=axes)
        assert result.dtype == np.float32
        assert_array_equal(result_rows(name, direction, result, axes), expected)
        out = np.empty(result.shape, "f4")
        out = layout(out) if out.ndim == 3 else out
        assert call(*laid_out, axis=axes, out=out) is out
        assert_array_equal(out, result)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 7, 8, 10, 15, 16, 31, 32, 33])
def test_short_rows_have_the_same_bits_in_any_company(length, dtype):
    x, grad = np.random.default_rng(length).normal(0, 2, (2, 301, length)).astype(dtype)
    wide = np.repeat(x, 2, axis=1)
    alone = np.array([fa.softmax(row) for row in x])
    alone_backward = np.array([fa.softmax.backward(*rows) for rows in zip(grad, x, strict=True)])
    for count in (1, 3, 7, 8, 9, 64, 301):
        assert_array_equal(fa.softmax(x[:count]), alone[:count])
        assert_array_equal(fa.softmax(wide[:count, ::2]), alone[:count])
        assert_array_equal(fa.softmax(x[:count].T, axis=0).T, alone[:count])
        assert_array_equal(fa.softmax.backward(grad[:count], x[:count]), alone_backward[:count])
        out = np.full((length, count), 7, dtype).T
        assert fa.softmax(x[:count], out=out) is out
        assert_array_equal(out, alone[:count])


# What is made of the sum of exponentials less that of one largest element, of logits and labels.
OF_LEADERS = {
    "log_softmax": lambda x, labels: [fa.log_softmax(x)],
    "logsumexp": lambda x, labels: [fa.logsumexp(x)],
    **{
        f"cross-entropy, {name}": lambda x, labels, options=options: [
            fa.softmax_cross_entropy(x, labels, reduction="none", **options),
            *fa.softmax_cross_entropy.value_and_gradient(x, labels, reduction="none", **options),
        ]
        for name, options in {"labels": {}, "smoothed labels": {"label_smoothing": 0.1}}.items()
    },
    "cross-entropy, distributions": lambda x, labels: [
        fa.softmax_cross_entropy(x, fa.softmax(-x), reduction="none"),
        *fa.softmax_cross_entropy.value_and_gradient(x, fa.softmax(-x), reduction="none"),
    ],
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("length", [5, 40, 700, 5000, 100_000])
@pytest.mark.parametrize("name", OF_LEADERS)
def test_rows_with_a_leader_have_the_same_bits_in_any_company(name, length, dtype):
    """Rows that one element dominates by so much, or two, or none, or that have an infinity or NaN."""
    random = np.random.default_rng(length)
    x = random.normal(0, 1, (12, length)).astype(dtype)
    x[np.arange(10), random.integers(0, length, 10)] += [0, 10, 20, 25, 30, 40, 90, 200, 800, np.inf]
    x[10, [0, 3]] = 50
    x[11, 1] = np.nan
    labels = random.integers(0, length, 12)
    together, transposed = OF_LEADERS[name](x, labels), OF_LEADERS[name](np.asfortranarray(x), labels)
    for i in range(12):
        alone = OF_LEADERS[name](x[i : i + 1], labels[i : i + 1])
        for one, all_of_them, other in zip(alone, together, transposed, strict=True):
            assert_array_equal(all_of_them[i], one[0])
            assert_array_equal(other[i], one[0])


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize(("name", "direction"), CALLS)
def test_results_lie_in_memory_as_operands_do(name, direction, axis):
    """As element-wise ufuncs' do, and no other library transposes behind the caller's back."""
    given = operands(name, direction, (3, 4, 5), axis)
    result = call_of(name, direction)(*given, axis=axis)
    assert result.flags.c_contiguous
    if result.shape == given[-1].shape:
        turned = [array.T.copy().T if array.ndim == 3 else array for array in given]
        other = call_of(name, direction)(*turned, axis=axis)
        assert other.flags.f_contiguous
        assert_array_equal(other, result)


@pytest.mark.parametrize("name", KEEPING)
def test_all_axes_of_a_scalar_and_in_place(name):
    number = np.float32(2.5)
    assert fa.get(name)(number, axis=None) == fa.get(name)(np.array([number]))[0]
    (x,) = operands(name, "value", (3, 4, 5))
    expected, transposed = fa.get(name)(x, axis=(0, 2)), x.transpose(2, 0, 1)
    assert fa.get(name)(transposed, axis=(0, 1), out=transposed) is transposed
    assert_array_equal(x, expected)


@pytest.mark.parametrize(("name", "direction"), CALLS)
def test_axes_that_do_not_fit(name, direction):
    call, given = call_of(name, direction), operands(name, direction, (3, 4, 5))
    for axis, error, message in [
        ((0, -3), ValueError, r"axis \(0, -3\) names axis 0 twice"),
        ((0, 3), ValueError, "axis 3 is out of range.* use -3 to 2"),
        ((0, 1.0), TypeError, r"a tuple of integers or None, got \(0, 1.0\)"),
        ([0, 1], TypeError, "a tuple of integers or None"),
    ]:
        with pytest.raises(error, match=f"{call.name}.*{message}"):
            call(*given, axis=axis)


def test_operands_and_out_that_do_not_fit_several_axes():
    x, out = np.ones((3, 4)), np.full((4, 3), 7.0)
    with pytest.raises(ValueError, match=r"softmax: out must have the shape of x, \(3, 4\), got \(4, 3\)"):
        fa.softmax(x, axis=None, out=out)
    assert np.all(out == 7)
    with pytest.raises(TypeError, match="out must be a NumPy array, got list"):
        fa.softmax(x, axis=None, out=[])
    with pytest.raises(ValueError, match=r"softmax.backward: grad must have .* \(3, 4\), got \(4,\)"):
        fa.softmax.backward(np.ones(4), x, axis=None)
    with pytest.raises(TypeError, match=r"softmax does not take complex128"):
        fa.softmax(x + 1j, axis=None)
    with pytest.raises(TypeError, match=r"maxout: axis must be an integer, got \(0, 1\)"):
        fa.maxout(x, 2, axis=(0, 1))


# --- masks -----------------------------------------------------------------------------------------


def each_row(call, given, where, nothing):
    """What a call gives for rows of the last axis, each without its elements that take no part."""
    x, rows = given[-1], []
    for i in np.ndindex(x.shape[:-1]):
        of_row = [array[i][where[i]] if array.ndim == x.ndim else array[i] for array in given]
        result, row = call(*of_row), np.full(x.shape[-1], nothing, "f4")
        row[where[i]] = result
        rows.append(row if np.ndim(result) else result)
    return np.array(rows).reshape(*x.shape[:-1], *np.shape(rows[0]))


def nothing_of(name, direction):
    return fa.get(name).info.left_out[-1] if direction == "value" else 0.0


@pytest.mark.parametrize(("axis", "dtype"), [(-1, "f4"), (0, "f2"), ((0, 2), "f4")], ids=str)
@pytest.mark.parametrize(("name", "direction"), CALLS)
def test_where_is_as_if_the_others_were_not_there(name, direction, axis, dtype):
    axes = axis if isinstance(axis, tuple) else (axis,)
    given = [array.astype(dtype) for array in operands(name, direction, (3, 4, 6), axis)]
    where = np.random.default_rng(1).random((3, 4, 6)) < 0.6
    where[0] = where[..., 0] = True
    for array in given:
        if array.ndim == 3:
            array[~where] = np.random.default_rng(2).choice([np.nan, np.inf, -np.inf, 60000, 3], np.sum(~where))
    call, before = call_of(name, direction), [array.copy() for array in given]
    with np.errstate(all="raise"):
        result = call(*given, axis=axis, where=where)
    assert result.dtype == dtype
    expected = each_row(call, rows_of(name, given, axes), joined(where, axes), nothing_of(name, direction))
    tolerance = {"rtol": 4 * np.finfo(dtype).eps, "atol": 4 * np.finfo(dtype).eps}
    assert_allclose(result_rows(name, direction, result, axes), expected, **tolerance)
    for array, copy in zip(given, before, strict=True):
        assert_array_equal(array, copy)
    out = given[-1] if result.ndim == 3 else np.empty_like(result)
    assert call(*given, axis=axis, where=where, out=out) is out
    assert_array_equal(out, result)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_where_broadcasts_and_takes_integers(name):
    (x,) = operands(name, "value", (3, 4, 6))
    where = np.array([True, False, True, True, True, False])
    assert_array_equal(fa.get(name)(x, where=where), fa.get(name)(x, where=np.broadcast_to(where, x.shape)))
    assert_array_equal(fa.get(name)(x, where=True), fa.get(name)(x))
    assert_array_equal(fa.get(name)(x, where=where.tolist()), fa.get(name)(x, where=where))
    integers = np.arange(6, dtype="i1")
    expected = fa.get(name)(integers.astype("f4"), where=where)
    got = fa.get(name)(integers, where=where)
    assert got.dtype == np.float32
    assert_array_equal(got, expected)


@pytest.mark.parametrize(("name", "direction"), CALLS)
def test_rows_of_nan_keep_what_is_left_out_clean(name, direction):
    given = operands(name, direction, (2, 5))
    for array in given:
        array[0, ...] = np.nan
    where = np.array([True, True, False, True, False])
    result = call_of(name, direction)(*given, where=where)
    if result.ndim == 2:
        assert np.all(result[:, ~where] == nothing_of(name, direction))
    assert not np.isnan(result[1]).any()


@pytest.mark.parametrize("direction", ["value", "backward"])
def test_where_for_maxout(direction):
    x = np.array([[1, 5, 3, 4, -np.inf, 0], [-np.inf, -np.inf, -np.inf, 2, 7, np.nan]], "f4")
    where = np.array([[1, 0, 1, 1, 1, 0], [0, 1, 0, 0, 1, 0]], bool)
    if direction == "value":
        assert_array_equal(fa.maxout(x, 2, where=where), [[1, 4, -np.inf], [-np.inf, -np.inf, 7]])
        assert_array_equal(fa.maxout(x.T, 2, axis=0, where=where.T), fa.maxout(x, 2, where=where).T)
        return
    grad, out = np.arange(1, 7, dtype="f4").reshape(2, 3), np.empty_like(x)
    expected = [[1, 0, 0, 2, 3, 0], [0, 4, 0, 0, 6, 0]]
    assert_array_equal(fa.maxout.backward(grad, x, 2, where=where), expected)
    assert_array_equal(fa.maxout.backward(grad, x, 2, where=where, out=out), expected)
    assert_array_equal(fa.maxout.backward(grad.T, x.T, 2, axis=0, where=where.T).T, expected)


def test_masked_arrays_of_maxout():
    x = np.ma.MaskedArray(np.arange(6, dtype="f4")[np.newaxis], [[True, True, False, True, False, False]])
    y = fa.maxout(x, 2)
    assert_array_equal(y.mask, [[True, False, False]])
    assert_array_equal(y.data[:, 1:], [[2, 5]])
    gradient = fa.maxout.backward(np.ones((1, 3), "f4"), x, 2)
    assert_array_equal(gradient.mask, x.mask)
    assert_array_equal(gradient.data, [[0, 0, 1, 0, 0, 1]])


@pytest.mark.parametrize("axes", [-1, (0, 2), None], ids=str)
def test_logsumexp_keeps_several_axes(axes):
    (x,) = operands("logsumexp", "value", (3, 4, 5))
    y, kept = fa.logsumexp(x, axis=axes), fa.logsumexp(x, axis=axes, keepdims=True)
    assert kept.shape == np.sum(x, axis=axes, keepdims=True).shape
    assert_array_equal(kept.squeeze(), y.squeeze())
    out = np.empty_like(kept)
    assert fa.logsumexp(x, axis=axes, keepdims=True, out=out) is out
    assert_array_equal(out, kept)
    gradient = fa.logsumexp.backward(kept, x, axis=axes, keepdims=True)
    assert_array_equal(gradient, fa.logsumexp.backward(y, x, axis=axes))
    for call in (
        lambda: fa.logsumexp(x, axis=axes, keepdims=True, out=np.empty(y.shape, "f4")),
        lambda: fa.logsumexp.backward(y, x, axis=axes, keepdims=True),
    ):
        with pytest.raises(ValueError, match=r"with keepdims=True (out|grad) must have 3 dimensions"):
            call()


@pytest.mark.parametrize(("name", "direction"), CALLS)
def test_masks_that_do_not_fit(name, direction):
    call, given = call_of(name, direction), operands(name, direction, (3, 4))
    with pytest.raises(TypeError, match=f"{call.name}: where must be a boolean mask, got int64; write where=mask != 0"):
        call(*given, where=np.ones((3, 4), "i8"))
    for shape in ((3,), (2, 3, 4)):
        with pytest.raises(ValueError, match=rf"{call.name}: where of shape .* x's shape \(3, 4\)"):
            call(*given, where=np.ones(shape, bool))


@pytest.mark.parametrize("axis", [1, None])
@pytest.mark.parametrize(("name", "direction"), CALLS)
def test_masked_arrays_leave_out_what_they_mask(name, direction, axis):
    given = operands(name, direction, (4, 6), axis)
    mask = np.random.default_rng(3).random((4, 6)) < 0.3
    masked = np.ma.MaskedArray(given[-1], mask)
    result = call_of(name, direction)(*given[:-1], masked, axis=axis)
    expected = call_of(name, direction)(*given, axis=axis, where=~mask)
    assert isinstance(result, np.ma.MaskedArray)
    assert_array_equal(result.mask, mask if result.shape == mask.shape else False)
    assert_array_equal(result.data, expected)
    assert not np.shares_memory(result.mask, masked.mask)
    fewer = call_of(name, direction)(*given[:-1], masked, axis=axis, where=np.arange(6) > 0)
    assert_array_equal(fewer.mask, result.mask)  # what is left out without being masked has a result
    if len(given) == 2 and given[0].shape == mask.shape:
        both = call_of(name, direction)(np.ma.MaskedArray(given[0], ~mask), masked, axis=axis)
        assert both.mask.all()


# --- empty rows ------------------------------------------------------------------------------------

WHERE = np.array([[0] * 5, [1] * 5, [0, 0, 0, 1, 1], [1] * 5], bool)


def with_empty_rows(name):
    """A row that is left out wholly, one that holds nothing, one whose rest holds nothing, and a whole one."""
    (x,) = operands(name, "value", (4, 5))
    x[1] = x[2, 3:] = fa.get(name).info.left_out[0]
    x[0, 0] = np.nan
    return x


@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.parametrize("empty", ["nan", "zero", "uniform"])
@pytest.mark.parametrize("name", EMPTYING)
def test_values_of_empty_rows(name, empty, axis):
    function, x = fa.get(name), with_empty_rows(name)
    zero = function.info.left_out[1]
    one_of = {"nan": [np.nan] * 2, "zero": [zero] * 2, "uniform": function(np.zeros((2, 5), "f4"))[:, 0]}[empty]
    of_two = function(np.zeros(2, "f4"))[0] if empty == "uniform" else one_of[0]
    expected = np.array([[one_of[0]] * 5, [one_of[1]] * 5, [zero] * 3 + [of_two] * 2, function(x[3])])
    turn = (lambda array: array.T) if axis == 0 else (lambda array: array)
    with np.errstate(all="raise"):
        y = function(turn(x), axis=axis, where=turn(WHERE), empty=empty)
        assert_array_equal(turn(y), expected)
        split = function(x.reshape(4, 5, 1), axis=(1, 2), where=WHERE.reshape(4, 5, 1), empty=empty)
        assert_array_equal(split.reshape(4, 5), expected)
        y = function(turn(x[1:]), axis=axis, empty=empty)  # without a mask
    expected[2] = function(x[2])
    assert_array_equal(turn(y), expected[1:])


@pytest.mark.parametrize("empty", ["nan", "zero", "uniform"])
@pytest.mark.parametrize("name", EMPTYING)
def test_gradients_of_empty_rows(name, empty):
    function, x = fa.get(name), with_empty_rows(name)
    grad = np.random.default_rng(4).normal(size=x.shape).astype("f4")
    y, one_of = function(x, where=WHERE, empty=empty), np.nan if empty == "nan" else 0.0
    expected = np.array([[one_of] * 5, [one_of] * 5, [0.0] * 3 + [one_of] * 2, function.backward(grad[3], x[3])])
    assert_array_equal(function.backward(grad, x, where=WHERE, empty=empty), expected)
    assert_array_equal(function.backward(grad[1], x[1], empty=empty), expected[1])
    expected[3] = function.backward_from_output(grad[3], y[3])
    known = [0, 3] if empty == "uniform" else [0, 1, 2, 3]  # a uniform output does not tell
    got = function.backward_from_output(grad, y, where=WHERE, empty=empty)
    assert_array_equal(got[known], expected[known])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_word_for_empty_rows(name):
    if name in EMPTYING:
        with pytest.raises(ValueError, match=f"{name}: unknown empty='unifrom'; did you mean 'uniform'"):
            fa.get(name)(np.ones(3), empty="unifrom")
        with pytest.raises(ValueError, match="'nan', 'zero', 'uniform'"):
            fa.get(name).backward(np.ones(3), np.ones(3), empty=None)
    else:
        with pytest.raises(TypeError, match="empty"):
            fa.get(name)(np.ones(3), empty="zero")


# --- Jacobian matrices -----------------------------------------------------------------------------

JACOBIAN_ROWS = {
    "certain": [20.0, 0, -1],
    "almost 1": [120.0, 90, 85],
    "equal": [2.0] * 5,
    "plain": np.random.default_rng(5).normal(0, 3, 12),
    "tail": [0.0, -90, -100, -700, -740],
}


def exact_jacobian(name, x):
    """Of softmax or log_softmax, with a sum of the others on the diagonal."""
    with mp.workprec(2400):
        p = exact_row("softmax", x)
        matrix = [[-p[j] * (p[i] if name == "softmax" else 1) for j in range(len(x))] for i in range(len(x))]
        for i in range(len(x)):
            matrix[i][i] = -mp.fsum(matrix[i][:i] + matrix[i][i + 1 :])
        return matrix


@pytest.mark.parametrize(("dtype", "bound"), [("float16", 0.51), ("float32", 2), ("float64", 4)])
@pytest.mark.parametrize("row", JACOBIAN_ROWS)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_jacobian_against_mpmath(name, row, dtype, bound):
    x = np.array(JACOBIAN_ROWS[row], dtype)
    with np.errstate(all="raise"):
        matrix = fa.get(name).jacobian(x)
    assert matrix.dtype == dtype
    errors = [
        ulp_error(got, value, dtype)
        for line, exact_line in zip(matrix, exact_jacobian(name, x), strict=True)
        for got, value in zip(line, exact_line, strict=True)
    ]
    assert max(errors) <= bound


@pytest.mark.parametrize("name", KEEPING)
def test_jacobian_is_what_backward_multiplies_with(name):
    function, (x,) = fa.get(name), operands(name, "value", (3, 4, 5))
    grad = np.random.default_rng(6).normal(size=x.shape).astype("f4")
    matrices = function.jacobian(x)
    assert matrices.shape == (3, 4, 5, 5)
    product = np.einsum("abi,abij->abj", grad, matrices)
    assert_allclose(product, function.backward(grad, x), rtol=1e-5, atol=2e-6)
    assert_array_equal(function.jacobian(np.moveaxis(x, -1, 0), axis=0), matrices)
    assert_array_equal(function.jacobian(x, (1, 2)), function.jacobian(x.reshape(3, 20)))
    assert function.jacobian(x[..., :0]).shape == (3, 4, 0, 0)
    assert pickle.loads(pickle.dumps(function.jacobian)) is function.jacobian
    assert f"{name}.jacobian" in repr(function.jacobian)


def test_jacobian_dtypes_and_errors():
    assert fa.softmax.jacobian([1, 2]).dtype == np.float64
    assert fa.softmax.jacobian(np.ones(2), dtype="f4").dtype == np.float32
    assert np.isnan(fa.softmax.jacobian([np.nan, 1.0])).all()
    with pytest.raises(ValueError, match=r"softmax.jacobian: axis 2"):
        fa.softmax.jacobian(np.ones((2, 2)), 2)
    with pytest.raises(TypeError, match="softmax"):
        fa.softmax.jacobian(np.ones(2, complex))
    with pytest.raises(AttributeError, match="maxout has no 'jacobian'"):
        fa.maxout.jacobian  # noqa: B018
    with pytest.raises(AttributeError, match=r"softmax has no 'derivative'.*jacobian"):
        fa.softmax.derivative  # noqa: B018


# --- dask ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, (0, 2)], ids=str)
@pytest.mark.parametrize(
    ("name", "direction"),
    [("softmax", "value"), ("softmin", "backward"), ("log_softmax", "backward_from_output"), ("sparsemax", "value")]
    + [("logsumexp", direction) for direction in ("value", "backward")],
)
def test_masks_and_several_axes_of_dask_arrays(name, direction, axis):
    call, given = call_of(name, direction), operands(name, direction, (3, 4, 5), axis)
    where = np.random.default_rng(7).random((3, 4, 5)) < 0.6  # two rows along axis 0 are left out wholly
    options = {"empty": "uniform"} if name in EMPTYING else {}
    lazy = [dask.array.from_array(array, chunks=2) for array in given]
    for mask in (True, dask.array.from_array(where, chunks=3)):
        result = call(*lazy, axis=axis, where=mask, **options)
        assert isinstance(result, dask.array.Array)
        expected = call(*given, axis=axis, where=True if mask is True else where, **options)
        assert (result.dtype, result.shape) == (expected.dtype, expected.shape)
        assert_allclose(result.compute(scheduler="synchronous"), expected, rtol=1e-5, atol=1e-6)
    if axis == 0:
        assert_array_equal(call(*lazy, axis=axis, where=where, **options), expected)


def test_a_mask_for_maxout_of_dask_arrays():
    x, where = np.random.default_rng(8).normal(size=(4, 6)).astype("f4"), np.arange(6) != 2
    lazy = fa.maxout(dask.array.from_array(x, chunks=3), 2, where=where)
    assert_array_equal(lazy.compute(scheduler="synchronous"), fa.maxout(x, 2, where=where))


def test_what_dask_arrays_do_not_go_with():
    lazy = dask.array.ones((4, 4), chunks=2)
    with pytest.raises(TypeError, match=r"softmax: where must be a boolean mask, got float64"):
        fa.softmax(lazy, where=lazy)
    with pytest.raises(ValueError, match=r"softmax: where of shape \(3,\) does not broadcast"):
        fa.softmax(lazy, where=np.ones(3, bool))
    with pytest.raises(TypeError, match=r"softmax.jacobian does not take dask arrays"):
        fa.softmax.jacobian(lazy)
    with pytest.raises(TypeError, match=r"softmax: a dask array .* cannot be written to"):
        fa.softmax(lazy, axis=None, out=np.empty((4, 4)))
