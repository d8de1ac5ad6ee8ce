"""Gated and joined activations give GPU arrays what they give NumPy's, bit for bit."""

import numpy as np
import pytest
from device import Interface, assert_same, edges, gradients, normal, placed

import fastact as fa

GATED = fa.names(kind="gated")
SPLITS = [
    {},
    {"axis": 0},
    {"interleaved": True},
    {"gate_first": True},
    {"interleaved": True, "gate_first": True, "axis": 1},
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", GATED)
def test_two_arrays(name, dtype):
    x, gate = (each.reshape(-1) for each in np.meshgrid(edges(dtype)[::3], edges(dtype)[1::3]))
    grad, call = gradients(x), fa.get(name)
    assert_same(call(placed(x), placed(gate)), call(x, gate))
    assert_same(call.backward(placed(grad), placed(x), placed(gate)), call.backward(grad, x, gate))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("split", SPLITS, ids=str)
@pytest.mark.parametrize("name", GATED)
def test_halves_of_one_array(name, split, dtype):
    x, call = normal(4, 2, 6, dtype=dtype), fa.get(name)
    y = call(x, **split)
    grad = normal(*y.shape, dtype=dtype, seed=1)
    expected = call.backward(grad, x, **split)
    assert_same(call(placed(x), **split), y)
    assert_same(call.backward(placed(grad), placed(x), **split), expected)
    out = placed(np.zeros_like(y)), placed(np.zeros_like(x))
    assert call(placed(x), out=out[0], **split) is out[0]
    assert call.backward(placed(grad), placed(x), out=out[1], **split) is out[1]
    assert_same(out, (y, expected))


def test_variants():
    x = normal(3, 8)
    for approximate in ("none", "tanh"):
        assert_same(fa.geglu(placed(x), approximate=approximate), fa.geglu(x, approximate=approximate))
        got = fa.geglu.backward(placed(x[:, :4]), placed(x), approximate=approximate)
        assert_same(got, fa.geglu.backward(x[:, :4], x, approximate=approximate))


def test_where_and_dtype():
    x, mask = normal(3, 8), normal(3, 4) > 0
    out = placed(np.full((3, 4), 7, "f4"))
    fa.swiglu(placed(x), out=out, where=placed(mask))
    assert_same(out, fa.swiglu(x, out=np.full((3, 4), 7, "f4"), where=mask))
    assert_same(fa.swiglu(placed(x), dtype="float64"), fa.swiglu(x, dtype="float64"))
    assert_same(fa.swiglu.backward(2.0, placed(x)), fa.swiglu.backward(2.0, x))


@pytest.mark.parametrize("view", [lambda b: b.T, lambda b: b[:, ::-1], lambda b: b[1:, 2:]])
def test_layouts(view):
    base = normal(7, 8)[:, :]
    base = np.concatenate([base, base[:1]])
    x = view(base)[:6, :6]
    assert_same(fa.swiglu(Interface(x, base)), fa.swiglu(x))
    assert_same(fa.crelu(Interface(x, base), axis=0), fa.crelu(x, axis=0))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_crelu(axis, dtype):
    x = np.resize(edges(dtype), (3, 4, 5))
    y = fa.crelu(x, axis=axis)
    grad = gradients(y)
    expected = fa.crelu.backward(grad, x, axis=axis)
    assert_same(fa.crelu(placed(x), axis=axis), y)
    assert_same(fa.crelu.backward(placed(grad), placed(x), axis=axis), expected)
    out = placed(np.zeros_like(y)), placed(np.zeros_like(x))
    assert fa.crelu(placed(x), axis=axis, out=out[0]) is out[0]
    assert fa.crelu.backward(placed(grad), placed(x), axis=axis, out=out[1]) is out[1]
    assert_same(out, (y, expected))
