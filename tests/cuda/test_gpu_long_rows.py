"""Rows that do not fit their threads' lines: the largest element and the sums are found in one pass."""

from collections import Counter

import numpy as np
import pytest
from device import EVERY, SIMULATED, address_of, assert_near, function, normal, on_device, on_host, operands, placed

import fastact as fa
from fastact._accuracy.reference import exact_row, ulp_error
from fastact.cuda import memory, rows
from fastact.cuda.lowering import python_function
from fastact.cuda.row_programs import row_programs


def _sums_are_of_the_largest(name, direction):
    programs = row_programs(name, direction, "float32")
    return programs.sum_parts and programs.formulas.extreme and not programs.formulas.needs_threshold


#: What sums, over rows, something of elements and the largest one.
SUMS = [
    (name, formula.removesuffix("_row"))
    for name in fa.names()
    for formula in fa.get(name).info.formulas
    if formula.endswith("_row") and _sums_are_of_the_largest(name, formula.removesuffix("_row"))
]
ENTROPY = fa.softmax_cross_entropy
LENGTH = 19  # of eight threads' lines, two and a part


@pytest.fixture(autouse=True)
def _short_lines(monkeypatch):
    monkeypatch.setattr(rows, "LINE", 2)


def _with(row, place, value):
    row = row.copy()
    row[place] = value
    return row


def all_kinds(dtype):
    """Rows of all kinds: where the largest element is, and what there is besides."""
    plain, bounds = normal(LENGTH, dtype=dtype), np.finfo(dtype)
    every = [
        np.sort(plain),
        np.sort(plain)[::-1],
        plain * np.resize([1e-6, 1, 60], LENGTH),
        np.full(LENGTH, -np.inf),
        np.where(plain > 0, bounds.min, -np.inf),
        np.resize([bounds.min, bounds.max], LENGTH),
        _with(plain, slice(17), -np.inf),
        _with(_with(plain, 12, np.inf), 5, np.nan),
    ]
    last = LENGTH - 1
    every += [_with(plain, *each) for each in ((last, 90), (3, np.inf), (last, np.inf), (last, np.nan))]
    return np.array(every).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "direction"), SUMS)
def test_sums_for_a_larger_element_are_those_of_its_own(name, direction, dtype):
    programs, kind = row_programs(name, direction, dtype), np.dtype(dtype).type
    assert programs.is_online, "the name of one of the sums does not say what becomes of it"
    formulas = programs.formulas
    add, grow = python_function(programs.accumulate_online), python_function(programs.raise_largest)
    sign = 1 if formulas.extreme == "largest" else -1
    last, largest = kind(sign * 1.25), kind(sign * 3.0)
    numbers = np.linspace(0.5, 2, len(formulas.terms_ask))

    def summed(known):
        sums = (0.0,) * programs.online_parts
        for x in (0.5, 1.25, -3.0, 1.25):
            others = [kind(0.5 + i + abs(x)) for i in range(formulas.inputs - 1)]
            sums = add(*numbers, *others, kind(sign * x), known, *sums, True)
        return sums

    def values(sums):
        return np.reshape(sums, (-1, programs.parts)).sum(1)

    got = values(grow(*summed(last), last, largest))
    np.testing.assert_allclose(got, values(summed(largest)), rtol=1e-6 if dtype == "float32" else 1e-15)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("softmax", "float32"),
        ("softmin", "float32"),
        ("log_softmax", "float32"),
        ("log_softmax", "float64"),
        ("logsumexp", "float32"),
    ],
)
def test_rows_of_all_kinds(name, dtype):
    x = all_kinds(dtype)
    assert_near(fa.get(name)(placed(x)), fa.get(name)(x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_against_mpmath(name, dtype):
    x = np.stack([np.sort(normal(LENGTH, dtype=dtype, scale=scale)) for scale in (1e-3, 2, 1e4)])
    x[1, -1] += 30  # leads by much
    got = on_host(fa.get(name)(placed(x))).reshape(len(x), -1)
    for mine, row in zip(got, x, strict=True):
        assert max(map(ulp_error, mine, exact_row(name, row), [dtype] * len(mine))) <= 2


@pytest.mark.parametrize("name", [name for name, direction in SUMS if direction == "backward"])
def test_gradients(name):
    x = all_kinds("float32")[[0, 2, 8]]
    grad = normal(*fa.get(name)(x).shape, seed=1)
    got = on_host(fa.get(name).backward(placed(grad), placed(x)))
    expected = fa.get(name).backward(grad.astype("f8"), x.astype("f8"))
    np.testing.assert_allclose(got, expected, rtol=4e-7, atol=4e-7 * np.abs(grad).max())


@pytest.mark.parametrize(("name", "direction"), sorted(set(EVERY) - set(SUMS)))
def test_what_takes_a_pass_for_each(name, direction):
    given = operands(name, direction, normal(2, LENGTH), -1)
    call = function(name, direction)
    assert_near(call(*map(placed, given)), call(*given))


@pytest.mark.parametrize(("name", "empty"), [("softmax", "nan"), ("log_softmax", "zero"), ("softmin", "uniform")])
def test_masks(name, empty):
    x = all_kinds("float32")[[0, 3, 6, 7, 9]]
    mask = normal(*x.shape, seed=1) > 0
    mask[0], mask[3, 5] = False, False
    got = fa.get(name)(placed(x), where=placed(mask), empty=empty)
    assert_near(got, fa.get(name)(x, where=mask, empty=empty))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("length", [13, LENGTH])  # with a thread, or several, per column
@pytest.mark.parametrize("name", ["log_softmax", "logsumexp"])
def test_columns_and_where_results_go(name, length, dtype):
    x = np.sort(normal(length, 2, dtype=dtype), axis=0)
    keywords = {"axis": 0, "keepdims": True} if fa.get(name).info.reduces else {"axis": 0}
    expected, d = fa.get(name)(x, **keywords), placed(x)
    out = placed(np.zeros_like(expected)) if fa.get(name).info.reduces else d
    assert fa.get(name)(d, out=out, **keywords) is out
    assert_near(out, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("smoothing", [0, 0.1])
def test_cross_entropy(smoothing, dtype):
    x = all_kinds(dtype)[[0, 3, 6, 9]]
    options = {"class_weights": np.linspace(0, 2, LENGTH), "label_smoothing": smoothing, "reduction": "none"}
    for target in (np.arange(len(x)), np.resize([0.25, 0, 0.5], x.shape).astype(dtype)):
        got = ENTROPY.value_and_gradient(placed(x), placed(target), **on_device(options))
        assert_near(got, ENTROPY.value_and_gradient(x, target, **options), ulps=2)


@pytest.mark.skipif(not SIMULATED, reason="a device does not tell what it reads")
@pytest.mark.parametrize(
    ("name", "direction", "options", "passes"),
    [
        ("logsumexp", "value", {}, 1),
        ("softmax", "value", {}, 2),
        ("softmax", "value", {"where": np.resize([True, False], 64)}, 2),
        ("softmax", "value", {"empty": "uniform"}, 3),
        ("log_softmax", "backward", {}, 2),
    ],
)
def test_how_often_elements_are_read(monkeypatch, name, direction, options, passes):
    reads, load = Counter(), memory.host_load

    def host_load(address, offset, storage, kind):
        reads[address + offset] += 1
        return load(address, offset, storage, kind)

    monkeypatch.setattr(memory, "host_load", host_load)
    x = normal(64)  # two whole lines of vectors: what is beyond a row's end is read at its end
    grad, d = [placed(x)] * (direction == "backward"), placed(x)
    function(name, direction)(*grad, d, **on_device(options))
    assert {reads[address_of(d) + 4 * i] for i in range(x.size)} == {passes}
