"""The elementary functions keep the error bounds in their docstrings, compiled and as plain Python."""

import inspect
import math
import re

import mpmath
import numba
import numpy as np
import pytest

from fastact._engine import precision  # noqa: F401 - makes _math callable from compiled code
from fastact._math import arithmetic, circular, float32, float64, pair, working

mpmath.mp.prec = 300
CROSSING = mpmath.mpf("0.75179152469356445745790494677952403966447115342345384833956562062085")
SMALLEST_SUBNORMAL = mpmath.ldexp(1, -1074)
POINTS = 400


def mills(t):
    return mpmath.sqrt(mpmath.pi / 2) * mpmath.exp(t * t / 2) * mpmath.erfc(t / mpmath.sqrt(2))


def x_minus_tanh(x):
    # The two agree in the first 2 log2(1 / x) bits.
    with mpmath.workprec(300 + 2 * max(0, -int(mpmath.frexp(x)[1]))):
        return x - mpmath.tanh(x)


REFERENCES = {
    "exp": mpmath.exp,
    "exp_bounded": mpmath.exp,
    "rough_exp_bounded": mpmath.exp,
    "expm1": mpmath.expm1,
    "expm1_bounded": mpmath.expm1,
    "exp_sharp": mpmath.exp,
    "log1p": mpmath.log1p,
    "arctangent": mpmath.atan,
    "erf": mpmath.erf,
    "tanh": mpmath.tanh,
    "x_minus_tanh": x_minus_tanh,
    "normal_tail_ratio": lambda t: mills(t) / mpmath.sqrt(2 * mpmath.pi),
    "rough_normal_tail": lambda t: mpmath.erfc(t / mpmath.sqrt(2)) / 2,
    "rough_gelu_slope": lambda t: mpmath.npdf(t) * REFERENCES["gelu_tail_ratio"](t),
    "gelu_tail_ratio": lambda t: (t - mills(t)) / (t - CROSSING),
}
for ratio in ("normal_tail_ratio", "gelu_tail_ratio"):
    REFERENCES[f"{ratio}_unbounded"] = REFERENCES[ratio]
# Where each function is tested, smallest magnitude first; exp's own range in pairs goes further, with tests of its own.
DOMAINS = {
    "exp": (1e-300, -700.0, 700.0),
    "exp_bounded": (1e-300, -660.0, 708.0),
    "rough_exp_bounded": (1e-300, -708.0, 708.0),
    "expm1": (1e-290, -700.0, 700.0),
    "expm1_bounded": (1e-290, -708.0, 708.0),
    "exp_sharp": (1e-300, -660.0, 700.0),
    "log1p": (1e-290, 0.0, 1.0),
    "arctangent": (1e-290, -1e18, 1e18),
    "erf": (1e-290, 0.0, 30.0),
    "tanh": (1e-290, -350.0, 350.0),
    "x_minus_tanh": (1e-90, -1e15, 1e15),
    "normal_tail_ratio": (1e-300, 0.0, 15.0),
    "rough_normal_tail": (1e-300, 0.0, 20.0),
    "rough_gelu_slope": (1e-300, 0.0, 25.0),
    "gelu_tail_ratio": (1e-300, 0.0, 20.0),
    "normal_tail_ratio_unbounded": (1e-300, 0.0, 70.0),
    "gelu_tail_ratio_unbounded": (1e-300, 0.0, 70.0),
}
# Where approximations change or are at their worst.
EDGES = [0.25, 0.41421356237309503, 0.5 * math.log(2), math.log(2), 0.5, float(CROSSING), 1.0, 2.0, 4.0, 14.99, 50.0]
FLOAT64 = sorted(REFERENCES.keys() - {function.__name__ for function in working.IN_PAIRS})
PAIRS = sorted(name for name in REFERENCES.keys() - {"expm1_bounded", "tanh"} if not name.startswith("rough"))


def random_points(name, module):
    """Points of every magnitude, evenly spread ones, edges and powers of two, each with its neighbours."""
    tiny, low, high = DOMAINS[name]
    if module is pair and name.endswith("tail_ratio"):
        high = 40.0
    random = np.random.default_rng(2024)
    sign = np.where(random.random(POINTS) < 0.5, -1.0, 1.0)
    marks = np.array([*EDGES, *2.0 ** np.arange(-60, 60), high])
    marks = np.concatenate([marks, np.nextafter(marks, 0.0), np.nextafter(marks, np.inf)])
    points = np.concatenate(
        [
            np.exp(random.uniform(math.log(tiny), math.log(high), POINTS)) * sign,
            random.uniform(max(low, -40.0), min(high, 40.0), POINTS),
            random.uniform(max(low, -1.5), min(high, 1.5), 4 * POINTS),
            marks,
            -marks,
        ]
    )
    return points[(points >= low) & (points <= high) & (points != 0.0)]


def stated_error(function):
    return 2.0 ** int(re.search(r"relative errors? 2\*\*(-\d+)", function.__doc__).group(1))


def compiled(function, count):
    """A function of one pair, or of one float64, over arrays; the results as columns."""
    if count == 1:
        return numba.njit(error_model="numpy")(lambda x, lo: [(function(x[i]),) for i in range(len(x))])
    return numba.njit(error_model="numpy")(lambda x, lo: [function(x[i], lo[i]) for i in range(len(x))])


def is_pair(function):
    return len(inspect.signature(function).parameters) == 2


def evaluate(function, x, lo=None):
    lo = np.zeros_like(x) if lo is None else lo
    return compiled(function, 2 if is_pair(function) else 1)(x, lo)


def worst(results, exact):
    """The largest relative error, over results given as tuples of parts."""
    errors = [
        abs((mpmath.fsum(map(mpmath.mpf, parts)) - true) / true) for parts, true in zip(results, exact, strict=True)
    ]
    return float(max(errors))


def tails(x):
    """A second part for each number, up to half a unit in its last place."""
    return x * np.random.default_rng(7).uniform(-1.0, 1.0, len(x)) * 2.0**-54


@pytest.mark.parametrize("name", FLOAT64)
def test_float64_error(name):
    function, x = getattr(float64, name), random_points(name, float64)
    exact = [REFERENCES[name](mpmath.mpf(value)) for value in x]
    assert worst(evaluate(function, x), exact) <= stated_error(function)


@pytest.mark.parametrize("second_part", [False, True], ids=["exact", "two parts"])
@pytest.mark.parametrize("name", PAIRS)
def test_pair_error(name, second_part):
    function, x = getattr(pair, name), random_points(name, pair)
    lo = tails(x) if second_part else np.zeros_like(x)
    lo[x >= DOMAINS[name][2]] = 0.0
    exact = [REFERENCES[name](mpmath.mpf(a) + mpmath.mpf(b)) for a, b in zip(x, lo, strict=True)]
    assert worst(evaluate(function, x, lo), exact) <= stated_error(function)


@pytest.mark.parametrize("module", [float64, pair], ids=["float64", "pair"])
def test_exp_and_expm1_are_the_two(module):
    x = random_points("expm1", module)
    both = np.array(evaluate(module.exp_and_expm1, x)).reshape(len(x), -1)
    each = np.hstack([evaluate(module.exp, x), evaluate(module.expm1, x)])
    assert np.array_equal(both, each)


def in_each_module(*names):
    """These functions of both modules: float64 lacks some, which float32's kernels do without."""
    modules = {"float64": float64, "pair": pair}
    return pytest.mark.parametrize(
        ("module", "name"),
        [
            pytest.param(module, name, id=f"{name}-{where}")
            for name in names
            for where, module in modules.items()
            if hasattr(module, name)
        ],
    )


@in_each_module(*REFERENCES, "exp_and_expm1")
def test_plain_python_gives_the_same_bits(module, name):
    function = getattr(module, name)
    x = random_points("log1p" if name == "log1p" else "exp_bounded" if "exp" in name else name, module)[::97]
    lo = tails(x)
    plain = [function(*map(float, arguments)) for arguments in (zip(x, lo) if is_pair(function) else zip(x))]  # noqa: B905
    compiled_results = np.array(evaluate(function, x, lo)).reshape(len(x), -1)
    assert np.array_equal(np.array(plain).reshape(len(x), -1), compiled_results)


@in_each_module(*REFERENCES)
def test_nan_stays(module, name):
    assert math.isnan(np.ravel(evaluate(getattr(module, name), np.array([math.nan])))[0])


@in_each_module("expm1", "x_minus_tanh", "arctangent")
def test_zero_keeps_its_sign(module, name):
    for zero in (0.0, -0.0):
        parts = np.ravel(evaluate(getattr(module, name), np.array([zero])))
        result = arithmetic.rounded(*parts, *([0.0] if len(parts) == 1 else []))
        assert result == 0.0
        assert math.copysign(1.0, result) == math.copysign(1.0, zero)


def test_float64_limits():
    infinities = np.array([-math.inf, math.inf])
    with np.errstate(over="ignore"):
        assert np.ravel(evaluate(float64.exp, infinities)).astype("f4").tolist() == [0.0, math.inf]
        assert np.ravel(evaluate(float64.expm1, infinities)).astype("f4").tolist() == [-1.0, math.inf]
    far = np.array([16.0, 100.0, 1e300, math.inf])
    assert np.all(np.ravel(evaluate(float64.normal_tail_ratio, far)) > 0.0)
    assert np.all(np.ravel(evaluate(float64.normal_tail_ratio, far)) < 0.0265)


def test_pair_limits():
    infinities = np.array([-math.inf, math.inf])

    def limits(name):
        return [arithmetic.rounded(*parts) for parts in evaluate(getattr(pair, name), infinities)]

    assert evaluate(pair.exp, infinities)[0] == (0.0, 0.0)
    assert limits("exp") == [0.0, math.inf]
    assert limits("expm1") == [-1.0, math.inf]
    assert limits("x_minus_tanh") == [-math.inf, math.inf]
    far = np.array([41.0, 1e300, math.inf])
    for name in ("normal_tail_ratio", "gelu_tail_ratio"):
        function = getattr(pair, name)
        assert set(evaluate(function, far)) == set(evaluate(function, np.array([40.0])))


def test_pair_exp_through_subnormals_to_zero():
    x = np.concatenate([np.random.default_rng(5).uniform(-746.5, -700.0, POINTS), [-745.1332191019411, -745.2, -1e300]])
    results = [arithmetic.rounded(*parts) for parts in evaluate(pair.exp, x)]
    for value, result in zip(x, results, strict=True):
        exact = mpmath.exp(mpmath.mpf(value)) if value > -1e9 else 0
        assert abs(result - exact) <= max(SMALLEST_SUBNORMAL, exact * mpmath.ldexp(1.1, -53))
    assert results[-3] == float(SMALLEST_SUBNORMAL)
    assert results[-2:] == [0.0, 0.0]


def test_pair_exp_up_to_overflow():
    x = np.array([709.0, 709.78, 709.782712893384, 709.7827128933841, 1000.0])
    for name in ("exp", "expm1"):
        results = [arithmetic.rounded(*parts) for parts in evaluate(getattr(pair, name), x)]
        assert results[3:] == [math.inf, math.inf]
        for value, result in zip(x[:3], results, strict=False):
            assert abs(result / mpmath.exp(mpmath.mpf(value)) - 1) <= 2.0**-52.9


@numba.njit
def exponentials_of_leads(x, largest):
    either = np.empty((2, x.size), np.float32)
    for i in range(x.size):
        hi, lo = arithmetic.two_sum(x[i], -largest)
        either[0, i], either[1, i] = float32.exp_of_lead(x[i], largest), float32.exp_at_most_1(hi, lo)
    return either


@pytest.mark.parametrize("largest", [0.0, -0.0, 1e-40, 0.3, 1.0, -2.5, 88.7, 100.0, -100.0])
def test_exp_of_lead_is_exp_at_most_1_of_the_difference(largest):
    largest = np.float32(largest)
    below = np.concatenate([[0.0, np.inf, 3e38, 104.9, 105.1, 132.4, 200], np.geomspace(1e-45, 300, 100_000)])
    x = np.minimum((largest - below).astype("f4"), largest)
    got, expected = exponentials_of_leads(x, largest)
    assert np.array_equal(got, expected)


def test_pair_expm1_reaches_minus_one():
    for parts in evaluate(pair.expm1, np.array([-50.0, -746.0, -1e10])):
        assert arithmetic.rounded(*parts) == -1.0


OPERATIONS = {
    "add": (lambda a, b: a + b, 2.0**-104),
    "multiply": (lambda a, b: a * b, 2.0**-102),
    "divide": (lambda a, b: a / b, 2.0**-101),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_pair_arithmetic(name):
    reference, bound = OPERATIONS[name]
    function = getattr(arithmetic, name)
    run = numba.njit(error_model="numpy")(lambda a, b, c, d: [function(a[i], b[i], c[i], d[i]) for i in range(len(a))])
    random = np.random.default_rng(3)
    a, c = (random.uniform(1.0, 2.0, POINTS) * 2.0 ** random.integers(-30, 30, POINTS) for _ in range(2))
    c[::2] *= -1.0
    c[:10] = -a[:10] * (1.0 + 2.0**-40)  # cancels
    b, d = tails(a), tails(c)[::-1] * (c / c[::-1])
    for i, parts in enumerate(run(a, b, c, d)):
        x, y = mpmath.mpf(a[i]) + mpmath.mpf(b[i]), mpmath.mpf(c[i]) + mpmath.mpf(d[i])
        true = reference(x, y)
        size = max(abs(x), abs(y)) if name == "add" else abs(true)
        assert abs(mpmath.mpf(parts[0]) + mpmath.mpf(parts[1]) - true) <= bound * size


@pytest.mark.parametrize("is_sharp", [False, True], ids=["plain", "sharp"])
@pytest.mark.parametrize("b", [2.0**-24, 0.0025, 1.0, 3.7])
def test_float32_root_of_square(is_sharp, b):
    random = np.random.default_rng(3)
    sizes = np.concatenate([np.exp2(random.uniform(-30.0, 62.0, POINTS)), random.uniform(0.0, 8.0, 4 * POINTS)])
    t, b = np.float32(sizes * math.sqrt(b)), np.float32(b)
    function = float32.sharp_root_of_square_and if is_sharp else float32.root_of_square_and
    rest = () if is_sharp else (float32.NOTHING,)
    roots = numba.njit(error_model="numpy")(lambda t, b, rest: [function(each, b, *rest) for each in t])(t, b, rest)
    exact = [mpmath.sqrt(mpmath.mpf(float(each)) ** 2 + float(b)) for each in t]
    stated = 2.0 ** float(re.search(r"to 2\*\*(-[\d.]+)", function.__doc__).group(1))
    assert worst([tuple(map(float, parts)) for parts in roots], exact) <= stated


def test_square_root():
    x = np.random.default_rng(3).uniform(1e-3, 1e3, POINTS)
    lo = tails(x)
    exact = [mpmath.sqrt(mpmath.mpf(a) + mpmath.mpf(b)) for a, b in zip(x, lo, strict=True)]
    assert worst(evaluate(arithmetic.square_root, x, lo), exact) <= 2.0**-101


@pytest.mark.parametrize("name", ["two_sum", "fast_two_sum", "two_product"])
def test_exact_operations(name):
    random = np.random.default_rng(3)
    a, b = (random.standard_normal(POINTS) * 2.0 ** random.integers(-40, 40, POINTS) for _ in range(2))
    a, b = np.where(abs(a) > abs(b), a, b), np.where(abs(a) > abs(b), b, a)
    for x, y, parts in zip(a, b, evaluate(getattr(arithmetic, name), a, b), strict=True):
        x, y = mpmath.mpf(x), mpmath.mpf(y)
        assert mpmath.mpf(parts[0]) + mpmath.mpf(parts[1]) == (x * y if name == "two_product" else x + y)
        assert parts[0] + parts[1] == parts[0]


@pytest.mark.parametrize(
    ("hi", "lo", "expected"),
    [(1.0, 2.0**-53 * 1.5, 1.0 + 2.0**-52), (math.inf, math.nan, math.inf), (-math.inf, math.inf, -math.inf)],
)
def test_rounded(hi, lo, expected):
    assert arithmetic.rounded(hi, lo) == expected


def test_rounded_keeps_the_sign_of_zero_and_nan():
    assert math.copysign(1.0, arithmetic.rounded(-0.0, 0.0)) == -1.0
    assert math.isnan(arithmetic.rounded(math.nan, 0.0))


@pytest.mark.parametrize(
    ("a", "b", "c", "expected"),
    [
        (1.0 + 2.0**-30, 1.0 - 2.0**-30, -1.0, -(2.0**-60)),
        (1e308, 10.0, -math.inf, -math.inf),
        (1e308, 10.0, 0.0, math.inf),
        (-1e308, 10.0, 0.0, -math.inf),
        (1e300, 1e10, -1.7e308, 1e300 * 1e8 * 100.0 - 1.7e308),
        (math.inf, 2.0, 1.0, math.inf),
        (math.inf, 0.0, 1.0, math.nan),
        (math.inf, 1.0, -math.inf, math.nan),
        (math.nan, 1.0, 1.0, math.nan),
        (2.0, 3.0, math.nan, math.nan),
        (5e-324, 0.5, 0.0, 0.0),
        (-0.0, 1.0, -0.0, -0.0),
        (-0.0, 1.0, 0.0, 0.0),
        (-1e-200, 1e-200, 0.0, -0.0),
    ],
)
def test_fma_in_plain_python(a, b, c, expected):
    compiled_fma = numba.njit(lambda a, b, c: arithmetic.fma(a, b, c))
    for result in (arithmetic.fma(a, b, c), compiled_fma(a, b, c)):
        assert np.array_equal([result], [expected], equal_nan=True)
        assert math.isnan(expected) or math.copysign(1.0, result) == math.copysign(1.0, expected)


# As near to a multiple of pi / 2 as float32 and float64 come.
NEAREST_TO_ZEROS = [16367173.0 * 2.0**72, 6381956970095103.0 * 2.0**797]


@pytest.mark.parametrize("eighths", [0, 1, 2])
@pytest.mark.parametrize("a", [1.0, 30.0, 0.1])
@pytest.mark.parametrize("function", [circular.circular, circular.circular_pair], ids=["float64", "pair"])
def test_circular_error(function, a, eighths):
    random = np.random.default_rng(11)
    sizes = random.uniform(-1.0, 1.0, 3 * POINTS) * 2.0 ** random.uniform(-60, 1024, 3 * POINTS)
    near = np.round(2.0 ** random.uniform(0, 22, POINTS)) * (math.pi / 4)
    x = np.concatenate([sizes, random.uniform(-30.0, 30.0, POINTS), near, np.nextafter(near, 0.0), [1.7e308]])
    if a == 1.0:
        x = np.concatenate([x, NEAREST_TO_ZEROS, -np.array(NEAREST_TO_ZEROS)])
    if is_pair_function := function is circular.circular_pair:
        run = numba.njit(error_model="numpy")(lambda x: [function(a, 0.0, value, 0.0, eighths) for value in x])
    else:
        run = numba.njit(error_model="numpy")(lambda x: [(function(a, value, eighths),) for value in x])
    with mpmath.workprec(1400):
        exact = [mpmath.sin(mpmath.mpf(a) * mpmath.mpf(value) + eighths * mpmath.pi / 4) for value in x]
    assert worst(run(x), exact) <= stated_error(function)
    plain = [function(*((a, 0.0, v, 0.0) if is_pair_function else (a, v)), eighths) for v in map(float, x[::97])]
    assert np.array_equal(np.array(plain).reshape(-1), np.array(run(x[::97])).reshape(-1))


@pytest.mark.parametrize("eighths", [0, 1, 2])
@pytest.mark.parametrize("a", [1.0, 0.3])
def test_a_moderate_product_has_the_bits_of_any(a, eighths):
    random = np.random.default_rng(12)
    x = random.choice([-1.0, 1.0], POINTS) * 2.0 ** random.uniform(-1070, 20, POINTS)
    x = np.concatenate([x, [0.0, -0.0, 2.0**20, -(2.0**20)], np.arange(-50, 50) * (math.pi / 8)])
    for any_product, moderate, parts in (
        (circular.circular, circular.circular_of_moderate, lambda x: (x,)),
        (circular.circular_pair, circular.circular_of_moderate_pair, lambda x: (x, 0.0)),
    ):
        parts = numba.njit(parts)
        of_any, of_moderate = (
            numba.njit(lambda x, of=of, parts=parts: [of(*(parts(a) + parts(value) + (eighths,))) for value in x])
            for of in (any_product, moderate)
        )
        assert np.array(of_any(x)).tobytes() == np.array(of_moderate(x)).tobytes()


def test_circular_limits():
    for infinity in (math.inf, -math.inf, math.nan):
        assert math.isnan(circular.circular(1.0, infinity, 0))
        assert math.isnan(arithmetic.rounded(*circular.circular_pair(1.0, 0.0, infinity, 0.0, 2)))
    for tiny in (-0.0, 5e-324, -3e-310):
        assert math.copysign(1.0, circular.circular(1.0, tiny, 0)) == math.copysign(1.0, tiny)
        assert circular.circular(1.0, tiny, 0) == tiny
        assert circular.circular_pair(1.0, 0.0, tiny, 0.0, 0)[0] == tiny


@pytest.mark.parametrize("length", [3, 4, 16])
def test_polynomial_is_the_same_compiled(length):
    coefficients = tuple((1.0 / (k + 1), 2.0**-60 / (k + 2)) for k in range(length))
    compiled_polynomial = numba.njit(error_model="numpy")(lambda x: working.polynomial(coefficients, x))
    for x in (0.0, 0.3, -0.21):
        exact = mpmath.fsum(
            (mpmath.mpf(a) + mpmath.mpf(b)) * mpmath.mpf(x) ** k for k, (a, b) in enumerate(coefficients)
        )
        assert compiled_polynomial(x) == pytest.approx(float(exact), rel=1e-15)
        on_pair = working.polynomial(coefficients, working.Pair(x))
        assert abs((mpmath.mpf(on_pair.hi) + mpmath.mpf(on_pair.lo)) / exact - 1) < 2.0**-55
