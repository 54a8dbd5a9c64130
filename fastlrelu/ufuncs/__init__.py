"""The ufuncs: the table of operations with their docstrings, and the registration with NumPy."""
