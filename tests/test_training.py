"""Networks learn handwritten digits by fastact's values, derivatives and parameter gradients, and NumPy alone."""

import numpy as np
import pytest
from network import Network, train
from sklearn.datasets import load_digits

import fastact as fa

SIZES = (64, 96, 10)
LEARNED = {"prelu": {"alpha": 0.25}, "swish": {"beta": 1.0}}
# One of each family.
FAMILIES = {fa.get(name).info.family: name for name in ("relu", "elu", "tanh", "gelu", "softplus", "hard_swish")}
LEAST_ACCURACY = 0.96


@pytest.fixture(scope="module")
def digits():
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    images = (images[order] / 8 - 1).astype("f4")
    train_size = 1300
    return images[:train_size], labels[order][:train_size], images[train_size:], labels[order][train_size:]


@pytest.mark.parametrize("name", [*LEARNED, *FAMILIES.values()])
def test_digits_are_learned(name, digits):
    x, labels, test_x, test_labels = digits
    network = Network(name, SIZES, LEARNED.get(name))
    starts = {parameter: network.parameters[parameter].copy() for parameter in network.learned}
    train(network, x, labels, epochs=15)
    assert network.accuracy(test_x, test_labels) > LEAST_ACCURACY
    for parameter, start in starts.items():
        assert np.abs(network.parameters[parameter] - start).max() > 0.05


@pytest.mark.parametrize("name", [*LEARNED, *FAMILIES.values()])
def test_gradients_are_finite_differences(name, digits):
    x, labels = digits[0][:50].astype("f8"), digits[1][:50]
    network = Network(name, SIZES, LEARNED.get(name), dtype="f8")
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
