"""Whether calls can use threads here at all: not in a build without OpenMP, nor with an old library of LLVM's."""

import fastlrelu as fl

POSSIBLE = fl.config()["openmp"] and "LLVM" not in fl.config()["threads_reason"]
REASON = "without OpenMP, or with an old library of LLVM's, there are no threads"
