"""The ufuncs in the words of other libraries: ONNX's reference evaluator, Keras 3 on NumPy, HIPS autograd.

Each module needs the extra of its name, such as ``fastlrelu[onnx]``; nothing here is imported by `fastlrelu` itself.
Dask, xarray, pandas, `numpy.ma`, sparse and scikit-learn need no adapter: they take the ufuncs as they are.
"""
