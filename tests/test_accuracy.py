"""At most 1 ULP in float32, 1.5 in float64, 0.51 in float16 and bfloat16, for value and derivative."""

import numpy as np
import pytest
from cases import (
    DIRECTIONS,
    ELEMENTWISE,
    OTHER_CASES,
    default_parameters,
    direction_of,
    exact_parameters,
    kinks,
)
from reference import exact, ulp_error, ulp_errors
from sampling import every, few, many

BOUNDS = {"float32": 1.0, "float64": 1.5}
SECOND_DERIVATIVE_BOUND = 4.0


def smooth_points(name, direction, x, parameters):
    """`x` without the kinks, at which a derivative is a convention: test_contract.py has them."""
    return x if direction == "value" else x[~np.isin(x.astype("f8"), kinks(name, parameters))]


def near_a_zero(name, x, parameters, order):
    """Whether the exact result changes its sign within 10 % of `x`."""
    below, above = (exact(name, factor * float(x), parameters, order) for factor in (0.9, 1.1))
    return below * above <= 0


def check_against_mpmath(name, direction, x, bound, parameters):
    x = smooth_points(name, direction, x, parameters)
    got = direction_of(name, direction)(x, **parameters)
    assert got.dtype == x.dtype
    order, values = DIRECTIONS.index(direction), exact_parameters(name, parameters)
    expected = [exact(name, float(point), values, order) for point in x]
    errors = np.array([ulp_error(y, e, x.dtype) for y, e in zip(got, expected, strict=True)])
    wrong = np.flatnonzero(~(errors <= bound))
    if direction == "second_derivative":
        wrong = np.array([i for i in wrong if not near_a_zero(name, x[i], values, order)], int)
    worst = wrong[np.argsort(-errors[wrong])][:5]
    report = [f"x={x[i]!r} got {got[i]!r}, {errors[i]:.3g} ULP off" for i in worst]
    assert not report, f"{wrong.size} of {x.size} points above {bound} ULP: " + "; ".join(report)


def check_against_float64(name, direction, x, bound, parameters):
    """Measure a narrower kernel against the float64 kernel, which the tests above prove with mpmath."""
    x = smooth_points(name, direction, x, parameters)
    got = direction_of(name, direction)(x, **parameters)
    reference = direction_of(name, direction)(x.astype(np.float64), **parameters)
    assert got.dtype == x.dtype
    np.testing.assert_array_equal(np.isnan(got), np.isnan(reference))
    number = ~np.isnan(reference)
    errors = ulp_errors(got[number], reference[number])
    worst = np.argmax(errors)
    assert errors[worst] <= bound, f"x={x[number][worst]!r} got {got[number][worst]!r}"


@pytest.mark.parametrize("direction", DIRECTIONS[:2])
@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_sampled_points_against_mpmath(name, dtype, direction):
    check_against_mpmath(name, direction, few(dtype), BOUNDS[dtype], default_parameters(name))


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_second_derivative_against_mpmath(name, dtype):
    bound = SECOND_DERIVATIVE_BOUND
    check_against_mpmath(name, "second_derivative", few(dtype), bound, default_parameters(name))


@pytest.mark.parametrize("direction", DIRECTIONS[:2])
@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize(("name", "parameters"), OTHER_CASES, ids=str)
def test_other_parameter_values_against_mpmath(name, parameters, dtype, direction):
    check_against_mpmath(name, direction, few(dtype, 250, seed=2), BOUNDS[dtype], parameters)


@pytest.mark.parametrize("direction", DIRECTIONS[:2])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_float32_on_1_8_million_points(name, direction):
    check_against_float64(name, direction, many("float32"), BOUNDS["float32"], default_parameters(name))


@pytest.mark.parametrize("direction", DIRECTIONS[:2])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_float16_everywhere(name, direction):
    check_against_float64(name, direction, every("float16"), 0.51, default_parameters(name))


@pytest.mark.parametrize("direction", DIRECTIONS[:2])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_bfloat16_everywhere(name, direction):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    check_against_float64(name, direction, every(ml_dtypes.bfloat16), 0.51, default_parameters(name))


@pytest.mark.exhaustive
@pytest.mark.parametrize("direction", DIRECTIONS[:2])
@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_5000_points_against_mpmath(name, dtype, direction):
    check_against_mpmath(name, direction, few(dtype, 5000, seed=3), BOUNDS[dtype], default_parameters(name))


@pytest.mark.exhaustive
@pytest.mark.parametrize("direction", DIRECTIONS[:2])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_float32(name, direction):
    for high_bits in range(256):
        x = (np.arange(2**24, dtype=np.uint32) + np.uint32(high_bits << 24)).view(np.float32)
        check_against_float64(name, direction, x[~np.isnan(x)], BOUNDS["float32"], default_parameters(name))
