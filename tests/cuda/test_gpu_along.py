"""Functions along an axis give GPU arrays what they give NumPy's, to the last place, where sums have another order."""

import numpy as np
import pytest
from device import (
    EVERY,
    PLAIN,
    Interface,
    assert_near,
    assert_same,
    edges,
    function,
    normal,
    on_host,
    operands,
    parts,
    placed,
)

import fastact as fa
from fastact.cuda import along

# A thread, or 8 of the simulator's, per row; rows that do not fit in their threads' lines have a file of their own.
SHAPES = {
    "short rows": ((3, 5), -1),
    "rows of one": ((3, 1), -1),
    "one row": ((20,), -1),
    "rows of whole vectors": ((2, 24), -1),
    "columns": ((18, 2), 0),
    "an axis in between": ((1, 18, 3), 1),
    "first and last axis": ((2, 2, 9), (0, 2)),
    "last two axes": ((2, 4, 8), (-2, -1)),
    "all axes": ((2, 3, 5), None),
    "no axis": ((2, 3), ()),
}
CASES = [(case, "float32") for case in SHAPES]
CASES += [(case, "float64") for case in ("short rows", "one row", "columns")]


@pytest.mark.parametrize(("case", "dtype"), CASES)
@pytest.mark.parametrize(("name", "direction"), EVERY)
def test_every_direction(name, direction, case, dtype):
    shape, axis = SHAPES[case]
    given = operands(name, direction, normal(*shape, dtype=dtype), axis)
    call = function(name, direction)
    assert_near(call(*map(placed, given), axis=axis), call(*given, axis=axis))


def test_rows_get_a_thread_or_several():
    def threads(length):
        operand = along.a.operand_of(Interface(np.zeros((2, length), "f4")))
        return along._layout(length, 2, [length], [[4], [4]], [operand, operand], 0, 1)[0]

    assert [threads(length) for length in (along.SHORT, along.SHORT + 1, 1000)] == [1, 8, 8]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PLAIN)
def test_tails_infinities_and_nan(name, dtype):
    x = np.resize(edges(dtype)[: edges(dtype).size // 2 - 3], (4, 5))
    x[1, 2], x[2, 1], x[3, 3] = np.nan, np.inf, -np.inf
    for each in (x, np.full((2, 20), -np.inf, dtype), np.full((2, 20), 3, dtype), np.full((2, 20), np.inf, dtype)):
        assert_near(fa.get(name)(placed(each)), fa.get(name)(each))


@pytest.mark.parametrize("name", ["hardmax"])
def test_the_first_of_equal_elements_wins(name):
    x = np.array([[1, 3, 3, 3] * 10, [3, 3, 3, 1] * 10], "f4")
    assert_same(fa.get(name)(placed(x)), fa.get(name)(x))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int64"])
@pytest.mark.parametrize("name", PLAIN)
def test_other_dtypes(name, dtype):
    import ml_dtypes

    dtype = np.dtype(getattr(ml_dtypes, dtype, dtype))
    x = normal(3, 20).astype(dtype)
    expected = fa.get(name)(x)
    out = Interface(np.zeros_like(expected))
    assert fa.get(name)(Interface(x), out=out) is out
    assert_near(out, expected)


@pytest.mark.parametrize("view", [lambda b: b.T, lambda b: b[:, ::-1], lambda b: b[::2, 1:], lambda b: b[1:, ::3]])
@pytest.mark.parametrize("name", ["softmax", "logsumexp", "sparsemax"])
def test_layouts(name, view):
    base = normal(9, 20)
    x = view(base)
    for axis in (0, 1):
        assert_near(fa.get(name)(Interface(x, base), axis=axis), fa.get(name)(x, axis=axis))


def test_in_place():
    x = normal(3, 20)
    for axis in (0, 1):
        d = placed(x)
        assert fa.softmax(d, axis=axis, out=d) is d
        assert_near(d, fa.softmax(x, axis=axis))


def test_a_result_that_overlaps_its_operand():
    base = normal(50)
    x, out = parts(base, lambda b: b[:40].reshape(2, 20), lambda b: b[10:].reshape(2, 20))
    expected = fa.softmax(base[:40].reshape(2, 20).copy())
    assert fa.softmax(x, out=out) is out
    assert_near(out, expected)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_out_and_dtype(dtype):
    x = normal(3, 20)
    expected = fa.softmax(x.astype("f8")).astype(dtype)
    out = placed(np.zeros((3, 20), dtype))
    fa.softmax(placed(x), out=out)
    np.testing.assert_allclose(on_host(out).astype("f8"), expected, rtol=2e-3 if dtype == "float16" else 2e-7)
    if dtype != "float16":
        assert_near(fa.softmax(placed(x), dtype=dtype), fa.softmax(x, dtype=dtype))


@pytest.mark.parametrize("axis", [0, -1, (0, 2), None])
def test_keepdims(axis):
    x = normal(2, 3, 5)
    expected = fa.logsumexp(x, axis=axis, keepdims=True)
    assert_near(fa.logsumexp(placed(x), axis=axis, keepdims=True), expected)
    out = placed(np.zeros_like(expected))
    assert fa.logsumexp(placed(x), axis=axis, keepdims=True, out=out) is out
    assert_near(out, expected)
    grad = normal(*expected.shape)
    got = fa.logsumexp.backward(placed(grad), placed(x), axis=axis, keepdims=True)
    assert_near(got, fa.logsumexp.backward(grad, x, axis=axis, keepdims=True))


MASKED = [name for name in PLAIN if fa.get(name).info.left_out]


@pytest.mark.parametrize("shape", [(3, 5), (3, 20)])
@pytest.mark.parametrize("name", MASKED)
def test_where(name, shape):
    x, mask = normal(*shape), normal(*shape, seed=1) > 0
    mask[0] = False
    x[1, :3] = np.nan, np.inf, -np.inf
    mask[1, :2] = False
    for each in (mask, mask[1:2]):
        assert_near(fa.get(name)(placed(x), where=placed(each)), fa.get(name)(x, where=each))
    for direction in fa.get(name).info.directions[1:]:
        given = operands(name, direction, normal(*shape), -1)
        call = function(name, direction)
        assert_near(call(*map(placed, given), where=placed(mask)), call(*given, where=mask))


@pytest.mark.parametrize("empty", ["nan", "zero", "uniform"])
@pytest.mark.parametrize("name", [name for name in MASKED if fa.get(name).info.has_empty_rows])
def test_rows_in_which_nothing_takes_part(name, empty):
    x, mask = normal(3, 18), normal(3, 18, seed=1) > 0
    x[0], mask[1] = fa.get(name).info.left_out[0], False
    assert_near(fa.get(name)(placed(x), empty=empty), fa.get(name)(x, empty=empty))
    got = fa.get(name)(placed(x), empty=empty, where=placed(mask))
    assert_near(got, fa.get(name)(x, empty=empty, where=mask))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("axis", [1, (0, 2)])
@pytest.mark.parametrize("name", [name for name in PLAIN if fa.get(name).info.has_jacobian])
def test_jacobian(name, axis, dtype):
    x = normal(2, 3, 2, dtype=dtype)
    got, expected = fa.get(name).jacobian(placed(x), axis=axis), fa.get(name).jacobian(x, axis=axis)
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(on_host(got), expected, rtol=1e-6 if dtype == "float32" else 1e-14, atol=1e-16)


@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (0,), (2, 0, 3)])
@pytest.mark.parametrize("name", PLAIN)
def test_nothing(name, shape):
    x = np.zeros(shape, "f4")
    assert_same(fa.get(name)(placed(x)), fa.get(name)(x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("shape", "pieces", "axis"), [((3, 6), 2, -1), ((3, 6), 6, 1), ((6, 4), 3, 0), ((2, 40), 20, 1)]
)
def test_maxout(shape, pieces, axis, dtype):
    x = normal(*shape, dtype=dtype).round(1)  # some are equal
    y = fa.maxout(x, pieces, axis=axis)
    grad = normal(*y.shape, dtype=dtype)
    assert_same(fa.maxout(placed(x), pieces, axis=axis), y)
    got = fa.maxout.backward(placed(grad), placed(x), pieces, axis=axis)
    assert_same(got, fa.maxout.backward(grad, x, pieces, axis=axis))
    out = placed(np.zeros_like(y))
    assert fa.maxout(placed(x), pieces, axis=axis, out=out) is out
    assert_same(out, y)
