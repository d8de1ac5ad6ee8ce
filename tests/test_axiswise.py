"""softmax, log_softmax and maxout along any axis, forward and backward."""

import math
import pickle

import mpmath
import numpy as np
import pytest
from cases import AXISWISE
from numpy.testing import assert_allclose, assert_array_equal

import fastact as fa
from fastact._accuracy.reference import exact_row, ulp_error
from fastact._accuracy.ulps import ulp_errors
from fastact._command_line import plain

SOFT = ["softmax", "log_softmax"]
FROM_OUTPUT = [name for name in AXISWISE if "backward_from_output" in fa.get(name).info.directions]
random = np.random.default_rng(0)
ROWS = {
    "plain": random.normal(0, 3, 9),
    "one": np.array([3.7]),
    "wide": np.array([-80.0, -3, 0.25, 80, 79.5]),
    "large": np.array([3e38, 2.9e38, -3e38, 0, 1]),
    "equal": np.full(6, -7.25),
    "long": random.normal(0, 2, 300),
    "nearly certain": np.array([20.0, 0.0, -1.0]),
}
X = random.normal(0, 2, (4, 6)).astype("f4")
ROWS = {key: row.astype("f4") for key, row in ROWS.items()}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("name", SOFT)
def test_values_against_mpmath(name, row, dtype):
    x = ROWS[row].astype(dtype)
    got = fa.get(name)(x)
    assert got.dtype == dtype
    errors = [ulp_error(y, value, dtype) for y, value in zip(got, exact_row(name, x), strict=True)]
    assert max(errors) <= fa.get(name).info.accuracy[dtype]


@pytest.mark.parametrize("name", SOFT)
def test_float16_and_integers(name):
    x = random.normal(0, 3, (5, 7)).astype("f2")
    got = fa.get(name)(x)
    assert got.dtype == np.float16
    expected = fa.get(name)(x.astype("f8"))
    spacing = np.spacing(np.abs(expected).astype("f2")).astype("f8")
    assert np.all(np.abs(got - expected) <= 0.51 * spacing)
    assert fa.get(name)(np.array([0, 1], "i1")).dtype == np.float32
    assert fa.get(name)([0, 1]).dtype == np.float64


def plain_value(name, x, axis):
    """NumPy's formula in float64; maxout's takes two pieces."""
    y = plain.formula(name, "value")(np.moveaxis(x, axis, -1))
    return y if y.ndim < x.ndim else np.moveaxis(y, -1, axis)


def plain_backward(name, grad, x, axis):
    """NumPy's formula in float64."""
    if name == "maxout":
        winners = np.repeat(plain_value(name, x, axis), 2, axis) == x
        return np.where(winners, np.repeat(grad, 2, axis), 0)
    grad = np.moveaxis(grad, axis, -1) if grad.ndim == x.ndim else grad
    return np.moveaxis(plain.formula(name, "backward")(grad, np.moveaxis(x, axis, -1)), -1, axis)


LAYOUTS = {
    "C": lambda x: x,
    "Fortran": np.asfortranarray,
    "transposed": lambda x: np.ascontiguousarray(x.transpose(2, 0, 1)).transpose(1, 2, 0),
    "every second": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "reversed": lambda x: x[:, ::-1].copy()[:, ::-1],
    "byte-swapped": lambda x: x.astype(x.dtype.newbyteorder()),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2])
@pytest.mark.parametrize("name", AXISWISE)
def test_axes_and_layouts(name, axis, layout):
    pieces = (2,) if name == "maxout" else ()
    x = random.normal(0, 3, (4, 6, 8)).astype("f4")
    y = fa.get(name)(LAYOUTS[layout](x), *pieces, axis=axis)
    assert_array_equal(y, fa.get(name)(x, *pieces, axis=axis))
    assert_allclose(y, plain_value(name, x.astype("f8"), axis), rtol=1e-6, atol=1e-12)
    grad = random.normal(size=y.shape).astype("f4")
    backward = fa.get(name).backward(grad, LAYOUTS[layout](x), *pieces, axis=axis)
    assert_array_equal(backward, fa.get(name).backward(grad, x, *pieces, axis=axis))
    expected = plain_backward(name, grad.astype("f8"), x.astype("f8"), axis)
    assert_allclose(backward, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", FROM_OUTPUT)
@pytest.mark.parametrize("axis", [0, -1])
def test_backward_from_output(name, axis):
    activation = fa.get(name)
    x, grad = random.normal(0, 3, (2, 30, 40))
    y = activation(x, axis=axis)
    expected = plain_backward(name, grad, x, axis)
    assert_allclose(activation.backward_from_output(grad, y, axis=axis), expected, rtol=1e-11, atol=1e-14)
    assert_allclose(activation.backward(grad, x, axis=axis), expected, rtol=1e-11, atol=1e-14)
    narrow = activation.backward_from_output(grad.astype("f4"), y.astype("f4"), axis=axis)
    assert narrow.dtype == np.float32
    assert_allclose(narrow, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin", "logsumexp", "sparsemax", "entmax15"])
def test_backward_against_finite_differences(name):
    x, grad = random.normal(0, 1, (2, 6))
    grad = grad[0] if fa.get(name).info.reduces else grad
    step = 1e-6 * np.eye(6)
    differences = np.dot(fa.get(name)(x + step) - fa.get(name)(x - step), grad) / 2e-6
    assert_allclose(fa.get(name).backward(grad, x), differences, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", AXISWISE)
def test_same_bits_for_any_thread_count_and_place(name, axis, threads):
    pieces = (2,) if name == "maxout" else ()
    x = random.normal(0, 3, (1000, 512)).astype("f4")
    threads(1)
    one = fa.get(name)(x, *pieces, axis=axis)
    threads(2)
    assert_array_equal(fa.get(name)(x, *pieces, axis=axis), one)
    some = np.take(x, [3, 997] if axis else [3, 511], axis=1 - axis)
    expected = np.take(one, [3, 997] if axis else [3, 511], axis=min(1 - axis, one.ndim - 1))
    assert_array_equal(fa.get(name)(some, *pieces, axis=axis), expected)


@pytest.mark.parametrize("name", [*SOFT, "softmin"])
def test_largest_elements_of_any_size_have_the_same_bits_in_any_company(name):
    """Rows whose largest element is moderate go another way where all rows of a block are like that."""
    largest = np.array([0, -0.0, 99.99, 100, 100.1, -99.9, -101, 3e4, -3e4, 1e-40, 7.5, np.inf, -np.inf, np.nan], "f4")
    x = np.concatenate([largest[:, np.newaxis], largest[:, np.newaxis] - random.exponential(20, (14, 77))], axis=1)
    x[:, 40:44] = [-np.inf, -3e38, -110, -1e30]
    x = (-x if name == "softmin" else x).astype("f4")
    grad = random.normal(0, 1, x.shape).astype("f4")
    activation = fa.get(name)
    for direction, operands in (("value", (x,)), ("backward", (grad, x))):
        function = activation if direction == "value" else activation.backward
        alone = np.array([function(*rows) for rows in zip(*operands, strict=True)])
        assert_array_equal(function(*operands), alone)
        for chosen in (slice(None), slice(0, 9), slice(9, 14)):
            sides = [np.ascontiguousarray(operand[chosen].T) for operand in operands]
            assert_array_equal(function(*sides, axis=0).T, alone[chosen])


LONG = 2**19 + 77  # longer than what threads share, and no whole number of blocks


@pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, "float32") for name in AXISWISE if name != "maxout"] + [(name, "float64") for name in SOFT],
)
def test_long_rows_have_the_same_bits_in_any_form(name, dtype, threads):
    activation = fa.get(name)
    x, grad = random.normal(0, 3, (2, 9, LONG)).astype(dtype)
    threads(1)
    y = activation(x)
    operands = {"value": (x,), "backward": (grad[:, 0] if y.ndim < 2 else grad, x), "backward_from_output": (grad, y)}
    for direction in activation.info.directions:
        function = activation if direction == "value" else getattr(activation, direction)
        expected = function(*operands[direction])
        for count in (1, 2):
            threads(count)
            for rows in (slice(0, 1), slice(0, 9)):  # one row, which threads share; and rows side by side
                part = [array[rows] for array in operands[direction]]
                sides = [np.ascontiguousarray(array.T) for array in part]
                assert_array_equal(function(*part), expected[rows])
                assert_array_equal(function(*sides, axis=0), expected[rows].T)


def test_results_down_to_the_smallest_float32():
    x = np.linspace(0, -110, 4001, dtype="f4")
    exponentials = np.exp(x.astype("f8"))
    assert ulp_errors(fa.softmax(x), exponentials / exponentials.sum()).max() <= 2
    rows = np.stack([np.zeros_like(x[1:]), x[1:]], axis=1)  # two elements, of which the first leads by more and more
    logarithms = -np.log1p(exponentials[1:])
    assert ulp_errors(fa.log_softmax(rows), np.stack([logarithms, x[1:] + logarithms], axis=1)).max() <= 2


@pytest.mark.parametrize("length", [2, 3, 16, 31, 32, 63, 64, 65, 129, 1000, 2048, 2049, 40_000, 10**6])
@pytest.mark.parametrize("name", SOFT)
def test_rows_of_any_length(name, length):
    x = random.normal(0, 3, (40 if length < 3000 else 1, length)).astype("f4")
    shifted = x.astype("f8") - x.max(-1, keepdims=True).astype("f8")
    totals = np.array([[math.fsum(row)] for row in np.exp(shifted)])
    expected = np.exp(shifted) / totals if name == "softmax" else shifted - np.log(totals)
    y = fa.get(name)(x)
    assert ulp_errors(y, expected).max() <= fa.get(name).info.accuracy["float32"]
    assert_array_equal(fa.get(name)(x[:1]), y[:1])  # rows alone and in company
    assert_array_equal(fa.get(name)(np.repeat(x, 2, axis=1)[:, ::2]), y)


@pytest.mark.parametrize("name", AXISWISE)
@pytest.mark.parametrize(("shape", "axis"), [((0,), 0), ((3, 0), 1), ((3, 0), 0), ((0, 4), 1), ((2, 0, 4), -1)])
def test_empty(name, shape, axis):
    pieces = (2,) if name == "maxout" and shape[axis] % 2 == 0 else (1,) if name == "maxout" else ()
    y = fa.get(name)(np.empty(shape, "f4"), *pieces, axis=axis)
    expected = list(shape)
    expected[axis] //= pieces[0] if pieces else 1
    if name == "logsumexp":
        del expected[axis]
        assert np.all(y == -np.inf)
    assert y.shape == tuple(expected)
    assert y.dtype == np.float32
    assert fa.get(name).backward(y, np.empty(shape, "f4"), *pieces, axis=axis).shape == shape


LEADING = np.array([np.inf, 0, np.inf])
LIMITS = {  # of rows: what softmax, log_softmax, logsumexp, hardmax and the sparse ones give
    "two +inf": (LEADING, [0.5, 0, 0.5], [-np.log(2), -np.inf, -np.log(2)], np.inf, [1, 0, 0]),
    "one -inf": ([-np.inf, 0, 0], [0, 0.5, 0.5], [-np.inf, -np.log(2), -np.log(2)], np.log(2), [0, 1, 0]),
    "all -inf": ([-np.inf] * 3, [np.nan] * 3, [np.nan] * 3, -np.inf, [1, 0, 0]),
    "a NaN": ([np.nan, 1, np.inf], [np.nan] * 3, [np.nan] * 3, np.nan, [np.nan] * 3),
    "far apart": ([1e38, 0, -3e38], [1, 0, 0], [0, -1e38, -np.inf], 1e38, [1, 0, 0]),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("length", [3, 3000])
@pytest.mark.parametrize("row", LIMITS)
def test_infinities_and_nan(row, length, dtype):
    x, shares, logarithms, sums, first = LIMITS[row]
    expected = {"softmax": shares, "log_softmax": logarithms, "logsumexp": sums, "hardmax": first}
    expected |= {"softmin": shares, "sparsemax": shares, "entmax15": shares}
    x = np.pad(np.array(x, dtype), (0, length - 3), constant_values=-np.inf)  # which changes nothing
    for name, limit in expected.items():
        with np.errstate(all="raise"):
            y = fa.get(name)(-x if name == "softmin" else x)
            for direction in fa.get(name).info.directions[1:]:
                getattr(fa.get(name), direction)(y, y if direction == "backward_from_output" else x)
        if name == "log_softmax" and dtype == "float64" and row == "far apart":
            limit = [0, -1e38, -4e38]
        assert_allclose(y[:3] if y.ndim else y, np.array(limit, dtype), rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", [name for name in AXISWISE if name != "maxout"])
def test_gradients_at_infinities(name):
    activation, sign = fa.get(name), -1 if name == "softmin" else 1
    grad = np.array([1.0, 2, 5])[: None if activation(LEADING).ndim else 1].squeeze()
    finite = np.nan_to_num(LEADING, posinf=1e5)
    expected = activation.backward(grad, sign * finite)
    assert_array_equal(activation.backward(grad, sign * LEADING), expected)
    if name in FROM_OUTPUT:
        assert_allclose(activation.backward_from_output(grad, activation(sign * LEADING)), expected, rtol=1e-15)
    for empty in ([-np.inf] * 3, [np.nan, 1, np.inf]):
        gradient = activation.backward(grad, sign * np.array(empty))
        assert np.isnan(gradient).all() or (name == "hardmax" and np.array_equal(gradient, [0, 0, 0]))


def test_softmin_is_softmax_of_the_negative():
    x, grad = np.random.default_rng(1).normal(0, 3, (2, 5, 70)).astype("f4")
    y = fa.softmin(x)
    assert_array_equal(y, fa.softmax(-x))
    assert_array_equal(fa.softmin.backward(grad, x), -fa.softmax.backward(grad, -x))
    assert_array_equal(fa.softmin.backward_from_output(grad, y), -fa.softmax.backward_from_output(grad, y))
    for array in (x.T[:8], -np.abs(x), np.abs(x), x.astype("f8"), np.array([[np.nan, -1], [0.0, -0.0]])):
        assert_array_equal(fa.softmin(array), fa.softmax(-array))


# --- accuracy ---------------------------------------------------------------------------------------

SPREADS = (1e-3, 1.0, 30.0, 1e4)


def exact_of_repeated(values, counts):
    """The exact logsumexp of a row that has each value so many times, and the exact log_softmax of the values."""
    values = [mpmath.mpf(float(value)) for value in values]
    shifted = [value - max(values) for value in values]
    total = mpmath.log(mpmath.fsum(int(n) * mpmath.exp(value) for n, value in zip(counts, shifted, strict=True)))
    return max(values) + total, [value - total for value in shifted]


def rows_of_few_values(length, dtype):
    """Long rows that mpmath can sum: of any spread, dominated by one element, and down to where results vanish."""
    random = np.random.default_rng(length)
    smallest = {"float32": -110.0, "float64": -760.0}[dtype]
    kinds = [random.normal(0, spread, 50) for spread in SPREADS]
    kinds += [np.append(random.normal(-40, 3, 9), 0.0), np.linspace(smallest, 0, 60), [0.0, -20.0], [-7.25]]
    for values in kinds:
        values = np.unique(np.asarray(values, dtype))
        x = random.choice(values, length)
        if length > len(values) and values[-1] == 0:
            x[x == 0] = values[0]
            x[length // 2] = 0  # alone
        yield x


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("length", [2, 3, 10, 100, 1000, 10**5, 10**6])
def test_two_ulp_for_rows_of_any_length_and_spread(length, dtype):
    least = {"float32": 1e-12, "float64": 1e-20}[dtype]
    for x in rows_of_few_values(length, dtype):
        values, places, counts = np.unique(x, return_index=True, return_counts=True)
        with mpmath.workprec(1200):  # the least results are 2**-1074 of another element's
            log_sum, logarithms = exact_of_repeated(values, counts)
            shares = [mpmath.exp(logarithm) for logarithm in logarithms]
        for name, expected in (("softmax", shares), ("log_softmax", logarithms)):
            y = fa.get(name)(x)
            errors = [ulp_error(a, b, dtype) for a, b in zip(y[places], expected, strict=True)]
            assert max(errors) <= 2, (name, values)
            assert_array_equal(y[places][np.searchsorted(values, x)], y)  # equal elements, equal results
        y = fa.logsumexp(x)
        assert ulp_error(y, log_sum, dtype) <= 2 or abs(float(y) - log_sum) <= least, values


def test_logarithm_of_a_certain_class():
    assert fa.log_softmax(np.array([0.0, -20.0]))[0] == -np.log1p(np.exp(-20.0)) == -2.061153620314381e-09


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logsumexp_next_to_its_zero(dtype):
    random, least = np.random.default_rng(2), {"float32": 1e-12, "float64": 1e-20}[dtype]
    for _ in range(100):
        x = random.normal(0, 10 ** random.uniform(-3, 1), random.choice([2, 3, 10])).astype(dtype)
        for _ in range(2):
            x -= fa.logsumexp(x)
        (expected,), y = exact_row("logsumexp", x), fa.logsumexp(x)
        assert ulp_error(y, expected, dtype) <= 2 or abs(float(y) - expected) <= least


SPARSE = ["sparsemax", "entmax15"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("length", [1, 2, 3, 10, 100, 3000])
@pytest.mark.parametrize("name", SPARSE)
def test_sparse_ones_against_sorting(name, length, dtype):
    random, least = np.random.default_rng(length), {"float32": 1e-15, "float64": 1e-30}[dtype]
    rows = [random.normal(0, spread, length).astype(dtype) for spread in SPREADS] if length < 3000 else []
    rows += [random.normal(0, 0.05, length).astype(dtype), np.round(random.normal(0, 3, length)).astype(dtype)]
    for x in rows:
        y, expected = fa.get(name)(x), exact_row(name, x)
        for got, exact in zip(y, expected, strict=True):
            assert ulp_error(got, exact, dtype) <= fa.get(name).info.accuracy[dtype] or abs(float(got) - exact) <= least
        assert (y > 0).sum() == sum(exact > 0 for exact in expected)


@pytest.mark.parametrize("name", SPARSE)
def test_sparse_ones_next_to_the_threshold(name):
    """Elements as near the threshold as their dtype can say."""
    for dtype, least in (("float32", 1e-15), ("float64", 1e-30)):
        x = np.random.default_rng(3).normal(0, 0.3, 20).astype(dtype)
        part = exact_row(name, x)[x.argmax()]
        edge = x.max() - np.dtype(dtype).type(2 * mpmath.sqrt(part) if name == "entmax15" else part)
        x = np.append(x, [edge, *np.nextafter(edge, [-np.inf, np.inf], dtype=dtype)])
        for got, exact in zip(fa.get(name)(x), exact_row(name, x), strict=True):
            assert ulp_error(got, exact, dtype) <= fa.get(name).info.accuracy[dtype] or abs(float(got) - exact) <= least


@pytest.mark.parametrize("name", SPARSE)
def test_sparse_ones_in_long_rows(name):
    """Sums are 1, and parts are what plain NumPy finds by sorting, in float64."""
    random = np.random.default_rng(4)
    for x in (random.normal(0, 1e-6, 10**5), random.normal(0, 1, 10**5), np.geomspace(1e-9, 1, 10**5), np.zeros(10**5)):
        y = fa.get(name)(x.astype("f4"))
        assert_allclose(y, plain_value(name, x.astype("f4").astype("f8"), -1), rtol=1e-5, atol=1e-10)
        assert math.fsum(y) == pytest.approx(1, abs=1e-7)


# --- what leaves no axis ----------------------------------------------------------------------------


def test_logsumexp_keepdims():
    x, grad = np.random.default_rng(5).normal(size=(2, 3, 4, 5))
    for axis in (0, 1, -1):
        y = fa.logsumexp(x, axis)
        kept = fa.logsumexp(x, axis=axis, keepdims=True)
        assert_array_equal(kept, np.expand_dims(y, axis))
        grad_y = np.take(grad, 0, axis)
        gradient = fa.logsumexp.backward(grad_y, x, axis)
        assert_array_equal(fa.logsumexp.backward(np.expand_dims(grad_y, axis), x, axis=axis, keepdims=True), gradient)
    with pytest.raises(ValueError, match=r"logsumexp.backward.*keepdims.*\(3, 4\)"):
        fa.logsumexp.backward(y, x, keepdims=True)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_logsumexp_of_nothing(dtype):
    for shape in ((0,), (3, 0), (2, 0, 40)):
        assert_array_equal(fa.logsumexp(np.empty(shape, dtype), axis=1 if len(shape) > 1 else 0), -np.inf)
    assert_array_equal(fa.logsumexp(np.empty((3, 0), dtype), keepdims=True), np.full((3, 1), -np.inf))


def test_hardmax_takes_the_first():
    x = np.array([[1.0, 3, 3, 2], [-1, -1, -1, -1], [0, -0.0, -1, 0], [-np.inf, -np.inf, 0, np.nan]])
    assert_array_equal(fa.hardmax(x)[:3], [[0, 1, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]])
    assert np.isnan(fa.hardmax(x)[3]).all()
    assert_array_equal(fa.hardmax.backward(x[:3], x[:3]), np.zeros((3, 4)))


@pytest.mark.parametrize("name", FROM_OUTPUT)
def test_out(name):
    x = random.normal(size=(20, 30)).astype("f4")
    for axis in (0, 1):
        expected, out = fa.get(name)(x, axis=axis), np.empty_like(x)
        assert fa.get(name)(x, axis=axis, out=out) is out
        assert_array_equal(out, expected)
        in_place = x.copy()
        fa.get(name)(in_place, axis=axis, out=in_place)
        assert_array_equal(in_place, expected)
        shifted = np.concatenate([x, x])
        fa.get(name)(shifted[:20], axis=axis, out=shifted[5:25])
        assert_array_equal(shifted[5:25], expected)
    with pytest.raises(ValueError, match=r"out|broadcast"):
        fa.get(name)(x, out=np.empty((20, 31), "f4"))


@pytest.mark.parametrize("layout", ["C", "F", "slice"])
@pytest.mark.parametrize("name", [name for name in AXISWISE if name != "maxout"])
def test_every_way_to_say_the_last_axis(name, layout):
    """Some calls go straight to the ufunc, others through Python."""
    activation = fa.get(name)
    x = {"C": X, "F": np.asfortranarray(X), "slice": np.repeat(X, 2, axis=1)[:, ::2]}[layout]
    expected = activation.ufunc(x)
    built = "".join(["ax", "is"])  # not the string that a call's source has
    spellings = (), (-1,), {"axis": -1}, {"axis": 1}, {built: -1}, {"axis": np.int64(-1)}, {"axis": (1,)}
    for given in spellings:
        y = activation(x, *given) if isinstance(given, tuple) else activation(x, **given)
        assert_array_equal(y, expected)
        assert y.ndim < 2 or y.flags.f_contiguous == (layout == "F")
    for given in ({}, {"axis": -1}):
        out = np.empty_like(expected)
        assert activation(x, out=out, **given) is out
        assert_array_equal(out, expected)
    assert_array_equal(activation(np.ma.masked_invalid(x), axis=-1), expected)
    with pytest.raises(ValueError, match=f"{name}: axis 2"):
        activation(x, axis=2)
    with pytest.raises(ValueError, match=name):
        activation(x[0, 0])


def test_maxout_values_ties_and_nan():
    x = np.array([[1.0, 5, 3, 3, np.nan, 0], [-1, -2, -np.inf, -np.inf, 2, np.nan]])
    assert_array_equal(fa.maxout(x, 2), [[5, 3, np.nan], [-1, -np.inf, np.nan]])
    assert_array_equal(fa.maxout(x[:, :4], 4), [[5], [-1]])
    assert_array_equal(fa.maxout(x[0, :4], 1), x[0, :4])
    gradient = fa.maxout.backward(np.array([[10.0, 20], [30, 40]]), x[:, :4], 2)
    assert_array_equal(gradient, [[0, 10, 20, 0], [30, 0, 40, 0]])  # the first of equals wins
    for row, pieces in ((ROWS["plain"], 3), (ROWS["long"], 50)):
        assert_array_equal(fa.maxout(row, pieces), np.array(exact_row("maxout", row, pieces), "f4"))


@pytest.mark.parametrize("name", AXISWISE)
def test_public_object(name):
    activation = fa.get(name)
    assert pickle.loads(pickle.dumps(activation)) is activation
    assert name in repr(activation)
    assert "Parameters\n" in activation.__doc__
    with pytest.raises(TypeError, match=r"axis|integer"):
        activation(np.ones((2, 2)), *((1,) if name == "maxout" else ()), axis="last")
