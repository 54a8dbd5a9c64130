"""The direct calls: the shortest way from plain arrays to the kernels that the ufuncs use."""
