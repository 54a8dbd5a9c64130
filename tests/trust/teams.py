"""Whether calls can use threads here at all: not in a build without OpenMP, nor with LLVM's library."""

import fastlrelu as fl

POSSIBLE = fl.config()["openmp"] and "LLVM" not in fl.config()["threads_reason"]
REASON = "without OpenMP, or with LLVM's library, there are no threads"
