"""Cross-entropy of softmax and of the sigmoid: values, gradients, reductions, what is refused."""

import pickle
import tracemalloc

import numpy as np
import pytest
from mpmath import exp, log, mp, mpf
from numpy.testing import assert_allclose, assert_array_equal

import fastact as fa
from fastact._accuracy.reference import ulp_error
from fastact._accuracy.ulps import ulp_errors

LOSSES = fa.names("loss")
REDUCTIONS = ("mean", "sum", "none")
cross_entropy, binary = fa.softmax_cross_entropy, fa.sigmoid_binary_cross_entropy
INF = np.inf


# --- cross-entropy of softmax, against mpmath -----------------------------------------------------------

ROWS = [
    [20.0, 0.0],
    [120.0, 100.0],
    [60.0, 0.0, -5.0],
    [0.0, 95.0],
    [100.0, 120.0, 120.0],
    [3.7],
    [-80.0, -3, 0.25, 80, 79.5],
    [3e38, 2.9e38, -3e38, 0, 1],
    [-7.25] * 6,
    [0.5, -INF, 0.25, -INF],
    [1e-40, 0, -1e-40],
    [*np.random.default_rng(1).normal(0, 2, 300)],
]


def exact_cross_entropy(row, targets):
    """The loss, the gradient, and the larger of the gradient's two parts."""
    with mp.workprec(700):
        x, targets = [mpf(float(value)) for value in row], [mpf(target) for target in targets]
        exponentials = [exp(value - max(x)) for value in x]
        total, whole = sum(exponentials), sum(targets)
        distances = [target * (max(x) - value) for target, value in zip(targets, x, strict=True) if target]
        pulls = [e * (whole - target) / total for e, target in zip(exponentials, targets, strict=True)]
        pushes = [target * (total - e) / total for e, target in zip(exponentials, targets, strict=True)]
        gradient = [pull - push for pull, push in zip(pulls, pushes, strict=True)]
        return whole * log(total) + sum(distances), gradient, [*map(max, pulls, pushes)]


def check(loss, gradient, row, targets):
    expected, exact_gradient, scales = exact_cross_entropy(row, targets)
    dtype, bound = row.dtype, cross_entropy.info.accuracy[row.dtype.name]
    assert ulp_error(loss, expected, dtype) <= bound
    for got, exact, scale in zip(gradient, exact_gradient, scales, strict=True):
        assert ulp_error(got, exact, dtype, scale) <= bound


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_labels_against_mpmath(dtype):
    for row in ROWS:
        row = np.array(row, dtype)
        for label in {int(row.argmax()), int(row.argmin()), len(row) - 1}:
            loss, gradient = cross_entropy.value_and_gradient(row, label)
            check(loss, gradient, row, np.eye(len(row))[label])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_smoothed_and_weighted_labels_against_mpmath(dtype):
    random = np.random.default_rng(2)
    for row in ROWS:
        row = np.array(row, dtype)[np.isfinite(row)]  # smoothing wants of each class a probability
        weights, label = random.uniform(0.5, 2, len(row)).astype(dtype), int(row.argmax())
        loss, gradient = cross_entropy.value_and_gradient(
            row, label, label_smoothing=0.125, class_weights=weights, reduction="sum"
        )
        with mp.workprec(200):
            exact = [
                mpf(float(weight)) * ((k == label) * mpf(0.875) + mpf(0.125) / len(row))
                for k, weight in enumerate(weights)
            ]
        check(loss, gradient, row, exact)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_distributions_against_mpmath(dtype):
    random = np.random.default_rng(3)
    for row in ROWS:
        row = np.array(row, dtype)
        targets = random.dirichlet(np.ones(len(row))) * (row > -INF)
        for given in (targets.astype(dtype), np.eye(len(row), dtype=dtype)[row.argmax()]):
            loss, gradient = cross_entropy.value_and_gradient(row, given)
            check(loss, gradient, row, given.astype(float))


@pytest.mark.parametrize("label", [0, 99_999])
def test_many_classes(label):
    row = np.random.default_rng(4).normal(0, 3, 100_000).astype("f4")
    row[0] = 40.0
    wide = row.astype("f8")
    total = np.exp(wide - 40)
    loss, gradient = cross_entropy.value_and_gradient(row, label)
    rest = total[1:].sum()
    assert ulp_error(loss, mpf(float(np.log1p(rest) + (40 - wide[label]))), "f4") <= 1
    expected = total / (1 + rest)
    expected[label] = -rest / (1 + rest) if label == 0 else expected[label] - 1
    assert ulp_errors(gradient, expected).max() <= 1


# --- cross-entropy of softmax: PyTorch's definitions, in float64 ----------------------------------------


def plain_cross_entropy(x, labels, eps, ignored, weights, reduction):
    """As the documentation of PyTorch's cross_entropy has it; the classes are the last axis."""
    log_p = x - x.max(-1, keepdims=True)
    log_p = log_p - np.log(np.exp(log_p).sum(-1, keepdims=True))
    classes = x.shape[-1]
    if labels.shape == x.shape:
        losses = -(weights * log_p * (labels * (1 - eps) + eps / classes)).sum(-1)
        divisor = losses.size
    else:
        counted, safe = labels != ignored, np.where(labels == ignored, 0, labels)
        own = -np.take_along_axis(log_p, safe[..., None], -1)[..., 0] * weights[safe]
        losses = counted * ((1 - eps) * own - eps / classes * (weights * log_p).sum(-1))
        divisor = (counted * weights[safe]).sum()
    return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / divisor}[reduction]


LAYOUTS = {"C": np.ascontiguousarray, "Fortran": np.asfortranarray, "reversed": lambda x: x[::-1].copy()[::-1]}


@pytest.mark.parametrize("kind", ["labels", "ignored", "distributions"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_cross_entropy_is_pytorchs(axis, layout, kind):
    random = np.random.default_rng(5)
    x = random.normal(0, 3, (8, 6, 7)).astype("f4")
    moved = np.moveaxis(x, axis, -1).astype("f8")
    classes = moved.shape[-1]
    labels = random.integers(0, classes, moved.shape[:-1]).astype("i2")
    given, ignored = labels, None
    if kind == "ignored":
        labels[::2], ignored = -100, -100
    if kind == "distributions":
        labels = random.dirichlet(np.ones(classes), moved.shape[:-1]).astype("f4")
        given = LAYOUTS[layout](np.moveaxis(labels, -1, axis))
    weights = random.uniform(0.25, 4, classes).astype("f4")
    for eps in (0.0, 0.1):
        for class_weights in (None, weights):
            for reduction in REDUCTIONS:
                options = {
                    "axis": axis,
                    "label_smoothing": eps,
                    "ignore_index": ignored,
                    "class_weights": class_weights,
                    "reduction": reduction,
                }
                loss = cross_entropy(LAYOUTS[layout](x), given, **options)
                factors = np.ones(classes) if class_weights is None else weights.astype("f8")
                expected = plain_cross_entropy(moved, labels, eps, ignored, factors, reduction)
                assert loss.dtype == np.float32
                assert_allclose(loss, expected, rtol=2e-7)
                same, gradient = cross_entropy.value_and_gradient(x, given, **options)
                assert_array_equal(same, loss)
                grad = random.normal(size=loss.shape).astype("f4")
                backward = cross_entropy.backward(grad, LAYOUTS[layout](x), given, **options)
                assert_allclose(
                    backward,
                    np.expand_dims(grad, axis) * gradient if reduction == "none" else grad * gradient,
                    rtol=1e-6,
                )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("kind", ["labels", "smoothed", "distributions"])
def test_cross_entropys_gradient_is_finite_differences(kind, reduction):
    random = np.random.default_rng(6)
    x, shift = random.normal(0, 2, (2, 5, 4))
    labels = random.dirichlet(np.ones(4), 5) if kind == "distributions" else random.integers(0, 4, 5)
    options = {"reduction": reduction, "label_smoothing": 0.2 if kind == "smoothed" else 0.0}
    if kind != "distributions":
        options |= {"ignore_index": int(labels[0]), "class_weights": random.uniform(0.5, 2, 4)}
    step = 1e-6 * shift
    difference = cross_entropy(x + step, labels, **options) - cross_entropy(x - step, labels, **options)
    _, gradient = cross_entropy.value_and_gradient(x, labels, **options)
    assert np.sum(gradient * shift) == pytest.approx(np.sum(difference) / 2e-6, rel=1e-6)


def test_limits():
    x = np.array([[INF, 0, 1], [INF, INF, 0], [-INF, -INF, -INF], [0, np.nan, 0], [-INF, 0, 0], [INF, 0, -INF]], "f4")
    with np.errstate(all="raise"):
        loss, gradient = cross_entropy.value_and_gradient(x, [0, 1, 0, 2, 0, 2], reduction="none")
    assert_allclose(loss, [0, np.log(2), np.nan, np.nan, INF, INF], rtol=1e-6)
    assert_allclose(gradient[[0, 1, 4, 5]], [[0, 0, 0], [0.5, -0.5, 0], [-1, 0.5, 0.5], [1, 0, -1]], rtol=1e-6)
    assert np.isnan(gradient[2:4]).all()
    one_hot = np.eye(3, dtype="f4")[[0, 1, 0, 2, 0, 2]]
    with np.errstate(all="raise"):
        assert_array_equal(cross_entropy(x, one_hot, reduction="none"), loss)
        assert_array_equal(cross_entropy.value_and_gradient(x, one_hot, reduction="none")[1], gradient)
    # A class without weight, and a label that is left out, count for nothing, whatever the logits say.
    assert cross_entropy(x[4:], [0, 2], class_weights=[0, 1, 0], reduction="sum") == 0
    assert cross_entropy(x[:4], [0, -1, -1, -1], ignore_index=-1) == 0
    assert cross_entropy(np.array([-3e38, 3e38], "f4"), 0) == INF


def test_nothing_to_average():
    x = np.ones((3, 4), "f4")
    for value in (
        cross_entropy(x, [7, 7, 7], ignore_index=7),
        cross_entropy(x[:0], np.empty(0, "i8")),
        binary(x[:0], x[:0]),
    ):
        assert np.isnan(value)
    loss, gradient = cross_entropy.value_and_gradient(x, [7, 7, 7], ignore_index=7)
    assert np.isnan(loss)
    assert_array_equal(gradient, np.zeros_like(x))
    assert cross_entropy(x[:0], np.empty(0, "i8"), reduction="sum") == 0
    assert binary.value_and_gradient(x[:0], x[:0], reduction="sum")[1].shape == (0, 4)


@pytest.mark.parametrize("shape", [(3000, 200), (1, 2**19 + 77)])
def test_same_bits_for_any_number_of_threads(shape, threads):
    random = np.random.default_rng(7)
    x, labels = random.normal(0, 3, shape).astype("f4"), random.integers(0, shape[1], shape[0])
    targets = random.uniform(size=shape).astype("f4")
    found = []
    for count in (1, 2):
        threads(count)
        found.append(
            [
                cross_entropy(x, labels),
                *cross_entropy.value_and_gradient(x, labels),
                *cross_entropy.value_and_gradient(np.asfortranarray(x), labels, reduction="none"),
                *cross_entropy.value_and_gradient(x, labels, label_smoothing=0.1),
                *cross_entropy.value_and_gradient(x, targets),
                binary(x, targets),
                *binary.value_and_gradient(x, targets),
            ]
        )
    for one, two in zip(*found, strict=True):
        assert_array_equal(one, two)


def test_dtypes():
    random = np.random.default_rng(8)
    x, labels = random.normal(0, 3, (50, 6)).astype("f2"), random.integers(0, 6, 50)
    wide = cross_entropy(x.astype("f8"), labels, reduction="none")
    loss, gradient = cross_entropy.value_and_gradient(x, labels, reduction="none")
    assert loss.dtype == gradient.dtype == np.float16
    assert ulp_errors(loss, wide).max() <= 0.51
    expected = cross_entropy.value_and_gradient(x.astype("f8"), labels, reduction="none")[1]
    assert ulp_errors(gradient, expected.ravel()).max() <= 0.51
    assert ulp_errors(cross_entropy(x, labels)[None], wide.mean()[None]).max() <= 0.51
    small = np.array([[1, 2], [3, 4]], "i1")
    for logits, dtype in ((small, "f4"), (small.astype("i4"), "f8"), (small.tolist(), "f8"), (small > 2, "f4")):
        assert cross_entropy(logits, [0, 1]).dtype == dtype
        assert binary(logits, [[0, 1], [1, 1]]).dtype == dtype
    for dtype in ("i1", "u1", "u8", ">i4"):
        assert_array_equal(cross_entropy(x, labels.astype(dtype)), cross_entropy(x, labels))
    assert_array_equal(cross_entropy(x.astype(">f4"), labels), cross_entropy(x.astype("f4"), labels))
    assert_array_equal(cross_entropy(x, np.eye(6, dtype="i8")[labels]), cross_entropy(x, labels))


@pytest.mark.parametrize("call", [cross_entropy, binary])
def test_value_makes_no_array_of_the_logits_size(call):
    x = np.random.default_rng(9).normal(size=(64, 2**16)).astype("f4")
    labels = np.arange(64) if call is cross_entropy else (x > 0).astype("f4")
    call(x, labels)
    tracemalloc.start()
    call(x, labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**16


LOGITS, LABELS = np.zeros((3, 4), "f4"), np.array([0, 3, 1])


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        ((LOGITS, [0, 4, -1]), {}, ValueError, r"label 4 at \(1,\) is none of 4 classes, 0 to 3; .*ignore_index"),
        ((LOGITS, [0, 4, -1]), {"ignore_index": 4}, ValueError, r"label -1 at \(2,\)"),
        ((LOGITS, [0, 1]), {}, ValueError, r"labels must have the shape .* \(3,\), .* \(3, 4\); got \(2,\)"),
        ((LOGITS, [0.0, 1.0, 2.0]), {}, TypeError, "must be integers, got float64"),
        ((LOGITS, LABELS), {"axis": 2}, ValueError, r"axis 2 is out of range for logits of shape \(3, 4\)"),
        ((LOGITS, LABELS), {"axis": "last"}, TypeError, "axis must be an integer, got 'last'"),
        ((LOGITS, LABELS), {"label_smoothing": 1.5}, ValueError, "label_smoothing must be from 0 to 1, got 1.5"),
        (
            (LOGITS, LABELS),
            {"class_weights": [1, 2]},
            ValueError,
            r"one number for each of 4 classes, got shape \(2,\)",
        ),
        ((LOGITS, LABELS), {"class_weights": [1, 2, -3, 0]}, ValueError, "class_weights must be at least 0, got -3"),
        ((LOGITS, LABELS), {"reduction": "average"}, ValueError, "'mean', 'sum' or 'none', got 'average'"),
        ((LOGITS, LOGITS), {"ignore_index": 1}, ValueError, "ignore_index is for integer labels"),
        ((LOGITS, LOGITS.astype("c8")), {}, TypeError, "labels must be numbers, got complex64"),
        ((LOGITS.astype("c8"), LABELS), {}, TypeError, "does not take logits of complex64; accepted are"),
        ((LOGITS[:, :0], LABELS), {}, ValueError, r"at least one class, got logits of shape \(3, 0\)"),
        ((np.float32(1), 0), {}, ValueError, r"axis -1 is out of range for logits of shape \(\)"),
    ],
)
def test_cross_entropy_explains(arguments, keywords, error, message):
    for call in (cross_entropy, cross_entropy.value_and_gradient, lambda *a, **k: cross_entropy.backward(1.0, *a, **k)):
        with pytest.raises(error, match=f"^softmax_cross_entropy.*{message}"):
            call(*arguments, **keywords)


def test_wrong_gradients_and_lazy_arrays_are_explained():
    import dask.array

    for loss, labels in ((cross_entropy, LABELS), (binary, LOGITS)):
        with pytest.raises(
            ValueError, match=rf"{loss.name}.backward: grad must have the loss's shape \(\), got \(2,\)"
        ):
            loss.backward([1.0, 2.0], LOGITS, labels)
        with pytest.raises(TypeError, match=f"{loss.name} takes plain NumPy arrays, got one of dask.*; compute it"):
            loss(dask.array.zeros((3, 4)), labels)
        with pytest.raises(TypeError, match=f"{loss.name} takes plain NumPy arrays, got one of numpy.ma"):
            loss(np.ma.masked_equal(LOGITS, 0), labels)


# --- cross-entropy of the sigmoid ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_binary_against_mpmath(dtype):
    random = np.random.default_rng(10)
    x = np.array([0.0, 1e-30, 0.5, 3, 17, 40, 88, 104, 700, 745, 1e30, *random.normal(0, 4, 20)])
    x, bound = np.concatenate([x, -x]).astype(dtype), binary.info.accuracy[dtype]
    for target in (0.0, 1.0, 0.25, float(np.float32(0.9))):
        for pos_weight in (1.0, 2.5):
            loss, gradient = binary.value_and_gradient(
                x, np.full_like(x, target), pos_weight=pos_weight, reduction="none"
            )
            assert_array_equal(binary(x, np.full_like(x, target), pos_weight=pos_weight, reduction="none"), loss)
            for value, got, slope in zip(x, loss, gradient, strict=True):
                with mp.workprec(2400):
                    e, positive, negative = exp(-mpf(float(value))), mpf(pos_weight) * target, 1 - mpf(target)
                    parts = negative / (1 + e), positive * e / (1 + e)
                    expected = positive * log(1 + e) + negative * (log(1 + e) + mpf(float(value)))
                assert ulp_error(got, expected, dtype) <= bound
                assert ulp_error(slope, parts[0] - parts[1], dtype, max(parts)) <= bound


def test_binary_limits():
    x = np.array([INF, -INF, INF, -INF, np.nan, 0], "f4")
    with np.errstate(all="raise"):
        loss, gradient = binary.value_and_gradient(x, [1, 0, 0, 1, 0, np.nan], reduction="none")
    assert_array_equal(loss, [0, 0, INF, INF, np.nan, np.nan])
    assert_array_equal(gradient, [0, 0, 1, -1, np.nan, np.nan])


def plain_binary(x, targets, weight, pos_weight):
    return weight * (pos_weight * targets * np.logaddexp(0, -x) + (1 - targets) * np.logaddexp(0, x))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_binary_is_pytorchs(reduction, layout):
    random = np.random.default_rng(11)
    x, targets = LAYOUTS[layout](random.normal(0, 3, (70, 50)).astype("f4")), random.uniform(size=(70, 50)).astype("f4")
    for weight in (None, 0.5, random.uniform(0.5, 2, (70, 1)).astype("f4")):
        for pos_weight in (None, 3.0, random.uniform(0.5, 2, 50)):
            options = {"weight": weight, "pos_weight": pos_weight, "reduction": reduction}
            factors = [1 if factor is None else np.asarray(factor, "f8") for factor in (weight, pos_weight)]
            losses = plain_binary(x.astype("f8"), targets.astype("f8"), *factors)
            expected = {"mean": losses.mean(), "sum": losses.sum(), "none": losses}[reduction]
            loss = binary(x, targets, **options)
            assert loss.dtype == np.float32
            assert_allclose(loss, expected, rtol=3e-7)
            same, gradient = binary.value_and_gradient(x, targets, **options)
            assert_array_equal(same, loss)
            assert gradient.dtype == np.float32
            grad = np.float32(1.5) if reduction != "none" else random.normal(size=x.shape).astype("f4")
            assert_allclose(binary.backward(grad, x, targets, **options), grad * gradient, rtol=1e-6)


def test_binarys_gradient_is_finite_differences():
    random = np.random.default_rng(12)
    x, shift, targets = random.normal(0, 2, (2, 6)), random.normal(size=(2, 6)), random.uniform(size=(2, 6))
    options, step = {"weight": 0.5, "pos_weight": 3.0}, 1e-6
    difference = binary(x + step * shift, targets, **options) - binary(x - step * shift, targets, **options)
    _, gradient = binary.value_and_gradient(x, targets, **options)
    assert np.sum(gradient * shift) == pytest.approx(difference / (2 * step), rel=1e-6)


def test_binary_reduces_many_dimensions_and_scalars():
    x = np.random.default_rng(13).normal(size=(2,) * 11).astype("f4").transpose(*range(0, 11, 2), *range(1, 11, 2))
    loss, gradient = binary.value_and_gradient(x[..., ::-1], x[..., ::-1] > 0)
    same, expected = binary.value_and_gradient(x[..., ::-1].ravel(), x[..., ::-1].ravel() > 0)
    assert loss == pytest.approx(same, rel=1e-6)
    assert_array_equal(gradient.ravel(), expected)
    x = np.random.default_rng(14).normal(size=(3,) * 10).astype("f4")[(slice(None, None, 2),) * 10]
    assert binary(x, x > 0, weight=np.ones(2)) == pytest.approx(binary(x.copy(), x > 0), rel=1e-6)
    loss, gradient = binary.value_and_gradient(np.float32(0), 1)
    assert (loss, gradient) == (np.log(np.float32(2)), -0.5)


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        ((LOGITS, LABELS), {}, ValueError, r"targets must have the shape of logits, \(3, 4\), got \(3,\)"),
        ((LOGITS, LOGITS), {"weight": [1, 2]}, ValueError, r"weight of shape \(2,\) does not broadcast .* \(3, 4\)"),
        ((LOGITS, LOGITS), {"weight": np.ones((1, 3, 4))}, ValueError, r"weight of shape \(1, 3, 4\) does not"),
        ((LOGITS, LOGITS), {"pos_weight": -1.0}, ValueError, "pos_weight must be at least 0, got -1.0"),
        ((LOGITS, LOGITS), {"pos_weight": [1, 2, 3, -4]}, ValueError, "pos_weight must be at least 0, got -4.0"),
        ((LOGITS, LOGITS), {"reduction": None}, ValueError, "'mean', 'sum' or 'none', got None"),
        ((LOGITS, LOGITS.astype("U1")), {}, TypeError, "targets must be numbers, got <U1"),
    ],
)
def test_binary_explains(arguments, keywords, error, message):
    for call in (binary, binary.value_and_gradient, lambda *a, **k: binary.backward(1.0, *a, **k)):
        with pytest.raises(error, match=f"^sigmoid_binary_cross_entropy.*{message}"):
            call(*arguments, **keywords)


# --- both --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOSSES)
def test_public_object(name):
    loss = fa.get(name)
    assert loss is getattr(fa, name)
    assert name not in fa.names()
    assert pickle.loads(pickle.dumps(loss.backward)) == loss.backward
    assert loss.info.directions == ("value", "value_and_gradient", "backward")
    for section in ("Parameters", "Returns", "Raises", "Notes", "References", "Examples"):
        assert f"\n{section}\n{'-' * len(section)}\n" in loss.__doc__
    assert loss.info.formula in loss.__doc__
    with pytest.raises(
        AttributeError, match=f"{name} has no 'derivative'; it has value_and_gradient, backward and info"
    ):
        loss.derivative  # noqa: B018 - the error is what is asked for
