"""Networks learn handwritten digits by fastact's values, derivatives and parameter gradients, and NumPy alone."""

import pickle

import numpy as np
import pytest
from network import MaxoutNetwork, Network, train
from sklearn.datasets import load_digits

import fastact as fa

SIZES = (64, 96, 10)
LEARNED = {"prelu": {"alpha": 0.25}, "swish": {"beta": 1.0}}
# One of each family.
FAMILIES = {fa.get(name).info.family: name for name in ("relu", "elu", "tanh", "gelu", "softplus", "hard_swish")}
NETWORKS = [*LEARNED, *FAMILIES.values(), "maxout_dense"]
LEAST_ACCURACY = 0.96


def make_network(name, dtype="f4"):
    if name == "maxout_dense":
        return MaxoutNetwork(SIZES, pieces=3, dtype=dtype)
    return Network(name, SIZES, LEARNED.get(name), dtype)


@pytest.fixture(scope="module")
def digits():
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    images = (images[order] / 8 - 1).astype("f4")
    train_size = 1300
    return images[:train_size], labels[order][:train_size], images[train_size:], labels[order][train_size:]


@pytest.mark.parametrize("name", NETWORKS)
def test_digits_are_learned(name, digits):
    x, labels, test_x, test_labels = digits
    network = make_network(name)
    starts = {parameter: network.parameters[parameter].copy() for parameter in network.learned}
    train(network, x, labels, epochs=15)
    assert network.accuracy(test_x, test_labels) > LEAST_ACCURACY
    for parameter, start in starts.items():
        assert np.abs(network.parameters[parameter] - start).max() > 0.05


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_finite_differences(name, digits):
    x, labels = digits[0][:50].astype("f8"), digits[1][:50]
    network = make_network(name, "f8")
    _, gradients = network.loss_and_gradients(x, labels)
    random, step = np.random.default_rng(2), 1e-5
    for parameter, gradient in gradients.items():
        values = network.parameters[parameter]
        for _ in range(5):
            place = tuple(random.integers(0, values.shape))
            start = values[place]
            losses = []
            for values[place] in (start + step, start - step):
                losses.append(network.loss_and_gradients(x, labels)[0])
            values[place] = start
            difference = (losses[0] - losses[1]) / (2 * step)
            assert gradient[place] == pytest.approx(difference, rel=1e-5, abs=1e-8), parameter


def test_dense_maxout_is_maxout_of_affine_pieces():
    random = np.random.default_rng(4)
    x, weight, bias = (random.normal(size=shape) for shape in ((2, 5, 3), (3, 4, 2), (4, 2)))
    pieces = np.einsum("...i,iup->...up", x, weight) + bias
    np.testing.assert_allclose(fa.maxout_dense(x, weight, bias), pieces.max(-1), rtol=1e-13)
    without = fa.maxout_dense.backward(np.ones((2, 5, 4)), x, weight)
    assert [gradient.shape for gradient in without] == [x.shape, weight.shape]
    step, shift = 1e-6, random.normal(size=x.shape)
    grad_x, _, grad_bias = fa.maxout_dense.backward(np.ones((2, 5, 4)), x, weight, bias)
    difference = fa.maxout_dense(x + step * shift, weight, bias) - fa.maxout_dense(x - step * shift, weight, bias)
    assert np.sum(grad_x * shift) == pytest.approx(difference.sum() / (2 * step), rel=1e-6)
    assert grad_bias.sum() == pytest.approx(40)
    assert fa.maxout_dense(x.astype("f4"), weight.astype("f4")).dtype == np.float32
    assert pickle.loads(pickle.dumps(fa.maxout_dense)) is fa.maxout_dense


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((5, 3), (3, 4)), r"weight must have the shape \(features, units, pieces\), got \(3, 4\)"),
        (((5, 2), (3, 4, 2)), r"the last axis of x must have weight's 3 features, got \(5, 2\)"),
        (((5, 3), (3, 4, 2), (4,)), r"bias must have the shape \(units, pieces\) = \(4, 2\), got \(4,\)"),
    ],
)
def test_dense_maxout_explains_wrong_shapes(shapes, message):
    with pytest.raises(ValueError, match=message):
        fa.maxout_dense(*map(np.ones, shapes))
    with pytest.raises(ValueError, match=r"grad must have the output's shape \(5, 4\), got \(5, 3\)"):
        fa.maxout_dense.backward(np.ones((5, 3)), np.ones((5, 3)), np.ones((3, 4, 2)))
