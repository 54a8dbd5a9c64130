"""The rows of ELU and GELU in the table of operations, as in ``operations.py``.

Unlike there the contract is accuracy: float32 and float64 results are within 1 unit in the last place of the exact
value, float16 and bfloat16 results are the exact value rounded once.
"""

from numpy import ufunc as _ufunc

from .registration import register as _register

elu: _ufunc = _register(
    "elu",
    """ELU: `x` where it is greater than 0, else ``alpha * (exp(x) - 1)``.

float32 and float64 results are within 1 unit in the last place (ulp) of the exact value for every `x`, float16 and
bfloat16 results are the exact value rounded once, and all are the same at every SIMD level. No floating-point
warning is given.

Parameters
----------
x : array_like
    float16, bfloat16, float32, float64 or longdouble; integers and bool are promoted as by `numpy.arctan2`.
alpha : array_like
    Usually 1; any value is allowed. A Python number takes the dtype of `x`, an array broadcasts with `x`.
out, where, casting, order, dtype, subok
    As for every NumPy ufunc. `x` itself may be passed as `out`.

Returns
-------
ndarray or scalar
    Of the broadcast shape and the common dtype. nan where `x` is nan; -0.0 for x = -0.0 and a positive alpha.

Raises
------
TypeError
    For complex, object and string operands, and an `out` that the result cannot be cast to.
ValueError
    For shapes that do not broadcast and a read-only `out`.

See Also
--------
ELU : the shortest way to this function with a fixed alpha
elu_ : in place

References
----------
Clevert, Unterthiner, Hochreiter: Fast and Accurate Deep Network Learning by Exponential Linear Units, ICLR 2016,
equation 15.

Examples
--------
>>> import numpy as np, fastlrelu
>>> fastlrelu.elu(np.array([-np.inf, -1.0, -0.0, 3.0]), 1.0)
array([-1.        , -0.63212056, -0.        ,  3.        ])
""",
)

elu_grad: _ufunc = _register(
    "elu_grad",
    """Gradient of ELU: `grad_output` where `x` is greater than 0, else ``grad_output * alpha * exp(x)``.

Accurate as `elu` is. At x = 0 the negative side counts, as in PyTorch.

Parameters
----------
grad_output : array_like
    The gradient with respect to the output of the forward pass.
x : array_like
    The input of the forward pass; not its output.
alpha : array_like
    That of the forward pass. A Python number takes the dtype of the arrays.
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
elu : the forward pass, with its source

References
----------
The derivative of equation 15 in Clevert, Unterthiner, Hochreiter: Fast and Accurate Deep Network Learning by
Exponential Linear Units, ICLR 2016.

Examples
--------
>>> import numpy as np, fastlrelu
>>> fastlrelu.elu_grad(np.ones(3), np.array([-1.0, 0.0, 3.0]), 0.5)
array([0.18393972, 0.5       , 1.        ])
""",
)

gelu: _ufunc = _register(
    "gelu",
    """GELU: ``x * Phi(x)``, with Phi the distribution function of the standard normal distribution.

float32 and float64 results are within 1 unit in the last place (ulp) of the exact value for every `x`, float16 and
bfloat16 results are the exact value rounded once, and all are the same at every SIMD level.
``0.5 * x * (1 + erf(x / sqrt(2)))`` is not: for negative `x` its sum cancels.

Parameters
----------
x : array_like
    float16, bfloat16, float32, float64 or longdouble; integers and bool are promoted as by `numpy.exp`.
out, where, casting, order, dtype, subok
    As for every NumPy ufunc. `x` itself may be passed as `out`.

Returns
-------
ndarray or scalar
    Of the shape and dtype of `x`. nan where `x` is nan; -0.0 for x = -0.0 and x = -inf.

Raises
------
TypeError
    For complex, object and string operands, and an `out` that the result cannot be cast to.
ValueError
    For shapes that do not broadcast and a read-only `out`.

See Also
--------
GELU : the same as a callable with its gradient
gelu_ : in place
gelu_tanh : the approximation that GPT models were trained with

References
----------
Hendrycks, Gimpel: Gaussian Error Linear Units (GELUs), 2016, https://arxiv.org/abs/1606.08415.

Examples
--------
>>> import numpy as np, fastlrelu
>>> fastlrelu.gelu(np.array([-10.0, -1.0, 0.0, 3.0]))
array([-7.61985302e-23, -1.58655254e-01,  0.00000000e+00,  2.99595031e+00])
""",
)

gelu_grad: _ufunc = _register(
    "gelu_grad",
    """Gradient of GELU: ``grad_output * (Phi(x) + x * phi(x))``, with phi the normal density.

Accurate as `gelu` is, also around x = -0.7518, where it is 0.

Parameters
----------
grad_output : array_like
    The gradient with respect to the output of the forward pass.
x : array_like
    The input of the forward pass; not its output.
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
gelu : the forward pass, with its source

References
----------
The derivative of the function in Hendrycks, Gimpel: Gaussian Error Linear Units (GELUs), 2016,
https://arxiv.org/abs/1606.08415.

Examples
--------
>>> import numpy as np, fastlrelu
>>> fastlrelu.gelu_grad(np.ones(3), np.array([-1.0, 0.0, 3.0]))
array([-0.08331547,  0.5       ,  1.01194565])
""",
)

gelu_tanh: _ufunc = _register(
    "gelu_tanh",
    """GELU by tanh, as the GPT models have it: ``0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))``.

float32 and float64 results are within 1 unit in the last place (ulp) of the exact value for every `x`, float16 and
bfloat16 results are the exact value rounded once, and all are the same at every SIMD level. That is the error against
this formula, which itself differs from `gelu` by up to 5e-4.

Parameters
----------
x : array_like
    float16, bfloat16, float32, float64 or longdouble; integers and bool are promoted as by `numpy.exp`.
out, where, casting, order, dtype, subok
    As for every NumPy ufunc. `x` itself may be passed as `out`.

Returns
-------
ndarray or scalar
    Of the shape and dtype of `x`. nan where `x` is nan; -0.0 for x = -0.0 and x = -inf.

Raises
------
TypeError
    For complex, object and string operands, and an `out` that the result cannot be cast to.
ValueError
    For shapes that do not broadcast and a read-only `out`.

See Also
--------
gelu : the function that this approximates
gelu_tanh_ : in place

References
----------
Hendrycks, Gimpel: Gaussian Error Linear Units (GELUs), 2016, https://arxiv.org/abs/1606.08415.

Examples
--------
>>> import numpy as np, fastlrelu
>>> fastlrelu.gelu_tanh(np.array([-1.0, 0.0, 3.0]))
array([-0.15880801,  0.        ,  2.99636261])
""",
)

gelu_tanh_grad: _ufunc = _register(
    "gelu_tanh_grad",
    """Gradient of GELU by tanh, times `grad_output`.

Accurate as `gelu_tanh` is, also around x = -0.7525, where it is 0.

Parameters
----------
grad_output : array_like
    The gradient with respect to the output of the forward pass.
x : array_like
    The input of the forward pass; not its output.
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
gelu_tanh : the forward pass, with its source

References
----------
The derivative of the approximation in Hendrycks, Gimpel: Gaussian Error Linear Units (GELUs), 2016,
https://arxiv.org/abs/1606.08415.

Examples
--------
>>> import numpy as np, fastlrelu
>>> fastlrelu.gelu_tanh_grad(np.ones(3), np.array([-1.0, 0.0, 3.0]))
array([-0.08296408,  0.5       ,  1.01158417])
""",
)
