"""One test per promise about values, derivatives and dtypes, for every element-wise activation."""

import numpy as np
import pytest
from cases import ELEMENTWISE, EVERY_DIRECTION, FROM_OUTPUT, OTHER_CASES, PARAMETRIC, operands
from numpy.testing import assert_allclose, assert_array_equal

import fastact as fa
from fastact._accuracy.cases import DIRECTIONS, default_parameters, direction_of, exact_parameters
from fastact._accuracy.points import few
from fastact._accuracy.reference import exact
from fastact._accuracy.ulps import ulp_errors
from fastact._definition import registry

CACHE_LINE = 64  # bytes
FLOATS = ("float16", "float32", "float64")
DTYPES = dict(zip(FLOATS, FLOATS, strict=True))
DTYPES |= dict.fromkeys(("bool", "int8", "uint8", "int16", "uint16"), "float32")
DTYPES |= dict.fromkeys(("int32", "uint32", "int64", "uint64"), "float64")
EXTREMES = {
    dtype: np.concatenate([few(dtype, 100), np.array([np.inf, -np.inf, np.nan, np.finfo(dtype).max], dtype)])
    for dtype in ("float32", "float64")
}
# The derivatives PyTorch gives at kinks (measured with 2.13), which are a convention.
PYTORCH_AT_KINKS = [
    ("relu", {}, 0.0, 0.0),
    ("relu", {}, -0.0, 0.0),
    ("leaky_relu", {}, 0.0, 0.01),
    ("leaky_relu", {"negative_slope": 0.3}, -0.0, 0.3),
    ("prelu", {"alpha": 0.3}, 0.0, 0.3),
    ("relu6", {}, 0.0, 0.0),
    ("relu6", {}, 6.0, 0.0),
    ("hard_tanh", {}, -1.0, 0.0),
    ("hard_tanh", {}, 1.0, 0.0),
    ("hard_tanh", {"minimum": -0.5, "maximum": 2.0}, 2.0, 0.0),
    ("hard_sigmoid", {}, -3.0, 0.0),
    ("hard_sigmoid", {}, 3.0, 0.0),
    ("hard_swish", {}, -3.0, 0.0),
    ("hard_swish", {}, 0.0, 0.5),
    ("hard_swish", {}, 3.0, 1.0),
    ("elu", {"alpha": 2.0}, 0.0, 2.0),
    ("selu", {}, 0.0, 1.7580993408473766),
    ("celu", {"alpha": 2.0}, 0.0, 1.0),
    ("rrelu", {}, 0.0, 11 / 48),
    ("threshold", {"threshold": 0.25, "value": 20.0}, 0.25, 0.0),
    ("softshrink", {}, 0.5, 0.0),
    ("softshrink", {}, -0.5, 0.0),
    ("hardshrink", {}, 0.5, 0.0),
    ("hardshrink", {}, -0.5, 0.0),
]


def assert_same_bits(a, b):
    a, b = np.asarray(a), np.asarray(b)
    assert a.dtype == b.dtype
    assert a.shape == b.shape
    if a.tobytes() == b.tobytes():
        return
    assert_array_equal(a, b)
    assert_array_equal(np.signbit(a[~np.isnan(a)]), np.signbit(b[~np.isnan(b)]))


@pytest.mark.parametrize("direction", DIRECTIONS[:2])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_dtypes(name, direction):
    function = direction_of(name, direction)
    for given, expected in DTYPES.items():
        x = np.array([0, 1, 1], given)
        y = function(x)
        assert y.dtype == expected, given
        assert_array_equal(y, function(x.astype(expected)))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_python_numbers_and_lists_give_float64(name):
    function = fa.get(name)
    for x in (1, 1.0):
        assert function(x) == function(np.float64(1))
    assert function(1).dtype == np.float64
    assert function(np.float32(1)).dtype == np.float32
    assert_array_equal(function([1, 2.0]), function(np.array([1.0, 2.0])))


@pytest.mark.parametrize("name", PARAMETRIC)
@pytest.mark.parametrize("direction", ["value", "derivative", "backward"])
def test_python_number_parameters_are_weak(name, direction):
    function, parameters = direction_of(name, direction), default_parameters(name)
    for dtype in ("float16", "float32"):
        x = np.array([-1, 0.25, 2], dtype)
        arguments = operands(name, direction, x)
        weak = function(*arguments, *parameters.values())
        assert_same_bits(weak, function(*arguments, **parameters))
        assert_same_bits(weak, function(*arguments))
        assert weak.dtype == dtype
        for strong in (np.dtype(dtype).type, np.float64) if direction == "value" else ():
            typed = [strong(value) for value in parameters.values()]
            assert function(*arguments, *typed).dtype == np.result_type(dtype, strong)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_limits_are_the_mathematical_ones(name, direction):
    stated = fa.get(name).info.limits[direction]
    values = exact_parameters(name, default_parameters(name))
    for sign, limit in zip((-1, 1), stated, strict=True):
        if np.isnan(limit):  # there is none
            assert np.isnan(direction_of(name, direction)(sign * np.inf))
            continue
        far = exact(name, sign * 1e30, values, DIRECTIONS.index(direction))
        if np.isinf(limit):
            assert far * np.sign(limit) > 1e20
        else:
            assert float(far) == limit or abs(far - limit) < 1e-25
        for dtype in ("float32", "float64"):
            got = direction_of(name, direction)(np.array([sign * np.inf, sign * np.finfo(dtype).max], dtype))
            assert got[0] == np.array(limit, dtype)
            assert not np.isnan(got[1])


@pytest.mark.parametrize(("name", "direction"), EVERY_DIRECTION)
def test_nan_propagates(name, direction):
    for x in (np.array(np.nan, "f4"), np.full(70, np.nan, "f4")):
        assert np.isnan(direction_of(name, direction)(*operands(name, direction, x))).all()
        if direction.startswith("backward"):
            assert np.isnan(direction_of(name, direction)(x, np.zeros_like(x))).all()


def proportional_at_zero(name):
    """Whether the exact value is 0 at 0 and nearly a multiple of x on both sides of it."""
    values = exact_parameters(name, default_parameters(name))
    near = [exact(name, x, values) / x for x in (-(2.0**-60), 2.0**-60)]
    return exact(name, 0.0, values) == 0 and all(1e-3 < ratio < 1e3 for ratio in near)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_zeros_and_subnormals_survive(name, dtype):
    function = fa.get(name)
    zero, tiny = np.array([0.0, -0.0], dtype), np.finfo(dtype).smallest_subnormal * np.array([64, -64], dtype)
    if proportional_at_zero(name):
        assert_same_bits(function(zero), zero)
        assert np.all(function(tiny) / tiny > 0)
    if fa.get(name).info.odd:
        assert_same_bits(function(zero), zero)
        assert_same_bits(function(-few("float64")), -function(few("float64")))


@pytest.mark.parametrize("dtype", EXTREMES)
@pytest.mark.parametrize(("name", "direction"), EVERY_DIRECTION)
def test_no_floating_point_warning(name, direction, dtype):
    if dtype == "float64" and direction not in DIRECTIONS:
        return  # the float32 case shows it; compiling these would take a minute
    with np.errstate(all="raise"):
        direction_of(name, direction)(*operands(name, direction, EXTREMES[dtype]))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_derivative_at_stated_kinks(name):
    info = fa.get(name).info
    for dtype in ("float32", "float64"):
        got = fa.get(name).derivative(np.array(info.kinks, dtype))
        assert_array_equal(got, np.array(info.derivative_at_kinks, dtype))


@pytest.mark.parametrize(("name", "parameters", "kink", "expected"), PYTORCH_AT_KINKS)
def test_derivative_at_kinks_follows_pytorch(name, parameters, kink, expected):
    for dtype in ("float32", "float64"):
        x = np.array([kink], dtype)
        assert fa.get(name).derivative(x, **parameters) == np.array(expected, dtype)
        assert fa.get(name).backward(x.dtype.type(1), x, **parameters) == np.array(expected, dtype)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_stated_ranges_shape_and_accuracy_hold(name):
    info, x = fa.get(name).info, np.sort(few("float64"))
    x = x[(x >= info.domain[0]) & (x <= info.domain[1])]
    for direction, (low, high) in (("value", info.range), ("derivative", info.derivative_range)):
        y = direction_of(name, direction)(x)
        assert low - 4e-16 * abs(low) <= y.min(), direction
        assert y.max() <= high + 4e-16 * abs(high), direction
    if info.monotone:
        y = fa.get(name)(x)
        assert np.all(y[1:] >= y[:-1])
    assert dict(info.accuracy) == {"float16": 0.51, "bfloat16": 0.51, "float32": 1.0, "float64": 1.5}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_backward_is_gradient_times_derivative(name):
    x = few("float32")
    x = x[~np.isin(x, fa.get(name).info.kinks)]
    gradient = np.random.default_rng(0).normal(size=x.size).astype("f4")
    expected = gradient.astype("f8") * fa.get(name).derivative(x.astype("f8"))
    errors = ulp_errors(fa.get(name).backward(gradient, x), expected)
    assert errors.max() <= 1, x[errors.argmax()]
    scalar = fa.get(name).backward(1.5, x)
    assert_same_bits(scalar, fa.get(name).backward(np.full_like(x, 1.5), x))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_backward_of_gradients_of_any_size(name):
    random = np.random.default_rng(1)
    x = (random.normal(size=3000) * 10 ** random.uniform(-3, 2.2, 3000)).astype("f4")
    gradient = (random.choice([-1, 1], 3000) * 2.0 ** random.uniform(-140, 128, 3000)).astype("f4")
    expected = gradient.astype("f8") * fa.get(name).derivative(x.astype("f8"))
    assert ulp_errors(fa.get(name).backward(gradient, x), expected).max() <= 1
    infinite = fa.get(name).backward(np.copysign(np.float32(np.inf), gradient), x)
    assert not np.any(np.isfinite(infinite))


EVERY_PARAMETERS = [(name, default_parameters(name)) for name in PARAMETRIC] + OTHER_CASES
# Where one number for all elements has a form of its own in float32, whatever the number.
NUMBER_FORMS = {"hard_sigmoid", "quick_gelu", "squareplus", "swish"}


@pytest.mark.parametrize("direction", ["value", "backward"])
@pytest.mark.parametrize(("name", "parameters"), EVERY_PARAMETERS, ids=[f"{n}-{p}" for n, p in EVERY_PARAMETERS])
def test_a_parameter_per_element_gives_what_one_for_all_does(name, parameters, direction):
    random = np.random.default_rng(0)
    x = np.concatenate([EXTREMES["float32"], random.normal(0, 4, 2000).astype("f4")])
    arguments = (random.normal(size=x.size).astype("f4"), x) if direction == "backward" else (x,)
    shared = [float(np.float32(value)) for value in parameters.values()]
    function = direction_of(name, direction)
    each = function(*arguments, *(np.full_like(x, value) for value in shared))
    if name not in NUMBER_FORMS and not registry[name].has_form_at_defaults(direction):
        assert_same_bits(each, function(*arguments, *shared))
        return
    exactly = function(*(array.astype("f8") for array in arguments), *shared)
    assert ulp_errors(each, exactly).max() <= 1
    assert ulp_errors(function(*arguments, *shared), exactly).max() <= 1


@pytest.mark.parametrize("parameters", [(0.0, 0.5), (0.0, 2.0), (-0.3, 0.25), (1e-40, 0.5), (1e35, -3.0)])
def test_hard_sigmoid_of_any_slope(parameters):
    x = few("float32", 2000)
    assert ulp_errors(fa.hard_sigmoid(x, *parameters), fa.hard_sigmoid(x.astype("f8"), *parameters)).max() <= 1
    derivative = fa.hard_sigmoid.derivative(x.astype("f8"), *parameters)
    assert ulp_errors(fa.hard_sigmoid.backward(np.ones_like(x), x, *parameters), derivative).max() <= 1


@pytest.mark.parametrize("parameter", [1e39, 1e60, 1e-46, 1e-60])
@pytest.mark.parametrize("name", ["leaky_relu", "prelu", "celu", "softplus", "swish", "quick_gelu"])
def test_parameters_beyond_float32(name, parameter):
    x = np.concatenate([few("float32", 1000), np.array([0, -0.0, np.inf, -np.inf, np.nan], "f4")])
    x = x[~(abs(x) < np.finfo("f4").smallest_normal) | (x == 0)]
    for direction in ("value", "derivative"):
        function = direction_of(name, direction)
        assert ulp_errors(function(x, parameter), function(x.astype("f8"), parameter)).max() <= 1


@pytest.mark.parametrize("slope", [1e30, -1e30])
@pytest.mark.parametrize("x", [-1e20, 1e20])
def test_what_overflows_keeps_its_sign(slope, x):
    # In float32 a slope has two parts, whose products may overflow to infinities of two signs.
    overflow = np.copysign(np.inf, x) * np.sign(slope)
    x, left = np.float32(x), np.float32(-1)
    assert fa.leaky_relu(x, slope) == (x if x > 0 else overflow)
    assert fa.leaky_relu.backward(x, left, slope) == overflow
    assert fa.hard_sigmoid.backward(x, np.float32(0), slope, 0.5) == overflow


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_largest_gradient_times_a_vanishing_derivative(name):
    x = np.array([-1e30, -500, -200, -150, -120, 120, 150, 200, 500, 1e30], "f4")
    gradient = np.full_like(x, 1e38)
    exact = gradient.astype("f8") * fa.get(name).derivative(x.astype("f8"))
    assert ulp_errors(fa.get(name).backward(gradient, x), exact).max() <= 1


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_value_and_derivative_are_the_two_calls(name):
    x = EXTREMES["float32"]
    activation = fa.get(name)
    value, derivative = activation.value_and_derivative(x)
    assert_same_bits(value, activation(x))
    assert_same_bits(derivative, activation.derivative(x))
    out = np.empty_like(x), np.empty_like(x)
    returned = activation.value_and_derivative(x, out=out)
    assert returned[0] is out[0]
    assert returned[1] is out[1]
    assert_same_bits(out[0], value)
    assert_same_bits(out[1], derivative)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [(n, default_parameters(n)) for n in FROM_OUTPUT]
    + [(n, p) for n, p in OTHER_CASES if n in FROM_OUTPUT and min(p.values()) > -0.2],
    ids=str,
)
def test_from_output_forms(name, parameters):
    activation, random = fa.get(name), np.random.default_rng(0)
    x = random.uniform(-3, 4, 1000)
    gradient = random.normal(size=1000)
    y, derivative = activation(x, **parameters), activation.derivative(x, **parameters)
    assert_allclose(activation.derivative_from_output(y, **parameters), derivative, rtol=1e-11)
    backward = activation.backward_from_output(gradient, y, **parameters)
    assert_allclose(backward, gradient * derivative, rtol=1e-11)


@pytest.mark.parametrize("name", sorted(set(ELEMENTWISE) - set(FROM_OUTPUT)))
def test_from_output_is_absent_where_the_output_does_not_suffice(name):
    with pytest.raises(AttributeError, match=f"{name}.*from_output"):
        fa.get(name).backward_from_output(1.0, 1.0)


@pytest.mark.parametrize("shape", [(), (3, 1, 1), (2, 3, 4, 5)], ids=["scalar", "channel", "element"])
@pytest.mark.parametrize("name", PARAMETRIC)
def test_parameter_gradients(name, shape):
    random = np.random.default_rng(0)
    x, gradient = random.normal(0, 2, (2, 3, 4, 5)), random.normal(size=(2, 3, 4, 5))
    x, gradient = x.astype("f4"), gradient.astype("f4")
    parameters = {p: np.full(shape, value, "f4") for p, value in default_parameters(name).items()}
    values = tuple(float(np.float32(value)) for value in default_parameters(name).values())
    got = fa.get(name).parameter_gradients(gradient, x, **parameters)
    assert isinstance(got, tuple)
    for index, result in enumerate(got, 1):
        slope = np.vectorize(lambda p, i=index: float(exact(name, float(p), values, 1, i)))(x)
        terms = gradient * slope
        axes = {(): None, (3, 1, 1): (0, 2, 3), (2, 3, 4, 5): ()}[shape]
        expected, scale = terms.sum(axis=axes).reshape(shape), np.abs(terms).sum(axis=axes).reshape(shape)
        assert result.shape == shape
        assert result.dtype == np.float32
        assert np.all(np.abs(result - expected) <= 2e-7 * scale)


def test_a_parameter_gradient_of_many_elements_loses_nothing():
    random = np.random.default_rng(0)
    x, grad = (random.normal(size=2**24).astype("f4") for _ in range(2))
    (got,) = fa.prelu.parameter_gradients(grad, x, np.float32(0.25))
    expected = np.sum(grad * np.minimum(x, 0), dtype="f8")
    assert got.dtype == np.float32
    assert_allclose(got, expected, rtol=1e-6)


@pytest.mark.parametrize("name", PARAMETRIC)
def test_parameter_gradients_have_the_same_bits_for_any_thread_count(name, threads):
    random = np.random.default_rng(0)
    x, gradient = random.normal(0, 3, (2, 16, 4, 64, 64)).astype("f4")
    for shape in ((), (4, 1, 1)):
        parameters = {p: np.full(shape, value, "f4") for p, value in default_parameters(name).items()}
        results = []
        for count in (1, 2):
            threads(count)
            results.append(fa.get(name).parameter_gradients(gradient, x, **parameters))
        for one, two in zip(*results, strict=True):
            assert_same_bits(one, two)


SAME_BITS = [(name, direction, "float32") for name, direction in EVERY_DIRECTION]
SAME_BITS += [(n, d, dtype) for n in ELEMENTWISE for d in DIRECTIONS[:2] for dtype in ("float16", "float64")]


@pytest.mark.parametrize(("name", "direction", "dtype"), SAME_BITS)
def test_same_bits_whatever_length_offset_stride_layout_and_threads(name, direction, dtype, threads):
    def function(x, out=None):
        keywords = {}
        if out is not None:
            keywords["out"] = (out, np.empty_like(out)) if direction == "value_and_derivative" else out
        results = direction_of(name, direction)(*operands(name, direction, x), **keywords)
        return np.array(results) if isinstance(results, tuple) else results  # value and derivative

    points = np.random.default_rng(0).permutation(few("float32"))
    with np.errstate(over="ignore", under="ignore"):
        x = np.resize(points, 3 * 2**16).astype(dtype)
    threads(1)
    y = function(x)
    for n in range(1, 101):
        assert_same_bits(function(x[:n]), y[..., :n])
        assert_same_bits(function(x[n : n + 37]), y[..., n : n + 37])
    alone = [function(x[i : i + 1]) for i in range(points.size)]  # no vector, for any of the points
    assert_same_bits(np.concatenate(alone, axis=-1), y[..., : points.size])
    given = np.empty(300, dtype)
    for start in range(CACHE_LINE // x.itemsize):
        end = CACHE_LINE // x.itemsize - 1 - start  # the result lies at every offset, too
        out = given[end : end + 200]
        assert_same_bits(function(x[start : start + 200], out), y[..., start : start + 200])
    for view in (np.s_[::2], np.s_[5::3], np.s_[::-1], np.s_[7:7]):
        assert_same_bits(function(x[view]), y[..., view])
    square, result = x.reshape(256, 3, 256), y.reshape(*y.shape[:-1], 256, 3, 256)
    for axes in ((2, 1, 0), (1, 2, 0)):
        last = [axis - 3 for axis in axes]
        assert_same_bits(function(square.transpose(axes)), result.transpose(*range(y.ndim - 1), *last))
    assert_same_bits(function(square[:, ::2, 1::2]), result[..., ::2, 1::2])
    rows = np.broadcast_to(y[..., None, :100], (*y.shape[:-1], 9, 100))
    assert_same_bits(function(np.broadcast_to(x[:100], (9, 100))), rows)
    assert_same_bits(function(x[:1000].astype(x.dtype.newbyteorder())), y[..., :1000])
    unaligned = np.frombuffer(b"?" + x[:1000].tobytes(), np.uint8)[1:].view(x.dtype)
    assert_same_bits(function(unaligned), y[..., :1000])
    threads(2)
    assert_same_bits(function(x), y)
    assert_same_bits(function(np.asfortranarray(square)), result)


def _unaligned(x):
    memory = np.empty(x.nbytes + 1, np.uint8)[1:]
    return np.ndarray(x.shape, x.dtype, memory)


@pytest.mark.parametrize("shape", [(), (2, 1, 2)])
@pytest.mark.parametrize("awkward", ["twelve dimensions", "unaligned"])
def test_parameter_gradients_of_awkward_arrays(awkward, shape):
    x = np.random.default_rng(0).standard_normal((2,) * 12, dtype=np.float32)
    if awkward == "unaligned":
        source = x.reshape(-1, 2, 2, 2)
        x = _unaligned(source)
        x[...] = source
    (gradient,) = fa.prelu.parameter_gradients(x, x, np.full(shape, 0.25, np.float32))
    products = np.where(x > 0, 0.0, x).astype(float) * x
    kept = [axis - len(shape) + x.ndim for axis, extent in enumerate(shape) if extent > 1]
    summed = tuple(axis for axis in range(x.ndim) if axis not in kept)
    assert_allclose(gradient, products.sum(axis=summed).reshape(shape), rtol=1e-6)
