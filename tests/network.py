"""A small network in NumPy: dense layers with an activation of fastact between them, trained by Adam."""

import numpy as np

import fastact as fa


class Network:
    """Features to hidden units to classes; the parameters that `learned` names belong to each hidden unit.

    Parameters
    ----------
    activation : str
        The hidden units' activation.
    sizes : tuple of int
        Features, hidden units, classes.
    learned : dict of str to float, optional
        Parameters of the activation to be learned, and where they start.
    dtype : str
        Of everything.
    """

    def __init__(self, activation, sizes, learned=None, dtype="f4"):
        self.activation, self.learned = fa.get(activation), tuple(learned or ())
        features, hidden, classes = sizes
        random = np.random.default_rng(0)
        self.parameters = {
            "hidden_weight": random.normal(0.0, features**-0.5, (features, hidden)).astype(dtype),
            "hidden_bias": np.zeros(hidden, dtype),
            "class_weight": random.normal(0.0, hidden**-0.5, (hidden, classes)).astype(dtype),
            "class_bias": np.zeros(classes, dtype),
        }
        self.parameters |= {name: np.full(hidden, start, dtype) for name, start in (learned or {}).items()}

    @property
    def _shape(self):
        return {name: self.parameters[name] for name in self.learned}

    def logits(self, x):
        """Scores of the classes."""
        self.input = x
        self.hidden = self.hidden_units()
        return self.hidden @ self.parameters["class_weight"] + self.parameters["class_bias"]

    def hidden_units(self):
        """What the hidden layer makes of the input."""
        self.linear = self.input @ self.parameters["hidden_weight"] + self.parameters["hidden_bias"]
        return self.activation(self.linear, **self._shape)

    def hidden_gradients(self, grad):
        """Gradients for the hidden layer's parameters, from those for its units."""
        names = ("hidden_weight", "hidden_bias", *self.learned)
        own = ()
        if self.learned:
            own = self.activation.parameter_gradients(grad, self.linear, **self._shape)
        grad = self.activation.backward(grad, self.linear, **self._shape)
        return dict(zip(names, (self.input.T @ grad, grad.sum(0), *own), strict=True))

    def loss_and_gradients(self, x, labels):
        """Mean cross-entropy, and its gradient for every parameter."""
        loss, grad = fa.softmax_cross_entropy.value_and_gradient(self.logits(x), labels)
        gradients = {"class_weight": self.hidden.T @ grad, "class_bias": grad.sum(0)}
        gradients |= self.hidden_gradients(grad @ self.parameters["class_weight"].T)
        return loss, gradients

    def accuracy(self, x, labels):
        """Share of the examples whose largest score is that of their label."""
        return np.mean(self.logits(x).argmax(1) == labels)


class MaxoutNetwork(Network):
    """The same with a hidden layer of maxout units."""

    def __init__(self, sizes, pieces, dtype="f4"):
        super().__init__("identity", sizes, dtype=dtype)
        features, hidden, _ = sizes
        weight = np.random.default_rng(3).normal(0.0, features**-0.5, (features, hidden, pieces))
        self.parameters |= {"hidden_weight": weight.astype(dtype), "hidden_bias": np.zeros((hidden, pieces), dtype)}

    @property
    def _layer(self):
        return self.parameters["hidden_weight"], self.parameters["hidden_bias"]

    def hidden_units(self):
        """As in `Network`."""
        return fa.maxout_dense(self.input, *self._layer)

    def hidden_gradients(self, grad):
        """As in `Network`."""
        _, *gradients = fa.maxout_dense.backward(grad, self.input, *self._layer)
        return dict(zip(("hidden_weight", "hidden_bias"), gradients, strict=True))


def train(network, x, labels, epochs, rate=0.01, batch=128):
    """Adam (Kingma & Ba, 2015)."""
    moments = {name: (np.zeros_like(p), np.zeros_like(p)) for name, p in network.parameters.items()}
    random, step = np.random.default_rng(1), 0
    for _ in range(epochs):
        order = random.permutation(len(x))
        for start in range(0, len(x), batch):
            step += 1
            chosen = order[start : start + batch]
            _, gradients = network.loss_and_gradients(x[chosen], labels[chosen])
            for name, gradient in gradients.items():
                mean, square = moments[name]
                mean += 0.1 * (gradient - mean)
                square += 0.001 * (gradient * gradient - square)
                corrected = (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
                network.parameters[name] -= rate * corrected
