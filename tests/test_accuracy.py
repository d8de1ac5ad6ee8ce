"""At most 1 ULP in float32, 1.5 in float64, 0.51 in float16 and bfloat16, and what goes with it: see `audit`."""

import numpy as np
import pytest
from cases import ELEMENTWISE

from fastact._accuracy import measured
from fastact._accuracy.cases import DIRECTIONS, DTYPES, OTHER_PARAMETERS, Case, all_cases, numpy_dtype
from fastact._accuracy.exact_errors import Exact
from fastact._accuracy.measure import (
    Chosen,
    EveryNumber,
    measure_exactly,
    measure_narrow,
    permitted_range,
    points_of,
    reference,
)
from fastact._accuracy.points import ordinals, sample
from fastact._accuracy.reference import exact, ulp_error
from fastact._accuracy.ulps import FORMATS, ulp_errors
from fastact._command_line.audit import EXACT_POINTS_EXHAUSTIVE

FRESH_SEED = int(np.random.default_rng().integers(2**32))
RECORDS = measured.load()


def cases(*dtypes, directions=DIRECTIONS, parameters="all"):
    chosen = list(all_cases(ELEMENTWISE, directions, dtypes, parameters))
    return pytest.mark.parametrize("case", chosen, ids=[f"{c.label}-{c.direction}-{c.dtype}" for c in chosen])


def assert_holds(found):
    assert found.ulp <= found.case.bound, found
    assert not found.broken, found


@cases("float64")
def test_float64_against_mpmath(case):
    assert_holds(measure_exactly(case, 250, seed=1, pool=None)[0])


@cases("float32")
def test_float32_against_float64(case):
    """Whose kernel the test above proves."""
    assert_holds(measure_narrow(case, points_of(case, exhaustive=False)))


@cases("float16", "bfloat16")
def test_every_number_of_16_bits(case):
    assert_holds(measure_narrow(case, points_of(case, exhaustive=True)))


@pytest.mark.exhaustive
@cases("float64")
def test_100000_points_of_float64(case):
    assert_holds(measure_exactly(case, 100_000, seed=3, pool=None)[0])


@pytest.mark.exhaustive
@cases("float32")
def test_every_float32(case):
    assert_holds(measure_narrow(case, EveryNumber(case.dtype)))


# --- what `audit --save` has recorded ---------------------------------------------------------------


def test_every_parameter_is_proved_at_three_values():
    for case in all_cases(ELEMENTWISE, ["value"], ["float32"], "default"):
        assert len(OTHER_PARAMETERS.get(case.name, ())) >= (2 if case.parameters else 0), case.name
        for other in OTHER_PARAMETERS.get(case.name, ()):
            assert other.keys() == case.parameters.keys()


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_case_is_recorded_and_keeps_its_promise(name):
    for case in all_cases([name], DIRECTIONS, DTYPES):
        record = RECORDS.get((case.name, case.other, case.direction, case.dtype))
        assert record, f"not recorded: {case}; run python -m fastact audit {name} --exhaustive --save --missing"
        assert record.ulp <= case.bound, record
        if case.direction == "second_derivative" and case.dtype in ("float32", "float64"):
            continue  # a sample
        assert record.points >= EXACT_POINTS_EXHAUSTIVE if case.dtype == "float64" else record.every, record


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_recorded_worst_cases_are_no_worse_today(name):
    for record in RECORDS.values():
        if record.name != name:
            continue
        case = Case(name, record.direction, record.dtype, tuple(record.parameters.items()))
        assert error_at(case, record.x) <= record.ulp, record


def error_at(case, point):
    x = np.array([point], numpy_dtype(case.dtype))
    y = case.evaluate(x)
    if case.dtype == "float64":
        return Exact(case.name, case.exact_parameters, case.order).error(
            point, float(y[0]), case.bound, case.bound, case.dtype
        )[0]
    return ulp_errors(y, *reference(case, x))[0]


@cases("float32", directions=DIRECTIONS[:2])
def test_a_fresh_sample_is_no_worse_than_recorded(case):
    found = measure_narrow(case, Chosen(sample(case.evaluate, np.float32, 20_000, FRESH_SEED)))
    record = RECORDS[case.name, case.other, case.direction, case.dtype]
    assert_holds(found)
    assert found.ulp <= record.ulp, (FRESH_SEED, found, record)


# --- the measuring itself ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_compiled_errors_are_those_of_mpmath(dtype):
    random, dtype = np.random.default_rng(0), numpy_dtype(dtype)
    exact_results = np.ldexp(random.normal(size=300), random.integers(-150, 130, 300))
    exact_results[:6] = 1e200, -1e300, 0.0, 1e300, 1.0, 2.0**128 * (1 - 2.0**-26)
    with np.errstate(all="ignore"):
        got = (exact_results * random.choice([1, 1.01, 0.5, -1], 300)).astype(dtype)
        got[4:6] = np.inf
    expected = [ulp_error(float(y), e, dtype) for y, e in zip(got, exact_results, strict=True)]
    assert ulp_errors(got, exact_results).tolist() == expected


def test_nan_is_right_only_where_nan_is_expected():
    got, exact_results = np.array([np.nan, np.nan, 1], "f4"), np.array([np.nan, 1, np.nan])
    assert np.isnan(ulp_errors(got, exact_results)).tolist() == [False, True, True]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_ordinals_follow_the_order_of_numbers(dtype):
    dtype = numpy_dtype(dtype)
    x = np.array([-np.inf, -2, -1, -0.0, 0.0, 1, 2, np.inf], dtype)
    places = ordinals(x)
    assert np.all(np.diff(places.astype(object)) > 0)
    assert places[4] - places[3] == 1
    if dtype.itemsize < 4:
        every = EveryNumber(dtype.name).part(0, 2**17)
        assert np.unique(every.view("u2")).size == 65536
        with np.errstate(invalid="ignore"):  # ml_dtypes complains of signalling NaNs
            finite = every[np.isfinite(every)].astype(float)
        assert np.all(np.diff(finite) >= 0)


@pytest.fixture
def tampered(monkeypatch):
    """A case whose results in its own dtype are what `wrong` makes of them."""

    def tampered(wrong, dtype="float32"):
        honest = Case.evaluate

        def evaluate(self, x):
            y = honest(self, x)
            return wrong(x, y).astype(x.dtype) if x.dtype == dtype else y

        monkeypatch.setattr(Case, "evaluate", evaluate)
        return Case("hard_tanh", "value", dtype)

    return tampered


WRONG = {
    "range": lambda x, y: np.where(x > 20, np.nextafter(y, y + 1), y),
    "monotone": lambda x, y: np.where(x > 3, np.nextafter(y, y - 1), y),
    "odd": lambda x, y: np.where(x > 0, np.nextafter(y, y - 1), y),
}


@pytest.mark.parametrize("promise", WRONG)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_broken_promises_are_found(promise, dtype, tampered):
    case = tampered(WRONG[promise], dtype)
    if dtype == "float32":
        found = measure_narrow(case, points_of(case, exhaustive=False))
    else:
        found = measure_exactly(case, 2000, 1, None)[0]
    assert promise in found.broken
    assert not found.holds


@pytest.mark.parametrize("result", [np.nan, 1.5])
def test_a_single_wrong_result_is_found(result, tampered):
    case = tampered(lambda x, y: np.where(x == 1, result, y))
    found = measure_narrow(case, points_of(case, exhaustive=False))
    assert found.x == 1
    assert not found.holds


def test_kinks_are_told_from_zeros_and_steep_places():
    step = Exact("hard_tanh", (-1.0, 1.0), 1)
    assert step.is_kink(1.0)
    assert not step.is_kink(1.5)
    assert Exact("relu", (), 1).is_kink(0.0)
    assert Exact("elu", (1.0,), 2).is_kink(0.0)
    assert not Exact("tanh", (), 2).is_kink(0.0)
    assert not Exact("tanhshrink", (), 1).is_kink(0.0)
    assert not Exact("softplus", (1.0,), 2).is_kink(-700.0)


def test_second_derivatives_are_measured_away_from_their_zeros():
    root = 2.3993572805154677  # of silu
    case = Case("silu", "second_derivative", "float32")
    _, scale = reference(case, np.array([root, 1.0], "f4"))
    away = exact("silu", 1.1 * float(np.float32(root)), (), 2), exact("silu", 0.9 * float(np.float32(root)), (), 2)
    assert scale[0] == pytest.approx(float(min(map(abs, away))), rel=1e-6)
    assert scale[1] == pytest.approx(float(exact("silu", 1.0, (), 2)), rel=1e-6)


def test_bounds_of_few_digits_are_exact():
    assert permitted_range(Case("tanh", "value", "float32")) == (-1.0, 1.0)
    low, high = permitted_range(Case("silu", "value", "float32"))
    assert 0 < -0.2784645427610738 - low < 2 * 2.0 ** -(FORMATS["float32"][0] + 1)
    assert high == np.inf
