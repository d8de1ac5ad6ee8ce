"""A dense layer of maxout units: the one activation whose pieces are made by the layer itself."""

import inspect
from typing import Any

import numpy as np

from fastact._activation import is_dask
from fastact._device import is_device_array
from fastact._docstrings import signed


class MaxoutDense:
    r"""Dense layer of maxout units: the largest of each unit's affine pieces.

    Parameters
    ----------
    x : array_like, shape (..., features)
        Input.
    weight : array_like, shape (features, units, pieces)
        The pieces' slopes.
    bias : array_like, shape (units, pieces), optional
        The pieces' offsets; 0 if left out.

    Returns
    -------
    ndarray, shape (..., units)
        Of the operands' common dtype.

    Raises
    ------
    TypeError
        If an operand's dtype is complex, longdouble, object or text.
    ValueError
        If the shapes do not fit together.

    See Also
    --------
    maxout : The largest of pieces that are there already.

    Notes
    -----
    .. math:: f(x)_u = \max_p \left(\sum_i x_i w_{i u p} + b_{u p}\right)

    The pieces are computed by BLAS, in the operands' dtype, and are as accurate
    as its sums.

    ``maxout_dense.backward(grad, x, weight, bias)`` gives the gradients with
    respect to x, weight and bias, in a tuple (without the last if there is no
    bias). Each unit's gradient goes to the first of its largest pieces.

    References
    ----------
    .. [1] Goodfellow, Warde-Farley, Mirza, Courville & Bengio, Maxout Networks,
       ICML 2013, arXiv:1302.4389

    Examples
    --------
    >>> import numpy as np
    >>> import fastact as fa
    >>> weight = np.array([[[1.0, -1.0]]])  # one feature, one unit, two pieces: the absolute value
    >>> fa.maxout_dense(np.array([[-3.0], [2.0]]), weight)
    array([[3.],
           [2.]])
    """

    name = "maxout_dense"

    def __init__(self) -> None:
        self.__doc__ = signed(self.name, inspect.signature(self), inspect.getdoc(type(self)) or "")

    def __call__(self, x: Any, weight: Any, bias: Any = None) -> np.ndarray:
        from fastact import maxout

        x, weight, bias = _checked(x, weight, bias)
        return maxout(_pieces(x, weight, bias), weight.shape[2])

    def backward(self, grad: Any, x: Any, weight: Any, bias: Any = None) -> tuple[np.ndarray, ...]:
        """Gradients with respect to x, weight and, where there is one, bias.

        Parameters
        ----------
        grad : array_like, shape (..., units)
            Gradient with respect to the output.
        x, weight, bias : array_like
            As they were given to the layer.

        Returns
        -------
        tuple of ndarray
            One gradient for each, of its shape.

        Raises
        ------
        TypeError, ValueError
            As the layer itself; and if `grad` has not the output's shape.

        Examples
        --------
        >>> import numpy as np
        >>> import fastact as fa
        >>> weight = np.array([[[1.0, -1.0]]])
        >>> grad_x, grad_weight = fa.maxout_dense.backward(np.ones((2, 1)), np.array([[-3.0], [2.0]]), weight)
        >>> grad_x
        array([[-1.],
               [ 1.]])
        """
        from fastact import maxout

        x, weight, bias = _checked(x, weight, bias)
        features, units, pieces = weight.shape
        grad = _operand(grad)
        if grad.shape != (*x.shape[:-1], units):
            raise ValueError(
                f"maxout_dense.backward: grad must have the output's shape {(*x.shape[:-1], units)}, got {grad.shape}"
            )
        grad_pieces = maxout.backward(grad, _pieces(x, weight, bias), pieces)
        rows = grad_pieces.reshape(-1, units * pieces)
        grad_x = grad_pieces @ weight.reshape(features, -1).T
        grad_weight = x.reshape(-1, features).T @ rows
        gradients = (grad_x, grad_weight.reshape(weight.shape))
        return gradients if bias is None else (*gradients, rows.sum(0).reshape(bias.shape))

    def __repr__(self) -> str:
        return "<fastact maxout_dense>"

    def __reduce__(self) -> str:
        return "maxout_dense"


def _checked(x: Any, weight: Any, bias: Any) -> tuple[Any, Any, Any]:
    x, weight = _operand(x), _operand(weight)
    if weight.ndim != 3 or not weight.shape[2]:
        raise ValueError(f"maxout_dense: weight must have the shape (features, units, pieces), got {weight.shape}")
    if not x.ndim or x.shape[-1] != weight.shape[0]:
        raise ValueError(
            f"maxout_dense: the last axis of x must have weight's {weight.shape[0]} features, got {x.shape}"
        )
    if bias is not None and (bias := _operand(bias)).shape != weight.shape[1:]:
        raise ValueError(
            f"maxout_dense: bias must have the shape (units, pieces) = {weight.shape[1:]}, got {bias.shape}"
        )
    return x, weight, bias


def _operand(value: Any) -> Any:
    if is_device_array(value):
        if not hasattr(type(value), "__matmul__"):
            raise TypeError(
                f"maxout_dense multiplies matrices with their own library, and {type(value).__name__} has no product; "
                "pass arrays of CuPy or PyTorch"
            )
        return value
    return value if is_dask(value) else np.asarray(value)


def _pieces(x: Any, weight: Any, bias: Any) -> np.ndarray:
    """All pieces, those of one unit side by side."""
    pieces = x @ weight.reshape(weight.shape[0], -1)
    return pieces if bias is None else pieces + bias.reshape(-1)


maxout_dense = MaxoutDense()
