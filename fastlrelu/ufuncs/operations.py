"""The table of operations: one row for each line of ``kernels/operations.h``, with the docstring of its ufunc.

Every name here is a public name of the package, hence the underscores at the imports. NumPy puts the signature above
each docstring.
"""

from numpy import ufunc as _ufunc

from .registration import register as _register

leaky_relu: _ufunc = _register(
    "leaky_relu",
    """Leaky ReLU: `x` where it is greater than 0, else ``negative_slope * x``.

Bit for bit ``np.where(x > 0, x, negative_slope * x)``, in one pass and without a warning for lanes thrown away.

Parameters
----------
x : array_like
    float16, bfloat16, float32, float64 or longdouble; integers and bool are promoted as by `numpy.arctan2`.
negative_slope : array_like
    Usually 0.01 to 0.3; any value is allowed. A Python number takes the dtype of `x`, an array broadcasts with `x`.
out, where, casting, order, dtype, subok
    As for every NumPy ufunc. `x` itself may be passed as `out`.

Returns
-------
ndarray or scalar
    Of the broadcast shape and the common dtype. nan where `x` is nan; -0.0 for x = -0.0 and a positive slope.

Raises
------
TypeError
    For complex, object and string operands, and an `out` that the result cannot be cast to.
ValueError
    For shapes that do not broadcast and a read-only `out`.

See Also
--------
LeakyReLU : the shortest way to this function with a fixed slope
leaky_relu_ : in place
prelu : one slope for each channel, with threads in every layout

References
----------
Maas, Hannun, Ng: Rectifier Nonlinearities Improve Neural Network Acoustic Models, ICML 2013, equation 2.

Examples
--------
>>> import numpy as np, fastlrelu
>>> fastlrelu.leaky_relu(np.array([-2.0, -0.0, 3.0]), 0.1)
array([-0.2, -0. ,  3. ])
""",
)

leaky_relu_grad: _ufunc = _register(
    "leaky_relu_grad",
    """Gradient of leaky ReLU: `grad_output` where `x` is greater than 0, else ``negative_slope * grad_output``.

Bit for bit ``np.where(x > 0, grad_output, negative_slope * grad_output)``. At x = 0 the slope of the negative side
counts, as in PyTorch and TensorFlow.

Parameters
----------
grad_output : array_like
    The gradient with respect to the output of the forward pass.
x : array_like
    The input of the forward pass. With a positive slope the output has the same signs and serves as well; with a slope
    of 0 or less it does not.
negative_slope : array_like
    The slope of the forward pass. A Python number takes the dtype of the arrays.
out, where, casting, order, dtype, subok
    As for every NumPy ufunc. `grad_output` or `x` may be passed as `out`.

Returns
-------
ndarray or scalar
    Of the broadcast shape and the common dtype: the gradient with respect to `x`.

Raises
------
TypeError
    For complex, object and string operands, and an `out` that the result cannot be cast to.
ValueError
    For shapes that do not broadcast and a read-only `out`.

See Also
--------
leaky_relu_grad_ : in place
prelu_grad : with the gradient of the slopes

References
----------
The derivative of equation 2 in Maas, Hannun, Ng: Rectifier Nonlinearities Improve Neural Network Acoustic Models,
ICML 2013.

Examples
--------
>>> import numpy as np, fastlrelu
>>> fastlrelu.leaky_relu_grad(np.ones(3), np.array([-2.0, 0.0, 3.0]), 0.1)
array([0.1, 0.1, 1. ])
""",
)

add_leaky_relu: _ufunc = _register(
    "add_leaky_relu",
    """Leaky ReLU of a sum, in one pass: a layer's bias or a residual connection.

Bit for bit ``leaky_relu(x + y, negative_slope)``.

Parameters
----------
x, y : array_like
    The summands, which broadcast with each other.
negative_slope : array_like
    A Python number takes the dtype of the arrays.
out, where, casting, order, dtype, subok
    As for every NumPy ufunc. `x` or `y` may be passed as `out`.

Returns
-------
ndarray or scalar
    Of the broadcast shape and the common dtype.

Raises
------
TypeError
    For complex, object and string operands, and an `out` that the result cannot be cast to.
ValueError
    For shapes that do not broadcast and a read-only `out`.

See Also
--------
leaky_relu : without the sum

References
----------
Equation 2 in Maas, Hannun, Ng: Rectifier Nonlinearities Improve Neural Network Acoustic Models, ICML 2013, of
``x + y``.

Examples
--------
>>> import numpy as np, fastlrelu
>>> fastlrelu.add_leaky_relu(np.array([[-3.0, 1.0]]), np.array([1.0, 1.0]), 0.1)
array([[-0.2,  2. ]])
""",
)
