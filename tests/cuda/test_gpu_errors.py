"""What a GPU's arrays cannot do is said in one exception that names the function, the value and the fix."""

import ml_dtypes
import numpy as np
import pytest
from device import Interface, normal, placed

import fastact as fa

X = normal(2, 6)
D = placed(X)
LABELS = np.array([1, 2])
NO_JOINING = r"a host array of shape \(.*\) cannot join arrays on a GPU; move it there first, with cupy\.asarray"
ENTROPY, BINARY = fa.softmax_cross_entropy, fa.sigmoid_binary_cross_entropy

HOST_ARRAYS = {
    "silu.backward": lambda: fa.silu.backward(X, D),
    "silu": lambda: fa.silu(X, out=D),
    "prelu": lambda: fa.prelu(D, X),
    "softmax.backward": lambda: fa.softmax.backward(X, D),
    "softmax": lambda: fa.softmax(X, out=D),
    "swiglu": lambda: fa.swiglu(X, D),
    "swiglu.backward": lambda: fa.swiglu.backward(X[:, :3], D),
    "glu": lambda: fa.glu(X, out=placed(X[:, :3])),
    "crelu": lambda: fa.crelu(X, out=placed(np.zeros((2, 12), "f4"))),
    "elu.parameter_gradients": lambda: fa.elu.parameter_gradients(X, D),
    "softmax_cross_entropy": lambda: ENTROPY(X, placed(LABELS)),
    "sigmoid_binary_cross_entropy": lambda: BINARY(X, D),
}


@pytest.mark.parametrize("name", HOST_ARRAYS)
def test_host_arrays_do_not_mix_with_the_devices(name):
    with pytest.raises(TypeError, match=rf"^{name}: {NO_JOINING}"):
        HOST_ARRAYS[name]()


ERRORS = [
    # results
    (TypeError, "silu: out must be an array of the GPU, got ndarray", lambda: fa.silu(D, out=X)),
    (TypeError, "softmax: out must be an array of the GPU, got ndarray", lambda: fa.softmax(D, out=X)),
    (ValueError, r"silu: out of shape \(6,\) cannot hold", lambda: fa.silu(D, out=placed(X[0]))),
    (ValueError, r"softmax: out has shape \(1, 6\), the result \(2, 6\)", lambda: fa.softmax(D, out=placed(X[:1]))),
    (
        TypeError,
        "silu: cannot cast the result from float32 to out's int32",
        lambda: fa.silu(D, out=placed(X.astype(int).astype("i4"))),
    ),
    (TypeError, "to out's float16 with casting='safe'", lambda: fa.silu(D, out=placed(X.astype("f2")), casting="safe")),
    (TypeError, "to out's float64 with casting='no'", lambda: fa.silu(D, out=placed(X.astype("f8")), casting="no")),
    (TypeError, "with casting='equiv'", lambda: fa.silu(D, out=placed(X.astype("f8")), casting="equiv")),
    (ValueError, "silu: casting must be one of 'no', .*, got 'kind'", lambda: fa.silu(D, casting="kind")),
    (ValueError, "gives 2 arrays: pass out as a tuple of 2", lambda: fa.silu.value_and_derivative(D, out=D)),
    (ValueError, "gives 2 arrays: pass out as a tuple of 2", lambda: fa.silu.value_and_derivative(D, out=(D,))),
    # masks and other keywords
    (TypeError, "silu: where must be a boolean array of the GPU", lambda: fa.silu(D, where=X > 0)),
    (TypeError, "silu: where must be a boolean array of the GPU", lambda: fa.silu(D, where=D)),
    (TypeError, "softmax: where must be a boolean array of the GPU", lambda: fa.softmax(D, where=X > 0)),
    (ValueError, r"softmax: where of shape \(3,\) does not", lambda: fa.softmax(D, where=placed(np.ones(3, bool)))),
    (TypeError, "silu: order is not supported for GPU arrays; leave it out", lambda: fa.silu(D, order="F")),
    (TypeError, "silu got an unexpected keyword argument 'sort'", lambda: fa.silu(D, sort=1)),
    (TypeError, "got an unexpected keyword argument 'sort'", lambda: fa.softmax(D, sort=1)),
    (TypeError, "silu: stream must be .*, got str", lambda: fa.silu(D, stream="first")),
    (TypeError, "softmax: stream must be .*, got str", lambda: fa.softmax(D, stream="first")),
    # dtypes
    (TypeError, "silu does not take complex64; accepted are float16, ", lambda: fa.silu(placed(X + 0j))),
    (TypeError, "silu does not take float128; accepted are float16, ", lambda: fa.silu(Interface(X.astype("g")))),
    (TypeError, "softmax does not take complex64; accepted are", lambda: fa.softmax(placed(X + 0j))),
    (TypeError, "silu cannot compute in dtype int32; accepted are", lambda: fa.silu(D, dtype="int32")),
    (TypeError, "the array's bytes are swapped", lambda: fa.silu(Interface(X.astype(">f4")))),
    (TypeError, "Numba's device arrays have no bfloat16", lambda: fa.silu(Interface(X.astype(ml_dtypes.bfloat16)))),
    # shapes
    (
        ValueError,
        r"silu.backward: operands of shapes \(2, 6\) \(5,\) do not",
        lambda: fa.silu.backward(D, placed(X[0, 1:])),
    ),
    (
        ValueError,
        r"softmax.backward: grad must have the output's shape \(2, 6\)",
        lambda: fa.softmax.backward(placed(X[0]), D),
    ),
    (ValueError, r"logsumexp.backward: grad must have the output's shape \(2,\)", lambda: fa.logsumexp.backward(D, D)),
    (ValueError, r"maxout.backward: grad must have the output's shape \(2, 3\)", lambda: fa.maxout.backward(D, D, 2)),
    (ValueError, r"crelu.backward: grad must have the output's shape \(2, 12\)", lambda: fa.crelu.backward(D, D)),
    (ValueError, "glu: axis 1 must have an even length to be split in two, got 5", lambda: fa.glu(placed(X[:, 1:]))),
    (
        ValueError,
        r"elu.parameter_gradients: operands of shapes .* do not",
        lambda: fa.elu.parameter_gradients(placed(X.T), D),
    ),
    (ValueError, "softmax: axis 5 is out of range", lambda: fa.softmax(D, axis=5)),
    (TypeError, "softmax: axis must be an integer", lambda: fa.softmax(D, axis=1.5)),
    (ValueError, "maxout: pieces must be at least 1 and divide the axis' length 6, got 4", lambda: fa.maxout(D, 4)),
    # parameters
    (ValueError, "softplus: beta must be greater than 0, got -1.0", lambda: fa.softplus(D, beta=-1.0)),
    (ValueError, "gelu: approximate must be 'none' or 'tanh', got 'fast'", lambda: fa.gelu(D, approximate="fast")),
    (ValueError, "geglu: approximate must be 'none' or 'tanh'", lambda: fa.geglu(D, approximate="fast")),
    (TypeError, "silu takes x by position, got 2 arguments", lambda: fa.silu(D, D)),
    # what there are no kernels for
    (TypeError, r"rrelu does not draw for GPU arrays; .* call prelu\(x, slopes\)", lambda: fa.rrelu(D, rng=0)),
    (TypeError, "gumbel_softmax does not take GPU arrays", lambda: fa.gumbel_softmax(D)),
    # losses
    (ValueError, "softmax_cross_entropy: reduction must be", lambda: ENTROPY(D, LABELS, reduction="all")),
    (ValueError, r"label 9 at \(1,\) is none of 6 classes", lambda: ENTROPY(D, placed(np.array([1, 9])))),
    (
        TypeError,
        "labels without the axis of classes must be integers, got float32",
        lambda: ENTROPY(D, placed(X[:, 0])),
    ),
    (ValueError, "labels must have the shape of logits without the axis", lambda: ENTROPY(D, placed(np.arange(3)))),
    (ValueError, "label_smoothing must be from 0 to 1, got 2", lambda: ENTROPY(D, LABELS, label_smoothing=2)),
    (ValueError, "class_weights must be at least 0", lambda: ENTROPY(D, LABELS, class_weights=placed(-np.ones(6)))),
    (TypeError, "softmax_cross_entropy does not take logits of complex64", lambda: ENTROPY(placed(X + 0j), LABELS)),
    (
        ValueError,
        r"backward: grad must have the loss's shape \(2,\), got \(3,\)",
        lambda: ENTROPY.backward(placed(np.ones(3)), D, LABELS, reduction="none"),
    ),
    (
        ValueError,
        r"backward: grad must have the loss's shape \(\), got \(2,\)",
        lambda: ENTROPY.backward(np.ones(2), D, LABELS),
    ),
    (ValueError, r"targets must have the shape of logits, \(2, 6\), got \(6,\)", lambda: BINARY(D, placed(X[0]))),
    (TypeError, "targets must be numbers, got complex64", lambda: BINARY(D, placed(X + 0j))),
    (TypeError, "targets must be numbers, got complex64", lambda: BINARY(D, X + 0j)),
    (TypeError, "weight must be numbers, got complex64", lambda: BINARY(D, D, weight=placed(X + 0j))),
    (
        ValueError,
        r"weight of shape \(5,\) does not broadcast to logits",
        lambda: BINARY(D, D, weight=placed(np.ones(5))),
    ),
    (ValueError, "pos_weight must be at least 0, got -1.0", lambda: BINARY(D, D, pos_weight=placed(-np.ones(6)))),
]


@pytest.mark.parametrize(("error", "words", "call"), ERRORS, ids=[words for _, words, _ in ERRORS])
def test_errors(error, words, call):
    with pytest.raises(error, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_refused_call_writes_nothing():
    out = placed(X)
    with pytest.raises(ValueError, match="beta must be"):
        fa.softplus(D, beta=0, out=out)
    np.testing.assert_array_equal(np.asarray(out.copy_to_host()), X)


def test_lists_and_processors_arrays_go_their_own_way():
    class OnProcessor(np.ndarray):
        is_cuda = False

    for x in (X.tolist(), X, np.float32(1), X.view(OnProcessor)):
        assert isinstance(fa.silu(x), np.ndarray | np.generic)
        assert isinstance(fa.logsumexp(np.atleast_1d(x)), np.ndarray | np.generic)
