"""Element-wise functions give GPU arrays what they give NumPy's, bit for bit, in every layout and dtype.

The exceptions: NumPy rounds what goes into a float16 kernel and what comes out of it, and numbers beside parameters
that are arrays; a GPU rounds results alone, to what they are stored in.
"""

import ml_dtypes
import numpy as np
import pytest
from cases import EVERY_DIRECTION, OTHER_CASES, PARAMETRIC
from device import (
    KINDS,
    SIMULATED,
    Interface,
    arguments,
    assert_same,
    edges,
    function,
    gradients,
    normal,
    on_device,
    on_host,
    parts,
    placed,
)

import fastact as fa
from fastact.cuda import elementwise, kernels

INTEGERS = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
BFLOAT16 = ml_dtypes.bfloat16

# Views of a (4, 6) array.
LAYOUTS = {
    "contiguous": lambda base: base,
    "transposed": lambda base: base.T,
    "every other": lambda base: base[::2, ::3],
    "backwards": lambda base: base[::-1, ::-1],
    "backwards along one axis": lambda base: base[:, ::-1],
    "unaligned": lambda base: base.reshape(-1)[1:],
    "unaligned rows": lambda base: base[:, 1:],
    "three axes, turned": lambda base: base.reshape(2, 2, 6).transpose(2, 0, 1),
    "repeated": lambda base: np.broadcast_to(base[1:2], (4, 6)),
    "one row": lambda base: base[None, 2:3, :],
    "one element": lambda base: base[2:3, 3:4],
    "no dimensions": lambda base: base[1, 2:3].reshape(()),
    "empty": lambda base: base[:0],
    "empty in between": lambda base: base.reshape(4, 6, 1)[:, :0],
}
# One that float32 suffices for, one that takes float64, one with two results, one with a parameter.
SAMPLE = [("relu", "value"), ("silu", "value"), ("silu", "backward"), ("tanh", "value_and_derivative")]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "direction"), EVERY_DIRECTION)
def test_every_direction(name, direction, dtype):
    call, given = function(name, direction), arguments(direction, edges(dtype))
    assert_same(call(*on_device(given)), call(*given))


@pytest.mark.parametrize("dtype", ["float16", BFLOAT16])
@pytest.mark.parametrize(("name", "direction"), [*SAMPLE, ("softplus", "derivative"), ("hard_swish", "backward")])
def test_half_precision(name, direction, dtype):
    call = function(name, direction)
    given = arguments(direction, edges("float16").astype(dtype))
    expected = call(*given)
    results = expected if isinstance(expected, tuple) else (expected,)
    out = tuple(Interface(np.zeros_like(each)) for each in results)
    call(*map(Interface, given), out=out if len(out) > 1 else out[0])
    assert_same(out, results)


@pytest.mark.parametrize(("name", "parameters"), OTHER_CASES, ids=str)
def test_parameters_as_numbers(name, parameters):
    x = edges("float32")
    for direction in ("value", "backward"):
        call, given = function(name, direction), arguments(direction, x)
        assert_same(call(*on_device(given), **parameters), call(*given, **parameters))


@pytest.mark.parametrize("name", PARAMETRIC)
def test_parameters_as_arrays(name):
    x = normal(5, 4)
    values = [parameter.default for parameter in fa.get(name).info.parameters]
    arrays = [np.asarray(value * np.array([1, 0.9, 1.1, 1.2]), "f4") for value in values]
    arrays = [np.where(np.isfinite(each), each, np.float32(6)) for each in arrays]
    held = [float(each[0]) for each in arrays]
    for given in (arrays, [arrays[0], *held[1:]]):
        for direction in ("value", "backward"):
            call = function(name, direction)
            operands = (*arguments(direction, x), *given)
            assert_same(call(*on_device(operands)), call(*operands))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("name", "direction"), SAMPLE)
def test_layouts(name, direction, layout):
    call, base = function(name, direction), normal(4, 6)
    x = LAYOUTS[layout](base)
    *grad, _ = arguments(direction, np.ascontiguousarray(x).reshape(x.shape))
    expected = call(*grad, x)
    assert_same(call(*on_device(grad), Interface(x, base)), expected)


@pytest.mark.parametrize("layout", sorted(LAYOUTS.keys() - {"repeated"}))
def test_results_in_any_layout(layout):
    base = np.full((4, 6), 7, "f4")
    out = Interface(LAYOUTS[layout](base), base)
    x = normal(4, 6)
    x = np.ascontiguousarray(LAYOUTS[layout](x)).reshape(out.shape)
    assert fa.silu(placed(x), out=out) is out
    LAYOUTS[layout](base)[...] = fa.silu(x)
    np.testing.assert_array_equal(on_host(out.memory).view("f4").reshape(4, 6), base)  # and no other element


@pytest.mark.parametrize("shapes", [((3, 4), (4,)), ((3, 1), (1, 4)), ((), (2, 3)), ((2, 3), ()), ((2, 1, 3), (4, 1))])
def test_broadcasting(shapes):
    grad, x = (normal(*shape, seed=seed) for seed, shape in enumerate(shapes))
    assert_same(fa.silu.backward(placed(grad), placed(x)), fa.silu.backward(grad, x))


@pytest.mark.parametrize("name", ["relu", "gelu"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_whole_vectors_and_what_is_left(name, dtype):
    # 16 threads in the simulator; vectors of 4 or 2; two of them at a time, one, and single elements.
    call = fa.get(name)
    for size in (1, 2, 3, 4, 5, 8, 63, 64, 65, 127, 131, 163):
        x = normal(size, dtype=dtype)
        assert_same(call(placed(x)), call(x))


def test_short_programs_have_two_vectors_in_flight_and_long_ones_one():
    programs = [
        elementwise._body("gelu", "value", dtype, (False,), False, (dtype,), (dtype,), False).program.operations
        for dtype in ("float32", "float64")
    ]
    assert len(programs[0]) <= kernels.SHORT < len(programs[1])  # so the test above runs both


@pytest.mark.parametrize("name", ["relu", "silu"])
def test_in_place(name):
    x = edges("float32")
    d = placed(x)
    assert fa.get(name)(d, out=d) is d
    assert_same(d, fa.get(name)(x))
    d, grad = placed(x), gradients(x)
    fa.get(name).backward(placed(grad), d, out=d)
    assert_same(d, fa.get(name).backward(grad, x))


@pytest.mark.parametrize(
    "views",
    [
        (lambda base: base[:-3], lambda base: base[3:]),
        (lambda base: base[3:], lambda base: base[:-3]),
        (lambda base: base, lambda base: base[::-1]),
        (lambda base: base[:36].reshape(6, 6), lambda base: base[:36].reshape(6, 6).T),
    ],
    ids=["ahead", "behind", "backwards", "transposed"],
)
def test_a_result_that_overlaps_its_operand(views):
    base = normal(40)
    x, out = parts(base, *views)
    expected = fa.silu(views[0](base).copy())
    assert fa.silu(x, out=out) is out
    assert_same(out, expected)


def test_results_that_overlap_an_operand():
    base = normal(2, 20)
    x, value, derivative = parts(base, lambda b: b[0], lambda b: b[0], lambda b: b[1])
    expected = fa.silu.value_and_derivative(base[0].copy())
    fa.silu.value_and_derivative(x, out=(value, derivative))
    assert_same((value, derivative), expected)


@pytest.mark.parametrize("given", ["float16", "float32", "float64"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_out_of_another_dtype(given, dtype):
    x = normal(11, dtype=given)
    expected, out = np.empty(11, dtype), placed(np.zeros(11, dtype))
    fa.silu(x.astype("f4") if given == "float16" else x, out=expected)
    assert fa.silu(placed(x), out=out) is out
    assert_same(out, expected)


def test_out_that_is_larger():
    x, out = normal(3), np.zeros((2, 3), "f4")
    assert_same(fa.silu(placed(x), out=placed(out)), fa.silu(x, out=out))


def test_two_results():
    x = normal(9)
    value, derivative = fa.mish.value_and_derivative(x)
    out = placed(np.zeros_like(x)), placed(np.zeros(9))
    got = fa.mish.value_and_derivative(placed(x), out=out)
    assert got[0] is out[0]
    assert got[1] is out[1]
    assert_same(got[0], value)
    np.testing.assert_array_equal(on_host(got[1]), derivative.astype("f8"))
    got = fa.mish.value_and_derivative(placed(x), out=(None, out[0]))
    assert_same(got, (value, derivative))


@pytest.mark.parametrize("shape", [(4, 6), (6,), (4, 1), ()])
def test_where(shape):
    x, mask = normal(4, 6), normal(*shape) > 0
    expected = np.full((4, 6), 7, "f4")
    fa.gelu(x, out=expected, where=mask)
    out = placed(np.full((4, 6), 7, "f4"))
    fa.gelu(placed(x), out=out, where=placed(mask))
    assert_same(out, expected)
    shown = np.broadcast_to(mask, x.shape)
    np.testing.assert_array_equal(on_host(fa.gelu(placed(x), where=placed(mask)))[shown], expected[shown])


@pytest.mark.parametrize("dtype", ["float32", np.float64, np.dtype("float64")])
@pytest.mark.parametrize("given", ["float16", "float32", "float64", "int8"])
def test_dtype(given, dtype):
    x = normal(7, dtype=given)
    assert_same(fa.gelu(placed(x), dtype=dtype), fa.gelu(x, dtype=dtype))


@pytest.mark.parametrize("given", ["float32", "float64"])
def test_dtype_of_half_precision_rounds_results_alone(given):
    x = normal(7, dtype=given).astype("float32")
    assert_same(fa.gelu(placed(x.astype(given)), dtype="float16"), fa.gelu(x).astype("float16"))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_and_booleans(dtype):
    x = np.array([0, 1, 2, 3, 100], dtype)
    if dtype != "bool":
        facts = np.iinfo(dtype)
        x = np.concatenate([x, np.array([facts.min, facts.max, facts.max - 1, facts.max // 3], dtype)])
    for name in ("relu", "silu"):
        assert_same(fa.get(name)(placed(x)), fa.get(name)(x))


@pytest.mark.parametrize("dtypes", [("f4", "f8"), ("f8", "f4"), ("f2", "f4"), ("i1", "f2"), ("i8", "f4"), ("?", "f8")])
def test_mixed_dtypes(dtypes):
    grad, x = (normal(9, dtype=dtype, seed=seed) for seed, dtype in enumerate(dtypes))
    assert_same(fa.silu.backward(placed(grad), placed(x)), fa.silu.backward(grad, x))
    assert_same(fa.prelu(placed(grad), placed(x)), fa.prelu(grad, x))


@pytest.mark.parametrize(
    "number", [2, 0.3, True, np.float32(0.3), np.float64(0.3), np.int8(3), np.array(0.3)], ids=repr
)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_numbers_among_arrays(number, dtype):
    x = normal(9, dtype=dtype)
    assert_same(fa.silu.backward(number, placed(x)), fa.silu.backward(number, x))
    assert_same(fa.elu(placed(x), number), fa.elu(x, number))
    assert_same(fa.elu(placed(x), alpha=number), fa.elu(x, alpha=number))


def test_variants():
    x = edges("float32")
    assert_same(fa.gelu(placed(x), approximate="tanh"), fa.gelu(x, approximate="tanh"))
    assert_same(fa.gelu.derivative(placed(x), approximate="tanh"), fa.gelu.derivative(x, approximate="tanh"))
    assert_same(fa.get("swish")(placed(x)), fa.swish(x))
    assert_same(fa.compat.keras.leaky_relu(placed(x)), fa.compat.keras.leaky_relu(x))
    assert_same(fa.rrelu(placed(x)), fa.rrelu(x))


@pytest.mark.parametrize("kind", KINDS)
def test_results_are_of_the_callers_kind(kind):
    x = normal(4, 6)
    given = KINDS[kind](x)
    results = [fa.silu(given), *fa.silu.value_and_derivative(given), fa.softmax(given), fa.logsumexp(given)]
    results += [fa.swiglu(given), fa.crelu(given), *fa.elu.parameter_gradients(given, given)]
    results += [fa.sigmoid_binary_cross_entropy(given, given), fa.softmax_cross_entropy(given, [0, 1, 2, 3])]
    # Numba's kind is also that of libraries that nobody knows.
    expected = type(placed(x)) if kind == "interface" else type(given)
    assert {type(each) for each in results} == {expected}
    assert_same(results[0], fa.silu(x))
    out = KINDS[kind](np.zeros_like(x))
    assert fa.silu(given, out=out) is out
    assert_same(out, fa.silu(x))


def test_streams(cuda):
    x = normal(9)
    for each in (None, 0, *([] if SIMULATED else [cuda.stream()])):  # the simulator's have no handle
        y = fa.silu(placed(x), stream=each)
        cuda.synchronize()
        assert_same(y, fa.silu(x))


def test_results_have_the_same_bits_in_every_layout():
    base = normal(8, 10)
    whole = fa.mish(base)
    for view in (lambda b: b.T, lambda b: b[:, 1:7], lambda b: b.reshape(-1)[3:], lambda b: b[::-1]):
        assert_same(fa.mish(Interface(view(base), base)), np.ascontiguousarray(view(whole)))
