"""The part of the build that needs a program: the OpenMP probe and the Cython modules."""

import gzip
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist
from setuptools.errors import CompileError, LinkError

OPENMP_PROBE = """
#include <omp.h>
int main(void) {
    int threads = 0;
    #pragma omp parallel reduction(+ : threads)
    threads += 1;
    return threads > 0 && omp_get_max_threads() > 0 ? 0 : 1;
}
"""

# -fno-trapping-math: without it compilers keep a branch per element, ten times slower; fp_state.h keeps the status
# flags honest. -ffp-contract=off: a fused multiply-add would round differently from one SIMD level to the next.
# -g0: debug information is most of the size, and holds the paths of the build.
GCC_FLAGS = ["-O2", "-std=c11", "-fno-trapping-math", "-ffp-contract=off", "-fvisibility=hidden", "-g0"]
MSVC_FLAGS = ["/O2", "/std:c11", "/fp:precise"]
# The rest is as fast without -O3, and in a wheel a tenth smaller. Nobody unwinds the stack from inside a kernel, which
# throws nothing and ends no thread.
GCC_KERNEL_FLAGS = ["-O3", "-fno-asynchronous-unwind-tables"]
# Loops over the sums of a tile.
VECTORISED = {"fastlrelu.dispatch.exact_sums", "fastlrelu.dispatch.weight_gradient"}
GCC_VECTOR_FLAGS = ["-O3"]
# What is called once, or beside work that takes far longer: a quarter smaller.
SMALL = {
    "fastlrelu.calls.prelu_grad",
    "fastlrelu.memory.reuse",
    "fastlrelu.threads.number",
    "fastlrelu.threads.pauses",
    "fastlrelu.ufuncs.registration",
}
GCC_SMALL_FLAGS = ["-Os"]

# For compiling and for linking, the first that work. Apple's clang knows OpenMP, but not its option and library.
OPENMP_FLAGS = {
    "msvc": [(["/openmp"], [])],
    "unix": [(["-fopenmp"], ["-fopenmp"]), (["-Xpreprocessor", "-fopenmp"], ["-lomp"])],
}


class BuildExt(build_ext):
    """Adds the compiler's own flags, known only here, and OpenMP where it works."""

    def finalize_options(self):
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def build_extensions(self):
        kind = "msvc" if self.compiler.compiler_type == "msvc" else "unix"
        openmp = self._openmp_flags(OPENMP_FLAGS[kind])
        for extension in self.extensions:
            extension.extra_compile_args += MSVC_FLAGS if kind == "msvc" else GCC_FLAGS
            if kind == "unix" and extension.name == "fastlrelu.dispatch.loops":
                extension.extra_compile_args += GCC_KERNEL_FLAGS
            elif kind == "unix" and extension.name in VECTORISED:
                extension.extra_compile_args += GCC_VECTOR_FLAGS
            elif kind == "unix" and extension.name in SMALL:
                extension.extra_compile_args += GCC_SMALL_FLAGS
            if extension.name == "fastlrelu.threads.region":
                extension.extra_compile_args += openmp[0]
                extension.extra_link_args += openmp[1]
        super().build_extensions()

    def _openmp_flags(self, candidates):
        if os.environ.get("FASTLRELU_OPENMP") == "0":
            self._note_serial("FASTLRELU_OPENMP=0")
            return [], []
        for compile_flags, link_flags in candidates:
            try:
                self._probe_openmp(compile_flags, link_flags)
            except (CompileError, LinkError, OSError, subprocess.SubprocessError) as error:
                reason = error
            else:
                return compile_flags, link_flags
        self._note_serial(f"the OpenMP probe failed: {reason}")
        return [], []

    def _probe_openmp(self, compile_flags, link_flags):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text(OPENMP_PROBE)
            objects = self.compiler.compile([str(source)], output_dir=folder, extra_postargs=compile_flags)
            self.compiler.link_executable(objects, "probe", output_dir=folder, extra_postargs=link_flags)
            subprocess.run([Path(folder, "probe")], check=True, timeout=60)

    def _note_serial(self, reason):
        # Through warn() as well as standard error: pip shows neither without -v, show_config() always does.
        self.warn(f"fastlrelu is built WITHOUT threads: {reason}")


class SDist(sdist):
    """Where SOURCE_DATE_EPOCH is set, the archive depends on the files alone: no times, no owner."""

    def make_archive(self, base_name, format, root_dir=None, base_dir=None, owner=None, group=None):
        epoch = os.environ.get("SOURCE_DATE_EPOCH")
        if epoch is None or format != "gztar":
            return super().make_archive(base_name, format, root_dir, base_dir, owner, group)

        def plain(entry):
            entry.mtime = int(epoch)
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
            return entry

        name = f"{base_name}.tar.gz"
        with (
            open(name, "wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=int(epoch)) as packed,
            tarfile.open(fileobj=packed, mode="w") as archive,
        ):
            archive.add(base_dir, filter=plain)
        return name


headers = sorted(str(path) for path in Path("fastlrelu").rglob("*.h"))
macros = [
    ("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
    ("NPY_TARGET_VERSION", "NPY_2_0_API_VERSION"),
]


def extension(name, *sources):
    return Extension(
        f"fastlrelu.{name}",
        [f"fastlrelu/{name.replace('.', '/')}.pyx", *sources],
        include_dirs=[np.get_include(), "fastlrelu"],
        define_macros=macros,
        depends=headers,
    )


setup(
    ext_modules=cythonize(
        [
            extension("threads.pauses"),
            extension("threads.region"),
            extension("threads.number"),
            extension("threads.choice"),
            extension("dispatch.loops", "fastlrelu/kernels/kernels.c", "fastlrelu/kernels/copies.c"),
            extension("dispatch.memory_order"),
            extension("dispatch.channels"),
            extension("dispatch.exact_sums"),
            extension("dispatch.weight_gradient"),
            extension("ufuncs.registration"),
            extension("calls.elu_gelu"),
            extension("calls.leaky_relu"),
            extension("calls.prelu"),
            extension("calls.prelu_grad"),
            extension("memory.reuse", "fastlrelu/memory/store.c"),
        ],
        language_level=3,
        nthreads=0,
    ),
    cmdclass={"build_ext": BuildExt, "sdist": SDist},
    script_args=sys.argv[1:],
)
