"""The one way from operands to a kernel: strides, overlap, blocks, stores, and the kernels of the SIMD level in use."""
