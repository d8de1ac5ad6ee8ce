"""Diagnoses are the figures that plain NumPy gives in float64, whatever the data lie in; advice holds on the data."""

import functools
import re
import tracemalloc

import dask.array as da
import ml_dtypes
import numpy as np
import pandas
import pytest
import xarray
from cases import ELEMENTWISE
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import fastact as fa
from fastact import _statistics, _streaming
from fastact.diagnostics import SATURATED

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(-0.3, 2, (6, 5, 230)).astype("f4")
GRAD = RANDOM.normal(0, 1, X.shape).astype("f4")
X[0, 0, :9] = [0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 6, 0.5]
SHARES = ("dead", "saturated", "sparsity", "gradient_lost")
SUMMARIES = ("inputs", "outputs", "derivatives")
FIGURES = ("mean", "std", "min", "max", "nan", "inf")
# Blocks and their sums in another order than NumPy's.
ROUNDING = {"rtol": 1e-11, "atol": 1e-12}


def figures(diagnosis):
    """Every figure by its name."""
    found = {name: getattr(diagnosis, name) for name in ("count", *SHARES)}
    for summary in SUMMARIES:
        found |= {f"{summary} {figure}": getattr(getattr(diagnosis, summary), figure) for figure in FIGURES}
    return found


def expected(name, x, grad, kept=(), threshold=0.0, **parameters):
    """The same from whole arrays: the activation's own value and derivative, and NumPy in float64."""
    activation = fa.get(name)
    y, d = activation(x, **parameters), activation.derivative(x, **parameters)
    limit = np.asarray(threshold, d.dtype)  # a slope of 0.01 in float32 is not below 0.01
    summed = tuple(axis for axis in range(x.ndim) if axis not in kept)
    dead, saturated, zero = d == 0, (d == 0) | (abs(d) < limit), y == 0
    found = {"count": np.full(x.shape, 1).sum(summed)}
    found |= {name: s.mean(summed) for name, s in zip(SHARES, (dead, saturated, zero), strict=False)}
    g, product = np.asarray(grad, "f8"), np.asarray(grad, "f8") * d.astype("f8")
    finite = np.isfinite(product)
    lengths = [np.sqrt((np.where(finite, part, 0) ** 2).sum(summed)) for part in (product, g)]
    found["gradient_lost"] = 1 - lengths[0] / lengths[1]
    for summary, array in zip(SUMMARIES, (x, y, d), strict=True):
        finite = np.ma.masked_invalid(array.astype("f8"))
        found |= {f"{summary} {f}": np.ma.filled(getattr(finite, f)(summed), np.nan) for f in FIGURES[:4]}
        found |= {f"{summary} nan": np.isnan(array).sum(summed), f"{summary} inf": np.isinf(array).sum(summed)}
    return found


def assert_same(diagnosis, others, **tolerance):
    for name, figure in figures(diagnosis).items():
        if name in ("count", *SHARES[:3]) or name.endswith((" nan", " inf", " min", " max")):
            assert_array_equal(figure, others[name], name)
        else:
            assert_allclose(figure, others[name], **(tolerance or ROUNDING), err_msg=name)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_activation(name):
    for axis, kept in ((None, ()), (1, (1,))):
        diagnosis = fa.diagnose(name, X, GRAD, axis)
        assert_same(diagnosis, expected(name, X, GRAD, kept, diagnosis.threshold))
        assert diagnosis.axis == kept
        assert np.shape(diagnosis.dead) == tuple(X.shape[axis] for axis in kept)
        lines = str(diagnosis).splitlines()
        assert lines[0] == f"{name} on 6,900 elements"
        assert all(any(line.startswith(text) for line in lines) for text in ("dead", "gradient lost", *SUMMARIES))
        assert "|derivative| &lt; " in diagnosis._repr_html_()
        largest = max(map(abs, fa.get(name).info.derivative_range))
        assert diagnosis.threshold == SATURATED * (largest if np.isfinite(largest) else 1)
    assert_same(diagnosis.total, figures(fa.diagnose(name, X, GRAD)))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_masked_elements_take_no_part(name):
    masked = np.ma.array(X, mask=X > 0.4)
    diagnosis = fa.diagnose(name, masked, GRAD)
    assert_same(diagnosis, figures(fa.diagnose(name, masked.compressed(), GRAD[~masked.mask])))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", ">f8", ml_dtypes.bfloat16, "i1", "u2", "i8", ">i4", "?"])
def test_dtypes(dtype):
    x = RANDOM.normal(0, 3, (50, 41)).astype(dtype)
    for name in ("relu", "sigmoid"):
        diagnosis = fa.diagnose(name, x)
        assert_same(diagnosis, expected(name, x, np.ones(x.shape), (), diagnosis.threshold))


def test_a_gradient_of_another_dtype():
    grad = GRAD.astype("f8")
    assert fa.diagnose("sigmoid", X, grad).dead == np.mean(fa.sigmoid.backward(np.ones(()), X) == 0)
    assert_same(fa.diagnose("relu", X, grad[0, :, :1]), expected("relu", X, np.broadcast_to(grad[0, :, :1], X.shape)))


LAYOUTS = {
    "transposed": lambda x: x.T,
    "strided": lambda x: x[::2, ::-1, ::3],
    "Fortran": np.asfortranarray,
    "short rows": lambda x: x[:, :, :3],
    "repeated": lambda x: np.broadcast_to(x[:, :1], x.shape),
    "unaligned": lambda x: np.frombuffer(b"." + x.tobytes(), "u1")[1:].view("f4").reshape(x.shape),
    "ten dimensions": lambda x: x[:4, :4, :64].reshape((2,) * 10)[..., ::-1],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_and_axes(layout):
    x, grad = LAYOUTS[layout](X), LAYOUTS[layout](GRAD)
    for axis in (None, 0, 1, -1, (0, 2), tuple(range(x.ndim))):
        kept = () if axis is None else tuple(i % x.ndim for i in (axis if isinstance(axis, tuple) else (axis,)))
        with np.errstate(all="ignore"):  # NumPy's, of single elements
            others = expected("relu6", x, grad, kept, SATURATED)
        assert_same(fa.diagnose("relu6", x, grad, axis), others)


def test_parameters():
    alpha = np.linspace(0, 1, 5, dtype="f4").reshape(5, 1)
    found = fa.diagnose("prelu", X, GRAD, 1, alpha=alpha)
    assert_same(found, expected("prelu", X, GRAD, (1,), found.threshold, alpha=alpha))
    assert found.dead[0] > 0 == found.dead[1]
    assert found.label == "prelu(alpha=<(5, 1)>)"
    mixed = {"negative_slope": alpha, "max_value": 2.0}
    assert_same(
        fa.diagnose("general_relu", X, **mixed), expected("general_relu", X, np.ones(X.shape), (), 0.01, **mixed)
    )
    elu = fa.diagnose("elu", X, alpha=2)
    assert elu.label == "elu(alpha=2)"
    assert elu.threshold == pytest.approx(0.02, rel=2e-3)
    assert_same(fa.diagnose(functools.partial(fa.elu, alpha=2), X), figures(elu))
    assert fa.diagnose("gelu", X, approximate="tanh").label == "gelu_tanh"
    assert fa.diagnose("softexponential", X, alpha=1.0).threshold == SATURATED  # no bound to its derivative


# --- numbers that are easily lost -------------------------------------------------------------------


def test_spread_far_from_zero():
    x = 1e9 + RANDOM.normal(0, 1, 200_000)
    inputs = fa.diagnose("identity", x).inputs
    assert_allclose(inputs.mean, 1e9 + (x - 1e9).mean(), rtol=1e-15)
    assert_allclose(inputs.std, (x - 1e9).std(), rtol=1e-9)


def test_equal_numbers_have_no_spread():
    summary = fa.diagnose("leaky_relu", np.full(100_001, -0.7), negative_slope=0.1)
    assert (summary.derivatives.mean, summary.derivatives.std) == (0.1, 0.0)
    assert (summary.inputs.mean, summary.inputs.std) == (-0.7, 0.0)


@pytest.mark.parametrize("scale", [1e-290, 1e307])
def test_no_square_leaves_the_range(scale):
    x = RANDOM.uniform(-1, 1, 5000)
    found, scaled = fa.diagnose("leaky_relu", x, x), fa.diagnose("leaky_relu", scale * x, scale * x)
    assert_allclose([scaled.inputs.mean / scale, scaled.inputs.std / scale], [found.inputs.mean, found.inputs.std])
    assert_allclose(scaled.gradient_lost, found.gradient_lost)
    apart = fa.diagnose("identity", np.repeat([-1.7e308, 1.7e308], 2048)).inputs
    assert (apart.mean, apart.std) == (0, 1.7e308)


@pytest.mark.parametrize("x", [[], np.zeros((0, 3)), [np.nan] * 3, [np.inf, -np.inf], 2.0, np.ma.masked_all(4)])
def test_few_numbers(x):
    for name in ("relu", "sigmoid", "logit"):
        diagnosis = fa.diagnose(name, x)
        assert diagnosis.count == np.ma.count(x)
        assert diagnosis.inputs.nan == np.count_nonzero(np.isnan(np.ma.compressed(x)))
        assert np.isnan(diagnosis.inputs.mean) == (not np.isfinite(np.ma.compressed(x)).any())
        assert np.isnan(diagnosis.dead) == (diagnosis.count == 0)
        assert str(diagnosis)
    if np.ndim(x) == 2:
        assert fa.diagnose("relu", x, axis=1).count.tolist() == [0, 0, 0]
        assert str(fa.diagnose("relu", x, axis=0))


# --- parts ------------------------------------------------------------------------------------------

NUMBERS = st.floats(width=32) | st.floats(1e6, 1e6 + 1) | st.just(-1.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=40), st.lists(st.integers(0, 2000), max_size=4))
def test_any_split_gives_the_same(numbers, cuts):
    x = np.resize(np.array(numbers), 2000)
    subject = [_streaming.Subject("leaky_relu", (0.01,), 0.01)]

    def partial(part):
        share = _streaming.Share(part.size, 0, (), ())
        (state,), _ = _streaming.gather(subject, part, np.ones_like(part), (), share)
        return state

    parts = np.split(x, sorted(cuts))
    whole, merged = partial(x), _statistics.merged(np.stack([partial(part) for part in parts]))
    exact = [_statistics.COUNT, _statistics.DEAD, _statistics.SATURATED, _statistics.ZERO]
    for quantity in _statistics.QUANTITIES:
        exact += [
            quantity + i for i in (_statistics.NAN, _statistics.INFINITE, _statistics.LOWEST, _statistics.HIGHEST)
        ]
    assert_array_equal(whole[exact], merged[exact])
    finite = x[np.isfinite(x)]
    # Derivatives are up to 1, whatever x is.
    assert_allclose(merged, whole, rtol=1e-9, atol=1e-13 * np.abs(finite).max(initial=1))


def test_same_bits_for_any_number_of_threads(threads):
    x = RANDOM.normal(0, 2, (3, 7, 40_000)).astype("f4")
    for axis in (None, 1, 2):
        for array in (x, x.T):
            found = []
            for count in (1, fa.get_num_threads()):
                threads(count)
                found.append(figures(fa.diagnose("gelu", array, array, axis)))
            assert all(np.array_equal(*pair) for pair in zip(*(each.values() for each in found), strict=True))


def test_memory_maps_of_any_size(tmp_path):
    x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", "f4", (12_000_000,))
    x[1::2] = -1
    fa.diagnose("relu", x[:5])
    tracemalloc.start()
    diagnosis = fa.diagnose("relu", x)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < x.nbytes / 2
    assert (diagnosis.count, diagnosis.dead, diagnosis.inputs.mean) == (x.size, 1, -0.5)


def test_several_blocks(monkeypatch):
    monkeypatch.setattr("fastact._command_line.blocks.BLOCK_BYTES", 4096)
    monkeypatch.setattr(_streaming, "SAMPLE", 500)
    for axis, kept in ((None, ()), (0, (0,)), (1, (1,)), ((1, 2), (1, 2))):
        for x, grad in ((X, GRAD), (X.transpose(1, 2, 0), GRAD.transpose(1, 2, 0))):
            assert_same(fa.diagnose("silu", x, grad, axis), expected("silu", x, grad, kept, 0.01 * 1.099839320128867))


# --- other libraries' arrays ------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [None, 1, (0, 2)])
def test_dask_in_one_computation(axis):
    chunks = []

    def counted(block):
        chunks.append(block.shape)
        return block

    lazy = da.from_array(X, chunks=(4, 3, 100)).map_blocks(counted, dtype=X.dtype, meta=X[:0])
    assert_same(fa.diagnose("gelu", lazy, GRAD, axis), figures(fa.diagnose("gelu", X, GRAD, axis)))
    assert len(chunks) == lazy.npartitions
    fa.compare(["gelu", "relu"], lazy, lazy + 1)
    assert len(chunks) == 2 * lazy.npartitions


def test_dask_masks_parameters_and_unknown_lengths():
    masked, alpha = np.ma.array(X, mask=X > 0.4), np.linspace(0, 1, 5).reshape(5, 1)
    lazy = da.from_array(masked, chunks=(2, 5, 77))
    found = fa.diagnose("prelu", lazy, da.from_array(GRAD, chunks=50), 1, alpha=da.from_array(alpha, chunks=2))
    assert_same(found, figures(fa.diagnose("prelu", masked, GRAD, 1, alpha=alpha)))
    assert fa.diagnose("relu", da.zeros(())).count == 1
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        fa.diagnose("relu", lazy[lazy > 0])


def test_labelled_arrays():
    x = X[:, :, 20]
    whole = figures(fa.diagnose("tanh", x, x))
    assert_same(fa.diagnose("tanh", xarray.DataArray(x), xarray.DataArray(x)), whole)
    assert_same(fa.diagnose("tanh", xarray.DataArray(da.from_array(x, chunks=2)), x), whole)
    assert_same(fa.diagnose("tanh", pandas.DataFrame(x), x), whole)
    assert fa.diagnose("tanh", pandas.Series([1, None, 3], dtype="Int64")).count == 2
    with pytest.raises(TypeError, match="Dataset"):
        fa.diagnose("tanh", xarray.Dataset({"x": 1}))


# --- advice -----------------------------------------------------------------------------------------


def advice(*args, **keywords):
    return " ".join(fa.diagnose(*args, **keywords).advice)


def kept(name, x, grad, **parameters):
    return np.linalg.norm(grad * fa.get(name).derivative(x, **parameters)) / np.linalg.norm(grad)


def test_healthy_data_need_no_advice():
    x = RANDOM.normal(0, 1, 50_000)
    for name in ("relu", "gelu", "tanh", "sigmoid", "leaky_relu"):
        assert ("standard deviation of only" in advice(name, x)) == (name == "sigmoid")  # its mean is 0.5
        assert "left" not in advice(name, x)


def test_dead_units_and_which_slope():
    x, grad = RANDOM.normal(0, 1, (2, 500, 4, 9))
    x[:, 3] -= 2
    text = advice("relu", x, grad, axis=1)
    assert f"{np.mean(x[:, 3] <= 0):.1%} of the derivatives at index 3 of axis 1 are 0" in text
    assert f"{kept('relu', x[:, 3], grad[:, 3]):.1%} by relu" in text
    for slope in (0.01, 0.1, 0.3):
        left = kept("leaky_relu", x[:, 3], grad[:, 3], negative_slope=slope)
        assert f"{left:.1%} by leaky_relu(negative_slope={slope:g})" in text
    assert "by sigmoid" in advice("binary_step", x)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "hard_tanh", "softsign", "gaussian"])
def test_saturation_and_which_scale(name):
    x = RANDOM.normal(300, 40, 20_000)
    text = advice(name, x)
    shift, scale = map(float, re.search(r"mean of (\S+) and times (\S+), ", text).groups())
    threshold = fa.diagnose(name, x).threshold
    assert fa.diagnose(name, (x - shift) * scale).saturated == pytest.approx(0.05, abs=0.01)
    assert f"below {threshold:.3g}" in text
    assert f"{kept(name, x, 1 + 0 * x):.1%} by {name}; {kept('gelu', x, 1 + 0 * x):.1%} by gelu" in text


def test_outputs_off_centre():
    x = RANDOM.normal(0, 1, 5000)
    y = fa.tanh(x)
    assert f"{y.mean():.3g} and {y.std():.3g} with tanh" in advice("hard_sigmoid", x) + advice("sigmoid", x)
    assert "the inputs, with 3" in advice("tanh", 3 + x / 10)


def test_numbers_that_are_not_finite():
    assert "2 inputs are NaN and 1 infinite" in advice("relu", [np.nan, np.nan, np.inf, 1])
    assert "2 outputs more than inputs" in advice("logit", [-1, 2, 0.5])
    assert "grows by a factor of 100" in advice("identity", [1.0], [1.0]) + advice("shrink", [1.0]) + advice(
        "leaky_relu", [-1.0], negative_slope=100
    )


def test_advice_on_a_sample(monkeypatch):
    monkeypatch.setattr(_streaming, "SAMPLE", 20_000)
    monkeypatch.setattr("fastact._advice.SAMPLE", 20_000)
    x = RANDOM.normal(-1, 1, (400, 200))
    text = advice("relu", x)
    assert "(on 20,000 random elements)" in text
    left = float(re.search(r"([\d.]+)% by leaky_relu\(negative_slope=0.1\)", text)[1]) / 100
    assert left == pytest.approx(kept("leaky_relu", x, np.ones(x.shape), negative_slope=0.1), rel=0.05)
    assert advice("relu", x) == text


# --- compare ----------------------------------------------------------------------------------------


def test_compare_ranks_by_what_it_says():
    leaky = functools.partial(fa.leaky_relu, negative_slope=0.2)
    found = fa.compare(["exponential", "ReLU", fa.gelu, leaky, "logit"], X[1:], GRAD[1:])
    lost = [abs(each.gradient_lost) for each in found]
    assert lost == sorted(lost)
    assert {each.label for each in found} == {"exponential", "relu", "gelu", "leaky_relu(negative_slope=0.2)", "logit"}
    for each in found:
        assert each.advice == ()
        one = leaky if each.label.startswith("leaky") else each.label
        assert figures(each) == figures(fa.diagnose(one, X[1:], GRAD[1:]))
    lines = str(found).splitlines()
    assert lines[0].split()[0] == "activation"
    assert [line.split()[0] for line in lines[1:]] == [each.label for each in found]
    assert found._repr_html_() == f"<pre>{found}</pre>"
    nothing = fa.compare(["logit", "relu"], [-1.0, -2.0])
    assert [each.label for each in nothing] == ["relu", "logit"]  # which has no figure


# --- errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fa.diagnose("rellu", X), ValueError, "did you mean 'relu'"),
        (lambda: fa.diagnose("softmax", X), ValueError, "softmax does not work element by element"),
        (lambda: fa.diagnose("swiglu", X), ValueError, "swiglu does not work element by element"),
        (lambda: fa.diagnose(np.tanh, X), TypeError, "takes an activation of fastact.*'tanh'"),
        (lambda: fa.diagnose(functools.partial(fa.elu, 1.0), X), TypeError, "keywords only"),
        (lambda: fa.diagnose("relu", X, axis=3), ValueError, "axis 3 is out of range"),
        (lambda: fa.diagnose("relu", 1.0, axis=0), ValueError, "scalar"),
        (lambda: fa.diagnose("relu", X, np.ones(3)), ValueError, r"grad of shape \(3,\) does not broadcast"),
        (lambda: fa.diagnose("relu", X[0, 0], X), ValueError, r"grad of shape \(6, 5, 230\) does not broadcast"),
        (lambda: fa.diagnose("prelu", X, alpha=np.ones(3)), ValueError, r"alpha of shape \(3,\)"),
        (lambda: fa.diagnose("elu", X, alpha="b"), TypeError, "elu: alpha must be a number"),
        (lambda: fa.diagnose("elu", X, beta=1), TypeError, "elu has no parameter 'beta'; it has alpha"),
        (lambda: fa.diagnose("softplus", X, beta=0), ValueError, "softplus: beta must be greater than 0"),
        (lambda: fa.diagnose("softplus", X, beta=np.zeros(230)), ValueError, "softplus: beta must be greater than 0"),
        (lambda: fa.diagnose("gelu", X, approximate="x"), ValueError, "'none' or 'tanh'"),
        (lambda: fa.diagnose("relu", X.astype(complex)), TypeError, "relu does not take complex128"),
        (lambda: fa.diagnose("relu", X, GRAD.astype(complex)), TypeError, "relu does not take complex128"),
        (lambda: fa.diagnose("relu", ["a"]), TypeError, "relu does not take <U1"),
        (lambda: fa.compare([], X), ValueError, "at least one"),
        (lambda: fa.compare("relu", X), TypeError, r"try \['relu'\]"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


# --- the command line -------------------------------------------------------------------------------


def test_command_line_prints_the_reports(run, folder):
    np.save("x.npy", X)
    np.save("grad.npy", GRAD[0])
    code, out, err = run("diagnose", "elu", "x.npy", "--grad", "grad.npy", "--axis", "1", "--param", "alpha=0.5")
    assert (code, err) == (0, "")
    assert out == f"{fa.diagnose('elu', X, GRAD[0], 1, alpha=0.5)}\n"
    code, out, err = run("compare", "relu", "leaky_relu:negative_slope=0.2", "x.npy")
    leaky = functools.partial(fa.leaky_relu, negative_slope=0.2)
    assert (code, out, err) == (0, f"{fa.compare(['relu', leaky], X)}\n", "")
    assert "highest, where" in run("diagnose", "relu", "x.npy", "--axis", "0,1")[1]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["diagnose", "rellu", "x.npy"], "'relu'"),
        (["diagnose", "softmax", "x.npy"], "element by element"),
        (["diagnose", "relu", "none.npy"], "none.npy"),
        (["diagnose", "relu", "x.npy", "--axis", "7"], "axis 7"),
        (["diagnose", "relu", "x.npy", "--axis", "last"], "'last'"),
        (["diagnose", "relu", "x.npy", "--grad", "other.npy"], "grad of shape"),
        (["diagnose", "elu", "x.npy", "--param", "beta=2"], "'beta'"),
        (["diagnose", "elu", "x.npy", "--param", "axis=2"], "'axis'"),
        (["compare", "relu"], "IN"),
        (["compare", "relu:slope", "x.npy"], "NAME=VALUE"),
        (["compare", "relu", "rellu", "x.npy"], "'relu'"),
    ],
)
def test_command_line_errors(refused, folder, command, message):
    np.save("x.npy", X)
    np.save("other.npy", np.ones(4))
    assert message in refused(*command)
