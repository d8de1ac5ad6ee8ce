"""Bad input ends in an error that names the activation and says what to do, and changes nothing."""

import inspect

import numpy as np
import pytest
from cases import AXISWISE, ELEMENTWISE

import fastact as fa
from fastact._accuracy.cases import DIRECTIONS, direction_of

BAD_DTYPES = [np.longdouble, np.complex64, np.complex128, object, "U3", "S3", "M8[s]", "m8[s]", [("a", "f4")]]
OUT_OF_RANGE = [
    ("softplus", {"beta": 0.0}),
    ("softplus", {"beta": -1.0}),
    ("celu", {"alpha": 0.0}),
    ("squareplus", {"b": -1.0}),
    ("isru", {"alpha": 0.0}),
    ("snake", {"alpha": -1.0}),
    ("softshrink", {"lambd": -0.5}),
]
POSITIONAL = {"maxout": (1,)}


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_wrong_dtype(name, direction):
    for dtype in BAD_DTYPES:
        x = np.zeros(3, dtype)
        with pytest.raises(TypeError) as caught:
            direction_of(name, direction)(x)
        message = str(caught.value)
        assert name in message, message
        assert str(x.dtype) in message, message
        for accepted in ("float16", "float32", "float64"):
            assert accepted in message, message


@pytest.mark.parametrize("name", AXISWISE)
def test_wrong_dtype_axiswise(name):
    for dtype in BAD_DTYPES:
        with pytest.raises(TypeError, match=f"(?s){name}.*float32"):
            fa.get(name)(np.zeros((2, 2), dtype), *POSITIONAL.get(name, ()))


@pytest.mark.parametrize("value", ["hello", None, 1j, {}])
def test_objects_that_are_no_numbers(value):
    with pytest.raises(TypeError, match=r"gelu.*float32"):
        fa.gelu(value)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_wrong_parameter_dtype_and_name(name):
    with pytest.raises(TypeError, match=f"{name}.*nonsense"):
        fa.get(name)(1.0, nonsense=1)
    for parameter in fa.get(name).info.parameters:
        if isinstance(parameter.default, float):
            with pytest.raises(TypeError, match=name):
                fa.get(name)(np.ones(2), **{parameter.name: 1j})


@pytest.mark.parametrize("function", [fa.gelu, fa.gelu.derivative, fa.prelu])
def test_wrong_shape_of_out(function):
    out = np.full((4, 2), 7.0)
    with pytest.raises(ValueError, match=r"\(4,\s*2\).*\(3,\)|\(3,\).*\(4,\s*2\)"):
        function(np.ones(3), out=out)
    assert np.all(out == 7)


@pytest.mark.parametrize("function", [fa.gelu, fa.softmax])
@pytest.mark.parametrize("size", [3, 2**20])
def test_read_only_out(function, size):
    out = np.full(size, 7, "f4")
    out.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        function(np.ones(size, "f4"), out=out)
    assert np.all(out == 7)


@pytest.mark.parametrize("out", [[1.0], "out", (np.empty(3), np.empty(3))], ids=["list", "str", "two"])
def test_out_that_is_no_array(out):
    with pytest.raises((TypeError, ValueError)):
        fa.gelu(np.ones(3), out=out)


@pytest.mark.parametrize("direction", ["value", "derivative", "backward"])
def test_unknown_approximate(direction):
    arguments = (1.0,) * (2 if direction == "backward" else 1)
    with pytest.raises(ValueError, match=r"gelu.*'none' or 'tanh'.*'tahn'"):
        direction_of("gelu", direction)(*arguments, approximate="tahn")


@pytest.mark.parametrize(("name", "parameters"), OUT_OF_RANGE)
def test_parameter_out_of_range(name, parameters):
    (parameter,) = parameters
    activation = fa.get(name)
    calls = [activation, activation.derivative]
    calls += [lambda x, f=f, **p: f(x, x, **p) for f in (activation.backward, activation.parameter_gradients)]
    for call in calls:
        with pytest.raises(ValueError, match=f"{name}.*{parameter}.*{next(iter(parameters.values())):g}"):
            call(np.ones(3), **parameters)
    with pytest.raises(ValueError, match=f"{name}.*{parameter}"):
        activation(np.ones(3), **{parameter: np.array([1.0, -1.0, 2.0])})


def test_hard_tanh_wants_its_minimum_below_its_maximum():
    with pytest.raises(ValueError, match=r"hard_tanh.*minimum.*maximum"):
        fa.hard_tanh(np.ones(3), 2.0, 1.0)


@pytest.mark.parametrize("axis", [2, -3])
@pytest.mark.parametrize("name", AXISWISE)
def test_axis_out_of_range(name, axis):
    arguments = POSITIONAL.get(name, ())
    with pytest.raises(ValueError, match=f"{axis}.*2"):
        fa.get(name)(np.ones((2, 2)), *arguments, axis=axis)
    with pytest.raises(ValueError, match=f"{axis}.*2"):
        fa.get(name).backward(np.ones((2, 2)), np.ones((2, 2)), *arguments, axis=axis)


@pytest.mark.parametrize("pieces", [0, -1, 3])
def test_maxout_pieces_must_divide_the_axis(pieces):
    with pytest.raises(ValueError, match=f"maxout.*{pieces}"):
        fa.maxout(np.ones((2, 4)), pieces)


def test_too_few_and_too_many_arguments():
    for name in ELEMENTWISE:
        with pytest.raises(TypeError, match="x"):
            fa.get(name)()
        allowed = len(inspect.signature(fa.get(name)).parameters)
        with pytest.raises(TypeError):
            fa.get(name)(*[1.0] * (allowed + 1))


@pytest.mark.parametrize(("count", "error"), [(0, ValueError), (10**6, ValueError), ("2", TypeError)])
def test_wrong_thread_count(count, error):
    before = fa.get_num_threads()
    with pytest.raises(error):
        fa.set_num_threads(count)
    assert fa.get_num_threads() == before


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: fa.elu(x, alpha="a"), r"elu: alpha must be a number or an array of numbers, got 'a'"),
        (lambda x: fa.gelu(x, out=[1.0]), r"gelu: out must be an array, or a tuple of arrays, got \[1.0\]"),
        (lambda x: fa.elu.parameter_gradients(x, x, beta=1), r"elu.parameter_gradients\(grad, x.*beta"),
        (lambda x: fa.elu.parameter_gradients(x, x + 1j), r"elu.parameter_gradients does not take complex128"),
        (lambda x: fa.get(["gelu"]), r"get takes the name.*\['gelu'\]"),
        (lambda x: fa.set_num_threads("2"), r"set_num_threads: threads must be an integer, got '2'"),
        (lambda x: fa.softmax_cross_entropy(x, 0, label_smoothing="a"), "label_smoothing must be numbers"),
        (lambda x: fa.softmax_cross_entropy(x, 0, ignore_index="a"), "ignore_index must be an integer, got 'a'"),
        (lambda x: fa.sigmoid_binary_cross_entropy(x, x, weight="a"), "weight must be numbers"),
    ],
)
def test_what_is_no_number(call, message):
    with pytest.raises(TypeError, match=message):
        call(np.ones(2))


def test_gradients_of_parameters_want_shapes_that_fit():
    with pytest.raises(ValueError, match=r"elu.parameter_gradients: operands of shapes \(3,\) \(2, 4\)"):
        fa.elu.parameter_gradients(np.ones(3), np.ones((2, 4)))


@pytest.mark.parametrize(("wrong", "nearest"), [("gelo", "gelu"), ("SiLU", "silu"), ("swich", "swish")])
def test_a_wrong_attribute_suggests_the_nearest(wrong, nearest):
    with pytest.raises(AttributeError, match=f"{wrong}.*did you mean '{nearest}'"):
        getattr(fa, wrong)
